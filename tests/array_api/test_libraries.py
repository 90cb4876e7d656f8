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
