"""A program written down as the nodes of an ONNX graph, under the names that its values have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, final

import numpy as np

from tinygrad_bp.errors import ExportError
from tinygrad_bp.export.library import library
from tinygrad_bp.program import Program, Step
from tinygrad_bp.program.step import CONSTANT, GUARD, INPUT, mapped, uniform
from tinygrad_bp.program.tracer import TracedArray, Tracer
from tinygrad_bp.source.expressions import numpy_path

OPSET, IR_VERSION = 20, 9
"""Versions of the operators and of the file format: of 2023, so that whatever runs models reads them."""

DOMAIN = "tinygrad_bp"
"""Where the functions of a model belong that ONNX has no operator for."""

LARGE = 64
"""A constant of so many equal elements is one number and a shape."""


class Rule(Protocol):
    """How a step is written: it adds nodes and gives the name of the value that is the step's result."""

    def __call__(self, writer: Writer, step: Step) -> str:
        """Write the step."""


@final
class Writer:
    """Nodes, constants and functions of a model while they are written.

    rule: finds the rule for a step, None if there is none. values: the names of what steps give; results: of steps that
    give several. conditions: the values that tell whether the program holds.
    """

    def __init__(self, rule: Callable[[Step], Rule | None]):
        self.rule = rule
        self.onnx: Any = library()
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.functions: dict[Any, Any] = {}
        self.values: dict[Step, str] = {}
        self.results: dict[Step, Sequence[str]] = {}
        self.conditions: list[str] = []
        self.label: str = ""
        self.scope: str = ""
        self.in_function = False
        self._taken: set[str] = set()
        self._constants: dict[Any, str] = {}
        self._alive: list[Any] = []

    def program(self, program: Program, names: Mapping[Step, str]) -> None:
        """Write every step of a program whose inputs have values. names: of the steps that have one."""
        guards = {step: "guard" for step in program.steps if step.opcode == GUARD}
        labels, scopes = _carried_back(program, {**guards, **names}), _carried_back(program, program.scopes)
        self._taken |= {*names.values()}
        for step in program.steps:
            if step.opcode == CONSTANT and step in names and step not in self.values:
                self.values[step] = self.initializer(step.value, names[step], fixed=True)
            elif step.opcode not in (INPUT, CONSTANT):
                self.label, self.scope = labels[step], scopes[step]
                self.step(step, names.get(step))

    def step(self, step: Step, name: str | None = None) -> None:
        """Write one step. name: of its result."""
        if step.opcode == GUARD:
            self.conditions.append(self._condition(step))
            return
        rule = self.rule(step)
        if rule is None:
            raise self.refused(step)
        first = len(self.nodes)
        try:
            value = rule(self, step)
        except ExportError:
            raise
        except (TypeError, ValueError, NotImplementedError) as error:
            raise self.refused(step, str(error)) from error
        if name is not None and len(self.nodes) > first and value == self.nodes[-1].output[0]:
            value = self._renamed(self.nodes[-1], name)
        elif name is not None:
            value = self.node("Identity", value, name=name)
        self.values[step] = value

    def refused(self, step: Step, reason: str = "") -> ExportError:
        """The error for a step that has no form in ONNX."""
        path = numpy_path(step.function)
        called = path or step.called or step.opcode
        return ExportError(
            f"onnx: {called}, on the way to {self.label or 'the result'}, has no form in ONNX"
            f"{f' ({reason})' if reason else ''}. Leave it out of what is exported, or compute it in other functions."
        )

    # --- values ---

    def node(self, kind: str, *inputs: str, name: str = "", domain: str = "", outputs: int = 1, **settings: Any) -> str:
        """Add a node; returns the name of what it gives, of the first of it if it gives several."""
        name = name or self._free(f"{self.label}/{kind}" if self.label else kind)
        results = [name, *[self._free(f"{name}_{i}") for i in range(1, outputs)]]
        title = f"{self.scope}/{name}" if self.scope else name
        made = self.onnx.helper.make_node(kind, inputs, results, name=title, domain=domain, **settings)
        self.nodes.append(made)
        return name

    def array(self, x: Any, dtype: Any = None) -> str:
        """The name of an operand, in a dtype."""
        if not isinstance(x, Step):
            return self.constant(np.asarray(x, dtype))
        if x.opcode == CONSTANT and x not in self.values:
            return self.constant(np.asarray(x.value, dtype or x.dtype))
        name = self.values[x]
        return name if dtype is None or x.dtype == dtype else self.cast(name, dtype)

    def spread(self, x: Any, dtype: Any, shapes: Sequence[Any]) -> str:
        """The name of an operand that is broadcast: one number if that is all it is. shapes: of all operands."""
        number = uniform(x)
        if isinstance(x, Step) and x not in self.values and number is not None and x.shape:
            others = [s for s in shapes if s is not x.shape]
            if others and np.broadcast_shapes(*others) == np.broadcast_shapes(x.shape, *others):
                return self.constant(np.asarray(number, dtype))
        return self.array(x, dtype)

    def cast(self, name: str, dtype: Any) -> str:
        """A value in another dtype."""
        return self.node("Cast", name, to=self.kind(dtype))

    def kind(self, dtype: Any) -> int:
        """ONNX's number for a dtype."""
        if np.dtype(dtype).kind == "c":
            raise ExportError(
                f"onnx: {dtype}, on the way to {self.label or 'the result'}, has no form in ONNX. Export what computes "
                "with real numbers only."
            )
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def told(self, name: str, step: Step) -> Any:
        """What a model says of a value that goes in or out."""
        return self.onnx.helper.make_tensor_value_info(name, self.kind(step.dtype), step.shape)

    def constant(self, value: Any) -> str:
        """The name of a constant: an initializer, or a node where it is large and the same everywhere."""
        value = np.asarray(value)
        key = self.in_function, value.shape, value.dtype, value.tobytes()
        if key not in self._constants:
            self._constants[key] = self._made(value)
        return self._constants[key]

    def filled(self, shape: Any, number: Any, dtype: Any) -> str:
        """An array of one number, however large it is."""
        value = self.onnx.numpy_helper.from_array(np.full(1, number, dtype), "value")
        return self.node("ConstantOfShape", self.integers(shape), value=value)

    def integers(self, numbers: Any) -> str:
        """Integers as a constant: axes, a shape."""
        return self.constant(np.asarray(numbers, np.int64))

    def shape(self, numbers: Any) -> str:
        """A shape of its own for one node; its name does not tell its numbers, which may differ for another batch."""
        return self.initializer(np.asarray(numbers, np.int64), f"{self.label}/shape" if self.label else "shape")

    def initializer(self, value: Any, name: str, fixed: bool = False) -> str:
        """A constant of this name, or of one like it."""
        name = name if fixed else self._free(name)
        self.initializers.append(self.onnx.numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def _made(self, value: Any) -> str:
        number = uniform(value)
        self.kind(value.dtype)
        if self.in_function:
            made = self.onnx.numpy_helper.from_array(np.array(value), "value")
            return self.node("Constant", name=self._free("k"), value=made)
        if value.size > LARGE and number is not None:
            shape, number = self.integers(value.shape), value.reshape(-1)[:1]
            return self.node(
                "ConstantOfShape", shape, value=self.onnx.numpy_helper.from_array(np.array(number), "value")
            )
        return self.initializer(value, _told(value, number))

    # --- parts ---

    def body(self, program: Program, inputs: Sequence[str | None], name: str) -> tuple[list[Any], list[str], list[str]]:
        """A program as the inside of a node: its nodes, and the names of what it is given and gives.

        inputs: the values outside that are inputs of it; None for those that it is given.
        """
        outer, self.nodes = self.nodes, []
        label, conditions = self.label, len(self.conditions)
        given = []
        for step, value in zip(program.inputs, inputs, strict=True):
            self.values[step] = value or self._free(f"{name}/{program.names.get(step, 'x')}")
            given += [] if value else [self.values[step]]
        names = {step: f"{name}/{told}" for step, told in program.names.items() if step.opcode not in (INPUT, CONSTANT)}
        self.program(program, {step: self._free(told) for step, told in names.items()})
        if len(self.conditions) > conditions:
            raise TypeError("a loop that holds only for some values")
        self.label = label
        outputs = [self.node("Identity", self.array(y)) for y in program.outputs]
        outer, self.nodes = self.nodes, outer
        return outer, given, outputs

    def expanded(self, step: Step, function: Any, *args: Any, **kwargs: Any) -> str:
        """A step as what a function of NumPy's calls does, traced on arrays like its operands."""
        steps, result, inputs = _unfolded(function, args, kwargs)
        for inner, outer in inputs.items():
            self.values[inner] = self.array(outer)
        for inner in steps:
            self.step(inner)
        name = self.values[result] if result in self.values else self.array(result)
        return name if result.dtype == step.dtype else self.cast(name, step.dtype)

    def called(self, step: Step, function: Any, inputs: Sequence[str], dtypes: Sequence[Any], **kwargs: Any) -> str:
        """An elementwise step as a call of a function of the model, of which there is one for these dtypes."""
        name = "_".join([function.__name__, *map(str, kwargs.values())])
        key = name, tuple(map(str, dtypes)), str(step.dtype)
        if key not in self.functions:
            given = [Step(INPUT, dtype=np.dtype(dtype)) for dtype in dtypes]
            known = [made.name for made in self.functions.values()]
            title = next(n for n in (name, f"{name}_{dtypes[-1]}", f"{name}_{len(known)}") if n not in known)
            self.functions[key] = self._function(title, function, given, kwargs, step.dtype)
        return self.node(self.functions[key].name, *inputs, domain=DOMAIN)

    def _function(self, name: str, function: Any, given: Sequence[Step], kwargs: Any, dtype: Any) -> Any:
        inner = Writer(self.rule)
        inner.functions, inner.in_function = self.functions, True
        names = [inner._free("x" if len(given) == 1 else f"x{i}") for i in range(len(given))]
        inner.values = dict(zip(given, names, strict=True))
        like = Step(INPUT, dtype=np.dtype(dtype))
        result = inner.expanded(like, function, *given, **kwargs)
        opsets = [self.onnx.helper.make_opsetid("", OPSET), self.onnx.helper.make_opsetid(DOMAIN, 1)]
        return self.onnx.helper.make_function(DOMAIN, name, names, [result], inner.nodes, opsets)

    def _condition(self, step: Step) -> str:
        holds = self.array(step.args[0], np.dtype(bool))
        return holds if step.function else self.node("Not", holds)

    def _renamed(self, node: Any, name: str) -> str:
        """Give a node's only, or first, result another name."""
        self._taken.add(name)
        node.name = f"{self.scope}/{name}" if self.scope else name
        node.output[0] = name
        return name

    def _free(self, name: str) -> str:
        """The name, or the first like it that is free; taken from now on."""
        free, i = name or "t", 1
        while free in self._taken:
            i += 1
            free = f"{name}_{i}"
        self._taken.add(free)
        return free


def _carried_back(program: Program, told: Mapping[Step, str]) -> dict[Step, str]:
    """For every step what is told of it, or of the first that it leads to of which something is."""
    found: dict[Step, str] = {}
    for step in reversed(program.steps):
        found[step] = told.get(step) or found.get(step, "")
        for operand in step.operands:
            found[operand] = found[step] or found.get(operand, "")
    return found


def _told(value: Any, number: Any) -> str:
    """What a constant is called: the number that it is, or by its kind."""
    if not value.shape and number is not None:
        return str(number)
    return str(value.tolist()).replace(" ", "") if value.dtype == np.int64 and value.size <= 8 else "constant"


def _unfolded(function: Any, args: Any, kwargs: Any) -> tuple[list[Step], Step, dict[Step, Step]]:
    """The steps of a function, the one that it gives, and what its inputs stand for."""
    tracer = Tracer()
    inputs: dict[Step, TracedArray] = {}

    def given(step: Step) -> Any:
        if step.opcode == CONSTANT:
            return step.value
        if step not in inputs:
            inputs[step] = tracer.input(np.ones(step.shape, step.dtype)[()])
        return inputs[step]

    new_args, new_kwargs = mapped((args, kwargs), Step, given)
    with np.errstate(all="ignore"):
        y = function(*new_args, **new_kwargs)
    result = tracer.lifted(y if isinstance(y, TracedArray) else np.asarray(y)).step
    needed = {result}
    for step in reversed(tracer.steps):
        if step in needed:
            needed.update(step.operands)
    steps = [step for step in tracer.steps if step in needed and step.opcode not in (INPUT, CONSTANT)]
    return steps, result, {x.step: step for step, x in inputs.items()}
