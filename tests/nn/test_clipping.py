"""Clipping keeps gradients within bounds, and the arrays that they were as they are."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn import clip_grad_norm, clip_grad_value


def given(dtype=np.float64, size=1.0):
    rng = np.random.default_rng(0)
    params = [tg.tensor(np.zeros(shape), dtype=dtype, requires_grad=True) for shape in [(), (3,), (2, 3), (0,), (4,)]]
    for p in params[:-1]:
        p.grad = np.asarray(size * rng.normal(size=p.shape), dtype)
    return params


def flat(params):
    return np.concatenate([p.grad.ravel() for p in params if p.grad is not None])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("limit", [0.1, 1, 1e3])
def test_the_norm_of_all_gradients_is_at_most_the_limit(dtype, limit):
    params = given(dtype)
    kept = [p.grad for p in params]
    before = flat(params).astype(np.float64)
    norm = clip_grad_norm(params, limit)
    eps = float(np.finfo(dtype).eps)
    assert norm == pytest.approx(np.linalg.norm(before), rel=8 * eps)
    np.testing.assert_allclose(flat(params), before * min(1.0, limit / (norm + 1e-6)), rtol=4 * eps, atol=eps)
    assert [p.grad is g for p, g in zip(params, kept, strict=True)] == [limit > norm] * 4 + [True]
    assert {p.grad.dtype for p in params[:-1]} == {np.dtype(dtype)}
    np.testing.assert_array_equal(np.concatenate([g.ravel() for g in kept[:-1]]), before)


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e200), (np.float64, 1e-200), (np.float32, 1e25)])
def test_squares_beyond_the_dtypes_range(dtype, size):
    params = given(dtype, size)
    before = flat(params).astype(np.longdouble)
    norm = clip_grad_norm(params, 1.0)
    assert norm == pytest.approx(float(np.sqrt(np.sum(before**2))), rel=1e-6)
    assert np.linalg.norm(flat(params)) == pytest.approx(min(norm, 1.0), rel=1e-6)


def test_what_is_no_number_is_not_hidden():
    params = given()
    params[1].grad[0] = np.nan
    assert np.isnan(clip_grad_norm(params, 1.0))
    assert np.isnan(flat(params)).all()


def test_no_gradients_at_all():
    assert clip_grad_norm(given()[-1], 1.0) == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_element_within_the_limit(dtype):
    params = given(dtype, 2.0)
    kept = [p.grad for p in params]
    before = flat(params).copy()
    clip_grad_value(params, 0.5)
    np.testing.assert_array_equal(flat(params), before.clip(-0.5, 0.5))
    np.testing.assert_array_equal(np.concatenate([g.ravel() for g in kept[:-1]]), before)
    assert {p.grad.dtype for p in params[:-1]} == {np.dtype(dtype)}
    assert {type(p.grad) for p in params[:-1]} == {np.ndarray}
    assert params[-1].grad is None


def test_torch_clips_alike():
    torch = pytest.importorskip("torch")
    for limit in (0.1, 1.0, 100.0):
        params = given()
        theirs = [torch.zeros(p.shape, dtype=torch.float64, requires_grad=True) for p in params]
        for t, p in zip(theirs, params, strict=True):
            t.grad = None if p.grad is None else torch.tensor(p.grad)
        norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
        assert clip_grad_norm(params, limit) == pytest.approx(norm.item(), rel=1e-14)
        torch.nn.utils.clip_grad_value_(theirs, 0.05)
        clip_grad_value(params, 0.05)
        for t, p in zip(theirs[:-1], params, strict=False):
            np.testing.assert_allclose(p.grad, t.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("clip", [clip_grad_norm, clip_grad_value])
def test_refuses_limits_that_are_none(clip):
    for limit in (0, -1.0, np.nan, "1"):
        with pytest.raises(ArgumentError, match="is a finite number above 0"):
            clip(given(), limit)
