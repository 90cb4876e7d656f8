"""PyTorch's modules, read: every operator of an exported graph as our op of the same meaning."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg
from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import BROADCAST
from tinygrad_bp.errors import ArgumentError, MissingExtraError, MissingRuleError, describe
from tinygrad_bp.modes import scope
from tinygrad_bp.reading.operators import OPERATORS
from tinygrad_bp.trees import flatten


@guarded
def from_torch(module: Any, *xs: Any) -> tuple[Callable[..., Any], dict[str, np.ndarray[Any, Any]]]:
    """A PyTorch module as a function (parameters, *xs) of tensors, and its parameters, arrays by their names.

    xs are examples of its inputs, PyTorch's tensors: the function is for their shapes. Every operator becomes our op of
    the same meaning, in the scope of its module, so the gradients are our rules'; one that has none, an LSTM say, is
    taken apart by PyTorch first. The module is read as one that is evaluated; its buffers are constants. Raises
    MissingRuleError for an operator that has no op here, MissingExtraError without PyTorch.

    f, parameters = tg.from_torch(module, x); then tg.grad(f)(parameters, x.numpy()), tg.draw, tg.compile …
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "from_torch reads with PyTorch itself, which is not installed: pip install torch."
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ArgumentError(f"from_torch reads a torch.nn.Module; got {describe(module)}.")
    training = module.training
    try:
        with warnings.catch_warnings():  # PyTorch's, of names and layers of its own
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("ignore", "The tensor attributes? .* assigned during export")
            exported = _in_known_parts(torch.export.export(module.eval(), xs), torch.export.default_decompositions)
    finally:
        module.train(training)
    arrays = {name: _array(x) for name, x in exported.named_parameters()}
    constants = {name: _array(x) for name, x in [*exported.named_buffers(), *exported.constants.items()]}
    names = {spec.arg.name: spec.target for spec in exported.graph_signature.input_specs}
    places = {node: names.get(node.name) for node in exported.graph.nodes if node.op == "placeholder"}

    def function(parameters: Mapping[str, Any], *inputs: Any) -> Any:
        given, held = iter(flatten(inputs)[0]), {**constants, **parameters}
        known = {node: next(given) if name is None else held[name] for node, name in places.items()}
        results = _run(exported.graph, known)
        return results[0] if len(results) == 1 else tuple(results)

    function.__name__ = type(module).__name__
    return function, arrays


def _in_known_parts(exported: Any, decompositions: Callable[[], Any]) -> Any:
    """The exported graph; operators that have no op here are taken apart, if there are any."""
    if all(_has_op(node.target) for node in exported.graph.nodes if node.op == "call_function"):
        return exported
    table = decompositions()
    for target in list(table):
        if _has_op(target):
            table.pop(target)
    exported = exported.run_decompositions(table)
    for node in exported.graph.nodes:
        if node.op == "call_function" and not _has_op(node.target):
            raise _missing(next((source.target for source in node.meta.get("from_node", ())), node.target))
    return exported


def _run(graph: Any, known: dict[Any, Any]) -> Sequence[Any]:
    """The results of the graph, node by node."""

    def read(argument: Any) -> Any:
        if isinstance(argument, list | tuple):
            return [read(part) for part in argument]
        return known[argument] if hasattr(argument, "op") and argument in known else argument

    for node in graph.nodes:
        if node.op == "output":
            return list(flatten(read(list(node.args[0])))[0])
        if node.op == "call_function":
            with scope(_module(node)):
                made = _apply(node.target, read(node.args), {k: read(x) for k, x in node.kwargs.items()})
                known[node] = made if node.all_input_nodes else _typed(made, node)
    return []


def _array(x: Any) -> np.ndarray[Any, Any]:
    copied: np.ndarray[Any, Any] = x.detach().cpu().numpy().copy()
    return copied


def _module(node: Any) -> str:
    """The path of the module that a node belongs to."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]).rpartition(".")[2] if stack and stack[-1][0] else ""


def _typed(constant: np.ndarray[Any, Any], node: Any) -> np.ndarray[Any, Any]:
    """A constant in the type that PyTorch gives it."""
    return constant.astype(str(node.meta["val"].dtype).removeprefix("torch."), copy=False)


def _apply(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if target is operator.getitem:
        return args[0][args[1]]
    rule, schema = _rule(target), getattr(target, "_schema", None)
    if rule is not None and schema is not None:
        named = schema.arguments[len(args) :]
        rest = [kwargs.get(x.name, x.default_value if x.has_default_value() else None) for x in named]
        return rule(*args, *rest)
    record = _elementwise(target)
    if record is None or len(record.vjps) != len(args):
        raise _missing(target)
    return record.call(*args)


def _missing(target: Any) -> MissingRuleError:
    return MissingRuleError(
        f"from_torch: PyTorch's operator {target} has no op here. Write that part of the module otherwise."
    )


def _has_op(target: Any) -> bool:
    return target is operator.getitem or _rule(target) is not None or _elementwise(target) is not None


def _rule(target: Any) -> Callable[..., Any] | None:
    """The rule of an operator, by its name and overload or by its name; x.add_() is x.add() here."""
    name, overload = _name(target), getattr(target, "_overloadname", "")
    return OPERATORS.get(f"{name}.{overload}") or OPERATORS.get(name)


def _elementwise(target: Any) -> Any:
    """The record of our elementwise op of the same name, if there is one."""
    record = getattr(getattr(tg, _name(target), None), "op", None)
    return record if record is not None and record.domain.shapes == BROADCAST else None


def _name(target: Any) -> str:
    return str(getattr(target, "_opname", target)).removesuffix("_")
