"""Where the arrays of a program lie in a mesh of devices: inputs by name, results where the inputs they replace are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.backends.jax.library import jax
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.program import Program, Step

Axes = str | None | tuple[Any, ...]
"""How an array is split: the mesh's axis for its first axis, or one, or None, for each."""


@final
@dataclass(frozen=True, slots=True)
class Placement:
    """mesh: of devices, with names for its axes. sharded: how the inputs of these names are split; others are whole on
    every device. names: of the first inputs, where they are not the program's; the others have none then."""

    mesh: Any
    sharded: Mapping[str, Axes]
    names: Sequence[str] | None = None

    @property
    def devices(self) -> Any:
        """The mesh as one in which JAX finds out by itself how results are split."""
        auto = (jax.sharding.AxisType.Auto,) * len(self.mesh.axis_names)
        return jax.sharding.Mesh(self.mesh.devices, self.mesh.axis_names, axis_types=auto)

    def shardings(self, program: Program) -> list[Any]:
        """The sharding of every input. Raises ArgumentError for a name without input, and for a split with a rest."""
        own = [program.names.get(step, "") for step in program.inputs]
        names = own if self.names is None else [*self.names, *[""] * (len(own) - len(self.names))]
        unknown = [name for name in self.sharded if name not in names]
        if unknown:
            raise ArgumentError(
                f"sharded: {program.name} has no argument {unknown[0]!r}; it has {', '.join(filter(None, names))}."
            )
        return [self._sharding(name, step) for name, step in zip(names, program.inputs, strict=True)]

    def _sharding(self, name: str, step: Step) -> Any:
        axes = self.sharded.get(name)
        parts = (axes,) if isinstance(axes, str) else axes or ()
        sizes = dict(zip(self.mesh.axis_names, self.mesh.devices.shape, strict=True))
        for i, axis in enumerate(parts):
            if axis is None:
                continue
            if axis not in sizes:
                raise ArgumentError(f"sharded[{name!r}]: the mesh has the axes {', '.join(sizes)}; got {axis!r}.")
            if i >= len(step.shape) or step.shape[i] % sizes[axis]:
                raise ArgumentError(
                    f"sharded[{name!r}]: axis {i} of {name} {step.shape} cannot be split into {sizes[axis]} parts of "
                    f"one length. Choose a length that {sizes[axis]} divides, or leave the name out."
                )
        return jax.sharding.NamedSharding(self.devices, jax.sharding.PartitionSpec(*parts))

    def options(self, program: Program, new: Program, constants: int) -> dict[str, Any]:
        """The settings of `jit`: a result that takes the place of an input lies as that does."""
        shardings = self.shardings(program)
        whole = jax.sharding.NamedSharding(self.devices, jax.sharding.PartitionSpec())
        places = dict(zip(new.inputs, shardings, strict=True))
        results = [_replaces(y, places) for y in new.outputs]
        return {"in_shardings": (*shardings, *[whole] * constants), "out_shardings": results}


def placed(x: Any, sharding: Any) -> Any:
    """An argument as an array of the mesh; what lies right is passed on, and so are Python's numbers."""
    if isinstance(x, float | complex) and not isinstance(x, np.generic):
        return x
    if isinstance(x, jax.Array):
        return x if x.sharding == sharding else jax.device_put(x, sharding)
    array = np.asarray(x)  # every process has the whole of it
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])


def _replaces(y: Step, places: Mapping[Step, Any]) -> Any:
    """The sharding of the inputs that a result is computed from by steps of its shape and dtype; None if they differ.

    A parameter is such an input of its new value, and its state of its new state.
    """
    found, pending, seen = [], [y], {y}
    while pending:
        step = pending.pop()
        if step in places:
            found.append(places[step])
        new = {x for x in step.operands if (x.shape, x.dtype) == (y.shape, y.dtype)} - seen
        seen |= new
        pending += new
    return found[0] if found and all(sharding == found[0] for sharding in found) else None
