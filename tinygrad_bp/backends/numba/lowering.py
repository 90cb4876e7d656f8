"""The program for Numba: steps that it lacks, or takes long to compile, become calls of kernels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from tinygrad_bp import ops
from tinygrad_bp.backends.numba import kernels
from tinygrad_bp.backends.numba.axes import along_axes, best, is_simple_sum, recurrence, sorting, spread
from tinygrad_bp.backends.numba.kernels import Kernel
from tinygrad_bp.backends.numba.places import indexed, moved, reshaped, transposed_fold, written
from tinygrad_bp.backends.numba.steps import Lowering, Rule
from tinygrad_bp.backends.thresholds import LOOP_MULTIPLICATIONS
from tinygrad_bp.ops.gated_activations import gelu
from tinygrad_bp.ops.special import erf, erfc, gamma, gammaln
from tinygrad_bp.ops.trigonometry import sinc_derivative
from tinygrad_bp.program import Program, Step
from tinygrad_bp.program.loop import Loop, without_arrays
from tinygrad_bp.program.passes import replaced
from tinygrad_bp.program.step import CONSTANT, FUNCTION, METHOD, NUMBERS, SCALE, UFUNC, WHOLE, is_reversal
from tinygrad_bp.source.expressions import literal, numpy_path
from tinygrad_bp.source.helpers import plain


def lowered(program: Program) -> Program:
    """The program in calls that Numba compiles, as far as there are such."""
    lowering = Lowering()
    new: dict[Step, Step] = {}
    for step in program.steps:
        new[step] = _lowered(lowering, step.on(new))
    return replaced(program, lowering.steps, new)


def _lowered(to: Lowering, step: Step) -> Step:
    return next((new for new in (rule(to, step) for rule in _RULES) if new is not None), None) or to.add(step)


# --- elementwise ------------------------------------------------------------------------------------------------------

_SCALARS: Mapping[Any, Kernel] = {
    np.heaviside: kernels.step_of, np.sinc: kernels.sinc_of, np.where: kernels.choice_of, SCALE: kernels.scale_of,
    plain(erf): kernels.erf_of, plain(erfc): kernels.erfc_of, plain(gamma): kernels.gamma_of,
    plain(gammaln): kernels.gammaln_of, plain(sinc_derivative): kernels.sinc_derivative_of,
}  # fmt: skip
_GELUS = {"none": kernels.gelu_of, "tanh": kernels.gelu_tanh_of}


def _elementwise(to: Lowering, step: Step) -> Step | None:
    if step.opcode == WHOLE and step.function is plain(gelu):
        return to.call(step, _GELUS[step.kwargs["approximate"]], step.args[0])
    if step.function in NUMBERS.values():  # as its numbers are
        return step.args[0]  # type: ignore[no-any-return]
    if step.opcode == METHOD and step.function == "astype":
        return to.call(step, "astype", step.args[0], step.dtype, opcode=METHOD)
    kernel = _SCALARS.get(step.function) if step.opcode in (UFUNC, FUNCTION, WHOLE) else None
    return to.call(step, kernel, *step.args, *step.kwargs.values()) if kernel else None


# --- products ---------------------------------------------------------------------------------------------------------

_PRODUCTS = (np.matmul, np.dot)


def _contracted(to: Lowering, step: Step) -> Step | None:
    if step.function is np.einsum:
        subscripts, *arrays = step.args
    elif step.function in _PRODUCTS and max([len(x.shape) for x in step.args]) > 2:
        arrays = list(step.args)
        subscripts = kernels.product_subscripts(*[len(x.shape) for x in arrays])
    else:
        return None
    shapes = [x.shape for x in arrays]
    if prod(kernels.index_lengths(subscripts, shapes).values()) > LOOP_MULTIPLICATIONS:
        return None
    return to.kernel(step, kernels.contraction(subscripts, shapes, step.dtype), *arrays)


# --- loops ------------------------------------------------------------------------------------------------------------


def _looped(to: Lowering, step: Step) -> Step | None:
    """A loop, its body lowered; it is given the arrays that the body has got by that."""
    loop = step.function
    if not isinstance(loop, Loop):
        return None
    body = lowered(loop.body)
    users: dict[Step, list[Step]] = defaultdict(list)
    for inside in body.steps:
        for operand in inside.operands:
            users[operand].append(inside)
    steps = dict.fromkeys([*body.steps, *[x for x in users if x.opcode == CONSTANT]])
    loop, arrays = without_arrays(
        loop.with_body(replace(body, steps=sorted(steps, key=lambda s: s.opcode != CONSTANT))),
        lambda x: all(literal(x, user, "numba") is not None for user in users[x]),
    )
    place = loop.captured - len(arrays)
    constants = [to.constant(step, array) for array in arrays]
    return to.call(step, loop, *step.args[:place], *constants, *step.args[place:])


_RULES: Sequence[Rule] = (
    _looped, _elementwise, along_axes, spread, best, sorting, recurrence, reshaped, moved, transposed_fold, indexed,
    written, _contracted,
)  # fmt: skip
"""In this order; the first that has something for a step decides."""


# --- what is left -----------------------------------------------------------------------------------------------------

_KNOWN = {"astype", "clip", "convolve", "copy", "nan_to_num", "round"}
_DECOMPOSITIONS = {"cholesky", "det", "eigh", "inv", "pinv", "qr", "slogdet", "solve", "svd"}
_NO_UFUNCS = {"bitwise_count", "frexp", "modf", "matvec", "vecdot", "vecmat"}


def missing(step: Step) -> str:
    """The name of what a step of a lowered program calls, if Numba is known to lack it; else empty."""
    if step.function in _PRODUCTS:
        return f"np.{step.called} of so many elements" if max([len(x.shape) for x in step.args]) > 2 else ""
    if step.opcode == UFUNC:
        return f"np.{step.called}" if step.called in _NO_UFUNCS else ""
    if isinstance(step.function, Loop):
        return next(filter(None, map(missing, step.function.body.operations)), "")
    if step.opcode == WHOLE:
        return step.called if str(step.function.__module__).startswith(ops.__name__) else ""
    if is_reversal(step):
        return ""
    if step.opcode == METHOD:
        return "" if step.called in _KNOWN else f".{step.called}"
    if step.opcode != FUNCTION or is_simple_sum(step):
        return ""
    if step.called in _DECOMPOSITIONS and all(len(x.shape) == 2 for x in step.operands[:1]):
        return ""
    axes = f" of {len(step.operands[0].shape)} axes" if step.called in _DECOMPOSITIONS and step.operands else ""
    return "" if step.called in _KNOWN else f"{numpy_path(step.function) or step.called}{axes}"
