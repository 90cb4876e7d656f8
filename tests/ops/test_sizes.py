"""Sizes that nothing can have are refused by name, at once, whatever NumPy does about them."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, TinygradError

HUGE = [2**62, 2**63 - 1, 2**61]

REFUSED = {
    "repeat": lambda x, n: tg.repeat(x, n),
    "repeat of each": lambda x, n: tg.repeat(x, [n, n, n]),
    "tile": lambda x, n: tg.tile(x, n),
    "tile of two axes": lambda x, n: tg.tile(x, (n // 2**31, 2**31)),
    "pad": lambda x, n: tg.pad(x, n),
    "array_split": lambda x, n: tg.array_split(x, n),
    "split of nothing": lambda x, n: tg.split(x[:0], n),
    "a lot of a split": lambda x, n: tg.array_split(x, 2**40),
}


@pytest.mark.parametrize("n", HUGE)
@pytest.mark.parametrize("f", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("x", [np.ones(3), tg.tensor(np.ones(3), requires_grad=True)], ids=["array", "tensor"])
def test_huge_sizes_are_refused(f, n, x):
    with pytest.raises(ArgumentError, match=r"\(\d,\)"):
        f(x, n)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: tg.broadcast_to(x, (n, 3)),
        lambda x, n: tg.fft.fft(x, n),
        lambda x, n: tg.fft.irfft(x, n),
        lambda x, n: tg.reshape(x, (n, 3)),
        lambda x, n: tg.diag(x, n),
    ],
    ids=["broadcast_to", "fft", "irfft", "reshape", "diag"],
)
def test_what_numpy_refuses_is_named_too(f):
    with pytest.raises(TinygradError, match=r"\(3,\)"):
        f(tg.tensor(np.ones(3), requires_grad=True), 2**62)


def test_so_many_differences_that_none_is_left():
    x = np.arange(12.0).reshape(3, 4) ** 2
    for n in (3, 4, 5, 2**62):
        y = tg.diff(x, n=n)
        assert y.shape == (3, max(0, 4 - n))
        assert tg.grad(lambda x, n=n: tg.sum(tg.diff(x, n=n)))(x).shape == x.shape
    np.testing.assert_array_equal(tg.diff(x, n=3, axis=1), np.diff(x, n=3, axis=1))
    assert tg.diff(x, n=9, axis=0).shape == np.diff(x, n=9, axis=0).shape


def test_sizes_that_are_large_for_their_array_alone_are_not_refused():
    assert [part.size for part in tg.array_split(np.ones(2), 5)] == [1, 1, 0, 0, 0]
    assert tg.repeat(np.ones(0), 2**40).size == 0
    assert tg.tile(np.ones((0, 3)), (2**40, 1)).shape == (0, 3)
    assert tg.repeat(np.ones((2, 3)), [1, 2], axis=0).shape == (3, 3)
