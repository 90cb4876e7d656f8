"""The tutor as a page: answers are read, evaluated and diagnosed in the page itself, as the tutor does it."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape
from pathlib import Path
from typing import Any, final

import numpy as np

from tinygrad_bp.derive.equations import tolerance
from tinygrad_bp.draw import Drawing
from tinygrad_bp.draw.document import framed, page, suited
from tinygrad_bp.draw.labels import clean, shortened
from tinygrad_bp.draw.scene import Options
from tinygrad_bp.engine import Op, apply
from tinygrad_bp.errors import ArgumentError, TinygradError
from tinygrad_bp.files import write_whole
from tinygrad_bp.graph import Graph, GraphNode
from tinygrad_bp.modes import quietly
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.source.javascript import NotWritten, javascript, library
from tinygrad_bp.tutor.corrections import Setting
from tinygrad_bp.tutor.links import Link
from tinygrad_bp.tutor.samples import Sample
from tinygrad_bp.tutor.terms import Term
from tinygrad_bp.tutor.vocabulary import Vocabulary, functions

MOST_NODES = 100
"""Nobody finds an edge in a larger picture."""

MOST_NUMBERS = 10_000
"""Of all values and gradients together, three times each: a page of half a megabyte."""

PARTS = ("terms", "model", "words", "reading", "evaluation", "corrections", "factors", "diagnosis")
"""Of the page's script, in the order in which they use each other."""


@final
@dataclass(frozen=True)
class Asked:
    """One exercise of the page: what is asked, what helps, the answer, and what corrections are made from."""

    name: str
    question: str
    hint: str
    solution: str
    setting: Setting

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script has to know of it."""
        return {
            "name": self.name, "question": self.question, "hint": self.hint, "solution": self.solution,
            "usable": self.setting.gradients, "links": [_link(link) for link in self.setting.links],
            "terms": [_term(term) for term in self.setting.terms],
        }  # fmt: skip


@final
@dataclass(frozen=True)
class TutorPage:
    """A page of exercises, one file that asks nothing of a network."""

    graph: Graph
    known: Vocabulary
    runs: tuple[Sample, ...]
    m: int | None
    asked: tuple[Asked, ...]

    @cached_property
    def script(self) -> str:
        """All that judges an answer, in JavaScript: check(name, text) gives the verdict."""
        # `<` could end the script; in JSON it occurs in texts only
        data = json.dumps(self._data(), ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
        parts = [_part(f"script/{name}.js") for name in PARTS]
        return "\n".join([library(), written_functions(), f"const data = {data};", *parts])

    @cached_property
    def html(self) -> str:
        """The page. Raises ArgumentError if the graph is too large for one, and what `Drawing.svg` raises."""
        self._require_small()
        svg = _TOLD.sub(r"\1", Drawing(self._shown, Options(values="none")).svg)  # tooltips tell the derivatives
        css, js = _part("page.css"), f"{self.script}\n{_part('page.js')}"
        return page(
            _part("page.html"),
            escape(f"{shortened(clean(self.graph.root.name), 40)}, gradients to write down"),
            root=escape(clean(self.known.root)),
            examples="" if self.m is None else f"; <code>m</code> = {self.m} is the number of examples",
            css=css, js=js, pictures=[svg], svg=svg, values=self._values(), exercises=self._exercises(),
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, `.html`. The file appears whole or not at all."""
        return write_whole(suited(path, "a page", ".html", ".htm"), self.html.encode())

    def _repr_html_(self) -> str:
        return framed(self.html, "exercises", 800)

    # --- parts ---

    @cached_property
    def _shown(self) -> Graph:
        return self.graph.view("named")

    def _require_small(self) -> None:
        nodes = len(self._shown.nodes)
        numbers = sum([np.size(x) for x in (*self.runs[0].values.values(), *self.runs[0].gradients.values())])
        if nodes > MOST_NODES or numbers > MOST_NUMBERS:
            raise ArgumentError(
                f"tutor: a page has at most {MOST_NODES} values with {MOST_NUMBERS} numbers in all, gradients too; "
                f"the graph of {self.graph.root.name} has {nodes} with {numbers}. Take a smaller model, fewer examples."
            )

    def _data(self) -> dict[str, Any]:
        """What the page's script has to know."""
        names = {node.id: node.name for node in self._shown.nodes}  # ids are those of the picture
        edges = [(names[edge.source], names[edge.target]) for edge in self._shown.edges]
        return {
            "root": self.known.root, "values": self.known.values, "gradients": sorted(self.known.gradients),
            "aliases": list(self.known.aliases.items()), "m": self.m, "edges": edges,
            "nodes": [(name, identity) for identity, name in names.items()],
            "runs": [{"values": _arrays(run.values), "gradients": _arrays(run.gradients)} for run in self.runs],
            "tolerances": [(name, tolerance(x)) for name, x in self.runs[0].gradients.items()],
            "exercises": [each.data for each in self.asked],
        }  # fmt: skip

    def _values(self) -> str:
        return "\n".join([_row(node) for node in self._shown.nodes if node.named])

    def _exercises(self) -> str:
        shapes = {node.name: node.shape for node in self._shown.nodes}
        return "\n".join(
            [
                f'<li><button type="button"><code>{escape(each.question)}</code></button> '
                f'<code class="plain">{escape(each.question)} =</code> '
                f'<span class="about">{_shape(shapes[each.name])}</span></li>'
                for each in self.asked
            ]
        )


