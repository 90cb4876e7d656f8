"""Splitting, standardising, scoring, and the article's job from table to test accuracy."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError


def test_split_keeps_examples_and_targets_together():
    X = np.arange(140.0).reshape(-1, 1)
    X_train, X_test, y_train, y_test = nn.split(X, np.arange(140), seed=3)
    assert (len(X_train), len(X_test)) == (98, 42)
    np.testing.assert_array_equal(X_train[:, 0], y_train)
    np.testing.assert_array_equal(X_test[:, 0], y_test)
    assert {*y_train, *y_test} == {*range(140)}
    np.testing.assert_array_equal(nn.split(X, np.arange(140), seed=3)[3], y_test)
    assert not np.array_equal(nn.split(X, np.arange(140), seed=4)[3], y_test)


def test_split_refuses():
    with pytest.raises(ShapeError, match=r"X \(3, 1\) and y \(2,\)"):
        nn.split(np.ones((3, 1)), [0, 1])
    for share in (0.0, 1.0, 0.1, 70, np.nan):
        with pytest.raises(ArgumentError, match="leaves a part empty"):
            nn.split(np.ones((3, 1)), [0, 1, 1], share=share)


def test_standardise_looks_at_the_training_part_only():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5, 3, size=(50, 2)), rng.normal(5, 3, size=(20, 2))
    scaled, other = nn.standardise(train, test)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    np.testing.assert_allclose(other, (test - train.mean(axis=0)) / train.std(axis=0))


def test_a_constant_feature_is_only_shifted():
    train = np.full((7, 1), 0.1)
    scaled, other = nn.standardise(train, train + 1)
    np.testing.assert_allclose(scaled, 0, atol=1e-15)
    np.testing.assert_allclose(other, 1)


def test_standardise_refuses():
    with pytest.raises(DataError, match="1 NaN"):
        nn.standardise([[np.nan, 1.0]])
    with pytest.raises(ShapeError, match=r"\(2, 2\), \(1, 3\)"):
        nn.standardise(np.ones((2, 2)), np.ones((1, 3)))
    with pytest.raises(ShapeError, match=r"got \(2,\)"):
        nn.standardise(np.ones(2))
    with pytest.raises(DataError, match="no example"):
        nn.standardise(np.ones((0, 2)))


def test_accuracy():
    assert nn.accuracy([1, 0, 1], [1, 1, 1]) == pytest.approx(2 / 3)
    assert nn.accuracy([[1, 1], [0, 1], [1, 1]], [[1, 0], [0, 1], [0, 1]]) == pytest.approx(1 / 3)
    assert nn.accuracy([[0.1, 0.2], [3.0, -1.0], [0.0, 0.0]], [1, 1, 0]) == pytest.approx(2 / 3)
    assert nn.accuracy([[0.3], [-2.0]], [[1], [1]], threshold=0.0) == 0.5
    assert nn.accuracy([[[0.1, 0.2], [3.0, -1.0]], [[0.0, 1.0], [0.0, 1.0]]], [[1, 0], [1, 0]]) == 0.75
    with pytest.raises(ArgumentError, match="threshold=0 if they are logits"):
        nn.accuracy([[0.3], [-2.0]], [1, 0])  # one column is not the scores of two classes
    assert nn.accuracy(tg.tensor([[0.1, 0.2], [3.0, -1.0]], requires_grad=True), tg.tensor([1, 1])) == 0.5
    with pytest.raises(ArgumentError, match=r"scores, not classes.* threshold=0 if they are logits"):
        nn.accuracy([[0.3], [-2.0]], [[1], [1]])
    with pytest.raises(ShapeError, match=r"\(2,\) and targets \(1, 2\)"):
        nn.accuracy([1, 0], [[1, 0]])
    with pytest.raises(DataError, match="no examples"):
        nn.accuracy([], [])


def test_the_articles_job_on_the_seeds_data():
    X, y = tg.datasets.load_seeds()
    accuracies = []
    for seed in range(10):
        trained = nn.train(X, y, seed=seed)
        accuracies.append(trained.test_accuracy)
        assert (trained.X.shape, trained.Y.shape, len(trained.passes)) == ((7, 98), (1, 98), 100)
        assert trained.train_accuracy == trained.passes[-1].accuracy > 0.9
    assert np.mean(accuracies) >= 0.93


def test_a_seed_gives_the_same_network_again():
    X, y = tg.datasets.load_seeds()
    one, two = (nn.train(X, y, epochs=2, batch=7, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one.network.parameters["W1"], two.network.parameters["W1"])
    assert one.passes == two.passes


@pytest.mark.parametrize("layers", [(6, 2, 1), (7, 2)])
def test_train_refuses_layers_that_do_not_fit(layers):
    X, y = tg.datasets.load_seeds()
    with pytest.raises(ArgumentError, match="this data needs 7 and 1"):
        nn.train(X, y, layers)


def test_train_refuses_examples_without_features():
    with pytest.raises(ShapeError, match="features"):
        nn.train(np.ones(10), np.ones(10), layers=(10, 1))
