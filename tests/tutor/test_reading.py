"""What cannot be read says where; nothing that is typed is run."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_bp as tg
from tests.tutor.networks import tutor
from tinygrad_bp.errors import AnswerError
from tinygrad_bp.tutor.evaluation import Misfit, evaluate
from tinygrad_bp.tutor.reading import read
from tinygrad_bp.tutor.terms import written

pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")

UNREADABLE = [
    ("", 0, "expected a value, a number or '('; got the end"),
    ("a1 +", 4, "got the end"),
    ("(a1 - y", 7, "expected ')' that closes the one at 1; got the end"),
    ("a1 - y)", 6, "expected an operator or the end; got ')'"),
    ("a1 * * y", 5, "expected a value"),
    ("W9 @ dz2", 0, "'W9' is no value of this graph: did you mean W"),
    ("a1 # y", 3, "'#' is no part of an answer"),
    ("∂C/∂q7", 0, "∂C/∂q7: there are"),
    ("∂C/∂X", 0, "no gradient of X"),
    ("da1 * ∂a1/∂z1", 6, "write out what this derivative is"),
    ("da1 * da1/dz1", 6, "write out what this derivative is"),
    ("sum(dz2, axis=y)", 14, "axis is a whole number"),
    ("sum(dz2, axis=7)", 14, "axis is a whole number"),
    ("sum(dz2, keepdims=maybe)", 18, "is no value of this graph"),
    ("sum(dz2, keepdims=5)", 18, "keepdims is True or False"),
    ("exp(dz2, 1)", 9, "exp takes one operand"),
    ("np.dot(W2.T)", 11, "expected ',' and another operand of dot"),
    ("dot W2", 4, "expected '(' after dot"),
    ("a1.foo(2)", 2, ".foo is not known here"),
    ("∂C/∂z2 = dz2", 0, "asked for is ∂C/∂z1"),
    ("a1 = a1", 3, "expected an operator or the end"),
    ("a1 if z1 > 0", 12, "expected 'else'"),
    ("a1.where(a1, y)", 2, ".where is not known here"),
    ("|a1", 3, "expected '|'"),
]


@pytest.mark.parametrize(("answer", "start", "message"), UNREADABLE)
def test_an_error_says_where(answer, start, message):
    verdict = tutor("batch").check("z1", answer)
    assert not verdict.right
    assert verdict.mistake == "unreadable"
    assert message in verdict.message
    assert verdict.where[0] == start
    assert verdict.where[1] > start or start == len(answer)


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "open('/etc/passwd').read()",
    "exec(a1)",
    "eval('1')",
    "lambda: 0",
    "a1.__class__",
    "a1.tofile('x')",
    "np.load('x')",
    "np.fromfile(a1)",
    "[a1 for a1 in y]",
    "a1; y",
    "a1\nimport os",
    "{a1}",
    "a1 := y",
    "9**9**9**9**9",
    "a1**(10**9)",
    "2**1e300",
    "(" * 500 + "a1" + ")" * 400,
    "(" * 200 + "a1" + ")" * 200,
    "-" * 900 + "a1",
    "sum(" * 100 + "a1" + ")" * 100,
    "2^" * 200 + "2",
    "a1" * 600,
    "√" * 500 + "a1",
    "\x00",
    "a1 \ud800",
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_nothing_hostile_is_run(answer):
    assert tutor("batch").check("z1", answer).mistake == "unreadable"


def test_a_product_too_large_is_not_computed():
    w = tg.tensor(np.ones((20_000, 1)), requires_grad=True, name="w")
    teacher = tg.tutor((w**2).sum().named("C"))
    with pytest.raises(Misfit, match="more than 4000000 elements"):
        evaluate(read("w @ w.T @ w", teacher.known), teacher.runs[0])
    assert not teacher.check("w", "w @ w.T @ w").right


@given(st.text(alphabet="a1z2W3dyXm()[]+-*/@·⊙ᵀ.T²^,=Σ√|∂C σ0.5e", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text):
    known = tutor("one").known
    with contextlib.suppress(AnswerError):
        assert read(written(read(text, known, "z1", 1)), known) is not None
    where = tutor("one").check("z1", text).where
    assert where is None or 0 <= where[0] <= len(text)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("W2.T @ dz2 * a1*(1-a1)", "W2ᵀ·∂C/∂z2 ⊙ a1 ⊙ (1 − a1)"),
        ("a1 ⊙ W2ᵀ·dz2", "a1 ⊙ W2ᵀ·∂C/∂z2"),
        ("1/2a1(1 - a1)", "(1/2)(a1)(1 − a1)"),
        ("-a1^2", "−a1^2"),
        ("log a1²", "log(a1^2)"),
        ("a1 - (y - a1)", "a1 − (y − a1)"),
        ("(a1 @ W2).T", "(a1·W2)ᵀ"),
        ("np.sum(dz2, axis=1, keepdims=True)", "sum(∂C/∂z2, axis=1, keepdims=True)"),
        ("np.sum(dz2)", "np.sum(∂C/∂z2)"),
        ("[z1 > 0]", "z1 > 0"),
        ("5ᵀ", "5ᵀ"),
        ("2*np.where(z1 > 0, 1, 0.01)", "2 ⊙ (1 if z1 > 0 else 0.01)"),
    ],
)
def test_how_a_text_is_read(typed, shown):
    assert written(read(typed, tutor("batch").known)) == shown
