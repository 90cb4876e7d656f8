"""JAX's functions read as ours: values and gradients are JAX's, and they can be drawn and printed."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DTypeError, MissingRuleError
from tinygrad_bp.trees import flatten

pytestmark = pytest.mark.once
rng = np.random.default_rng(0)


def close(ours, theirs):
    for a, b in zip(flatten(ours)[0], theirs, strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield jax


def normal(*shape):
    return rng.normal(size=shape)


def read_alike(jax, f, *xs, argnums=0):
    """Values and gradients of f read are JAX's; returns what was read."""
    g = tg.from_jax(f, *xs)
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(f, argnums)(*xs)
    ours, got = tg.value_and_grad(g, argnums)(*xs)
    np.testing.assert_allclose(ours, value, rtol=1e-10)
    close(got, jax.tree.leaves(gradient))
    return g


def test_a_multilayer_perceptron(jax):
    import jax.numpy as jnp

    def cost(parameters, x, y):
        for W, b in parameters[:-1]:
            x = jax.nn.relu(x @ W + b)
        W, b = parameters[-1]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x @ W + b), y[:, None], 1))

    parameters = [(normal(3, 4), normal(4)), (normal(4, 2), normal(2))]
    args = parameters, normal(5, 3), np.array([0, 1, 1, 0, 1])
    g = read_alike(jax, cost, *args)
    fast = tg.compile(tg.value_and_grad(g), backend="numpy")
    close(fast(*args), jax.tree.leaves(jax.value_and_grad(cost)(*args)))
    assert "def cost(" in fast.source
    assert "jax" not in fast.source


def test_a_convolutional_network(jax):
    from jax import lax

    def cost(w, x):
        h = jax.nn.gelu(lax.conv_general_dilated(x, w, (1, 2), [(1, 1), (0, 2)], rhs_dilation=(1, 2)))
        h = lax.reduce_window(h, -np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        return (lax.reduce_window(h, 0.0, lax.add, (1, 1, 2, 1), (1, 1, 1, 1), "VALID") ** 2).sum()

    read_alike(jax, cost, normal(4, 2, 3, 3), normal(2, 2, 8, 9), argnums=(0, 1))

    def channels_last(w, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return (lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers) ** 3).sum()

    read_alike(jax, channels_last, normal(3, 3, 2, 4), normal(2, 5, 6, 2), argnums=(0, 1))


def test_attention(jax):
    import jax.numpy as jnp

    def attention(q, k, v):
        scores = jnp.einsum("bqd,bkd->bqk", q, k) / jnp.sqrt(4.0)
        scores = jnp.where(jnp.tril(jnp.ones((3, 3), bool)), scores, -jnp.inf)
        return jnp.sum(jnp.tanh(jax.nn.softmax(scores) @ v))

    read_alike(jax, attention, *normal(3, 2, 3, 4), argnums=(0, 1, 2))


def test_jaxs_attention_has_its_softmax_in_single_precision(jax):
    q, k, v = normal(3, 2, 5, 2, 4)
    theirs = np.asarray(jax.nn.dot_product_attention(q, k, v))
    scores = np.einsum("btnh,bsnh->bnts", q, k) / 2
    exact, single = [
        np.einsum("bnts,bsnh->btnh", tg.softmax(scores.astype(dtype), axis=-1).astype(float), v)
        for dtype in (np.float64, np.float32)
    ]
    assert theirs.dtype == np.float64
    assert 1e-9 < np.abs(theirs - exact).max() < 1e-6
    read = tg.from_jax(jax.nn.dot_product_attention, q, k, v)
    np.testing.assert_allclose(read(q, k, v), single, rtol=0, atol=3e-7)
    np.testing.assert_allclose(read(q, k, v), theirs, rtol=0, atol=3e-7)
    np.testing.assert_allclose(tg.compile(read, backend="jax")(q, k, v), theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [("int8", "int32"), ("uint8", "int32"), ("int32", "int64"), ("float16", "float32"), ("float32", "float64")],
)
def test_numbers_have_the_types_of_jaxs(jax, dtype, wide):
    import jax.numpy as jnp

    x = (20 * normal(3, 4)).astype(dtype)
    functions = [
        lambda x: jnp.matmul(x, x.T, preferred_element_type=wide),
        lambda x: jax.lax.conv(x[None], x[None, :, :2], (1,), "SAME", preferred_element_type=np.dtype(wide)),
        lambda x: jax.lax.top_k(x, 2)[1],
        lambda x: jnp.sum(x, axis=0),
        lambda x: jax.lax.cumsum(x),
        lambda x: jax.lax.cumprod(x, 1),
    ]
    for f in functions:
        theirs, ours = np.asarray(f(x)), tg.from_jax(f, x)(x)
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=3e-3 if dtype == "float16" else 1e-5)


