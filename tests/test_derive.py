"""Derivations: the article's formulas come out by themselves, and every printed formula gives backward's numbers."""

import contextlib
import re
import sys
from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, seed, settings, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.derive import derive
from tinygrad_bp.derive.rows import MOST_PATHS
from tinygrad_bp.errors import (
    ArgumentError,
    GraphFreedError,
    MissingExtraError,
    NoGradientError,
    NonScalarBackwardError,
)
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import op_cases

pytest.importorskip("sympy", reason="formulas are simplified by the extra derive")


def leaf(name, shape=(), trainable=True, seed=None):
    values = np.random.default_rng(len(name) + ord(name[0]) if seed is None else seed).normal(size=shape)
    return tg.tensor(values, requires_grad=trainable, name=name)


def article(m=1, loss=tg.binary_cross_entropy, seed=0):
    """The article's network with 7 inputs, by hand; returns C and the tensors by name."""
    rng = np.random.default_rng(seed)
    t = {"X": leaf("X", (7, m), False), "y": tg.tensor(rng.integers(0, 2, (1, m)).astype(float), name="y")}
    for l, (n, k) in enumerate(((2, 7), (1, 2)), 1):
        t |= {f"W{l}": leaf(f"W{l}", (n, k)), f"b{l}": leaf(f"b{l}", (n, 1))}
        before = t["X"] if l == 1 else t["a1"]
        t[f"z{l}"] = (t[f"W{l}"] @ before + t[f"b{l}"]).named(f"z{l}")
        t[f"a{l}"] = tg.sigmoid(t[f"z{l}"]).named(f"a{l}")
    return loss(t["a2"], t["y"]).named("C"), t


def section(derivation, title):
    """The lines under a title."""
    text = f"\n\n{derivation.text}\n\n"
    return [line.strip() for line in text.partition(f"\n\n{title}\n")[2].partition("\n\n")[0].splitlines()]


def last(C, x):
    """The result without its left side and shape."""
    return re.sub(r"   .*", "", section(derive(C, x), "Result")[0]).partition(" = ")[2]


# --- the article ------------------------------------------------------------------------------------------------------


def test_the_article_s_derivation():
    C, t = article()
    assert (
        derive(C, t["W1"]).text
        == """\
Forward
  z1 = W1·X + b1   (2, 1)
  a1 = σ(z1)   (2, 1)
  z2 = W2·a1 + b2   (1, 1)
  a2 = σ(z2)   (1, 1)
  C = −mean(y log a2 + (1 − y) log(1 − a2))

Chain rule
  ∂C/∂W1 = ∂C/∂a2·∂a2/∂z2·∂z2/∂a1·∂a1/∂z1·∂z1/∂W1

Factors
  ∂C/∂a2 = (1 − y)/(1 − a2) − y/a2   (1, 1)
  ∂a2/∂z2 = a2(1 − a2)   (1, 1)
  δ·∂z2/∂a1 = W2ᵀ·δ   (1, 1) → (2, 1)
  ∂a1/∂z1 = a1(1 − a1)   (2, 1)
  δ·∂z1/∂W1 = δ·Xᵀ   (2, 1) → (2, 7)

Put together
  ∂C/∂z2 = ∂C/∂a2 ⊙ ∂a2/∂z2
         = ((1 − y)/(1 − a2) − y/a2) ⊙ a2(1 − a2)
         = a2 − y   (1, 1)
  ∂C/∂a1 = W2ᵀ·∂C/∂z2   (2, 1)
  ∂C/∂z1 = ∂C/∂a1 ⊙ ∂a1/∂z1
         = W2ᵀ·∂C/∂z2 ⊙ a1(1 − a1)   (2, 1)
  ∂C/∂W1 = ∂C/∂z1·Xᵀ   (2, 7)

Result
  ∂C/∂W1 = (W2ᵀ·(a2 − y) ⊙ a1(1 − a1))·Xᵀ   (2, 7)

Every layer
  ∂C/∂z[L] = a[L] − y   L = 2   (1)
  ∂C/∂z[l] = W[l+1]ᵀ·∂C/∂z[l+1] ⊙ a[l](1 − a[l])   for l = 1   (2)
  ∂C/∂W[l] = ∂C/∂z[l]·a[l−1]ᵀ   for l = L … 1; a0 = X   (3)
  ∂C/∂b[l] = ∂C/∂z[l]   for l = L … 1   (4)"""
    )


