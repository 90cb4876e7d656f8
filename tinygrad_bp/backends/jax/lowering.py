"""The program for JAX: the table of what is spelled otherwise there, as steps that call other functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.backends.backend import Unsupported
from tinygrad_bp.backends.jax import functions, windows
from tinygrad_bp.backends.jax.draws import DRAWS
from tinygrad_bp.backends.jax.library import Function
from tinygrad_bp.backends.jax.loops import looped
from tinygrad_bp.ops import pooling, special, windows as ops_windows
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
    is_plain_reduction,
    summed_axes,
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
    plain(special.iv): functions.iv,
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


class Lowered(NamedTuple):
    """A program for JAX. guarded: whether its last output tells if its guards hold; by: the inputs that settle it."""

    program: Program
    guarded: bool
    by: list[int]


def lowered(program: Program) -> Lowered:
    """The program in calls that JAX has. Raises Unsupported."""
    lowering = _Lowering()
    new: dict[Step, Step] = {}
    for step in program.steps:
        new[step] = lowering.lowered(step.on(new))
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
        if step.function is np.matmul and len(step.shape) == 3:
            return self.convolution(step)
        if step.kwargs or step.function.nout > 1:
            raise Unsupported(f"np.{step.called} with {', '.join(step.kwargs) or 'two results'}")
        kinds = {x.dtype for x in step.operands}
        if len(kinds) < 2 or step.function.signature is not None:
            return None
        whole = [x.dtype for x in step.operands if x.opcode != INPUT or x.shape]
        if whole and np.result_type(*whole) == step.dtype and len({*whole}) == 1:
            return None  # the others are Python's numbers, or of no more digits
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
        if function is plain(ops_windows.fold):
            return self.transposed_convolution(step)
        if function in _SPELLED:
            return self.call(step, _SPELLED[function], *step.args, kwargs=step.kwargs)
        return None

    # --- convolution: products with windows ---

    def convolution(self, step: Step) -> Step | None:
        """A product of rows with the windows of images, or of cotangents with such windows turned."""
        rows, columns = step.args
        turned = columns if columns.called in ("transpose", "swapaxes") and _turns(columns) else None
        matrices = turned.args[0] if turned else columns
        windowed = _unshaped(matrices)
        if windowed.function is not windows.unfold or len(rows.shape) != 3 or rows.shape[0] != columns.shape[0]:
            return None
        if matrices.shape[2] != prod(windowed.shape[len(windowed.shape) // 2 :]):
            return None
        call = windows.times_windows_turned if turned else windows.rows_times_windows
        return self.call(step, call, rows, windowed.args[0], kwargs=_kind(windowed))

    def transposed_convolution(self, step: Step) -> Step:
        """Products of filters with cotangents, folded; or other windows."""
        product = _unshaped(step.args[0])
        places = prod(step.args[0].shape[len(step.args[0].shape) // 2 :])
        shapes = [x.shape[:1] for x in product.operands if len(x.shape) == 3]
        if product.function is not np.matmul or product.shape[2:] != (places,) or shapes != [product.shape[:1]] * 2:
            return self.call(step, windows.fold, *step.args, kwargs=step.kwargs)
        size, stride, padding, dilation = [*step.args[1:], *step.kwargs.values()]
        kernel = step.args[0].shape[1 : 1 + len(size)]
        kind = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        examples, channels = step.shape[:2]
        whole = {"channels": channels, "examples": examples, "size": size, **kind}
        return self.call(step, windows.folded, *product.args, kwargs=whole)

    # --- the rest ---

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
        body, guarded, _ = lowered(step.function.body)
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


def _unshaped(step: Step) -> Step:
    """What a step only gives another shape."""
    while step.called == "reshape" and step.opcode in (METHOD, FUNCTION):
        step = step.args[0]
    return step


def _turns(step: Step) -> bool:
    """Whether a step exchanges the last two of three axes."""
    x, axes = step.args[0], step.args[1:] or tuple(step.kwargs.values())
    given = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], tuple) else axes
    if len(x.shape) != 3 or not all(isinstance(axis, int) for axis in given):
        return False
    return [axis % 3 for axis in given] in ([0, 2, 1], [1, 2], [2, 1])


def _kind(unfolding: Step) -> dict[str, Any]:
    """Kernel, stride, padding and dilation of windows."""
    return {
        **dict(zip(("kernel", "stride", "padding", "dilation"), unfolding.args[1:], strict=False)),
        **unfolding.kwargs,
    }


def _stable(to: _Lowering, step: Step) -> Step:
    """A sort by whatever algorithm keeps the order of equal elements."""
    kwargs = {key: x for key, x in step.kwargs.items() if key != "kind"}
    return to.add(replace(step, kwargs=kwargs))


def _sorted(to: _Lowering, step: Step) -> Step:
    """A partition, at several places too: all in order is one."""
    axis = step.kwargs.get("axis", *step.args[2:3] or [-1])
    return to.add(replace(step, function=np.sort, args=(step.args[0],), kwargs={"axis": axis}))


def _quantile(to: _Lowering, step: Step) -> Step:
    """A quantile by any of NumPy's methods: the positions between sorted elements are NumPy's."""
    x, *given = step.args
    q = 0.5 if step.function is np.median else given[0]
    q = q.value if isinstance(q, Step) else q
    axis = step.kwargs.get("axis")
    n = x.size if axis is None else prod([x.shape[i] for i in np.atleast_1d(axis)])
    positions = np.quantile(np.arange(n), q, method=step.kwargs.get("method", "linear"))
    return to.call(step, functions.quantile, x, positions.tolist(), axis, step.shape, step.dtype)


def _summed(to: _Lowering, step: Step) -> Step | None:
    """A sum over all axes but one that is not the last, channels say: with that one last, as XLA has it in memory."""
    x, axes = step.args[0], summed_axes(step)
    kept = [i for i in range(len(x.shape)) if i not in axes]
    if len(x.shape) < 3 or len(kept) != 1 or kept[0] == len(x.shape) - 1 or not is_plain_reduction(step):
        return None
    return to.call(step, functions.summed_beside, x, kept[0], step.shape, step.dtype)


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
    np.add.reduce: _summed, np.sum: _summed,
    np.sort: _stable, np.argsort: _stable, np.partition: _sorted,
    np.pad: _settled, np.repeat: _settled, np.tile: _settled, np.roll: _settled,
    np.quantile: _quantile, np.median: _quantile,
}  # fmt: skip
"""For functions of NumPy's that are called otherwise."""
