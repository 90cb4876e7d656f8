"""The seeds data is what its README says, and the loader says so when asked for something else."""

from importlib.resources import files

import numpy as np
import pytest

from tinygrad_bp.datasets import FEATURES, VARIETIES, load_seeds


def test_default_is_the_two_class_problem():
    X, y = load_seeds()
    assert X.shape == (140, 7)
    assert X.dtype == np.float64
    assert y.shape == (140,)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, np.repeat([0, 1], 70))
    np.testing.assert_array_equal(X[0], [15.26, 14.84, 0.871, 5.763, 3.312, 2.221, 5.22])


def test_label_is_the_position_in_varieties():
    X, y = load_seeds((1, 2))
    X_swapped, y_swapped = load_seeds((2, 1))
    np.testing.assert_array_equal(X_swapped, X)
    np.testing.assert_array_equal(y_swapped, 1 - y)

    X, y = load_seeds([3, 1])
    np.testing.assert_array_equal(y, np.repeat([1, 0], 70))
    np.testing.assert_array_equal(X[y == 0], load_seeds([3])[0])


def test_all_varieties():
    X, y = load_seeds((1, 2, 3))
    assert X.shape == (210, len(FEATURES))
    np.testing.assert_array_equal(np.bincount(y), [70, 70, 70])
    assert np.isfinite(X).all()
    assert (X > 0).all()


def test_columns_are_named_as_in_the_file():
    text = (files("tinygrad_bp.datasets") / "seeds.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0].split(",") == [*FEATURES, "variety"]


def test_units_agree_with_each_other():
    """Compactness is 4πA/P² of the same row, to the digits given: mm² and mm it is."""
    X, _ = load_seeds((1, 2, 3))
    area, perimeter, compactness = X.T[:3]
    np.testing.assert_allclose(4 * np.pi * area / perimeter**2, compactness, rtol=2e-3)


def test_arrays_are_fresh_and_contiguous():
    X, y = load_seeds()
    assert X.flags.c_contiguous
    X[:] = 0
    y[:] = 7
    X_again, y_again = load_seeds()
    assert (X_again > 0).all()
    assert y_again.max() == 1


@pytest.mark.parametrize(
    ("varieties", "got"),
    [
        ((), "got none"),
        ((1, 4), "got 4"),
        ((0,), "got 0"),
        (("Rosa",), "got 'Rosa'"),
        ((1, 2, 1), "got 1 twice"),
    ],
)
def test_refuses_other_varieties(varieties, got):
    with pytest.raises(ValueError, match=got) as caught:
        load_seeds(varieties)
    assert str(list(VARIETIES)) in str(caught.value), "the message says what was expected"
