"""Weights in PyTorch's names and layout: there and back, and what does not fit is left for `load_state_dict`."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError

rng = np.random.default_rng(0)


class Net(nn.Layer):
    def __init__(self):
        self.gain, self.slopes = tg.tensor(2.0, requires_grad=True), nn.ParametricReLU(4)
        self.body = nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm(4), nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 6)))
        self.layers = [nn.Embedding(3, 2), nn.RNN(2, 3), nn.LSTM(2, 3), nn.GRU(2, 3), nn.GRU(2, 3, bias=False)]
        self.attention = nn.MultiHeadAttention(4, 2)
        self.plain = nn.MultiHeadAttention(4, 2, bias=False)
        self.filters = nn.Conv2d(1, 2, 3)


SHAPES = {
    "gain": (), "slopes.weight": (4,),
    "body.0.weight": (4, 2, 3), "body.0.bias": (4,),
    "body.1.weight": (4,), "body.1.bias": (4,), "body.1.running_mean": (4,), "body.1.running_var": (4,),
    "body.2.0.weight": (5,), "body.2.0.bias": (5,), "body.2.1.weight": (6, 5), "body.2.1.bias": (6,),
    "layers.0.weight": (3, 2),
    "layers.1.weight_ih_l0": (3, 2), "layers.1.weight_hh_l0": (3, 3),
    "layers.1.bias_ih_l0": (3,), "layers.1.bias_hh_l0": (3,),
    "layers.2.weight_ih_l0": (12, 2), "layers.2.weight_hh_l0": (12, 3),
    "layers.2.bias_ih_l0": (12,), "layers.2.bias_hh_l0": (12,),
    "layers.3.weight_ih_l0": (9, 2), "layers.3.weight_hh_l0": (9, 3),
    "layers.3.bias_ih_l0": (9,), "layers.3.bias_hh_l0": (9,),
    "layers.4.weight_ih_l0": (9, 2), "layers.4.weight_hh_l0": (9, 3),
    "attention.in_proj_weight": (12, 4), "attention.in_proj_bias": (12,),
    "attention.out_proj.weight": (4, 4), "attention.out_proj.bias": (4,),
    "plain.in_proj_weight": (12, 4), "plain.out_proj.weight": (4, 4),
    "filters.weight": (2, 1, 3, 3), "filters.bias": (2,),
}  # fmt: skip


def test_there_and_back():
    net = Net()
    net.load_state_dict({name: rng.normal(size=array.shape) for name, array in net.state_dict().items()})
    theirs = nn.to_torch(net)
    assert {name: array.shape for name, array in theirs.items()} == SHAPES
    ours, state = nn.from_torch(net, theirs), net.state_dict()
    assert ours.keys() == state.keys()
    assert all(np.array_equal(ours[name], array) for name, array in state.items())
    assert np.array_equal(theirs["body.2.1.weight"], net.body.layers[2].layers[1].W.data.T)
    assert np.array_equal(theirs["attention.in_proj_weight"][4:8], net.attention.key.W.data.T)


def test_biases_of_recurrent_layers_add_up():
    net = Net()
    theirs = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    ours = nn.from_torch(net, theirs)
    for i in (1, 2):
        both = theirs[f"layers.{i}.bias_ih_l0"] + theirs[f"layers.{i}.bias_hh_l0"]
        np.testing.assert_array_equal(ours[f"layers.{i}.b"], both)
    of_x, of_h = theirs["layers.3.bias_ih_l0"], theirs["layers.3.bias_hh_l0"]
    np.testing.assert_array_equal(ours["layers.3.b"], np.concatenate([(of_x + of_h)[:6], of_x[6:]]))
    np.testing.assert_array_equal(ours["layers.3.b_u"], of_h[6:])


def test_what_does_not_fit_is_refused_by_name():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm(3), nn.LSTM(3, 2))
    theirs = nn.to_torch(model)
    theirs["1.num_batches_tracked"] = np.array(7)
    del theirs["0.bias"]
    theirs |= {"2.weight_ih_l1": np.ones((8, 2)), "head.weight": np.ones(2)}
    with pytest.raises(ArgumentError, match=r"missing: layers.0.b; unexpected: 2.weight_ih_l1, head.weight\."):
        model.load_state_dict(nn.from_torch(model, theirs))
