"""What is checked: a function at a point, its numbers, and the message when they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_bp.errors import TinygradError
from tinygrad_bp.tensor import asarray
from tinygrad_bp.testing.recording import Recording

Array = np.ndarray[Any, Any]


class GradientError(TinygradError, AssertionError):
    """A derivative that is wrong: names the function, the input, the index, what was expected and what was got.

    what: which claim does not hold. input: the number of the input among those that are differentiated, if it is one's.
    `picture` marks what is wrong, where the function can be drawn; notebooks show it.
    """

    def __init__(self, message: str, what: str = "", input: int | None = None, drawn: Callable[[], Any] = lambda: None):
        super().__init__(message)
        self.what: str = what
        self.input: int | None = input
        self._drawn = drawn

    @cached_property
    def picture(self) -> Any:
        """A Drawing, made when it is asked for; None where there is none."""
        return self._drawn()

    def _repr_svg_(self) -> str | None:
        return None if self.picture is None else str(self.picture._repr_svg_())


class Point:
    """Where a function is checked: `values`, the inputs that are differentiated, and what they are called."""

    def __init__(
        self, name: str, values: Sequence[Array], labels: Sequence[str], seed: int, analytic: bool,
        tolerance: float | None = None,
    ):  # fmt: skip
        self.name: str = name
        self.values: list[Array] = list(values)
        self.labels: list[str] = list(labels)
        self.random: np.random.Generator = np.random.default_rng(seed)
        self.analytic: bool = analytic
        self.tolerance: float | None = tolerance

    def joined(self, arrays: Sequence[Array]) -> Array:
        """The elements of all inputs, or of arrays like them, in one row."""
        return np.concatenate([np.zeros(0), *[np.ravel(x) for x in arrays]])

    def parted(self, elements: Array) -> list[Array]:
        """The inputs that a row of elements stands for."""
        cuts = np.cumsum([x.size for x in self.values])
        return [part.reshape(x.shape) for part, x in zip(np.split(elements, cuts), self.values, strict=False)]

    def direction(self, shape: tuple[int, ...]) -> Array:
        """A random array with no small element."""
        x = self.random.uniform(-1, 1, shape)
        return np.asarray(x + np.copysign(0.5, x))

    def fail(self, what: str, i: int, index: Any, expected: Any, got: Any) -> None:
        """Raise the error for input i."""
        where = "" if index is None else f" at index {tuple(int(k) for k in index)}"
        label = f"{self.labels[i]} of shape {self.values[i].shape}"
        raise GradientError(f"{self.name}: {what} for {label}{where}: expected {expected}, got {got}.", what, i)

    def require_close(self, what: str, i: int, expected: Array, got: Array, tolerance: float) -> None:
        """Every element agrees, relative to its size, to 1 or to a thousandth of the largest, whichever is more."""
        if np.shape(got) != np.shape(expected):
            self.fail(f"the shape of {what}", i, None, np.shape(expected), np.shape(got))
        equal = got == expected
        if equal.all():
            return
        sizes = np.abs(expected)
        floor = max(1.0, 1e-3 * float(np.max(sizes, initial=0.0)))
        right = np.abs(got - expected) <= tolerance * np.maximum(sizes, floor)
        if not right.all():
            same = right | equal | (np.isnan(got) & np.isnan(expected))
            if not same.all():
                index = tuple(np.argwhere(~same)[0])
                self.fail(what, i, index, np.asarray(expected)[index], np.asarray(got)[index])


class Subject(Point):
    """f at `values`, the floating ones of its inputs, recorded once; g is a random cotangent, `pulled` is Jᵀ·g."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], name: str, seed: int, analytic: bool):
        self.f: Callable[..., Any] = f
        self.inputs: list[Any] = list(inputs)
        self.trainable: list[int] = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
        values = [np.asarray(inputs[i]) for i in self.trainable]
        super().__init__(name, values, [f"input {i}" for i in self.trainable], seed, analytic)
        self.trace: Recording = Recording(self.at, self.values)
        self.y: Array = np.array(self.trace.y.value)
        self.g: Array = self.direction(self.y.shape)

    @cached_property
    def pulled(self) -> list[Array]:
        """Jᵀ·g; GradientError if a rule writes to what it is given."""
        before = [x.copy() for x in self.values]
        pulled = [np.asarray(d) for d in self.trace.pull(self.g)]
        pairs = {"an input": zip(before, self.values, strict=True), "the result": [(self.y, self.trace.y.value)]}
        for what, arrays in pairs.items():
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in arrays):
                raise GradientError(
                    f"{self.name}: {what} was written to. Rules must leave their arguments as they are."
                )
        return pulled

    def at(self, *values: Any) -> Any:
        """f as a function of the inputs that are differentiated."""
        filled = list(self.inputs)
        for i, value in zip(self.trainable, values, strict=True):
            filled[i] = value
        return self.f(*filled)

    def terms(self, values: Sequence[Array]) -> Any:
        """The terms of ⟨g, f⟩ at other values."""
        return self.g * self.evaluate(values)

    def evaluate(self, values: Sequence[Array]) -> Any:
        """The plain value of f, complex where the values are."""
        return asarray(self.at(*[asarray(x) for x in values])).value