@pytest.mark.parametrize(("m", "delta"), [(1, "a2 − y"), (5, "(a2 − y)/5")])
def test_cross_entropy_of_a_sigmoid(m, delta):
    C, t = article(m)
    assert last(C, t["z2"]) == delta
    assert last(C, t["b2"]) == (delta if m == 1 else f"Σ ({delta})")
    enclosed = f"({delta})" if m == 1 else delta
    assert last(C, t["W2"]) == f"{enclosed}·a1ᵀ"
    assert r"a_{2} - y" in derive(C, t["W2"]).latex


def test_the_networks_own_graph():
    network = tg.nn.NeuralNetwork([3, 4, 4, 2], seed=0)
    X, Y = np.random.default_rng(0).normal(size=(3, 5)), np.eye(2)[[0, 1, 1, 0, 1]].T
    d = derive(network.cost_graph(X, Y), "W2")
    assert "= (a3 − y)/5" in d.text
    assert section(d, "Every layer") == [
        "∂C/∂z[L] = (a[L] − y)/5   L = 3   (1)",
        "∂C/∂z[l] = W[l+1]ᵀ·∂C/∂z[l+1] ⊙ a[l](1 − a[l])   for l = L−1 … 1   (2)",
        "∂C/∂W[l] = ∂C/∂z[l]·a[l−1]ᵀ   for l = L … 1; a0 = X   (3)",
        "∂C/∂b[l] = Σ ∂C/∂z[l]   for l = L … 1   (4)",
    ]
    assert r"W_{l+1}^{\top} \cdot \frac{\partial C}{\partial z_{l+1}} \odot a_{l}" in d.latex
    assert "<msub><mi>W</mi><mrow><mi>l</mi><mo>+</mo><mn>1</mn></mrow></msub>" in d.html


def by_hand(a, y):
    return -(y * tg.log(a) + (1 - y) * tg.log(1 - a)).mean()


def test_a_cost_by_hand():
    C, t = article(4, by_hand)
    assert last(C, t["z2"]) == "(a2 − y)/4"
    assert section(derive(C, t["z2"]), "Forward")[0] == "x1 = 1 − y   (1, 4)"


def test_a_sigmoid_by_hand():
    z, y = leaf("z", (2, 3)), tg.tensor(np.eye(2, 3), name="y")
    p = (1 / (1 + tg.exp(-z))).named("p")
    d = derive(tg.binary_cross_entropy(p, y), z)
    assert "∂p/∂z = p(1 − p)   (2, 3)" in section(d, "Factors")
    assert last(tg.binary_cross_entropy(p, y), z) == "(p − y)/6"


def test_two_sigmoids_of_the_same_value_are_one():
    z, y = leaf("z", (2, 3)), tg.tensor(np.eye(2, 3), name="y")
    C = -(y * tg.log(tg.sigmoid(z)) + (1 - y) * tg.log(1 - tg.sigmoid(z))).mean()
    assert last(C, z) == "(a1 − y)/6"
    C = -(y * tg.log_sigmoid(z) + (1 - y) * tg.log_sigmoid(-z)).mean()
    assert last(C, z) == "(σ(z) − y)/6"


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda z, y: tg.binary_cross_entropy_with_logits(z, y), "(σ(z) − y)/6"),
        (lambda z, y: tg.mse(z, y), "(z − y)/3"),
        (lambda z, y: tg.mse(tg.tanh(z).named("a"), y), "(a − y)/3 ⊙ (1 − a²)"),
        (lambda z, y: tg.mse(tg.relu(z).named("a"), y), "(a − y)/3 ⊙ [z > 0]"),
        (lambda z, y: tg.mse(tg.softplus(z).named("a"), y), "(a − y)/3 ⊙ σ(z)"),
        (lambda z, y: tg.mae(z, y), "sign(z − y)/6"),
        (lambda z, y: tg.sum(tg.exp(z).named("a")), "a"),
        (lambda z, y: tg.mean((z * 0.123456789).named("a")), "0.123456789/6"),
        (lambda z, y: tg.sum(z.named("u") - y), "1"),
        (lambda z, y: (z @ y.T).sum(), "𝟏·x1ᵀ"),
        (lambda z, y: tg.sum(tg.sqrt(tg.exp(z).named("e")).named("a")), "e/(2a)"),
    ],
)  # fmt: skip
def test_other_losses_and_activations(compute, expected):
    z, y = leaf("z", (2, 3)), tg.tensor(np.eye(2, 3), name="y")
    assert last(compute(z, y).named("C"), z).startswith(expected)


