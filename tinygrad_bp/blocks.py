"""Large arrays block by block, on all cores: blocks fit a cache, and NumPy frees the interpreter as it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial, wraps
from inspect import signature
from typing import Any, TypeVar

import numpy as np

from tinygrad_bp.constants import IMMUTABLE

Item = TypeVar("Item")

BLOCK = 1 << 17
"""Elements of a block, measured: smaller ones wait for the interpreter's lock, larger ones leave the cache.

A multiple of every vector register's length, so that each element meets the same instructions as in the whole array.
"""

CACHED = 1 << 13
"""Elements of which a core's own cache holds a dozen arrays: for functions that pass over theirs many times."""

LARGE = 4 * BLOCK
"""From so many elements on an array is worth computing in blocks."""


# --- threads ----------------------------------------------------------------------------------------------------------


def threads() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def pool(count: int) -> ThreadPoolExecutor:
    """So many threads, made when first asked for, to help the one that calls."""
    return ThreadPoolExecutor(count, thread_name_prefix="tinygrad_bp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # the child has none of its parent's threads


def share_out(work: Callable[[Iterator[Item]], object], items: Sequence[Item]) -> None:
    """Call `work(left)` on every core, where all take their next item from `left`, one iterator over the items.

    The caller works too and waits only for those who have begun, so that work may share out work itself. Each thread
    has the caller's context, NumPy's `errstate` included; what one of them raises, the caller raises.
    """
    left = iter(items)  # a thread switch cannot come between two halves of its next()
    helpers = min(threads(), len(items)) - 1
    futures = [pool(helpers).submit(copy_context().run, work, left) for _ in range(helpers)]
    try:
        work(left)
    finally:
        for _ in left:  # after an error nobody takes another item
            pass
        for future in futures:
            if not future.cancel():
                future.result()


# --- elementwise functions --------------------------------------------------------------------------------------------


def splits(shape: tuple[int, ...], operands: Sequence[Any]) -> bool:
    """Whether blocks can be cut without copying: each operand is a number, or an array of this shape in order.

    An array that repeats one number, as the cotangent of a sum does, is in order too.
    """
    return all(x.__class__ in IMMUTABLE or _in_order(x, shape) for x in operands)


def _in_order(x: Any, shape: tuple[int, ...]) -> bool:
    return x.__class__ is np.ndarray and x.shape == shape and (x.flags.c_contiguous or not any(x.strides))


def in_blocks(function: Callable[..., Any], *operands: Any) -> Any:
    """An elementwise function of operands that `splits` allows, the first an array; the same to the last bit.

    It is called as `function(out, *parts)` and returns `out` with the result in it, or a new array where that is None.
    """
    shape, size = operands[0].shape, operands[0].size
    flat = [x.reshape(-1) if x.__class__ is np.ndarray else x for x in operands]

    def block(start: int) -> slice:
        return slice(start, start + BLOCK if start + 2 * BLOCK <= size else size)  # none is shorter than the others

    def parts(block: slice) -> list[Any]:
        return [x[block] if x.__class__ is np.ndarray else x for x in flat]

    first = function(None, *parts(block(0)))
    result = np.empty(shape, first.dtype)
    places = result.reshape(-1)
    places[block(0)] = first

    def work(left: Iterator[int]) -> None:
        for start in left:
            function(places[block(start)], *parts(block(start)))

    share_out(work, range(0, size - BLOCK + 1, BLOCK)[1:])
    return result


def by_ufunc(ufunc: np.ufunc) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for functions that a ufunc is on arrays: large ones go in blocks, written straight to the result."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def written(out: Any, *parts: Any) -> Any:
            return ufunc(*parts, out=out)

        def unary(x: Any) -> Any:
            large = x.__class__ is np.ndarray and x.size >= LARGE and splits(x.shape, (x,))
            return in_blocks(written, x) if large else function(x)

        def binary(a: Any, b: Any) -> Any:
            large = a.__class__ is np.ndarray and a.size >= LARGE and splits(a.shape, (a, b))
            return in_blocks(written, a, b) if large else function(a, b)

        return wraps(function)(unary if ufunc.nin == 1 else binary)

    return decorate


def blockwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for elementwise functions that pass over their one array several times: large ones go in blocks."""

    def unary(x: Any) -> Any:
        if x.__class__ is np.ndarray and x.size >= LARGE and splits(x.shape, (x,)):
            return in_blocks(partial(_placed, function), x)
        return function(x)

    def call(x: Any, **params: Any) -> Any:
        if x.__class__ is np.ndarray and x.size >= LARGE and splits(x.shape, (x,)):
            return in_blocks(partial(_placed, partial(function, **params)), x)
        return function(x, **params)

    return wraps(function)(unary if len(signature(function).parameters) == 1 else call)


def cachewise(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for elementwise functions that pass over their one array many times: it is done in parts."""

    @wraps(function)
    def call(x: Any) -> Any:
        if x.__class__ is not np.ndarray or x.size < 2 * CACHED or not x.flags.c_contiguous:
            return function(x)
        flat = x.reshape(-1)
        first = function(flat[:CACHED])
        result = np.empty(x.shape, first.dtype)
        places = result.reshape(-1)
        places[:CACHED] = first
        for start in range(CACHED, x.size, CACHED):
            places[start : start + CACHED] = function(flat[start : start + CACHED])
        return result

    return call


def into(out: Any, ufunc: np.ufunc, *operands: Any) -> Any:
    """A ufunc's result in the place of `out`, which nobody else has and which has its shape and dtype.

    Fresh memory costs more than most ufuncs do. Where `out` is no array of floats the result is a new one.
    """
    fits = out.__class__ is np.ndarray and out.dtype.kind == "f"
    return ufunc(*operands, out=out) if fits else ufunc(*operands)


def _placed(function: Callable[..., Any], out: Any, x: Any) -> Any:
    if out is None:
        return function(x)
    out[...] = function(x)
    return out
