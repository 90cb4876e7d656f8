"""Convolution and pooling against plain loops and SciPy; ties, borders, groups, and messages."""

from itertools import product

import numpy as np
import pytest
from scipy import signal

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.ops.convolution import conv1d, conv2d
from tinygrad_bp.ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from tinygrad_bp.testing import check_gradients

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape)


def conv2d_by_loops(x, w, stride, borders, dilation, groups):
    """The definition, one output element at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *borders))
    filters, per_group, *kernel = w.shape
    places = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)]
    y = np.zeros((len(x), filters, *places))
    for n, o, i, j in np.ndindex(y.shape):
        first = o // (filters // groups) * per_group
        for c, u, v in product(range(per_group), range(kernel[0]), range(kernel[1])):
            row, column = stride[0] * i + dilation[0] * u, stride[1] * j + dilation[1] * v
            y[n, o, i, j] += w[o, c, u, v] * x[n, first + c, row, column]
    return y


@pytest.mark.parametrize("stride", [1, 2, (1, 3)])
@pytest.mark.parametrize(
    ("padding", "borders"),
    [
        (0, ((0, 0), (0, 0))),
        (1, ((1, 1), (1, 1))),
        ((2, 0), ((2, 2), (0, 0))),
        ([(0, 1), (3, 2)], ((0, 1), (3, 2))),
        ("valid", ((0, 0), (0, 0))),
    ],
    ids=str,
)
@pytest.mark.parametrize(("dilation", "groups"), [(1, 1), ((2, 1), 2), (1, 4)])
def test_conv2d_is_its_definition(stride, padding, borders, dilation, groups):
    x, w = normal(2, 4, 7, 6), normal(8, 4 // groups, 3, 2)
    pair = [v if isinstance(v, tuple) else (v, v) for v in (stride, dilation)]
    expected = conv2d_by_loops(x, w, pair[0], borders, pair[1], groups)
    np.testing.assert_allclose(conv2d(x, w, stride, padding, dilation, groups), expected, atol=1e-12)


def test_convolutions_agree_with_scipy():
    image, kernel = normal(9, 8), normal(3, 4)
    y = conv2d(image[None, None], kernel[None, None])
    np.testing.assert_allclose(y[0, 0], signal.correlate2d(image, kernel, mode="valid"), atol=1e-12)
    line, weights = normal(9), normal(4)
    y = conv1d(line[None, None], weights[None, None], padding=3)
    np.testing.assert_allclose(y[0, 0], np.correlate(line, weights, mode="full"), atol=1e-12)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "dilation"), [(7, 3, 1, 1), (7, 2, 1, 2), (8, 3, 2, 1), (5, 1, 3, 1)]
)
def test_same_padding_keeps_the_size_up_to_the_stride(n, kernel, stride, dilation):
    y = conv1d(normal(1, 1, n), normal(1, 1, kernel), stride, "same", dilation)
    assert y.shape == (1, 1, -(-n // stride))


def test_same_padding_puts_the_odd_zero_after():
    np.testing.assert_allclose(conv1d(np.ones((1, 1, 3)), np.array([[[1.0, 2.0]]]), padding="same"), [[[3, 3, 1]]])


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"stride": 2, "padding": 1},
        {"padding": "same", "dilation": 2},
        {"groups": 2, "stride": (2, 1), "padding": [(0, 1), (1, 0)]},
    ],
    ids=str,
)
def test_gradients_of_conv2d(params):
    x, w = normal(2, 4, 5, 4), normal(2, 4 // params.get("groups", 1), 2, 3)
    check_gradients(lambda a, b: conv2d(a, b, **params), x, w, analytic=True)


def test_places_as_many_as_a_power_of_two():
    x, w = normal(4, 2, 16, 16), normal(2, 2, 3, 3)
    expected = conv2d_by_loops(x, w, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    np.testing.assert_allclose(conv2d(x, w, padding=1), expected, atol=1e-12)
    check_gradients(lambda a, b: conv2d(a, b, padding=1), x, w, analytic=True)


def test_gradients_of_conv1d_with_a_bias():
    check_gradients(lambda x, w, b: conv1d(x, w, stride=2) + b[:, None], normal(2, 2, 6), normal(3, 2, 3), normal(3))


def test_an_empty_batch_is_fine():
    x, w = np.zeros((0, 3, 4, 4)), normal(2, 3, 3, 3)
    y, pullback = tg.vjp(conv2d, x, w)
    assert y.shape == (0, 2, 2, 2)
    assert [g.shape for g in pullback(y)] == [x.shape, w.shape]


def test_float32_stays():
    x, w = normal(1, 1, 3, 3).astype(np.float32), normal(1, 1, 2, 2).astype(np.float32)
    for f in (lambda t: conv2d(t, w, padding=1), lambda t: max_pool2d(t, 2, padding=1), lambda t: avg_pool2d(t, 2)):
        y, pullback = tg.vjp(f, x)
        assert (y.dtype, pullback(y)[0].dtype) == (np.float32, np.float32)


def in_other_orders(x):
    """x as it may lie in memory: columns first, the examples last, with gaps, backwards."""
    yield np.asfortranarray(x)
    yield np.ascontiguousarray(np.moveaxis(x, 0, -1)).transpose(x.ndim - 1, *range(x.ndim - 1))
    yield np.repeat(x, 2, axis=1)[:, ::2]
    yield np.flip(np.flip(x).copy())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: conv2d(x, np.cos(np.arange(48.0)).reshape(3, 4, 2, 2), padding=1),
        lambda x: max_pool2d(x, 2),
        lambda x: max_pool2d(x, 3, 1, padding=1),
        lambda x: avg_pool2d(x, 3, 2, padding=1),
    ],
)
def test_the_order_in_memory_makes_no_difference(f):
    x = normal(3, 4, 6, 5)
    y, pullback = tg.vjp(f, x)
    g = normal(*y.shape)
    for same, seed in zip(in_other_orders(x), in_other_orders(g), strict=True):
        z, pull = tg.vjp(f, same)
        np.testing.assert_allclose(z, y, atol=1e-12)
        np.testing.assert_allclose(pull(seed)[0], pullback(g)[0], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x, w: conv2d(x[0], w),
            ShapeError,
            r"conv2d: images are \(examples, channels, height, width\); got array",
        ),
        (lambda x, w: conv1d(x, w), ShapeError, r"conv1d: images are \(examples, channels, length\)"),
        (
            lambda x, w: conv2d(x, w[:, :2]),
            ShapeError,
            r"groups=1 needs filters \(a multiple of 1, 4, kernel, kernel\); got array \(6, 2, 3, 3\)",
        ),
        (lambda x, w: conv2d(x, w, groups=3), ArgumentError, "groups must divide the 4 channels .* got 3"),
        (lambda x, w: conv2d(x, w, groups=0), ArgumentError, "got 0"),
        (lambda x, w: conv2d(x, w, stride=0), ArgumentError, "stride is one whole number or 2, at least 1; got 0"),
        (lambda x, w: conv2d(x, w, stride=(1, 2, 3)), ArgumentError, r"got \(1, 2, 3\)"),
        (
            lambda x, w: conv2d(x, w, padding=0.5),
            ArgumentError,
            "padding is one whole number or 2, at least 0; got 0.5",
        ),
        (lambda x, w: conv2d(x, w, padding="full"), ArgumentError, "'same', 'valid' or how many zeros; got 'full'"),
        (lambda x, w: conv2d(x, w, padding=[(1, 2, 3), (0, 0)]), ArgumentError, "a pair of paddings"),
        (lambda x, w: conv2d(x, w, padding=[(1, 2)]), ArgumentError, r"padding is one .* got \[\(1, 2\)\]"),
        (
            lambda x, w: conv2d(x, w, dilation=3, padding=(1, 0)),
            ShapeError,
            r"a window of \(7, 7\) does not fit into images of \(5, 5\) padded to \(7, 5\)",
        ),
        (
            lambda x, w: max_pool2d(x, 2, padding=2),
            ArgumentError,
            r"padding must be less than the kernel \(2, 2\); got 2",
        ),
        (lambda x, w: avg_pool2d(x, 6), ShapeError, "does not fit"),
        (lambda x, w: avg_pool2d(x, "ab"), ArgumentError, "kernel is one whole number or 2"),
    ],
)
def test_messages_say_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call(normal(2, 4, 5, 5), normal(6, 4, 3, 3))


# --- pooling ----------------------------------------------------------------------------------------------------------


def pooled_by_loops(x, kernel, stride, pad, reduce):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=np.nan)
    rows, columns = ((n - kernel) // stride + 1 for n in x.shape[2:])
    y = np.zeros((*x.shape[:2], rows, columns))
    for i, j in np.ndindex(rows, columns):
        window = x[:, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        y[:, :, i, j] = reduce(window, axis=(2, 3))
    return y


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), (3, 1, 1), (3, 2, 2), (1, 2, 0)])
def test_pooling_is_its_definition(kernel, stride, pad):
    x = normal(2, 3, 7, 6) - 5  # all below the border's zeros
    largest = pooled_by_loops(x, kernel, stride, pad, np.nanmax)
    np.testing.assert_allclose(max_pool2d(x, kernel, stride, pad), largest)
    inner = avg_pool2d(x, kernel, stride, pad, count_include_pad=False)
    np.testing.assert_allclose(inner, pooled_by_loops(x, kernel, stride, pad, np.nanmean))
    total = pooled_by_loops(x, kernel, stride, pad, np.nansum)
    np.testing.assert_allclose(avg_pool2d(x, kernel, stride, pad), total / kernel**2)


def test_pooling_of_sequences_strides_by_the_kernel():
    x = np.array([[[1.0, 5.0, 2.0, 3.0, 9.0]]])
    np.testing.assert_array_equal(max_pool1d(x, 2), [[[5, 3]]])
    np.testing.assert_array_equal(avg_pool1d(x, 2), [[[3, 2.5]]])
    np.testing.assert_array_equal(avg_pool1d(x, 3, 2, padding=1, count_include_pad=False), [[[3, 10 / 3, 6]]])


def test_ties_of_a_window_share_and_overlapping_windows_add_up():
    x = np.array([[[2.0, 2.0, 1.0, 2.0]]])
    np.testing.assert_array_equal(tg.grad(lambda t: max_pool1d(t, 2).sum())(x), [[[0.5, 0.5, 0, 1]]])
    np.testing.assert_array_equal(tg.grad(lambda t: max_pool1d(t, 3, 1).sum())(x), [[[0.5, 1, 0, 0.5]]])


def test_the_border_never_wins_nor_ties():
    x = np.zeros((1, 1, 2))
    np.testing.assert_array_equal(tg.grad(lambda t: max_pool1d(t, 2, 1, padding=1).sum())(x), [[[1.5, 1.5]]])


def test_the_border_is_not_the_largest_of_an_image_of_minus_infinity():
    x = np.full((1, 1, 2), -np.inf)
    np.testing.assert_array_equal(tg.grad(lambda t: max_pool1d(t, 2, 1, padding=1).sum())(x), [[[1.5, 1.5]]])
    np.testing.assert_array_equal(
        tg.jvp(lambda t: max_pool1d(t, 2, 1, padding=1), [x], [np.ones_like(x)])[1], [[[1, 1, 1]]]
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ties_by_the_thousand_share_equally(dtype):
    x = np.zeros((2, 1, 60, 60), dtype)
    gradient = tg.grad(lambda t: max_pool2d(t, 60).sum())(x)
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, np.full_like(x, 1 / 3600))
    _, tangent = tg.jvp(lambda t: max_pool2d(t, 60), [x], [x + 1])
    np.testing.assert_array_equal(tangent, [[[[1]]]] * 2)


def test_bytes_are_averaged_without_overflow():
    np.testing.assert_array_equal(avg_pool2d(np.full((1, 1, 4, 4), 200, np.uint8), 2), np.full((1, 1, 2, 2), 200.0))


def test_the_mean_of_many_halves_is_rounded_once():
    x = normal(2, 3, 60, 60).astype(np.float16)
    expected = x.mean(axis=(2, 3), dtype=np.float64, keepdims=True)
    assert avg_pool2d(x, 60).dtype == np.float16
    np.testing.assert_allclose(avg_pool2d(x, 60), expected, rtol=2**-10, atol=1e-6)


def test_the_derivative_of_the_largest_differentiates_again():
    check_gradients(lambda t: max_pool2d(t, 3, 2, padding=1) ** 3, normal(2, 2, 5, 4))
    check_gradients(lambda t: max_pool2d(t, 2) ** 3, normal(2, 2, 5, 4))
