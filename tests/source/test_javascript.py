"""Programs as JavaScript, run by Node: they give what NumPy gives, for every op that is written and for networks."""

import shutil
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.engines.cases import with_derivatives
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.registry import OPS
from tinygrad_bp.source.javascript import NotWritten, javascript

from .node import run_in_node

in_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")

NOT_WRITTEN = {
    "angle", "banded_solution", "beside_vectors", "bessel_j", "bessel_k", "bessel_y", "beta", "betaln", "cofactor",
    "cofactors_along", "conjugate", "distinct", "distinct_eigenvalues", "eig_packed", "eigh_packed", "erfcinv",
    "expm", "fft", "fftn", "ifft", "ifftn", "imag", "independent", "irfft", "lower_beta", "lower_gamma", "lower_t",
    "mean_of_largest", "orthonormal", "pad", "partition", "pseudoinverse", "real", "rfft", "rgamma", "scaled_i",
    "searchsorted", "settled", "shared_by_largest", "slogdet_packed", "solve_sylvester", "sqrtm", "svd_packed",
    "upper_gamma",
}  # fmt: skip
"""Ops of which some call, or its gradient, has no JavaScript form: complex numbers, decompositions, rare paddings."""


def assert_equal(tmp_path, cases, expected, rtol=1e-9):
    """Node gives what is expected: of each case a list of arrays."""
    for (text, _), wanted, got in zip(cases, expected, run_in_node(tmp_path, cases), strict=True):
        for want, result in zip(wanted, got, strict=True):
            assert np.shape(want) == result.shape, text
            np.testing.assert_allclose(result, np.asarray(want, float), rtol=rtol, atol=rtol / 1000, err_msg=text)


@pytest.mark.once
@in_node
def test_every_op_and_its_gradients_equal_numpy(tmp_path, drawn_cases):
    cases, expected, refused = [], [], set()
    for name in sorted(OPS):
        for case in drawn_cases(OPS[name], 8):
            program, values = traced(with_derivatives(case), "f", [(f"x{i}", x[()]) for i, x in enumerate(case.inputs)])
            try:
                cases.append((javascript(optimized(program)), case.inputs))
                expected.append(values)
            except NotWritten:
                refused.add(name)
    assert refused == NOT_WRITTEN
    assert_equal(tmp_path, cases, expected)


ACTIVATIONS = (
    tg.sigmoid, tg.tanh, tg.relu, tg.gelu, tg.softplus, tg.elu, tg.selu, tg.silu, tg.mish, tg.leaky_relu, tg.softsign,
)  # fmt: skip


def random_network(random):
    """A loss of a network of random widths, activations and kind, and its arrays."""
    widths = random.integers(1, 6, random.integers(2, 5))
    examples, kind = int(random.integers(1, 5)), random.integers(4)
    activations = random.choice(ACTIVATIONS, len(widths))
    classes = int(widths[-1])
    X = random.normal(size=(examples, widths[0]))
    targets = random.integers(0, classes, examples) if kind == 1 else random.random((examples, classes))
    weights = [random.normal(size=(m, n)) for m, n in pairwise(widths)]
    biases = [random.normal(size=n) for n in widths[1:]]

    def loss(weights, biases, X, targets):
        a = X
        for W, b, g in zip(weights, biases, activations, strict=False):
            a = g(a @ W + b)
        if kind == 0:
            return tg.mean((a - targets) ** 2)
        if kind == 1:
            return tg.softmax_cross_entropy(a, targets)
        if kind == 2:
            return tg.binary_cross_entropy_with_logits(tg.layer_norm(a), targets)
        return tg.sum(tg.where(a > 0, tg.softmax(a, axis=-1), a[:, ::-1]) * targets) + tg.linalg.norm(a)

    return tg.value_and_grad(loss, argnums=(0, 1, 2)), (weights, biases, X, targets)


def network_case(random, dtype=float):
    f, (weights, biases, X, targets) = random_network(random)
    arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in (*weights, *biases, X, targets)]

    def on_tensors(*given):
        n = len(weights)
        value, (dW, db, dX) = f(list(given[:n]), list(given[n : 2 * n]), *given[2 * n :])
        return [value, *dW, *db, dX]

    program, values = traced(on_tensors, "f", [(f"x{i}", x) for i, x in enumerate(arrays)])
    return (javascript(optimized(program)), arrays), [np.asarray(v) for v in values]


@pytest.mark.once
@in_node
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 2e-3)])
def test_networks_equal_numpy(tmp_path, dtype, rtol):
    random = np.random.default_rng(0)
    cases, expected = zip(*[network_case(random, dtype) for _ in range(200)], strict=True)
    assert_equal(tmp_path, cases, expected, rtol)


