"""The Numba backend: the same numbers, kept on disk for the next process, and NumPy where Numba cannot."""

import os
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.domains import Reals
from tinygrad_bp.errors import MissingExtraError
from tinygrad_bp.trees import flatten

pytest.importorskip("numba", reason="the jit extra is not installed")
rng = np.random.default_rng(0)

SCRIPT = textwrap.dedent(
    """
    import sys
    import numpy as np
    import tinygrad_bp as tg

    def loss(W, b, x, y):
        return tg.binary_cross_entropy_with_logits(W @ x + b, y)

    fast = tg.compile(tg.value_and_grad(loss, argnums=(0, 1)), backend="numba")
    x = np.linspace(-1, 1, 6).reshape(2, 3)
    args = np.ones((1, 2)), np.zeros((1, 1)), x, np.array([[0.0, 1.0, 1.0]])
    for turned in (args, args, [np.asfortranarray(a) for a in args]):
        C, (dW, db) = fast(*turned)
    if "more" in sys.argv:
        import numba
        assert numba.njit(lambda x: np.sort(x).sum() + np.median(x))(np.arange(5.0)) == 12
    print(repr(C.item()), dW.tolist(), fast.plan.backend, fast.plan.seconds)
    """
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(autouse=True)
def _in_cache(cache, monkeypatch):
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(cache))


def run(folder, cache, *more):
    environment = {**os.environ, "TINYGRAD_BP_CACHE": str(cache)}
    (folder / "program.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py", *more], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    C, *dW, backend, seconds = done.stdout.split()
    return (C, dW, backend), float(seconds)


def test_a_second_process_finds_the_machine_code(tmp_path, cache):
    first, _ = run(tmp_path, cache)
    compiled = {path.name: path.stat().st_mtime_ns for path in cache.rglob("*.code")}
    assert compiled
    second, _ = run(tmp_path, cache, "more")
    assert first == second
    assert first[2] == "numba"
    assert compiled.items() <= {path.name: path.stat().st_mtime_ns for path in cache.rglob("*.code")}.items()


def test_the_articles_training_step():
    def cost(p, X, Y):
        a1 = tg.sigmoid(p["W1"] @ X + p["b1"])
        return tg.binary_cross_entropy_with_logits(p["W2"] @ a1 + p["b2"], Y)

    def step(p, X, Y, rate):
        C, gradients = tg.value_and_grad(cost)(p, X, Y)
        return C, {name: p[name] - rate * gradients[name] for name in p}

    p = {"W1": rng.normal(size=(3, 7)), "b1": np.zeros((3, 1)), "W2": rng.normal(size=(1, 3)), "b2": np.zeros((1, 1))}
    X, Y = rng.normal(size=(7, 5)), np.array([[0.0, 1.0, 0.0, 1.0, 1.0]])
    fast, slow = tg.compile(step, backend="numba"), p
    for _ in range(5):
        C, p = fast(p, X, Y, 0.5)
        expected, slow = step(slow, X, Y, 0.5)
        np.testing.assert_allclose(C, expected, rtol=1e-12)
        assert isinstance(C, np.float64)
        for got, want in zip(flatten(p)[0], flatten(slow)[0], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-14)
    assert fast.plan.backend == "numba"
    turned = {name: np.asfortranarray(value) for name, value in p.items()}
    for got, want in zip(flatten(fast(turned, X, Y, 0.5))[0], flatten(step(p, X, Y, 0.5))[0], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-14)


def test_zero_cotangents_win_there_too():
    f = tg.grad(lambda x: tg.sum(tg.where(x > 0, tg.sqrt(x), 0.0)))
    fast = tg.compile(f, backend="numba")
    for _ in range(2):
        np.testing.assert_array_equal(fast(np.array([0.0, 4.0])), [0.0, 0.25])
    assert fast.plan.backend == "numba"


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: tg.fft.fft(x).real, "np.fft.fft"),
        (tg.erfinv, "erfinv"),
        (lambda x: tg.i0(tg.sqrt(x)), "i0"),
        (lambda x: tg.quantile(x, 0.3), "np.quantile"),
        (lambda x: tg.linalg.inv(x.reshape(2, 2, 2)), "np.linalg.inv of 3 axes"),
    ],
    ids=["fft", "erfinv", "i0", "quantile", "inv"],
)
def test_what_numba_cannot_take_runs_on_numpy_and_is_named_once(f, name):
    x = rng.uniform(0, 1, size=8)
    fast = tg.compile(f, backend="numba")
    with pytest.warns(RuntimeWarning, match=f"runs on NumPy, not on Numba: {name}: Numba has no such function"):
        first = fast(x)
    chosen = tg.compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(fast(x), first)
        np.testing.assert_array_equal(chosen(x), first)
    for compiled in (fast, chosen):
        assert compiled.plan.backend == "numpy"
        assert name.rpartition(".")[2] in compiled.plan.reason


