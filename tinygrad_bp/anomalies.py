"""The hunt for NaN: the first op, forward or backward, that made NaN or infinity, and a program that makes it again."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from inspect import signature
from linecache import getline
from typing import Any, final

import numpy as np

from tinygrad_bp import source
from tinygrad_bp.calls import is_outside
from tinygrad_bp.engine import Node, Op, pull
from tinygrad_bp.errors import AnomalyError, describe
from tinygrad_bp.modes import Block, watched
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.source.helpers import scale
from tinygrad_bp.transforms import vjp

MOST_LINES = 1_000_000
"""So many source lines are remembered; of older nodes it is forgotten where they were made."""

FEW = 60
"""An array with more elements is printed as one that is filled with one number, if that does the same."""

Place = tuple[str, int]


def detect_anomaly() -> Block:
    """Raise AnomalyError at the first op whose result or derivative holds NaN or infinity. Also a decorator, and in
    generators as `no_grad` is.

    The error names the op, its operands, the element, the user's line that called the op, also for a derivative, and
    has a NumPy program of five lines that makes the same number from the same operands; it is `error.program` too.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> x = tg.tensor([4.0, 0.0], requires_grad=True, name="x")
    >>> with tg.detect_anomaly():
    ...     try:
    ...         tg.sqrt(x).sum().backward()
    ...     except tg.errors.AnomalyError as error:
    ...         print(error.program)
    import numpy as np
    g, x = np.float64(1.0), np.float64(0.0)
    C = np.sqrt(x)
    dx = g * (0.5 / C)
    print(dx)
    """
    return watched(_Watch())


@final
class _Watch:
    """Sees every result, and as the trail of a sweep every share; remembers where the user's code asked for each."""

    def __init__(self) -> None:
        self.places: dict[int, Place] = {}

    def made(self, record: Op, args: Any, inputs: Sequence[Any], params: Mapping[str, Any], value: Any) -> None:
        """A result, before it becomes a node."""
        if np.all(np.isfinite(value)):
            if len(self.places) >= MOST_LINES:
                self.places.clear()
            self.places[Node(None).number + 1] = _users_line()  # the number of the node that comes next
            return
        rule = _rule_at_work()
        if rule is not None:  # the sweep records, and this is a step of a rule
            node, i, g = rule
            self._refuse_share(node, i, g, value)
        what = f"{record.name} of {', '.join(map(describe, args))}"
        names = _names(record, args)

        def call(*xs: Any) -> Any:
            return [record.call(*xs, **params)]

        operands = _operands(record, inputs, value, names, lambda xs: record.forward(*xs, **params))
        raise _error(what, value, _users_line(), _already(names, inputs), _program(call, "y", operands))

    def append(self, edge: tuple[Any, int, Any]) -> None:
        """A share of a cotangent, as a trail gets it."""
        node, i, share = edge
        value = share.value if isinstance(share, Node) else share
        if not np.all(np.isfinite(value)):
            self._refuse_share(node, i, sys._getframe(1).f_locals["g"], value)

    def _refuse_share(self, node: Any, i: int, g: Any, value: Any) -> None:
        record, inputs, params = node.op, node.inputs, node.params
        g = g.value if isinstance(g, Node) else g
        names = ["g", *_names(record, node.parents)]

        def call(g: Any, *xs: Any) -> Any:
            return [vjp(lambda x: record.call(*xs[:i], x, *xs[i + 1 :], **params), xs[i])[1](g)[0]]

        def again(xs: Sequence[Any]) -> Any:
            return record.vjps[i](xs[0], record.forward(*xs[1:], **params), *xs[1:], **params)

        what = f"the derivative of {record.name} for {describe(node.parents[i])}"
        operands = _operands(record, [g, *inputs], value, names, again)
        program = _program(call, f"d{names[1 + i]}", operands)
        raise _error(what, value, self.places.get(node.number), _already(names, [g, *inputs]), program)


# --- what is said -----------------------------------------------------------------------------------------------------


def _error(what: str, value: Any, place: Place | None, already: str, program: str | None) -> AnomalyError:
    value = next(
        part for part in getattr(value, "parts", [value]) if part is not None and not np.all(np.isfinite(part))
    )
    index = _first(value)
    found = np.asarray(value)[index]
    where = f" at {list(index)}" if index else ""
    text = f"{what} gave NaN or infinity: {found}{where}."
    if place is not None:
        line = getline(*place).strip()
        text += f' The op stands in "{place[0]}", line {place[1]}{f": {line}" if line else ""}.'
    text += already or " Its operands are finite: keep them inside of what it can take."
    if program is not None:
        text += f" This program does the same:\n\n{program}"
    return AnomalyError(text, program)


def _first(value: Any) -> tuple[int, ...]:
    """Where the first element is that is not finite."""
    return tuple([int(i) for i in np.argwhere(~np.isfinite(value))[0]])


