"""Indexing, its transpose, and assignment. NumPy's every form: slices, integers, `...`, `None`, arrays, masks, tensors.

An op keeps the static part of an index as its parameter `index`, a tuple in which "array" stands for each array; the
arrays themselves are its operands. So an index that was computed is part of the graph.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.constants import constant
from tinygrad_bp.domains import Parameters, Shape, Shapes
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import DTypeError, LeafAssignmentError, describe
from tinygrad_bp.modes import current_mode
from tinygrad_bp.ops.comparison import where
from tinygrad_bp.registry import Each, lifted, op, recordable
from tinygrad_bp.traits import Traits

ARRAY = "array"
"""Stands for an array in the static part of an index."""


def taken_apart(index: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """An index as an op takes it: its static part, and the arrays in it.

    >>> taken_apart((0, [2, 1], slice(None)))
    ((0, 'array', slice(None, None, None)), (array([2, 1]),))
    """
    if index.__class__ is int:
        return (index,), ()
    static: list[Any] = []
    arrays: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        if part is None or part is Ellipsis or isinstance(part, int | np.integer):
            static.append(part)
        elif isinstance(part, slice):
            static.append(slice(*[_bound(n) for n in (part.start, part.stop, part.step)]))
        else:
            static.append(ARRAY)
            arrays.append(part if isinstance(part, Node | np.ndarray) else _listed(part))
    return tuple(static), tuple(arrays)


def _listed(part: Any) -> Any:
    array = constant(part)
    return array if array.size else array.astype(np.intp)


def _bound(n: Any) -> int | None:
    return n if n is None else operator.index(n.value if isinstance(n, Node) else n)


def _whole(index: Any, arrays: tuple[Any, ...]) -> Any:
    """An index as NumPy takes it."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple([next(rest) if isinstance(part, str) else part for part in index])


def _may_repeat(arrays: tuple[Any, ...]) -> bool:
    """Whether an index may name a place twice: only integer arrays can."""
    return any(a.dtype.kind != "b" for a in arrays)


# --- the test domain --------------------------------------------------------------------------------------------------

_ONE_ARRAY = [(ARRAY,), (Ellipsis, ARRAY), (ARRAY, None, 0), (slice(None, None, -1), ARRAY), (0, slice(1, None), ARRAY)]
_TWO_ARRAYS = [(ARRAY, ARRAY), (ARRAY, Ellipsis, ARRAY), (ARRAY, 0, ARRAY), (slice(None), ARRAY, ARRAY)]


def _static_forms(shape: Shape) -> list[Any]:
    forms: list[Any] = [(Ellipsis,), (None,), (Ellipsis, None), (True,), ()]
    if shape and shape[0]:
        forms += [(0,), (-1,), (slice(None, None, -1),), (slice(1, None, 2),)]
    if len(shape) > 1 and all(shape):
        forms += [(0, -1), (slice(None), None, 0)]
    return forms


def _forms(*shapes: Shape, arrays_from: int = 1) -> Parameters:
    """The indices that fit x of the first shape, with as many arrays as there are operands for them."""
    x, count = shapes[0], len(shapes) - arrays_from
    forms = [_static_forms(x), _ONE_ARRAY, _TWO_ARRAYS][count] if all(x) else []
    fitting = [form for form in forms if len([part for part in form if part not in (None, Ellipsis)]) <= len(x)]
    return [{"index": form} for form in fitting or _static_forms(x)]


def _within(x: Any, *arrays: Any, index: Any) -> tuple[Any, ...]:
    """Random integers brought into the range of x's axes."""
    return x, *[a % min(x.shape) for a in arrays[: index.count(ARRAY)]]


_INTEGERS = (0, 4)


class _Leading(Each):
    """The rules of an op whose first operands are differentiated; the others are arrays of an index."""

    def __init__(self, rule: Callable[..., Any], count: int):
        super().__init__(rule)
        self.count = count

    def __getitem__(self, i: int) -> Any:
        return super().__getitem__(i) if i < self.count else None


def _only_adds_axes(index: Any) -> bool:
    """Whether an index leaves the elements as they are: None, and beside it … and : only."""
    written = {repr(part) for part in (index if isinstance(index, tuple) else (index,))}
    return "None" in written and written <= {"None", "Ellipsis", repr(slice(None))}