_TOLD = re.compile(r'(<g id="e\d+-backward"[^>]*>\s*)<title>.*?</title>', re.DOTALL)
"""What a backward edge of a picture says where one points at it."""


# --- functions --------------------------------------------------------------------------------------------------------

_LENGTHS = (89, 97)
"""Of rows that functions are traced on; what the two programs differ in is the length."""


@cache
def written_functions() -> str:
    """The functions that an answer may call, in JavaScript: a program for rows of n numbers each.

    Left out are those whose programs are not written, or are others for other lengths.
    """
    found = []
    for name, function in functions().items():
        program = _program(function.op)
        if program is not None:
            usual = inspect.signature(function.call).parameters["axis"].default if function.takes_axis else None
            about = {"reduces": function.reduces, "takesAxis": function.takes_axis, "usual": usual}
            found.append(f"[{json.dumps(name)}, {{ ...{json.dumps(about)}, program: (n) => ({program})(np) }}],")
    return "\n".join(["const functions = new Map([", *found, "]);"])


@cache
def _program(op: Op) -> str | None:
    """A JavaScript function of `n`, the length, as the text of its body."""
    texts = set()
    for length in _LENGTHS:
        row = np.linspace(0.1, 0.9, length)
        try:
            program, _ = quietly(traced, lambda x: [apply(op, (x,))], "row", [("x", row)])
            texts.add(re.sub(rf"\b{length}\b", "n", javascript(optimized(program))))
        except (TinygradError, NotWritten):
            return None
    return texts.pop() if len(texts) == 1 else None


# --- data -------------------------------------------------------------------------------------------------------------


def _arrays(given: Mapping[str, Any]) -> list[Any]:
    """Arrays by name: shape, numbers."""
    return [[name, np.shape(x), np.asarray(x, float).ravel().tolist()] for name, x in given.items()]


def _link(link: Link) -> dict[str, Any]:
    local = None if link.local is None else _term(link.local)
    return {
        "source": link.source, "target": link.target, "how": link.how, "local": local, "formula": _term(link.formula)
    }  # fmt: skip


def _term(term: Term) -> dict[str, Any]:
    parts = [_term(part) for part in term.parts]
    options = {"axis": term.axis, "keepdims": term.keepdims, "free": term.free} if term.kind == "call" else {}
    return {"kind": term.kind, "parts": parts, "label": term.label, **options}


def _row(node: GraphNode) -> str:
    """What a value is: its name, its formula, its shape."""
    formula = f" = {escape(clean(node.formula))}" if node.op else ""
    return f'<li><code>{escape(clean(node.name))}{formula}</code> <span class="about">{_shape(node.shape)}</span></li>'


def _shape(shape: tuple[int, ...]) -> str:
    return str(shape) if shape else ""


def _part(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
