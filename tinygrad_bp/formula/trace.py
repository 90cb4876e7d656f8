"""Rules as formulas: a rule is run once on named stand-ins while everything is recorded, and the record is printed.

So a derivative in a picture is the very rule that computes it; there is no second table of derivatives to keep right.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_bp.broadcasting import unbroadcast
from tinygrad_bp.engine import Node, history
from tinygrad_bp.formula.notation import fill, listed, number, slot, template
from tinygrad_bp.formula.tidy import as_number, tidied
from tinygrad_bp.modes import quietly, tracing

COTANGENT = slot("g")
"""Where the cotangent that comes from the right, δ, stands in a derivative."""

_CACHE_LIMIT = 10_000
_derivatives: dict[Any, dict[int, str | None]] = {}


# --- expressions ------------------------------------------------------------------------------------------------------


def expression(node: Node, names: Mapping[int, str], of_rule: bool = False) -> str:
    r"""LaTeX template of how `node` was computed, back to the nodes that `names` gives by their number.

    of_rule: leave out what a derivative rule computes only for the computer's sake: 1·x, guards against division by 0.

    >>> import tinygrad_bp as tg
    >>> w, x = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0)
    >>> expression(tg.sigmoid(w * x), {w.number: "w", x.number: "x"})
    '\\sigma(w \\cdot x)'
    """
    written: dict[int, str] = {}
    for current in history([node], stop=names):
        made = current.number
        if made in names:
            written[made] = names[made]
        elif current.op is None:
            written[made] = constant(current.value)
        else:
            operands = [written[p.number] if isinstance(p, Node) else constant(p) for p in current.parents]
            written[made] = apply_latex(current, operands, of_rule)
    return written[node.number]


def constant(value: Any) -> str:
    """A constant in a formula: a number as it is, 0, 1, … as such, another array without a name as what it is."""
    array = np.asarray(value)
    kind, size = array.dtype.kind, array.size
    if array.ndim == 0 and kind in "biufc":
        return _unit_fraction(array) or number(array)
    if kind in "iu" and size > 1 and max(array.shape) == size and np.array_equal(array.ravel(), np.arange(size)):
        return rf"(0 \ldots {size - 1})"
    return r"\mathrm{const}"


def _unit_fraction(x: Any) -> str | None:
    """1/n, where four digits would not say it exactly."""
    if x.dtype.kind != "f" or not 0 < x < 1 or float(f"{x:.4g}") == x:
        return None
    n = round(1 / float(x))
    return rf"\frac{{1}}{{{n}}}" if x.dtype.type(1 / n) == x else None


def apply_latex(node: Node, operands: list[str], of_rule: bool = False) -> str:
    """The formula of a node's op with its operands written in; `of_rule` as in `expression`."""
    op = node.op
    assert op is not None
    tidy = tidied(node, operands, of_rule)
    if tidy is not None:
        return tidy
    if op.traits.algebra is operator.truediv:
        operands = [as_number(operand) for operand in operands]
    latex = listed(template(op.latex), len(operands))
    if r"\odot" in latex and any(np.ndim(x) == 0 for x in node.inputs):
        latex = latex.replace(r"\odot", r"\cdot")  # scaling by one number
    return fill(latex, {str(i): operand for i, operand in enumerate(operands)})


# --- derivatives ------------------------------------------------------------------------------------------------------


def derivative(node: Node, i: int) -> str | None:
    r"""How `node` depends on its parent i, as a template: ‹0›, ‹1› … are its inputs, ‹y› itself, ‹g› the cotangent.

    Without ‹g› it is ∂y/∂x: element by element, or the whole gradient of a single number. With ‹g› it is the
    vector–Jacobian product. None if the rule cannot be traced.

    >>> import tinygrad_bp as tg
    >>> W, x = tg.tensor([[1.0, 2.0]], requires_grad=True), tg.tensor([[3.0], [4.0]])
    >>> derivative(W @ x, 0), derivative(tg.sigmoid(W), 0)
    ('‹g› \\cdot ‹1›^{\\top}', '‹y› \\odot (1 - ‹y›)')
    """
    return derivatives(node, (i,))[i]


def derivatives(node: Node, parents: Iterable[int]) -> dict[int, str | None]:
    """The `derivative` for each of these parents, looked up together."""
    # a rule may write sizes and small constants into its formula, so they are part of the key
    inputs = [
        x.shape if isinstance(p, Node) else repr(x) if _is_inlined(p) else np.shape(x)
        for p, x in zip(node.operands, node.inputs, strict=True)
    ]
    key = node.op, node.value.shape, node.value.dtype, repr(node.params) if node.params else "", *inputs
    known = _derivatives.get(key)
    if known is None:
        if len(_derivatives) >= _CACHE_LIMIT:
            _derivatives.clear()
        known = _derivatives[key] = {}
    for i in parents:
        if i not in known:
            known[i] = None if node.op is not None and node.op.traits.part else _trace(node, i)
    return {i: known[i] for i in parents}


def _is_inlined(operand: Any) -> bool:
    """Whether an operand is a constant short enough to be written as it is: the 2 in x², a condition."""
    if isinstance(operand, bool | int | float):
        return math.isfinite(operand) and abs(operand) <= 100 and float(2 * operand).is_integer()
    return operand is None or isinstance(operand, str)


def _trace(node: Node, i: int) -> str | None:
    try:
        with tracing():
            return quietly(_traced, node, i)
    except Exception:  # whatever an op's rule does that cannot be recorded, the picture still comes
        return None


def _traced(node: Node, i: int) -> str:
    kind: Any = type(node)
    op: Any = node.op
    names: dict[int, str] = {}

    def stand_in(value: Any, name: str) -> Any:
        leaf = kind(value)
        names[leaf.number] = name
        return leaf

    inputs = [
        x if _is_inlined(p) else stand_in(np.asarray(x)[()], slot(j))
        for j, (p, x) in enumerate(zip(node.operands, node.inputs, strict=True))
    ]
    y = stand_in(node.value, slot("y"))
    shape = np.shape(node.inputs[i])
    if op.derivatives is not None and shape == node.value.shape:
        return as_number(_printed(op.derivatives[i](y, *inputs, **node.params), names))
    g = stand_in(np.ones_like(node.value)[()], COTANGENT if node.value.ndim else "1")
    share = op.vjps[i](g, y, *inputs, **node.params)
    if share.shape != shape:
        share = unbroadcast(share, shape)
    printed = _printed(share, names)
    if shape == node.value.shape:
        printed = {COTANGENT: "1", f"-{COTANGENT}": "-1"}.get(printed, printed)
    return as_number(printed)


def _printed(result: Any, names: Mapping[int, str]) -> str:
    return expression(result, names, of_rule=True) if isinstance(result, Node) else constant(result)