# --- the ops ----------------------------------------------------------------------------------------------------------


@op(
    internal=True,
    vjps=_Leading(lambda i, g, y, x, *arrays, index: scatter_add(g, *arrays, index=index, shape=x.shape), 1),
    jvp=_Leading(lambda i, t, y, x, *arrays, index: getitem(t, *arrays, index=index), 1),
    latex=r"{0}_{i}",
    domain=Shapes("", "i", "ij", "ijk", kinds="fi", intervals=((-3, 3), _INTEGERS), params=_forms, prepare=_within),
    convention="repeated indices add up",
    traits=Traits(arranges=_only_adds_axes),
)
def getitem(x: Any, *arrays: Any, index: Any) -> Any:
    """x[index], see `at`. VJP: the cotangent added into zeros at the same places."""
    return lifted(x, arrays)[_whole(index, arrays)]


def _scatters(*shapes: Shape) -> Parameters:
    n = shapes[0][0]
    if len(shapes) == 1:
        return [{"index": (slice(0, n),), "shape": (n + 2,)}, {"index": (slice(None), 1), "shape": (n, 2)}]
    return [{"index": (ARRAY,) * (len(shapes) - 1), "shape": (4,) * (len(shapes) - 1)}]


@op(
    internal=True,
    vjps=_Leading(lambda i, g, y, x, *arrays, index, shape: getitem(g, *arrays, index=index), 1),
    jvp=_Leading(lambda i, t, y, x, *arrays, index, shape: scatter_add(t, *arrays, index=index, shape=shape), 1),
    latex=r"\operatorname{scatter}({0})",
    domain=Shapes("i", kinds="fi", intervals=((-3, 3), _INTEGERS), params=_scatters),
)
def scatter_add(x: Any, *arrays: Any, index: Any, shape: Shape) -> Any:
    """Zeros of `shape` with x added at `index`; repeated places add up. The transpose of indexing. VJP: g[index]."""
    if arrays or not shape:
        return scattered(x, *arrays, index=index, shape=shape)
    total = lifted(np.zeros(shape, x.dtype), (x,))
    total[index] = x
    return total


@recordable
def scattered(x: Any, *arrays: Any, index: Any, shape: Shape) -> Any:
    """Zeros of `shape` with x added at `index`, which has arrays."""
    total = np.zeros(shape, x.dtype)
    if _may_repeat(arrays):
        np.add.at(total, _whole(index, arrays), x)
    else:
        total[_whole(index, arrays)] = x
    return total


def _kept_share(g: Any, v: Any, arrays: tuple[Any, ...], index: Any) -> Any:
    """The cotangent of what was overwritten is 0."""
    return setitem(g, 0.0, *arrays, index=index)


def _assigned_share(g: Any, v: Any, arrays: tuple[Any, ...], index: Any) -> Any:
    """The cotangent of every assigned element that was not overwritten by a later one at the same place."""
    share = getitem(g, *arrays, index=index)
    if _may_repeat(arrays):
        order = np.arange(share.size).reshape(share.shape)
        last = setitem(np.zeros(g.shape, int), order, *arrays, index=index)
        share = where(getitem(last, *arrays, index=index) == order, share, 0.0)
    return share.reshape((1,) * (v.ndim - share.ndim) + share.shape)


def _assignment_vjp(i: int, g: Any, y: Any, x: Any, v: Any, *arrays: Any, index: Any) -> Any:
    return (_assigned_share if i else _kept_share)(g, v, arrays, index)


def _assignment_jvp(i: int, t: Any, y: Any, x: Any, v: Any, *arrays: Any, index: Any) -> Any:
    x, v = (np.zeros(x.shape, y.dtype), t) if i else (t, 0.0)
    return setitem(x, v, *arrays, index=index)


def _assignable(x: Any, v: Any, *arrays: Any, index: Any) -> tuple[Any, ...]:
    """A value that has the shape of x[index] or broadcasts to it, and integers brought into the range of x's axes."""
    arrays = _within(x, *arrays, index=index)[1:]
    wanted = x[_whole(index, arrays)].shape
    whole = np.sum(v) > 0
    return x, np.resize(v, [n if i % 2 or whole else 1 for i, n in enumerate(wanted)]), *arrays