@in_node
def test_float32_is_rounded_after_every_step(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)

    def f(t):
        return [(t * t + 0.1) / 3.0, t.sum(axis=0), t @ t.T]

    program, values = traced(f, "f", [("x", x)])
    [[chain, total, product]] = run_in_node(tmp_path, [(javascript(optimized(program)), [x])])
    np.testing.assert_array_equal(chain, np.asarray(values[0], float))
    for got, want in ((total, values[1]), (product, values[2])):
        np.testing.assert_array_equal(got, got.astype(np.float32))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@in_node
def test_a_guard_stops_a_program_that_was_written_for_other_values(tmp_path):
    program, _ = traced(lambda z, y: [tg.softmax_cross_entropy(z, y)], "f", [("z", np.eye(3)), ("y", np.arange(3))])
    text = javascript(optimized(program))
    with pytest.raises(AssertionError, match="written for other values"):
        run_in_node(tmp_path, [(text, [np.eye(3), np.array([0, 1, 3])])])


@in_node
@pytest.mark.parametrize(
    ("f", "message"),
    [(tg.linalg.inv, "a matrix is singular"), (tg.linalg.cholesky, "a matrix is not positive definite")],
)
def test_a_matrix_that_has_none_stops_the_program(tmp_path, f, message):
    program, _ = traced(lambda a: [f(a)], "f", [("a", np.eye(2))])
    with pytest.raises(AssertionError, match=message):
        run_in_node(tmp_path, [(javascript(optimized(program)), [np.ones((2, 2)) - 2.0])])


@in_node
def test_systems_are_solved_with_the_largest_pivot(tmp_path):
    random = np.random.default_rng(0)
    a, b = random.normal(size=(20, 5, 5)), random.normal(size=(5, 2))
    a[0, 0, 0] = 1e-18

    def f(a, b):
        return [tg.linalg.solve(a, b), tg.linalg.det(a)]

    program, values = traced(f, "f", [("a", a), ("b", b)])
    [results] = run_in_node(tmp_path, [(javascript(optimized(program)), [a, b])])
    for result, value in zip(results, values, strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-9, atol=1e-9)


@in_node
def test_an_index_that_is_computed_is_checked(tmp_path):
    program, _ = traced(lambda x, i: [x[i]], "f", [("x", np.arange(3.0)), ("i", np.array([0, -1]))])
    text = javascript(optimized(program))
    [[got]] = run_in_node(tmp_path, [(text, [np.arange(3.0), np.array([1, -3])])])
    np.testing.assert_array_equal(got, [1.0, 0.0])
    with pytest.raises(AssertionError, match="out of bounds"):
        run_in_node(tmp_path, [(text, [np.arange(3.0), np.array([3, 0])])])


@pytest.mark.parametrize(
    ("f", "x", "reason"),
    [
        (tg.linalg.pinv, np.eye(2), r"np\.linalg\.pinv"),
        (lambda x: x + 1, np.ones(2, np.float16), "float16"),
        (lambda x: x * 1j, np.ones(2), "complex128"),
        (lambda x: x + x, np.ones(2, np.int8), "arithmetic in int8"),
        (
            lambda x: np.einsum("ij", x.value),
            np.ones((2, 2)),
            "np.einsum, called like this, .*without a written output",
        ),
        (lambda x: np.dot(x.value, np.ones((2, 2, 2))), np.ones((2, 2)), "np.dot, called like this"),
        (lambda x: np.mean(x.value, dtype=np.float32), np.ones(3), "np.mean, called like this, .*has no dtype"),
        (lambda x: np.round(x.value, out=None), np.ones(3), r"np\.round, called like this, .*has no out"),
    ],
)
def test_what_is_not_written_is_said(f, x, reason):
    program, _ = traced(lambda t: [f(t)], "f", [("x", x)])
    with pytest.raises(NotWritten, match=reason):
        javascript(optimized(program))


def test_names_become_identifiers():
    def f(a, b):
        return [(a + b).named("</script><b>\u2028")]

    program, _ = traced(f, "class", [("</script>", np.ones(2)), ("new", np.ones(2))])
    text = javascript(optimized(program))
    assert "<" not in text
    assert "([__script, new1]) =>" in text
    assert "// ‹/script>‹b>_\n" in text


def test_a_network_reads_as_a_person_would_write_it():
    W, x = np.ones((2, 3)), np.ones((3, 1))
    program, _ = traced(lambda W, x: [tg.sigmoid((W @ x).named("z1")).named("a1")], "f", [("W1", W), ("x", x)])
    assert javascript(optimized(program)) == (
        "function f(np) {\n"
        "  return ([W1, x]) => {\n"
        "    const z1 = np.matmul(W1, x);\n"
        "    const a1 = np.each((z1) => 1 / (1 + Math.exp(-z1)), z1);\n"
        "    return [a1];\n"
        "  };\n"
        "}\n"
    )
