"""What elementwise derivatives are where there is none: every line of the table in CONVENTIONS that concerns them."""

from math import inf, nan, pi

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import MissingExtraError, MissingRuleError
from tinygrad_bp.ops import (
    arithmetic as ar,
    comparison as co,
    exponential as ex,
    logarithmic_sums as sums,
    rounding as ro,
    special as sp,
    trigonometry as tr,
)
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import check_gradients

HALF = 0.5

TABLE = {
    "abs at the kink": (ro.absolute, [0.0], [0.0]),
    "fabs at the kink": (ro.fabs, [0.0], [0.0]),
    "sign at the jump": (ro.sign, [0.0], [0.0]),
    "relu at the kink": (tg.relu, [0.0], [0.0]),
    "floor at a jump": (ro.floor, [2.0], [0.0]),
    "ceil at a jump": (ro.ceil, [2.0], [0.0]),
    "trunc at a jump": (ro.trunc, [2.0], [0.0]),
    "rint at a jump": (ro.rint, [2.5], [0.0]),
    "round at a jump": (lambda x: ro.round(x, 1), [0.25], [0.0]),
    "floor_divide at a jump": (ar.floor_divide, [4.0, 2.0], [0.0, 0.0]),
    "heaviside at the step": (ro.heaviside, [0.0, 0.3], [0.0, 1.0]),
    "copysign of 0": (ro.copysign, [0.0, -2.0], [0.0, 0.0]),
    "copysign with -0": (ro.copysign, [3.0, -0.0], [-1.0, 0.0]),
    "remainder at a jump": (ar.remainder, [4.0, 2.0], [1.0, -2.0]),
    "fmod at a jump": (ar.fmod, [-4.0, 2.0], [1.0, 2.0]),
    "maximum at a tie": (ar.maximum, [2.0, 2.0], [HALF, HALF]),
    "minimum at a tie": (ar.minimum, [2.0, 2.0], [HALF, HALF]),
    "fmax at a tie": (ar.fmax, [2.0, 2.0], [HALF, HALF]),
    "fmin at a tie": (ar.fmin, [2.0, 2.0], [HALF, HALF]),
    "fmax of a number and NaN": (ar.fmax, [2.0, nan], [1.0, 0.0]),
    "fmin of NaN and a number": (ar.fmin, [nan, 2.0], [0.0, 1.0]),
    "fmax of two NaN": (ar.fmax, [nan, nan], [0.0, 0.0]),
    "clip at the lower end": (ar.clip, [1.0, 1.0, 4.0], [0.0, 0.0, 0.0]),
    "clip at the upper end": (ar.clip, [4.0, 1.0, 4.0], [0.0, 0.0, 0.0]),
    "clip inside": (ar.clip, [2.0, 1.0, 4.0], [1.0, 0.0, 0.0]),
    "clip below": (ar.clip, [0.0, 1.0, 4.0], [0.0, 1.0, 0.0]),
    "clip above": (ar.clip, [5.0, 1.0, 4.0], [0.0, 0.0, 1.0]),
    "clip with crossed bounds": (ar.clip, [0.0, 4.0, 1.0], [0.0, 0.0, 1.0]),
    "clip without a lower bound": (lambda x, high: ar.clip(x, a_max=high), [5.0, 4.0], [0.0, 1.0]),
    "clip without an upper bound": (lambda x: ar.clip(x, 1.0), [5.0], [1.0]),
    "sqrt(0)": (ex.sqrt, [0.0], [inf]),
    "cbrt(0)": (ex.cbrt, [0.0], [inf]),
    "log(0)": (ex.log, [0.0], [inf]),
    "log1p(-1)": (ex.log1p, [-1.0], [inf]),
    "arcsin(1)": (tr.arcsin, [1.0], [inf]),
    "arcsin(-1)": (tr.arcsin, [-1.0], [inf]),
    "arccos(1)": (tr.arccos, [1.0], [-inf]),
    "arccos(-1)": (tr.arccos, [-1.0], [-inf]),
    "arccosh(1)": (ex.arccosh, [1.0], [inf]),
    "arctanh(1)": (ex.arctanh, [1.0], [inf]),
    "erfinv(1)": (sp.erfinv, [1.0], [inf]),
    "logit(0)": (sp.logit, [0.0], [inf]),
    "x**0 at 0, integer exponent": (lambda x: x**0, [0.0], [0.0]),
    "x**0 at 0, floating exponent": (lambda x: x**0.0, [0.0], [0.0]),
    "x**1 at 0": (lambda x: x**1, [0.0], [1.0]),
    "x**2 at a negative number": (lambda x: x**2, [-3.0], [-6.0]),
    "x**0.5 at 0": (lambda x: x**0.5, [0.0], [inf]),
    "0**x": (lambda x: 0.0**x, [2.0], [0.0]),
    "x**y at (0, 0)": (ar.power, [0.0, 0.0], [0.0, 0.0]),
    "x**y at (0, 2)": (ar.power, [0.0, 2.0], [0.0, 0.0]),
    "float_power at (0, 0)": (ar.float_power, [0.0, 0.0], [0.0, 0.0]),
    "arctan2(0, 0)": (tr.arctan2, [0.0, 0.0], [0.0, 0.0]),
    "arctan2 of huge numbers": (tr.arctan2, [0.0, 1e30], [1e-30, 0.0]),
    "hypot(0, 0)": (tr.hypot, [0.0, 0.0], [0.0, 0.0]),
    "hypot(0, -2)": (tr.hypot, [0.0, -2.0], [0.0, -1.0]),
    "sinc(0)": (tr.sinc, [0.0], [0.0]),
    "sinc near 0": (tr.sinc, [1e-9], [-(pi**2) / 3 * 1e-9]),
    "xlogy(0, 0)": (sp.xlogy, [0.0, 0.0], [-inf, 0.0]),
    "xlog1py(0, -1)": (sp.xlog1py, [0.0, -1.0], [-inf, 0.0]),
    "nan_to_num of NaN": (ro.nan_to_num, [nan], [0.0]),
    "nan_to_num of infinity": (ro.nan_to_num, [-inf], [0.0]),
    "nan_to_num of a number": (ro.nan_to_num, [3.0], [1.0]),
    "logaddexp with log 0": (sums.logaddexp, [-inf, 0.0], [0.0, 1.0]),
    "expm1 far below 0": (ex.expm1, [-40.0], [np.exp(-40.0)]),
    "log_ndtr far below 0": (sp.log_ndtr, [-1e4], [1e4 + 1e-4]),
    "log_ndtr far above 0": (sp.log_ndtr, [60.0], [0.0]),
}


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_backward_gives_the_convention(case, dtype):
    f, at, expected = TABLE[case]
    with np.errstate(divide="ignore", invalid="ignore"):
        xs = [tg.tensor(x, dtype=dtype, requires_grad=True) for x in at]
        f(*xs).backward()
    for x, want in zip(xs, expected, strict=True):
        assert x.grad.dtype == dtype
        np.testing.assert_allclose(x.grad, want, rtol=1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("case", TABLE)
def test_the_derivative_as_a_graph_gives_the_same(case):
    f, at, expected = TABLE[case]
    argnums = tuple(range(len(at)))
    with np.errstate(divide="ignore", invalid="ignore"):
        gradients, _ = tg.jvp(tg.grad(f, argnums=argnums), tuple(at), tuple(np.zeros(len(at))))
    np.testing.assert_allclose(gradients, expected, rtol=1e-12)


HARMFUL = {
    "sqrt": (ex.sqrt, [0.0, 4.0], [0.0, 0.25]),
    "cbrt": (ex.cbrt, [0.0, 8.0], [0.0, 1 / 12]),
    "log": (ex.log, [0.0, 4.0], [0.0, 0.25]),
    "log of a negative number": (ex.log, [-1.0, 4.0], [0.0, 0.25]),
    "log2": (ex.log2, [0.0, 1.0], [0.0, 1 / np.log(2)]),
    "xlogy": (lambda x: sp.xlogy(2.0, x), [0.0, 4.0], [0.0, 0.5]),
    "power": (lambda x: x**-1.0, [0.0, 2.0], [0.0, -0.25]),
    "root by power": (lambda x: x**0.5, [0.0, 4.0], [0.0, 0.25]),
    "power of the exponent": (lambda x: (x - 1.0) ** x, [0.0, 2.0], [0.0, 2.0]),
    "division": (lambda x: 1.0 / x, [0.0, 2.0], [0.0, -0.25]),
    "reciprocal": (ar.reciprocal, [0.0, 2.0], [0.0, -0.25]),
    "gammaln": (sp.gammaln, [0.0, 1.0], [0.0, -np.euler_gamma]),
}


@pytest.mark.parametrize("case", HARMFUL)
def test_zero_cotangent_wins(case):
    """`where(x > 0, f(x), 0)`: the element not taken gets 0, though the derivative there is infinite or NaN."""
    f, at, expected = HARMFUL[case]

    def guarded(x):
        return tg.where(x > 0, f(x), 0.0)

    with np.errstate(divide="ignore", invalid="ignore"):
        x = tg.tensor(at, requires_grad=True)
        guarded(x).backward(np.ones(2))
        as_graph, moved = tg.jvp(tg.grad(lambda x: guarded(x).sum()), (np.array(at),), (np.zeros(2),))
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12)
    np.testing.assert_allclose(as_graph, expected, rtol=1e-12)
    np.testing.assert_array_equal(moved, 0.0)


