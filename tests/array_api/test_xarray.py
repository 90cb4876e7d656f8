"""xarray on tensors: one table of what its arrays can do. Each has NumPy's numbers and right gradients, or says no."""

import copy

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArrayConversionError, LeafAssignmentError, MissingRuleError
from tinygrad_bp.testing import check_gradients

xr = pytest.importorskip("xarray", reason="xarray is not installed")

X = np.random.default_rng(0).normal(size=(4, 3))
DAYS = np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]").astype("datetime64[ns]")
WEIGHTS = xr.DataArray([1.0, 2.0, 3.0, 1.0], dims="t")
KINDS = xr.DataArray(list("abab"), dims="t", name="kind")
MODES = ["constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap"]
ORDERS = xr.DataArray([1.0, 2.0, 3.0], dims="degree", coords={"degree": [0, 1, 2]})


def labelled(x):
    return xr.DataArray(x, dims=("t", "p"), coords={"t": [0.0, 2.0, 4.0, 6.0], "p": [1.0, 2.0, 4.0]}, name="v")


def methods(prefix, names, make=lambda a: a, **arguments):
    """A function for each method of what `make` gives, by its name."""
    return {
        f"{prefix} {name}".strip(): lambda a, name=name: getattr(make(a), name)(**arguments) for name in names.split()
    }


def days(a):
    return a.assign_coords(t=DAYS)


def degrees(a):
    return a.drop_vars("t").rename(p="degree").assign_coords(degree=[0, 1, 2])


def holes(a):
    return a.where(a.t != 4)


def bands(a):
    """Two datasets with parts of a that meet in the middle."""
    return [xr.Dataset({"v": a[:3]}), xr.Dataset({"v": 2 * a[2:]})]


def assigned(a, value):
    a = a * 1.0
    a.loc[{"t": 4.0}] = value
    return a


