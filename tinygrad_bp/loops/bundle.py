"""Several arrays as the value of one node: what a loop gives, of which its results are parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, final

import numpy as np

from tinygrad_bp.domains import Reals
from tinygrad_bp.engine import Node, Op, apply
from tinygrad_bp.traits import Traits

_NO_ARRAY = np.dtype("V")


@final
class Bundle:
    """Arrays or tensors side by side. As a cotangent or tangent it is one for each of them, and None stands for 0.

    pulled: where it is the cotangent of a loop, what that has made of it, for all of its operands.
    """

    __slots__ = ("parts", "pulled")

    shape: tuple[int, ...] = ()
    dtype: Any = _NO_ARRAY
    base: Any = None
    size = 0

    def __init__(self, parts: Sequence[Any]):
        self.parts: tuple[Any, ...] = tuple(parts)
        self.pulled: Any = None

    def __repr__(self) -> str:
        return f"Bundle of {', '.join(['0' if part is None else str(part.shape) for part in self.parts])}"

    def __getitem__(self, i: int) -> Any:
        return self.parts[i]

    def __add__(self, other: Bundle) -> Bundle:
        pairs = zip(self.parts, other.parts, strict=True)
        return Bundle([b if a is None else a if b is None else a + b for a, b in pairs])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """What `np.isfinite` and the like say of all the numbers."""
        if method != "__call__" or len(inputs) != 1 or ufunc.types[0][-1] != "?":
            return NotImplemented
        return np.array([np.all(ufunc(getattr(part, "value", part))) for part in self.parts if part is not None])


def _only(i: int, part: Any, whole: Any) -> Bundle:
    parts: list[Any] = [None] * len(whole.parts)
    parts[i] = part
    return Bundle(parts)


def _whole(y: Any) -> Bundle:
    bundle: Bundle = y.value if isinstance(y, Node) else y
    return bundle


@lru_cache(256)
def _part_op(name: str, latex: str, floating: bool) -> Op:
    """The op that takes one part of a bundle. It is drawn in the bundle's place, so it has the loop's name."""

    def call(bundle: Any, i: int) -> Any:
        return apply(op, (bundle,), {"i": i}) if isinstance(bundle, Node) else bundle[i]

    def vjp(g: Any, y: Any, bundle: Any, i: int) -> Bundle:
        return _only(i, g, _whole(bundle))

    def jvp(t: Bundle, y: Any, bundle: Any, i: int) -> Any:
        return np.zeros(y.shape, y.dtype) if t[i] is None else t[i]

    rules: Sequence[Any] = ((vjp,), (jvp,)) if floating else ((None,), (None,))
    op = Op(
        name, Bundle.__getitem__, rules[0], rules[1], latex, Reals(), differentiable=floating,
        traits=Traits(part=True), call=call,
    )  # fmt: skip
    return op


def part(bundle: Any, i: int, name: str, latex: str) -> Any:
    """One of the arrays; a tensor of a tensor."""
    return _part_op(name, latex, _whole(bundle)[i].dtype.kind in "fc").call(bundle, i=i)


class _Gathering:
    """The rules of `gathered` for its i-th operand."""

    def __init__(self, count: int):
        self.count = count

    def __getitem__(self, i: int) -> Any:
        return lambda g, y, *xs: g[i]

    def __len__(self) -> int:
        return self.count


def gathered(xs: Sequence[Any]) -> Any:
    """One node for several, to sweep from: its cotangent is a bundle, with one for each of them."""
    op = Op("gather", lambda *parts: Bundle(parts), _Gathering(len(xs)), _Gathering(0), "", Reals())  # type: ignore[arg-type]
    return apply(op, tuple(xs))
