"""Einstein summation as NumPy writes it: implicit output, ellipsis, lists of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.ops.contraction import contract

_NUMBERED = ascii_uppercase + ascii_lowercase  # in the order in which implicit output sorts


@guarded
def einsum(subscripts: str | Any, *operands: Any) -> Any:
    """Einstein summation: multiply the operands, and sum over every letter that the output does not name.

    subscripts: letters for the axes of each operand, e.g. "ij,jk->ik" or "...ii->...i". Without "->" the output has
    the letters that occur once, in alphabetical order, after the ellipsis. A letter that comes twice in one operand is
    its diagonal. Axes of length 1 are repeated. Also einsum(a, [0, 1], b, [1, 2], [0, 2]), with numbers for letters.
    VJP: the same summation with the cotangent in the operand's place. Raises ArgumentError or ShapeError.

    >>> einsum("ij,j", np.eye(2), np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_numbers((subscripts, *operands))
    return contract(*operands, subscripts=explicit(subscripts, tuple(map(np.ndim, operands))))


def _from_numbers(arguments: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    operands, lists = tuple(arguments[0 : len(arguments) // 2 * 2 : 2]), arguments[1::2]
    text = ",".join(map(_letters, lists))
    return (f"{text}->{_letters(arguments[-1])}" if len(arguments) % 2 else text), operands


def _letters(numbers: Any) -> str:
    try:
        return "".join(["..." if k is Ellipsis else _NUMBERED[range(52)[k]] for k in numbers])
    except (TypeError, IndexError) as error:
        raise ArgumentError(f"einsum: a list of axes holds numbers from 0 to 51 and ...; got {numbers!r}.") from error


@lru_cache(1024)
def explicit(subscripts: str, ndims: tuple[int, ...]) -> str:
    """The same summation with the output written out and a letter for every axis that an ellipsis stands for.

    >>> explicit("...ij,j", (3, 1))
    'Zij,j->Zi'
    """
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ArgumentError(f"einsum: {subscripts!r} describes {len(terms)} operands; {len(ndims)} were given.")
    batch = max([n - len(term) + 3 for term, n in zip(terms, ndims, strict=True) if "..." in term], default=0)
    spare = "".join([c for c in ascii_letters if c not in subscripts][-batch:]) if batch > 0 else ""
    inputs = [_expanded(subscripts, term, n, spare) for term, n in zip(terms, ndims, strict=True)]
    if arrow:
        output = _expanded(subscripts, output, None, spare)
    else:
        letters = "".join(terms).replace(".", "")
        output = spare + "".join(sorted([c for c in letters if letters.count(c) == 1]))
    if not set(spare) <= set(output):
        raise ArgumentError(f"einsum: {subscripts!r}: the output needs '...' too, for the axes it stands for.")
    if len(set(output)) < len(output) or not set(output) <= set("".join(inputs)):
        raise ArgumentError(f"einsum: {subscripts!r}: each letter of the output occurs there once, and in an operand.")
    return f"{','.join(inputs)}->{output}"


def _expanded(subscripts: str, term: str, ndim: int | None, spare: str) -> str:
    letters = term.replace("...", "", 1)
    if not all(c in ascii_letters for c in letters):
        raise ArgumentError(f"einsum: {subscripts!r} may hold letters, commas, one '->', and '...' once per operand.")
    named = "..." in term
    hidden = len(spare) if ndim is None else ndim - len(letters)
    if hidden < 0 or (ndim is not None and hidden and not named):
        raise ShapeError(
            f"einsum: {term!r} in {subscripts!r} names {len(letters)} axes; the operand has {ndim}. "
            "Give each axis one letter, or write '...' for the others."
        )
    return term.replace("...", spare[len(spare) - hidden :])