def test_scalars_and_fan_out():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    assert last((x * x).named("h"), x) == "2x"
    assert last(x * tg.exp(-x), x) == "(1 − x)·e^(−x)"
    assert last((x * x + x) * x, x) == "2x + 3x²"
    h = (x * x).named("h")
    d = derive((h * h + 2.0 * h).named("C"), x)
    assert section(d, "Chain rule") == ["∂C/∂x = ∂C/∂h·∂h/∂x"]
    assert section(d, "Result") == ["∂C/∂x = 4x(h + 1)"]


def test_a_number_before_several_terms_is_written_once():
    x, u, v = (tg.tensor(3.0, requires_grad=name == "x", name=name) for name in "xuv")
    assert last(-0.5 * x * u - x * v * 0.5, x) == "−(u + v)/2"
    assert last(-2.0 * x * u - x * v * 2.0, x) == "−2(u + v)"
    assert last(0.5 * x * u - x * v * 0.5, x) == "(u − v)/2"
    assert last(x * u - x * v * 0.5, x) == "u − v/2"


def test_what_acts_directly_and_through_others_too():
    x = tg.tensor([2.0, 3.0], requires_grad=True, name="x")
    u = tg.log(x).named("u")
    d = derive(tg.sum(u * x).named("C"), x)
    assert section(d, "Chain rule") == ["∂C/∂x = u + ∂C/∂u·∂u/∂x"]
    assert "∂C/∂x = u   (2,), directly" in section(d, "Factors")
    assert section(d, "Put together")[-1] == "= u + 1   (2,)"


def residual():
    W, X = leaf("W", (3, 3)), leaf("X", (3, 2), False)
    h = (W @ X).named("h")
    return tg.mse((tg.relu((W @ h).named("u")) + h).named("v"), np.zeros((3, 2))).named("C"), W


def test_residual_connections():
    C, W = residual()
    d = derive(C, W)
    assert section(d, "Chain rule")[0].count(" + ") == 2
    assert "∂C/∂h = ∂C/∂v + Wᵀ·∂C/∂u   (3, 2)" in section(d, "Put together")
    assert d.check() < 1e-14


def test_many_paths_are_counted():
    x = tg.tensor(0.5, requires_grad=True, name="x")
    h = x
    for i in range(5):
        h = (tg.sin(h).named(f"s{i}") * tg.cos(h).named(f"c{i}")).named(f"h{i}")
    d = derive(h, x)
    assert MOST_PATHS < 2**5
    assert section(d, "Chain rule") == ["∂h4/∂x = ∂h4/∂c0·∂c0/∂x + ∂h4/∂s0·∂s0/∂x   32 paths, added up where they meet"]
    assert d.check() < 1e-12


def test_parameters_without_names_get_the_notation_s():
    W, x = tg.tensor(np.ones((2, 2)), requires_grad=True), tg.tensor([[1.0], [2.0]])
    d = derive(tg.sum(tg.tanh(W @ x)), W)
    assert section(d, "Result") == ["∂C/∂w1 = (1 − a1²)·x1ᵀ   (2, 2)"]


def test_a_tanh_by_hand_stays_as_it_is():
    x = leaf("x", (2, 3))
    d = derive(tg.mean(((tg.exp(x) - tg.exp(-x)) / (tg.exp(x) + tg.exp(-x))).named("t")).named("C"), x)
    assert d.check() < 1e-12


@pytest.mark.parametrize(("power", "expected"), [(3, "3x²"), (1.5, "3√x/2"), (2.5, "2.5x^(1.5)"), (-1, "−1/x²")])
def test_powers(power, expected):
    x = tg.tensor([1.0, 4.0], requires_grad=True, name="x")
    d = derive(tg.sum((x**power).named("p")).named("C"), x)
    assert d.check() < 1e-15
    assert last(tg.sum((x**power).named("p")).named("C"), x) == expected


