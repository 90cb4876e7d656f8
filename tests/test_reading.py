"""JAX's and PyTorch's functions read as ours: values and gradients are theirs, and they can be drawn and printed."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, MissingRuleError
from tinygrad_bp.trees import flatten

pytestmark = pytest.mark.once
rng = np.random.default_rng(0)


def close(ours, theirs):
    for a, b in zip(flatten(ours)[0], theirs, strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-10, atol=1e-12)


# --- JAX ---


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


FUNCTIONS = {
    "elementwise": lambda jnp, x: (jnp.sin(x) * jnp.arctan2(x, 2.0) + jnp.abs(x) ** 1.5 - x**3 / jnp.expm1(x)).sum(),
    "statistics": lambda jnp, x: jnp.std(x) + jnp.var(x, axis=0).sum() + jnp.max(x) + jnp.linalg.norm(x),
    "slices": lambda jnp, x: (x[0] * x[:, 1:3].sum() + x[::-1, ::2].sum()).sum() + x[1, 2],
    "joined": lambda jnp, x: (jnp.concatenate([x, x * 2], 1) @ jnp.pad(x.T, ((2, 2), (0, 0)))).sum(),
    "cumulative": lambda jnp, x: (jnp.cumsum(x, 0) * jnp.cumprod(x, 1)).sum(),
    "sorted": lambda jnp, x: (jnp.sort(x, axis=1) * jnp.arange(4.0)).sum(),
    "indices": lambda jnp, x: (x[jnp.array([0, 2, 2])] ** 2).sum() + x[jnp.array([0, 1]), jnp.array([1, -1])].sum(),
    "losses": lambda jnp, x: jnp.logaddexp(x, 0.3).sum() + jnp.clip(x, -0.5, 0.5).sum(),
}


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


def test_a_stopped_gradient_stays_stopped(jax):
    read_alike(jax, lambda x: (x * jax.lax.stop_gradient(x)).sum(), normal(3))


def test_single_precision_stays_single(jax):
    g = tg.from_jax(lambda x: (x * 2.0 + 1.0).sum(), np.ones(3, np.float32))
    assert tg.grad(g)(np.ones(3, np.float32)).dtype == np.float32


def test_a_primitive_without_an_op_is_named(jax):
    with pytest.raises(MissingRuleError, match="JAX's primitive while has no op"):
        tg.from_jax(lambda x: jax.lax.while_loop(lambda v: v < 3, lambda v: v + 1, x), 1.0)(1.0)


def test_other_shapes_are_refused(jax):
    g = tg.from_jax(lambda x: (x * x).sum(), np.ones(3))
    with pytest.raises(ArgumentError, match=r"read for arguments of shapes \(3,\); got \(4,\)"):
        g(np.ones(4))


def test_a_graph_of_jaxs_has_the_users_names(jax):
    import jax.numpy as jnp

    graph = tg.graph.from_jaxpr(lambda net, x: jnp.sum(jnp.tanh(net["W"] @ x)), {"W": normal(2, 3)}, normal(3))
    assert graph["net['W']"].gradient is not None
    assert tg.draw(graph).svg.startswith("<svg")


# --- PyTorch ---


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(torch.float32)


def same_gradients(module, *xs):
    f, parameters = tg.from_torch(module, *xs)
    inputs = [x.numpy() for x in xs]
    got = tg.grad(lambda p, *inputs: tg.sum(f(p, *inputs)))(parameters, *inputs)
    module.eval()
    module.zero_grad()
    y = module(*xs).sum()
    y.backward()
    np.testing.assert_allclose(np.sum(f(parameters, *inputs)), y.item(), rtol=1e-10)
    assert got.keys() == dict(module.named_parameters()).keys()
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(got[name], parameter.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_torchs_layers(torch):
    nn = torch.nn
    torch.manual_seed(0)
    same_gradients(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid()), torch.randn(5, 3))
    same_gradients(
        nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Dropout(0.5), nn.Flatten(), nn.Linear(16, 3), nn.GELU(), nn.LayerNorm(3), nn.Softplus(), nn.ELU(),
        ),
        torch.randn(2, 2, 9, 8),
    )  # fmt: skip
    same_gradients(
        nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2), nn.SiLU(), nn.LogSoftmax(-1)), torch.tensor([[0, 4], [2, 2]])
    )


def test_torchs_attention_and_losses(torch):
    functional = torch.nn.functional

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.project, self.out = torch.nn.Linear(8, 24), torch.nn.Linear(8, 8)

        def forward(self, x, labels):
            q, k, v = [t.view(2, 5, 2, 4).transpose(1, 2) for t in self.project(x).chunk(3, -1)]
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            y = x + self.out(y.transpose(1, 2).reshape(2, 5, 8))
            return functional.cross_entropy(y.mean(dim=1), labels) + 0.1 * y.square().sum(dim=(0, 2)).mean()

    block, xs = Block(), (torch.randn(2, 5, 8), torch.tensor([1, 7]))
    same_gradients(block, *xs)
    graph = tg.graph.from_fx(block, *xs)
    assert graph["project.weight"].gradient is not None
    assert {node.scope for node in graph.nodes} >= {"project", "out"}
    f, parameters = tg.from_torch(block, *xs)
    fast = tg.compile(f, backend="numpy")
    inputs = [x.numpy() for x in xs]
    np.testing.assert_allclose(fast(parameters, *inputs), f(parameters, *inputs))
    assert "torch" not in fast.source


def test_what_is_no_module_of_pytorchs_is_refused(torch):
    with pytest.raises(ArgumentError, match=r"from_torch reads a torch\.nn\.Module; got"):
        tg.from_torch(tg.nn.Linear(2, 3, seed=0), torch.ones(1, 2))


def test_an_operator_without_an_op_is_named(torch):
    with pytest.raises(MissingRuleError, match=r"operator aten\.fft_fft"):
        tg.graph.from_fx(Spectrum(torch), torch.randn(4))


def Spectrum(torch):
    class Spectrum(torch.nn.Module):
        def forward(self, x):
            return torch.fft.fft(x).abs()

    return Spectrum()