WORKS = {
    "reductions": {
        **methods("", "sum mean std var prod max min median", dim="t"),
        **methods("whole", "sum mean std var prod max min median", skipna=False),
        **methods("ddof", "std var", dim="p", ddof=1),
        **methods("missing", "sum mean std var prod max min median cumsum cumprod", holes, dim="t"),
        **methods("min_count", "sum prod", holes, dim="t", min_count=4),
        "quantile": lambda a: a.quantile([0.3, 0.6], "t"),
        "quantile, missing": lambda a: holes(a).quantile(0.3, "t"),
        "reduce": lambda a: a.reduce(np.sum, "t"),
        "integrate": lambda a: a.integrate("t"),
        "Dataset": lambda a: a.to_dataset().mean("t").v,
        "DataTree": lambda a: xr.DataTree(a.to_dataset()).mean("t").v,
    },
    "cumulative": {
        **methods("whole", "cumsum cumprod"),
        **methods("", "cumsum cumprod", dim="t", skipna=False),
        **methods("cumulative", "sum mean max min prod std", lambda a: a.cumulative("t")),
        "cumulative_integrate": lambda a: a.cumulative_integrate("t"),
        "differentiate": lambda a: a.differentiate("t"),
        "diff": lambda a: a.diff("t", n=2),
    },
    "windows": {
        **methods("rolling", "sum mean max min std var median prod", lambda a: a.rolling(t=3)),
        **methods("rolling, two", "mean max", lambda a: a.rolling(t=3, p=2, center=True, min_periods=1)),
        **methods("rolling, missing", "mean sum", lambda a: holes(a).rolling(t=2, min_periods=1)),
        **methods("coarsen", "sum mean max min std var median prod", lambda a: a.coarsen(t=2)),
        "construct": lambda a: a.rolling(t=2).construct("w", stride=2).dot(xr.DataArray([1.0, 3.0], dims="w")),
        "rolling.reduce": lambda a: a.rolling(t=2).reduce(np.sum),
        "rolling, one by one": lambda a: xr.concat([w.sum() for _, w in a.rolling(t=2)], "k"),
        "coarsen, trimmed": lambda a: a.coarsen(t=3, boundary="trim").mean(),
        "coarsen, padded": lambda a: a.coarsen(t=3, boundary="pad").mean(),
        "coarsen.construct": lambda a: a.coarsen(t=2).construct(t=("half", "day")),
        "Dataset": lambda a: a.to_dataset().rolling(t=2).mean().v,
    },
    "groups": {
        **methods("", "sum mean max min std var median prod cumsum cumprod", lambda a: a.groupby(KINDS)),
        **methods("", "first last", lambda a: a.groupby(KINDS), skipna=False),
        "map": lambda a: a.groupby(KINDS).map(lambda g: g - g.mean("t")),
        "arithmetic": lambda a: a.groupby(KINDS) - a.groupby(KINDS).mean(),
        "quantile": lambda a: a.groupby(KINDS).quantile(0.5),
        "reduce": lambda a: a.groupby(KINDS).reduce(np.sum),
        "fillna": lambda a: holes(a).groupby(KINDS).fillna(2.0),
        "bins": lambda a: a.groupby_bins("p", [0, 3, 9]).mean(),
        "two": lambda a: a.assign_coords(kind=KINDS).groupby(["kind", "p"]).mean(),
        "of days": lambda a: days(a).groupby("t.dayofyear").mean(),
        "Dataset": lambda a: a.to_dataset().groupby(KINDS).mean().v,
    },
    "resampling": {
        **methods("", "sum mean max min std median cumsum", lambda a: days(a).resample(t="2D")),
        **methods("finer", "ffill bfill nearest pad", lambda a: days(a).resample(t="12h")),
        "first": lambda a: days(a).resample(t="2D").first(skipna=False),
        "asfreq": lambda a: days(a).resample(t="2D").asfreq(),
        "map": lambda a: days(a).resample(t="2D").map(lambda g: g.sum("t")),
    },
    "weights": {
        **methods("", "sum mean std var sum_of_squares", lambda a: a.weighted(WEIGHTS), dim="t"),
        "missing": lambda a: holes(a).weighted(WEIGHTS).mean("t"),
        "of a tensor": lambda a: labelled(np.arange(12.0).reshape(4, 3)).weighted(a**2 + 1).mean("t"),
    },
    "indexing": {
        "sel": lambda a: a.sel(t=4),
        "sel, nearest": lambda a: a.sel(t=[1.2, 5.0], method="nearest"),
        "loc": lambda a: a.loc[{"t": [0.0, 4.0], "p": slice(2, 4)}],
        "isel": lambda a: a.isel(t=[0, -1], p=slice(None, None, 2)),
        "mask": lambda a: a.isel(t=np.array([True, False, True, True])),
        **methods("", "head tail thin", t=2),
        "shift": lambda a: a.shift(t=1),
        "roll": lambda a: a.roll(t=2, roll_coords=True),
        "reindex": lambda a: a.reindex(t=[0.0, 3.0, 4.0]),
        "reindex, as it is": lambda a: a.reindex(t=a.t),
        "reindex, filled": lambda a: a.reindex(t=[0.0, 3.0], method="ffill"),
        "reindex_like": lambda a: a.reindex_like(a[1:3]),
        "sortby": lambda a: a.sortby("t", ascending=False),
        "sortby, of a result": lambda a: (2 * a).sortby(KINDS),
        "sortby, values": lambda a: a.sortby(labelled(X)[:, 0]),
        "drop_sel": lambda a: a.drop_sel(t=[4]),
        "drop_duplicates": lambda a: a.drop_duplicates("t"),
        "query": lambda a: a.query(t="t > 1"),
        "where, drop": lambda a: a.where(a.t > 1, drop=True),
        "assigned": lambda a: assigned(a, 0.0),
        "assigned a tensor": lambda a: assigned(a, a[0].data ** 2),
    },
    "joining": {
        "align": lambda a: xr.align(a, labelled(X))[0],
        "align, outer": lambda a: xr.align(a, a[1:3], join="outer")[1],
        "sum of parts": lambda a: a[:3] + a[2:],
        "broadcast": lambda a: xr.broadcast(a[0].drop_vars("t"), a[:, 0].drop_vars("p"))[1],
        "broadcast_like": lambda a: a[0].drop_vars("t").broadcast_like(a),
        "concat": lambda a: xr.concat([a, 2 * a], "t"),
        "concat, new": lambda a: xr.concat([a, 2 * a], "k"),
        "merge": lambda a: xr.merge([a[:3], (2 * a).rename("w")[2:]], join="outer").w,
        "combine_by_coords": lambda a: xr.combine_by_coords([a[:2].to_dataset(), a[2:].to_dataset()]).v,
        "combine_nested": lambda a: xr.combine_nested(bands(a), "t").v,
        "combine_first": lambda a: holes(a).combine_first(2 * a),
        "to_dataset": lambda a: a.to_dataset(dim="p").to_dataarray("q"),
        "to_stacked_array": lambda a: a.to_dataset(dim="p").to_stacked_array("k", ["t"]),
    },
    "shapes": {
        "transpose": lambda a: a.transpose("p", "t"),
        "stack": lambda a: a.stack(k=("t", "p")),
        "unstack": lambda a: a.stack(k=("t", "p"))[:-2].unstack("k"),
        "expand_dims": lambda a: a.expand_dims(k=2),
        "squeeze": lambda a: a[:1].squeeze(),
        "swap_dims": lambda a: a.assign_coords(kind=KINDS).swap_dims(t="kind"),
        "set_index": lambda a: a.assign_coords(kind=KINDS).set_index(t="kind").sel(t="a"),
        **{f"pad {mode}": lambda a, mode=mode: a.pad(t=(2, 1), mode=mode) for mode in MODES},
        "astype": lambda a: a.astype(float),
        "copy": lambda a: a.copy(),
        "copy, shallow": lambda a: a.copy(deep=False),
        "deep copy": copy.deepcopy,
        "compute": lambda a: a.compute(),
    },
    "missing": {
        "where": lambda a: a.where(a > 0, 0.5),
        "where, missing": lambda a: a.where(a > 0),
        "xr.where": lambda a: xr.where(a > 0, a, 2 * a),
        "fillna": lambda a: holes(a).fillna(0.5),
        "dropna": lambda a: holes(a).dropna("t"),
        "clip": lambda a: a.clip(-0.5, 0.5),
    },
    "algebra": {
        "arithmetic": lambda a: 2 * a + a**2 - np.ones(3) / (a % 0.3 + 1),
        "ufunc": np.tanh,
        "xr.ufuncs": lambda a: xr.ufuncs.exp(a),
        "dot": lambda a: xr.dot(a, a, dim="p"),
        "matmul": lambda a: a @ WEIGHTS,
        "corr": lambda a: xr.corr(a, a**2, "t"),
        "cov": lambda a: xr.cov(a, a**2, "t"),
        "cross": lambda a: xr.cross(a[0].drop_vars("t"), a[1].drop_vars("t"), dim="p"),
        "polyval": lambda a: xr.polyval(a, ORDERS),
        "polyval, coefficients": lambda a: xr.polyval(a.t, degrees(a[0])),
        "polyfit": lambda a: a.polyfit("t", 2).polyfit_coefficients,
        "polyfit, weights": lambda a: a.polyfit("t", 1, w=[1, 2, 1, 2]).polyfit_coefficients,
        "polyfit, residuals": lambda a: a.polyfit("t", 1, full=True).polyfit_residuals,
        "polyfit, covariance": lambda a: a.polyfit("t", 1, cov=True).polyfit_covariance,
        "apply_ufunc": lambda a: xr.apply_ufunc(lambda v: v.sum(-1), a, input_core_dims=[["t"]]),
        "map": lambda a: a.to_dataset().map(np.tanh).v,
        "full_like": lambda a: xr.full_like(a, 2.0) * a,
    },
}  # fmt: skip