def deep(hidden):
    """The cost of a network of so many hidden layers of three units."""
    network = tg.nn.NeuralNetwork([4, *[3] * hidden, 1], seed=0)
    return network.cost_graph(np.ones((4, 1)), np.ones((1, 1)))


def test_layers_that_are_alike_are_written_once():
    derivation = derive(deep(10), "W2")
    assert derivation.check() < 1e-12
    assert section(derivation, "Forward")[:3] == [
        "z[l] = W[l]·a[l−1] + b[l]   (3, 1)   for l = 2 … 10",
        "a[l] = σ(z[l])   (3, 1)   for l = 2 … 10",
        "z11 = W11·a10 + b11   (1, 1)",
    ]
    assert "δ·∂z[l+1]/∂a[l] = W[l+1]ᵀ·δ   (3, 1) → (3, 1)   for l = 9 … 2" in section(derivation, "Factors")
    assert "= W[l+1]ᵀ·∂C/∂z[l+1] ⊙ a[l](1 − a[l])   (3, 1)   for l = 10 … 2" in section(derivation, "Put together")
    assert len(derivation.text.splitlines()) == len(derive(deep(20), "W2").text.splitlines())
    assert r"z_{l}" in derivation.latex


def test_two_layers_that_are_alike_are_written_out():
    assert "for l = 2 … 3" not in derive(deep(3), "W2").text


@pytest.mark.parametrize(("first", "given"), [("q", "X"), ("q", "a0"), ("z1", "a0"), ("z1", "X")])
def test_the_first_layer_belongs_to_the_rule_if_only_its_input_is_called_otherwise(first, given):
    a = leaf(given, (2, 3), False)
    for l in (1, 2, 3):
        a = tg.tanh((leaf(f"W{l}", (2, 2)) @ a).named(f"z{l}" if l > 1 else first)).named(f"a{l}")
    C = tg.mse(a, np.zeros((2, 3))).named("C")
    rules = section(derive(C, "W2"), "Every layer")
    layers = "L … 2" if first == "q" else "L … 1; a0 = X" if given == "X" else "L … 1"
    assert any(rule.startswith(f"∂C/∂W[l] = ∂C/∂z[l]·a[l−1]ᵀ   for l = {layers}   (") for rule in rules)


# --- too long ---------------------------------------------------------------------------------------------------------


def test_a_long_formula_is_cut_at_a_symbol():
    x = tg.tensor(0.5, requires_grad=True, name="x")
    h = x
    for i in range(30):
        h = (tg.sin(h) * h).named(f"h{i}")
    d = derive(h, x)
    lines = d.text.splitlines()
    assert max(map(len, lines[: lines.index("Chain rule")])) < 60
    assert max(map(len, section(d, "Put together"))) < 250
    assert d.steps[-1].closed.template.count("partial") == 2
    assert d.check() < 1e-12


def test_a_value_of_many_ops_without_names_is_not_written_out():
    x = tg.tensor(np.full(2, 0.5), requires_grad=True, name="x")
    y = (x * 1.0).named("y")
    h = y
    for _ in range(50):
        h = tg.sin(h) + h * 0.5
    d = derive(tg.sum(h.named("h")).named("C"), x)
    assert "∂h/∂y = ∂h/∂y   (2,)" in section(d, "Factors")
    assert section(d, "Result") == ["∂C/∂x = ∂h/∂y   (2,)"]
    h = W = leaf("W", (2, 2))
    for _ in range(50):
        h = tg.flip(h * 1.5) + h * 0.5
    d = derive(tg.sum(h.named("h") * 2.0).named("C"), W)
    assert "δ·∂h/∂W = δ·∂h/∂W   (2, 2) → (2, 2)" in section(d, "Factors")


# --- every printed formula is checked ---------------------------------------------------------------------------------


FUNCTIONS = {
    "σ": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh, "softplus": lambda x: np.logaddexp(x, 0),
    "mean": np.mean, "log": np.log, "sign": np.sign, "arctan": np.arctan,
}  # fmt: skip


