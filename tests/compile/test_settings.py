"""Floats that are settings of ops, as arguments of compiled functions: huber's delta, quantile's q, norm's ord."""

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import tinygrad_bp as tg
from tinygrad_bp.domains import Reals
from tinygrad_bp.errors import ArgumentError, TracingError
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import op_cases
from tinygrad_bp.trees import flatten

X = np.array([-2.0, -0.6, -0.1, 0.3, 0.7, 1.9])


def like_eager(f, *calls, backend="numpy", rtol=1e-12):
    """The compiled function, after it gave what f gives for each of the calls, twice."""
    fast = tg.compile(f, backend=backend)
    for args in calls * 2:
        found, wanted = flatten(fast(*args))[0], flatten(f(*args))[0]
        for got, want in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-14)
            assert np.asarray(got).dtype == np.asarray(want).dtype
    return fast


SETTINGS = {
    "huber's delta": lambda x, d: tg.huber(x, 0.2 * x, delta=d),
    "huber's delta, of constants": lambda x, d: tg.huber(np.array([1.0, 0.3]), np.zeros(2), delta=d) * tg.sum(x * x),
    "leaky_relu's slope": lambda x, d: tg.sum(tg.leaky_relu(x, d) * x),
    "elu's alpha": lambda x, d: tg.sum(tg.elu(x, d)),
    "celu's alpha": lambda x, d: tg.sum(tg.celu(x, alpha=d)),
    "threshold's limit and value": lambda x, d: tg.sum(tg.threshold(x, d, -d) * x),
    "hard_shrink's width": lambda x, d: tg.sum(tg.hard_shrink(x, d) * x),
    "soft_shrink's width": lambda x, d: tg.sum(tg.soft_shrink(x, width=d) * x),
    "quantile's q": lambda x, d: tg.quantile(x * x * x, d),
    "a tuple of q": lambda x, d: tg.sum(tg.quantile(x, (0.1, d)) ** 2.0),
    "percentile's q": lambda x, d: tg.percentile(x * x * x, 100.0 * d),
    "np.quantile's q": lambda x, d: np.quantile(x * x * x, d),
    "norm's ord": lambda x, d: tg.linalg.norm(x, ord=2.0 * d),
    "np.linalg.norm's ord": lambda x, d: np.linalg.norm(x, 4.0 * d),
    "ord of a matrix norm": lambda x, d: tg.linalg.norm(x.reshape(2, 3), ord=1.0 + np.ceil(d - 0.9)),
    "var's ddof": lambda x, d: tg.var(x, ddof=d) ** 2.0,
    "normalise's eps": lambda x, d: tg.sum(tg.layer_norm(x, eps=d) * x),
    "batch_norm's eps": lambda x, d: tg.sum(tg.batch_norm(x.reshape(3, 2), eps=d) * np.array([2.0, -1.0])),
    "running statistics and eps": lambda x, d: tg.sum(
        tg.batch_norm(x.reshape(3, 2), mean=np.zeros(2), variance=np.ones(2), eps=d) ** 2.0
    ),
    "clip's bounds": lambda x, d: tg.sum(tg.clip(x, -d, d) * x),
    "an exponent": lambda x, d: tg.sum((x * x) ** d),
    "nan_to_num's number": lambda x, d: tg.sum(tg.nan_to_num(tg.log(x), nan=d) * x),
    "pad's constant": lambda x, d: tg.sum(tg.pad(x, 1, constant_values=d) ** 2.0),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_value_and_derivatives(name):
    f, v = SETTINGS[name], np.cos(X)
    calls = [(X, 1.0), (X, 0.5), (X, 0.85)]
    with np.errstate(all="ignore"):
        like_eager(f, *calls)
        like_eager(tg.value_and_grad(f), *calls)
        like_eager(lambda x, d: tg.hvp(lambda x: f(x, d), (x,), (v,)), *calls, rtol=1e-10)
        like_eager(lambda x, d: tg.jvp(lambda x: f(x, d), (x,), (v,)), *calls)


def with_floats(name):
    """Cases of an op with floats among its settings, always the same ones."""
    found = []

    @hypothesis.seed(1)
    @settings(max_examples=20, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(op_cases(OPS[name]))
    def collect(case):
        if any(type(p) is float for p in case.params.values()) and all(x.size for x in case.inputs):
            found.append(case)

    collect()
    return found[:3]


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_float_that_is_a_setting_may_be_an_argument(name):
    for case in with_floats(name):
        floats = {key: p for key, p in case.params.items() if type(p) is float}
        fixed = {key: p for key, p in case.params.items() if key not in floats}

        def f(inputs, chosen, case=case, fixed=fixed):
            y = case.op.call(*inputs, **fixed, **chosen)
            return (
                tg.vjp(lambda x: case.op.call(x, *inputs[1:], **fixed, **chosen), inputs[0])[1](
                    np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)
                )
                if case.op.differentiable
                else y
            )

        with np.errstate(all="ignore"):
            other = {key: p * 1.5 if abs(p) > 1 else p * 0.5 for key, p in floats.items()}
            like_eager(f, (case.inputs, floats), (case.inputs, other))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_number_is_an_input_where_the_program_can_have_it(backend):
    if backend == "numba":
        pytest.importorskip("numba")
    f = tg.value_and_grad(lambda x, d: tg.huber(x, 0.0 * x, delta=d))
    fast = like_eager(f, *[(X, d) for d in (1.0, 0.5, 2.0)], backend=backend)
    assert (fast.plan.backend, len(fast._specializations)) == (backend, 1)
    assert "def huber(x, d)" in fast.source or "(x, d):" in fast.source
    with pytest.raises(ArgumentError, match="delta is where the parabola ends and must be positive"):
        fast(X, -1.0)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_number_that_decides_what_is_done_is_part_of_the_program(backend):
    if backend == "numba":
        pytest.importorskip("numba")
    calls = []

    def f(x, order, factor):
        calls.append(order)
        return tg.linalg.norm(x, ord=order) * factor

    fast = tg.compile(f, backend=backend)
    for order in (2.0, 1.0, 2.0, 1.0):
        for factor in (3.0, 5.0):
            np.testing.assert_allclose(fast(X, order, factor), np.linalg.norm(X, order) * factor, rtol=1e-13)
    assert len(calls) == 1 + 2  # once to see that it takes the number, and once for each
    assert "(x, factor)" in fast.source


def test_zero_and_minus_zero_are_two_numbers_and_nan_is_one():
    def product(x, n):
        """|x·n| with the sign of n."""
        return np.copysign(x, float(n)) * abs(float(n))

    rules = {"vjps": (lambda g, y, x, n: g * n,), "jvp": (lambda t, y, x, n: t * n,)}
    signed = tg.custom_op(latex="n", domain=Reals(params=lambda *_: ({"n": 1.0},)), **rules)(product)
    traced = []

    def f(x, n):
        traced.append(n)
        return signed(x, n=n)

    fast = tg.compile(f, backend="numpy")
    for n in (0.0, -0.0, np.nan, 0.0, -0.0, np.nan, np.float64(0.0), float("nan")):
        np.testing.assert_array_equal(np.signbit(fast(X, n)), np.full(6, np.signbit(n)))
        assert np.isnan(fast(X, n)).all() == np.isnan(n)
    assert len(traced) == 1 + 4


def test_numbers_in_containers_and_keywords():
    f = tg.grad(lambda x, options, *, q: tg.linalg.norm(x, options["ord"]) * options["rate"][0] + tg.quantile(x, q))
    fast = tg.compile(f, backend="numpy")
    for order in (1.0, 2.0, 1.0):
        for rate in (0.1, 0.2):
            given = {"rate": [rate], "ord": order}
            np.testing.assert_allclose(fast(X, given, q=rate), f(X, given, q=rate), rtol=1e-12)


def test_dropout():
    def f(x, p, rng):
        return tg.dropout(x, p, rng)

    fast = tg.compile(tg.grad(lambda x, p, rng: tg.sum(f(x, p, rng) * x)), backend="numpy")
    eager = tg.grad(lambda x, p, rng: tg.sum(f(x, p, rng) * x))
    for p in (0.5, 0.25, 0.0, 0.5):
        got, want = (g(X.astype(np.float32), p, np.random.default_rng(3)) for g in (fast, eager))
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.float32
    with pytest.raises(ArgumentError, match="p is a probability"):
        fast(X.astype(np.float32), 1.5, np.random.default_rng(3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, d: tg.huber(x, 0.0 * x, delta=d),
        lambda x, d: tg.quantile(x, d),
        lambda x, d: tg.linalg.norm(x, d),
        lambda x, d: tg.linalg.norm(tg.outer(x, x), d),
        lambda x, d: tg.sum(tg.dropout(x, d, np.random.default_rng(0))),
    ],
)
@pytest.mark.parametrize(
    "transform", [lambda f: tg.grad(f, argnums=1), lambda f: lambda x, d: tg.jvp(f, (x, d), (x, d))]
)
def test_a_gradient_for_a_setting_is_refused(f, transform):
    for wanted in (transform(f), tg.compile(transform(f))):
        with pytest.raises(ArgumentError, match="no gradient passes through"):
            wanted(X, 0.5)


def test_the_advice_given_works():
    x, d = tg.tensor(X, requires_grad=True), tg.tensor(0.5)
    with pytest.raises(ArgumentError, match=r"Pass its number, \.item\(\)\."):
        tg.huber(x, 0.0 * x, delta=d)
    assert tg.huber(x, 0.0 * x, delta=d.item()).item() == tg.huber(X, 0.0 * X, delta=0.5)
    both = tg.value_and_grad(lambda d, delta: d * tg.huber(X, 0.0 * X, delta=delta))
    with pytest.raises(ArgumentError, match=r"Leave it out of argnums, or pass its \.detach\(\)\."):
        tg.compile(lambda d: both(d, d))(0.5) and tg.compile(tg.grad(lambda d: d * tg.huber(X, 0.0 * X, delta=d)))(0.5)
    like_eager(tg.grad(lambda d, delta: d * tg.huber(X, 0.0 * X, delta=delta)), (0.5, 0.5), (0.5, 1.0))
    detached = tg.compile(tg.grad(lambda d: d * tg.huber(X, 0.0 * X, delta=d.detach())))
    np.testing.assert_allclose(detached(0.5), tg.huber(X, 0.0 * X, delta=0.5))


def test_what_follows_from_an_array_is_no_setting_that_decides():
    with pytest.raises(TracingError, match=r"float\(\) needs a number, .* line \d+ of test_settings\.py"):
        tg.compile(lambda x: tg.linalg.norm(x, ord=tg.sum(x) * 2.0))(X)
    with pytest.raises(TracingError, match="a branch needs a number"):
        tg.compile(lambda x, d: x if d > 0 else -x)(X, 1.0)
