"""Copies and pickles of tensors: leaves travel, graphs do not."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import GraphCopyError

WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda t: pickle.loads(pickle.dumps(t))}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
deep_ways = pytest.mark.parametrize("way", [WAYS["deepcopy"], WAYS["pickle"]], ids=["deepcopy", "pickle"])


@every_way
@pytest.mark.parametrize("data", [2.5, [1.0, 2.0], np.zeros((0, 3)), np.float32([[1, 2]]), [1, 2], [True], 1j])
def test_a_leaf_keeps_what_it_is(way, data):
    leaf = tg.tensor(data, name="w")
    leaf.requires_grad = leaf.dtype.kind in "fc"
    new = way(leaf)
    assert new is not leaf
    assert (new.name, new.requires_grad, new.dtype, new.is_leaf) == ("w", leaf.requires_grad, leaf.dtype, True)
    np.testing.assert_array_equal(new.data, leaf.data)
    assert type(new.value) is type(leaf.value)


@every_way
def test_a_copy_has_its_own_gradient(way):
    leaf = tg.tensor([1.0, 2.0], requires_grad=True)
    leaf.sum().backward()
    leaf.register_hook(lambda g: 2 * g)
    new = way(leaf)
    assert new.grad is None
    (new * 3).sum().backward()
    assert new.grad.tolist() == [3, 3]
    assert leaf.grad.tolist() == [1, 1]


def test_a_shallow_copy_shares_memory_and_a_deep_one_does_not():
    leaf = tg.tensor([1.0, 2.0])
    assert np.shares_memory(copy.copy(leaf).data, leaf.data)
    assert not np.shares_memory(copy.deepcopy(leaf).data, leaf.data)


def test_a_shallow_copy_of_a_result_stays_in_the_graph():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    copy.copy(x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]


@deep_ways
def test_a_result_says_that_its_graph_would_be_lost(way):
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).named("y")
    with pytest.raises(GraphCopyError, match=r"y \(2,\) was computed by multiply; .* \.detach\(\)"):
        way(y)
    assert way(y.detach()).data.tolist() == [1, 4]


@every_way
def test_a_constant_result_is_a_leaf_when_copied(way):
    with tg.no_grad():
        assert way(tg.tensor([1.0], requires_grad=True) * 2).data.tolist() == [2]
    mask = tg.tensor([1.0], requires_grad=True) > 0
    assert way(mask).is_leaf


@deep_ways
def test_layers_travel_with_their_parameters(way):
    net = tg.nn.Sequential(tg.nn.Linear(3, 4, seed=0), tg.nn.Tanh(), tg.nn.Linear(4, 1, seed=1))
    new = way(net)
    x = np.ones((2, 3))
    np.testing.assert_array_equal(new(x).data, net(x).data)
    assert [n for n, _ in new.named_parameters()] == [n for n, _ in net.named_parameters()]
    new(x).sum().backward()
    assert all(p.grad is None for p in net.parameters())
    assert all(p.grad is not None for p in new.parameters())


@deep_ways
def test_a_shared_parameter_stays_shared(way):
    w = tg.tensor(1.0, requires_grad=True)
    a, b = way([w, w])
    assert a is b