def test_a_read_function_stays_in_the_type_it_is_called_with(jax):
    f = tg.from_jax(lambda x: x @ x.T, np.ones((2, 3)))
    assert f(np.ones((2, 3), np.float32)).dtype == np.float32
    f = tg.from_jax(lambda x: (x @ x.T).sum(), np.ones((2, 3), int))
    assert f(np.ones((2, 3), np.int32)) == 12
    with pytest.raises(DTypeError, match="was read for int64 where it got float64, which it would cut off"):
        tg.grad(f)(np.ones((2, 3)))


FUNCTIONS = {
    "elementwise": lambda jnp, x: (jnp.sin(x) * jnp.arctan2(x, 2.0) + jnp.abs(x) ** 1.5 - x**3 / jnp.expm1(x)).sum(),
    "statistics": lambda jnp, x: jnp.std(x) + jnp.var(x, axis=0).sum() + jnp.max(x) + jnp.linalg.norm(x),
    "slices": lambda jnp, x: (x[0] * x[:, 1:3].sum() + x[::-1, ::2].sum()).sum() + x[1, 2],
    "joined": lambda jnp, x: (jnp.concatenate([x, x * 2], 1) @ jnp.pad(x.T, ((2, 2), (0, 0)))).sum(),
    "cumulative": lambda jnp, x: (jnp.cumsum(x, 0) * jnp.cumprod(x, 1)).sum(),
    "sorted": lambda jnp, x: (jnp.sort(x, axis=1) * jnp.arange(4.0)).sum(),
    "indices": lambda jnp, x: (x[jnp.array([0, 2, 2])] ** 2).sum() + x[jnp.array([0, 1]), jnp.array([1, -1])].sum(),
    "parts of axes": lambda jnp, x: jax_module().vmap(lambda row, i: row[i] ** 2)(x, jnp.array([0, 3, 1])).sum(),
    "updates": lambda jnp, x: (x.at[0].set(3.0).at[1:, 2].add(x[0, 1:3]).at[jnp.array([2, 2])].add(x[:2]) ** 2).sum(),
    "ranks": lambda jnp, x: jnp.median(x) + jnp.quantile(x, 0.3) + (jax_module().lax.top_k(x, 2)[0] ** 2).sum(),
    "sorted by": lambda jnp, x: (jnp.take_along_axis(x, jnp.argsort(x, 1), 1) * jnp.arange(4.0)).sum(),
    "many": lambda jnp, x: (jnp.stack([x, *jnp.split(jnp.tile(x, (2, 1)), 2)]).prod(0) * jnp.flip(x)).sum(),
    "whole division": lambda jnp, x: (x * jax_module().lax.div(jnp.arange(-6, 6).reshape(3, 4), 4)).sum(),
    "interpolation": lambda jnp, x: jnp.interp(x, jnp.arange(3.0), jnp.array([1.0, 0.0, 2.0])).sum(),
    "losses": lambda jnp, x: jnp.logaddexp(x, 0.3).sum() + jnp.clip(x, -0.5, 0.5).sum(),
}


