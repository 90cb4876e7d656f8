"""The program for JAX: the table of what is spelled otherwise there, as steps that call other functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.backends.backend import Unsupported
from tinygrad_bp.backends.jax import functions
from tinygrad_bp.backends.jax.draws import DRAWS
from tinygrad_bp.backends.jax.library import Function
from tinygrad_bp.backends.jax.loops import looped
from tinygrad_bp.ops import pooling, special, windows
from tinygrad_bp.ops.cumulative import linear_recurrence
from tinygrad_bp.ops.indexing import ARRAY, assigned, scattered
from tinygrad_bp.ops.systems import independent
from tinygrad_bp.ops.ties import distinct
from tinygrad_bp.program import Program, Step
from tinygrad_bp.program.loop import Loop
from tinygrad_bp.program.passes import replaced
from tinygrad_bp.program.step import (
    ASSIGN,
    CONSTANT,
    FUNCTION,
    GUARD,
    INDEX,
    INPUT,
    METHOD,
    NOTHING,
    SCALE,
    UFUNC,
    WHOLE,
)
from tinygrad_bp.source.helpers import plain

_SPELLED: Mapping[Any, Function] = {
    SCALE: functions.scaled,
    **{
        plain(f): functions.of_scipy(f.__name__)
        for f in (special.erf, special.erfc, special.erfinv, special.gamma, special.gammaln, special.i0,
                  special.log_ndtr)
    },
    plain(special.polygamma): functions.polygamma,
    plain(special.psi): functions.of_scipy("digamma"),
    plain(special.erfcx): functions.erfcx,
    plain(special.iv): functions.iv,
    plain(linear_recurrence): functions.linear_recurrence,
    plain(windows.unfold): functions.unfold,
    plain(windows.fold): functions.fold,
    plain(windows.bordered): functions.bordered,
    plain(pooling.max_pool): functions.max_pool,
    plain(pooling.shared_by_largest): functions.shared_by_largest,
    plain(pooling.mean_of_largest): functions.mean_of_largest,
    plain(pooling.window_sums): functions.sums,
}  # fmt: skip
"""For functions that programs contain as they stand. Others run as they are, if they are made of calls alone."""


class Lowered(NamedTuple):
    """A program for JAX. guarded: whether its last output tells if its guards hold."""

    program: Program
    guarded: bool


def lowered(program: Program) -> Lowered:
    """The program in calls that JAX has. Raises Unsupported."""
    lowering = _Lowering()
    new: dict[Step, Step] = {}
    for step in program.steps:
        new[step] = lowering.lowered(step.on(new))
    program = replaced(program, lowering.steps, new)
    if not lowering.conditions:
        return Lowered(program, False)
    held = lowering.add(Step(WHOLE, functions.all_hold, tuple(lowering.conditions), dtype=np.dtype(bool)))
    outputs, gradients = [*program.outputs, held], [*program.gradients, None]
    return Lowered(replace(program, steps=lowering.steps, outputs=outputs, gradients=gradients), True)


class _Lowering:
    """The steps of the new program while they are found. conditions: those under which the program holds."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.conditions: list[Step] = []
        self.draws = 0

    def add(self, step: Step) -> Step:
        self.steps.append(step)
        return step

    def call(self, like: Step, function: Any, *args: Any, **traits: Any) -> Step:
        """A step that calls a function, where another stood."""
        own = {"opcode": WHOLE, "kwargs": NOTHING, "view": False, "contiguous": True, "pure": True, **traits}
        return self.add(replace(like, function=function, args=args, **own))

    def lowered(self, step: Step) -> Step:
        """What stands for a step whose operands are those of the new program."""
        rule = _RULES.get(step.opcode)
        found = rule(self, step) if rule is not None else None
        return self.add(step) if found is None else found

    # --- by opcode ---

    def guard(self, step: Step) -> Step:
        condition: Step = step.args[0]
        if not step.function:
            condition = self.call(step, np.logical_not, condition, opcode=UFUNC, dtype=np.dtype(bool))
        self.conditions.append(condition)
        return condition

    def assignment(self, step: Step) -> Step:
        return self.call(step, functions.increased if step.function is np.add else functions.replaced, *step.args)

    def index(self, step: Step) -> Step | None:
        array, index = step.args
        parts = index if isinstance(index, tuple) else (index,)
        if array.dtype is None or not any(isinstance(part, Step | list) for part in parts):
            return None
        return self.call(step, functions.taken, array, index)

    def ufunc(self, step: Step) -> Step | None:
        """Operands in one dtype, as NumPy has it: int64 and float32 make float64."""
        if step.kwargs or step.function.nout > 1:
            raise Unsupported(f"np.{step.called} with {', '.join(step.kwargs) or 'two results'}")
        kinds = {x.dtype for x in step.operands}
        if len(kinds) < 2 or step.function.signature is not None:
            return None
        common = np.result_type(*kinds)
        args = [self.cast(x, common) if isinstance(x, Step) else x for x in step.args]
        return self.add(replace(step, args=tuple(args)))

    def cast(self, x: Step, dtype: Any) -> Step:
        """An operand in another dtype."""
        if x.dtype == dtype:
            return x
        if x.opcode == CONSTANT:
            return self.add(replace(x, value=x.value.astype(dtype), dtype=dtype))
        return self.call(x, "astype", x, dtype, opcode=METHOD, dtype=dtype, value=None)

    def method(self, step: Step) -> Step | None:
        generator = step.args[0]
        if step.pure or generator.opcode != INPUT:
            return None
        if step.function not in DRAWS:
            raise Unsupported(f".{step.function}() of a generator has no counterpart in jax.random")
        self.draws += 1
        draw = DRAWS[step.function]
        return self.call(step, draw, generator, self.draws, *step.args[1:], kwargs={**step.kwargs, "like": step.dtype})

    def whole(self, step: Step) -> Step | None:
        function = step.function
        if isinstance(function, Loop):
            return self.loop(step)
        if function in (plain(scattered), plain(assigned)):
            return self.written(step)
        if function is plain(distinct):
            return self.required(step, functions.undisturbed, *step.args[:2])
        if function is plain(independent):
            return self.required(step, functions.are_independent, *step.args[:1])
        if function in _SPELLED:
            return self.call(step, _SPELLED[function], *step.args, kwargs=step.kwargs)
        return None

    def required(self, step: Step, condition: Any, *args: Any) -> Step:
        """The first operand, on a condition."""
        self.conditions.append(self.call(step, condition, *args, shape=(), dtype=np.dtype(bool)))
        first: Step = step.args[0]
        return first

    def written(self, step: Step) -> Step:
        sets = step.function is plain(assigned)
        arrays = iter(step.args[1 + sets :])
        whole = step.kwargs["index"]
        parts = whole if isinstance(whole, tuple) else (whole,)
        filled = [next(arrays) if isinstance(part, str) and part == ARRAY else part for part in parts]
        index = tuple(filled) if isinstance(whole, tuple) else filled[0]
        if sets:
            return self.call(step, functions.assigned, step.args[0], index, step.args[1])
        return self.call(step, functions.scattered, step.args[0], index, step.shape)

    def loop(self, step: Step) -> Step:
        body, guarded = lowered(step.function.body)
        loop = self.call(step, looped(step.function.with_body(body), guarded), *step.args)
        if guarded:
            held = len(step.function.body.outputs)
            self.conditions.append(
                self.call(loop, None, loop, held, opcode=INDEX, shape=(step.function.length,), dtype=np.dtype(bool))
            )
        return loop

    def function(self, step: Step) -> Step | None:
        rule = _FUNCTIONS.get(step.function)
        return None if rule is None else rule(self, step)


