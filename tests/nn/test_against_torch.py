"""Every layer equals PyTorch's on the same weights: values, and gradients for inputs and parameters, to 1e-10."""

from copy import deepcopy

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn

torch = pytest.importorskip("torch")

rng = np.random.default_rng(0)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-10)


def state_of(module, gradients=False):
    """Arrays by PyTorch's names: the state, or the gradients of the parameters."""
    if gradients:
        return {name: p.grad.numpy() for name, p in module.named_parameters()}
    return {name: array.detach().numpy() for name, array in module.state_dict().items()}


def paired(layer, module):
    """Both with the same weights, drawn anew."""
    module = module.double()
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.from_numpy(rng.normal(size=tuple(p.shape)) / 2))
    layer.load_state_dict(nn.from_torch(layer, state_of(module)))
    return layer, module


def outputs(y):
    """The parts of an output that are there: a tensor, or tuples of them."""
    return [part for each in y for part in outputs(each)] if isinstance(y, tuple) else [y]


def check_same(layer, module, *xs, ours=lambda f, *xs: f(*xs), theirs=lambda f, *xs: f(*xs)):
    """Outputs of both, and the gradients of a weighted sum of them."""
    floating = [x.dtype.kind == "f" for x in xs]
    our_xs = [tg.tensor(x, requires_grad=f) for x, f in zip(xs, floating, strict=True)]
    their_xs = [torch.tensor(x, requires_grad=f) for x, f in zip(xs, floating, strict=True)]
    for p in layer.parameters():
        p.grad = None
    module.zero_grad()
    our_y, their_y = outputs(ours(layer, *our_xs)), outputs(theirs(module, *their_xs))
    weights = [rng.normal(size=part.shape) for part in our_y]
    for a, b in zip(our_y, their_y, strict=True):
        assert a.shape == tuple(b.shape)
        close(a.data, b)
    sum((y * w).sum() for y, w in zip(our_y, weights, strict=True)).backward()
    sum((y * torch.from_numpy(w)).sum() for y, w in zip(their_y, weights, strict=True)).backward()
    for x, their_x in zip(our_xs, their_xs, strict=True):
        if x.requires_grad:
            close(x.grad, their_x.grad)
    check_same_gradients(layer, module)


def check_same_gradients(layer, module):
    """The gradients of the parameters, brought into PyTorch's layout."""
    if not layer.parameters():
        return
    found = nn.to_torch(with_gradients_for_values(layer))
    for name, gradient in state_of(module, gradients=True).items():
        if "bias_hh" not in name:  # PyTorch has two biases where their sum counts: both get the gradient of the sum
            np.testing.assert_allclose(found[name], gradient, rtol=1e-10, atol=1e-10, err_msg=name)
        elif isinstance(layer, nn.GRU):
            third = len(gradient) // 3
            np.testing.assert_allclose(found[name][2 * third :], gradient[2 * third :], rtol=1e-10, atol=1e-10)


def with_gradients_for_values(layer):
    """A copy of the layer whose parameters are the gradients."""
    copy = deepcopy(layer)
    copy.load_state_dict(layer.state_dict() | {name: p.grad for name, p in layer.named_parameters()})
    return copy


