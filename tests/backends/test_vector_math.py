"""Exponentials and logarithms of our own: right to two units in the last place, everywhere."""

import numpy as np
import pytest

from tinygrad_bp.backends.vector_math import (
    FORMATS,
    Numbers,
    exponential,
    exponential_less_1,
    hyperbolic_tangent,
    logarithm,
    logarithm_of_1_and,
    logarithm_of_sum,
)

rng = np.random.default_rng(0)


def arrays(dtype):
    """Numbers that are NumPy's arrays."""
    form = FORMATS[np.dtype(dtype)]
    return Numbers(form, bits=lambda x: x.view(form.integer), number=lambda i: i.view(dtype), select=np.where)


def values(dtype):
    """Special ones, those of everyday use, those near where results overflow, and some of every size."""
    limits = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.625, 1000.0, -1000.0, 88.7, -103.5, 709.7, -745.0]
    special += [limits.max, limits.min, limits.tiny, limits.tiny / 2, limits.smallest_subnormal, -limits.tiny / 8]
    usual = [rng.normal(size=4000), rng.uniform(-110, 95, 4000), rng.uniform(-750, 712, 4000)]
    usual += [rng.normal(size=4000) * 10 ** rng.uniform(-8, 0, 4000), 1 + rng.normal(size=4000) / 1000]
    return np.concatenate([special, *usual, 10 ** rng.uniform(-38, 38, 4000)]).astype(dtype)


def require_close(got, want, units):
    """Got equals what has been worked out in more digits, to so many units of the last place."""
    dtype = got.dtype.type
    rounded = want.astype(dtype)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    off = np.abs(got.astype(np.longdouble) - want) / np.spacing(np.abs(rounded))
    assert np.max(off[~same], initial=0) <= units


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("make", "exact"),
    [
        (exponential, np.exp),
        (exponential_less_1, np.expm1),
        (hyperbolic_tangent, np.tanh),
        (logarithm, np.log),
        (logarithm_of_1_and, np.log1p),
    ],
)
def test_to_two_units(make, exact, dtype):
    x = values(dtype)
    with np.errstate(all="ignore"):
        require_close(make(arrays(dtype))(x), exact(x.astype(np.longdouble)), 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithms_of_sums(dtype):
    x = values(dtype)
    y = rng.permutation(x)
    with np.errstate(all="ignore"):
        got, want = logarithm_of_sum(arrays(dtype))(x, y), np.logaddexp(x, y)
    np.testing.assert_allclose(got, want, rtol=3 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)
