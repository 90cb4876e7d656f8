"""Shapes, joins, orders, pads and differences: NumPy's values for NumPy's arguments, and the right gradients."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_bp.ops import borders, cumulative, diagonals, differences, joining, ordering, shaping
from tinygrad_bp.tensor import Tensor
from tinygrad_bp.testing import check_gradients

PAGES = (shaping, joining, ordering, borders, diagonals, differences, cumulative)
V, M, C = np.array([3.0, -1.0, 2.0, 0.5]), np.arange(12.0).reshape(3, 4) % 5, np.arange(24.0).reshape(2, 3, 4) % 7


def ours(name):
    return next(getattr(page, name) for page in PAGES if hasattr(page, name))


def same(got, expected):
    if isinstance(expected, list | tuple):
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            same(a, b)
        return
    got = got.value if isinstance(got, Tensor) else got
    assert np.shape(got) == np.shape(expected)
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def on_tensors(args, requires_grad=True):
    """The floating arrays among the arguments, also in lists, as tensors."""
    if isinstance(args, np.ndarray) and args.dtype.kind == "f":
        return tg.tensor(args, requires_grad=requires_grad)
    if isinstance(args, list | tuple):
        return type(args)([on_tensors(a) for a in args])
    return args


CALLS = [
    ("ravel", (C,), {}),
    ("ravel", (3.0,), {}),
    ("moveaxis", (C, 0, -1), {}),
    ("moveaxis", (C, (0, 1), (-1, -2)), {}),
    ("moveaxis", (C, [2, 0], [0, 1]), {}),
    ("rollaxis", (C, 2), {}),
    ("rollaxis", (C, 0, 3), {}),
    ("rollaxis", (C, 1, 1), {}),
    ("swapaxes", (C, 0, -1), {}),
    ("matrix_transpose", (C,), {}),
    ("matrix_transpose", (M,), {}),
    ("squeeze", (C[:1, :, :1],), {}),
    ("squeeze", (C[:1, :, :1], 0), {}),
    ("squeeze", (C[:1, :, :1],), {"axis": (0, -1)}),
    ("expand_dims", (M, 0), {}),
    ("expand_dims", (M, (0, -1)), {}),
    ("expand_dims", (M, [1]), {}),
    ("broadcast_to", (V, (3, 4)), {}),
    ("broadcast_to", (V[:1], (3, 4)), {}),
    ("broadcast_to", (V, 4), {}),
    ("broadcast_arrays", (V, M, M[:, :1]), {}),
    ("atleast_1d", (2.0,), {}),
    ("atleast_1d", (2.0, V), {}),
    ("atleast_2d", (V,), {}),
    ("atleast_3d", (2.0, V, M, C), {}),
    ("meshgrid", (V, V[:2], V[:3]), {}),
    ("meshgrid", (V, V[:2]), {"indexing": "ij"}),
    ("meshgrid", (V, V[:2]), {"sparse": True}),
    ("meshgrid", (V,), {}),
    ("meshgrid", (), {}),
    ("concatenate", ((V, V[:2]),), {}),
    ("concatenate", ([M, M[:1]], 0), {}),
    ("concatenate", ([M, M[:, :2]],), {"axis": -1}),
    ("concatenate", ([M, V],), {"axis": None}),
    ("stack", ([V, V, V],), {}),
    ("stack", ([M, M], -1), {}),
    ("stack", ([1.0, 2.0],), {}),
    ("vstack", ([V, M],), {}),
    ("hstack", ([V, V[:2]],), {}),
    ("hstack", ([M, M[:, :1]],), {}),
    ("hstack", ([1.0, V],), {}),
    ("dstack", ([V, V],), {}),
    ("dstack", ([M, M],), {}),
    ("column_stack", ([V, V],), {}),
    ("column_stack", ([M, V[:3]],), {}),
    ("append", (M, V), {}),
    ("append", (M, M[:1]), {"axis": 0}),
    ("split", (V, 2), {}),
    ("split", (M, [1, 3]), {"axis": 1}),
    ("split", (M, [2, 1, 9, -1], 1), {}),
    ("array_split", (V, 3), {}),
    ("array_split", (V, 6), {}),
    ("array_split", (M, [2]), {}),
    ("vsplit", (M, 3), {}),
    ("hsplit", (M, 2), {}),
    ("hsplit", (V, [1]), {}),
    ("dsplit", (C, 2), {}),
    ("tile", (V, 2), {}),
    ("tile", (V, (2, 2)), {}),
    ("tile", (M, (2, 1)), {}),
    ("tile", (M, 3), {}),
    ("tile", (C, (2,)), {}),
    ("tile", (V, 0), {}),
    ("tile", (2.0, (2, 3)), {}),
    ("tile", (2.0, ()), {}),
    ("repeat", (V, 2), {}),
    ("repeat", (M, 2), {}),
    ("repeat", (M, 2, 1), {}),
    ("repeat", (M, [0, 2, 1], 0), {}),
    ("roll", (M, 2), {}),
    ("roll", (M, -5, 1), {}),
    ("roll", (M, (1, 2), (0, 1)), {}),
    ("roll", (C, 1, (0, 2)), {}),
    ("flip", (C,), {}),
    ("flip", (C, 1), {}),
    ("flip", (C, (0, -1)), {}),
    ("fliplr", (M,), {}),
    ("flipud", (V,), {}),
    *[("rot90", (M, k), {}) for k in range(-3, 6)],
    ("rot90", (C,), {"axes": (2, 0)}),
    ("rot90", (C, 3), {"axes": (1, 2)}),
    ("diag", (V,), {}),
    ("diag", (V, 2), {}),
    ("diag", (V, -1), {}),
    ("diag", (M, 1), {}),
    ("diag", (M, -9), {}),
    ("diagflat", (M, 1), {}),
    ("diagonal", (M,), {}),
    ("diagonal", (M, -1), {}),
    ("diagonal", (C, 1, 1, 2), {}),
    ("diagonal", (C,), {"axis1": 2, "axis2": 0}),
    ("trace", (M,), {}),
    ("trace", (M, 2), {}),
    ("trace", (C, -1, 0, 2), {}),
    ("tril", (M,), {}),
    ("tril", (C, -1), {}),
    ("tril", (V,), {}),
    ("triu", (M, 1), {}),
    ("triu", (C, -1), {}),
    ("sort", (M,), {}),
    ("sort", (M, 0), {}),
    ("sort", (M,), {"axis": None}),
    ("argsort", (M,), {"kind": "stable"}),
    ("argsort", (M, None), {"kind": "stable"}),
    ("partition", (V, 1), {}),
    ("partition", (M, (0, 2), 0), {}),
    ("take", (M, [0, -1, 0]), {}),
    ("take", (M, [[1, 0], [2, 1]], 0), {}),
    ("take", (M, 2), {"axis": 1}),
    ("take", (M, [5, -7], 1), {"mode": "wrap"}),
    ("take", (M, [5, -7], 1), {"mode": "clip"}),
    ("take_along_axis", (M, np.argsort(M, 1), 1), {}),
    ("take_along_axis", (M, np.array([[0, 2, 1, 0]]), 0), {}),
    ("take_along_axis", (M, np.array([3, 3])), {"axis": None}),
    ("compress", ([True, False, True], M), {"axis": 0}),
    ("compress", ([0, 1], M, 1), {}),
    ("compress", ([False, True], M), {}),
    ("extract", (M > 1, M), {}),
    ("diff", (V,), {}),
    ("diff", (M, 2), {}),
    ("diff", (M, 1, 0), {}),
    ("diff", (M, 0), {}),
    ("diff", (M,), {"prepend": 1.0, "append": M[:, :2]}),
    ("diff", (V, 3), {"append": 0.0}),
    ("ediff1d", (M,), {}),
    ("ediff1d", (V,), {"to_end": V, "to_begin": 7.0}),
    ("gradient", (V,), {}),
    ("gradient", (M,), {}),
    ("gradient", (M, 0.5), {"edge_order": 2}),
    ("gradient", (M, 0.5, 2.0), {}),
    ("gradient", (M, 2.0), {"axis": 1}),
    ("gradient", (V, np.array([0.0, 1.0, 3.0, 3.5])), {}),
    ("gradient", (V, np.array([0.0, 1.0, 3.0, 3.5])), {"edge_order": 2}),
    ("gradient", (M, np.array([0.0, 1.0, 3.0]), 0.3), {"axis": (0, 1), "edge_order": 2}),
    *[("convolve", pair, {"mode": m}) for pair in ((V, V[:2]), (V[:3], V)) for m in ("full", "same", "valid")],
    *[("correlate", pair, {"mode": m}) for pair in ((V, V[:3]), (V[:2], V), (V, V)) for m in ("full", "same", "valid")],
    ("correlate", (V, V[:2]), {}),
    ("cumsum", (M,), {}),
    ("cumsum", (M, 1), {}),
    ("cumprod", (M,), {"axis": 0}),
    ("pad", (V, 2), {}),
    ("pad", (V, 2), {"constant_values": (1.0, 2.0)}),
    ("pad", (M, (1, 2), "edge"), {}),
    ("pad", (M, ((1, 0), (5, 9)), "reflect"), {}),
    ("pad", (M, ((1, 0), (5, 9)), "reflect"), {"reflect_type": "odd"}),
    ("pad", (M, ((3, 4), (0, 1))), {"mode": "symmetric"}),
    ("pad", (M, ((3, 4), (0, 1))), {"mode": "symmetric", "reflect_type": "odd"}),
    ("pad", (M, 7, "wrap"), {}),
    ("pad", (M, 3, "linear_ramp"), {"end_values": ((1.0, 2.0), (3.0, 4.0))}),
    ("pad", (M, 2, "mean"), {}),
    ("pad", (M, 2, "mean"), {"stat_length": ((1, 2), (3, 1))}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_values_are_numpys(name, args, kwargs):
    expected = getattr(np, name)(*args, **kwargs)
    same(ours(name)(*args, **kwargs), expected)
    same(ours(name)(*on_tensors(args), **kwargs), expected)


@pytest.mark.parametrize(("name", "args", "kwargs"), [c for c in CALLS if c[0] not in ("argsort", "meshgrid")])
def test_gradients_are_right(name, args, kwargs):
    arrays, places = [], []
    for i, a in enumerate(args):
        for j, part in enumerate(a if isinstance(a, list | tuple) else [a]):
            if isinstance(part, np.ndarray) and part.dtype.kind == "f":
                arrays.append(part + 0.01 * np.arange(part.size).reshape(part.shape))
                places.append((i, j))
    filled = [list(a) if isinstance(a, list | tuple) else a for a in args]

    def f(*xs):
        call = [list(a) if isinstance(a, list) else a for a in filled]
        for x, (i, j) in zip(xs, places, strict=True):
            if isinstance(call[i], list):
                call[i][j] = x
            else:
                call[i] = x
        call = [tuple(a) if isinstance(original, tuple) else a for a, original in zip(call, args, strict=True)]
        result = ours(name)(*call, **kwargs)
        parts = result if isinstance(result, list | tuple) else [result]
        return joining.concatenate([(k + 1.0) * shaping.ravel(part) for k, part in enumerate(parts)])

    check_gradients(f, *arrays)


def test_transposed_three_axes():
    x = tg.tensor(np.zeros((2, 2, 2)), requires_grad=True)
    shaping.transpose(x, (-1, 0, -2)).backward(np.arange(8.0).reshape(2, 2, 2))
    assert x.grad.ravel().tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


def test_broadcasting_sums_the_copies():
    x = tg.tensor(np.zeros(3), requires_grad=True)
    shaping.broadcast_to(x, (4, 3)).sum().backward()
    assert x.grad.tolist() == [4, 4, 4]


def test_running_product_with_a_zero():
    x = tg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    cumulative.cumprod(x).sum().backward()
    assert x.grad.tolist() == [1, 8, 0]


@pytest.mark.parametrize("x", [[2.0, 0.0, 3.0], [0.0, 0.0, 3.0, 1.0], [0.0, 0.0, 0.0]])
def test_running_products_with_zeros_to_second_order(x):
    check_gradients(cumulative.cumprod, np.array(x), analytic=True)


def test_ties_in_a_sort_use_one_permutation():
    x = tg.tensor([2.0, 1.0, 2.0, 1.0], requires_grad=True)
    ordering.sort(x).backward([1.0, 2.0, 3.0, 4.0])
    assert x.grad.tolist() == [3, 1, 4, 2]


def test_partitioned_gradient_belongs_to_the_same_elements():
    x = np.random.default_rng(0).permutation(50) * 1.0
    t = tg.tensor(x, requires_grad=True)
    y = ordering.partition(t, 20)
    y.backward(y.data)
    np.testing.assert_array_equal(t.grad, x)


def test_joined_integers_keep_their_dtype_and_floats_get_their_own():
    x = tg.tensor(np.ones(2, np.float32), requires_grad=True)
    y = joining.concatenate([x, np.ones(1)])
    y.sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.float64, np.float32)
    assert joining.concatenate([tg.tensor([1, 2]), [3]]).dtype == np.int64


def test_many_arrays_join_in_linear_time():
    xs = [tg.tensor([float(i)], requires_grad=True) for i in range(5000)]
    (joining.concatenate(xs) * np.arange(5000.0)).sum().backward()
    assert [x.grad.item() for x in xs[:3]] == [0, 1, 2]


def test_joins_and_pads_are_one_node_in_a_graph():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for y, name in (
        (joining.concatenate([x, x]), "concatenate"), (joining.stack([x, x]), "stack"), (borders.pad(x, 1), "pad"),
        (ordering.sort(x), "sort"), (cumulative.cumsum(x), "cumsum"), (ordering.roll(x, 1), "roll"),
    ):  # fmt: skip
        assert y.op.name == name
        assert y.parents[0] is x


def test_correlation_conjugates():
    a, v = np.array([1 + 1j, 2j, 3.0]), np.array([1j, 1.0])
    same(differences.correlate(a, v), np.correlate(a, v))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shaping.squeeze(M, 0), ShapeError, "length 1"),
        (lambda: shaping.moveaxis(C, (0, 1), 2), ArgumentError, "2 axes cannot move to 1 places"),
        (lambda: shaping.meshgrid(V, indexing="yx"), ArgumentError, "'yx'"),
        (lambda: joining.concatenate([]), ShapeError, "at least one"),
        (lambda: joining.concatenate([1.0, 2.0]), ShapeError, "stack"),
        (lambda: joining.concatenate([M, M[:, :2]]), ShapeError, r"\(3, 4\).*\(3, 2\)"),
        (lambda: joining.stack([V, V[:2]]), ShapeError, r"\(4,\).*\(2,\)"),
        (lambda: joining.split(V, 3), ShapeError, "array_split"),
        (lambda: joining.array_split(V, 0), ArgumentError, "got 0"),
        (lambda: joining.dsplit(M, 2), ShapeError, "3 axes"),
        (lambda: ordering.rot90(M, 1, (0, -2)), ArgumentError, "two different axes"),
        (lambda: ordering.take(V, 0, mode="nearest"), ArgumentError, "'nearest'"),
        (lambda: ordering.take_along_axis(M, [0]), ShapeError, "as many axes"),
        (lambda: borders.pad(V, 1, "empty"), ArgumentError, "'empty'"),
        (lambda: diagonals.diag(C), ShapeError, "diagonal"),
        (lambda: diagonals.tril(1.0), ShapeError, "matrix"),
        (lambda: differences.diff(V, -1), ArgumentError, "n=-1"),
        (lambda: differences.gradient(V[:2], edge_order=2), ArgumentError, "edge_order"),
        (lambda: differences.gradient(M, 1.0, 2.0, 3.0), ArgumentError, "2 axes"),
        (lambda: differences.gradient(V, V[:2]), ShapeError, "one coordinate per element"),
    ],
)
def test_errors_say_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["pad", "roll", "flip", "sort", "concatenate", "tile", "diff"])
def test_wrong_axes_and_arguments_fail_on_tensors_too(name):
    args = {"pad": (M, (1, 2, 3)), "roll": (M, 1, 5), "tile": (M, -1), "concatenate": ([M, M], 2)}.get(name, (M, 5))
    if name == "diff":
        args = (M, 1, 5)
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own message
        ours(name)(*on_tensors(args))


def test_padding_by_a_dict():
    same(borders.pad(M, {-1: (1, 2)}), np.pad(M, ((0, 0), (1, 2))))


@pytest.mark.parametrize("dtype", [int, np.int8, bool])
def test_conversion_to_whole_numbers_carries_no_gradient(dtype):
    x = tg.tensor([0.3, 1.7], requires_grad=True)
    whole = x.astype(dtype)
    assert whole.dtype == dtype
    assert not whole.requires_grad
    (whole * x).sum().backward()
    np.testing.assert_array_equal(x.grad, whole.data)
    np.testing.assert_array_equal(tg.jvp(lambda x: x.astype(dtype) * x, (x.data,), (np.ones(2),))[1], whole.data)


def test_conversion_to_another_precision_keeps_the_gradient():
    x = tg.tensor([0.3, 1.7], requires_grad=True)
    (x.astype("float32") * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]
    assert tg.grad(lambda x: (x.astype(complex) * (3 + 1j)).real.sum())(x.data).tolist() == [3, 3]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unstack_takes_an_axis_apart(axis):
    parts = joining.unstack(C, axis)
    same(parts, tuple(np.moveaxis(C, axis, 0)))
    check_gradients(lambda x: joining.unstack(x, axis)[1] * joining.unstack(x, axis)[0], C)


def test_the_axis_of_a_vector_may_be_a_number():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(x.transpose(0) * x))(x), 2 * x)
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(np.transpose(x, -1) * x))(x), 2 * x)


@pytest.mark.parametrize(
    "f",
    [
        np.gradient, lambda x: np.gradient(x, 0.5, edge_order=2), lambda x: np.gradient(x, np.array([0.0, 1.0, 3.0])),
        lambda x: np.ediff1d(x, to_begin=[1.0, 2.0], to_end=0.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_differences_keep_the_dtype(f, dtype):
    x = np.array([1.0, 4.0, 2.0], dtype)
    y, pullback = tg.vjp(f, x)
    np.testing.assert_allclose(y, f(x), rtol=1e-6)
    assert (y.dtype, pullback(np.ones_like(y))[0].dtype) == (f(x).dtype, x.dtype)


def test_the_ends_of_ediff1d_fit_its_differences():
    with pytest.raises(DTypeError, match="dtype float64 does not fit differences of dtype int64"):
        np.ediff1d(tg.tensor([1, 2]), to_end=tg.tensor(0.5, requires_grad=True))


def test_a_vector_is_no_matrix():
    with pytest.raises(ShapeError, match=r"matrix_transpose: .*\(4,\) has no matrices"):
        _ = tg.tensor(V).mT
