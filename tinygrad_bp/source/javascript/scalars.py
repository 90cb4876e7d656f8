"""Elementwise functions of NumPy's, and of ops, as JavaScript on numbers: one entry each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi
from typing import Any

import numpy as np

from tinygrad_bp.ops.gated_activations import gelu
from tinygrad_bp.ops.special import (
    bessel_i,
    erf,
    erfc,
    erfcx,
    erfinv,
    gamma,
    gammaln,
    i0,
    log_ndtr,
    polygamma,
    psi,
)
from tinygrad_bp.ops.trigonometry import sinc_derivative
from tinygrad_bp.program.step import ASSIGN, SCALE, Step
from tinygrad_bp.source.helpers import plain

Expression = tuple[str, int]
"""Code, and how tightly it holds together."""

CHOICE, EQUALITY, COMPARISON, SUM, PRODUCT, UNARY, ATOM = range(7)
"""How tightly an expression holds together, loosest first, as in JavaScript."""

Scalar = Callable[..., Expression]


def enclosed(expression: Expression, needed: int) -> str:
    """The code, in parentheses if it holds together more loosely than its place asks for."""
    text, binding = expression
    return text if binding >= needed else f"({text})"


def number(x: Any) -> Expression:
    """A number as code."""
    value = x.item() if isinstance(x, np.generic | np.ndarray) else x
    if isinstance(value, bool | int):
        text = str(int(value))
    elif np.isfinite(value):
        text = repr(value).removesuffix(".0")
    else:
        text = "NaN" if np.isnan(value) else "-Infinity" if value < 0 else "Infinity"
    return text, UNARY if text[0] == "-" else ATOM


def operator(sign: str, binding: int) -> Scalar:
    """An operator between two expressions."""
    return lambda a, b: (f"{enclosed(a, binding)} {sign} {enclosed(b, binding + 1)}", binding)


def prefix(sign: str) -> Scalar:
    """An operator before an expression."""
    return lambda a: (f"{sign}{enclosed(a, ATOM)}", UNARY)


def named(function: str, *settings: str, **defaults: Any) -> Scalar:
    """A call; what is given by these names, or else these defaults, are further arguments."""

    def call(*args: Any, **given: Any) -> Expression:
        if given.keys() - {*settings, *defaults}:
            raise TypeError(f"{function} has no {', '.join(given)}")
        chosen = [given[key] if key in given else defaults[key] for key in (*settings, *defaults)]
        written = [x if isinstance(x, tuple) else number(x) for x in (*args, *chosen)]
        return f"{function}({', '.join([text for text, _ in written])})", ATOM

    return call


def choice(condition: Expression, a: Expression, b: Expression) -> Expression:
    """One of two values."""
    return f"{enclosed(condition, EQUALITY)} ? {enclosed(a, EQUALITY)} : {enclosed(b, CHOICE)}", CHOICE


def same(x: Expression) -> Expression:
    """The value itself."""
    return x


def times(factor: float) -> Scalar:
    """The product with a number."""
    return lambda x: operator("*", PRODUCT)(x, number(factor))


def converted(x: Expression, dtype: Any, **_: Any) -> Expression:
    """A number in another dtype; what is too long for float32 is rounded where the step is written."""
    kind, bits = np.dtype(dtype).kind, 8 * np.dtype(dtype).itemsize
    if kind == "b":
        return f"({enclosed(x, EQUALITY)} != 0)", ATOM
    if kind in "iu":
        return f"np.{'integer' if kind == 'i' else 'natural'}({x[0]}, {bits})", ATOM
    return x


def clipped(x: Expression, low: Any = None, high: Any = None) -> Expression:
    """A number between two, each of which may be missing."""
    ends = [-np.inf if low is None else low, np.inf if high is None else high]
    return named("np.clip")(x, *ends)


def finite(x: Expression, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Expression:
    """A number, or what stands for NaN and the infinities."""
    largest = float(np.finfo(float).max)
    ends = [largest if posinf is None else posinf, -largest if neginf is None else neginf]
    return named("np.finite")(x, nan, *ends)


def gated(x: Expression, approximate: str = "none") -> Expression:
    """The Gaussian error linear unit, or its approximation by tanh."""
    return named("np.gelu" if approximate == "none" else "np.geluTanh")(x)


_MATH: Mapping[Any, str] = {
    np.exp: "exp", np.expm1: "expm1", np.log: "log", np.log1p: "log1p", np.log2: "log2", np.log10: "log10",
    np.sqrt: "sqrt", np.cbrt: "cbrt", np.sin: "sin", np.cos: "cos", np.tan: "tan", np.arcsin: "asin",
    np.arccos: "acos", np.arctan: "atan", np.arctan2: "atan2", np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh",
    np.arcsinh: "asinh", np.arccosh: "acosh", np.arctanh: "atanh", np.hypot: "hypot", np.absolute: "abs",
    np.fabs: "abs", np.sign: "sign", np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.maximum: "max",
    np.minimum: "min",
}  # fmt: skip
_OPERATORS: Mapping[Any, tuple[str, int]] = {
    np.add: ("+", SUM), np.subtract: ("-", SUM), np.multiply: ("*", PRODUCT), np.divide: ("/", PRODUCT),
    np.greater: (">", COMPARISON), np.greater_equal: (">=", COMPARISON), np.less: ("<", COMPARISON),
    np.less_equal: ("<=", COMPARISON), np.equal: ("==", EQUALITY), np.not_equal: ("!=", EQUALITY),
}  # fmt: skip
_NAMED: Mapping[Any, str] = {
    np.square: "square", np.power: "power", np.float_power: "power", np.rint: "rint", np.remainder: "modulo",
    np.floor_divide: "quotient", np.fmax: "fmax", np.fmin: "fmin", np.signbit: "signbit", np.copysign: "copysign",
    np.heaviside: "heaviside", np.logaddexp: "logaddexp", np.logaddexp2: "logaddexp2", np.sinc: "sinc",
    SCALE: "scale", plain(erf): "erf", plain(erfc): "erfc", plain(erfcx): "erfcx", plain(erfinv): "erfinv",
    plain(log_ndtr): "logNormal", plain(gamma): "gamma", plain(gammaln): "gammaln", plain(psi): "psi",
    plain(polygamma): "polygamma", plain(bessel_i): "bessel",
}  # fmt: skip

SCALARS: Mapping[Any, Scalar] = {
    **{function: named(f"Math.{name}") for function, name in _MATH.items()},
    **{function: operator(*form) for function, form in _OPERATORS.items()},
    **{function: named(f"np.{name}") for function, name in _NAMED.items()},
    np.negative: prefix("-"), np.positive: same, np.conjugate: same, np.real: same, "real": same,
    np.float64: same,
    np.reciprocal: lambda x: operator("/", PRODUCT)(("1", ATOM), x), np.fmod: operator("%", PRODUCT),
    np.exp2: lambda x: named("Math.pow")(2, x), np.radians: times(pi / 180), np.deg2rad: times(pi / 180),
    np.degrees: times(180 / pi), np.rad2deg: times(180 / pi),
    np.isnan: named("Number.isNaN"), np.isfinite: named("Number.isFinite"),
    np.isinf: lambda x: (f"Math.abs({x[0]}) == Infinity", EQUALITY),
    np.logical_not: lambda x: (f"{enclosed(x, EQUALITY)} == 0", EQUALITY),
    np.logical_and: lambda a, b: choice(a, converted(b, bool), ("0", ATOM)),
    np.logical_or: lambda a, b: choice(a, ("1", ATOM), converted(b, bool)),
    np.logical_xor: lambda a, b: operator("!=", EQUALITY)(converted(a, bool), converted(b, bool)),
    np.where: choice, np.clip: clipped, np.nan_to_num: finite, "astype": converted,
    np.round: named("np.round", decimals=0),
    np.isclose: named("np.isClose", rtol=1e-5, atol=1e-8, equal_nan=False),
    plain(gelu): gated, plain(i0): lambda x: named("np.bessel")(0, x),
    plain(sinc_derivative): named("np.sincDerivative", "order"),
}  # fmt: skip
"""By function; a method of arrays by its name."""

TRUTHS: Mapping[Any, Scalar] = {
    np.add: named("Math.max"), np.multiply: named("Math.min"), np.invert: SCALARS[np.logical_not],
    np.bitwise_and: named("Math.min"), np.bitwise_or: named("Math.max"), np.bitwise_xor: operator("!=", EQUALITY),
}  # fmt: skip
"""What is something else where the result is a truth."""

INTEGERS: Mapping[Any, Scalar] = {
    np.floor_divide: named("np.wholeQuotient"), np.remainder: named("np.wholeModulo"),
    np.invert: lambda x: operator("-", SUM)(prefix("-")(x), ("1", ATOM)),
    np.left_shift: lambda a, b: operator("*", PRODUCT)(a, named("Math.pow")(2, b)),
    np.right_shift: lambda a, b: named("Math.floor")(operator("/", PRODUCT)(a, named("Math.pow")(2, b))),
}  # fmt: skip
"""What is something else where the result is an integer."""


def scalar(step: Step) -> Scalar | None:
    """The form of an elementwise step; None if it is none, or is not written."""
    if step.opcode == ASSIGN or (step.called == "where" and len(step.args) != 3):
        return None
    special = {"b": TRUTHS, "i": INTEGERS, "u": INTEGERS}.get(getattr(step.dtype, "kind", ""), {})
    return special.get(step.function) or SCALARS.get(step.function)
