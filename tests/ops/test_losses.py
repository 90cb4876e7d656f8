"""Losses: values against SciPy and plain loops, reductions, saturated inputs, labels that do not fit."""

import numpy as np
import pytest
from scipy import special

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError
from tinygrad_bp.ops.class_losses import kl_divergence, nll, softmax_cross_entropy
from tinygrad_bp.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    hinge,
    huber,
    mae,
    mse,
)

RANDOM = np.random.default_rng(0)
P, T = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 3))
Z, LABELS = RANDOM.normal(size=(6, 4)), np.array([0, 3, 1, 1, 2, 3])
ROWS = special.softmax(RANDOM.normal(size=(6, 4)), axis=1)


# --- elementwise losses -----------------------------------------------------------------------------------------------

ELEMENTWISE = {
    mse: lambda p, t: (p - t) ** 2,
    mae: lambda p, t: abs(p - t),
    huber: lambda p, t: special.huber(1.0, p - t),
    binary_cross_entropy_with_logits: lambda z, t: special.log1p(np.exp(z)) - t * z,
}


@pytest.mark.parametrize(("loss", "definition"), ELEMENTWISE.items(), ids=lambda f: getattr(f, "__name__", ""))
def test_elementwise_losses_and_their_reductions(loss, definition):
    losses = definition(P, T)
    np.testing.assert_allclose(loss(P, T, reduction="none"), losses)
    assert loss(P, T) == pytest.approx(losses.mean())
    assert loss(P, T, reduction="sum") == pytest.approx(losses.sum())


def test_huber_is_a_parabola_that_goes_on_straight():
    np.testing.assert_allclose(huber(P, T, delta=0.3, reduction="none"), special.huber(0.3, P - T))
    slope = tg.grad(lambda p: huber(p, np.zeros(4), delta=2.0, reduction="sum"))
    np.testing.assert_array_equal(slope(np.array([-9.0, -1.0, 2.0, 3.0])), [-2, -1, 2, 2])
    with pytest.raises(ArgumentError, match=r"delta .* must be positive; got 0"):
        huber(P, T, delta=0)


def test_mae_has_slope_0_where_it_is_right():
    np.testing.assert_array_equal(tg.grad(lambda p: mae(p, np.ones(3)))(np.array([0.0, 1.0, 2.0])), [-1 / 3, 0, 1 / 3])


def test_hinge_looks_inside_the_margin_only():
    z, t = np.array([2.0, 1.0, 0.5, -3.0]), np.array([1, 1, 1, 1])
    np.testing.assert_array_equal(hinge(z, t, reduction="none"), [0, 0, 0.5, 4])
    np.testing.assert_array_equal(tg.grad(lambda s: hinge(s, t, "sum"))(z), [0, 0, -1, -1])
    np.testing.assert_array_equal(tg.grad(lambda s: hinge(s, -t, "sum"))(z), [1, 1, 1, 0])
    assert hinge(z.astype(np.float32), t).dtype == np.float32
    with pytest.raises(DataError, match=r"labels are −1 and 1; got 0.0. For labels 0 and 1 pass 2·labels − 1"):
        hinge(z, np.array([0, 1, 1, 1]))


@pytest.mark.parametrize("loss", [mse, mae, huber, hinge, binary_cross_entropy, kl_divergence])
def test_shapes_must_agree(loss):
    with pytest.raises(ShapeError, match=r"array \(5, 3\) and targets array \(5,\) must have the same shape"):
        loss(P, T[:, 0])
    with pytest.raises(ShapeError, match="must have the same shape"):
        loss(tg.tensor(P, requires_grad=True), 0.5)


@pytest.mark.parametrize("loss", [mse, mae, huber, binary_cross_entropy, kl_divergence, softmax_cross_entropy])
def test_unknown_reductions_are_refused(loss):
    with pytest.raises(ArgumentError, match="reduction is one of 'mean', 'sum', 'none'; got 'avg'"):
        loss(ROWS, ROWS, reduction="avg")