@pytest.mark.parametrize("f", [tr.arccos, tr.arcsin, ex.arctanh])
def test_zero_cotangent_wins_at_the_ends(f):
    with np.errstate(divide="ignore"):
        x = tg.tensor([-1.0, 0.0, 1.0], requires_grad=True)
        tg.where(abs(x) < 1, f(x), 0.0).backward(np.ones(3))
    assert x.grad.tolist() == [0.0, -1.0 if f is tr.arccos else 1.0, 0.0]


def test_sinc_is_smooth_at_zero():
    first, second, third = tr.sinc, tg.grad(tr.sinc), tg.grad(tg.grad(tr.sinc))
    assert (first(0.0), second(0.0)) == (1.0, 0.0)
    assert third(0.0) == pytest.approx(-(pi**2) / 3, rel=1e-14)
    assert tg.grad(tg.grad(third))(0.0) == pytest.approx(pi**4 / 5, rel=1e-14)


def test_powers_at_zero_differentiate_again():
    cube = tg.grad(tg.grad(lambda x: x**3))
    assert (cube(0.0), tg.grad(cube)(0.0), tg.grad(tg.grad(cube))(0.0)) == (0.0, 6.0, 0.0)


def test_larger_keeps_single_precision_and_shares_ties_among_broadcast_copies():
    a = tg.tensor(np.zeros(3, np.float32), requires_grad=True)
    b = tg.tensor(np.float32(0.0), requires_grad=True)
    ar.maximum(a, b).sum().backward()
    assert a.grad.tolist() == [HALF] * 3
    assert b.grad == 1.5
    assert b.grad.dtype == np.float32


