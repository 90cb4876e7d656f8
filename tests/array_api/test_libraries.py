"""Libraries that are written for the standard work on tensors, and gradients pass through them."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArrayConversionError, LeafAssignmentError
from tinygrad_bp.testing import check_gradients

X = np.array([[0.7, -0.4, 1.3], [-1.1, 0.2, 0.9]])
HOLES = np.array([[1.0, np.nan, 1.0], [1.0, 1.0, 1.0]])

xpx = pytest.importorskip("array_api_extra", reason="array-api-extra is not installed")


def space(x):
    return x.__array_namespace__()


def like(x, values):
    return space(x).asarray(values)


SMOOTH = {
    "angle": lambda x: xpx.angle(x * (1 + 2j), deg=True),
    "apply_where": lambda x: xpx.apply_where(x > 0, (x, x[0]), lambda a, b: a * b, lambda a, b: a - b),
    "apply_where, filled": lambda x: xpx.apply_where(x > 0, x, lambda v: v**0.5, fill_value=0.0),
    "argpartition": lambda x: space(x).take_along_axis(x, xpx.argpartition(x, 1), axis=-1),
    **{
        f"at, {name}": lambda x, name=name: getattr(xpx.at(x * 1.0)[:, 1], name)(x[:, 0] ** 2 + 0.1)
        for name in ("set", "add", "subtract", "multiply", "divide", "min", "max")
    },
    "at, power": lambda x: xpx.at(x * 1.0)[0].power(2.0),
    "at, a mask": lambda x: xpx.at(x * 1.0)[x > 0.5].multiply(2.0),
    "at, a leaf": lambda x: xpx.at(x)[0].set(x[1] ** 2, copy=True),
    "at, in place": lambda x: xpx.at(x * 1.0)[0].set(x[1] ** 2, copy=False),
    "atleast_nd": lambda x: xpx.atleast_nd(x, ndim=3),
    "cov": xpx.cov,
    "cov, weights": lambda x: xpx.cov(x, aweights=like(x, [1.0, 2.0, 3.0]), correction=0),
    "create_diagonal": lambda x: xpx.create_diagonal(x, offset=1),
    "deg2rad": xpx.deg2rad,
    "diag_indices": lambda x: x[xpx.diag_indices(2, xp=space(x))],
    "expand_dims": lambda x: xpx.expand_dims(x, axis=(0, 2)),
    "kron": lambda x: xpx.kron(x, x),
    "lazy_apply": lambda x: xpx.lazy_apply(lambda v: v**2, x),
    "nan_to_num": lambda x: xpx.nan_to_num(x * HOLES, fill_value=1.0),
    **{name: lambda x, name=name: getattr(xpx, name)(x * HOLES, axis=0) for name in ("nanmax", "nanmin")},
    **{name: lambda x, name=name: getattr(xpx, name)(x * HOLES) for name in ("nanmean", "nansum")},
    "one_hot": lambda x: xpx.one_hot(like(x, [1, 0]), 3) * x,
    "pad": lambda x: xpx.pad(x, ((1, 0), (0, 2)), constant_values=3.0),
    "partition": lambda x: xpx.partition(x, 2),
    "partition, axis": lambda x: xpx.partition(x, 1, axis=0),
    "rad2deg": xpx.rad2deg,
    "setdiff1d": lambda x: xpx.setdiff1d(x, x[0]),
    "sinc": xpx.sinc,
    "tril_indices": lambda x: x[xpx.tril_indices(2, xp=space(x))],
    "triu_indices": lambda x: x[xpx.triu_indices(2, m=3, xp=space(x))],
    "union1d": lambda x: xpx.union1d(x[0], x[1]),
    "unravel_index": lambda x: x[xpx.unravel_index(like(x, [0, 4]), (2, 3))],
}
CONSTANT = {
    "isclose": lambda x: xpx.isclose(x, x + 1e-12),
    "isin": lambda x: xpx.isin(x, x[0]),
    "nunique": xpx.nunique,
    "searchsorted": lambda x: xpx.searchsorted(space(x).sort(x, axis=-1), x),
    "default_dtype": lambda x: space(x).zeros(1, dtype=xpx.default_dtype(space(x))),
    "broadcast_shapes": lambda x: space(x).zeros(xpx.broadcast_shapes(x.shape, (1, 3))),
}


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("function", SMOOTH.values(), ids=SMOOTH)
def test_gradients_pass_through_array_api_extra(function):
    x = tg.tensor(X, requires_grad=True)
    expected, got = function(X), function(x)
    assert isinstance(got, tg.Tensor)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.data, expected, rtol=1e-13)
    seed = np.cos(np.arange(got.size)).reshape(got.shape)
    got.backward(seed)
    np.testing.assert_allclose(x.grad, tg.vjp(function, X)[1](seed)[0], rtol=1e-13)
    check_gradients(function, X, order=1)


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("function", CONSTANT.values(), ids=CONSTANT)
def test_what_depends_smoothly_on_nothing_is_a_constant(function):
    got = function(tg.tensor(X, requires_grad=True))
    assert isinstance(got, tg.Tensor)
    assert not got.requires_grad
    np.testing.assert_array_equal(got, function(X))


def test_what_would_lose_a_gradient_is_refused():
    x = tg.tensor(X, requires_grad=True)
    with pytest.raises(ArrayConversionError, match="which a plain array would lose"):
        xpx.lazy_apply(np.asarray, x, as_numpy=True)
    with pytest.raises(LeafAssignmentError, match="Copy it first"):
        xpx.at(x)[0].set(1.0)


def test_the_tables_have_all_of_array_api_extra():
    tried = {name.partition(",")[0] for name in (SMOOTH | CONSTANT)}
    assert set(xpx.__all__) - {"__version__", "testing"} == tried


def test_array_api_compat_knows_tensors():
    compat = pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")
    x = tg.tensor(X)
    assert compat.is_array_api_obj(x)
    assert compat.array_namespace(x, x) is tg.array_api
    assert (compat.device(x), compat.size(x)) == ("cpu", 6)
