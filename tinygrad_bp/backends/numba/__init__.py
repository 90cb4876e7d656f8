"""The program's source compiled by Numba, kept on disk for the next process."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_bp.backends.backend import Backend, Executable, Run, Unsupported
from tinygrad_bp.backends.numba.cache import StoredCode, program_name
from tinygrad_bp.backends.numba.functions import numba_numpy
from tinygrad_bp.backends.numba.kernels import Kernel, numba_itself
from tinygrad_bp.backends.numba.lowering import lowered, missing
from tinygrad_bp.backends.thresholds import LOOP_MULTIPLICATIONS, NUMBA_ELEMENTS, NUMBA_OPERATIONS
from tinygrad_bp.program import Program, Step
from tinygrad_bp.program.loop import Loop, with_bodies
from tinygrad_bp.program.step import UFUNC
from tinygrad_bp.source import Module, Writer, pytext

_DTYPES = (np.float64, np.int64, np.uint64, np.bool_)


def available() -> str:
    """What has to be installed; empty if nothing."""
    return "" if find_spec("numba") else "Numba is not installed (pip install 'tinygrad_bp[jit]')"


def obstacle(program: Program) -> str:
    """What makes a program NumPy's rather than Numba's; empty if nothing does."""
    if not all(step.pure for step in program.steps):
        return "it draws random numbers"
    loops = [step.function.body for step in program.steps if isinstance(step.function, Loop)]
    if max([body.largest for body in loops or [program]]) > NUMBA_ELEMENTS:  # calls cost most where they are repeated
        return "the arrays are large enough for NumPy"
    if sum([len(part.operations) for part in (program, *loops)]) > NUMBA_OPERATIONS:
        return f"Numba takes long to compile more than {NUMBA_OPERATIONS} operations"
    return _unknown(program) or _lacking(lowered(program))


def _unknown(program: Program) -> str:
    """The first step with numbers of a kind that programs have not here; empty if there is none."""
    for step in with_bodies(program):
        if step.dtype is not None and step.dtype not in _DTYPES:
            name = program.names.get(step) or step.called or step.opcode
            return f"{name} has dtype {step.dtype}, and Numba computes in float64"
    return ""


def _lacking(program: Program) -> str:
    """The first step of a lowered program that Numba is known to lack; empty if there is none."""
    found = next(filter(None, map(missing, program.operations)), "")
    return found and f"{found}: Numba has no such function, or none for such arrays"


def prepare(program: Program, inputs: Sequence[Any], expected: Sequence[Any]) -> Executable:
    """The program as machine code, after it has given the expected results once.

    inputs: those of captured tensors too. It takes arrays that may lie in memory in any way, or quicker, such as lie
    like the inputs; then it raises TypeError and ValueError for all others.
    """
    numba = numba_itself()
    from numba.core.compiler_lock import global_compiler_lock

    program = _lowered(program)
    written = Writer(program, "numba").module("As Numba compiles it.")
    given, space = list(inputs), [np.empty(y.shape, y.dtype) for y in _results(program)[1].values()]
    text = f"{_checked(program, written)}\n\n{_filling(program, written)}"
    with global_compiler_lock, pytext.module(text, program_name(text)) as module:
        fill = numba.njit(error_model="numpy")(getattr(module, f"_fill_{written.name}"))
        stored = StoredCode(fill, [*given, *written.constants, *space])
        restored = stored.restore()
        if not restored:
            _quieten()
            _complete(module, program, written)
        quick = _quick(program, fill, written.constants)
        try:
            got = quick(*given)
        except Exception as error:  # whatever Numba raises: the program itself has just run, on the same inputs
            raise Unsupported(_explained(error, text, written)) from error
        _require_equal(got if len(expected) != 1 else (got,), expected)
        if not restored:
            stored.keep()
    fill.disable_compile()
    orders: list[Any] = ["F" if np.ndim(x) and np.isfortran(x) else "C" for x in given]
    return Executable(lambda *first: quick(*map(_laid, first, orders)), quick, checks=True, python_numbers=True)


def _quieten() -> None:
    """Have Numba not say that a product in one of our programs copies a strided array: it is not the user's to change.

    A filter rather than a block of `catch_warnings`, which is every thread's. Numba gives such a program's file, which
    `pytext` names, as the module.
    """
    category = numba_itself().NumbaPerformanceWarning
    warnings.filterwarnings("ignore", category=category, module="<tinygrad_bp ")


def _lowered(program: Program) -> Program:
    """The program in calls that Numba compiles, as far as one can tell without trying; raises Unsupported."""
    if not all(step.pure for step in program.steps):
        raise Unsupported("trying it out would draw random numbers that the caller's generator then lacks")
    if any(step.dtype in (np.float16, np.float32) for step in with_bodies(program)):
        raise Unsupported("Numba computes in float64")
    program = lowered(program)
    lacking = _lacking(program)
    if lacking:
        raise Unsupported(lacking)
    return program


def _laid(x: Any, order: Any) -> Any:
    """A copy of an array in this order; a number as it is."""
    return np.array(x, order=order) if np.ndim(x) else x


def _complete(module: ModuleType, program: Program, written: Module) -> None:
    """Give the module what its functions call: Numba's versions of helpers and of NumPy, and the program itself."""
    numba = numba_itself()
    for function, name in written.helpers.items():
        helper = (
            function.compiled
            if isinstance(function, Kernel)
            else numba.njit(error_model="numpy")(getattr(module, name))
        )
        setattr(module, name, helper)
    steps = with_bodies(program)
    used = frozenset([step.function.__name__ for step in steps if step.opcode == UFUNC])
    vars(module)["np"] = numba_numpy(used & {"exp", "tanh"}, blas=not all(map(_is_for_loops, steps)))
    run = numba.njit(error_model="numpy")(inspect.unwrap(getattr(module, written.name)))
    vars(module)[f"_run_{written.name}"] = run


