"""Slices stay slices: what is written for indices that hold no arrays, and for assignments."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.domains import Reals
from tinygrad_bp.trees import flatten

V = np.array([0.5, -1.0, 2.0, 0.25, 1.5, -0.75])
M = V.reshape(2, 3)


def body(f, *args):
    fast = tg.compile(f, backend="numpy")
    fast(*args)
    assert fast.source.count("def ") == 1  # no helper
    return [line.strip() for line in fast.source.split("def ")[-1].splitlines()[2:]]


def test_a_product_of_neighbours():
    assert body(tg.grad(lambda x: tg.sum(x[1:] * x[:-1])), V) == [
        "# backward: dv is the derivative with respect to v",
        "dx = np.zeros(6)",
        "dx[:-1] = x[1:]",
        "dx[1:] += x[:-1]",
        "return dx",
    ]


def test_parts_added_to_a_whole():
    assert body(tg.grad(lambda x: x[0, -1] * tg.sum(x[..., ::2]) + tg.sum(x * x)), M)[1:] == [
        "dx = 2 * x",
        "dx[..., ::2] += np.broadcast_to(x[0, -1].reshape(1, 1), (2, 2))",
        "dx[0, -1] += np.sum(x[..., ::2])",
        "return dx",
    ]


def test_assignments():
    def f(x):
        y = x * 1.0
        y[0] = 2.0 * y[1]
        y[2:] = 3.0
        return y

    assert body(f, V) == ["y1 = x.copy()", "y1[0] = 2 * x[1]", "y1[2:] = 3.0", "return y1"]


def test_an_array_that_is_needed_later_is_copied_first():
    def f(x):
        before = tg.exp(x)
        after = before * 1.0
        after[0] = 0.0
        return before, after

    before, after = tg.compile(f, backend="numpy")(V)
    np.testing.assert_array_equal(before, np.exp(V))
    np.testing.assert_array_equal(after, [0.0, *np.exp(V)[1:]])


def assigned(x):
    y = x * x
    y[0] = y[1] * y[-1]
    y[1:] = y[:-1] * tg.sin(x[1:])
    y += y[::-1]
    return tg.sum(y * y)


def many(x):
    """More memory than what is written to again, one name for what is used long before and after."""
    wide = tg.broadcast_to(x[:, None], (6, 3000)) * 1.5
    moved = wide * wide
    moved[1:] = moved[:-1] * wide[1:]
    return tg.sum(moved[::2] * wide[::2]) + tg.sum(moved[:, 0])


FUNCTIONS = {
    "first": lambda x: x[0] ** 3.0,
    "rest": lambda x: tg.sum(x[1:] ** 3.0),
    "column": lambda x: tg.sum(x.reshape(2, 3)[:, 0] ** 3.0),
    "new axis": lambda x: tg.sum(x[..., None] ** 3.0),
    "backwards": lambda x: tg.sum(x[::-1] * x * x),
    "every other": lambda x: tg.sum(x[::2] ** 3.0),
    "a part of a column": lambda x: tg.sum(x.reshape(3, 2)[1:3, -1] ** 3.0),
    "nothing": lambda x: tg.sum(x[6:]) + tg.sum(x * x),
    "all of it": lambda x: tg.sum(x[()] * x[...] * x[:]),
    "no axes": lambda x: tg.sum(tg.sum(x)[None] ** 3.0),
    "several": lambda x: tg.sum(x[1:] * x[:-1]) + x[0] * x[-1] * tg.sum(x[::3]),
    "the same twice": lambda x: tg.sum(tg.sin(x[1:])) * tg.sum(x[1:]),
    "assigned": assigned,
    "many": many,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_gradient_and_curvature(name):
    f, v = FUNCTIONS[name], np.cos(V)
    for transformed, args in (
        (tg.value_and_grad(f), (V,)),
        (lambda x, v: tg.hvp(f, (x,), (v,)), (V, v)),
        (lambda x, v: tg.jvp(tg.grad(f), (x,), (v,)), (V, v)),
    ):
        given = [x.copy() for x in args]
        found = flatten(tg.compile(transformed, backend="numpy")(*given))[0]
        for got, want in zip(found, flatten(transformed(*args))[0], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
        for x, copy in zip(args, given, strict=True):
            np.testing.assert_array_equal(x, copy)


def test_numba_compiles_the_same_lines():
    pytest.importorskip("numba")
    f = tg.grad(lambda x: tg.sum(tg.sin(x[1:]) * x[:-1]) + x[0] * x[-1])
    fast = tg.compile(f, backend="numba")
    for x in (V, np.cos(V)):
        np.testing.assert_allclose(fast(x), f(x), rtol=1e-13)
    assert fast.plan.backend == "numba"


def test_an_op_that_writes_to_an_array_of_its_own():
    def halved(x):
        """x with its first element halved."""
        y = x.copy()
        y[0] = x[0] / 2.0
        return y

    rules = {"vjps": (lambda g, y, x: made(g),), "jvp": (lambda t, y, x: made(t),)}
    made = tg.custom_op(latex="{0}", domain=Reals(), **rules)(halved)
    assert body(made, V) == ["new_x = x.copy()", "new_x[0] = x[0] / 2", "return new_x"]


def test_an_op_that_writes_to_what_it_has_read_is_refused():
    def overwritten(x):
        """Wrong: y shares memory with what is returned."""
        y = x.copy()
        tail = y[1:]
        y[0] = 0.0
        return tail + y[1:]

    rules = {"vjps": (lambda g, y, x: g,), "jvp": (lambda t, y, x: t,)}
    made = tg.custom_op(latex="{0}", domain=Reals(), **rules)(overwritten)
    with pytest.raises(tg.errors.TracingError, match="an assignment writes into an array that shares its memory"):
        tg.compile(made)(V)


def test_an_array_that_is_read_later_is_not_written_to():
    def f(x, v):
        t = x / (1.0 + v * v)
        reversed_t = t[::-1]
        return tg.sum(tg.tanh(tg.max(reversed_t) + t)) + tg.sum(tg.mean(reversed_t) * reversed_t)

    x, v = np.array([0.3, -1.0, 2.0]), np.array([1.0, 0.5, -0.2])
    second = tg.grad(lambda x, v: tg.sum(tg.sin(tg.grad(f)(x, v))))
    fast, space = tg.compile(second, backend="numpy"), {}
    np.testing.assert_allclose([fast(x, v), fast(x, v)], [second(x, v)] * 2, rtol=1e-10)
    exec(fast.source, space)
    np.testing.assert_allclose(
        space[fast.source.rpartition("def ")[2].partition("(")[0]](x, v), second(x, v), rtol=1e-10
    )
