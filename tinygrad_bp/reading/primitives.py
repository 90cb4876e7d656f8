"""The primitives of JAX, each as our function of the same meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg, linalg
from tinygrad_bp.errors import MissingRuleError
from tinygrad_bp.reading.places import Rule, dynamic_slice, dynamic_update, gather, moved, scattered
from tinygrad_bp.tensor import Tensor


def _divided(a: Any, b: Any, **_: Any) -> Any:
    """Of whole numbers a whole one, towards 0."""
    if np.result_type(a).kind in "iu":
        return tg.where(tg.equal(a, 0), a, tg.floor_divide(tg.abs(a), tg.abs(b)) * tg.sign(a) * tg.sign(b))
    return tg.divide(a, b)


def _power(x: Any, y: int) -> Any:
    return tg.power(x, y if np.result_type(x).kind in "iu" else float(y))


def _reduction(function: Rule) -> Rule:
    return lambda x, axes, **_: function(x, axis=tuple(axes))


def _cumulative(function: Rule) -> Rule:
    def rule(x: Any, axis: int, reverse: bool, **_: Any) -> Any:
        return tg.flip(function(tg.flip(x, axis), axis=axis), axis) if reverse else function(x, axis=axis)

    return rule


def _dot(a: Any, b: Any, dimension_numbers: Any, preferred_element_type: Any = None, **_: Any) -> Any:
    """Contracted and batched axes by einsum, batched ones first, as a plain product where it is one."""
    a, b = _summed_in(preferred_element_type, a, b)
    (contract_a, contract_b), (batch_a, batch_b) = dimension_numbers
    a_ndim, b_ndim = np.ndim(a), np.ndim(b)
    if (
        not batch_a
        and tuple(contract_a) == (a_ndim - 1,)
        and tuple(contract_b) == (max(b_ndim - 2, 0),)
        and b_ndim <= 2
    ):
        return tg.matmul(a, b)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    in_a, in_b = [""] * a_ndim, [""] * b_ndim
    for i, k in zip([*batch_a, *contract_a], [*batch_b, *contract_b], strict=True):
        in_a[i] = in_b[k] = next(letters)
    in_a, in_b = ([letter or next(letters) for letter in part] for part in (in_a, in_b))
    free = [x for i, x in enumerate(in_a) if i not in {*batch_a, *contract_a}]
    free += [x for k, x in enumerate(in_b) if k not in {*batch_b, *contract_b}]
    batch = [in_a[i] for i in batch_a]
    return tg.einsum(f"{''.join(in_a)},{''.join(in_b)}->{''.join([*batch, *free])}", a, b)


def _summed_in(dtype: Any, *xs: Any) -> Sequence[Any]:
    """The factors in the type that their products are added up in, if it is wider than theirs."""
    return xs if dtype is None else [_converted(x, np.promote_types(np.result_type(x), dtype)) for x in xs]


def _broadcast(x: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Any:
    lined_up = [1] * len(shape)
    for axis, length in zip(broadcast_dimensions, np.shape(x), strict=True):
        lined_up[axis] = length
    x = tg.reshape(x, tuple(lined_up)) if tuple(lined_up) != np.shape(x) else x
    return tg.broadcast_to(x, tuple(shape)) if tuple(lined_up) != tuple(shape) else x


def _slice(x: Any, start_indices: Any, limit_indices: Any, strides: Any, **_: Any) -> Any:
    steps = strides or (1,) * len(start_indices)
    return x[tuple([slice(*part) for part in zip(start_indices, limit_indices, steps, strict=True)])]


def _spaced(x: Any, gaps: Sequence[int], value: float = 0.0) -> Any:
    """With so many more elements between those of every axis."""
    for axis, gap in enumerate(gaps):
        if gap:
            shape = np.shape(x)
            widths = [(0, gap if k == axis + 1 else 0) for k in range(len(shape) + 1)]
            x = tg.pad(tg.expand_dims(x, axis + 1), widths, constant_values=value)
            x = tg.reshape(x, (*shape[:axis], -1, *shape[axis + 1 :]))
            x = x[(*(slice(None),) * axis, slice(-gap))]
    return x


def _pad(x: Any, value: Any, padding_config: Any, **_: Any) -> Any:
    y = _spaced(x, [inner for *_, inner in padding_config], float(value))
    y = tg.pad(y, [(max(low, 0), max(high, 0)) for low, high, _ in padding_config], constant_values=float(value))
    if all(low >= 0 and high >= 0 for low, high, _ in padding_config):
        return y
    return y[tuple([slice(max(-low, 0), min(high, 0) or None) for low, high, _ in padding_config])]


def _select(which: Any, *cases: Any, **_: Any) -> Any:
    if len(cases) != 2:
        raise MissingRuleError(
            f"from_jax: select_n of {len(cases)} cases has no op here; choose between two at a time."
        )
    return tg.where(which, cases[1], cases[0])


def _detached(x: Any, **_: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x


def _converted(x: Any, new_dtype: Any, **_: Any) -> Any:
    return x if np.result_type(x) == new_dtype else tg.astype(x, new_dtype)


def _iota(shape: Sequence[int], dimension: int, dtype: Any, **_: Any) -> Any:
    steps = [1] * len(shape)
    steps[dimension] = -1
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(steps), shape)


def _elementwise(function: Rule) -> Rule:
    """A function of ours under another name; JAX's parameters, how exact it is to be and where, mean nothing here."""
    return lambda *xs, **_: function(*xs)


