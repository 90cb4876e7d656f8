"""Right answers in every notation; what a derivation prints is one of them, and what is changed in it is not."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import tinygrad_bp as tg
from tests.tutor.networks import network_cost, tutor
from tinygrad_bp.derive.show import Notation
from tinygrad_bp.draw.layered_svg import drawn
from tinygrad_bp.draw.svg import styled
from tinygrad_bp.errors import ArgumentError, GraphFreedError, NoGradientError, NonScalarBackwardError
from tinygrad_bp.tutor.evaluation import Misfit, evaluate, matches, readings
from tinygrad_bp.tutor.reading import read
from tinygrad_bp.tutor.terms import Term, replaced, walk, written

pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")

RIGHT = [
    ("batch", "z3", "(a3 - y)/m"),
    ("batch", "z3", "(a3 − y)/5"),
    ("batch", "z3", "1/m (a3 - y)"),
    ("batch", "z3", "1/m(y' - y)"),
    ("batch", "z3", "(ŷ − y) / m"),
    ("batch", "z3", "-(y - a3)/m"),
    ("batch", "z3", "(a^[3] - y)/m"),
    ("batch", "z3", "0.2*(sigmoid(z3) - y)"),
    ("batch", "z3", "2e-1 * (σ(z3) − y)"),
    ("batch", "z3", "∂C/∂z3 = (a3 − y)/m"),
    ("batch", "z3", "dz3 = a3/m - y/m"),
    ("batch", "z3", "da3 * a3 * (1 - a3)"),
    ("batch", "a3", "((1 − y)/(1 − a3) − y/a3)/m"),
    ("batch", "a3", "-(y/a3 - (1-y)/(1-a3))/m"),
    ("batch", "z2", "W3.T @ dz3 * a2 * (1 - a2)"),
    ("batch", "z2", "W3ᵀ·dz3 ⊙ a2(1−a2)"),
    ("batch", "z2", "W3^T @ ∂C/∂z3 ⊙ (a2 − a2²)"),
    ("batch", "z2", "W_3ᵀ·dC/dz_3 ⊙ a₂ ⊙ (1 − a₂)"),
    ("batch", "z2", "W[3]ᵀ·∂C/∂z[3] ⊙ a[2](1 − a[2])"),
    ("batch", "z2", "W3'·δ3 ⊙ a2 ⊙ (1 - a2)"),
    ("batch", "z2", "np.dot(W3.T, dz3) * a2 * (1 - a2)"),
    ("batch", "z2", "W3.T.dot(dz3) * a2 * (1 - a2)"),
    ("batch", "z2", "np.multiply(np.matmul(W3.transpose(), dz3), a2 - a2**2)"),
    ("batch", "z2", "a2*(1-a2)*(transpose(W3) @ dz3)"),
    ("batch", "z2", "da2 * σ(z2) * (1 - σ(z2))"),
    ("batch", "z2", "da2 × a2 × (1 - a2)"),
    ("batch", "z2", "(dz3.T @ W3).T * a2 * (1 - a2)"),
    ("batch", "z2", "W3.T @ (a3 - y) / m * a2 * (1 - a2)"),
    ("batch", "z2", "da2 / (exp(-z2) + 2 + e^z2)"),
    ("batch", "W3", "dz3 @ a2.T"),
    ("batch", "W3", "(a2 @ dz3.T).T"),
    ("batch", "W1", "dz1 @ a0.T"),
    ("batch", "W1", "∂C/∂z1·Xᵀ"),
    ("batch", "b2", "sum(dz2)"),
    ("batch", "b2", "Σ dz2"),
    ("batch", "b2", "Σ ∂C/∂z2"),
    ("batch", "b2", "∑(dz2)"),
    ("batch", "b2", "np.sum(dz2, axis=1, keepdims=True)"),
    ("batch", "b2", "np.sum(dz2, 1, keepdims=True)"),
    ("batch", "b2", "dz2.sum(axis=-1, keepdims=True)"),
    ("batch", "b2", "m * mean(dz2)"),
    ("batch", "b3", "np.sum(dz3)"),
    ("batch", "b3", "mean(a3 - y)"),
    ("tanh", "z1", "W2.T @ dz2 * (1 - a1**2)"),
    ("tanh", "z1", "W2ᵀ·dz2 ⊙ (1 − tanh(z1)^2)"),
    ("tanh", "z1", "W2ᵀ·dz2 ⊙ (1 − a1)(1 + a1)"),
    ("relu", "z1", "W2.T @ dz2 * (z1 > 0)"),
    ("relu", "z1", "W2ᵀ·∂C/∂z2 ⊙ [z1 > 0]"),
    ("relu", "z1", "W2ᵀ·∂C/∂z2 ⊙ (0 < a1)"),
    ("leaky", "z1", "da1 * np.where(z1 > 0, 1, 0.01)"),
    ("leaky", "z1", "∂C/∂a1 ⊙ (1 if z1 > 0 else 0.01)"),
    ("rows", "z2", "dz3 @ W3.T * a2 * (1 - a2)"),
    ("rows", "W2", "a1.T @ dz2"),
    ("rows", "b2", "np.sum(dz2, axis=0, keepdims=True)"),
    ("squares", "z1", "(a1 - y) * a1 * (1 - a1)"),
    ("ways", "x", "e^x (sin(x) + cos x + 1)"),
    ("ways", "x", "dh ⊙ h + h ⊙ cos(x)"),
    ("squares", "W1", "np.outer(dz1, x)"),
    ("squares", "a1", "a1 - y"),
    ("squares", "W1", "(a1 - y) * a1 * (1 - a1) @ x.T"),
    ("one", "W1", "(W2ᵀ·(W3ᵀ·(a3 − y) ⊙ a2(1 − a2)) ⊙ a1(1 − a1))·Xᵀ"),
    ("one", "b1", "∂C/∂z1"),
]


@pytest.mark.parametrize(("network", "name", "answer"), RIGHT)
def test_a_right_answer_is_right_in_any_notation(network, name, answer):
    verdict = tutor(network).check(name, answer)
    assert verdict.right, str(verdict)
    assert verdict.where is verdict.edge is verdict.correction is verdict.mistake is None


NETWORKS = st.fixed_dictionaries(
    {
        "widths": st.lists(st.integers(1, 4), min_size=2, max_size=4),
        "activation": st.sampled_from(["sigmoid", "tanh", "relu", "softplus", "leaky_relu"]),
        "m": st.integers(1, 4),
        "seed": st.integers(0, 10_000),
        "rows": st.booleans(),
    }
)
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(NETWORKS)
@SLOW
def test_what_a_derivation_prints_is_right(network):
    teacher = tg.tutor(network_cost(**network))
    notation = Notation(teacher.graph)
    for exercise in teacher.exercises:
        assert teacher.check(exercise.name, teacher.solution(exercise.name)).right, teacher.solution(exercise.name)
        closed = next(step.closed for step in teacher.everything if step.node.name == exercise.name)
        if closed is not None:
            assert teacher.check(exercise.name, notation.plain(closed.template)).right, notation.plain(closed.template)


def mutations(term):
    """Every tree with one part changed: transposed, negated, doubled, with its operands turned round, without one."""
    for place, part in walk(term):
        yield replaced(term, place, Term("T", (part,)))
        yield replaced(term, place, Term("−", (part,)))
        yield replaced(term, place, Term("*", (Term("number", label=2.0), part)))
        if part.kind == "number":
            yield replaced(term, place, replace(part, label=part.label + 1))
        if len(part.parts) > 1:
            yield replaced(term, place, replace(part, parts=part.parts[::-1]))
            yield replaced(term, place, part.parts[0])
            yield replaced(term, place, part.parts[1])


@given(NETWORKS, st.data())
@SLOW
def test_a_changed_answer_is_right_only_if_its_value_is(network, data):
    teacher = tg.tutor(network_cost(**network))
    exercise = data.draw(st.sampled_from(teacher.exercises))
    right = read(teacher.solution(exercise.name), teacher.known, exercise.name, teacher.m)
    changed = data.draw(st.sampled_from([*mutations(right)]))
    again = read(written(changed), teacher.known, exercise.name, teacher.m)
    verdict = teacher.check(exercise.name, written(changed))
    values = [evaluated(reading, teacher.runs[0]) for reading in readings(again)]
    truth = teacher.graph[exercise.name].gradient_data
    if verdict.right:
        assert any(value is not None and matches(value, truth) for value in values)
    elif verdict.correction is not None:
        assert teacher.check(exercise.name, verdict.correction).right


def evaluated(term, run):
    """The value of a tree; None where shapes do not fit."""
    try:
        return evaluate(term, run)
    except Misfit:
        return None


@given(NETWORKS, st.data())
@SLOW
def test_what_is_written_is_read_as_the_same_tree(network, data):
    teacher = tg.tutor(network_cost(**network))
    exercise = data.draw(st.sampled_from(teacher.exercises))
    right = read(teacher.solution(exercise.name), teacher.known, exercise.name, teacher.m)
    changed = data.draw(st.sampled_from([right, *mutations(right)]))
    for run in teacher.runs:
        old = evaluated(changed, run)
        new = evaluated(read(written(changed), teacher.known), run)
        assert (old is None) == (new is None), written(changed)
        assert old is None or np.allclose(old, new, equal_nan=True), written(changed)


# --- not by accident --------------------------------------------------------------------------------------------------


def test_an_answer_that_is_right_for_these_numbers_only_is_wrong():
    x = tg.tensor(2.0, requires_grad=True, name="x")
    teacher = tg.tutor((x * x).named("C"))
    assert teacher.check("x", "2x").right
    for accident in ("x*x", "4", "x + 2", "x**2", "8/x"):
        assert not teacher.check("x", accident).right, accident


def test_ones_and_zeros_hide_nothing():
    x, w = tg.tensor(1.0, requires_grad=True, name="x"), tg.tensor(1.0, name="w")
    teacher = tg.tutor(((w * x) * (w * x)).named("C"))
    assert teacher.check("x", "2w²x").right
    for accident in ("2x", "2w*x", "2w**2*x**2", "2"):
        assert not teacher.check("x", accident).right, accident


def test_inputs_that_depend_on_each_other_stay():
    w, x = tg.tensor([1.0, 2.0], name="w"), tg.tensor([0.5, 0.7], requires_grad=True, name="x")
    teacher = tg.tutor(((w * w) * x + w).sum().named("C"))  # w * w is an array of its own
    assert teacher.check("x", "w²").right
    s = tg.tensor(3.0, name="s")
    teacher = tg.tutor((s * s * x * s).sum().named("C"))  # s * s a plain number
    assert teacher.check("x", "s³").right


def test_runs_stay_where_functions_are_defined():
    x = tg.tensor(0.95, requires_grad=True, name="x")
    teacher = tg.tutor(tg.arctanh(x).named("C"))
    assert all(abs(run.values["x"]) < 1 for run in teacher.runs)
    assert len(teacher.runs) == 3
    assert teacher.check("x", "1/(1 - x²)").right


def test_a_factor_before_all_of_it():
    x, w = tg.tensor(1.5, requires_grad=True, name="x"), tg.tensor(0.5, name="w")
    teacher = tg.tutor(((w * x) ** 2).named("C"))
    assert teacher.check("x", "2w² * |x|").right
    verdict = teacher.check("x", "w²·x")
    assert verdict.mistake == "wrong number"
    assert "the answer is 0.5 times what it should be" in verdict.message
    assert teacher.check("x", verdict.correction).right
    assert teacher.m is None
    assert "m, the number of examples, is not known" in teacher.check("x", "w*w*x*m").message
    assert "has no axis 1" in teacher.check("x", "cos(np.sum(w, axis=1))").message
    assert "is no product of matrices: one of them is a number" in teacher.check("x", "cos(w @ 3)").message


def test_targets_stay_targets():
    values = [run.values["y"] for run in tutor("batch").runs]
    assert len(values) == 3
    assert set(np.unique(values[0])) <= {0.0, 1.0}
    assert all(np.all((y > 0) & (y < 1)) for y in values[1:])
    z = tg.tensor(np.ones((2, 3)), requires_grad=True, name="z1")
    y = tg.tensor([[1.0, 0, 0], [0, 0, 1]], name="y")
    C = -(y * tg.log(tg.softmax(z).named("a1"))).sum() / 2
    teacher = tg.tutor(C.named("C"))
    assert all(np.all(run.values["y"].sum(axis=1) == 1) for run in teacher.runs)
    assert teacher.check("z1", "(a1 - y)/2").right


def test_a_gradient_that_follows_from_the_answer_is_no_answer():
    for answer in ("dz1", "∂C/∂z1 + 0", "2dz1/2"):
        verdict = tutor("one").check("z1", answer)
        assert not verdict.right
        assert "is what is asked for" in verdict.message
    verdict = tutor("one").check("z1", "db1")  # with one example they are the same
    assert not verdict.right
    assert "follows from what is asked for" in verdict.message


# --- the tutor --------------------------------------------------------------------------------------------------------


def test_exercises_go_from_the_cost_back():
    teacher = tutor("batch")
    assert " ".join([exercise.name for exercise in teacher.exercises]) == "z3 a3 W3 b3 a2 z2 W2 b2 a1 z1 W1 b1"
    assert teacher.exercises[0].question == "∂C/∂z3"
    assert str(teacher.exercises[2]) == "∂C/∂W3   (1, 2)"
    assert repr(teacher) == "<Tutor of C: 12 exercises>"
    assert "<li><code>∂C/∂z3   (1, 5)</code></li>" in teacher._repr_html_()


def test_a_hint_does_not_give_the_answer_away():
    teacher = tutor("batch")
    hint = teacher.hint("z2")
    assert "∂C/∂z2 = ∂C/∂a2 ⊙ ∂a2/∂z2" in hint
    for exercise in teacher.exercises:
        answer = teacher.solution(exercise.name).partition(" = ")[2]
        assert answer not in teacher.hint(exercise.name)


def test_a_verdict_shows_itself():
    verdict = tutor("batch").check("z2", "W3 @ dz3 * a2*(1-a2)")
    assert not verdict
    assert str(verdict) == "W3 @ dz3 * a2*(1-a2)\n^^\nW3 has to be transposed here."
    words, _, picture = verdict._repr_html_().partition("<div>")
    assert words == "<p><code><u>W3</u> @ dz3 * a2*(1-a2)</code></p><p>✗ W3 has to be transposed here.</p>"
    assert picture == f"{verdict.picture._repr_svg_()}</div>"
    assert repr(verdict) == "<wrong: W3 has to be transposed here.>"
    names = {node.name for node in verdict.picture.graph.nodes}
    assert {"a2", "z3"} <= names
    assert "X" not in names
    assert "a2 → z3" in verdict.picture.dot
    right = tutor("batch").check("z2", "W3.T @ dz3 * a2*(1-a2)")
    assert right
    assert right.picture is None
    assert "<svg" not in right._repr_html_()
    assert "<u>" not in right._repr_html_()


def test_two_mistakes_are_said_to_be_two():
    verdict = tutor("batch").check("W2", "dz2 * a1")
    assert verdict.message.startswith("Two things are wrong. The first: ")
    assert tutor("batch").check("W2", verdict.correction).right


def test_how_far_an_answer_is_right():
    verdict = tutor("batch").check("z1", "cos(y) + exp(W2.T @ dz2)")
    assert verdict.message.startswith("W2.T @ dz2 is right so far: it is ∂C/∂a1")


def test_shapes_are_shown_where_nothing_else_is_known():
    verdict = tutor("batch").check("z1", "cos(W2) @ exp(W1) @ y")
    verdict_of_choice = tutor("batch").check("z1", "cos((W2 if z1 > 0 else y))")
    assert "the shapes (2, 3), (3, 5) and (1, 5) do not fit together" in verdict_of_choice.message
    assert "(2, 4) · y (1, 5) is no product of matrices: 4 ≠ 1" in verdict.message


def test_names_of_layers_have_dots():
    rng = np.random.default_rng(0)
    model = tg.nn.Sequential(tg.nn.Linear(4, 3, seed=0), tg.nn.Tanh(), tg.nn.Linear(3, 2, seed=1))
    x, y = tg.tensor(rng.normal(size=(6, 4)), name="X"), tg.tensor(rng.normal(size=(6, 2)), name="y")
    teacher = tg.tutor(tg.mse(model(x), y).named("C"))
    assert teacher.m == 6
    assert teacher.check("z1", "dz2·layers.2.Wᵀ ⊙ (1 − a1²)").right
    assert teacher.check("z1", "dz2 @ layers.2.W * (1 - a1**2)").mistake == "missing transposition"
    assert teacher.check("z1", "dz2 @ layers.0.W.T * (1 - a1**2)").mistake == "wrong layer"
    assert teacher.check("layers.0.b", "Σ dz1").right
    assert teacher.check("layers.0.b", "np.sum(dz1, axis=0)").right


def test_a_formula_that_no_answer_can_say():
    rng = np.random.default_rng(0)
    W, X = (
        tg.tensor(rng.normal(size=(4, 3)), requires_grad=True, name="W1"),
        tg.tensor(rng.normal(size=(6, 4)), name="X"),
    )
    z = (X @ W).named("z1")
    teacher = tg.tutor(tg.softmax_cross_entropy(z, np.array([0, 1, 2, 1, 1, 0])).named("C"))
    verdict = teacher.check("z1", "softmax(z1)/m")
    assert not verdict.right
    assert verdict.edge == ("z1", "C")
    assert teacher.check("W1", "Xᵀ·dz1").right
    assert teacher.check("W1", "dz1·Xᵀ").mistake == "order of a product"


def test_a_cost_by_another_name():
    w = tg.tensor([[1.0, 2.0]], requires_grad=True, name="W1")
    x = tg.tensor([[1.0], [3.0]], name="x")
    teacher = tg.tutor(tg.tanh((w @ x).named("z1")).sum().named("loss"))
    assert teacher.exercises[0].question == "∂loss/∂z1"
    assert teacher.check("W1", "∂loss/∂z1·xᵀ").right
    assert "∂loss/∂z1" in teacher.check("W1", "z1 @ x.T").message


def test_what_there_is_no_tutor_for():
    x = tg.tensor(2.0, requires_grad=True, name="x")
    with pytest.raises(ArgumentError, match="expected a tensor"):
        tg.tutor(3)
    with pytest.raises(NoGradientError):
        tg.tutor(tg.tensor(1.0) * 2)
    with pytest.raises(NonScalarBackwardError):
        tg.tutor(x * [1.0, 2.0])
    with pytest.raises(ArgumentError, match="at most 100000 numbers"):
        tg.tutor((tg.tensor(np.ones(200_000), requires_grad=True, name="w") ** 2).sum())
    C = x * x
    C.backward()
    with pytest.raises(GraphFreedError):
        tg.tutor(C)
    with pytest.raises(ArgumentError, match="there is no exercise 'z9'\\. Choose one of z3, a3"):
        tutor("batch").check("z9", "1")
    with pytest.raises(ArgumentError, match="an answer is text; got int"):
        tutor("batch").check("z1", 1)


def lit(svg):
    """The texts at the edges of a picture that stand out."""
    groups = [group for group in ElementTree.fromstring(svg).iter() if " lit" in group.get("class", "")]
    return ["".join(group.itertext()).replace("\n", "") for group in groups]


@pytest.mark.parametrize(
    ("network", "name", "answer", "factor"),
    [
        ("batch", "z2", "W3 @ dz3 * a2*(1-a2)", "∂z3/∂a2"),
        ("batch", "b2", "dz2", "∂z2/∂b2"),
        ("batch", "z3", "a3 - y", "∂C/∂a3"),
        ("ways", "h", "sin(x)", "∂C/∂h"),
    ],
)
def test_the_edge_of_the_wrong_factor_is_lit(network, name, answer, factor):
    picture = tutor(network).check(name, answer).picture
    scene = picture._scene
    count = 2 if network == "ways" else 1  # C has h in it twice
    for svg in (picture.svg, styled(drawn(scene), scene)):
        said = lit(svg)
        assert len(said) == count
        assert all(factor in text for text in said)
    assert picture.dot.count("penwidth=4") == count
    assert picture.mermaid.count("stroke-width:4px") == 1


def test_no_other_picture_has_an_edge_lit():
    picture = tg.draw(tutor("batch").graph)
    assert lit(picture.svg) == []
    assert ".lit" not in picture.svg
