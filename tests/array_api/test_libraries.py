"""Libraries that are written for the standard work on tensors, and gradients pass through them."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.testing import check_gradients

X = np.array([[0.7, -0.4, 1.3], [-1.1, 0.2, 0.9]])


def test_array_api_extra_works_on_tensors():
    xpx = pytest.importorskip("array_api_extra", reason="array-api-extra is not installed")
    functions = {
        "atleast_nd": lambda x: xpx.atleast_nd(x, ndim=3),
        "apply_where": lambda x: xpx.apply_where(x > 0, x, lambda v: v * v, lambda v: 3 * v),
        "at": lambda x: xpx.at(x * 1.0)[0].set(x[1] ** 2, copy=True),
        "cov": xpx.cov,
        "create_diagonal": lambda x: xpx.create_diagonal(x[0]),
        "kron": lambda x: xpx.kron(x, x),
        "nan_to_num": xpx.nan_to_num,
        "pad": lambda x: xpx.pad(x, 1),
        "partition": lambda x: xpx.partition(x, 2),
        "setdiff1d": lambda x: xpx.setdiff1d(x, x[0].detach()),
        "sinc": xpx.sinc,
        "union1d": lambda x: xpx.union1d(x[0], x[1]),
    }
    for name, function in functions.items():
        y = function(tg.tensor(X, requires_grad=True))
        assert isinstance(y, tg.Tensor), name
        assert y.requires_grad, name
        check_gradients(function, X, order=1)
    assert xpx.one_hot(tg.tensor([1, 0]), 2).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert xpx.isin(tg.tensor([1, 2]), tg.tensor([2])).tolist() == [False, True]
    assert xpx.nunique(tg.tensor([1.0, 2.0, 1.0])) == 2


def test_array_api_compat_knows_tensors():
    compat = pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")
    x = tg.tensor(X)
    assert compat.is_array_api_obj(x)
    assert compat.array_namespace(x, x) is tg.array_api
    assert (compat.device(x), compat.size(x)) == ("cpu", 6)


def test_xarray_labels_tensors():
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    weights = xr.DataArray(np.array([1.0, 3.0]), dims="time")
    functions = {
        "arithmetic": lambda a: 2 * a + a**2,
        "sum": lambda a: a.sum("time"),
        "mean": lambda a: a.mean("time"),
        "std": lambda a: a.std("place", skipna=False),
        "max": lambda a: a.max(),
        "median": lambda a: a.median("place"),
        "quantile": lambda a: a.quantile([0.3, 0.6], "place"),
        "cumsum": lambda a: a.cumsum("time"),
        "cumprod": lambda a: a.cumprod("place"),
        "sel": lambda a: a.sel(time=20),
        "transpose": lambda a: a.transpose("place", "time"),
        "stack": lambda a: a.stack(both=("time", "place")),
        "concat": lambda a: xr.concat([a, a], "time"),
        "where": lambda a: a.where(a > 0, 0.0),
        "dot": lambda a: xr.dot(a, a, dim="place"),
        "ufunc": lambda a: np.tanh(a),
        "weighted": lambda a: a.weighted(weights).mean("time"),
        "diff": lambda a: a.diff("place"),
        "groupby": lambda a: a.groupby("time").mean(),
        "roll": lambda a: a.roll(place=1),
    }
    for name, function in functions.items():

        def of_tensor(x, function=function):
            y = function(xr.DataArray(x, dims=("time", "place"), coords={"time": [10, 20]}))
            return y.variable._data

        y = of_tensor(tg.tensor(X, requires_grad=True))
        assert isinstance(y, tg.Tensor), name
        assert y.requires_grad, name
        check_gradients(of_tensor, X, order=1)
