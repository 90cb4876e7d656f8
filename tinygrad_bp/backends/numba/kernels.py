"""Functions that Numba compiles into programs in the place of what it lacks: along axes, at places, of whole ops.

Arrays come in any layout, and results are arrays in C order of the shape that is given last. Along an axis they are
read as `before` × `n` × `after` elements, of which the `n` in the middle are a line. Places count elements in C order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, final

import numpy as np

from tinygrad_bp.errors import missing_extra
from tinygrad_bp.source import pytext


def numba_itself() -> Any:
    """The package. Raises MissingExtraError if it is not installed."""
    try:
        import numba
    except ImportError as error:
        raise missing_extra("numba", "jit") from error
    return numba


@final
class Kernel:
    """A function for programs to call by its name. elementwise: whether it is written for numbers, as a ufunc is."""

    def __init__(self, function: Callable[..., Any], name: str = "", elementwise: bool = False):
        self.function = function
        self.__name__ = name or function.__name__
        self.elementwise = elementwise

    @cached_property
    def compiled(self) -> Any:
        """Numba's version, which serves every program that is compiled while the process lives."""
        numba = numba_itself()
        return numba.vectorize(self.function) if self.elementwise else numba.njit(error_model="numpy")(self.function)


# --- shapes -----------------------------------------------------------------------------------------------------------


@Kernel
def reshaped(x: Any, shape: Any) -> Any:
    """The elements of an array in another shape."""
    return x.ravel().reshape(shape)


@Kernel
def filled(x: Any, shape: Any) -> Any:
    """An array of one number."""
    return np.full(shape, x)


# --- along an axis ----------------------------------------------------------------------------------------------------


@cache
def fold(ufunc: Any) -> Kernel:
    """Lines of x, folded with a ufunc to a number each; it begins with `start`."""

    def folded(x: Any, start: Any, before: int, n: int, after: int, shape: Any) -> Any:
        v, y = x.ravel(), np.full(before * after, start)
        for i in range(before):
            for j in range(n):
                for k in range(after):
                    y[i * after + k] = ufunc(y[i * after + k], v[(i * n + j) * after + k])
        return y.reshape(shape)

    return Kernel(folded, f"{ufunc.__name__}_along")


@cache
def accumulate(ufunc: Any) -> Kernel:
    """What `fold` has on the way: for every element that of the line up to it."""

    def accumulated(x: Any, start: Any, before: int, n: int, after: int, shape: Any) -> Any:
        v, y = x.ravel(), np.full(x.size, start)
        for i in range(before):
            for j in range(n):
                for k in range(after):
                    place = (i * n + j) * after + k
                    y[place] = ufunc(y[place - after] if j else start, v[place])
        return y.reshape(shape)

    return Kernel(accumulated, f"{ufunc.__name__}_up_to")


@Kernel
def squared_deviations(x: Any, before: int, n: int, after: int, shape: Any) -> Any:
    """For every line of x the sum of (xᵢ − x̄)²."""
    v, y = x.ravel(), np.zeros(before * after)
    for i in range(before):
        for k in range(after):
            mean = 0.0
            for j in range(n):
                mean += v[(i * n + j) * after + k]
            mean /= n
            for j in range(n):
                y[i * after + k] += (v[(i * n + j) * after + k] - mean) ** 2
    return y.reshape(shape)


@Kernel
def recurrence(a: Any, b: Any, before: int, n: int, after: int, shape: Any) -> Any:
    """The op `linear_recurrence`: yⱼ = aⱼ·yⱼ₋₁ + bⱼ along every line."""
    factors, y = a.ravel(), b.ravel().copy()
    for i in range(before):
        for j in range(1, n):
            for k in range(after):
                place = (i * n + j) * after + k
                y[place] += factors[place] * y[place - after]
    return y.reshape(shape)


