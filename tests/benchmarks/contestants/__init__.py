"""Who takes part: a page per library, each with its own way to write the same training step."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..program import Program
from ..workloads import BINARY, CHAIN, CLASSES, IMAGES, MARGIN, SQUARES

ARRAYS = frozenset({BINARY, CLASSES, CHAIN, SQUARES, IMAGES})


@dataclass(frozen=True)
class Contestant:
    """`entry` is "page:function", imported only when its turn comes; `optional` ones take part when asked."""

    name: str
    label: str
    entry: str
    package: str
    kinds: frozenset[str] = ARRAYS
    optional: bool = False

    def program(self, problem: Any) -> Program:
        page, function = self.entry.split(":")
        build: Callable[[Any], Program] = getattr(import_module(f"{__name__}.{page}"), function)
        return build(problem)


CONTESTANTS = (
    Contestant("numpy", "hand-written NumPy", "by_hand:program", "numpy", ARRAYS | {MARGIN}),
    Contestant("tinygrad", "tinygrad_bp", "tinygrad_eager:program", "tinygrad_bp", ARRAYS | {MARGIN}),
    Contestant("compiled", "tinygrad_bp compiled", "tinygrad_compiled:automatic", "tinygrad_bp"),
    Contestant("compiled_numpy", "compiled on NumPy", "tinygrad_compiled:on_numpy", "tinygrad_bp"),
    Contestant("compiled_jax", "compiled on JAX", "tinygrad_compiled:on_jax", "tinygrad_bp"),
    Contestant("torch", "torch eager", "with_torch:eager", "torch"),
    Contestant("torch_compile", "torch.compile", "with_torch:compiled", "torch", optional=True),
    Contestant("jax", "jax.jit", "with_jax:program", "jax"),
    Contestant("autograd", "autograd", "with_autograd:program", "autograd"),
    Contestant("mygrad", "MyGrad", "with_mygrad:program", "mygrad"),
    Contestant("micrograd", "micrograd", "with_micrograd:program", "micrograd", frozenset({MARGIN})),
)
