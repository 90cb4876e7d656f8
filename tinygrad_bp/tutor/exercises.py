"""The exercises of a graph: every value whose gradient can be asked for, from the cost back."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, final

from tinygrad_bp.derive import Derivation
from tinygrad_bp.derive.equations import Equation
from tinygrad_bp.derive.show import Notation
from tinygrad_bp.errors import AnswerError, ArgumentError
from tinygrad_bp.graph import Graph, GraphNode
from tinygrad_bp.registry import OPS
from tinygrad_bp.traits import Role
from tinygrad_bp.tutor.corrections import PART, Setting
from tinygrad_bp.tutor.diagnosis import Diagnosis
from tinygrad_bp.tutor.links import links, summands
from tinygrad_bp.tutor.page import Asked, TutorPage
from tinygrad_bp.tutor.reading import read
from tinygrad_bp.tutor.samples import Sample
from tinygrad_bp.tutor.terms import Term, walk
from tinygrad_bp.tutor.verdict import Verdict
from tinygrad_bp.tutor.vocabulary import Vocabulary


@final
@dataclass(frozen=True, slots=True)
class Exercise:
    """One gradient to write down: ∂C/∂name, of a shape. usable: the values whose gradients may be used."""

    name: str
    question: str
    shape: tuple[int, ...]
    usable: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.question}   {self.shape}" if self.shape else self.question


@final
@dataclass(frozen=True, repr=False)
class Tutor:
    """Exercises on the gradients of a graph, and the answers to what one types.

    `exercises` in the order from the cost back; `check` judges an answer, `hint` helps with one, `solution` tells it.
    """

    graph: Graph
    everything: tuple[Equation, ...]
    runs: tuple[Sample, ...]
    known: Vocabulary
    m: int | None

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """All of them: first the last layer's z, then its parameters, then the layer before it."""
        order = _order(self.graph, [step.node for step in self.everything if step.node.name in self.known.gradients])
        notation = Notation(self.graph)
        after = self._after()
        found: list[Exercise] = []
        for node in order:
            earlier = self.known.gradients & ({exercise.name for exercise in found} | after[node.id])
            usable = tuple([step.node.name for step in self.everything if step.node.name in earlier - {node.name}])
            question = notation.plain(self._step(node.name).left)
            found.append(Exercise(node.name, question, node.shape, usable))
        return tuple(found)

    def check(self, name: str, answer: str) -> Verdict:
        """The verdict on an answer to ∂C/∂name: W2ᵀ·dz2 ⊙ a1(1 − a1), `W2.T @ dz2 * a1 * (1 - a1)`, and the like.

        Names are those of the graph; a gradient is ∂C/∂z2, dC/dz2 or dz2. `*` and ⊙ multiply element by element, `@`
        and · are products of matrices; m is the number of examples. What cannot be read is a wrong answer too.

        Raises ArgumentError for an exercise that is not there, or an answer that is no text.
        """
        exercise = self._exercise(name)
        if not isinstance(answer, str):
            raise ArgumentError(f"tutor: an answer is text; got {type(answer).__name__}.")
        try:
            term = read(answer, self.known, exercise.name, self.m)
            _refuse(term, [exercise.name], "is what is asked for")
            found = self._diagnosis(exercise).finding(term)
            if found is None:
                _refuse(term, self.known.gradients - set(exercise.usable), "follows from what is asked for")
                return self._verdict(answer, True, "Right.")
        except AnswerError as error:
            return self._verdict(answer, False, str(error), "unreadable", (error.start, error.end))
        where = None if found.part is None else (found.part.start, found.part.end)
        correction = None if found.correction is None else str(found.correction)
        quoted = found.message if where is None else found.message.replace(PART, answer[slice(*where)])
        return self._verdict(answer, False, quoted, found.mistake, where, found.edge, correction)

    def hint(self, name: str) -> str:
        """What leads to the answer: the links that the gradient comes by, and its shape."""
        self._exercise(name)
        step, notation = self._step(name), Notation(self.graph)
        lines = (
            [f"{notation.plain(step.left)} = {notation.plain(step.rights[0].template)}"] if len(step.rights) > 1 else []
        )
        for factor in step.factors:
            target, source = factor.target, factor.source
            how = f"{target.name} = {target.formula}"
            if target.id == self.graph.root.id:
                lines.append(f"Differentiate {how} for {source.name}.")
            elif factor.elementwise:
                lines.append(f"{how}: an element of {source.name} acts on the same element of {target.name} only.")
            else:
                lines.append(f"{how}: what arrives has the shape {target.shape}, what leaves has {source.shape}.")
        return "\n".join(lines)

    def solution(self, name: str) -> str:
        """The line of the derivation: `∂C/∂z1 = W2ᵀ·∂C/∂z2 ⊙ a1(1 − a1)`."""
        self._exercise(name)
        step, notation = self._step(name), Notation(self.graph)
        return f"{notation.plain(step.left)} = {notation.plain(step.rights[-1].template)}"

    @cached_property
    def page(self) -> TutorPage:
        """The exercises as a page, which judges answers as `check` does; its reader needs no Python."""
        asked = [
            Asked(e.name, e.question, self.hint(e.name), self.solution(e.name), self._diagnosis(e).setting)
            for e in self.exercises
        ]
        return TutorPage(self.graph, self.known, self.runs, self.m, tuple(asked))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, `.html`; it asks nothing of a network. The file appears whole or not at all.

        Raises ArgumentError for more than 100 values, or more numbers than fit on a page.
        """
        return self.page.save(path)

    def __repr__(self) -> str:
        return f"<Tutor of {self.graph.root.name}: {len(self.exercises)} exercises>"

    def _repr_html_(self) -> str:
        rows = "".join([f"<li><code>{exercise}</code></li>" for exercise in [escape(str(e)) for e in self.exercises]])
        return f"<p>Write down, and <code>check</code>:</p><ol>{rows}</ol>"

    # --- parts ---

    def _exercise(self, name: str) -> Exercise:
        for exercise in self.exercises:
            if name in (exercise.name, exercise.question):
                return exercise
        names = ", ".join([exercise.name for exercise in self.exercises])
        raise ArgumentError(f"tutor: there is no exercise {name!r}. Choose one of {names}.")

    def _step(self, name: str) -> Equation:
        return next(step for step in reversed(self.everything) if step.node.name == name)

    def _after(self) -> dict[str, set[str]]:
        """For every value the names of those it acts on."""
        reached: dict[str, set[str]] = {self.graph.root.id: set()}
        for step in self.everything:
            targets = [factor.target for factor in step.factors]
            reached[step.node.id] = set().union(*[{target.name} | reached[target.id] for target in targets])
        return reached

    def _diagnosis(self, exercise: Exercise) -> Diagnosis:
        derivation = Derivation(self.graph, self._step(exercise.name).node, self.everything)
        found = tuple(links(derivation, self.known))
        known = {self.known.root, *exercise.usable}
        first = [link for link in found if link.source == exercise.name and link.target in known]
        ways = [link.share(self.known.root) for link in first]
        parts = tuple(ways) if len(ways) > 1 else self._summands(exercise.name)
        setting = Setting(self.known, found, exercise.usable, self.m, parts)
        return Diagnosis(exercise.name, self.runs, setting)

    def _summands(self, name: str) -> tuple[Term, ...]:
        """The terms of the solution."""
        try:
            return tuple(summands(read(self.solution(name), self.known, name)))
        except AnswerError:
            return ()  # a formula that has no form as an answer

    def _verdict(self, text: str, right: bool, message: str, *more: Any) -> Verdict:
        message = message.replace("∂C/", f"∂{self.known.root}/")
        return replace(Verdict(text, right, message, *more), graph=self.graph.view("named"))


def _refuse(term: Term, gradients: Collection[str], why: str) -> None:
    """Raise AnswerError where an answer goes round in a circle."""
    for _, part in walk(term):
        if part.kind == "gradient" and part.label in gradients:
            raise AnswerError(f"{part} {why}.", part.start, part.end)


def _order(graph: Graph, nodes: list[GraphNode]) -> list[GraphNode]:
    """From the cost back, parameters after the value they are used for; z[L] before a[L], as the article has it."""
    place: dict[str, int] = {}
    for i, node in enumerate(graph.nodes):
        place[node.id] = i
        for parent in node.parents:
            place.setdefault(parent, i)
    users: Mapping[str, int] = {
        node.id: max([place[edge.target] for edge in graph.edges if edge.source == node.id], default=0)
        for node in graph.nodes
    }
    inner = [node for node in nodes if node.op is not None]
    inner.sort(key=lambda node: -place[node.id])
    if len(inner) > 1 and OPS[inner[0].op or ""].traits.role is Role.ACTIVATION:
        inner[:2] = inner[1::-1]
    leaves = [node for node in nodes if node.op is None]
    ordered: list[GraphNode] = []
    for i, node in enumerate(inner):
        ordered.append(node)
        until = max([place[later.id] for later in inner[i + 1 :]], default=-1)
        mine = [leaf for leaf in leaves if leaf not in ordered and until < users[leaf.id] <= place[node.id]]
        ordered += reversed(mine)
    return [*ordered, *[leaf for leaf in leaves if leaf not in ordered]]