def test_comparisons_and_logic_are_numpys_and_carry_no_gradient():
    a, b = np.array([0.0, 1.0, nan, inf]), np.array([0.0, 2.0, nan, -1.0])
    x = tg.tensor(a, requires_grad=True)
    for f in (co.greater, co.less_equal, co.logical_and, co.logical_or, co.logical_xor, co.isclose):
        y = f(x, b)
        assert not y.requires_grad
        np.testing.assert_array_equal(y.data, getattr(np, f.__name__)(a, b))
    for f in (co.logical_not, co.isnan, co.isinf, co.isfinite, co.signbit):
        np.testing.assert_array_equal(f(x).data, getattr(np, f.__name__)(a))
    assert co.isclose(x, a, equal_nan=True).data.all()


def test_numpys_other_names_are_the_same_ops():
    assert (ro.abs, ro.fix, ro.around, ar.mod) == (ro.absolute, ro.trunc, ro.round, ar.remainder)
    assert (sp.digamma, sp.expit) == (sp.psi, tg.sigmoid)


@pytest.mark.parametrize(
    ("mine", "name", "xs"),
    [
        (sp.expit, "expit", [[-800.0, 0.3, 800.0]]),
        (sp.logit, "logit", [[0.0, 1e-20, 0.3, 1.0]]),
        (sp.ndtr, "ndtr", [[-30.0, -0.2, 3.0]]),
        (sp.erf, "erf", [[-3.0, 0.1, 7.0]]),
        (sp.erfc, "erfc", [[-3.0, 0.1, 20.0]]),
        (sp.xlogy, "xlogy", [[0.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.5, nan]]),
        (sp.xlog1py, "xlog1py", [[0.0, 0.0, 2.0, 0.0], [-1.0, 3.0, 1e-12, nan]]),
        (sp.digamma, "digamma", [[0.3, 2.0]]),
        (sp.polygamma, "polygamma", [[1, 2], [0.3, 2.0]]),
        (sp.i0, "i0", [[0.0, 2.0]]),
        (tg.special.iv, "iv", [[0, 2.5], [0.3, 2.0]]),
        (tg.special.ive, "ive", [[0, 2.5], [800.0, 2.0]]),
        (tg.special.jv, "jv", [[0, 2.5], [0.3, 9.0]]),
        (tg.special.yv, "yv", [[0, 2.5], [0.3, 9.0]]),
        (tg.special.kv, "kv", [[0, 2.5], [0.3, 9.0]]),
        (tg.special.j0, "j0", [[-0.3, 2.0]]),
        (tg.special.j1, "j1", [[-0.3, 2.0]]),
        (tg.special.y0, "y0", [[0.3, 2.0]]),
        (tg.special.y1, "y1", [[0.3, 2.0]]),
        (tg.special.i1, "i1", [[-0.3, 2.0]]),
        (tg.special.beta, "beta", [[0.3, 2.0], [4.0, 0.1]]),
        (tg.special.betaln, "betaln", [[0.3, 2000.0], [4.0, 0.1]]),
        (tg.special.betainc, "betainc", [[0.3, 2.0], [4.0, 0.1], [0.0, 0.7]]),
        (tg.special.gammainc, "gammainc", [[0.3, 2.0], [4.0, 0.0]]),
        (tg.special.gammaincc, "gammaincc", [[0.3, 2.0], [4.0, 90.0]]),
        (tg.special.stdtr, "stdtr", [[0.3, 2.0], [-40.0, 0.1]]),
        (tg.special.rgamma, "rgamma", [[-2.0, 0.0, -0.3, 2.0]]),
        (tg.special.erfcinv, "erfcinv", [[1e-20, 1.3]]),
        (tg.special.erf, "erf", [[1 + 2j, -0.3j]]),
        (tg.special.erfc, "erfc", [[1 + 2j, 5.0 + 0j]]),
    ],
)
def test_special_functions_are_scipys(mine, name, xs):
    special = pytest.importorskip("scipy.special")
    xs = [np.array(x) for x in xs]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(mine(*xs), getattr(special, name)(*xs), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize(
    "name",
    [
        "beta",
        "erf",
        "erfc",
        "expit",
        "gamma",
        "gammaln",
        "j0",
        "log_expit",
        "logit",
        "log_ndtr",
        "ndtr",
        "psi",
        "rgamma",
    ],
)
def test_scipys_own_ufuncs_take_tensors(name):
    theirs = getattr(pytest.importorskip("scipy.special"), name)
    x = tg.tensor([0.2, 0.7], requires_grad=True)
    xs = [x] * theirs.nin
    y = theirs(*xs)
    assert y.requires_grad
    np.testing.assert_allclose(y.data, theirs(*[x.data for x in xs]), rtol=1e-14)


def test_an_order_has_no_derivative():
    with pytest.raises(MissingRuleError, match="jv has no derivative for v, and order"):
        tg.special.jv(tg.tensor(2.5, requires_grad=True, name="order"), 1.0)


def test_one_over_gamma_at_its_zeros():
    """(−1)ⁿ·n! at −n, and the slope of the slope by a difference."""
    slope = tg.grad(tg.special.rgamma)
    np.testing.assert_allclose([slope(-n * 1.0) for n in range(4)], [1, -1, 2, -6], rtol=1e-14)
    for x in (-1.0, 0.5):
        np.testing.assert_allclose(tg.grad(slope)(x), (slope(x + 1e-5) - slope(x - 1e-5)) / 2e-5, rtol=1e-8)


def test_logsumexp_with_weights():
    special = pytest.importorskip("scipy.special")
    a, b = np.array([[1e3, 1e3 + 1, -np.inf], [1.0, 2.0, 3.0]]), np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 0.5]])
    for axis, keepdims in ((None, False), (1, True), (0, False)):
        got = tg.special.logsumexp(a, axis, b, keepdims)
        np.testing.assert_allclose(got, special.logsumexp(a, axis, b, keepdims), rtol=1e-14)
    size, sign = tg.special.logsumexp(a[1], b=-b[1], return_sign=True)
    np.testing.assert_allclose([size, sign], special.logsumexp(a[1], b=-b[1], return_sign=True), rtol=1e-14)
    check_gradients(lambda a, b: tg.special.logsumexp(a, 1, b), np.clip(a, -3, 3), b + 0.1)
    np.testing.assert_array_equal(tg.grad(lambda a: tg.special.logsumexp(a, b=b[0]))(a[0])[2], 0)


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"scipy is not installed.*tinygrad_bp\[scipy\]"):
        sp.gammaln(tg.tensor(2.0))
    assert sp.erf(0.0) == 0.0


