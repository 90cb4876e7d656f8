"""A first axis of any length, where the model for other lengths differs only in numbers that follow from the length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from tinygrad_bp.export.library import library
from tinygrad_bp.program.step import uniform

AXIS = "batch"


def with_any_batch(models: Sequence[Any], lengths: Sequence[int]) -> Any:
    """The first of three models with "batch" for the length that differs between them; itself if more differs.

    Constants that follow from the length, n·k, k/n, places in so many examples, are computed from it.
    """
    new = library().ModelProto()
    new.CopyFrom(models[0])
    if any([*model.functions] != [*new.functions] for model in models):
        return models[0]
    freed = _Freed(new.graph, models, lengths)
    if not freed.nodes([new.graph, *[model.graph for model in models[1:]]]):
        return models[0]
    nodes = [*freed.made, *new.graph.node]
    del new.graph.node[:]
    new.graph.node.extend(nodes)
    kept = [x for x in [*new.graph.initializer, *freed.initializers] if x.name in freed.used]
    del new.graph.initializer[:]
    new.graph.initializer.extend(kept)
    return new


@final
class _Freed:
    """In the place of constants that differ, `made`, nodes, and `initializers`. used: the names that are read."""

    def __init__(self, graph: Any, models: Sequence[Any], lengths: Sequence[int]):
        self.onnx = library()
        self.lengths = np.asarray(lengths)
        self.constants = [{x.name: self.onnx.numpy_helper.to_array(x) for x in m.graph.initializer} for m in models]
        self.made: list[Any] = []
        self.initializers: list[Any] = []
        self.used: set[str] = {y.name for y in graph.output}
        self._known: dict[Any, str | None] = {}
        self._taken = {name for node in graph.node for name in [*node.input, *node.output]}
        self._taken |= {x.name for x in [*graph.input, *graph.initializer]}
        firsts = zip(*[m.graph.input for m in models], strict=True)
        self.of = next(xs[0].name for xs in firsts if [_first(x) for x in xs] == [*lengths])

    def nodes(self, graphs: Sequence[Any]) -> bool:
        """Whether the nodes are alike but for such constants, which are then replaced in the first graph."""
        if len({len(graph.node) for graph in graphs}) > 1:
            return False
        for alike in zip(*[graph.node for graph in graphs], strict=True):
            if not self._node(alike):
                return False
        for values in zip(*[[*graph.input, *graph.output] for graph in graphs], strict=True):
            self._dimensions(values)
        return True

    def _node(self, alike: Sequence[Any]) -> bool:
        node = alike[0]
        parts = [[a.g for a in other.attribute if a.type == self.onnx.AttributeProto.GRAPH] for other in alike]
        if len({_settings(self.onnx, other) for other in alike}) > 1:
            return False
        if not all(self.nodes(graphs) for graphs in zip(*parts, strict=True)):
            return False
        for i, names in enumerate(zip(*[other.input for other in alike], strict=True)):
            name = self._operand(node.op_type, i, names)
            if name is None:
                return False
            node.input[i] = name
            self.used.add(name)
        return True

    def _operand(self, kind: str, i: int, names: Sequence[str]) -> str | None:
        if not all(name in known for name, known in zip(names, self.constants, strict=True)):
            return names[0] if len({*names}) == 1 else None
        arrays = [known[name] for name, known in zip(names, self.constants, strict=True)]
        if len({(x.shape, x.dtype, x.tobytes()) for x in arrays}) == 1:
            return names[0]
        if kind == "Reshape" and i == 1 and len({x.shape for x in arrays}) == 1 and -1 not in arrays[0]:
            same = (arrays[0] == arrays[1]) & (arrays[0] == arrays[2])
            if np.sum(~same) == 1:  # the one number that the others leave
                return self._constant(np.where(same, arrays[0], -1), names[0])
        key = tuple([(x.shape, str(x.dtype), x.tobytes()) for x in arrays])
        if key not in self._known:
            self._known[key] = self._computed(arrays)
        return self._known[key]

    def _dimensions(self, values: Sequence[Any]) -> None:
        """The batch among the dimensions of a value; what else differs is not told."""
        for dims in zip(*[x.type.tensor_type.shape.dim for x in values], strict=True):
            numbers = [d.dim_value for d in dims]
            if numbers == self.lengths.tolist():
                dims[0].dim_param = AXIS
            elif len({*numbers}) > 1:
                dims[0].ClearField("dim_value")

    # --- constants ---

    def _computed(self, arrays: Sequence[Any]) -> str | None:
        """A constant from the length, or None: alike elements, places, or numbers by a formula."""
        if len({x.shape for x in arrays}) == 1:
            return self._numbers(arrays)
        number = uniform(arrays[0])
        if number is not None and all(x.size and uniform(x) == number for x in arrays):
            shape = self._numbers([np.asarray(x.shape, np.int64) for x in arrays])
            value = self.onnx.numpy_helper.from_array(np.full(1, number, arrays[0].dtype), "value")
            return None if shape is None else self._add("ConstantOfShape", shape, value=value)
        return self._rows(arrays)

    def _rows(self, arrays: Sequence[Any]) -> str | None:
        """Places in a flat array of examples: for every example those of the first, and as much more for each."""
        if any(x.dtype != np.int64 or x.ndim == 0 or x.size % n for x, n in zip(arrays, self.lengths, strict=True)):
            return None
        rows = [x.reshape(n, -1) for x, n in zip(arrays, self.lengths, strict=True)]
        first, step = rows[0][0], int(rows[2][1, 0] - rows[2][0, 0])
        steps = [step * np.arange(n)[:, None] for n in self.lengths]
        if not step or not all(np.array_equal(x, first + more) for x, more in zip(rows, steps, strict=True)):
            return None
        end = self._add("Mul", self._length(np.dtype(np.int64)), self._constant(np.int64(step)))
        starts = self._add("Range", self._constant(np.int64(0)), end, self._constant(np.int64(step)))
        column = self._add("Unsqueeze", starts, self._constant(np.array([1])))
        shape = self._constant(np.array([-1, *arrays[0].shape[1:]]))
        return self._add("Reshape", self._add("Add", column, self._constant(first)), shape)

    def _numbers(self, arrays: Sequence[Any]) -> str | None:
        """k·n + c, or k/n where these are floating."""
        dtype, floating = np.asarray(arrays[0]).dtype, np.asarray(arrays[0]).dtype.kind == "f"
        if not floating and dtype != np.int64:
            return None
        values = np.stack(arrays)
        n = self.lengths.reshape(-1, *[1] * (values.ndim - 1)).astype(dtype)
        if floating and _near(values * n, values[0] * n[0]):
            return self._add("Div", self._constant(values[0] * n[0]), self._length(dtype))
        slope = (values[1] - values[0]) / (n[1] - n[0])
        rest = values[0] - slope * n[0]
        slope, rest = [x.astype(dtype) if floating else np.rint(x).astype(dtype) for x in (slope, rest)]
        if not _near(values, slope * n + rest):
            return None
        part = self._add("Mul", self._length(dtype), self._constant(slope))
        return self._add("Add", part, self._constant(rest)) if np.any(abs(rest) > 1e-9) else part

    def _length(self, dtype: Any) -> str:
        """The length of the batch as a number."""
        name = self._known.get(dtype)
        if name is None:
            if dtype == np.int64:
                name = self._add("Squeeze", self._add("Shape", self.of, start=0, end=1), name=AXIS)
            else:
                kind = self.onnx.helper.np_dtype_to_tensor_dtype(dtype)
                name = self._add("Cast", self._length(np.dtype(np.int64)), to=kind)
            self._known[dtype] = name
        return name

    def _add(self, kind: str, *inputs: str, name: str = "", **settings: Any) -> str:
        name = self._free(name or f"{AXIS}/{kind}")
        self.made.append(self.onnx.helper.make_node(kind, inputs, [name], name=name, **settings))
        self.used |= {*inputs}
        return name

    def _constant(self, value: Any, name: str = f"{AXIS}/constant") -> str:
        name = self._free(name)
        self.initializers.append(self.onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def _free(self, name: str) -> str:
        free, i = name, 1
        while free in self._taken:
            i += 1
            free = f"{name}_{i}"
        self._taken.add(free)
        return free


def _first(value: Any) -> int | None:
    dims = value.type.tensor_type.shape.dim
    return int(dims[0].dim_value) if dims else None


def _settings(onnx: Any, node: Any) -> bytes:
    """All of a node but what it is given and the graphs inside of it."""
    rest = onnx.NodeProto()
    rest.CopyFrom(node)
    del rest.input[:]
    outer = [a for a in node.attribute if a.type != onnx.AttributeProto.GRAPH]
    del rest.attribute[:]
    rest.attribute.extend(outer)
    return bytes(rest.SerializeToString(deterministic=True))


def _near(a: Any, b: Any) -> bool:
    """Equal but for the rounding of a few operations."""
    exact = np.asarray(a).dtype.kind != "f"
    return bool(np.all(a == b) if exact else np.allclose(a, b, rtol=8 * np.finfo(np.asarray(a).dtype).eps, atol=0))
