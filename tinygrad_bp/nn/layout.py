"""How a `NeuralNetwork` lays out examples: as columns, which is the article's way, or as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from tinygrad_bp.errors import DataError, ShapeError
from tinygrad_bp.nn.checks import Array, numbers


@final
@dataclass(frozen=True)
class Layout:
    """Examples by columns, or by rows, where everything is transposed; what each one has of features and outputs."""

    rows: bool
    features: int
    outputs: int

    @property
    def axis(self) -> int:
        """Along which the examples are."""
        return 0 if self.rows else 1

    @property
    def name(self) -> str:
        """What an example is."""
        return "row" if self.rows else "column"

    def shape(self, n: int, m: int) -> tuple[int, int]:
        """The shape of what is (n, m) in the article."""
        return (m, n) if self.rows else (n, m)

    def weighted(self, W: Any, a: Any, b: Any) -> Any:
        """z[l] from W[l], a[l−1] and b[l]."""
        return a @ W + b if self.rows else W @ a + b

    def examples(self, X: Any) -> Array:
        """The inputs as an array; else ShapeError or DataError."""
        array, features = numbers("X", X), self.features
        if array.ndim != 2 or array.shape[1 - self.axis] != features:
            expected = f"(m, {features})" if self.rows else f"({features}, m)"
            turned = array.ndim == 2 and array.shape[self.axis] == features
            raise ShapeError(f"X has shape {array.shape}, expected {expected}: {self._said('X' if turned else '')}")
        return array

    def targets(self, Y: Any, m: int) -> Array:
        """The targets of m examples as an array, every one 0 or 1; else ShapeError or DataError."""
        array, shape = numbers("Y", Y), self.shape(self.outputs, m)
        if array.shape != shape:
            said = self._said("Y" if array.shape == shape[::-1] else "")
            if array.shape == (m,) and self.outputs == 1:
                said = f"Use Y.reshape({'-1, 1' if self.rows else '1, -1'})."
            raise ShapeError(f"Y has shape {array.shape}, expected {shape}, a {self.name} for each example: {said}")
        if array.size == 0:
            raise DataError(f"Y has shape {array.shape}: there is no example to learn from.")
        wrong = array[(array != 0) & (array != 1)]
        if wrong.size:
            raise DataError(
                f"targets are 0 or 1; Y holds {wrong.size} others, first {wrong[0]:g}. Relabel the classes."
            )
        return array

    def _said(self, turned: str) -> str:
        """How examples lie. turned: the name of an array that lies the other way."""
        said = f"examples are {self.name}s here."
        other = "without rows=True" if self.rows else "as NeuralNetwork(…, rows=True)"
        return f"{said} Pass {turned}.T, or build the network {other}." if turned else said