def _already(names: Sequence[str], inputs: Sequence[Any]) -> str:
    """The operand that was not finite before."""
    for name, x in zip(names, inputs, strict=True):
        if np.asarray(x).dtype.kind in "fc" and not np.all(np.isfinite(x)):
            found = np.asarray(x)[_first(x)]
            return f" Its operand {name} holds {found} at {list(_first(x))} already: look at the data."
    return ""


def _users_line() -> Place:
    """The innermost line that runs outside of the library."""
    frame = sys._getframe(1)
    while not is_outside(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _rule_at_work() -> tuple[Any, int, Any] | None:
    """The node, the index of its parent and the cotangent of the rule that runs now, if one does."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code is pull.__code__:
            return frame.f_locals["node"], frame.f_locals["i"], frame.f_locals["g"]
        frame = frame.f_back
    return None


# --- the program ------------------------------------------------------------------------------------------------------


def _names(record: Op, args: Sequence[Any]) -> list[str]:
    """A name for each operand: the tensor's, or that of the forward function's parameter."""
    parameters = list(signature(record.forward).parameters)
    found: list[str] = []
    for i, a in enumerate(args):
        given = getattr(a, "name", None)
        own = parameters[i] if isinstance(record.vjps, tuple) else f"x{i}"
        name = given if given and given.isidentifier() and given not in ("g", "np", *found) else own
        found.append(name)
    return found


def _operands(
    record: Op, inputs: Sequence[Any], value: Any, names: Sequence[str], again: Callable[[Sequence[Any]], Any]
) -> list[tuple[str, Any]]:
    """The operands as small as they make the same: of an elementwise op one element, of others filled arrays."""
    given = list(inputs)
    if record.derivatives is not None:
        shape = np.broadcast_shapes(*map(np.shape, given))
        alone = np.ndindex(shape)
        found = [[np.broadcast_to(x, shape)[at] for x in given] for at in _likely(value, shape, alone)]
        given = next((xs for xs in found if not _is_finite(again, xs)), given)
    elif any(np.size(x) > FEW for x in given):
        filled = [x if np.size(x) <= FEW else np.full(np.shape(x), _largest(x)) for x in given]
        given = given if _is_finite(again, filled) else filled
    return list(zip(names, given, strict=True))


def _likely(value: Any, shape: tuple[int, ...], every: Any) -> Any:
    """Indices of the operands that may be to blame: that of the result, or any, if it was summed."""
    if np.shape(value) == shape:
        return [_first(value)]
    return every


def _largest(x: Any) -> Any:
    return x.flat[np.argmax(np.abs(x))]


def _is_finite(again: Callable[[Sequence[Any]], Any], xs: Sequence[Any]) -> bool:
    try:
        return bool(np.all(np.isfinite(_quietly(again, xs))))
    except Exception:  # what is said of the anomaly must not hide it
        return True


def _quietly(f: Callable[..., Any], *args: Any) -> Any:
    """f, without warnings, without the hunt, and without any other mode."""
    return Context().run(np.errstate(all="ignore")(f), *args)


def _program(call: Callable[..., Any], name: str, operands: Sequence[tuple[str, Any]]) -> str | None:
    """The lines that compute it with NumPy alone; None for an op that cannot be written down."""
    try:
        text = _quietly(lambda: source.module(optimized(traced(call, "f", operands)[0])).text)
    except Exception:  # what is said of the anomaly must not hide it
        return None
    tree = _Products().visit(ast.parse(text))
    helpers = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name != scale.__name__]
    function: Any = helpers.pop()
    *steps, last = function.body[1:]
    if steps and isinstance(last.value, ast.Name) and ast.unparse(steps[-1].targets[0]) == last.value.id:
        last = steps.pop()
    read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    used = [(n, x) for n, x in operands if n in read]
    lines = ["import numpy as np", *map(ast.unparse, helpers)]
    lines += [f"{', '.join([n for n, _ in used])} = {', '.join([_literal(x) for _, x in used])}"] if used else []
    lines += ["; ".join(map(ast.unparse, steps))] if steps else []
    return "\n".join([*lines, f"{name} = {ast.unparse(last.value)}", f"print({name})"])


class _Products(ast.NodeTransformer):
    """Without the rule that a cotangent of 0 wins: here it is none."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == scale.__name__:
            return ast.BinOp(node.args[0], ast.Mult(), node.args[1])
        return node


def _literal(x: Any) -> str:
    """An operand as Python writes it."""
    if not isinstance(x, np.ndarray | np.generic):
        return repr(x)
    kind = f"np.{np.bool_.__name__ if x.dtype.kind == 'b' else x.dtype.name}"
    if x.size > FEW and np.all(x == x.flat[0]):
        return f"np.full({x.shape}, {kind}({_text(x.flat[0])}))"
    return f"{kind}({_text(x)})"


def _text(x: Any) -> str:
    return repr(x.tolist()).replace("inf", "np.inf").replace("nan", "np.nan")
