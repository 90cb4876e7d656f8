"""Elementwise steps: the table of what is an operator of ONNX's, and what a function of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_bp.export import elementary, gammas, normal
from tinygrad_bp.export.writer import Rule, Writer
from tinygrad_bp.ops import beta_gamma, special
from tinygrad_bp.ops.trigonometry import sinc_derivative
from tinygrad_bp.program import Step
from tinygrad_bp.program.step import SCALE
from tinygrad_bp.source.helpers import plain

OPERATORS: Mapping[Any, str] = {
    np.add: "Add", np.subtract: "Sub", np.multiply: "Mul", np.divide: "Div", np.negative: "Neg", np.absolute: "Abs",
    np.fabs: "Abs", np.exp: "Exp", np.log: "Log", np.sqrt: "Sqrt", np.sin: "Sin", np.cos: "Cos", np.tanh: "Tanh",
    np.power: "Pow", np.float_power: "Pow", np.floor: "Floor", np.ceil: "Ceil", np.rint: "Round", np.sign: "Sign",
    np.maximum: "Max", np.minimum: "Min", np.reciprocal: "Reciprocal", np.isnan: "IsNaN", np.isinf: "IsInf",
    np.equal: "Equal", np.greater: "Greater", np.greater_equal: "GreaterOrEqual", np.less: "Less",
    np.less_equal: "LessOrEqual", np.positive: "Identity", np.conjugate: "Identity", np.bitwise_and: "BitwiseAnd",
    np.bitwise_or: "BitwiseOr", np.bitwise_xor: "BitwiseXor", np.invert: "BitwiseNot",
}  # fmt: skip
"""What one node does for numbers."""

TRUTHS: Mapping[Any, str] = {
    np.add: "Or", np.multiply: "And", np.maximum: "Or", np.minimum: "And", np.bitwise_and: "And",
    np.bitwise_or: "Or", np.bitwise_xor: "Xor", np.invert: "Not", np.logical_and: "And", np.logical_or: "Or",
    np.logical_xor: "Xor", np.logical_not: "Not", np.equal: "Equal", np.not_equal: "Xor",
}  # fmt: skip
"""What one node does for truths."""

LOGICAL = {np.logical_and, np.logical_or, np.logical_xor, np.logical_not}
"""Ufuncs that take numbers for truths."""

SINGLE: Mapping[Any, str] = {
    np.tan: "Tan", np.arcsin: "Asin", np.arccos: "Acos", np.arctan: "Atan", np.sinh: "Sinh", np.cosh: "Cosh",
    np.arcsinh: "Asinh", np.arccosh: "Acosh", np.arctanh: "Atanh",
}  # fmt: skip
"""What one node does in single precision; in double precision ONNX Runtime does not."""

FUNCTIONS: Mapping[Any, Any] = {
    np.expm1: elementary.expm1, np.log1p: elementary.log1p, np.exp2: elementary.exp2, np.log2: elementary.log2,
    np.log10: elementary.log10, np.logaddexp: elementary.logaddexp, np.logaddexp2: elementary.logaddexp2,
    np.cbrt: elementary.cbrt, np.hypot: elementary.hypot, np.square: elementary.square, np.tan: elementary.tan,
    np.arctan: elementary.arctan, np.arcsin: elementary.arcsin, np.arccos: elementary.arccos,
    np.arctan2: elementary.arctan2, np.sinh: elementary.sinh, np.cosh: elementary.cosh,
    np.arcsinh: elementary.arcsinh, np.arccosh: elementary.arccosh, np.arctanh: elementary.arctanh,
    np.radians: elementary.radians, np.deg2rad: elementary.radians, np.degrees: elementary.degrees,
    np.rad2deg: elementary.degrees, np.remainder: elementary.remainder, np.floor_divide: elementary.floor_divide,
    np.trunc: elementary.trunc, np.signbit: elementary.signbit, np.copysign: elementary.copysign,
    np.heaviside: elementary.heaviside, np.fmax: elementary.fmax, np.fmin: elementary.fmin,
    np.isfinite: elementary.isfinite,
}  # fmt: skip
"""Ufuncs that become functions of the model."""

OTHERS: Mapping[Any, Any] = {
    SCALE: elementary.scale, np.round: elementary.round_to, np.sinc: elementary.sinc, np.clip: elementary.clip,
    np.nan_to_num: elementary.nan_to_num, np.isclose: elementary.isclose,
}  # fmt: skip
"""Elementwise functions that are no ufuncs."""

WIDE: Mapping[Any, Any] = {
    plain(special.erf): normal.erf, plain(special.erfc): normal.erfc, plain(special.erfcx): normal.erfcx,
    plain(special.log_ndtr): normal.log_ndtr,
    plain(sinc_derivative): elementary.sinc_derivative, plain(special.erfinv): normal.erfinv,
    plain(special.gammaln): gammas.gammaln, plain(special.gamma): gammas.gamma, plain(special.psi): gammas.psi,
    plain(special.polygamma): gammas.polygamma, plain(beta_gamma.rgamma): gammas.rgamma,
    plain(beta_gamma.beta): gammas.beta, plain(beta_gamma.betaln): gammas.betaln,
    plain(beta_gamma.erfcinv): normal.erfcinv,
}  # fmt: skip
"""Those that are computed in double precision always."""


def elementwise(step: Step) -> Rule | None:
    """The rule for an elementwise step."""
    if isinstance(step.function, np.ufunc) and step.function.signature is None:
        return _ufunc
    if step.function in OTHERS or step.function in WIDE:
        return _function
    return {np.where: _where, "astype": _converted, np.real: _same, "real": _same, np.float64: _same}.get(step.function)


def _ufunc(writer: Writer, step: Step) -> str:
    function = step.function
    if step.kwargs:
        raise TypeError(f"with {', '.join(step.kwargs)}")
    dtypes = _loop(function, step.args)
    truths = all(d == np.bool_ for d in dtypes) or function in LOGICAL
    if function in TRUTHS and truths:
        return writer.node(TRUTHS[function], *_given(writer, step.args, [np.dtype(bool)] * len(dtypes)))
    if function is np.not_equal:
        return writer.node("Not", writer.node("Equal", *_given(writer, step.args, dtypes)))
    whole = step.dtype.kind in "iu"
    if whole and function in (np.floor, np.ceil, np.trunc):
        return writer.array(step.args[0])
    if whole and function in (np.remainder, np.floor_divide):
        return _whole_division(writer, step, dtypes[0])
    if function is np.fmod:
        return writer.node("Mod", *_given(writer, step.args, dtypes), fmod=1)
    if dtypes[0] == np.bool_ and function not in (np.isnan, np.isinf, np.isfinite):
        dtypes = [np.dtype(np.int32)] * len(dtypes)  # comparisons of truths
    single = SINGLE.get(function) if step.dtype == np.float32 else None
    kind = single or OPERATORS.get(function)
    given = _given(writer, step.args, dtypes)
    if kind is not None:
        return writer.node(kind, *given)
    if function not in FUNCTIONS:
        raise NotImplementedError("")
    return writer.called(step, FUNCTIONS[function], given, dtypes)


def _loop(function: Any, args: Any) -> list[Any]:
    """The dtypes in which NumPy has its operands computed."""
    given = tuple([_weak(x) for x in args])
    found = function.resolve_dtypes((*given, *[None] * function.nout))[: len(args)]
    return list(found)


def _weak(x: Any) -> Any:
    """The dtype of an operand; Python's numbers have only a kind."""
    if isinstance(x, Step):
        return x.dtype
    return type(x) if type(x) in (int, float, complex) else np.asarray(x).dtype


