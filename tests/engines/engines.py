"""The engines: functions from a program, its inputs and NumPy's results to the engine's own results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinygrad_bp.backends import BACKENDS
from tinygrad_bp.program import Program
from tinygrad_bp.source import module

Engine = Callable[[Program, Sequence[Any], Sequence[Any]], Sequence[Any]]


def _text(program: Program, inputs: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
    """The source that people read, alone in a namespace."""
    space: dict[str, Any] = {}
    written = module(program)
    exec(written.text, space)
    results = space[written.name](*inputs, *written.constants)
    return [results] if len(values) == 1 else list(results)


def _backend(name: str) -> Engine:
    def run(program: Program, inputs: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
        results = BACKENDS[name].prepare(program, inputs, values).run(*inputs)
        return [results] if len(values) == 1 else list(results)

    return run


ENGINES: Mapping[str, tuple[Sequence[str], Engine]] = {
    "NumPy": (("numpy",), _text),
    "Numba": (("numba",), _backend("numba")),
    "JAX": (("jax", "jaxlib"), _backend("jax")),
}
"""By the head of the column: the packages whose versions matter, and the engine."""