def jax_module():
    return pytest.importorskip("jax")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_jaxs(name, jax):
    import jax.numpy as jnp

    read_alike(jax, lambda x: FUNCTIONS[name](jnp, x), normal(3, 4))


def test_loops_of_known_length(jax):
    import jax.numpy as jnp

    def cost(W, xs):
        def step(h, x):
            h = jnp.tanh(W @ h + x)
            return h, h[0]

        h, firsts = jax.lax.scan(step, jnp.zeros(2), xs)
        return h.sum() + firsts.sum()

    read_alike(jax, cost, normal(2, 2), normal(4, 2), argnums=(0, 1))


def test_branches_and_loops_that_depend_on_values(jax):
    def cost(x):
        x = jax.lax.cond(x.sum() > 0, lambda v: v**2, lambda v: v**3, x)
        return jax.lax.fori_loop(0, 3, lambda i, v: v * x[i], x).sum()

    for x in (np.array([0.5, 2.0, -1.0]), np.array([0.5, -2.0, -1.0])):
        g = read_alike(jax, cost, x)
        np.testing.assert_allclose(tg.compile(tg.grad(g), backend="numpy")(x), tg.grad(g)(x), rtol=1e-14)
    doubled = tg.from_jax(lambda x: jax.lax.while_loop(lambda v: v < 10, lambda v: 2 * v, x), 1.5)
    assert tg.value_and_grad(doubled)(1.5) == (12, 8)


def test_a_gaussian_process(jax):
    import jax.numpy as jnp

    def cost(scale, x, y):
        K = jnp.exp(-((x[:, None] - x) ** 2) / scale) + 0.1 * jnp.eye(4)
        L = jnp.linalg.cholesky(K)
        z = jax.scipy.linalg.solve_triangular(L, y, lower=True)
        z = jax.scipy.linalg.solve_triangular(L.T, z) + jax.scipy.linalg.solve_triangular(L, y, lower=True, trans=1)
        return jnp.dot(y, z) + jnp.sum(jnp.log(jnp.diag(L)))

    read_alike(jax, cost, 1.3, normal(4), normal(4), argnums=(0, 1, 2))


def test_a_transposed_convolution(jax):
    def cost(w, x):
        wide = jax.lax.pad(x, 0.5, [(0, 0, 0), (0, 0, 0), (1, -1, 0), (-1, 2, 2)])
        return (jax.lax.conv_transpose(x, w, (2, 3), "SAME") ** 2).sum() + (wide**3).sum()

    read_alike(jax, cost, normal(3, 3, 2, 2), normal(1, 4, 3, 2), argnums=(0, 1))


def test_a_stopped_gradient_stays_stopped(jax):
    read_alike(jax, lambda x: (x * jax.lax.stop_gradient(x)).sum(), normal(3))


def test_single_precision_stays_single(jax):
    g = tg.from_jax(lambda x: (x * 2.0 + 1.0).sum(), np.ones(3, np.float32))
    assert tg.grad(g)(np.ones(3, np.float32)).dtype == np.float32


def test_a_primitive_without_an_op_is_named(jax):
    with pytest.raises(MissingRuleError, match="JAX's primitive lu has no op"):
        tg.from_jax(lambda x: jax.numpy.linalg.det(x), np.eye(4))(np.eye(4))


def test_other_shapes_are_refused(jax):
    g = tg.from_jax(lambda x: (x * x).sum(), np.ones(3))
    with pytest.raises(ArgumentError, match=r"read for arguments of shapes \(3,\); got \(4,\)"):
        g(np.ones(4))


def test_a_graph_of_jaxs_has_the_users_names(jax):
    import jax.numpy as jnp

    graph = tg.graph.from_jaxpr(lambda net, x: jnp.sum(jnp.tanh(net["W"] @ x)), {"W": normal(2, 3)}, normal(3))
    assert graph["net['W']"].gradient is not None
    assert tg.draw(graph).svg.startswith("<svg")
