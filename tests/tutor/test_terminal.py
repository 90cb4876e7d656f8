"""The tutor in a terminal."""

import pytest

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.tutor.terminal import run

pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")


def session(*answers, **options):
    """What is asked and said, with these answers typed; then the input ends."""
    said, given = [], iter(answers)

    def ask(prompt):
        said.append(prompt)
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    return run(**options, ask=ask, say=said.append), "\n".join(said)


def test_exercises_one_after_the_other():
    right, said = session(
        "(a2 - y)/m", "", "dz2 @ a1", "dz2 @ a1.T", "?", "sum(dz2)", "!", "W2.T @ dz2 * a1 * (1 - a1)", "q"
    )
    assert right == 4
    assert "  z2 (1, 4) = W2·a1 + b2" in said
    assert "a1 has to be transposed here." in said
    assert "what arrives has the shape (1, 4), what leaves has (1, 1)." in said
    assert "∂C/∂a1 = W2ᵀ·∂C/∂z2" in said
    assert said.endswith("4 of 8 right.")


def test_the_end_of_the_input_ends_it():
    assert session(layers=[2, 1], examples=1)[0] == 0
    assert session("a1 - y", layers=[2, 1], examples=1)[0] == 1


def test_a_batch_has_examples():
    with pytest.raises(ArgumentError, match="examples is a whole number from 1 on; got 0"):
        run(examples=0)
