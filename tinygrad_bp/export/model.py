"""`onnx`: a function, with its gradients if it has them, as an ONNX model."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_bp.compile.specialization import Call
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, ExportError, TinygradError
from tinygrad_bp.export.batch import with_any_batch
from tinygrad_bp.export.library import library
from tinygrad_bp.export.rules import rule
from tinygrad_bp.export.writer import DOMAIN, IR_VERSION, OPSET, Writer
from tinygrad_bp.files import write_whole
from tinygrad_bp.program import NumbersNeeded, Program, Step, optimized, traced
from tinygrad_bp.program.step import CONSTANT, GUARD, INPUT
from tinygrad_bp.trees import flatten, paths

Function = Callable[..., Any]


def onnx(
    f: Function, *examples: Any, path: str | os.PathLike[str] | None = None, names: Sequence[str] | None = None
) -> Any:
    """An ONNX model of f: a layer, a function of arrays, `value_and_grad(loss)`, or a whole step of training.

    f is traced on the examples, as `compile` does it: arrays, Python's floats and containers of them are inputs of the
    model, under the names of parameters, keys and attributes; ints and strings are part of it, and so are tensors that
    f uses without being given them, such as the weights of a layer. Results are named as the program has them (C, dW1),
    by their key (new_W1 for a result that is an input again), or by `names`, in order. The model has the shapes of the
    examples; but the first axis of the arrays that are as long as the last one is of any length, "batch", where what
    changes for more examples are numbers that follow from their count, such as that of a mean. Where a branch depended
    on values, others give NaN. The values in the model have the names and scopes of the tensors.

    path: a file to write, whole or not at all. Raises ExportError for what has no form in ONNX, with its name;
    MissingExtraError without the extra `onnx`.

    >>> import tinygrad_bp as tg
    >>> W, x = np.ones((3, 2)), np.ones((5, 3))
    >>> model = tg.export.onnx(tg.value_and_grad(lambda W, x: tg.sum(tg.tanh(x @ W))), W, x)
    >>> [node.op_type for node in model.graph.node][:3], [y.name for y in model.graph.output]
    (['MatMul', 'Tanh', 'ReduceSum'], ['C', 'dW'])
    """
    library()
    if not callable(f):
        raise ArgumentError(f"onnx: expected a function or a layer; got {type(f).__name__}.")
    made = _traced(f, examples)
    model = written(made.program, made.named(names))
    batch = _batch(examples)
    if batch:
        longer = [_longer(f, examples, batch, more) for more in (1, 2)]
        models = [model, *[written(one.program, one.named(names)) for one in longer if one is not None]]
        if len(models) == 3:
            model = with_any_batch(models, [batch, batch + 1, batch + 2])
    library().checker.check_model(model, full_check=True)
    if path is not None:
        write_whole(Path(path), model.SerializeToString(deterministic=True))
    return model


class _Traced(NamedTuple):
    """A program, and the ways to its results in what the function returned."""

    program: Program
    ways: Sequence[str]

    def named(self, names: Sequence[str] | None) -> list[str]:
        """A name for every result: the given one, the program's, or its key."""
        program = self.program
        if names is not None:
            if len({*names}) != len(names) or len(names) != len(program.outputs):
                raise ArgumentError(
                    f"onnx: there are {len(program.outputs)} results, and names for each are needed; got {names!r}."
                )
            return list(names)
        taken = {program.names[x] for x in program.inputs}
        found: list[str] = []
        for y, gradient, way in zip(program.outputs, program.gradients, self.ways, strict=True):
            told = gradient or (program.names.get(y) if y not in program.inputs else "") or _key(way, program, y)
            told = f"new_{told}" if told in taken else told
            found.append(told if told not in found else f"{told}_{len(found)}")
        return found


def _key(way: str, program: Program, y: Step) -> str:
    """['net']['W1'] is W1; without a key it is an input, if it is computed from one that is like it; [0] is y0."""
    keys: list[tuple[str, str]] = re.findall(r"\['([^']*)'\]|\.(\w+)", way)
    if keys:
        return "".join(keys[-1])
    alike = [x for x in y.operands if x in program.inputs and (x.shape, x.dtype) == (y.shape, y.dtype)]
    return program.names[alike[0]] if len(alike) == 1 else "y" + "".join(re.findall(r"\d+", way))