@Kernel
def place_of_largest(x: Any, sign: int, before: int, n: int, after: int, shape: Any) -> Any:
    """For every line of sign·x the place in it of the largest element, of several the first; NaN is larger than all."""
    v, y = x.ravel(), np.zeros(before * after, np.int64)
    for i in range(before):
        for k in range(after):
            best = sign * v[i * n * after + k]
            for j in range(1, n):
                new = sign * v[(i * n + j) * after + k]
                if new > best or (new != new and best == best):
                    y[i * after + k], best = j, new
    return y.reshape(shape)


@Kernel
def sorted_places(x: Any, before: int, n: int, after: int, shape: Any) -> Any:
    """The places of x's elements such that every line is in ascending order: a merge sort, ties in order, NaN last."""
    v, y = x.ravel(), np.empty(x.size, np.int64)
    for i in range(before):
        for k in range(after):
            old, new = np.arange(n) * after + i * n * after + k, np.empty(n, np.int64)
            width = 1
            while width < n:
                for low in range(0, n, 2 * width):
                    middle, high = min(low + width, n), min(low + 2 * width, n)
                    left, right = low, middle
                    for j in range(low, high):
                        if right == high:
                            from_left = True
                        elif left == middle:
                            from_left = False
                        else:
                            a, b = v[old[left]], v[old[right]]
                            from_left = not (b < a or (a != a and b == b))
                        new[j] = old[left] if from_left else old[right]
                        left, right = (left + 1, right) if from_left else (left, right + 1)
                old, new = new, old
                width *= 2
            for j in range(n):
                y[(i * n + j) * after + k] = old[j]
    return y.reshape(shape)


# --- at places --------------------------------------------------------------------------------------------------------


@Kernel
def gathered(x: Any, places: Any, none: Any, shape: Any) -> Any:
    """The elements of x at these places; `none` for those below 0."""
    v, at, y = x.ravel(), places.ravel(), np.full(places.size, none)
    for i in range(y.size):
        if at[i] >= 0:
            y[i] = v[at[i]]
    return y.reshape(shape)


@Kernel
def merged(y: Any, x: Any, places: Any, shape: Any) -> Any:
    """y, which is nobody's else, with the elements of x at these places where they are not below 0."""
    v, at, flat = x.ravel(), places.ravel(), y.ravel()
    for i in range(flat.size):
        if at[i] >= 0:
            flat[i] = v[at[i]]
    return y


@Kernel
def scattered(x: Any, places: Any, shape: Any) -> Any:
    """Zeros with the elements of x added at these places, but for those below 0."""
    y = np.zeros(shape, x.dtype)
    v, at, flat = x.ravel(), places.ravel(), y.ravel()
    for i in range(v.size):
        if at[i] >= 0:
            flat[at[i]] += v[i]
    return y


@Kernel
def assigned(x: Any, v: Any, places: Any, shape: Any) -> Any:
    """x with the elements of v at these places, one after another."""
    y = x.copy().ravel()
    new, at = v.ravel(), places.ravel()
    for i in range(new.size):
        y[at[i]] = new[i]
    return y.reshape(shape)


@Kernel
def within(index: Any, n: int, shape: Any) -> Any:
    """Indices of an axis of length n, counted from its front."""
    at, y = index.ravel(), np.empty(index.size, np.int64)
    for i in range(y.size):
        if not -n <= at[i] < n:
            raise ValueError("index out of range")
        y[i] = at[i] + n if at[i] < 0 else at[i]
    return y.reshape(shape)


# --- sums of products -------------------------------------------------------------------------------------------------


