"""The programs that engines are compared on: every op with a float input, its value and what its VJPs give."""

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

import tinygrad_bp as tg
from tinygrad_bp.program import Program, optimized, traced
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import op_cases

EXAMPLES = 6
"""So many cases are drawn of an op, always the same; the largest is compared."""


def with_derivatives(case: Any) -> Callable[..., list[Any]]:
    """The function from a case's inputs to the op's value and, where it has them, what its VJPs make of a cotangent."""
    trainable = [i for i, x in enumerate(case.inputs) if x.dtype.kind in "fc"]

    def function(*inputs: Any) -> list[Any]:
        def of_trainable(*chosen: Any) -> Any:
            new = dict(zip(trainable, chosen, strict=True))
            return case.function(*[new.get(i, x) for i, x in enumerate(inputs)])

        if not (trainable and case.op.differentiable):
            return [case.function(*inputs)]
        y, pullback = tg.vjp(of_trainable, *[inputs[i] for i in trainable])
        return [y, *pullback(np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype))]

    return function


def cases(name: str, count: int) -> list[Any]:
    """That many cases of an op, always the same ones."""
    found: list[Any] = []

    @hypothesis.seed(1)
    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(op_cases(OPS[name]))
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


def has_floats(case: Any) -> bool:
    """Whether an input is of float64."""
    return any(x.dtype == np.float64 for x in case.inputs)


def largest(name: str) -> Any:
    """The largest of an op's cases with a float64 input; None if there is none."""
    found = [case for case in cases(name, EXAMPLES) if has_floats(case)]
    return max(found, key=lambda case: sum(x.size for x in case.inputs), default=None)


def program_of(case: Any) -> tuple[Program, list[Any], list[Any]]:
    """The case's program, its inputs, and the results that NumPy gave when it was traced."""
    inputs = [x[()] for x in case.inputs]
    program, values = traced(with_derivatives(case), "f", [(f"x{i}", x) for i, x in enumerate(inputs)])
    return optimized(program), inputs, values


def difference(got: Sequence[Any], values: Sequence[Any], tolerance: float = 1e-12, of_largest: bool = False) -> str:
    """How results are others than NumPy's; empty but for rounding. of_largest: beside the largest number of each.

    That is what sums of products are held to, as elements may be small where their terms cancel.
    """
    for y, value in zip(got, values, strict=True):
        y, value = np.asarray(y), np.asarray(value)
        if (y.shape, y.dtype) != (value.shape, value.dtype):
            return f"{y.dtype} {y.shape} for {value.dtype} {value.shape}"
        size = 1.0
        if of_largest and value.dtype.kind == "f":
            size = np.max(np.abs(value), where=np.isfinite(value), initial=1.0)
        if not np.allclose(y, value, rtol=tolerance, atol=tolerance * size, equal_nan=True):
            return f"other numbers, by {np.max(np.abs(y - value)):.1e}"
    return ""