def normal(*shape):
    return rng.normal(size=shape)


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    layer, module = paired(nn.Linear(3, 4, bias), torch.nn.Linear(3, 4, bias))
    check_same(layer, module, normal(5, 3))
    check_same(layer, module, normal(2, 5, 3))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False, "stride": 2},
        {"padding": 1, "dilation": 2},
        {"groups": 2, "padding": "same"},
        {"stride": 3, "padding": 2, "groups": 4},
    ],
)
def test_convolution(options):
    layer, module = paired(nn.Conv1d(4, 8, 3, **options), torch.nn.Conv1d(4, 8, 3, **options))
    check_same(layer, module, normal(2, 4, 11))
    layer, module = paired(nn.Conv2d(4, 8, (3, 2), **options), torch.nn.Conv2d(4, 8, (3, 2), **options))
    check_same(layer, module, normal(2, 4, 9, 8))


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"stride": 2, "padding": 1}])
def test_pooling(options):
    check_same(nn.MaxPool1d(3, **options), torch.nn.MaxPool1d(3, **options), normal(2, 3, 10))
    check_same(nn.MaxPool2d((3, 2), **options), torch.nn.MaxPool2d((3, 2), **options), normal(2, 3, 8, 7))
    for include in (True, False):
        options["count_include_pad"] = include
        check_same(nn.AvgPool1d(3, **options), torch.nn.AvgPool1d(3, **options), normal(2, 3, 10))
        check_same(nn.AvgPool2d((3, 2), **options), torch.nn.AvgPool2d((3, 2), **options), normal(2, 3, 8, 7))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    ("shape", "kind"),
    [((6, 3), torch.nn.BatchNorm1d), ((4, 3, 5), torch.nn.BatchNorm1d), ((4, 3, 5, 2), torch.nn.BatchNorm2d)],
)
def test_batch_norm_over_several_batches(shape, kind, affine):
    layer = nn.BatchNorm(3, momentum=0.3, eps=1e-3, affine=affine)
    layer, module = paired(layer, kind(3, momentum=0.3, eps=1e-3, affine=affine))
    for _ in range(4):
        check_same(layer, module, 2 * normal(*shape) + 1)
        close(layer.running_mean.data, module.running_mean)
        close(layer.running_variance.data, module.running_var)
    layer.eval(), module.eval()
    check_same(layer, module, normal(*shape))
    close(layer.running_variance.data, module.running_var)
    again = nn.BatchNorm(3, affine=affine)
    again.load_state_dict(nn.from_torch(again, state_of(module)))
    for name, array in again.state_dict().items():
        np.testing.assert_allclose(array, layer.state_dict()[name], rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(affine):
    for shape in (4, (3, 4)):
        check_same(*paired(nn.LayerNorm(shape, 1e-3, affine), torch.nn.LayerNorm(shape, 1e-3, affine)), normal(2, 3, 4))


def test_embedding():
    check_same(*paired(nn.Embedding(7, 3), torch.nn.Embedding(7, 3)), np.array([[1, 6, 1], [0, 1, 3]]))


@pytest.mark.parametrize("bias", [True, False])
def test_recurrent(bias):
    x, h, c = normal(3, 5, 2), normal(3, 4), normal(3, 4)

    def their_state(f, x, h):
        y, last = f(x, h[None])
        return y, last[0]

    def without_state(f, x):
        return outputs(f(x))[0]

    def pair(f, x, h, c):
        return f(x, (h, c))

    def their_pair(f, x, h, c):
        y, (h, c) = f(x, (h[None], c[None]))
        return y, h[0], c[0]

    options = {"bias": bias, "batch_first": True}
    for layer, module in (
        (nn.RNN(2, 4, bias=bias), torch.nn.RNN(2, 4, **options)),
        (nn.RNN(2, 4, "relu", bias=bias), torch.nn.RNN(2, 4, nonlinearity="relu", **options)),
        (nn.GRU(2, 4, bias=bias), torch.nn.GRU(2, 4, **options)),
    ):
        check_same(*paired(layer, module), x, h, theirs=their_state)
        check_same(layer, module, x, ours=without_state, theirs=without_state)
    layer, module = paired(nn.LSTM(2, 4, bias=bias), torch.nn.LSTM(2, 4, **options))
    check_same(layer, module, x, h, c, ours=pair, theirs=their_pair)
    check_same(layer, module, x, ours=without_state, theirs=without_state)


MASK = np.array([[True, True, False, True], [False, True, True, True], [True, False, False, False]])


@pytest.mark.parametrize("bias", [True, False])
def test_multi_head_attention(bias):
    layer, module = paired(
        nn.MultiHeadAttention(6, 3, bias), torch.nn.MultiheadAttention(6, 3, bias=bias, batch_first=True)
    )
    query, memory = normal(2, 3, 6), normal(2, 4, 6)
    check_same(layer, module, query, memory, theirs=lambda f, q, m: f(q, m, m)[0])
    check_same(layer, module, query, theirs=lambda f, q: f(q, q, q)[0])
    hidden = torch.from_numpy(~MASK)
    check_same(
        layer, module, query, memory,
        ours=lambda f, q, m: f(q, m, mask=MASK), theirs=lambda f, q, m: f(q, m, m, attn_mask=hidden)[0],
    )  # fmt: skip
    padding = np.array([[True, True, True, False], [True, True, False, False]])
    check_same(
        layer, module, query, memory,
        ours=lambda f, q, m: f(q, m, mask=padding[:, None]),
        theirs=lambda f, q, m: f(q, m, m, key_padding_mask=torch.from_numpy(~padding))[0],
    )  # fmt: skip
    later = torch.from_numpy(np.tri(3) == 0)
    check_same(
        layer, module, query,
        ours=lambda f, q: f(q, causal=True), theirs=lambda f, q: f(q, q, q, attn_mask=later)[0],
    )  # fmt: skip


@pytest.mark.parametrize("mask", [None, MASK])
def test_scaled_dot_product_attention(mask):
    their_mask = None if mask is None else torch.from_numpy(mask)
    check_same(
        nn.Identity(), torch.nn.Identity(), normal(2, 3, 5), normal(2, 4, 5), normal(2, 4, 2),
        ours=lambda f, q, k, v: nn.scaled_dot_product_attention(q, k, v, mask),
        theirs=lambda f, q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, their_mask),
    )  # fmt: skip
    check_same(
        nn.Identity(), torch.nn.Identity(), normal(3, 5), normal(4, 5), normal(4, 2),
        ours=lambda f, q, k, v: nn.scaled_dot_product_attention(q, k, v, causal=True),
        theirs=lambda f, q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        (nn.Sigmoid(), torch.nn.Sigmoid()),
        (nn.Tanh(), torch.nn.Tanh()),
        (nn.ReLU(), torch.nn.ReLU()),
        (nn.LeakyReLU(0.2), torch.nn.LeakyReLU(0.2)),
        (nn.ELU(0.5), torch.nn.ELU(0.5)),
        (nn.GELU(), torch.nn.GELU()),
        (nn.SiLU(), torch.nn.SiLU()),
        (nn.Softplus(), torch.nn.Softplus(threshold=1000)),
        (nn.Softmax(), torch.nn.Softmax(dim=-1)),
        (nn.ParametricReLU(4), torch.nn.PReLU(4)),
        (nn.Flatten(), torch.nn.Flatten()),
        (nn.Dropout().eval(), torch.nn.Dropout().eval()),
    ],
)
def test_layers_without_weights_to_turn(layer, module):
    check_same(*paired(layer, module), normal(3, 4))


def test_a_network_and_back():
    theirs = torch.nn
    module = theirs.Sequential(
        theirs.Sequential(theirs.Conv2d(1, 2, 3), theirs.BatchNorm2d(2), theirs.ReLU(), theirs.MaxPool2d(2)),
        theirs.Flatten(), theirs.Linear(8, 3),
    )  # fmt: skip
    layer = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm(2), nn.ReLU(), nn.MaxPool2d(2)), nn.Flatten(), nn.Linear(8, 3)
    )
    check_same(*paired(layer, module), normal(4, 1, 6, 6))
    state = {name: torch.from_numpy(array) for name, array in nn.to_torch(layer).items()}
    module.load_state_dict(state)
    module.eval(), layer.eval()
    check_same(layer, module, normal(4, 1, 6, 6))