class Printed:
    """Evaluates formulas as they are printed; knows the notation, nothing of how the library computes."""

    TOKEN = re.compile(r"∂[A-Za-z]\d*/∂[A-Za-z]\d*|Σ|[a-zσ]+(?=\()|[A-Za-zσδ]\d*|\d+(?:\.\d+)?|\S")

    def __init__(self, values):
        self.values = values

    def __call__(self, text):
        self.tokens = self.TOKEN.findall(text)
        value = self.comparison()
        assert not self.tokens, (text, self.tokens)
        return value

    def next_is(self, *tokens):
        return bool(self.tokens) and self.tokens[0] in tokens

    def comparison(self):
        left = self.sum()
        if self.next_is(">"):
            self.tokens.pop(0)
            return (left > self.sum()) * 1.0
        return left

    def sum(self):
        sign = -1.0 if self.next_is("−") and self.tokens.pop(0) else 1.0
        total = sign * self.hadamard()
        while self.next_is("+", "−"):
            sign = 1.0 if self.tokens.pop(0) == "+" else -1.0
            total = total + sign * self.hadamard()
        return total

    def hadamard(self):
        factors = [self.product()]
        while self.next_is("⊙"):
            self.tokens.pop(0)
            factors.append(self.product())
        return reduce(np.multiply, factors)

    def product(self):
        value = self.juxtaposed()
        while self.next_is("·", "/"):
            if self.tokens.pop(0) == "/":
                value = value / self.power()
            else:
                other = self.juxtaposed()
                value = value @ other if np.ndim(value) and np.ndim(other) else value * other
        return value

    def juxtaposed(self):
        if self.next_is("Σ"):
            self.tokens.pop(0)
            return np.sum(self.product(), axis=1, keepdims=True)
        value = self.power()
        while self.tokens and re.match(r"[(\[A-Za-zσ∂]", self.tokens[0]):
            value = value * self.power()
        return value

    def power(self):
        value = self.atom()
        while self.next_is("²", "ᵀ"):
            value = value**2 if self.tokens.pop(0) == "²" else value.T
        return value

    def atom(self):
        token = self.tokens.pop(0)
        if token in "([":
            value = self.comparison()
            assert self.tokens.pop(0) in ")]"
            return value
        if token in FUNCTIONS and self.next_is("("):
            return FUNCTIONS[token](self.atom())
        return float(token) if token[0].isdigit() else self.values[token]


LOSSES = {
    "cross-entropy": (tg.binary_cross_entropy, tg.sigmoid),
    "by hand": (by_hand, tg.sigmoid),
    "logits": (tg.binary_cross_entropy_with_logits, tg.identity),
    "squares": (tg.mse, tg.tanh),
    "absolute": (tg.mae, tg.identity),
}


def network(widths, activation, m, loss, seed):
    """C, and the values by name, of a network with random weights."""
    rng = np.random.default_rng(seed)
    cost, at_end = LOSSES[loss]
    t = {"X": tg.tensor(rng.normal(size=(widths[0], m)), name="X")}
    a = t["X"]
    for l, (k, n) in enumerate(pairwise(widths), 1):
        W = tg.tensor(rng.normal(size=(n, k)), requires_grad=True, name=f"W{l}")
        b = tg.tensor(rng.normal(size=(n, 1)), requires_grad=True, name=f"b{l}")
        z = (W @ a + b).named(f"z{l}")
        a = (activation if l < len(widths) - 1 else at_end)(z).named(f"a{l}")
        t |= {f"W{l}": W, f"b{l}": b, f"z{l}": z, f"a{l}": a}
    t["y"] = tg.tensor(rng.integers(0, 2, size=a.shape).astype(float), name="y")
    t["C"] = cost(a, t["y"]).named("C")
    return t["C"], t


def swept(C, t):
    """Values and gradients under the names that formulas have for them."""
    trained = {name: value for name, value in t.items() if value.requires_grad and name != "C"}
    for value in trained.values():
        value.retain_grad()
    C.backward(retain_graph=True)
    values = {name: value.data for name, value in t.items()}
    return values | {f"∂C/∂{name}": value.grad for name, value in trained.items()}


