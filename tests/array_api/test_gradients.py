"""Gradients through the standard's functions: one table, every function of real numbers that has a derivative."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.testing import check_gradients

xp = tg.array_api

X = np.array([[0.7, -0.4, 1.3], [-1.1, 0.2, 0.9]])
Y = np.array([[1.2, 0.8, -0.6], [0.4, -0.9, 1.5]])
P = np.array([0.3, 0.6, 0.85])
SQUARE = np.array([[2.0, 0.3, -0.2], [0.5, 1.7, 0.4], [-0.1, 0.2, 1.4]])


def positive(a):
    return xp.matmul(a, xp.matrix_transpose(a)) + xp.eye(3)


ELEMENTWISE = {
    **{name: (getattr(xp, name), X) for name in (
        "abs", "atan", "ceil", "conj", "cos", "cosh", "exp", "expm1", "floor", "imag", "negative", "positive", "real",
        "reciprocal", "round", "sign", "sin", "sinh", "square", "tan", "tanh", "trunc", "asinh",
    )},
    **{name: (getattr(xp, name), P) for name in ("acos", "asin", "atanh", "log", "log1p", "log2", "log10", "sqrt")},
    "acosh": (xp.acosh, P + 1),
    **{name: (getattr(xp, name), X, Y) for name in (
        "add", "atan2", "copysign", "divide", "hypot", "logaddexp", "maximum", "minimum", "multiply", "subtract",
        "remainder", "floor_divide",
    )},
    "pow": (xp.pow, P, Y[0]),
    "clip": (lambda x: xp.clip(x, min=-0.5, max=1.0), X),
    "with a scalar": (lambda x: xp.multiply(2.0, xp.add(x, 1.0)), X),
}  # fmt: skip
STATISTICAL = {
    **{name: (lambda x, name=name: getattr(xp, name)(x, axis=0), X) for name in (
        "cumulative_prod", "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var",
    )},
    "var, corrected": (lambda x: xp.var(x, correction=1.0, keepdims=True), X),
    "cumulative_sum from 0": (lambda x: xp.cumulative_sum(x, axis=1, include_initial=True), X),
    "diff": (xp.diff, X),
}  # fmt: skip
LINEAR_ALGEBRA = {
    "matmul": (lambda a, b: xp.matmul(a, xp.matrix_transpose(b)), X, Y),
    "tensordot": (lambda a, b: xp.tensordot(a, b, axes=((0, 1), (0, 1))), X, Y),
    "vecdot": (lambda a, b: xp.vecdot(a, b, axis=-2), X, Y),
    "cholesky": (lambda a: xp.linalg.cholesky(positive(a)), SQUARE),
    "cross": (xp.linalg.cross, X, Y),
    "det": (xp.linalg.det, SQUARE),
    "diagonal": (lambda a: xp.linalg.diagonal(a, offset=1), SQUARE),
    "eigh": (lambda a: xp.linalg.eigh(positive(a)).eigenvalues, SQUARE),
    "eigvalsh": (lambda a: xp.linalg.eigvalsh(positive(a)), SQUARE),
    "inv": (xp.linalg.inv, SQUARE),
    "matrix_norm": (xp.linalg.matrix_norm, X),
    "matrix_power": (lambda a: xp.linalg.matrix_power(a, 3), SQUARE),
    "outer": (xp.linalg.outer, P, Y[0]),
    "pinv": (xp.linalg.pinv, X),
    "qr": (lambda a: xp.linalg.qr(a).R, SQUARE),
    "slogdet": (lambda a: xp.linalg.slogdet(a).logabsdet, SQUARE),
    "solve": (xp.linalg.solve, SQUARE, P),
    "svd": (lambda a: xp.linalg.svd(a, full_matrices=False).S, X),
    "svdvals": (xp.linalg.svdvals, X),
    "trace": (xp.linalg.trace, SQUARE),
    "vector_norm": (lambda a: xp.linalg.vector_norm(a, axis=0, ord=3), X),
}
MANIPULATION = {
    "broadcast_arrays": (lambda a, b: xp.broadcast_arrays(a, b)[0], P, X),
    "broadcast_to": (lambda a: xp.broadcast_to(a, (2, 3)), P),
    "concat": (lambda a, b: xp.concat([a, b], axis=1), X, Y),
    "expand_dims": (lambda a: xp.expand_dims(a, axis=1), X),
    "flip": (xp.flip, X),
    "moveaxis": (lambda a: xp.moveaxis(a, 0, 1), X),
    "permute_dims": (lambda a: xp.permute_dims(a, (1, 0)), X),
    "repeat": (lambda a: xp.repeat(a, 2, axis=0), X),
    "reshape": (lambda a: xp.reshape(a, (3, 2)), X),
    "roll": (lambda a: xp.roll(a, 1, axis=1), X),
    "squeeze": (lambda a: xp.squeeze(a, axis=0), X[:1]),
    "stack": (lambda a, b: xp.stack([a, b], axis=-1), X, Y),
    "tile": (lambda a: xp.tile(a, (2, 2)), X),
    "unstack": (lambda a: xp.unstack(a, axis=1)[2], X),
    "astype": (lambda a: xp.astype(a, xp.float64), X),
    "asarray": (lambda a: xp.asarray(a, copy=True), X),
    "meshgrid": (lambda a, b: xp.meshgrid(a, b)[0], P, Y[0]),
    "linspace": (lambda a, b: xp.linspace(a, b, 4), P, Y[0]),
    "tril": (xp.tril, SQUARE),
    "triu": (lambda a: xp.triu(a, k=1), SQUARE),
}
SEARCHING = {
    "where": (lambda a, b: xp.where(xp.greater(a, 0), a, b), X, Y),
    "take": (lambda a: xp.take(a, xp.asarray([2, 0, 2]), axis=1), X),
    "take_along_axis": (lambda a: xp.take_along_axis(a, xp.argsort(a, axis=1), axis=1), X),
    "sort": (lambda a: xp.sort(a, axis=0, descending=True), X),
    "argsort, descending": (lambda a: a[xp.argsort(a, descending=True)], P),
    "argmax": (lambda a: xp.take(a, xp.argmax(a)), X),
    "nonzero": (lambda a: a[xp.nonzero(a)], X),
}
SETS = {
    "unique_all": (lambda a: xp.unique_all(a).values, X),
    "unique_counts": (lambda a: xp.unique_counts(a).values, X),
    "unique_inverse": (lambda a: xp.unique_inverse(a).values, X),
    "unique_values": (lambda a: xp.unique_values(xp.concat([a, a])), X),
}
FAMILIES = {
    "elementwise": ELEMENTWISE, "statistical": STATISTICAL, "linear algebra": LINEAR_ALGEBRA,
    "manipulation": MANIPULATION, "searching": SEARCHING, "set": SETS,
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_differences(family):
    for name, (function, *inputs) in FAMILIES[family].items():
        made = function(*[tg.tensor(x, requires_grad=True) for x in inputs])
        assert isinstance(made, tg.Tensor), name
        try:
            check_gradients(function, *inputs, order=1)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_the_first_of_equal_elements_gets_the_gradient():
    x = tg.tensor([2.0, 1.0, 2.0], requires_grad=True)
    xp.sum(xp.unique_values(x) * xp.asarray([10.0, 20.0])).backward()
    np.testing.assert_array_equal(x.grad, [20.0, 10.0, 0.0])
