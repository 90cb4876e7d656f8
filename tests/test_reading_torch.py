"""PyTorch's modules read as ours: values and gradients are PyTorch's, and they can be drawn and printed."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, MissingRuleError

pytestmark = pytest.mark.once


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


def test_what_has_no_op_is_taken_apart_by_torch(torch):
    nn = torch.nn

    class Recurrent(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.layer, self.cell = kind(3, 4, batch_first=True), nn.GRUCell(4, 4)

        def forward(self, x):
            y, _ = self.layer(x)
            return self.cell(y[:, -1], torch.zeros(2, 4)) ** 3

    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        same_gradients(Recurrent(kind), torch.randn(2, 5, 3))
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    same_gradients(nn.Sequential(block, nn.Linear(8, 1)), torch.randn(2, 5, 8))
    images = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.PixelShuffle(2), nn.Upsample(scale_factor=2), nn.InstanceNorm2d(1),
        nn.AdaptiveAvgPool2d((2, 3)), nn.ZeroPad2d((1, 0, 0, 2)), nn.Flatten(), nn.PReLU(), nn.Hardtanh(),
        nn.Linear(16, 2),
    )  # fmt: skip
    same_gradients(images, torch.randn(2, 1, 5, 8))


def test_torchs_functions(torch):
    functional = torch.nn.functional
    labels, at = torch.tensor([0, 3, 1]), torch.tensor([[0, 1, 1, 3], [3, 1, 0, 2], [2, 2, 2, 2]])
    functions = {
        "extremes": lambda w: (
            w.max() + w.min(1).values.sum() + w.topk(2).values.prod() + w.sort(0, descending=True)[0][0].sum()
        ),
        "taken": lambda w: (w.gather(1, at) ** 2).sum() + w[:, labels].sum() + w.index_select(0, labels[:1]).prod(),
        "added": lambda w: (
            (torch.zeros(3, 5).scatter_add(1, at, w) ** 2).sum() + (w.index_add(0, labels[:1], w[:1]) ** 3).sum()
        ),
        "equations": lambda w: (
            torch.logdet(w @ w.T) + torch.linalg.solve(w[:, :3], w).sum() + torch.linalg.inv(w[:, 1:]).sum()
        ),
        "losses": lambda w: (
            functional.cross_entropy(w, labels, label_smoothing=0.1)
            + functional.cross_entropy(w[None].mT, torch.tensor([[1, 3, -1]]) % 3, ignore_index=2)
            + functional.cross_entropy(w, w.softmax(1), reduction="sum")
        ),
        "binary losses": lambda w: (
            functional.binary_cross_entropy(w.sigmoid(), (w > 0).double(), reduction="sum")
            + functional.binary_cross_entropy_with_logits(w, (w > 0).double(), reduction="none").prod()
        ),
        "ranges": lambda w: (w * torch.arange(1, 5) + w.std(0) + torch.full_like(w, 2.0)).prod(),
    }

    class Of(torch.nn.Module):
        def __init__(self, function):
            super().__init__()
            self.w, self.function = torch.nn.Parameter(torch.randn(3, 4)), function

        def forward(self, x):
            return self.function(self.w * x)

    for function in functions.values():
        same_gradients(Of(function), torch.randn(3, 4))


def test_torchs_single_precision_stays_single(torch):
    class Masked(torch.nn.Module):
        def forward(self, x):
            return torch.where(torch.tril(torch.ones(3, 3, dtype=torch.float32)) == 0, 0.0, x) + torch.zeros(3).float()

    f, _ = tg.from_torch(Masked(), torch.ones(3, 3, dtype=torch.float32))
    assert tg.grad(lambda x: tg.sum(f({}, x)))(np.ones((3, 3), np.float32)).dtype == np.float32
    assert f({}, np.ones((3, 3), np.float32)).dtype == np.float32


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
