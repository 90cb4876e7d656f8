"""The program for JAX: the table of what is spelled otherwise there, as steps that call other functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.backends.backend import Unsupported
from tinygrad_bp.backends.jax import functions, windows
from tinygrad_bp.backends.jax.calls import FUNCTIONS
from tinygrad_bp.backends.jax.convolution import convolution, transposed_convolution
from tinygrad_bp.backends.jax.draws import DRAWS
from tinygrad_bp.backends.jax.library import Function
from tinygrad_bp.backends.jax.loops import looped
from tinygrad_bp.backends.jax.steps import Lowering, Rule
from tinygrad_bp.ops import (
    bessel,
    beta_gamma,
    eigenvalues,
    matrix_functions,
    pooling,
    special,
    structured_systems,
    windows as ops_windows,
)
from tinygrad_bp.ops.cumulative import linear_recurrence
from tinygrad_bp.ops.indexing import ARRAY, assigned, scattered
from tinygrad_bp.ops.systems import independent
from tinygrad_bp.ops.ties import distinct
from tinygrad_bp.program import Program, Step
from tinygrad_bp.program.loop import Loop
from tinygrad_bp.program.passes import replaced
from tinygrad_bp.program.step import (
    ASSIGN,
    FUNCTION,
    GUARD,
    INDEX,
    INPUT,
    METHOD,
    SCALE,
    UFUNC,
    WHOLE,
)
from tinygrad_bp.source.helpers import plain

_SPELLED: Mapping[Any, Function] = {
    SCALE: functions.scaled,
    **{
        plain(f): functions.of_scipy(f.__name__)
        for f in (special.erf, special.erfc, special.erfinv, special.gamma, special.gammaln, special.i0)
    },
    plain(special.polygamma): functions.polygamma,
    plain(special.psi): functions.of_scipy("digamma"),
    plain(special.erfcx): functions.erfcx,
    plain(special.log_ndtr): functions.log_ndtr,
    plain(linear_recurrence): functions.linear_recurrence,
    plain(ops_windows.unfold): windows.unfold,
    plain(ops_windows.fold): windows.fold,
    plain(ops_windows.bordered): windows.bordered,
    plain(pooling.max_pool): windows.max_pool,
    plain(pooling.shared_by_largest): windows.shared_by_largest,
    plain(pooling.mean_of_largest): windows.mean_of_largest,
    plain(pooling.window_sums): windows.sums,
}  # fmt: skip
"""For functions that programs contain as they stand. Others run as they are, if they are made of calls alone."""

_ON_HOST = {
    *map(plain, (
        special.bessel_i, bessel.bessel_j, bessel.bessel_k, bessel.bessel_y, bessel.scaled_i,
        beta_gamma.beta, beta_gamma.betaln, beta_gamma.erfcinv, beta_gamma.lower_beta, beta_gamma.lower_gamma,
        beta_gamma.lower_t, beta_gamma.rgamma, beta_gamma.upper_gamma, eigenvalues.eig_packed, matrix_functions.expm,
        matrix_functions.solve_sylvester, matrix_functions.sqrtm, structured_systems.banded_solution,
    )),
}  # fmt: skip
"""Functions that JAX lacks, or has with fewer digits or for fewer devices: the host computes them."""


class Lowered(NamedTuple):
    """A program for JAX. guarded: whether its last output tells if its guards hold; by: the inputs that settle it."""

    program: Program
    guarded: bool
    by: list[int]


def lowered(program: Program) -> Lowered:
    """The program in calls that JAX has. Raises Unsupported."""
    lowering = Lowering()
    new: dict[Step, Step] = {}
    for step in program.steps:
        new[step] = _lowered(lowering, step.on(new))
    program = replaced(program, lowering.steps, new)
    if not lowering.conditions:
        return Lowered(program, False, [])
    held = lowering.add(Step(WHOLE, functions.all_hold, tuple(lowering.conditions), dtype=np.dtype(bool)))
    outputs, gradients = [*program.outputs, held], [*program.gradients, None]
    behind, pending = set(), [held]
    while pending:
        latest = pending.pop()
        if latest not in behind:
            behind.add(latest)
            pending += latest.operands
    by = [i for i, x in enumerate(program.inputs) if x in behind]
    return Lowered(replace(program, steps=lowering.steps, outputs=outputs, gradients=gradients), True, by)


def _lowered(to: Lowering, step: Step) -> Step:
    rule = _RULES.get(step.opcode)
    found = rule(to, step) if rule is not None else None
    return to.add(step) if found is None else found


# --- by opcode --------------------------------------------------------------------------------------------------------


def _guard(to: Lowering, step: Step) -> Step:
    condition: Step = step.args[0]
    if not step.function:
        condition = to.call(step, np.logical_not, condition, opcode=UFUNC, dtype=np.dtype(bool))
    to.conditions.append(condition)
    return condition


def _assignment(to: Lowering, step: Step) -> Step:
    return to.call(step, functions.increased if step.function is np.add else functions.replaced, *step.args)


def _index(to: Lowering, step: Step) -> Step | None:
    array, index = step.args
    parts = index if isinstance(index, tuple) else (index,)
    if array.dtype is None or not any(isinstance(part, Step | list) for part in parts):
        return None
    return to.call(step, functions.taken, array, index)


def _ufunc(to: Lowering, step: Step) -> Step | None:
    """Operands in one dtype, as NumPy has it: int64 and float32 make float64."""
    if step.function is np.matmul and len(step.shape) == 3:
        return convolution(to, step)
    if step.kwargs or step.function.nout > 1:
        raise Unsupported(f"np.{step.called} with {', '.join(step.kwargs) or 'two results'}")
    kinds = {x.dtype for x in step.operands}
    if step.function is np.divide and len(kinds) == 1 and getattr(step.args[0], "function", None) is np.divide:
        return to.call(step, functions.divided, *step.args)
    if len(kinds) < 2 or step.function.signature is not None:
        return None
    whole = [x.dtype for x in step.operands if x.opcode != INPUT or x.shape]
    if whole and np.result_type(*whole) == step.dtype and len({*whole}) == 1:
        return None  # the others are Python's numbers, or of no more digits
    common = np.result_type(*kinds)
    args = [to.cast(x, common) if isinstance(x, Step) else x for x in step.args]
    return to.add(replace(step, args=tuple(args)))


def _method(to: Lowering, step: Step) -> Step | None:
    generator = step.args[0]
    if step.pure or generator.opcode != INPUT:
        return None
    if step.function not in DRAWS:
        raise Unsupported(f".{step.function}() of a generator has no counterpart in jax.random")
    to.draws += 1
    draw = DRAWS[step.function]
    return to.call(step, draw, generator, to.draws, *step.args[1:], kwargs={**step.kwargs, "like": step.dtype})


def _whole(to: Lowering, step: Step) -> Step | None:
    function = step.function
    if isinstance(function, Loop):
        return _loop(to, step)
    if function in (plain(scattered), plain(assigned)):
        return _written(to, step)
    if function is plain(distinct):
        return _required(to, step, functions.undisturbed, *step.args[:2])
    if function is plain(independent):
        return _required(to, step, functions.are_independent, *step.args[:1])
    if function is plain(eigenvalues.distinct_eigenvalues):
        return _required(to, step, functions.are_distinct, *step.args[:1])
    if function is plain(ops_windows.fold):
        return transposed_convolution(to, step)
    if function in _SPELLED:
        return to.call(step, _SPELLED[function], *step.args, kwargs=step.kwargs)
    if function in _ON_HOST:
        on_host = functions.on_host(function, step.shape, step.dtype)
        return to.call(step, on_host, *step.args, kwargs=step.kwargs)
    return None


def _written(to: Lowering, step: Step) -> Step:
    sets = step.function is plain(assigned)
    arrays = iter(step.args[1 + sets :])
    whole = step.kwargs["index"]
    parts = whole if isinstance(whole, tuple) else (whole,)
    filled = [next(arrays) if isinstance(part, str) and part == ARRAY else part for part in parts]
    index = tuple(filled) if isinstance(whole, tuple) else filled[0]
    if sets:
        return to.call(step, functions.assigned, step.args[0], index, step.args[1])
    return to.call(step, functions.scattered, step.args[0], index, step.shape)


def _loop(to: Lowering, step: Step) -> Step:
    body, guarded, _ = lowered(step.function.body)
    loop = to.call(step, looped(step.function.with_body(body), guarded), *step.args)
    if guarded:
        held = len(step.function.body.outputs)
        to.conditions.append(
            to.call(loop, None, loop, held, opcode=INDEX, shape=(step.function.length,), dtype=np.dtype(bool))
        )
    return loop


def _function(to: Lowering, step: Step) -> Step | None:
    rule = FUNCTIONS.get(step.function)
    return None if rule is None else rule(to, step)


def _required(to: Lowering, step: Step, condition: Any, *args: Any) -> Step:
    """The first operand, on a condition."""
    to.require(step, condition, *args)
    first: Step = step.args[0]
    return first


_RULES: Mapping[str, Rule] = {
    GUARD: _guard, ASSIGN: _assignment, INDEX: _index, UFUNC: _ufunc,
    METHOD: _method, WHOLE: _whole, FUNCTION: _function,
}  # fmt: skip