def sorted_by_python(x):
    """The elements in ascending order."""
    listed = x.tolist()
    return np.asarray(sorted(listed))


@pytest.mark.parametrize("backend", ["numba", "auto"])
def test_what_numba_refuses_is_told_with_the_line_it_is_about(backend, monkeypatch):
    monkeypatch.setattr("tinygrad_bp.registry._ops", {})
    ascending = tg.custom_op(vjps=(None,), jvp=(None,), latex="{0}", domain=Reals(), whole=True)(sorted_by_python)
    fast = tg.compile(lambda x: ascending(x) * 2.0, backend=backend)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2000):
            np.testing.assert_array_equal(fast(np.array([2.0, 1.0])), [2.0, 4.0])
            if "Numba compiles" not in fast.plan.reason:
                break
            sleep(0.01)
    assert "`listed = x.tolist()`: Unknown attribute 'tolist'" in fast.plan.reason
    assert len(caught) == (backend == "numba")


# --- what programs are made of ----------------------------------------------------------------------------------------

FAMILIES = {
    "fixed places": lambda x, i: [
        x[1:, ::-1], x[np.array([0, 1]), np.array([2, -1])], tg.take(x, np.array([0, 2]), axis=1),
        tg.repeat(x, 2, axis=0), tg.pad(x, 1, mode="edge"), tg.stack([x, x * x]), tg.broadcast_to(x[0, 0], (2, 2)),
    ],
    "computed places": lambda x, i: [
        x[i], x[:, i], x[i, i + 1], tg.take_along_axis(x, i[:, None], 1), tg.index_update(x, (i, 0), x[i, 1]),
        tg.softmax_cross_entropy(x, abs(i)),
    ],
    "reductions": lambda x, i: [
        tg.max(x), tg.prod(x, axis=1), tg.logsumexp(x, axis=1), tg.var(x, axis=0), tg.all(x > -2, axis=1),
        tg.sum(x[:, None] * x, axis=(0, 2)),
    ],
    "norms": lambda x, i: [tg.linalg.norm(x[0]), tg.linalg.norm(x, axis=1), tg.std(x, axis=1, ddof=1)],
    "lines": lambda x, i: [
        tg.sort(x, axis=0), tg.argsort(x), tg.argmin(x, axis=1), tg.cumsum(x, axis=1), tg.cumprod(x, axis=0),
        tg.softmax(x), tg.log_softmax(x, axis=0),
    ],
    "numbers": lambda x, i: [
        tg.where(x > 0, x, 2.0), tg.clip(x, -1.0, 1.0), tg.sinc(x), tg.gelu(x), tg.gelu(x, approximate="tanh"),
        tg.erf(x), tg.heaviside(x, 0.5),
    ],
    "products": lambda x, i: [
        tg.einsum("ij,kj->ik", x, x), tg.dot(x[0], x[1]), tg.reshape(x.T, (2, 6)),
        tg.conv1d(x[None], x[None, :, :2], padding=1),
    ],
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("family", FAMILIES)
def test_it_runs_there_value_and_gradient_each_time_it_is_compiled(family, settled):
    def total(x, i):
        found = FAMILIES[family](x, i)
        return sum([tg.sum(tg.cos(y)) for y in found if y.dtype == np.float64]), found

    f = tg.value_and_grad(total, has_aux=True)
    x, i = np.random.default_rng(1).normal(size=(3, 4)), np.array([0, -1, 1])
    for _ in range(2):
        fast = tg.compile(f)
        settled(fast, x, i)
        for given in (x, x + 0.01):
            for got, want in zip(flatten(fast(given, i))[0], flatten(f(given, i))[0], strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
                assert np.asarray(got).dtype == np.asarray(want).dtype
        assert fast.plan.backend == "numba", fast.plan.reason


def test_an_index_out_of_range_is_told_as_numpy_does(settled):
    fast, x = tg.compile(lambda x, i: x[i] * 2.0), np.arange(3.0)
    np.testing.assert_array_equal(settled(fast, x, np.array([0, -3])), [0.0, 0.0])
    assert fast.plan.backend == "numba"
    for wrong in (3, -4):
        with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
            fast(x, np.array([0, wrong]))


def test_threads_may_compile_the_same_source():
    def run(_):
        fast = tg.compile(lambda x: tg.max(x, axis=0) * 3.5, backend="numba")
        return [fast(np.arange(6.0).reshape(2, 3)) for _ in range(2)], fast.plan.backend

    with ThreadPoolExecutor(4) as pool:
        for results, backend in pool.map(run, range(4)):
            np.testing.assert_array_equal(results, [[10.5, 14.0, 17.5]] * 2)
            assert backend == "numba"


def test_programs_of_very_many_operations_are_numpys(monkeypatch, settled):
    monkeypatch.setattr("tinygrad_bp.backends.numba.NUMBA_OPERATIONS", 2)
    short, long = tg.compile(lambda x: tg.tanh(x) + 1.5), tg.compile(lambda x: tg.tanh(x + 1.5) + 2.5)
    settled(short, np.ones(2)), long(np.ones(2))
    assert (short.plan.backend, long.plan.backend) == ("numba", "numpy")
    assert "2 operations" in long.plan.reason


def test_auto_goes_by_size_and_kind(settled):
    f = tg.value_and_grad(lambda x: tg.sum(tg.tanh(x)))
    fast = tg.compile(f)
    settled(fast, np.ones(5))
    for x, backend, reason in (
        (np.ones(5), "numba", "small"),
        (np.ones(100_000), "numpy", "large enough"),
        (np.ones(5, np.float32), "numpy", "float32"),
    ):
        fast(x)
        assert fast.plan.backend == backend
        assert reason in fast.plan.reason


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(sys.modules["tinygrad_bp.backends.numba"], "find_spec", lambda name: None)
    fast = tg.compile(lambda x: x + 1.0)
    fast(np.ones(2))
    assert "not installed" in fast.plan.reason
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[jit\]"):
        tg.compile(lambda x: x + 1.0, backend="numba")(np.ones(2))


def test_exponentials_from_end_to_end():
    x = np.concatenate(
        [np.linspace(-760, 720, 20_000), [0.0, -0.0, np.inf, -np.inf, np.nan, 709.8, -745.1, 1e300, -1e300]]
    )
    fast = tg.compile(lambda x: tg.exp(x), backend="numba")
    fast(x)
    with np.errstate(all="ignore"):
        want, got = np.exp(x), fast(x)
    assert fast.plan.backend == "numba"
    normal = want > 1e-300
    np.testing.assert_allclose(got[normal], want[normal], rtol=1e-15)
    np.testing.assert_allclose(got[~normal], want[~normal], rtol=1e-12, atol=5e-324)


def test_sums_over_axes():
    def f(x):
        return (
            x.sum(),
            tg.sum(x, axis=0),
            tg.sum(x, axis=1),
            tg.sum(x, axis=0, keepdims=True),
            tg.sum(x, axis=1, keepdims=True),
        )

    fast, x = tg.compile(f, backend="numba"), rng.normal(size=(7, 33))
    fast(x)
    assert fast.plan.backend == "numba"
    for got, want in zip(fast(x), f(x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13)


def test_sums_of_truths_count():
    def f(x):
        return tg.sum(x > 0), tg.sum(x > 0, axis=0), tg.sum(x > 0, axis=1)

    fast, x = tg.compile(f, backend="numba"), rng.normal(size=(3, 4))
    fast(x)
    assert fast.plan.backend == "numba"
    for got, want in zip(fast(x), f(x), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want.data)


def test_programs_that_draw_run_on_numpy_and_draw_once():
    def f(x, generator):
        return x + generator.normal(size=3)

    ours, theirs, x = np.random.default_rng(3), np.random.default_rng(3), np.ones(3)
    fast = tg.compile(f, backend="numba")
    with pytest.warns(RuntimeWarning, match="random numbers"):
        np.testing.assert_array_equal(fast(x, ours), f(x, theirs))
    np.testing.assert_array_equal(fast(x, ours), f(x, theirs))
    assert fast.plan.backend == "numpy"


@pytest.mark.parametrize("inner", [0, 3, 97])
def test_small_products_of_matrices_in_every_layout(inner):
    a, b = rng.normal(size=(4, inner)), rng.normal(size=(inner, 5))

    def program(x0, y0):
        return tg.matmul(x0, y0), tg.matmul(y0.T, x0.T), tg.matmul(x0, x0.T), tg.matmul(x0.T, x0)

    fast = tg.compile(program, backend="numba")
    for got, expected in zip(fast(a, b), (a @ b, b.T @ a.T, a @ a.T, a.T @ a), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-13 * max(inner, 1))
        assert got.flags.owndata
    assert fast.plan.backend == "numba"


def test_large_products_and_those_of_vectors_are_left_to_blas():
    a, x = rng.normal(size=(40, 40)), rng.normal(size=40)

    def fill_program(a, x):
        return tg.matmul(a, a.T), tg.dot(a, x), tg.dot(x, x)

    fast = tg.compile(fill_program, backend="numba")
    for got, expected in zip(fast(a, x), (a @ a.T, a @ x, x @ x), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)
    assert fast.plan.backend == "numba"


def program(x):
    """Three times x."""
    return x * 3.0


def test_numba_warns_of_strided_products_in_the_users_functions_alone():
    import numba

    a = rng.normal(size=(40, 40))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fast = tg.compile(tg.grad(lambda a: (a[:, ::2] @ a[::2]).sum()), backend="numba")
        np.testing.assert_allclose(fast(a), tg.grad(lambda a: (a[:, ::2] @ a[::2]).sum())(a))
        assert fast.plan.backend == "numba"
        assert told == []
        numba.njit(lambda a: np.dot(a[:, ::2], a[::2]))(a)
    assert [w.category for w in told] == [numba.NumbaPerformanceWarning]
    assert told[0].filename == __file__


@pytest.mark.parametrize("name", ["program", "fill", "x0", "np"])
def test_names_of_ones_own_get_in_nobodys_way(name, monkeypatch):
    monkeypatch.setattr("tinygrad_bp.registry._ops", {})
    triple = tg.custom_op(vjps=(lambda g, y, x: 3.0 * g,), jvp="linear", latex="3 {0}", domain=Reals(), whole=True)(
        program
    )

    def f(x0, y0, to_y0):
        return triple(x0) * y0, tg.sum(to_y0)

    f.__name__ = name
    fast = tg.compile(f, backend="numba")
    product, total = fast(*np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(product, [0.0, 9.0])
    assert (total, fast.plan.backend) == (9.0, "numba")


def test_numbers_of_another_type_are_another_program():
    fast = tg.compile(lambda n, x: (n * 3, n * x), backend="numba")
    x = np.array([1.0, 2.0])
    for n in (np.int64(3), np.float64(2.5), np.int64(4), 2.5, np.bool_(True), np.float64(0.5), 2, 1.5):
        for _ in range(2):
            tripled, scaled = fast(n, x)
            assert tripled == n * 3
            assert np.asarray(tripled).dtype == np.asarray(n * 3).dtype
            np.testing.assert_array_equal(scaled, n * x)


def test_a_captured_number_may_get_another_type():
    n = tg.tensor(3)
    fast = tg.compile(lambda x: n * x, backend="numba")
    x = np.array([1, 2])
    for value in (3, 2.5, 4):
        n.value = np.asarray(value)[()]
        np.testing.assert_array_equal(fast(x), value * x)


@pytest.mark.parametrize("first", [np.asfortranarray, lambda x: np.repeat(x, 2, axis=0)[::2], np.array])
def test_arrays_in_another_layout_than_the_first(first):
    fast = tg.compile(lambda x, y: (tg.tanh(x) * 2.0, x @ x.T, y * y), backend="numba")
    for lay in (first, np.array, np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], first):
        x = rng.normal(size=(3, 4))
        for got, want in zip(fast(lay(x), x[0]), (np.tanh(x) * 2.0, x @ x.T, x[0] * x[0]), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-13)
    assert fast.plan.backend == "numba"