def _is_for_loops(step: Step) -> bool:
    """Whether a step is no product of matrices, or one so small that BLAS is not needed."""
    if step.function is not np.dot:
        return True
    a, b = step.args
    return len(a.shape) == len(b.shape) == 2 and step.size * a.shape[-1] <= LOOP_MULTIPLICATIONS


def _checked(program: Program, written: Module) -> str:
    """The source with a check of the arguments' shapes, which Numba does not tell apart by itself."""
    arguments = written.text.partition(f"def {written.name}(")[2].partition(")")[0].split(", ")
    named = zip(arguments, program.inputs, strict=False)
    tests = [f"{name}.shape != {step.shape}" for name, step in named if step.shape]
    head, quotes, body = written.text.rpartition('"""\n')
    check = f"    if {' or '.join(tests)}:\n        raise ValueError('written for other shapes')\n" if tests else ""
    return f"{head}{quotes}{check}{body}"


def _filling(program: Program, written: Module) -> str:
    """A function that runs the program, copies its arrays to memory that is there, and returns its numbers.

    Numba takes twice as long to hand over an array of its own as NumPy takes to make one.
    """
    given = [f"x{i}" for i in range(len(program.inputs) + len(written.constants))]
    numbers, arrays = _results(program)
    lines = [
        f"def _fill_{written.name}({', '.join([*given, *[f'to_{y}' for y in arrays]])}):",
        f"    {', '.join([f'y{i}' for i in range(len(program.outputs))])} = _run_{written.name}({', '.join(given)})",
    ]
    for y, step in arrays.items():
        at = ", ".join([f"i{axis}" for axis in range(len(step.shape))])
        lines += ["    " * (axis + 1) + f"for i{axis} in range({n}):" for axis, n in enumerate(step.shape)]
        lines += ["    " * (len(step.shape) + 1) + f"to_{y}[{at}] = {y}[{at}]"]
    return "\n".join([*lines, f"    return {', '.join(numbers)}"]) + "\n"


def _quick(program: Program, fill: Run, constants: Sequence[Any]) -> Run:
    """The program as a function of its inputs, arrays that lie in memory like those it is first called with."""
    given = [f"x{i}" for i in range(len(program.inputs))]
    numbers, arrays = _results(program)
    fixed = {f"constant{i}": value for i, value in enumerate(constants)}
    dtypes = {step.dtype.name: step.dtype for step in arrays.values()}
    lines = [
        f"def quick({', '.join(given)}):",
        *[f"    {y} = empty({step.shape}, {step.dtype.name})" for y, step in arrays.items()],
        f"    {', '.join(numbers) or '_'} = fill({', '.join([*given, *fixed, *arrays])})",
        f"    return {', '.join([f'y{i}' for i in range(len(program.outputs))])}",
    ]
    space: dict[str, Any] = {"empty": np.empty, "fill": fill, **dtypes, **fixed}
    return pytext.function("\n".join(lines), "quick", space)


def _results(program: Program) -> tuple[list[str], dict[str, Step]]:
    """Names for what a program gives: numbers, and arrays."""
    named = {f"y{i}": step for i, step in enumerate(program.outputs)}
    return [y for y, step in named.items() if not step.shape], {y: step for y, step in named.items() if step.shape}


def _explained(error: Exception, source: str, written: Module) -> str:
    """What Numba says first, and the line it is about; where it tells none, the functions that may have it."""
    message = str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip() and "Failed in" not in line]
    told = re.search(r'program_\w+[^"\n]*?(?:", line | \()(\d+)', message)
    own = [name for function, name in written.helpers.items() if not isinstance(function, Kernel)]
    where = f"`{source.splitlines()[int(told[1]) - 1].strip()}`" if told else ", ".join(own) or written.name
    return f"{where}: {lines[0].partition(' Raised from')[0] if lines else type(error).__name__}"


def _require_equal(got: Sequence[Any], expected: Sequence[Any]) -> None:
    for g, e in zip(got, expected, strict=True):
        g, e = np.asarray(g), np.asarray(e)
        if g.shape != e.shape or g.dtype != e.dtype or not np.allclose(g, e, rtol=1e-7, atol=1e-9, equal_nan=True):
            raise Unsupported("Numba's results differ from NumPy's")


BACKEND = Backend("numba", available, obstacle, prepare)