def require_equal(got, expected, about):
    expected = np.asarray(expected)
    scale = max(np.abs(expected).max(), 1e-300)
    assert np.abs(np.broadcast_to(got, expected.shape) - expected).max() <= 1e-9 * scale, about


ARCHITECTURES = st.lists(st.integers(1, 4), min_size=2, max_size=5)
ACTIVATIONS = st.sampled_from([tg.sigmoid, tg.tanh, tg.relu, tg.softplus, tg.arctan, tg.identity])


@settings(max_examples=25, deadline=None)
@given(ARCHITECTURES, ACTIVATIONS, st.integers(1, 4), st.sampled_from(sorted(LOSSES)), st.integers(0, 10**6))
@example([7, 2, 1], tg.sigmoid, 1, "cross-entropy", 0)
@example([3, 4, 4, 2], tg.tanh, 3, "by hand", 1)
def test_every_printed_formula_gives_the_gradient(widths, activation, m, loss, seed):
    C, t = network(widths, activation, m, loss, seed)
    values, whole = swept(C, t), derive(C, t["W1"])
    evaluate = Printed(values)
    for name in t:
        if f"∂C/∂{name}" not in values:
            continue
        d = replace(whole, node=whole.graph[name])
        assert d.check() < 1e-9
        for title in ("Put together", "Result"):
            left = ""
            for line in section(d, title):
                formula = re.sub(r"   .*", "", line)
                left, right = (left, formula[2:]) if formula[0] == "=" else formula.split(" = ", 1)
                right = without_links(right, values, t)
                require_equal(evaluate(right), values[left], f"{left} = {right}")
        require_true_factors(section(d, "Factors"), values)
        require_true_rules(section(d, "Every layer"), values)


def without_links(text, values, t):
    """∂C/∂a ⊙ ∂a/∂z is no formula yet: the gradient it stands for."""
    return re.sub(r"∂C/∂\w+ ⊙ ∂\w+/∂(\w+)", r"∂C/∂\1", text)


def require_true_factors(lines, values):
    """In a chain each link turns the gradient of its end into that of its beginning."""
    for line in lines:
        left, right = re.sub(r"   .*", "", line).split(" = ")
        end, source = re.fullmatch(r"(?:δ·)?∂(\w+)/∂(\w+)", left).groups()
        g = 1.0 if end == "C" else values[f"∂C/∂{end}"]
        local = Printed(values | {"δ": g})(right)
        require_equal(local if left[0] == "δ" else g * local, values[f"∂C/∂{source}"], line)


def require_true_rules(lines, values):
    """The general equation for each of its layers."""
    last = max([int(name[5:]) for name in values if re.fullmatch(r"∂C/∂z\d+", name)], default=0)
    for i, line in enumerate(lines, 1):
        equation, layers, number = re.fullmatch(r"(.*?)   (?:for l|L) = ([^;]*?)(?:;.*)?   \((\d)\)", line).groups()
        assert int(number) == i
        first, _, end = layers.replace("L−1", str(last - 1)).replace("L", str(last)).partition(" … ")
        for l in range(int(end or first), int(first) + 1):
            written = equation.replace("[L]", f"{l}").replace("[l]", f"{l}")
            written = written.replace("[l+1]", f"{l + 1}").replace("[l−1]", f"{l - 1}").replace("[L−1]", f"{l - 1}")
            left, right = written.split(" = ")
            require_equal(Printed(values | {"a0": values["X"]})(right), values[left], written)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_check_knows_the_precision(dtype):
    x = tg.tensor(np.linspace(0.1, 2, 5, dtype=dtype), requires_grad=True, name="x")
    d = derive(tg.mean(tg.sigmoid(x).named("a") ** 2), x)
    assert d.check() <= np.finfo(dtype).eps * 16


def test_a_simplification_that_is_wrong_here_is_not_printed():
    z, y = tg.tensor([[1000.0]], requires_grad=True, name="z"), tg.tensor([[0.0]], name="y")
    C = tg.binary_cross_entropy(tg.sigmoid(z).named("a"), y).named("C")  # a saturates: backward() gives 0, not a − y
    assert "a − y" not in derive(C, z).text


