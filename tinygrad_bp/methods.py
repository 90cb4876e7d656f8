"""The operators and methods that tensors have of arrays, each made of a function.

A type checker reads `methods.pyi` instead, which `python -m tinygrad_bp.stubs` makes of the same functions.
"""

from __future__ import annotations

import numpy as np

from tinygrad_bp.delegation import method, operator, reduction, reflected
from tinygrad_bp.engine import Node
from tinygrad_bp.ops import (
    arithmetic,
    bitwise,
    comparison,
    complex as complex_numbers,
    linear_algebra,
    products,
    reductions,
    rounding,
    shaping,
)


class ArrayMethods(Node):
    """What a tensor can do because an array can."""

    __slots__ = ()

    __add__, __radd__ = operator(arithmetic.add), reflected(arithmetic.add)
    __sub__, __rsub__ = operator(arithmetic.subtract), reflected(arithmetic.subtract)
    __mul__, __rmul__ = operator(arithmetic.multiply), reflected(arithmetic.multiply)
    __truediv__, __rtruediv__ = operator(arithmetic.divide), reflected(arithmetic.divide)
    __floordiv__, __rfloordiv__ = operator(arithmetic.floor_divide), reflected(arithmetic.floor_divide)
    __mod__, __rmod__ = operator(arithmetic.remainder), reflected(arithmetic.remainder)
    __divmod__ = arithmetic.divmod
    __pow__, __rpow__ = operator(arithmetic.power), reflected(arithmetic.power)
    __matmul__, __rmatmul__ = operator(linear_algebra.matmul), reflected(linear_algebra.matmul)
    __and__, __rand__ = operator(bitwise.bitwise_and), reflected(bitwise.bitwise_and)
    __or__, __ror__ = operator(bitwise.bitwise_or), reflected(bitwise.bitwise_or)
    __xor__, __rxor__ = operator(bitwise.bitwise_xor), reflected(bitwise.bitwise_xor)
    __lshift__, __rlshift__ = operator(bitwise.left_shift), reflected(bitwise.left_shift)
    __rshift__, __rrshift__ = operator(bitwise.right_shift), reflected(bitwise.right_shift)
    __lt__, __le__ = operator(comparison.less), operator(comparison.less_equal)
    __gt__, __ge__ = operator(comparison.greater), operator(comparison.greater_equal)
    __eq__, __ne__ = operator(comparison.equal), operator(comparison.not_equal)
    __hash__ = object.__hash__
    __neg__, __pos__ = arithmetic.negative, arithmetic.positive
    __abs__, __invert__ = rounding.absolute, bitwise.invert
    __round__ = rounding.round

    T, mT = property(shaping.transpose), property(shaping.matrix_transpose)
    real, imag = property(complex_numbers.real), property(complex_numbers.imag)
    dot, astype, swapaxes = products.dot, shaping.astype, shaping.swapaxes
    sum, mean = reduction(reductions.sum), reduction(reductions.mean)
    max, min = reduction(reductions.max), reduction(reductions.min)
    prod, var, std = method(np.prod), method(np.var), method(np.std)
    cumsum, cumprod = method(np.cumsum), method(np.cumprod)
    clip, round = method(np.clip), method(np.round)
    conj = conjugate = complex_numbers.conjugate
    ravel, flatten, squeeze = method(np.ravel), method(np.ravel), method(np.squeeze)
    repeat, take, copy = method(np.repeat), method(np.take), method(np.copy)
    diagonal, trace = method(np.diagonal), method(np.trace)
    any, all = method(np.any), method(np.all)
    argmax, argmin, argsort = method(np.argmax), method(np.argmin), method(np.argsort)