CONSTANT = {
    **methods("", "count all any", lambda a: a > 0, dim="t"),
    **methods("", "isnull notnull", holes),
    **methods("", "argmax argmin idxmax idxmin", dim="t"),
    **methods("rolling", "count argmax argmin", lambda a: a.rolling(t=2)),
    "isin": lambda a: a.isin([X[0, 0]]),
    "searchsorted": lambda a: a[:, 0].searchsorted(0.0),
    "sum_of_weights": lambda a: a.weighted(WEIGHTS).sum_of_weights("t"),
    "groupby.count": lambda a: a.groupby(KINDS).count(),
}

CHOSEN = xr.DataArray([0, 2], dims="k")
TO_NUMPY = (ArrayConversionError, "requires a gradient, which a plain array would lose")
POINTWISE = (TypeError, "Vectorized indexing is not supported")
REFUSED = {
    # it asks for an array of NumPy, in the end
    **{name: (*TO_NUMPY, f) for name, f in {
        **methods("", "to_numpy as_numpy to_pandas to_series to_dataframe to_dict to_masked_array"),
        "values": lambda a: a.values,
        "float": lambda a: float(a[0, 0]),
        "assigned to an array": lambda a: assigned(labelled(X), a[0]),
    }.items()},
    # SciPy's interpolation, on arrays of NumPy
    **{name: (*TO_NUMPY, f) for name, f in {
        "interp": lambda a: a.interp(t=[1.0, 3.5]),
        "interp, nearest": lambda a: a.interp(t=[1.0, 3.5], method="nearest"),
        "interp_like": lambda a: a.interp_like(a.assign_coords(t=a.t + 0.5)),
        "interpolate_na": lambda a: holes(a).interpolate_na("t"),
        "interpolate": lambda a: days(a).resample(t="12h").interpolate("linear"),
        "curvefit": lambda a: a.curvefit("t", lambda t, k: k * t),
    }.items()},
    # pandas says which are missing, of an array of NumPy; skipna=False does not ask
    "first": (*TO_NUMPY, lambda a: a.groupby(KINDS).first()),
    # the coefficients of each column are written into an array of NumPy
    "polyfit, missing": (*TO_NUMPY, lambda a: holes(a).polyfit("t", 1)),
    # np.vectorize, and np.lexsort of DataArrays
    "vectorize": (*TO_NUMPY, lambda a: xr.apply_ufunc(sum, a, input_core_dims=[["t"]], vectorize=True)),
    "weighted.quantile": (*TO_NUMPY, lambda a: a.weighted(WEIGHTS).quantile(0.3, dim="t")),
    "sortby": (*TO_NUMPY, lambda a: a.sortby(a[:, 0])),
    # xarray has no such indexing where there is an Array API; a.data[[0, 2], [0, 2]] is it
    "isel, points": (*POINTWISE, lambda a: a.isel(t=CHOSEN, p=CHOSEN)),
    "isel, argmax": (*POINTWISE, lambda a: a.isel(t=a.argmax("t"))),
    # a leaf is changed by no one
    "assigned to a leaf": (LeafAssignmentError, "Copy it first", lambda a: a.__setitem__(0, 1.0)),
}  # fmt: skip
"""By name: the error, and what it says. The reasons are xarray's, but for the last; no gradient is lost in silence."""


