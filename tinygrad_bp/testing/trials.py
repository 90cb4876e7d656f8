"""A derivative that somebody claims of a plain function, tried at some inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_bp.errors import ShapeError
from tinygrad_bp.testing.claims import compare
from tinygrad_bp.testing.diagnosis import diagnosed
from tinygrad_bp.testing.subject import Array, GradientError, Point
from tinygrad_bp.trees import aligned, flatten

EVERY = 100
"""Of an input with more elements than this some are tried one by one, and all together along random directions."""

_GRADIENT = "the gradient"


@dataclass(frozen=True)
class Claim:
    """That vjp(g, *xs) is the vector–Jacobian product of f(*xs).

    single: f returns one number, whose cotangent is 1. labels: what each array of xs is called.
    """

    f: Callable[..., Any]
    vjp: Callable[..., Any]
    name: str
    labels: Sequence[str]
    rebuild: Callable[[Iterator[Any]], Any]
    single: bool = False
    reference: Any = None
    analytic: bool = False
    tolerance: float | None = None
    seed: int = 0

    def fault(self, arrays: Sequence[Array]) -> GradientError | None:
        """What is wrong at these arrays."""
        try:
            Trial(self, arrays).check()
        except GradientError as error:
            return error.with_traceback(None)  # which would hold all that it went through
        return None

    def fails_alike(self, arrays: Sequence[Array], fault: GradientError) -> bool:
        """Whether the gradient of the same input is wrong at these arrays too; not where they cannot be used."""
        try:
            found = self.fault(arrays)
        except Exception:
            return False
        return found is not None and found.what.startswith(_GRADIENT) and found.input == fault.input

    def diagnosis(self, arrays: Sequence[Array], k: int) -> str:
        """What is wrong with the gradient of the k-th input that is differentiated; "" if that has no name."""
        trial = Trial(self, arrays)
        return diagnosed(trial.terms, trial.point.values, k, trial.pulled[trial.which[k]], arrays)


class Trial:
    """The claim at `arrays`: `ys`, the arrays of the result; `gs`, random cotangents for them."""

    def __init__(self, claim: Claim, arrays: Sequence[Array]):
        self.claim: Claim = claim
        self.arrays: Sequence[Array] = arrays
        self.xs: Any = claim.rebuild(iter(arrays))
        self.which: list[int] = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
        values = [arrays[i].astype(np.float64) for i in self.which]
        labels = [claim.labels[i] for i in self.which]
        self.point: Point = Point(claim.name, values, labels, claim.seed, claim.analytic, claim.tolerance)
        y = claim.f(*self.xs)
        leaves, self._rebuild = flatten(y)
        self.ys: list[Array] = [as_array(leaf) for leaf in leaves]
        if claim.single and (len(self.ys) != 1 or self.ys[0].size != 1):
            raise ShapeError(
                f"{claim.name}: check_grad is for functions that return one number; got {short(y)}. Use check_vjp."
            )
        self.gs: list[Array] = [np.ones(y.shape) if claim.single else self.point.direction(y.shape) for y in self.ys]

    @cached_property
    def pulled(self) -> list[Array]:
        """What the derivative gives to each array, once again as arrays."""
        claim, xs = self.claim, self.xs
        result = claim.vjp(self._rebuild(iter(self.gs)), *xs)
        if len(xs) == 1 and not (isinstance(result, tuple) and len(result) == 1):
            result = (result,)
        if not isinstance(result, tuple | list) or len(result) != len(xs):
            raise GradientError(
                f"{claim.name}: expected a tuple of {len(xs)}, a gradient for each input; got {short(result)}.",
                "number",
            )
        leaves = [leaf for x, d in zip(xs, result, strict=True) for leaf in aligned(d, x, claim.name)]
        return [as_array(leaf) for leaf in leaves]

    def check(self) -> None:
        """Raise GradientError for the first thing that is wrong."""
        before = [x.copy() for x in self.arrays]
        self._must_repeat()
        changed = [i for i, (old, new) in enumerate(zip(before, self.arrays, strict=True)) if not equal(old, new)]
        if changed:
            label = self.claim.labels[changed[0]]
            raise GradientError(f"{self.claim.name}: {label} was written to. Work on a copy of it.", "writing")
        self._must_be_reference()
        for k, i in enumerate(self.which):
            got, x = self.pulled[i], self.point.values[k]
            if got.shape != x.shape:
                self.point.fail(f"{_GRADIENT}'s shape", k, None, x.shape, got.shape)
            compare(self.point, _GRADIENT, k, got, self.terms, self.point.analytic, coordinates=EVERY)

    def _must_repeat(self) -> None:
        again = Trial(self.claim, self.arrays)
        for what, first, second in (("function", self.ys, again.ys), ("derivative", self.pulled, again.pulled)):
            if not all(map(equal, first, second)):
                raise GradientError(
                    f"{self.claim.name}: the {what} gives other numbers for the same inputs. Does it draw random "
                    "numbers, or keep state between calls? Give it a seed.",
                    "repeating",
                )

    def _must_be_reference(self) -> None:
        reference = self.claim.reference
        if reference is None:
            return
        wanted = flatten(reference(*self.xs) if callable(reference) else reference)[0]
        tolerance = self.claim.tolerance or 1e-7
        for want, got in zip(map(as_array, wanted), self.ys, strict=True):
            if want.shape != got.shape or not np.allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=True):
                raise GradientError(
                    f"{self.claim.name}: the value of the function: expected {short(want)}, the reference; got "
                    f"{short(got)}.",
                    "value",
                )

    def terms(self, values: Sequence[Array]) -> Array:
        """The terms of ⟨g, f⟩ at other values of the inputs that are differentiated."""
        filled = list(self.arrays)
        for i, value in zip(self.which, values, strict=True):
            filled[i] = value
        parts = [as_array(leaf) for leaf in flatten(self.claim.f(*self.claim.rebuild(iter(filled))))[0]]
        return np.concatenate([np.ravel(g.astype(y.dtype) * y) for g, y in zip(self.gs, parts, strict=True)])


def as_array(x: Any) -> Array:
    """Anybody's array as NumPy's; None, which carries no derivative, as an empty one."""
    if x is None:
        return np.zeros(0)
    detach = getattr(x, "detach", None)
    return np.asarray(x if detach is None else detach())


def equal(a: Array, b: Array) -> bool:
    """Whether two arrays are the same, element by element."""
    return bool(a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))


def short(value: Any) -> str:
    """A value for a message."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
