"""What the tutor says to an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import final

from tinygrad_bp.draw import Drawing
from tinygrad_bp.draw.scene import Options
from tinygrad_bp.graph import Graph


@final
@dataclass(frozen=True, repr=False)
class Verdict:
    """Whether an answer is right, and if not, what is wrong with it.

    text: the answer. mistake: the name of the mistake, "missing transposition"; None if it is right or nothing is
    recognised. message: a sentence for the learner. where: start and end of the place in the text. edge: the two values
    between which the edge of the picture lies that the place belongs to. correction: the answer without the mistake,
    where one is known.
    """

    text: str
    right: bool
    message: str
    mistake: str | None = None
    where: tuple[int, int] | None = None
    edge: tuple[str, str] | None = None
    correction: str | None = None
    graph: Graph | None = field(default=None, compare=False)

    @property
    def underlined(self) -> str:
        """The answer, and below it marks under the place of the mistake."""
        if self.where is None:
            return self.text
        start, end = self.where
        return f"{self.text}\n{' ' * start}{'^' * max(end - start, 1)}"

    @property
    def picture(self) -> Drawing | None:
        """The part of the picture where the mistake lies: the values around its edge, in symbols, and the edge lit."""
        if self.edge is None or self.graph is None:
            return None
        around = self.graph.neighbourhood(self.edge[1])
        return Drawing(around, Options(values="none", title=" → ".join(self.edge), lit=self.edge))

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        return self.message if self.right else f"{self.underlined}\n{self.message}"

    def __repr__(self) -> str:
        return f"<{'right' if self.right else 'wrong'}: {self.message}>"

    def _repr_html_(self) -> str:
        if self.where is None:
            shown = escape(self.text)
        else:
            start, end = self.where
            shown = f"{escape(self.text[:start])}<u>{escape(self.text[start:end])}</u>{escape(self.text[end:])}"
        words = f"<p><code>{shown}</code></p><p>{'✓' if self.right else '✗'} {escape(self.message)}</p>"
        return words if self.picture is None else f"{words}<div>{self.picture._repr_svg_()}</div>"
