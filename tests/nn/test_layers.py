"""Layers find and name their parameters, open scopes, and learn."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, ShapeError


class Block(nn.Layer):
    def __init__(self, seed=None):
        self.hidden = nn.Linear(3, 4, seed=seed)
        self.gain = tg.tensor(2.0, requires_grad=True)
        self.offset = tg.tensor(1.0)
        self.label = "block"

    def forward(self, x):
        return self.gain * tg.tanh(self.hidden(x)) + self.offset


class Net(nn.Layer):
    def __init__(self):
        self.blocks = [Block(0), Block(1)]
        self.heads = {"left": nn.Linear(4, 1, seed=2), "right": (nn.Linear(4, 1, bias=False, seed=3),)}

    def forward(self, x):
        h = self.blocks[0](x) + self.blocks[1](x)
        return self.heads["left"](h) + self.heads["right"][0](h)


def test_parameters_are_found_and_named_by_their_path():
    block, net = Block(), Net()
    assert [name for name, _ in block.named_parameters()] == ["hidden.W", "hidden.b", "gain"]
    named = list(net.named_parameters())
    assert [name for name, _ in named] == [
        "blocks.0.hidden.W", "blocks.0.hidden.b", "blocks.0.gain",
        "blocks.1.hidden.W", "blocks.1.hidden.b", "blocks.1.gain",
        "heads.left.W", "heads.left.b", "heads.right.0.W",
    ]  # fmt: skip
    assert [p.name for _, p in named] == [name for name, _ in named]
    assert net.parameters() == [p for _, p in named]


def test_a_name_of_ones_own_stays():
    class Own(nn.Layer):
        def __init__(self):
            self.w = tg.tensor(1.0, requires_grad=True, name="omega")
            self.inner = nn.Identity()
            self.inner.name = "mine"
            self.named = nn.Identity()

    outer = nn.Sequential(Own())
    assert [p.name for p in outer.parameters()] == ["omega"]
    own = outer.layers[0]
    assert (own.name, own.inner.name, own.named.name) == ("layers.0", "mine", "named")


def test_only_trainable_leaves_are_parameters():
    layer = Block()
    layer.cache = layer(tg.tensor(np.ones((2, 3))))
    assert layer.cache.name is None
    assert "cache" not in dict(layer.named_parameters())
    assert layer.offset.name is None


def test_shared_parameters_count_once_and_circles_end():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.W = first.W
    model = nn.Sequential(first, second)
    assert [name for name, _ in model.named_parameters()] == ["layers.0.W", "layers.0.b", "layers.1.b"]
    assert [p.name for p in model.parameters()] == ["layers.0.W", "layers.0.b", "layers.1.b"]
    first.owner = model
    assert len(model.parameters()) == 3


def test_a_call_opens_a_scope():
    net = Net()
    y = net(tg.tensor(np.ones((2, 3))))
    scopes, pending = set(), [y]
    while pending:
        t = pending.pop()
        scopes.add(t.scope)
        pending += [p for p in t.parents if isinstance(p, tg.Tensor)]
    assert scopes == {
        "", "Net", "Net/blocks.0", "Net/blocks.1", "Net/blocks.0/hidden", "Net/blocks.1/hidden",
        "Net/heads.left", "Net/heads.right.0",
    }  # fmt: skip


def test_every_parameter_of_a_net_learns():
    net = Net()
    optimizer = nn.SGD(net.parameters(), 0.005)
    x = np.random.default_rng(0).normal(size=(8, 3))
    target = x[:, :1] * x[:, 1:2]
    costs = []
    for _ in range(50):
        cost = tg.mse(net(x), target)
        cost.backward()
        optimizer.step()
        assert all(p.grad is not None for p in net.parameters())
        optimizer.zero_grad()
        costs.append(cost.item())
    assert costs[-1] < costs[0] / 2


def test_a_layer_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Layer has no forward method"):
        nn.Layer()(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_linear(shape, dtype):
    layer = nn.Linear(3, 2, seed=0, dtype=dtype)
    x = np.random.default_rng(1).normal(size=shape).astype(dtype)
    y = layer(tg.tensor(x))
    assert y.shape == (*shape[:-1], 2)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.data, x @ layer.W.data + layer.b.data, rtol=1e-5)
    y.sum().backward()
    assert layer.W.grad.dtype == layer.b.grad.dtype == dtype


def test_linear_without_bias_and_with_a_shared_generator():
    rng = np.random.default_rng(0)
    first, second = nn.Linear(3, 3, bias=False, seed=rng), nn.Linear(3, 3, bias=False, seed=rng)
    assert first.b is None
    assert len(first.parameters()) == 1
    assert not np.array_equal(first.W.data, second.W.data)
    np.testing.assert_array_equal(first(tg.tensor(np.eye(3))).data, first.W.data)


def test_linear_refuses():
    with pytest.raises(ArgumentError, match="n_out is a whole number from 1 on; got 0"):
        nn.Linear(3, 0)
    with pytest.raises(ShapeError, match=r"W \(3, 2\)"):
        nn.Linear(3, 2)(tg.tensor(np.ones((5, 4))))


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.Sigmoid(), tg.sigmoid),
        (nn.Tanh(), tg.tanh),
        (nn.ReLU(), tg.relu),
        (nn.LeakyReLU(0.2), lambda x: tg.leaky_relu(x, slope=0.2)),
        (nn.ELU(0.5), lambda x: tg.elu(x, alpha=0.5)),
        (nn.Softplus(), tg.softplus),
        (nn.Arctan(), tg.arctan),
        (nn.Identity(), tg.identity),
        (nn.BinaryStep(), tg.binary_step),
        (nn.Softmax(), tg.softmax),
        (nn.Softmax(axis=0), lambda x: tg.softmax(x, axis=0)),
        (nn.ParametricReLU(slope=0.3), lambda x: tg.leaky_relu(x, slope=0.3)),
    ],
)
def test_activation_layers_are_their_functions(layer, function):
    x = np.linspace(-2, 2, 6).reshape(2, 3)
    np.testing.assert_array_equal(layer(tg.tensor(x)).data, function(x))
    assert layer.parameters() == [*filter(None, [getattr(layer, "a", None)])]


def test_parametric_relu_learns_its_slopes():
    layer = nn.ParametricReLU(3)
    layer(tg.tensor([[-1.0, 2.0, -3.0], [-1.0, -1.0, 1.0]])).sum().backward()
    np.testing.assert_array_equal(layer.a.grad, [-2.0, -1.0, -3.0])
    single = nn.ParametricReLU(dtype=np.float32)
    assert single.a.shape == ()
    assert single.a.dtype == np.float32


def test_sequential_takes_functions_and_refuses_others():
    model = nn.Sequential(nn.Linear(3, 2, seed=0), tg.tanh, lambda x: 2 * x)
    x = tg.tensor(np.ones((1, 3)))
    np.testing.assert_array_equal(model(x).data, 2 * np.tanh(model.layers[0](x).data))
    with pytest.raises(ArgumentError, match="layer 1 is an int"):
        nn.Sequential(nn.ReLU(), 3)