def _sorted(xs: Sequence[Any], axis: int, keys: int) -> Any:
    if keys != 1:
        raise MissingRuleError("from_jax: sorting by several keys has no op here. Sort by one of them.")
    if len(xs) == 1:
        return tg.sort(xs[0], axis=axis)
    order = tg.argsort(xs[0], axis=axis)
    return [tg.take_along_axis(x, order, axis=axis) for x in xs]


def _top(x: Any, k: int, axis: int, **_: Any) -> Any:
    order = tg.flip(tg.argsort(tg.flip(x, axis), axis=axis), axis)
    order = np.shape(x)[axis] - 1 - order[(*(slice(None),) * axis, slice(k))]
    return [tg.take_along_axis(x, order, axis=axis), order]


def _split(x: Any, sizes: Sequence[int], axis: int) -> Any:
    return tg.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis)


def _triangular(
    a: Any, b: Any, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool, unit_diagonal: bool
) -> Any:
    """The solution of ax = b, or of xa = b, with one triangle of a."""
    a = tg.tril(a) if lower else tg.triu(a)
    a = a - a * np.eye(np.shape(a)[-1]) + np.eye(np.shape(a)[-1]) if unit_diagonal else a
    a = tg.swapaxes(a, -1, -2) if transpose_a == left_side else a
    if left_side:
        return linalg.solve(a, b)
    return tg.swapaxes(linalg.solve(a, tg.swapaxes(b, -1, -2)), -1, -2)


def _convolution(
    x: Any, w: Any, window_strides: Any, padding: Any, lhs_dilation: Any, rhs_dilation: Any, dimension_numbers: Any,
    feature_group_count: int, batch_group_count: int, preferred_element_type: Any = None, **_: Any,
) -> Any:  # fmt: skip
    """conv1d or conv2d, with the axes brought into our order and back."""
    d = dimension_numbers
    if batch_group_count != 1 or not 1 <= len(window_strides) <= 2:
        raise MissingRuleError("from_jax: three-dimensional convolutions, and in groups of examples, have no op here.")
    x, w = _summed_in(preferred_element_type, x, w)
    convolve = tg.conv1d if len(window_strides) == 1 else tg.conv2d
    x, w = moved(x, tuple(d.lhs_spec)), moved(w, tuple(d.rhs_spec))
    x = _spaced(x, (0, 0, *[n - 1 for n in lhs_dilation]))
    y = convolve(x, w, tuple(window_strides), [*map(tuple, padding)], tuple(rhs_dilation), feature_group_count)
    return moved(y, tuple(np.argsort(d.out_spec).tolist()))


def _pooling(largest: bool) -> Rule:
    def rule(
        x: Any, window_dimensions: Any, window_strides: Any, padding: Any, base_dilation: Any, window_dilation: Any,
        **_: Any,
    ) -> Any:  # fmt: skip
        """Over the last axes, after those with a window of 1."""
        wide = [axis for axis, n in enumerate(window_dimensions) if n > 1]
        if any(n != 1 for n in (*base_dilation, *window_dilation)) or not 1 <= len(wide) <= 2:
            raise MissingRuleError("from_jax: windows with gaps, and over more than two axes, have no op here.")
        others = [axis for axis in range(len(window_dimensions)) if axis not in wide]
        order = (*others, *wide)
        x = moved(x, order)
        lead = np.shape(x)[: len(others)]
        flat = x if len(lead) == 2 else tg.reshape(x, (1, -1, *np.shape(x)[len(lead) :]))
        kernel = tuple([window_dimensions[axis] for axis in wide])
        stride, pad = tuple([window_strides[axis] for axis in wide]), [tuple(padding[axis]) for axis in wide]
        names = ("max_pool1d", "max_pool2d") if largest else ("avg_pool1d", "avg_pool2d")
        pool = getattr(tg, names[len(wide) - 1])
        y = pool(flat, kernel, stride, pad)
        y = y if largest else y * float(np.prod(kernel))
        y = y if len(lead) == 2 else tg.reshape(y, (*lead, *np.shape(y)[2:]))
        return moved(y, tuple(np.argsort(order).tolist()))

    return rule


