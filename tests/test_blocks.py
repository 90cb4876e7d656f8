"""Large arrays in blocks: the same to the last bit, in any number of threads, with nothing shared or written to."""

import inspect
import multiprocessing
import os
import threading
from math import inf

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import blocks, registry
from tinygrad_bp.blocks import LARGE, blockwise, share_out, splits
from tinygrad_bp.domains import Reals
from tinygrad_bp.registry import OPS

random = np.random.default_rng(0)

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, -1e30])
SMALL_BLOCK = 256
SIZE = 5 * SMALL_BLOCK + 17

ELEMENTWISE = {
    name: record
    for name, record in OPS.items()
    if any(record.derivatives or ()) and record.forward.__module__.startswith("tinygrad_bp.ops.")
}
PASSES = "sigmoid", "softplus", "log_sigmoid", "silu", "gelu", "mish", "softsign", "erf", "erfc"
COMPLEX = (
    "multiply",
    "divide",
    "power",
    "square",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "sin",
    "absolute",
    "sigmoid",
    "identity",
)


@pytest.fixture
def small(monkeypatch):
    """Blocks of few elements, shared out between three threads, also those of functions that blocks call."""
    monkeypatch.setattr(blocks, "BLOCK", SMALL_BLOCK)
    monkeypatch.setattr(blocks, "LARGE", 1)
    monkeypatch.setattr(blocks, "threads", lambda: 3)


def assert_same_bits(got, want):
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_array_equal(got, want)
    parts = [(got.real, want.real), (got.imag, want.imag)] if got.dtype.kind == "c" else [(got, want)]
    for a, b in parts:
        known = ~np.isnan(a)
        np.testing.assert_array_equal(np.signbit(a[known]), np.signbit(b[known]))


def operands(record, dtype, special):
    """Inputs of one length from the domain of an op, or points where conventions and infinities lie."""
    domain, found = record.domain, []
    for i in range(len(record.derivatives)):
        low, high = domain.intervals[min(i, len(domain.intervals) - 1)]
        kind = domain.kinds[min(i, len(domain.kinds) - 1)]
        x = random.choice(SPECIAL, SIZE) if special and kind == "f" else random.uniform(low, high, SIZE)
        found.append(x.astype({"f": dtype, "i": int, "b": bool}[kind]))
    return found if domain.prepare is None else [x.astype(dtype) for x in domain.prepare(*found)]


def assert_rules_agree(record, g, xs, params):
    """Compare the rules in blocks with those on whole arrays; returns the last share."""
    y = record.forward(*xs, **params)
    for derivative in filter(None, record.derivatives):
        whole, parts = (registry._cotangent_rule(derivative, large) for large in (inf, 1))
        share = parts(g, y, *xs, **params)
        assert_same_bits(share, whole(g, y, *xs, **params))
    return share


# --- rules ---


