"""The checker for anybody's functions: faults of fourteen kinds and students' mistakes are found and named."""

import numpy as np
import pytest
from hypothesis import settings

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import GradientError, check_grad, check_gradients, check_vjp

SEEDS = range(min(20, settings.default.max_examples // 10))
pytest_plugins = ["pytester"]

# --- the article's network by hand, and what students write ---


def forward(p, X):
    z1 = p["W1"] @ X + p["b1"]
    a1 = np.tanh(z1)
    z2 = p["W2"] @ a1 + p["b2"]
    return z1, a1, z2, 1 / (1 + np.exp(-z2))


def cost(p, X, Y):
    a2 = forward(p, X)[3]
    return -np.mean(Y * np.log(a2) + (1 - Y) * np.log(1 - a2))


def slope(a, mistake):
    """tanh's derivative from its value, or what is written in its place."""
    wrong = {"forgotten slope": 1.0, "slope of the value": 1 - np.tanh(a) ** 2, "sigmoid's slope": a * (1 - a)}
    return wrong.get(mistake, 1 - a**2)


def backward(p, X, Y, mistake=""):
    """The gradient of the cost, with a mistake if one is named."""
    m = X.shape[1]
    _, a1, z2, a2 = forward(p, X)
    dz2 = (Y - a2 if mistake == "sign" else a2 - Y) / (1 if mistake == "no mean" else m)
    if mistake == "slope of the last layer once more":
        dz2 = dz2 * a2 * (1 - a2)
    dW2 = (dz2 * z2 if mistake == "z for a" else dz2) @ a1.T
    W2 = p["W2"] - 0.5 * dW2 if mistake == "updated before it is used" else p["W2"]
    dz1 = (W2.T @ dz2) * slope(a1, mistake)
    dW1, db1 = dz1 @ X.T, dz1.sum(axis=1, keepdims=True)
    if mistake == "transposed":
        dW1 = dW1.T
    if mistake == "summed over the layer":
        db1 = np.full_like(db1, db1.sum())
    db2 = dz2.sum(axis=1, keepdims=True) * (m if mistake == "no mean of a bias" else 1)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}, p["W1"].T @ dz1, None


MISTAKES = {
    "sign": "Its sign is wrong",
    "slope of the last layer once more": "",
    "forgotten slope": "",
    "slope of the value": "",
    "sigmoid's slope": "",
    "no mean": "is a mean over 6 missing",
    "transposed": "It is transposed",
    "summed over the layer": "It is summed over axis 0",
    "z for a": "",
    "no mean of a bias": "is a mean over 6 missing",
    "updated before it is used": "",
}
"""What is wrong, and the words for it where it has any."""


def network(seed):
    random = np.random.default_rng(seed)
    p = {"W1": random.normal(size=(3, 4)), "b1": random.normal(size=(3, 1)), "W2": random.normal(size=(1, 3))}
    p["b2"] = random.normal(size=(1, 1))
    return p, random.normal(size=(4, 6)), random.integers(0, 2, (1, 6))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_students_mistake_is_found(mistake):
    for seed in SEEDS:
        p, X, Y = network(seed)
        with pytest.raises(GradientError, match=r"backward: the gradient") as caught:
            check_grad(cost, lambda p, X, Y: backward(p, X, Y, mistake), p, X, Y, name="backward", shrink=seed == 0)
        assert MISTAKES[mistake] in str(caught.value)


@pytest.mark.parametrize("mode", ["finite differences", "complex step"])
def test_the_right_gradient_raises_no_alarm(mode):
    for seed in SEEDS:
        p, X, Y = network(seed)
        check_grad(cost, backward, p, X, Y, mode=mode)


# --- fourteen kinds of faults in the gradient of one function ---


def f(A, x, s):
    return np.tanh(A @ x + s) * A.sum()


def vjp(g, A, x, s):
    y = np.tanh(A @ x + s)
    d = g * (1 - y**2) * A.sum()
    return np.outer(d, x) + np.sum(g * y), A.T @ d, np.sum(d)


def only(index, change):
    def at(d):
        d = d.copy()
        d[index] = change(d[index])
        return d

    return at


FAULTS = {
    "scale": (0, lambda d: d * 1.001, "It is 1.001 times what it should be"),
    "sign": (0, lambda d: -d, "Its sign is wrong"),
    "transposed": (0, lambda d: d.T, "It is transposed"),
    "averaged": (1, lambda d: d / 3, "3 times too small"),
    "not averaged": (1, lambda d: d * 3, "3 times too large"),
    "summed over an axis": (0, lambda d: np.broadcast_to(d.sum(0), d.shape), "It is summed over axis 0"),
    "averaged over an axis": (0, lambda d: np.broadcast_to(d.mean(1, keepdims=True), d.shape), "averaged over axis 1"),
    "one entry": (0, only((1, 2), lambda v: 3 * v + 1), "Only the entry (1, 2) is wrong"),
    "one row": (0, only(1, lambda v: v * 2), "Only entries with index 1 on axis 0"),
    "zero": (1, np.zeros_like, "It is 0 everywhere"),
    "reversed": (1, lambda d: d[::-1], "It is reversed along axis 0"),
    "shifted": (1, lambda d: d + 0.01, "It is too large by 0.01 everywhere"),
    "not summed": (2, lambda d: np.full(3, d / 3), "It is not summed over axis 0"),
    "NaN": (1, lambda d: d * np.nan, "It is NaN or infinite"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_and_named(kind):
    which, change, words = FAULTS[kind]

    def wrong(g, *xs):
        parts = list(vjp(g, *xs))
        parts[which] = change(np.asarray(parts[which]))
        return tuple(parts)

    for seed in SEEDS:
        random = np.random.default_rng(seed)
        A, x, s = random.normal(size=(3, 3)), random.normal(size=3), random.normal()
        with pytest.raises(GradientError, match="wrong: the gradient") as caught:
            check_vjp(f, wrong, A, x, s, seed=seed, shrink=False)
        assert words in str(caught.value)
        assert caught.value.input == which
        check_vjp(f, vjp, A, x, s, seed=seed)


def test_ties_are_named():
    with pytest.raises(GradientError, match="at exact ties"):
        check_grad(np.max, lambda x: 1.5 * (x == x.max()), np.array([1.0, 3.0, 3.0]), shrink=False)
    check_grad(np.max, lambda x: (x == x.max()) / np.sum(x == x.max()), np.array([1.0, 3.0, 3.0]))


# --- the rest of what is checked ---


def square(x):
    return np.sum(x * x)


def test_the_smallest_inputs_are_found():
    def wrong(x):
        return 2 * x + 1.0 * (x > 2)

    with pytest.raises(GradientError, match=r"smallest inputs with this fault: x = array\(\[\[2\.5\]\]\)") as caught:
        check_grad(square, wrong, np.array([[0.31, 1.52], [3.14, 0.44], [0.1, 2.5]]))
    assert "Only entries are wrong whose input is above 1.52." in str(caught.value)


def test_several_outputs_and_nested_inputs():
    def g(tree, x):
        return {"sum": tree["a"] + x, "product": (tree["a"] * x, x[0])}

    def back(d, tree, x):
        both, (product, first) = d["sum"], d["product"]
        return {"a": both + product * x}, both + product * tree["a"] + np.array([first, 0.0])

    tree, x = {"a": np.array([1.0, 2.0])}, np.array([3.0, -1.0])
    check_vjp(g, back, tree, x)
    with pytest.raises(GradientError, match=r"tree\['a'\]"):
        check_vjp(g, lambda d, tree, x: ({"a": d["sum"]}, back(d, tree, x)[1]), tree, x)


def test_derivatives_of_every_order():
    cube = [
        lambda x: 3 * x**2,
        lambda x: np.diag(6 * x),
        lambda x: 6.0 * np.einsum("ij,jk->ijk", *[np.eye(x.size)] * 2),
    ]
    x = np.array([1.0, -2.0, 0.5])
    check_grad(lambda x: np.sum(x**3), cube, x)
    with pytest.raises(GradientError, match="order 3"):
        check_grad(lambda x: np.sum(x**3), [*cube[:2], lambda x: 2 * cube[2](x)], x)
    check_gradients(lambda x: tg.sum(tg.sin(x) * x), x, order=4)


def test_an_order_above_two_is_really_checked(replaced):
    """cos has the right derivative, which cannot be differentiated: that is the third derivative of sin."""

    def rule(moving, y, x):
        return -moving * tg.sin(x.detach()) if isinstance(x, tg.Tensor) else -moving * np.sin(x)

    with replaced(OPS["cos"], vjps=(rule,), jvps=(rule,)):
        check_gradients(tg.sin, np.array([0.3]), order=2)
        with pytest.raises(GradientError, match="derivative 3"):
            check_gradients(tg.sin, np.array([0.3]), order=3)


def test_randomness_is_found():
    random = np.random.default_rng(0)
    with pytest.raises(GradientError, match="the function gives other numbers"):
        check_grad(lambda x: np.sum(x) + random.normal(), lambda x: np.ones_like(x), np.ones(2))
    with pytest.raises(GradientError, match="the derivative gives other numbers"):
        check_grad(np.sum, lambda x: x * 0 + random.normal(), np.ones(2))


def test_writing_to_an_input_is_found():
    def gradient(x):
        d = 2 * x
        x[...] = np.sort(x)
        return d

    with pytest.raises(GradientError, match="other numbers"):
        check_grad(square, gradient, np.array([2.0, 1.0]))

    def in_place(x):
        x[...] = np.abs(x)
        return 2 * np.array([-1.0, 1.0])

    with pytest.raises(GradientError, match="x was written to"):
        check_grad(square, in_place, np.array([-1.0, 1.0]))


def test_the_value_is_held_against_a_reference():
    check_grad(square, lambda x: 2 * x, np.ones(2), reference=2.0)
    check_grad(square, lambda x: 2 * x, np.ones(2), reference=lambda x: np.dot(x, x))
    with pytest.raises(GradientError, match=r"value of the function: expected .*3.* the reference"):
        check_grad(square, lambda x: 2 * x, np.ones(2), reference=3.0)


def test_inputs_that_must_be_refused():
    def f(x):
        if x.ndim != 1:
            raise ValueError(x)
        return np.sum(x)

    def grad(x):
        return f(x) * 0 + np.ones_like(x)

    check_grad(f, grad, np.ones(2), raising=[(np.ones((2, 2)),)])
    with pytest.raises(GradientError, match="the derivative should refuse"):
        check_grad(f, np.ones_like, np.ones(2), raising=[(np.ones((2, 2)),)])


def test_mistakes_in_the_call_are_named():
    with pytest.raises(ShapeError, match=r"one number; got .* Use check_vjp"):
        check_grad(np.sin, np.cos, np.ones(2))
    with pytest.raises(ArgumentError, match="mode is one of"):
        check_grad(np.sum, np.ones_like, np.ones(2), mode="forward")
    with pytest.raises(ArgumentError, match="complex inputs"):
        check_grad(np.sum, np.ones_like, np.ones(2) * 1j)
    with pytest.raises(GradientError, match="expected a tuple of 2"):
        check_grad(lambda a, b: a @ b, lambda a, b: b, np.ones(2), np.ones(2))


def test_single_precision_has_a_tolerance_of_its_own():
    def f(x):
        return np.sum(np.sin(x.astype(np.float32)))

    check_grad(f, np.cos, np.array([0.5, 1.5]))
    with pytest.raises(GradientError):
        check_grad(f, lambda x: 1.01 * np.cos(x), np.array([0.5, 1.5]))


def test_the_picture_shows_what_the_gradient_goes_through():
    def f(W, x):
        return np.sum(np.tanh(W @ x))

    with pytest.raises(GradientError) as caught:
        check_grad(f, lambda W, x: (W, W.T @ (1 - np.tanh(W @ x) ** 2)), np.ones((2, 3)), np.full(3, 0.2))
    picture = caught.value.picture
    assert "its gradient is wrong" in picture.svg
    assert {mark.fill for mark in picture.options.marked.values()} == {"removed"}  # the palette's red
    assert caught.value._repr_svg_() is not None
    marked = {picture.graph[identity].name for identity in picture.options.marked}
    assert "W" in marked
    assert "x" not in marked


def test_other_libraries_functions():
    torch = pytest.importorskip("torch")

    def f(x):
        return torch.sum(torch.tanh(torch.as_tensor(x)) ** 2)

    def grad(x):
        t = torch.tensor(x, requires_grad=True)
        f(t).backward()
        return t.grad

    check_grad(f, grad, np.array([0.2, -1.0, 3.0]))


def test_the_marker_of_pytest(pytester):
    pytester.makeconftest('pytest_plugins = ["tinygrad_bp.testing.marker"]')
    pytester.makepyfile(
        """
        import numpy as np
        import pytest
        import tinygrad_bp as tg

        @pytest.fixture
        def x():
            return np.array([1.0, 2.0])

        @pytest.mark.gradcheck
        def test_tensors(x):
            return lambda x: tg.sum(x * x), x

        @pytest.mark.gradcheck(grad=lambda x: 2 * x)
        def test_by_hand(x):
            return lambda x: np.sum(x * x), x

        @pytest.mark.gradcheck(grad=lambda x: x)
        def test_wrong(x):
            return lambda x: np.sum(x * x), x

        @pytest.mark.gradcheck(vjp=lambda g, x: g * 2 * x)
        def test_product(x):
            return lambda x: x * x, x

        @pytest.mark.gradcheck
        def test_nothing():
            pass

        def test_usual():
            pass
        """
    )
    result = pytester.runpytest("-p", "no:xdist", "-p", "no:randomly", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["*is a factor missing*", "*returns a function and its inputs*"])