# --- saturated inputs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saturated_probability_costs_a_finite_amount(dtype):
    p, t = np.array([0, 1, 0, 1], dtype), np.array([0, 1, 1, 0], dtype)
    value, gradient = tg.value_and_grad(lambda q: binary_cross_entropy(q, t))(p)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(np.sign(gradient), [1, -1, -1, 1])
    assert binary_cross_entropy(p, p) == 0


def test_saturated_logits_cost_exactly_what_they_should():
    z, t = np.array([-1000.0, 1000.0, -1000.0, 1000.0]), np.array([0.0, 1, 1, 0])
    np.testing.assert_array_equal(binary_cross_entropy_with_logits(z, t, "none"), [0, 0, 1000, 1000])
    gradient = tg.grad(lambda s: binary_cross_entropy_with_logits(s, t, "sum"))(z)
    np.testing.assert_array_equal(gradient, [0, 0, -1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_classes_cost_exactly_what_they_should(dtype):
    z = np.array([[1000, 0, -1000], [-1000, 0, 1000]], dtype)
    value, gradient = tg.value_and_grad(lambda s: softmax_cross_entropy(s, [0, 0], reduction="sum"))(z)
    assert (value, value.dtype) == (2000, dtype)
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [-1, 0, 1]])
    assert gradient.dtype == dtype


def test_an_impossible_class_of_probability_0_costs_nothing():
    z = np.array([[0.0, 0.0, -np.inf]])
    assert softmax_cross_entropy(z, np.array([[0.5, 0.5, 0.0]])) == pytest.approx(np.log(2))
    assert softmax_cross_entropy(z, [1]) == pytest.approx(np.log(2))
    np.testing.assert_allclose(tg.grad(lambda s: softmax_cross_entropy(s, [1]))(z), [[0.5, -0.5, 0]])


def test_divergence_of_saturated_probabilities_is_finite():
    p, q = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(kl_divergence(p, q, reduction="none"), [0, -np.log(np.finfo(float).tiny)])
    for i in (0, 1):
        assert np.all(np.isfinite(tg.grad(kl_divergence, argnums=i)(p, q)))


# --- losses over classes ----------------------------------------------------------------------------------------------


def test_cross_entropy_is_the_negative_log_probability_of_the_label():
    losses = -special.log_softmax(Z, axis=1)[np.arange(6), LABELS]
    np.testing.assert_allclose(softmax_cross_entropy(Z, LABELS, reduction="none"), losses)
    assert softmax_cross_entropy(Z, LABELS) == pytest.approx(losses.mean())
    assert softmax_cross_entropy(Z, LABELS.tolist(), reduction="sum") == pytest.approx(losses.sum())
    assert nll(special.log_softmax(Z, axis=1), LABELS) == pytest.approx(losses.mean())
    expected = (special.softmax(Z, axis=1) - np.eye(4)[LABELS]) / 6
    np.testing.assert_allclose(tg.grad(softmax_cross_entropy)(Z, LABELS), expected)
    np.testing.assert_allclose(tg.grad(nll)(Z, LABELS), -np.eye(4)[LABELS] / 6)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_classes_along_any_axis(axis):
    z = RANDOM.normal(size=(2, 3, 4))
    labels = RANDOM.integers(0, z.shape[axis], np.delete(z.shape, axis))
    chosen = np.take_along_axis(special.log_softmax(z, axis=axis), np.expand_dims(labels, axis), axis)
    np.testing.assert_allclose(softmax_cross_entropy(z, labels, axis=axis, reduction="none"), -chosen.squeeze(axis))
    assert softmax_cross_entropy(z, labels, axis=axis) == pytest.approx(-chosen.mean())


def test_examples_as_columns_like_the_article():
    assert softmax_cross_entropy(Z.T, LABELS, axis=0) == pytest.approx(softmax_cross_entropy(Z, LABELS))


def test_one_example_has_one_label():
    assert softmax_cross_entropy(Z[0], 2) == pytest.approx(-special.log_softmax(Z[0])[2])
    np.testing.assert_allclose(
        tg.grad(softmax_cross_entropy)(Z[0], 2), special.softmax(Z[0]) - np.array([0, 0, 1, 0]), atol=1e-15
    )