def test_infinite_and_undefined_gradients_are_no_obstacle():
    x = tg.tensor([0.0, 4.0], requires_grad=True, name="x")
    assert last(tg.sum(tg.sqrt(x).named("r")), x) == "0.5/r"
    with np.errstate(divide="ignore", invalid="ignore"):
        C = tg.sum(tg.log(x - 4.0).named("r")).named("C")
    assert derive(C, x).check() == 0.0


def test_hooks_that_change_gradients_are_found():
    C, t = article()
    t["z1"].register_hook(lambda g: 2 * g)
    with pytest.raises(ArgumentError, match=r"does not give the gradient of .* that backward"):
        derive(C, t["W1"])


# --- the object -------------------------------------------------------------------------------------------------------


def test_notebooks_show_it():
    C, t = article()
    d = derive(C, t["W2"])
    assert str(d) == d.text
    assert d._repr_latex_() == f"$\\displaystyle {d.latex}$"
    assert d.latex.count(r"\left(") == d.latex.count(r"\right)") > 0
    assert d.html in d._repr_html_()
    assert d.html.count("<math") == d.html.count("</math>") > 10


def test_names_are_data():
    x = tg.tensor([1.0], requires_grad=True, name="<b>&_{")
    d = derive(tg.sum(x * x).named("C"), x)
    assert "<b>" not in d.html
    assert r"\mathrm{<b>\&\_\{}" in d.latex
    assert "<b>&_{" in d.text


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numbers_of_every_float_format(dtype):
    W = tg.tensor(np.array([[0.3, -2.0]], dtype), requires_grad=True, name="W1")
    X, y = tg.tensor(np.array([[1.0], [2.0]], dtype), name="X"), tg.tensor(np.array([[1.0]], dtype), name="y")
    z = (W @ X).named("z1")
    C = tg.binary_cross_entropy(tg.sigmoid(tg.maximum(z, 0.1 * z)), y).named("C")
    assert derive(C, W).check() <= np.finfo(dtype).eps ** 0.6
    assert "0.1z1" in derive(C, W).text


def test_gradients_that_are_0_but_for_rounding():
    W, b, X, y = leaf("W1", (2, 3)), leaf("b1", (2, 1)), leaf("X", (3, 5), False), leaf("y", (2, 5), False)
    z = (W @ X + b).named("z1")
    C = tg.mse(tg.tanh(z - tg.mean(z, axis=1, keepdims=True)), y).named("C")
    assert derive(C, b).check() < 1e-9
    assert derive(C, W).check() < 1e-9


def test_targets_by_name():
    C, t = article()
    assert derive(C, "W1").text == derive(C, t["W1"]).text
    with pytest.raises(ArgumentError, match=r"C \(\) depends on nothing named 'W9': .*there are"):
        derive(C, "W9")


@pytest.mark.parametrize(
    ("C", "x", "kind", "message"),
    [
        (2.0, leaf("x"), ArgumentError, "expected a tensor; got float"),
        (leaf("x", (2,)) * 2, leaf("x"), NonScalarBackwardError, r"is one number; got tensor \(2,\)"),
        (tg.sum(leaf("x", (2,), False)), leaf("x"), NoGradientError, "requires a gradient"),
        (tg.sum(leaf("x", (2,))).named("C"), leaf("w", (3,)), ArgumentError, r"C \(\) does not depend on w \(3,\)"),
        (tg.sum(leaf("x", (2,))).named("C"), 3, ArgumentError, "a tensor or a name to derive for; got int"),
    ],
)
def test_mistakes_are_named(C, x, kind, message):
    with pytest.raises(kind, match=message):
        derive(C, x)


def test_more_mistakes_are_named():
    C, t = article()
    with pytest.raises(NoGradientError, match=r"no gradient of C \(\) flows to X \(7, 1\)"):
        derive(C, t["X"])
    with pytest.raises(ArgumentError, match="for itself is 1"):
        derive(C, C)
    h = t["W1"]
    for i in range(301):
        h = tg.sin(h).named(f"h{i}")
    with pytest.raises(ArgumentError, match=r"at most 300 values .* has 303"):
        derive(tg.sum(h), t["W1"])
    C.backward()
    with pytest.raises(GraphFreedError):
        derive(C, t["W1"])


