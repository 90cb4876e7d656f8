"""From a wrong answer to its mistake: corrections are tried until one of them makes it right, in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tinygrad_bp.tutor.corrections import (
    PART,
    Correction,
    Edge,
    Maker,
    Setting,
    differences,
    matrices,
    numbers,
    parentheses,
    signs,
    sums,
)
from tinygrad_bp.tutor.evaluation import Misfit, evaluate, is_right, matches, readings
from tinygrad_bp.tutor.factors import (
    arriving,
    costs,
    forgotten,
    functions,
    local_derivatives,
    missing_terms,
    neighbours,
    others,
    superfluous,
)
from tinygrad_bp.tutor.samples import Sample
from tinygrad_bp.tutor.terms import HADAMARD, Term, made, number, replaced, symbols, walk

Names = frozenset[tuple[str, str]]

SURE: tuple[Maker, ...] = (differences, signs, sums)
"""Before a common factor is looked for: they say more about where it comes from."""

SINGLE: tuple[Maker, ...] = (
    matrices,
    parentheses,
    superfluous,
    neighbours,
    numbers,
    local_derivatives,
    functions,
    forgotten,
    arriving,
    missing_terms,
    costs,
    others,
)

PAIRED: tuple[Maker, ...] = (differences, matrices, neighbours, sums, local_derivatives, forgotten)
"""Those of which two are tried together."""

MOST_PAIRS = 10_000
"""Pairs of corrections that are tried before the tutor gives up on two mistakes at once."""


@final
@dataclass(frozen=True)
class Finding:
    """What is wrong, before it is put into words for the learner."""

    mistake: str | None
    message: str
    part: Term | None = None
    edge: Edge | None = None
    correction: Term | None = None


@final
@dataclass(frozen=True)
class Diagnosis:
    """An exercise with its numbers: the gradient that is asked for in every run, and what corrections are made from."""

    name: str
    runs: tuple[Sample, ...]
    setting: Setting

    @property
    def truths(self) -> list[tuple[Sample, Any]]:
        """Every run, with the gradient in it."""
        return [(sample, sample.gradients[self.name]) for sample in self.runs]

    def finding(self, term: Term) -> Finding | None:
        """What is wrong with an answer; None if it is right."""
        if is_right(term, self.truths):
            return None
        for found in self._findings(term):
            if found is not None:
                return found
        return self._shape(term)

    def _findings(self, term: Term) -> Iterator[Finding | None]:
        yield self._one(self._tried(term, SURE))
        yield self._scaled(term)
        yield self._one(self._tried(term, SINGLE))
        yield self._two(term)
        yield self._known(term)

    def _tried(self, term: Term, makers: tuple[Maker, ...]) -> Iterator[Correction]:
        for maker in makers:
            yield from maker(term, self.setting)

    def _one(self, tried: Iterator[Correction]) -> Finding | None:
        for correction in tried:
            if is_right(correction.term, self.truths):
                return self._of(correction)
        return None

    def _of(self, correction: Correction, before: str = "", whole: Term | None = None) -> Finding:
        edge = correction.edge or self._edge(correction.names, correction.beside)
        return Finding(correction.mistake, before + correction.message, correction.part, edge, whole or correction.term)

    def _two(self, term: Term) -> Finding | None:
        """Two mistakes; told is the one that stands first."""
        tried = 0
        for first in self._tried(term, PAIRED):
            for second in self._tried(first.term, PAIRED):
                tried += 1
                if tried > MOST_PAIRS:
                    return None
                if is_right(second.term, self.truths):
                    told = min(first, second, key=lambda correction: correction.part.start)
                    return self._of(told, "Two things are wrong. The first: ", second.term)
        return None

    # --- numbers ---

    def _scaled(self, term: Term) -> Finding | None:
        """Whether only a number is missing before the whole: the mean over the examples, a factor."""
        ratio = next(filter(None, [self._ratio(reading) for reading in readings(term)]), None)
        if ratio is None:
            return None
        m, edge = self.setting.m, self._edge()
        corrected = made(HADAMARD, number(ratio, term), term)
        if m is not None and m > 1 and np.isclose(abs(ratio), [1 / m, m]).any():
            averaged = abs(ratio) < 1
            if averaged:
                mistake, message = "not averaged", f"The cost is the mean over m = {m} examples: 1/m is forgotten"
            else:
                mistake, message = "averaged twice", f"This is divided by m = {m} once too often"
            corrected = made("/", term, number(float(m), term)) if averaged else corrected
            return Finding(mistake, message + (", and the sign is wrong." if ratio < 0 else "."), term, edge, corrected)
        for place, part in walk(term):
            for value in (part.label * ratio, part.label / ratio) if part.kind == "number" else ():
                other = replaced(term, place, number(value, part))
                if is_right(other, self.truths):
                    return Finding("wrong number", f"The number {PART} is wrong.", part, edge, other)
        message = f"All is right but a number: the answer is {1 / ratio:.6g} times what it should be."
        return Finding("wrong number", message, term, edge, corrected)

    def _ratio(self, term: Term) -> float | None:
        """What the answer has to be multiplied by, if that is one number in all runs."""
        ratio: float | None = None
        try:
            for sample, truth in self.truths:
                value = np.asarray(evaluate(term, sample), float)
                square = float(np.sum(value * value))
                if value.shape != truth.shape or not np.isfinite(square) or square == 0:
                    return None
                if ratio is None:
                    ratio = float(np.sum(value * truth)) / square
                if ratio == 0 or not matches(ratio * value, truth):
                    return None
        except Misfit:
            return None
        return ratio

    # --- how far it is right ---

    def _known(self, term: Term) -> Finding | None:
        """The largest part of the answer that is the gradient of another value."""
        for _, part in walk(term):
            if part.kind in ("gradient", "number", "value"):
                continue
            for name in self._others():
                if is_right(part, [(sample, sample.gradients[name]) for sample in self.runs]):
                    whole = part is term
                    if whole:
                        message = f"This is ∂C/∂{name}; asked for is ∂C/∂{self.name}."
                    else:
                        message = f"{PART} is right so far: it is ∂C/∂{name}; what is made of it is not."
                    return Finding("another gradient" if whole else None, message, part, self._towards(name))
        return None

    def _others(self) -> list[str]:
        """The values computed last first; parameters, which may have the same gradients, come after them."""
        return [name for name in reversed(tuple(self.runs[0].gradients)) if name not in (self.name, self._root)]

    def _shape(self, term: Term) -> Finding:
        """Nothing is recognised: what shape is expected, and what came."""
        expected = self.truths[0][1].shape
        try:
            shape = np.shape(evaluate(next(readings(term)), self.runs[0]))
        except Misfit as misfit:
            return Finding("shape", f"{misfit}.", misfit.term, self._edge(symbols(misfit.term)))
        if shape != expected:
            message = f"This has the shape {shape}; ∂C/∂{self.name} has that of {self.name}, {expected}."
            return Finding("shape", message, term, self._edge(symbols(term)))
        ways = [link for link in self.setting.links if link.source == self.name]
        hint = f" {self.name} acts by {' and by '.join([link.how for link in ways])}." if ways else ""
        edge = ways[0].edge if ways else self._edge()
        return Finding(None, f"The shape is right, the numbers are not.{hint}", term, edge)

    # --- edges ---

    @property
    def _root(self) -> str:
        return self.setting.known.root

    def _towards(self, name: str) -> Edge | None:
        """The link after a gradient that is reached; off the way, the one that the asked value acts by."""
        links = self.setting.links
        here = [link for link in links if link.target == name] or [link for link in links if link.source == self.name]
        return here[0].edge if here else self._edge()

    def _edge(self, names: Names = frozenset(), beside: Names = frozenset()) -> Edge | None:
        """The link whose formula has most of these values in it; without any, the one at the cost."""
        links = self.setting.links
        if not (names or beside):
            return next((link.edge for link in reversed(links) if link.target == self._root), None)
        best = max(links, key=lambda link: 2 * len(names & link.names) + len(beside & link.names), default=None)
        return best.edge if best is not None else None