@pytest.mark.once
@pytest.mark.parametrize("family", WORKS)
def test_gradients_pass_through(family):
    for name, function in WORKS[family].items():
        x = tg.tensor(X, requires_grad=True)
        got = function(labelled(x))
        expected = function(labelled(X)).transpose(*got.dims)  # flox, where it is installed, has another order
        assert isinstance(got.data, tg.Tensor), name
        assert got.dtype == expected.dtype, name
        xr.testing.assert_allclose(got.copy(data=got.data.numpy()), expected, rtol=1e-12, atol=1e-14)

        def filled(x, function=function):
            return function(labelled(x)).fillna(0.0).data

        seed = np.cos(np.arange(expected.size)).reshape(expected.shape)
        filled(x).backward(seed)
        np.testing.assert_allclose(x.grad, tg.vjp(filled, X)[1](seed)[0], rtol=1e-12, atol=1e-14, err_msg=name)
        try:
            check_gradients(filled, X, order=1)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


@pytest.mark.parametrize("function", CONSTANT.values(), ids=CONSTANT)
def test_what_depends_smoothly_on_nothing_is_a_constant(function):
    expected, got = function(labelled(X)), function(labelled(tg.tensor(X, requires_grad=True)))
    data = got.data if hasattr(got, "data") else got
    assert not getattr(data, "requires_grad", False)
    np.testing.assert_array_equal(data, expected)


@pytest.mark.parametrize(("error", "message", "function"), REFUSED.values(), ids=REFUSED)
def test_what_would_lose_a_gradient_is_refused(error, message, function):
    with pytest.raises(error, match=message):
        function(labelled(tg.tensor(X, requires_grad=True)))
    if error is ArrayConversionError:  # constants may go there
        function(labelled(tg.tensor(X)))


@pytest.mark.parametrize("name", ["ffill", "bfill", "rank"])
def test_compiled_code_of_other_libraries_is_refused_too(name):
    with pytest.raises((MissingRuleError, ArrayConversionError, ImportError)):
        getattr(holes(labelled(tg.tensor(X, requires_grad=True))), name)("t")