def _given(writer: Writer, args: Any, dtypes: Any) -> list[str]:
    shapes = [x.shape if isinstance(x, Step) else () for x in args]
    return [writer.spread(x, dtype, shapes) for x, dtype in zip(args, dtypes, strict=True)]


def _whole_division(writer: Writer, step: Step, dtype: Any) -> str:
    given = _given(writer, step.args, [dtype] * 2)
    rest = writer.node("Mod", *given)
    return rest if step.function is np.remainder else writer.node("Div", writer.node("Sub", given[0], rest), given[1])


def _function(writer: Writer, step: Step) -> str:
    """A function of its array operands; what else it is given is part of it."""
    function = OTHERS.get(step.function) or WIDE[step.function]
    arrays = [x for x in step.args if isinstance(x, Step | float)]
    dtype = np.result_type(*[x.dtype if isinstance(x, Step) else x for x in arrays])
    if step.function in WIDE or (dtype.kind not in "fc" and step.function is not SCALE and step.dtype.kind == "f"):
        dtype = np.dtype(np.float64)
    kwargs = {key: x for key, x in step.kwargs.items() if key != "copy"}
    if any(isinstance(x, Step) for x in kwargs.values()) or len(arrays) < len(step.args):
        return writer.expanded(step, function, *step.args, **kwargs)
    like = step if step.dtype.kind == "b" else Step(step.opcode, dtype=dtype)
    y = writer.called(like, function, _given(writer, arrays, [dtype] * len(arrays)), [dtype] * len(arrays), **kwargs)
    return y if step.dtype in (dtype, np.dtype(bool)) else writer.cast(y, step.dtype)


def _where(writer: Writer, step: Step) -> str:
    condition, a, b = step.args
    truths = step.dtype == np.bool_
    dtype = np.dtype(np.uint8) if truths else step.dtype
    chosen = writer.node("Where", *_given(writer, (condition, a, b), [np.dtype(bool), dtype, dtype]))
    return writer.cast(chosen, np.dtype(bool)) if truths else chosen


def _converted(writer: Writer, step: Step) -> str:
    return writer.array(step.args[0], step.dtype)


def _same(writer: Writer, step: Step) -> str:
    return writer.array(step.args[0])
