"""Derivatives print as the rule that computes them, in the article's notation."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.formula import (
    binding,
    derivative,
    expression,
    fill,
    latex_name,
    plain,
    slot,
    symbol,
    trace,
    with_names,
)
from tinygrad_bp.formula.notation import ATOM, COMPARISON, POWER, PREFIX, PRODUCT, SUM, number, template
from tinygrad_bp.registry import OPS


def leaf(shape=(), name="x", value=2.0):
    return tg.tensor(np.full(shape, value), requires_grad=True, name=name)


def formulas(y):
    return [d.formula for d in y.local_derivatives]


def test_matmul_prints_the_article_s_products():
    W, a = leaf((2, 7), "W2"), leaf((7, 5), "a1")
    assert formulas(W @ a) == ["δ·a1ᵀ", "W2ᵀ·δ"]
    assert [d.latex for d in (W @ a).local_derivatives] == [
        r"\delta \cdot a_{1}^{\top}",
        r"W_{2}^{\top} \cdot \delta",
    ]


def test_sigmoid_prints_in_terms_of_its_output():
    assert formulas(tg.sigmoid(leaf((2, 3), "z1")).named("a1")) == ["a1(1 − a1)"]


def test_cross_entropy_prints_without_its_guards():
    a, y = leaf((1, 1), "a2", 0.5), tg.tensor([[1.0]], name="y")
    assert formulas(tg.binary_cross_entropy(a, y)) == ["(1 − y)/(1 − a2) − y/a2", "log(1 − a2) − log a2"]
    a, y = leaf((1, 4), "a2", 0.5), tg.tensor(np.ones((1, 4)), name="y")
    assert formulas(tg.binary_cross_entropy(a, y))[0] == "((1 − y)/(1 − a2) − y/a2)/4"


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda x, t: x + t, ["1", "1"]),
        (lambda x, t: x - t, ["1", "−1"]),
        (lambda x, t: x * t, ["t", "x"]),
        (lambda x, t: x / t, ["1/t", "−y/t"]),
        (lambda x, t: x**t, ["t·x^(t − 1)", "y·log x"]),
        (lambda x, t: x**2, ["2x", "y·log x"]),
        (lambda x, t: 3 * x, ["x", "3"]),
        (lambda x, t: -x, ["−1"]),
        (lambda x, t: tg.exp(x), ["y"]),
        (lambda x, t: tg.log(x), ["1/x"]),
        (lambda x, t: tg.tanh(x), ["1 − y²"]),
        (lambda x, t: tg.relu(x), ["[x > 0]"]),
        (lambda x, t: tg.sum(x), ["1"]),
    ],
)
def test_of_numbers_the_derivative_itself_is_printed(compute, expected):
    assert formulas(compute(leaf(), leaf(name="t", value=3.0))) == expected


def test_broadcasting_prints_a_sum():
    assert formulas(leaf((2, 5), "z") + leaf((2, 1), "b")) == ["1", "Σ δ"]


def test_sizes_are_part_of_the_formula():
    assert formulas(tg.mean(leaf((4,)))) == ["1/4"]
    assert formulas(tg.mean(leaf((5,)))) == ["1/5"]
    assert formulas(leaf((2, 3)).sum(axis=0)) == ["spread(δ)"]


def test_unnamed_tensors_get_letters():
    x = tg.tensor(2.0, requires_grad=True)
    assert formulas(x * tg.tensor(3.0, name="y")) == ["y", "x0"]
    assert formulas(tg.exp(tg.tensor(1.0, requires_grad=True, name="y"))) == ["u"]


def test_a_condition_carries_no_gradient():
    y = tg.where(np.array([True, False]), leaf((2,)), leaf((2,), "t"))
    condition = y.local_derivatives[0]
    assert condition.formula == "0"
    assert condition.jvp([1.0, 1.0]).tolist() == [0, 0]
    assert condition.vjp([1.0, 1.0]).tolist() == [0, 0]


def test_an_untraceable_rule_falls_back_to_the_symbol(monkeypatch):
    monkeypatch.setattr(trace, "_derivatives", {})
    y = tg.exp(leaf((3,)))

    def refuse(*_):
        raise TypeError

    y.op = replace(y.op, derivatives=(refuse,))
    assert derivative(y, 0) is None
    assert formulas(y) == ["∂y/∂x"]


def test_the_cache_stays_bounded(monkeypatch):
    monkeypatch.setattr(trace, "_derivatives", {})
    monkeypatch.setattr(trace, "_CACHE_LIMIT", 2)
    for n in range(1, 6):
        derivative(tg.mean(leaf((n,))), 0)
    assert len(trace._derivatives) <= 2


@pytest.mark.parametrize(
    "record", [op for op in OPS.values() if op.derivatives and "f" in op.domain.kinds], ids=lambda op: op.name
)
def test_every_elementwise_rule_prints(record):
    kinds = record.domain.kinds
    inputs = []
    for i in range(len(record.derivatives)):
        low, high = record.domain.intervals[min(i, len(record.domain.intervals) - 1)]
        value = np.full((2,), low + (high - low) * 0.7)
        kind = kinds[min(i, len(kinds) - 1)]
        if kind == "f":
            inputs.append(tg.tensor(value, requires_grad=True, name="abc"[i]))
        else:
            inputs.append(value.astype(bool if kind == "b" else int))
    params = record.domain.params(*[(2,)] * len(inputs))[0]
    y = record.call(*inputs, **params)
    for d in y.local_derivatives:
        assert d.formula
        assert "∂" not in d.formula, "the rule could not be traced"
        assert "‹" not in d.formula + d.latex
        assert "\\" not in d.formula


# --- numbers of a local derivative ------------------------------------------------------------------------------------


def test_jacobian_vjp_and_jvp_agree():
    rng = np.random.default_rng(0)
    W, x = (tg.tensor(rng.normal(size=s), requires_grad=True) for s in ((2, 3), (3, 4)))
    g, t = rng.normal(size=(2, 4)), rng.normal(size=(2, 3))
    d = (W @ x).local_derivatives[0]
    J = d.jacobian()
    assert J.shape == (2, 4, 2, 3)
    np.testing.assert_allclose(d.vjp(g), np.tensordot(g, J, 2))
    np.testing.assert_allclose(d.jvp(t), np.tensordot(J, t, 2))
    assert d.parent is W
    assert d.elementwise is None


def test_vjp_sums_over_broadcast_axes():
    d = (leaf((2, 3)) * leaf((3,), "t")).local_derivatives[1]
    assert d.vjp(np.ones((2, 3))).tolist() == [4, 4, 4]
    assert d.elementwise.shape == (2, 3)


# --- expressions ------------------------------------------------------------------------------------------------------


def test_expression_stops_at_names():
    a, b = leaf(name="a"), leaf(name="b")
    s = a * b
    y = (s + 1.5e-7) ** 2
    assert plain(expression(y, {a.number: "a", b.number: "b"})) == "(a·b + 1.5·10⁻⁷)²"
    assert plain(expression(y, {s.number: "s"})) == "(s + 1.5·10⁻⁷)²"
    assert plain(expression(y, {})) == "(2² + 1.5·10⁻⁷)²"


def test_expression_of_a_deep_graph():
    x = leaf()
    y = x
    for _ in range(500):
        y = -y
    assert len(expression(y, {x.number: "x"})) > 500


def test_forward_formulas_are_what_was_written_rules_are_simplified():
    x = leaf()
    y = tg.where(x == 0, 1.0, x) * 1.0
    names = {x.number: "x"}
    assert plain(expression(y, names)) == "1(1 if x = 0 else x)"
    assert plain(expression(y, names, of_rule=True)) == "x"
    assert plain(expression(x * 0.0 + x / 1.0, names, of_rule=True)) == "0 + x"
    assert plain(expression(tg.maximum(1e-308, x), names, of_rule=True)) == "x"
    assert plain(expression(tg.maximum(x, 3.0), names, of_rule=True)) == "max(x, 3)"
    assert plain(expression(tg.where(x > 0, x, 0.5), names, of_rule=True)) == "(x if x > 0 else 0.5)"


def test_constants_say_what_they_are():
    for value, text in ((1 / 3, "1/3"), (0.1, "0.1"), (0.3337, "0.3337"), (np.float32(1 / 210), "1/210")):
        assert plain(trace.constant(value)) == text
    assert plain(trace.constant(np.arange(3)[:, None])) == "(0 … 2)"
    assert plain(trace.constant(np.arange(4).reshape(2, 2))) == "const"


def test_the_gradient_of_a_cross_entropy_is_that_of_the_textbook():
    z = leaf((5, 3), "z")
    C = tg.softmax_cross_entropy(z, tg.tensor(np.zeros(5, int), name="labels"))
    assert formulas(C)[0] == "(softmax(z) − [labels = (0 … 2)])/5"
    z = leaf((7, 3), "z")
    C = tg.softmax_cross_entropy(z, tg.tensor(np.zeros(7, int), name="labels"))
    assert formulas(C)[0] == "(softmax(z) − [labels = (0 … 2)])/7"


def test_unit_fractions_are_written_as_such():
    assert formulas(tg.cbrt(leaf())) == ["1/(3y²)"]
    assert formulas(tg.hard_sigmoid(leaf())) == ["[|x| < 3]/6"]


def test_an_index_that_only_adds_axes_is_not_written():
    x = leaf((3,))
    assert [plain(expression(y, {x.number: "x"})) for y in (x[:, None], x[..., None], x[None], x[::-1])] == [
        "x", "x", "x", "x_i",
    ]  # fmt: skip


def test_arrays_without_a_name_are_constants():
    assert plain(expression(leaf((2,)) + np.ones(2), {})) == "const + const"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2.0, "2"), (-0.5, "-0.5"), (True, "1"), (1e-9, r"1 \cdot 10^{-9}"), (1 + 2j, "1+2j"), (1 / 3, "0.3333")],
)
def test_numbers(value, expected):
    assert number(value) == expected


# --- notation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("a > b", COMPARISON),
        ("a - b", SUM),
        ("-a", SUM),
        (r"a \cdot b", PRODUCT),
        (r"\log a", PREFIX),
        (r"\max(a, b)", ATOM),
        (r"\sum (a)", PREFIX),
        ("a^{2}", POWER),
        (r"\frac{a + b}{c}", ATOM),
        ("(a + b)", ATOM),
        (r"\sigma(a + b)", ATOM),
    ],
)
def test_binding(latex, expected):
    assert binding(latex) == expected


@pytest.mark.parametrize(
    ("pattern", "operands", "expected"),
    [
        ("{0} + {1}", ["a", "-b"], "a - b"),
        ("{0} - {1}", ["a", "b + c"], "a - (b + c)"),
        ("{0} - {1}", ["a - b", "c"], "a - b - c"),
        (r"{0} \cdot {1}", ["a + b", r"c \cdot d"], r"(a + b) \cdot c \cdot d"),
        (r"\frac{{0}}{{1}}", ["a + b", "1 - c"], r"\frac{a + b}{1 - c}"),
        ("{0}^{{1}}", ["a + b", "c - 1"], "(a + b)^{c - 1}"),
        ("e^{{0}}", ["a + b"], "e^{a + b}"),
        (r"\sum {0}", ["a + b"], r"\sum (a + b)"),
        (r"{0}^{\top}", [r"a^{2}"], r"(a^{2})^{\top}"),
        (r"{0} \odot {1}", ["a", "b > 0"], r"a \odot [b > 0]"),
        ("{0} > {1}", ["a + 1", "b > 0"], "a + 1 > [b > 0]"),
        (
            r"({1} \text{ if } {0} \text{ else } {2})",
            ["c > 0", "a + b", "d"],
            r"(a + b \text{ if } c > 0 \text{ else } d)",
        ),
    ],
)
def test_fill_puts_parentheses_where_they_are_needed(pattern, operands, expected):
    assert fill(template(pattern), dict(zip("012", operands, strict=False))) == expected


def test_slots_not_given_stay():
    assert fill("‹0› + ‹1›", {"0": "a"}) == "a + ‹1›"
    assert with_names("‹n0› + ‹n1›", {"n0": "a"}) == "a + n1"
    assert slot("g") == "‹g›"


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{\frac{a}{b}}{c + d}", "a/b/(c + d)"),
        (r"\frac{a}{\frac{b}{c}}", "a/(b/c)"),
        (r"\frac{a}{b}^{2}", "(a/b)²"),
        (r"\log \frac{a}{b}", "log(a/b)"),
        (r"a \odot \frac{-b}{c}", "a(−b/c)"),
        (r"\sqrt{a + b}", "√(a + b)"),
        (r"\sqrt a", "√a"),
        (r"\overline{(a - b)^2}", "mean((a − b)²)"),
        (r"\lvert x \rvert", "|x|"),
        (r"\operatorname{relu}(z)", "relu(z)"),
        (r"x_{i}^{k}", "x_i^k"),
        (r"{a}", "a"),
        (r"\sinh(x)", "sinh(x)"),
        (r"W_{2}^{\top} \cdot (\delta \odot a)", "W2ᵀ·(δ ⊙ a)"),
        (symbol("a + b", r"\frac{c}{d}"), "∂(a + b)/∂(c/d)"),
    ],
)
def test_plain_text(latex, expected):
    assert plain(latex) == expected


@given(st.text(max_size=20))
def test_no_name_can_become_a_latex_command(name):
    latex = latex_name(name)
    inner = re.sub(r"\\(backslash |hat\{\}|sim |[{}$&#%_])", "", latex.removeprefix(r"\mathrm{").removesuffix("}"))
    assert "\\" not in inner
    assert not set(inner) & set("$&#%~^{}") or re.fullmatch(r"[A-Za-z]_\{\d+\}", latex)


@given(
    st.recursive(st.sampled_from(["a", "b", "2"]), lambda e: st.tuples(st.sampled_from("+-*^/"), e, e), max_leaves=8)
)
def test_what_is_printed_means_what_was_computed(tree):
    """Python reads the LaTeX of +, −, · and ^ back to the value that the tree has."""
    latex = {"+": "{0} + {1}", "-": "{0} - {1}", "*": r"{0} \cdot {1}", "/": r"\frac{{0}}{{1}}", "^": "{0}^{{1}}"}

    def write(node):
        return (
            node
            if isinstance(node, str)
            else fill(template(latex[node[0]]), {"0": write(node[1]), "1": write(node[2])})
        )

    def nested(node):
        if isinstance(node, str):
            return node
        return f"({nested(node[1])}){ {'^': '**'}.get(node[0], node[0]) }({nested(node[2])})"

    def python(text):
        previous = None
        while previous != text:
            previous = text
            text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
            text = re.sub(r"\^\{([^{}]*)\}", r"**(\1)", text)
        return text.replace(r"\cdot", "*")

    def value(source):
        try:
            result = eval(source, {"a": 1.5, "b": 0.7})
        except (ZeroDivisionError, OverflowError):
            return None
        return result if isinstance(result, float | int) else abs(result)

    expected = value(nested(tree))
    if expected is not None:
        assert value(python(write(tree))) == pytest.approx(expected, rel=1e-6, abs=1e-9)