@op(
    internal=True,
    vjps=_Leading(_assignment_vjp, 2),
    jvp=_Leading(_assignment_jvp, 2),
    latex=r"\operatorname{set}({0}, {1})",
    domain=Shapes(
        "i,i", "ij,ij", "ijk,ijk", "ij,ij,j", "ijk,ijk,k", "ij,ij,j,j", "ijk,ijk,j,j",
        kinds="ffi", intervals=((-3, 3), (-3, 3), _INTEGERS), analytic=False,
        params=lambda *shapes: _forms(*shapes, arrays_from=2) if len(shapes) > 1 else [{"index": ()}],
        prepare=lambda x, *rest, index: _assignable(x, *rest, index=index) if rest else (x, np.ones(())),
    ),
    convention="of several values for one place the last wins, and has the gradient",
)  # fmt: skip
def setitem(x: Any, v: Any, *arrays: Any, index: Any) -> Any:
    """x with x[index] replaced by v, see `index_update`. VJPs: for x the cotangent but 0 there, for v what is there."""
    if arrays or not x.ndim:
        return assigned(x, v, *arrays, index=index)
    y = lifted(x.copy(), (v,))
    y[index] = v
    return y


@recordable
def assigned(x: Any, v: Any, *arrays: Any, index: Any) -> Any:
    """x with x[index] replaced by v, for an index with arrays, or an x without axes."""
    y = np.array(x)
    in_order = tuple([np.asarray(a, order="C") for a in arrays])  # NumPy's "last" depends on how arrays lie in memory
    y[_whole(index, in_order)] = np.asarray(v, order="C")
    return y if y.ndim else y[()]


def at(x: Any, index: Any) -> Any:
    """x[index], every form NumPy allows; tensors in the index count as their values.

    The gradients of an element that is read several times add up. Unlike NumPy's, the result is never a view: assigning
    to it leaves x as it is.
    """
    static, arrays = taken_apart(index)
    if isinstance(x, Node) and x.op is not None and x.op.traits.indexed is not None:
        part = x.op.traits.indexed(x, index, lambda operand: getitem(operand, *arrays, index=static))
        if part is not None:
            return part
    return getitem(x, *arrays, index=static)


@guarded
def index_update(x: Any, index: Any, v: Any) -> Any:
    """A copy of x with x[index] = v, differentiable for both; v broadcasts to x[index].

    If the index names a place several times the last value wins, as in NumPy, and only that one has a gradient.
    Raises DTypeError for a v that requires a gradient and an x that cannot hold fractions.
    """
    if isinstance(v, Node) and v.requires_grad and x.dtype.kind not in "fc":
        raise DTypeError(
            f"{describe(v)} requires a gradient, which {describe(x)} of dtype {x.dtype} would cut off. "
            "Convert it first: x.astype(float)."
        )
    static, arrays = taken_apart(index)
    return setitem(x, v, *arrays, index=static)


# --- t[index] = v -----------------------------------------------------------------------------------------------------

_HISTORY = ("value", "op", "operands", "inputs", "params", "requires_grad", "scope", "number")


def assign(t: Any, index: Any, v: Any) -> None:
    """t[index] = v: t becomes the result of `index_update`; what was computed from t before keeps the old value.

    What t was lives on as a node of its own, the first parent of what t is now, and in its `past`. A tensor that no
    gradient flows through only gets another value.
    """
    recording = current_mode().recording
    if t.requires_grad and (t.op is None or t.retains_grad) and recording:
        raise LeafAssignmentError(
            f"{describe(t)} is where its gradient is collected; after an assignment that would be another value's. "
            "Copy it first, t = t * 1, or use index_update(t, index, v), which returns a new tensor."
        )
    if t.requires_grad and t.op is not None and not recording:
        raise LeafAssignmentError(
            f"an assignment to {describe(t)} under no_grad would cut off its gradient. Use t = t.detach() first."
        )
    before = type(t)(None)
    for slot in _HISTORY:
        setattr(before, slot, getattr(t, slot))
    after = index_update(before, index, v)
    if after.op is None:
        t.value = after.value
        return
    if not hasattr(t, "past"):
        t.past = []
    t.past.append(before)
    for slot in _HISTORY:
        setattr(t, slot, getattr(after, slot))
