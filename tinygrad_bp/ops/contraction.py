"""Einstein summation with every index written out: the one record behind `einsum`, `tensordot` and `inner`."""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_bp.domains import Shape, Shapes
from tinygrad_bp.errors import ShapeError
from tinygrad_bp.registry import MULTILINEAR, Each, op
from tinygrad_bp.traits import PRODUCT

_PLANNED = 20_000
"""From so many products on, looking for the cheapest order of matrix products costs less than it saves."""


def _sizes(inputs: list[str], shapes: list[Shape]) -> dict[str, int]:
    """The length of every letter's axis; one of length 1 takes the length that another operand gives it."""
    sizes: dict[str, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        for letter, n in zip(labels, shape, strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    return sizes


def _untied(labels: str, used: str) -> tuple[str, list[str]]:
    """`labels` with a fresh letter wherever one comes again, and the pairs that must be equal: iij is iaj with ia."""
    fresh = iter([c for c in ascii_letters if c not in used])
    free, pairs = "", []
    for letter in labels:
        other = next(fresh) if letter in free else letter
        if other != letter:
            pairs.append(letter + other)
        free += other
    return free, pairs


def _share(i: int, g: Any, y: Any, *operands: Any, subscripts: str) -> Any:
    """The cotangent takes the operand's place. A diagonal that was read is written through the identity matrix, and
    an axis that was summed alone gets a copy for each of its elements through ones."""
    left, output = subscripts.split("->")
    inputs = left.split(",")
    shape = np.shape(operands[i])
    own, pairs = _untied(inputs[i], left)
    labels = [output, *inputs[:i], *inputs[i + 1 :]]
    factors = [g, *operands[:i], *operands[i + 1 :]]
    given = _sizes(labels, [np.shape(x) for x in factors])
    second = "".join([pair[1] for pair in pairs])
    alone = [
        (c, n)
        for c, n in zip(own, shape, strict=True)
        if c not in second and (c not in given or (given[c] != n and n != 1))
    ]
    for pair in pairs:
        labels.append(pair)
        factors.append(np.eye(shape[own.index(pair[1])], dtype=g.dtype))
    if alone:
        labels.append("".join([c for c, _ in alone]))
        factors.append(np.ones([n for _, n in alone], g.dtype))
    return contract(*factors, subscripts=f"{','.join(labels)}->{own}")


_CASES = {
    (1,): ("i->", "i->i"),
    (2,): ("ij->ji", "ij->j", "ij->", "ii->i", "ii->"),
    (3,): ("iji->ij", "iij->j", "ijk->kj", "iii->i"),
    (1, 1): ("i,i->", "i,i->i", "i,j->ji"),
    (2, 1): ("ij,j->i", "ij,j->", "ii,i->i", "ij,i->ji"),
    (2, 2): ("ij,jk->ik", "ij,jk->", "ij,ij->", "ij,ij->j", "ij,kj->ki", "ii,ij->j"),
    (3, 3): ("bij,bjk->bik", "bij,bij->b"),
    (1, 1, 1): ("i,i,i->", "i,j,k->kij"),
    (2, 2, 2): ("ij,jk,kl->il", "ij,ij,ij->j", "ij,kj,lj->ikl"),
    (2, 1, 1): ("ij,i,j->", "ij,j,j->i"),
}


def _cases(*shapes: Shape) -> list[dict[str, Any]]:
    """The summations that the shapes allow."""
    fitting = []
    for subscripts in _CASES.get(tuple(map(len, shapes)), ()):
        try:
            contract(*map(np.zeros, shapes), subscripts=subscripts)
        except ValueError:
            continue
        fitting.append({"subscripts": subscripts})
    return fitting or [{"subscripts": ",".join(["ijk"[: len(s)] for s in shapes]) + "->"}]


@op(
    internal=True,
    vjps=Each(_share),
    jvp=MULTILINEAR,
    latex=r"\operatorname{einsum}({0}, …)",
    domain=Shapes(
        "i", "ij", "ii", "iji", "iij", "iii", "i,i", "i,j", "ij,j", "ii,i", "ij,jk", "ij,ij", "ij,kj",
        "bij,bjk", "i,j,k", "ij,jk,kl", "ij,kj,lj", "ij,i,j", params=_cases,
    ),
    traits=PRODUCT,
)  # fmt: skip
def contract(*operands: Any, subscripts: str) -> Any:
    """Sum over products of elements with equal letters, e.g. "ij,jk->ik"; every letter explicit, no ellipsis.

    VJP: the same summation with the cotangent in the operand's place.
    """
    inputs, shapes = subscripts.partition("->")[0].split(","), [np.shape(x) for x in operands]
    for labels, shape in zip(inputs, shapes, strict=True):
        if len(set(labels)) < len(labels) and len(set(zip(labels, shape, strict=True))) > len(set(labels)):
            raise ShapeError(
                f"einsum: the axes of {shape} with equal letters in {labels!r} have different lengths. "
                "Only equal ones have a diagonal."
            )
    plan = len(operands) > 1 and prod(_sizes(inputs, shapes).values()) > _PLANNED
    return np.einsum(subscripts, *operands, optimize=plan)