def _traced(f: Function, examples: Sequence[Any]) -> _Traced:
    """The program of f for these examples."""
    needed: dict[Any, Any] = {}
    while True:
        call = Call.of(tuple(examples), {}, needed)
        ways: list[str] = []

        def on_tensors(*tensors: Any, call: Call = call, ways: list[str] = ways) -> list[Any]:
            args, kwargs = call.with_values(tensors)
            returned = f(*args, **kwargs)
            pairs = list(zip(flatten(returned)[0], paths(returned), strict=True))
            ways[:] = [way for leaf, way in pairs if isinstance(leaf, Node | np.ndarray | np.generic)]
            return [leaf for leaf, _ in pairs if isinstance(leaf, Node | np.ndarray | np.generic)]

        given = list(zip(call.names(f), call.values, strict=True))
        for name, x in given:
            if isinstance(x, np.random.Generator):
                raise ExportError(
                    f"onnx: {name} draws random numbers, and none that are NumPy's have a form in ONNX. Give what is "
                    "drawn as an argument; layers draw nothing after eval()."
                )
        try:
            program, _ = traced(on_tensors, getattr(f, "__name__", type(f).__name__), given)
        except NumbersNeeded as error:
            places = frozenset([call.dynamic[i] for i in error.places])
            needed[call.structure] = needed.get(call.structure, frozenset()) | places
            continue
        return _Traced(optimized(program), ways)


def _batch(examples: Sequence[Any]) -> int:
    """How long the arrays of examples are that come last, after parameters; 0 if that is not clear."""
    lengths = [x.shape[0] for x in examples if isinstance(x, np.ndarray) and x.ndim]
    return lengths[-1] if lengths and (lengths[-1] > 1 or len({*lengths}) == 1) else 0


def _longer(f: Function, examples: Sequence[Any], batch: int, more: int) -> _Traced | None:
    """The program for more examples; None if there is none."""
    alike = [isinstance(x, np.ndarray) and x.ndim > 0 and x.shape[0] == batch for x in examples]
    rows = np.arange(batch + more) % batch
    try:
        return _traced(f, [x[rows] if of_batch else x for x, of_batch in zip(examples, alike, strict=True)])
    except (TinygradError, ValueError, TypeError, IndexError):
        return None


def written(program: Program, results: Sequence[str]) -> Any:
    """A program as an ONNX model. results: their names."""
    writer = Writer(rule)
    helper = writer.onnx.helper
    given = program.inputs[: len(program.inputs) - len(program.captured)]
    names = _unique(program, results)
    for step in given:
        writer.values[step] = names[step]
    for step, tensor in zip(program.inputs[len(given) :], program.captured, strict=True):
        writer.values[step] = writer.initializer(tensor.value, names[step], fixed=True)
    writer.program(program, names)
    _outputs(writer, program, results)
    inputs = [writer.told(names[x], x) for x in given]
    outputs = [writer.told(name, y) for name, y in zip(results, program.outputs, strict=True)]
    graph = helper.make_graph(writer.nodes, program.name, inputs, outputs, writer.initializers)
    functions = [*writer.functions.values()]
    opsets = [helper.make_opsetid("", OPSET), *[helper.make_opsetid(DOMAIN, 1)] * bool(functions)]
    return helper.make_model(
        graph, functions=functions, opset_imports=opsets, ir_version=IR_VERSION, producer_name=DOMAIN,
    )  # fmt: skip


def _unique(program: Program, results: Sequence[str]) -> dict[Step, str]:
    """The names of a program's values: inputs first, then results, then what else has one; no two alike."""
    names: dict[Step, str] = {}
    taken = {*results}
    if not any(step.opcode == GUARD for step in program.steps):
        for y, name in zip(program.outputs, results, strict=True):
            if y.opcode not in (INPUT, CONSTANT):
                names.setdefault(y, name)
    for step in [*program.inputs, *[step for step in program.steps if step in program.names]]:
        if step not in names:
            names[step] = _free(program.names[step], taken)
    return names


def _free(name: str, taken: set[str]) -> str:
    free, i = name, 1
    while free in taken:
        i += 1
        free = f"{name}_{i}"
    taken.add(free)
    return free


def _outputs(writer: Writer, program: Program, results: Sequence[str]) -> None:
    """The results under their names; NaN where the program does not hold."""
    holds, writer.label, writer.scope = "", "guard", ""
    for condition in writer.conditions:
        each = writer.node("ReduceMin", writer.cast(condition, np.int32), keepdims=0)
        holds = writer.node("Mul", holds, each) if holds else each
    if holds:
        holds = writer.cast(holds, np.bool_)
    for y, name in zip(program.outputs, results, strict=True):
        writer.label, writer.scope = name, program.scopes.get(y, "")
        value = writer.array(y)
        if holds and y.dtype.kind != "f":
            raise writer.refused(y, f"it holds only for some values, and {y.dtype} has no NaN for the others")
        if holds:
            writer.node("Where", holds, value, writer.constant(np.asarray(np.nan, y.dtype)), name=name)
        elif value != name:
            writer.node("Identity", value, name=name)
