"""Attention: weights by hand, masks, and heads that are attentions of their own."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError

rng = np.random.default_rng(0)


def by_hand(query, key, value, seen):
    """A query at a time, over the keys that it sees."""
    y = np.zeros((len(query), value.shape[1]))
    for i, q in enumerate(query):
        if seen[i].any():
            e = np.exp(key[seen[i]] @ q / np.sqrt(len(q)))
            y[i] = e @ value[seen[i]] / e.sum()
    return y


MASK = np.array([[True, False, True, True], [False] * 4, [True, True, True, True]])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, MASK, MASK[:, :1], [True, True, False, True]])
def test_is_a_weighted_mean_of_what_is_seen(mask, causal):
    query, key, value = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), rng.normal(size=(4, 2))
    seen = np.broadcast_to(True if mask is None else mask, (3, 4)) & (np.tri(3, 4) > 0 if causal else True)
    y = nn.scaled_dot_product_attention(tg.tensor(query), key, value, mask, causal)
    np.testing.assert_allclose(y.data, by_hand(query, key, value, seen), rtol=1e-10)


def test_a_query_that_sees_nothing_has_zeros_and_no_gradient():
    query, value = tg.tensor(rng.normal(size=(3, 2)), requires_grad=True), rng.normal(size=(4, 2))
    with tg.detect_anomaly():
        y = nn.scaled_dot_product_attention(query, rng.normal(size=(4, 2)), value, MASK)
        y.sum().backward()
    assert y.data[1].tolist() == query.grad[1].tolist() == [0.0, 0.0]
    assert np.all(query.grad[[0, 2]] != 0)


def test_later_keys_do_not_reach_earlier_queries():
    layer = nn.MultiHeadAttention(4, 2, seed=0)
    x = tg.tensor(rng.normal(size=(1, 5, 4)), requires_grad=True)
    layer(x, causal=True)[0, 2].sum().backward()
    assert np.all(x.grad[0, 3:] == 0)
    assert np.all(x.grad[0, :3] != 0)


@pytest.mark.parametrize("bias", [True, False])
def test_heads_are_attentions_of_their_own(bias):
    layer = nn.MultiHeadAttention(6, 3, bias=bias, seed=1)
    layer.load_state_dict({name: rng.normal(size=array.shape) for name, array in layer.state_dict().items()})
    query, key, value = rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 4, 6)), rng.normal(size=(2, 4, 6))
    q, k, v = (f(x).data for f, x in ((layer.query, query), (layer.key, key), (layer.value, value)))
    heads = [
        np.stack([by_hand(q[n][:, part], k[n][:, part], v[n][:, part], MASK) for n in range(2)])
        for part in (slice(0, 2), slice(2, 4), slice(4, 6))
    ]
    expected = layer.output(np.concatenate(heads, axis=-1)).data
    np.testing.assert_allclose(layer(query, key, value, mask=MASK).data, expected, rtol=1e-10)
    np.testing.assert_allclose(layer(query, key, value, np.stack([MASK, MASK])).data, expected, rtol=1e-10)


def test_key_and_value_are_the_query_unless_given():
    layer = nn.MultiHeadAttention(4, 2, seed=0)
    x, key = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))
    np.testing.assert_array_equal(layer(x).data, layer(x, x, x).data)
    np.testing.assert_array_equal(layer(x, key).data, layer(x, key, key).data)


def test_gradients(check_layer):
    query, key = rng.normal(size=(1, 3, 2)), rng.normal(size=(1, 4, 2))
    check_layer(nn.MultiHeadAttention(2, 2), query, key, mask=MASK, order=1)
    tg.testing.check_gradients(
        lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, MASK, causal=True),
        rng.normal(size=(3, 2)), rng.normal(size=(4, 2)), rng.normal(size=(4, 3)),
    )  # fmt: skip


def test_float32_stays():
    x = rng.normal(size=(1, 3, 4)).astype(np.float32)
    layer = nn.MultiHeadAttention(4, 2, seed=0, dtype=np.float32)
    assert layer(x, mask=np.eye(3) > 0, causal=True).dtype == np.float32


def test_refuses():
    with pytest.raises(ArgumentError, match="heads must divide the width 6; got 4"):
        nn.MultiHeadAttention(6, 4)
    layer = nn.MultiHeadAttention(4, 2)
    with pytest.raises(ShapeError, match=r"MultiHeadAttention: query has to be \(examples, length, 4\) to fit query.W"):
        layer(np.ones((3, 4)))
    with pytest.raises(ShapeError, match=r"key has to be \(examples, length, 4\) .* got array \(2, 3, 5\). Axis 2"):
        layer(np.ones((2, 3, 4)), np.ones((2, 3, 5)))
    with pytest.raises(ShapeError, match=r"value has to be \(…, 4, n\); got array \(5, 2\). Axis -2 has length 5"):
        nn.scaled_dot_product_attention(np.ones((3, 2)), np.ones((4, 2)), np.ones((5, 2)))
    with pytest.raises(
        DTypeError, match=r"a mask is bool, True where .* got array \(1, 3, 3\) of float64. Pass mask.astype"
    ):
        layer(np.ones((2, 3, 4)), mask=np.ones((3, 3)))
    with pytest.raises(ShapeError, match=r"mask has to be \(…, queries, keys\); got array \(3,\)"):
        layer(np.ones((2, 3, 4)), mask=[True, True, False])


def test_causal_is_said_once_for_all_calls_or_at_one():
    x = np.random.default_rng(0).normal(size=(2, 5, 4))
    layer = nn.MultiHeadAttention(4, 2, seed=0, causal=True)
    other = nn.MultiHeadAttention(4, 2, seed=0)
    np.testing.assert_array_equal(layer(x).data, other(x, causal=True).data)
    np.testing.assert_array_equal(layer(x, causal=False).data, other(x).data)
    assert nn.Residual(layer)(x).shape == x.shape