UFUNCS = {f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None}
WITHOUT_RECORD = {
    "of integers": "bitwise_count gcd lcm",
    "of dates": "isnat",
    "of the float's digits, not of its value": "frexp ldexp nextafter spacing",
    "with two results": "divmod modf",
}


def test_every_ufunc_has_a_record_or_a_reason():
    without = {name for names in WITHOUT_RECORD.values() for name in names.split()}
    assert without == set(UFUNCS) - set(OPS)


OF_FLOATS = {name for name, f in UFUNCS.items() if any("d" in types for types in f.types)}


@pytest.mark.parametrize("name", sorted(OF_FLOATS & set(OPS)))
def test_ufuncs_on_tensors_are_the_ops(name):
    ufunc = UFUNCS[name]
    x = np.array([0.5, 0.75]) + (name == "arccosh")
    inputs = (x,) * ufunc.nin
    y = ufunc(*[tg.tensor(x, requires_grad=True) for x in inputs])
    assert y.op is OPS[name]
    np.testing.assert_array_equal(y.data, ufunc(*inputs))


@pytest.mark.parametrize("zero", [0, 0.0])
def test_division_by_the_number_0_has_an_infinite_derivative(zero):
    x = np.array([1.0, -2.0], np.float32)
    with np.errstate(divide="ignore"):
        y, pullback = tg.vjp(lambda x: x / zero, x)
    np.testing.assert_array_equal(y, [np.inf, -np.inf])
    np.testing.assert_array_equal(pullback(np.array([1.0, 0.0]))[0], np.array([np.inf, 0.0], np.float32))