def test_without_sympy_the_chain_rule_remains(monkeypatch):
    C, t = article()
    monkeypatch.setitem(sys.modules, "sympy", None)
    d = derive(C, t["W2"])
    assert section(d, "Chain rule") == ["∂C/∂W2 = ∂C/∂a2·∂a2/∂z2·∂z2/∂W2"]
    assert "= ((1 − y)/(1 − a2) − y/a2) ⊙ a2(1 − a2)   (1, 1)" in section(d, "Put together")
    assert "a2 − y" not in d.text
    assert section(d, "Note") == ["Not simplified: " + str(tg.errors.missing_extra("sympy", "derive"))]
    assert r"\text{Not simplified" in d.latex
    assert "tinygrad_bp[derive]" in d.html
    assert issubclass(MissingExtraError, ImportError)


# --- every op ---------------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("name", sorted(OPS))
@seed(0)
@settings(max_examples=max(1, settings.default.max_examples // 50), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_op_is_derived_from_inputs_without_names(name, data):
    case = data.draw(op_cases(OPS[name]), label="case")
    trainable = [i for i, x in enumerate(case.inputs) if x.dtype.kind == "f" and x.size]
    inputs = [tg.tensor(x, requires_grad=i in trainable) for i, x in enumerate(case.inputs)]
    with np.errstate(all="ignore"):
        y = case.function(*inputs)
        if not (y.requires_grad and y.dtype.kind == "f" and np.isfinite(C := tg.sum(y)).all()):
            return
        for x in [inputs[i] for i in trainable]:
            with contextlib.suppress(NoGradientError):  # no cotangent flows to a condition or an index
                d = derive(C, x)
                assert d.text.endswith(d.text.rpartition("\n")[2])
                assert "‹" not in d.text + d.latex + d.html
                assert len(repr(d)) < 120


@pytest.mark.parametrize(
    "f",
    [
        tg.gradient,
        tg.layer_norm,
        lambda x: tg.layer_norm(x, x[0], x[1]),
        lambda x: tg.concatenate([x, x, 2 * x]),
        lambda x: tg.stack([x] * 7),
        lambda x: tg.stack([x]),
        lambda x: tg.broadcast_to(x, (2, 3, 4)),
        lambda x: tg.grad(lambda x: tg.sum(x**3))(x),
    ],
)
def test_functions_made_of_ops_are_derived_from_inputs_without_names(f):
    x = tg.tensor(np.random.default_rng(0).normal(size=(3, 4)), requires_grad=True)
    y = f(x)
    parts = y if isinstance(y, list | tuple) else [y]
    C = tg.sum(tg.stack([tg.sum(part * np.cos(np.arange(part.size)).reshape(part.shape)) for part in parts]))
    d = derive(C, x)
    assert d.check() < 1e-9
    assert "‹" not in d.text + d.latex + d.html


def test_the_repr_is_one_line():
    C, _ = article()
    assert repr(derive(C, "W1")) == "<Derivation of ∂C/∂W1: 5 equations>"


def test_numbers_without_a_name_do_not_shift_the_others():
    w, x = tg.tensor(3.0), leaf("x", (2,))
    assert repr(derive(tg.sum(w * x * x).named("C"), x)) == "<Derivation of ∂C/∂x: 3 equations>"


def test_real_values_on_the_way_through_complex_ones():
    v = leaf("v", (3,))
    w = (tg.exp(v) * (2 + 1j)).named("w")
    C = tg.sum(tg.abs(tg.fft.fft(w)) ** 2).named("C")
    assert last(C, v).startswith("Re ")  # of the product, as the real part of a product is no product of real parts
    v = leaf("v", (3,))
    derive(tg.sum(tg.real((v * 1j + 1) ** 2 * (v * 1j))).named("C"), v)


def test_a_number_that_becomes_an_array_and_is_simplified():
    x = leaf("x")
    C = tg.sum(tg.ravel(tg.sigmoid(x)) * np.ones(1)).named("C")
    assert last(C, x) == "k1·a1·(1 − a1)"


def test_large_integers_meet_arrays_of_truths():
    v, mask = leaf("v", (2, 2)), tg.asarray([[True, False], [True, True]])
    u = tg.tanh(v) * 0.882
    masked = u * mask
    derive(tg.sum(masked - tg.erfinv(u) * masked).named("C"), v)
