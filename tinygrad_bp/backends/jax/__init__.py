"""The program's source on `jax.numpy` under `jax.jit`: on whatever devices JAX has, and over a mesh of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from tinygrad_bp.backends.backend import Backend, Executable, Run, Unsupported
from tinygrad_bp.backends.jax.arrays import ARRAYS, wide
from tinygrad_bp.backends.jax.draws import SEED, seed_of
from tinygrad_bp.backends.jax.library import jax, jnp, lax
from tinygrad_bp.backends.jax.lowering import lowered
from tinygrad_bp.backends.jax.placement import Placement, placed
from tinygrad_bp.program import Program
from tinygrad_bp.source import Writer, pytext


class _GuardError(ValueError):
    """A program that was written for other values than it is given."""


def available() -> str:
    """What has to be installed; empty if nothing."""
    return "" if find_spec("jax") else "JAX is not installed (pip install 'tinygrad_bp[jax]')"


def prepare(
    program: Program, inputs: Sequence[Any], expected: Sequence[Any], placement: Placement | None = None
) -> Executable:
    """The program compiled by JAX, after it has run once on the inputs; generators draw nothing then.

    It raises TypeError and ValueError for arrays of other shapes and dtypes. placement: over a mesh of devices. Raises
    Unsupported for what JAX lacks, and MissingExtraError if it is not installed.
    """
    drawing = [isinstance(x, np.random.Generator) for x in inputs]
    given = [np.uint64(0) if draws else x for x, draws in zip(inputs, drawing, strict=True)]
    shardings = placement.shardings(program) if placement else []
    with wide():
        new, guarded, by = lowered(program)
        module = Writer(new, "jax", silent=False).module("As JAX traces it.")
        function = pytext.function(module.text, module.name, module.objects)
        constants = [jnp.asarray(x) for x in module.constants]
        checked = _checked(new, function, [type(x) in (float, complex) for x in given])
        options = placement.options(program, new, len(constants)) if placement else {}
        fast = jax.jit(checked, **options)
        try:
            lying = [placed(x, sharding) for x, sharding in zip(given, shardings, strict=True)] if placement else given
            results = fast(*lying, *constants)
        except Exception as error:  # whatever JAX raises: the program itself has just run, on the same inputs
            raise Unsupported(_explained(error)) from error
    quick = _quick(fast, drawing, constants, shardings, by if guarded else None)
    return Executable(_strict(quick), quick, checks=True, own_arrays=True, note=_devices(results))


def _checked(program: Program, function: Run, weak: Sequence[bool]) -> Run:
    """The program as JAX traces it, for the shapes and dtypes it was written for. weak: which are Python numbers."""
    inputs, outputs = program.inputs, program.outputs
    kinds = [(x.shape, SEED if x.dtype == object else x.dtype) for x in inputs]

    def traced(*given: Any) -> Any:
        if [(x.shape, x.dtype) for x in given[: len(kinds)]] != kinds:
            raise ValueError("written for other arrays: write the program again")
        strong = [x if w else lax.convert_element_type(x, x.dtype) for x, w in zip(given, weak, strict=False)]
        found = function(*strong, *given[len(kinds) :])
        results = [jnp.asarray(y) for y in (found if len(outputs) > 1 else (found,))]
        for y, step in zip(results, outputs, strict=True):
            if (y.shape, y.dtype) != (step.shape, step.dtype):
                raise Unsupported(f"a result is {y.dtype} {y.shape} there, and {step.dtype} {step.shape} on NumPy")
        return [lax.convert_element_type(y, y.dtype) for y in results]

    return traced


def _quick(
    fast: Run, drawing: Sequence[bool], constants: Sequence[Any], shardings: Sequence[Any], guards: Sequence[int] | None
) -> Run:
    """The compiled function from the program's inputs to its results, with no more than it takes on the way.

    drawing: which inputs are generators. shardings: of inputs, none where there is no mesh. guards: the inputs that
    settle whether the program holds, which the last result tells; None if it always does. To look at it takes until it
    is computed, so that it is looked at once for the same arrays: nobody writes to JAX's.
    """
    names = [f"x{i}" for i in range(len(drawing))]
    given = [f"seed_of({name})" if draws else name for name, draws in zip(names, drawing, strict=True)]
    if shardings:
        given = [f"placed({x}, sharding{i})" for i, x in enumerate(given)]
    fixed = {f"constant{i}": value for i, value in enumerate(constants)}
    placing = {"placed": placed, **{f"sharding{i}": s for i, s in enumerate(shardings)}}
    call = f"fast({', '.join([*given, *fixed])})"
    lines = [
        f"def quick({', '.join(names)}):",
        "    if config.jax_enable_x64:",
        f"        y = {call}",
        "    else:",
        "        with wide():",
        f"            y = {call}",
        *_looked_at(names, guards),
        "    return y if len(y) != 1 else y[0]",
    ]
    known = {"fast": fast, "config": jax.config, "wide": wide, "seed_of": seed_of, "GuardError": _GuardError}
    known |= {"latest": [], "lasting": ARRAYS.owns, "asarray": np.asarray}
    return pytext.function("\n".join(lines), "quick", {**known, **placing, **fixed})


def _looked_at(names: Sequence[str], guards: Sequence[int] | None) -> list[str]:
    """The lines that look at the last result, unless these inputs are the ones that passed latest."""
    if guards is None:
        return []
    by = [names[i] for i in guards]
    same = " and ".join([f"{x} is latest[{i}]" for i, x in enumerate(by)]) or "True"
    return [
        "    holds = y.pop()",
        f"    if not (latest and {same}):",
        "        if not asarray(holds):",  # which JAX's own truth takes four times as long as
        "            raise GuardError('written for other values: write the program again')",
        f"        latest[:] = [{', '.join(by)}] if {' and '.join([f'lasting({x})' for x in by]) or 'False'} else []",
    ]


def _strict(quick: Run) -> Run:
    """The same for arguments of the right kind: what JAX refuses them for is not a matter of kinds."""

    def run(*inputs: Any) -> Any:
        try:
            return quick(*inputs)
        except _GuardError:
            raise
        except ValueError as error:
            raise RuntimeError(f"JAX refuses the program's arguments: {error}") from error

    return run


def _explained(error: Exception) -> str:
    """What JAX says first."""
    first = str(error).strip().partition("\n")[0]
    return first if isinstance(error, Unsupported) else f"{type(error).__name__}: {first}"


def _devices(results: Sequence[Any]) -> str:
    """Platform and devices that the results lie on."""
    found = sorted({d for y in results for d in y.devices()}, key=lambda d: d.id)
    return f"on {found[0].platform}, {', '.join(map(str, found))}" if found else ""


BACKEND = Backend("jax", available, lambda program: "JAX is taken by name only", prepare, ARRAYS)


def on(placement: Placement | None) -> Backend:
    """The backend, over a mesh of devices if there is one."""
    return BACKEND if placement is None else replace(BACKEND, prepare=partial(prepare, placement=placement))