def _stable(to: _Lowering, step: Step) -> Step:
    """A sort by whatever algorithm keeps the order of equal elements."""
    kwargs = {key: x for key, x in step.kwargs.items() if key != "kind"}
    return to.add(replace(step, kwargs=kwargs))


def _unnamed(to: _Lowering, step: Step) -> Step:
    """A partition, whose algorithm nobody chooses."""
    x, kth, *others = step.args
    axis = step.kwargs.get("axis", *others[:1] or [-1])
    if axis is None:
        x, axis = to.call(x, "reshape", x, (-1,), opcode=METHOD, shape=(x.size,), value=None), 0
    return to.add(replace(step, args=(x, _plain(kth)), kwargs={"axis": axis}))


def _with_array(to: _Lowering, step: Step) -> Step:
    """A function whose second argument is an array, not a list of numbers."""
    x, q, *others = step.args
    if not isinstance(q, Step):
        value = np.asarray(q, np.float64)
        q = to.add(Step(CONSTANT, value=value, shape=value.shape, dtype=value.dtype))
    return to.add(replace(step, args=(x, q, *others)))


def _settled(to: _Lowering, step: Step) -> Step:
    """Constants that settle the shape of the result as what they are, not as arrays."""
    kwargs = {key: _plain(x) for key, x in step.kwargs.items()}
    return to.add(replace(step, args=(step.args[0], *map(_plain, step.args[1:])), kwargs=kwargs))


def _plain(x: Any) -> Any:
    if not isinstance(x, Step) or x.opcode != CONSTANT or x.dtype.kind not in "iu":
        return x
    return _tuples(x.value.tolist())


def _tuples(x: Any) -> Any:
    return tuple(map(_tuples, x)) if isinstance(x, list) else x


_RULES: Mapping[str, Callable[[_Lowering, Step], Step | None]] = {
    GUARD: _Lowering.guard, ASSIGN: _Lowering.assignment, INDEX: _Lowering.index, UFUNC: _Lowering.ufunc,
    METHOD: _Lowering.method, WHOLE: _Lowering.whole, FUNCTION: _Lowering.function,
}  # fmt: skip
_FUNCTIONS: Mapping[Any, Callable[[_Lowering, Step], Step | None]] = {
    np.sort: _stable, np.argsort: _stable, np.partition: _unnamed, np.argpartition: _unnamed,
    np.pad: _settled, np.repeat: _settled, np.tile: _settled, np.roll: _settled,
    np.quantile: _with_array, np.percentile: _with_array,
}  # fmt: skip
"""For functions of NumPy's that are called otherwise."""
