"""The program as a Python function of NumPy calls, its elementwise work on large arrays in tiles on all cores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tinygrad_bp.backends.backend import Backend, Executable, Run
from tinygrad_bp.backends.llvm import jit
from tinygrad_bp.backends.thresholds import FUSION_ELEMENT_STEPS, FUSION_ELEMENTS, KERNEL_ELEMENT_STEPS, KERNEL_ELEMENTS
from tinygrad_bp.blocks import threads
from tinygrad_bp.modes import ignoring
from tinygrad_bp.program import Program, fuse_elementwise, sums_as_products
from tinygrad_bp.program.fusion import FusionGroup
from tinygrad_bp.source import Writer, pytext


def prepare(program: Program, inputs: Sequence[Any], expected: Sequence[Any], kernels: bool = False) -> Executable:
    """The program with its large elementwise work fused. kernels: as machine code, where a compiler is installed."""
    program = sums_as_products(program)
    elements, element_steps = FUSION_ELEMENTS, FUSION_ELEMENT_STEPS
    if kernels and jit.is_installed():
        elements, element_steps = KERNEL_ELEMENTS, KERNEL_ELEMENT_STEPS
    if program.largest >= elements:
        program = fuse_elementwise(program, elements, element_steps)
    loops: list[Any] = []

    def fused(group: FusionGroup) -> Run:
        from tinygrad_bp.backends.tiles import Tiled

        loops.append(Tiled(group, kernels))
        return loops[-1]  # type: ignore[no-any-return]

    writer = Writer(program, "numpy", pool=_pool, fused=fused, silent=False)
    module = writer.module("As it runs.")
    run = pytext.function(module.text, module.name, module.objects)
    run = ignoring(all="ignore")(run) if writer.warnings else run
    run = _partial_last(run, module.constants) if module.constants else run
    return Executable(run, run, note=_note(loops))


def _pool(shape: tuple[int, ...], dtype: Any) -> Run:
    """What gives memory for a large result."""
    from tinygrad_bp.backends.buffers import BufferPool

    return BufferPool(shape, dtype)


def _partial_last(run: Run, last: Sequence[Any]) -> Run:
    """A function whose last arguments are given."""
    return lambda *first: run(*first, *last)


def _note(loops: Sequence[Any]) -> str:
    if not loops:
        return ""
    native = sum(loop.native for loop in loops)
    note = f"{len(loops)} fusion groups in tiles on {threads()} threads"
    return note + f", {native} of them as machine code" * bool(native)


BACKEND = Backend("numpy", lambda: "", lambda program: "", prepare)
WITH_KERNELS = Backend("numpy", lambda: "", lambda program: "", partial(prepare, kernels=True))