def test_probabilities_as_labels_and_their_gradient():
    losses = -(ROWS * special.log_softmax(Z, axis=1)).sum(axis=1)
    np.testing.assert_allclose(softmax_cross_entropy(Z, ROWS, reduction="none"), losses)
    np.testing.assert_allclose(tg.grad(softmax_cross_entropy, argnums=1)(Z, ROWS), -special.log_softmax(Z, axis=1) / 6)
    whole = np.eye(4, dtype=int)[LABELS]
    assert softmax_cross_entropy(Z, whole) == pytest.approx(softmax_cross_entropy(Z, LABELS))
    assert softmax_cross_entropy(Z.astype(np.float32), whole).dtype == np.float32


def test_labels_may_be_a_tensor_and_a_small_dtype():
    z = tg.tensor(Z, requires_grad=True)
    hvp = tg.hvp(lambda s: softmax_cross_entropy(s, tg.tensor(LABELS)), (Z,), (np.ones((6, 4)),))
    np.testing.assert_allclose(hvp[0], 0, atol=1e-15)  # a shift of all logits changes nothing
    softmax_cross_entropy(z, LABELS.astype(np.int8)).backward()
    np.testing.assert_allclose(z.grad, tg.grad(softmax_cross_entropy)(Z, LABELS))


@pytest.mark.parametrize("loss", [softmax_cross_entropy, nll])
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.array([0, 1, 2, 3, 4, 0]), DataError, "labels of 4 classes run from 0 to 3; got 4"),
        (np.array([0, 1, 2, 3, -1, 0], np.int8), DataError, "got -1"),
        (np.array([0.0, 1, 2, 3, 1, 0]), DataError, "integers; got array .6,. of dtype float64. Convert"),
        (np.array([True] * 6), DataError, "dtype bool"),
        (np.array([0, 1]), ShapeError, r"labels array \(2,\) must have the shape \(6,\)"),
    ],
    ids=["high", "negative", "float", "bool", "shape"],
)
def test_labels_that_do_not_fit(loss, labels, error, message):
    with pytest.raises(error, match=f"{loss.__name__}: .*{message}"):
        loss(Z, labels)
    with pytest.raises(error, match=message):
        loss(tg.tensor(Z, requires_grad=True), labels)


def test_probabilities_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"probabilities array \(6, 3\) must have the shape of the logits \(6, 4\)"):
        softmax_cross_entropy(Z, ROWS[:, :3])


def test_divergence_between_distributions():
    q = special.softmax(Z, axis=1)
    divergences = special.rel_entr(ROWS, q).sum(axis=1)
    np.testing.assert_allclose(kl_divergence(ROWS, q, reduction="none"), divergences)
    assert kl_divergence(ROWS.T, q.T, axis=0) == pytest.approx(divergences.mean())
    assert kl_divergence(q, q) == 0
    np.testing.assert_allclose(tg.grad(kl_divergence, argnums=1)(ROWS, q), -ROWS / q / 6)


@pytest.mark.parametrize("loss", [binary_cross_entropy, kl_divergence])
@pytest.mark.parametrize("wrong", [2.0, -0.25])
def test_probabilities_out_of_range(loss, wrong):
    p, t = np.array([0.5, wrong]), np.array([0.0, 1.0])
    with pytest.raises(ArgumentError, match=rf"{loss.__name__}: probabilities are between 0 and 1; got {wrong:g} in"):
        loss(p, t)
    with pytest.raises(ArgumentError, match="odds"):
        loss(tg.tensor(p, requires_grad=True, name="odds"), t)


@pytest.mark.parametrize("loss", [binary_cross_entropy, kl_divergence])
def test_rounded_probabilities_are_in_range(loss):
    assert np.isfinite(loss(np.array([1 + 1e-15, -1e-17]), np.array([1.0, 0.0])))
    assert np.isnan(loss(np.array([np.nan, 0.5]), np.array([1.0, 0.0])))