@pytest.mark.usefixtures("small")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("record", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_every_elementwise_rule_is_the_same_in_blocks(record, dtype, special):
    xs = operands(record, dtype, special)
    g = random.choice([0.0, 1.0, -2.0, np.inf], SIZE) if special else random.normal(size=SIZE)
    for params in record.domain.params(*[x.shape for x in xs]):
        assert_rules_agree(record, g.astype(dtype), xs, {**record.defaults, **params})


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", COMPLEX)
def test_so_it_is_of_complex_numbers(name):
    record = OPS[name]
    g, *xs = (random.normal(size=(SIZE, 2)).view(complex)[:, 0] for _ in range(1 + len(record.derivatives)))
    g[::7] = 0
    assert_rules_agree(record, g, xs, dict(record.defaults))


def test_the_tail_of_a_large_array_meets_the_same_instructions():
    for dtype in (np.float32, np.float64):
        g, x = random.normal(size=(2, LARGE + 4321)).astype(dtype)
        for name in ("exp", "tanh", "sin", "cos", "sigmoid", "softplus", "arcsinh", "expm1", "arctan"):
            record = OPS[name]
            y = record.forward(x)
            assert_same_bits(y, inspect.unwrap(record.forward)(x))
            assert_same_bits(record.vjps[0](g, y, x), registry._cotangent_rule(record.derivatives[0], inf)(g, y, x))


LAYOUTS = {
    "in order": (lambda g: g, True),
    "read-only": (lambda g: np.lib.stride_tricks.as_strided(g, writeable=False), True),
    "one number": (lambda g: np.broadcast_to(g[0, 0], g.shape), True),
    "column-major": (np.asfortranarray, False),
    "strided": (lambda g: np.repeat(g, 2, axis=1)[:, ::2], False),
    "reversed": (lambda g: g[::-1], False),
    "one row": (lambda g: np.broadcast_to(g[0], g.shape), False),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("layout", "cut"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_cotangent_of_any_layout(layout, cut):
    record, x = OPS["multiply"], random.normal(size=(SIZE, 3))
    g = layout(random.normal(size=x.shape))
    before = g.copy()
    assert splits(x.shape, (g, x, x)) is cut
    share = assert_rules_agree(record, g, [x, 2 * x], {})
    assert share.flags.owndata
    assert share.flags.c_contiguous or not cut
    assert not any(np.shares_memory(share, a) for a in (g, x))
    np.testing.assert_array_equal(g, before)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "other", [2.0, np.float32(2), np.array(2.0), np.ones(3), np.ones((SIZE, 1)), np.ones((SIZE, 3))]
)
def test_operands_that_broadcast(other):
    x = random.normal(size=(SIZE, 3)).astype(np.float32)
    assert_rules_agree(OPS["divide"], np.ones(x.shape, np.result_type(x, other)), [x, other], {})


@pytest.mark.usefixtures("small")
def test_settings_that_are_arrays():
    x, slopes = random.normal(size=(2, SIZE))
    assert_rules_agree(OPS["leaky_relu"], np.ones(SIZE), [x], {"slope": slopes})


def test_ops_of_others_see_their_arrays_whole():
    seen = []

    @tg.custom_op(derivatives=(lambda y, x: seen.append(x.shape) or x.sum() / x.sum(),), latex="{0}", domain=Reals())
    def steady(x):
        """x, by a rule that adds up what it is given."""
        return x * 1.0

    x = tg.tensor(np.ones(LARGE), requires_grad=True)
    steady(x).backward(np.ones(LARGE))
    assert seen == [(LARGE,)]


# --- forward functions ---


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", PASSES)
def test_functions_of_several_passes_are_the_same_in_blocks(name, dtype, request):
    record = OPS[name]
    x = np.concatenate([random.normal(size=SIZE) * 5, SPECIAL]).astype(dtype)
    choices = record.domain.params(x.shape)
    whole = [record.call(x, **params) for params in choices]
    request.getfixturevalue("small")
    for params, want in zip(choices, whole, strict=True):
        assert_same_bits(record.call(x, **params), want)


@pytest.mark.usefixtures("small")
def test_blocks_are_never_shorter_than_others():
    lengths = []
    doubled = blockwise(lambda x: lengths.append(len(x)) or 2 * x)
    for size in (SMALL_BLOCK, SMALL_BLOCK + 1, 2 * SMALL_BLOCK - 1, 2 * SMALL_BLOCK, SIZE):
        lengths.clear()
        assert np.array_equal(doubled(np.ones(size)), np.full(size, 2.0))
        assert sum(lengths) == size
        assert min(lengths) >= SMALL_BLOCK


# --- threads ---


def test_every_item_is_done_once(monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 4)
    done = []
    share_out(done.extend, range(1000))
    assert sorted(done) == list(range(1000))
    share_out(done.extend, [])
    assert len(done) == 1000


def test_threads_have_the_callers_errstate(monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 2)
    meeting, seen = threading.Barrier(2, timeout=60), {}

    def work(left):
        meeting.wait()  # so that both threads have begun
        seen[threading.get_ident()] = np.geterr()["over"]

    for state in ("raise", "ignore"):
        seen.clear()
        with np.errstate(over=state):
            share_out(work, range(2))
        assert list(seen.values()) == [state, state]


@pytest.mark.parametrize("culprit", ["helper", "caller"])
def test_what_a_thread_raises_the_caller_raises(culprit, monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 2)
    caller, meeting, taken = threading.get_ident(), threading.Barrier(2, timeout=60), []

    def work(left):
        meeting.wait()
        if (threading.get_ident() == caller) == (culprit == "caller"):
            raise FloatingPointError("overflow")
        taken.extend(left)

    with pytest.raises(FloatingPointError, match="overflow"):
        share_out(work, range(10))
    assert sorted(taken) == list(range(len(taken)))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [0, SIZE - 1])
def test_an_overflow_is_reported_from_any_block(place):
    x = np.ones(SIZE, np.float32)
    y = np.full(SIZE, 1e30, np.float32)
    g = np.ones(SIZE, np.float32)
    g[place] = 1e30
    rule = registry._cotangent_rule(OPS["multiply"].derivatives[1], 1)
    with pytest.warns(RuntimeWarning, match="overflow"):
        rule(g, y, y, x)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        rule(g, y, y, x)
    with np.errstate(over="ignore"):
        assert np.isinf(rule(g, y, y, x)[place])


@pytest.mark.usefixtures("small")
def test_work_may_share_out_work():
    done = []

    def outer(left):
        for i in left:
            share_out(done.extend, [(i, j) for j in range(5)])

    share_out(outer, range(20))
    assert sorted(done) == [(i, j) for i in range(20) for j in range(5)]


def _in_the_child(queue):
    blocks.threads = lambda: 3
    x = np.linspace(-1, 1, LARGE)
    queue.put(bool(np.array_equal(tg.sigmoid(x), inspect.unwrap(tg.sigmoid.op.forward)(x))))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(blocks, "threads", lambda: 3)
    tg.sigmoid(np.ones(LARGE))
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_in_the_child, args=(queue,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert queue.get() is True


@pytest.mark.parametrize("size", [5, blocks.CACHED, 2 * blocks.CACHED, 3 * blocks.CACHED + 7])
def test_functions_of_many_passes_are_the_same_in_parts(size):
    seen = []

    @blocks.cachewise
    def f(x):
        seen.append(x.size)
        return np.exp(x) * x

    x = np.random.default_rng(0).normal(size=size)
    np.testing.assert_array_equal(f(x), np.exp(x) * x)
    assert sum(seen) == size
    assert max(seen) <= (size if size < 2 * blocks.CACHED else blocks.CACHED)
    np.testing.assert_array_equal(f(x[::2]), np.exp(x[::2]) * x[::2])


def test_a_result_takes_the_place_of_floats_alone():
    x, n = np.array([1.0, 4.0]), np.array([1, 4])
    assert blocks.into(x, np.sqrt, x) is x
    assert blocks.into(n, np.sqrt, n).tolist() == [1.0, 2.0]
    assert n.tolist() == [1, 4]
