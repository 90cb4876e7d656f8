"""The state of a model is taken out, put back, and refused where it does not fit; `train()` and `eval()` reach all."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError

rng = np.random.default_rng(0)


def model(seed=None):
    layers = (
        nn.Linear(3, 4, seed=seed),
        nn.BatchNorm(4),
        nn.Residual(nn.Linear(4, 4, seed=seed), nn.Dropout(0.5, seed=0)),
    )
    return nn.Sequential(*layers, nn.Linear(4, 1, bias=False, seed=seed))


def test_parameters_and_buffers_by_path():
    assert {name: array.shape for name, array in model().state_dict().items()} == {
        "layers.0.W": (3, 4), "layers.0.b": (4,),
        "layers.1.weight": (4,), "layers.1.bias": (4,),
        "layers.1.running_mean": (4,), "layers.1.running_variance": (4,),
        "layers.2.layers.0.W": (4, 4), "layers.2.layers.0.b": (4,),
        "layers.3.W": (4, 1),
    }  # fmt: skip


def test_a_state_put_back_gives_the_same_outputs():
    first, second, x = model(0), model(1), rng.normal(size=(5, 3))
    first(x)
    optimizer = nn.SGD(second.parameters(), 0.1)
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first.eval()(x).data, second.eval()(x).data)
    second(x).sum().backward()
    optimizer.step()  # the tensors are those that the optimizer has
    assert not np.array_equal(first(x).data, second(x).data)


def test_states_share_no_memory():
    net = model(0)
    state = net.state_dict()
    kept = {name: array.copy() for name, array in state.items()}
    for array in state.values():
        array[...] = 7.0
    assert all(np.array_equal(array, kept[name]) for name, array in net.state_dict().items())
    net.load_state_dict(state)
    for array in state.values():
        array[...] = 8.0
    assert all(np.all(array == 7.0) for array in net.state_dict().values())


def test_every_tensor_that_was_not_computed_is_state():
    class Own(nn.Layer):
        def __init__(self):
            self.gain = tg.tensor(2.0, requires_grad=True)
            self.frozen = [tg.tensor(np.ones(2))]
            self.again = self.gain
            self.computed = self.gain * 2.0

    own = Own()
    assert list(own.state_dict()) == ["gain", "frozen.0"]
    own.load_state_dict({"gain": 3.0, "frozen.0": tg.tensor([4.0, 5.0], requires_grad=True)})
    assert (own.gain.item(), own.again.item(), own.frozen[0].tolist()) == (3.0, 3.0, [4.0, 5.0])
    assert own.gain.requires_grad
    assert not own.frozen[0].requires_grad


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s.pop("layers.0.b"), ArgumentError, r"differ from the model's. missing: layers.0.b. Build"),
        (lambda s: s.update(x=1.0), ArgumentError, r"unexpected: x. .* merge: model.state_dict\(\) \| state"),
        (lambda s: s.update(y=s.pop("layers.3.W")), ArgumentError, r"missing: layers.3.W; unexpected: y\."),
        (
            lambda s: s.update({"layers.3.W": np.ones((1, 4))}),
            ShapeError,
            r"layers.3.W is \(4, 1\), got \(1, 4\).*torch",
        ),
        (lambda s: s.update({"layers.3.W": np.ones((4, 1), np.float32)}), DTypeError, r"float64, got float32.*astype"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, error, message):
    net, other = model(0), model(1).state_dict()
    before = net.state_dict()
    change(other)
    with pytest.raises(error, match=message):
        net.load_state_dict(other)
    assert all(np.array_equal(array, before[name]) for name, array in net.state_dict().items())


def test_train_and_eval_reach_every_layer():
    net = model()
    assert [path for path, _ in net.named_layers()] == [
        "", "layers.0", "layers.1", "layers.2", "layers.2.layers.0", "layers.2.layers.1", "layers.3"
    ]  # fmt: skip
    assert all(layer.training for _, layer in net.named_layers())
    assert net.eval() is net
    assert not any(layer.training for _, layer in net.named_layers())
    assert net.train() is net
    assert all(layer.training for _, layer in net.named_layers())
    assert not net.train(False).training