PRIMITIVES: Mapping[str, Rule] = {
    # elementwise ones under other names than ours
    **{jaxs: _elementwise(function) for jaxs, function in (
        ("add_any", tg.add), ("mul", tg.multiply), ("sub", tg.subtract), ("neg", tg.negative),
        ("pow", tg.power), ("erf_inv", tg.erfinv),
        ("max", tg.maximum), ("min", tg.minimum), ("rem", tg.fmod), ("atan2", tg.arctan2), ("logistic", tg.sigmoid),
        ("asin", tg.arcsin), ("acos", tg.arccos), ("atan", tg.arctan), ("asinh", tg.arcsinh), ("acosh", tg.arccosh),
        ("atanh", tg.arctanh), ("lgamma", tg.gammaln), ("copy", tg.positive), ("copy_p", tg.positive),
    )},
    "div": _divided,
    "rsqrt": lambda x, **_: 1.0 / tg.sqrt(x),
    "integer_pow": lambda x, y, **_: tg.square(x) if y == 2 else _power(x, y),
    "clamp": lambda low, x, high, **_: tg.clip(x, low, high),
    "select_n": _select,
    "stop_gradient": _detached,
    "convert_element_type": _converted,
    # without derivatives
    **{jaxs: _elementwise(function) for jaxs, function in (
        ("eq", tg.equal), ("ne", tg.not_equal), ("lt", tg.less), ("le", tg.less_equal), ("gt", tg.greater),
        ("ge", tg.greater_equal), ("and", tg.bitwise_and), ("or", tg.bitwise_or), ("xor", tg.bitwise_xor),
        ("lt_to", tg.less), ("le_to", tg.less_equal), ("not", tg.invert),
        ("is_finite", tg.isfinite), ("round", tg.rint),
    )},
    "argmax": lambda x, axes, index_dtype, **_: tg.astype(tg.argmax(x, axis=axes[0]), index_dtype),
    "argmin": lambda x, axes, index_dtype, **_: tg.astype(tg.argmin(x, axis=axes[0]), index_dtype),
    "iota": _iota,
    "platform_index": lambda platforms, **_: platforms.index(None),
    "reduce_and": _reduction(tg.all),
    "reduce_or": _reduction(tg.any),
    # along axes
    "reduce_sum": _reduction(tg.sum),
    "reduce_max": _reduction(tg.max),
    "reduce_min": _reduction(tg.min),
    "reduce_prod": _reduction(tg.prod),
    "cumsum": _cumulative(tg.cumsum),
    "cumprod": _cumulative(tg.cumprod),
    "sort": lambda *xs, dimension, num_keys, **_: _sorted(xs, dimension, num_keys),
    "top_k": lambda x, k, axis=-1, **_: _top(x, k, axis % np.ndim(x)),
    # products and equations
    "dot_general": _dot,
    "cholesky": lambda a, **_: linalg.cholesky(a),
    "triangular_solve": _triangular,
    # moving and taking
    "broadcast_in_dim": _broadcast,
    "reshape": lambda x, new_sizes, **_: tg.reshape(x, tuple(new_sizes)),
    "squeeze": lambda x, dimensions, **_: tg.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, dimensions, **_: tg.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, permutation, **_: tg.transpose(x, tuple(permutation)),
    "rev": lambda x, dimensions, **_: tg.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension, **_: tg.concatenate(xs, axis=dimension),
    "stack": lambda *xs, axis, **_: tg.stack(xs, axis=axis),
    "pad": _pad,
    "slice": _slice,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update,
    "gather": gather,
    "scatter": scattered(adds=False),
    "scatter-add": scattered(adds=True),
    "tile": lambda x, reps, **_: tg.tile(x, tuple(reps)),
    "split": lambda x, sizes, axis, **_: _split(x, sizes, axis),
    # windows
    "conv_general_dilated": _convolution,
    "reduce_window_max": _pooling(largest=True),
    "reduce_window_sum": _pooling(largest=False),
}  # fmt: skip
"""What each primitive of JAX's is here; elementwise ones that are called as ours are found in the registry."""