def index_lengths(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """How far every index of an Einstein summation runs."""
    lengths: dict[str, int] = {}
    for letters, shape in zip(subscripts.partition("->")[0].split(","), shapes, strict=True):
        for letter, n in zip(letters, shape, strict=True):
            lengths[letter] = n if lengths.get(letter, 1) == 1 else lengths[letter]
    return lengths


def contraction(subscripts: str, shapes: Sequence[tuple[int, ...]], dtype: Any) -> Callable[..., Any]:
    """Einstein summation, every index written out, as nested loops: a function whose text is part of the program."""
    left, _, output = subscripts.partition("->")
    labels, lengths = left.split(","), index_lengths(subscripts, shapes)
    order = [*output, *[letter for letter in lengths if letter not in output]]
    lines = [f"def contracted({', '.join([f'x{i}' for i in range(len(labels))])}, shape):"]
    lines += [f"    y = np.zeros(shape, np.{np.dtype(dtype).name})"]
    lines += ["    " * (depth + 1) + f"for _{c} in range({lengths[c]}):" for depth, c in enumerate(order)]
    factors = [
        f"x{i}"
        + f"[{', '.join(['0' if n == 1 else f'_{c}' for c, n in zip(letters, shape, strict=True)])}]" * bool(shape)
        for i, (letters, shape) in enumerate(zip(labels, shapes, strict=True))
    ]
    to = ", ".join([f"_{c}" for c in output]) or "0"
    lines += ["    " * (len(order) + 1) + f"y[{to}] += {' * '.join(factors)}", "    return y"]
    return pytext.function("\n".join(lines) + "\n", "contracted", {"np": np})


def product_subscripts(a: int, b: int) -> str:
    """The subscripts of `matmul` for operands with so many axes."""
    batch = "abcdefgh"[: max(a, b, 2) - 2]
    left = batch[len(batch) - max(a - 2, 0) :] + "yx"[-a:]
    right = batch[len(batch) - max(b - 2, 0) :] + "xz"[:b]
    return f"{left},{right}->{batch}{'y' * (a > 1)}{'z' * (b > 1)}"


# --- ops for single numbers -------------------------------------------------------------------------------------------


def _scale(g: float, d: float) -> float:
    return g * d if g != 0 else 0.0


def _sinc(x: float) -> float:
    u = math.pi * x
    return math.sin(u) / u if u != 0 else 1.0


def _sinc_derivative(x: float, order: int) -> float:
    """As the op says: s⁽ⁿ⁾ by its recurrence, near 0 by its power series."""
    u = math.pi * x
    if abs(u) <= order + 1:
        total, term = 0.0, 1.0
        for m in range(4 * order + 24):
            if (m + order) % 2 == 0:
                total += (-1) ** ((m + order) // 2) * term / (m + order + 1)
            term *= u / (m + 1)
        return math.pi**order * total
    s = math.sin(u) / u
    for n in range(1, order + 1):
        s = (math.sin(u + n * math.pi / 2) - n * s) / u
    return math.pi**order * s


def _gelu(x: float) -> float:
    return 0.5 * x * math.erfc(x * -math.sqrt(0.5))


def _gelu_tanh(x: float) -> float:
    return 0.5 * x * (1.0 + math.tanh(math.sqrt(2 / math.pi) * x * (1.0 + 0.044715 * x * x)))


def _scalar(function: Callable[..., float], name: str) -> Kernel:
    return Kernel(function, name, elementwise=True)


erf_of = _scalar(lambda x: math.erf(x), "erf_of")
erfc_of = _scalar(lambda x: math.erfc(x), "erfc_of")
gamma_of = _scalar(lambda x: math.gamma(x), "gamma_of")
gammaln_of = _scalar(lambda x: math.lgamma(x), "gammaln_of")
gelu_of = _scalar(_gelu, "gelu_of")
gelu_tanh_of = _scalar(_gelu_tanh, "gelu_tanh_of")
scale_of = _scalar(_scale, "scale_of")
sinc_of = _scalar(_sinc, "sinc_of")
sinc_derivative_of = _scalar(_sinc_derivative, "sinc_derivative_of")
step_of = _scalar(lambda x, h: 0.0 if x < 0 else 1.0 if x > 0 else h if x == 0 else x, "step_of")
choice_of = _scalar(lambda condition, a, b: a if condition else b, "choice_of")
