"""`python -m tests.stress.accuracy [OP …] [--write]`: how many ulps values and derivatives are off, against mpmath.

Every elementwise op in float16, float32 and float64: its value, its first and its second derivatives, the latter by
`tg.grad` of `tg.grad`, at arguments of every size. The right values are SymPy's expressions and their derivatives,
evaluated by mpmath with as many digits as it takes. An ulp is the distance of neighbouring numbers of the dtype at the
right value, and that of the smallest numbers below them. `--write` keeps the figures where the op table reads them.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path
from typing import NamedTuple

import mpmath as mp
import numpy as np
import sympy as sp

import tinygrad_bp as tg
from tests.ops.expressions import EXPRESSIONS, WITHOUT_EXPRESSION
from tinygrad_bp.registry import OPS
from tinygrad_bp.traits import Limit

DTYPES = (np.float16, np.float32, np.float64)
PRECISIONS = (300, 1400, 3400)
"""Bits to compute with: the last are enough for 1 − tanh² x as long as it is not 0 in float64."""
COUNT = 30
"""How many arguments of a kind."""
FIGURES = Path(tg.__path__[0]) / "op_table" / "accuracy.json"
FEW = 8
"""The ulps that are promised."""
AGREED = mp.mpf(2) ** -90
FIXED = {"polygamma": (0,), "iv": (0,)}
"""Inputs that are whole numbers."""
ORDERS = np.array([0, 1, 2, 3])
LIMITS = {
    "gamma": (1e-300, 200),
    "gammaln": (1e-300, 1e300),
    "psi": (1e-300, 1e300),
    "polygamma": (1e-2, 1e5),
    "i0": (-800, 800),
    "iv": (-800, 800),
    "erfcx": (-30, 1e300),
    "erfinv": (-1, 1),
    "log_ndtr": (-1e150, 50),
    "beta": (1e-2, 50),
    "betaln": (1e-2, 50),
    "rgamma": (-30, 200),
    "erfcinv": (0, 2),
}
"""Between which numbers an op is looked at, where mpmath is slow beyond, or the op is not made for more."""


class Worst(NamedTuple):
    """The largest error of one order, and where it is."""

    ulps: float
    at: tuple[float, ...]


# --- arguments --------------------------------------------------------------------------------------------------------


def arguments(dtype, count: int) -> np.ndarray:
    """Numbers of every size and sign: even ones, tiny to huge ones, the tails of e^x, neighbours of simple numbers."""
    info = np.finfo(dtype)
    low, high = np.log2(float(info.smallest_subnormal)), np.log2(float(info.max))
    end = float(np.log(info.max))
    sizes = np.concatenate([
        np.linspace(0.07, 9.6, count), 2.0 ** np.linspace(low, high - 1e-3, count),
        2.0 ** np.linspace(-12, 6, count), end * np.linspace(0.12, 1.08, count // 2), end * np.linspace(0.5, 0.6, 4),
        _beside(dtype, (0.5, 1, 2, 3, 6)), [0.0],
    ])  # fmt: skip
    with np.errstate(over="ignore"):
        given = np.concatenate([sizes, -sizes]).astype(dtype)
    return np.unique(given[np.isfinite(given)])


def _beside(dtype, numbers):
    exact = np.array(numbers, dtype)
    return np.concatenate([exact, np.nextafter(exact, dtype(0)), np.nextafter(exact, dtype(9))]).astype(float)


def grid(name: str, dtype, count: int) -> list[np.ndarray]:
    """Arguments for each input of an op, none of them at a kink."""
    record = OPS[name]
    inputs = len(record.derivatives)
    if inputs == 1:
        columns = [arguments(dtype, count)]
    else:
        random, single = np.random.default_rng(0), arguments(dtype, count)
        columns = [random.choice(ORDERS if i in FIXED.get(name, ()) else single, 10 * count) for i in range(inputs)]
    if record.domain.prepare is not None and not record.domain.bounded:
        with np.errstate(all="ignore"):
            columns = [np.asarray(column, dtype) for column in record.domain.prepare(*columns)]
    low, high = LIMITS.get(name, (-np.inf, np.inf))
    chosen = np.all([(low <= x.astype(float)) & (x.astype(float) <= high) for x in columns], axis=0)
    if record.domain.kink is not None:
        with np.errstate(all="ignore"):
            distances = record.domain.kink(*columns, **record.defaults)
        chosen &= np.all(np.reshape(distances, (chosen.size, -1)) != 0, axis=1)
    return [column[chosen] for column in columns]


# --- what is right ----------------------------------------------------------------------------------------------------


@cache
def formulas(name: str) -> dict[tuple[int, ...], object]:
    """mpmath functions of an op and its derivatives, by the inputs that they are for."""
    inputs = len(OPS[name].derivatives)
    symbols = [sp.Symbol(f"x{i}", real=True) for i in range(inputs)]
    carried = [i for i in range(inputs) if OPS[name].derivatives[i] is not None and i not in FIXED.get(name, ())]
    if name in WITHOUT_EXPRESSION:
        return {(i,): lambda *_: mp.mpf(0) for i in carried}
    expression = EXPRESSIONS[name](*symbols, **OPS[name].defaults)
    wanted = [(), *[(i,) for i in carried], *combinations_with_replacement(carried, 2)]
    return {by: _callable(symbols, expression, by) for by in wanted}


def _callable(symbols, expression, by):
    for i in by:
        expression = sp.diff(expression, symbols[i])
    flat = expression.replace(sp.DiracDelta, lambda *_: sp.S.Zero).doit()
    return sp.lambdify(symbols, flat, [{"Floor": mp.floor, "Heaviside": _step}, "mpmath"])


def _step(x, at_zero=0.5):
    return mp.mpf(1 if x > 0 else 0 if x < 0 else at_zero)


def right(function, xs) -> mp.mpf | None:
    """The value at these numbers; None where there is none."""
    before = None
    for bits in PRECISIONS:
        with mp.workprec(bits):
            try:
                value = function(*[mp.mpf(float(x)) if isinstance(x, np.floating) else int(x) for x in xs])
            except (ZeroDivisionError, ValueError, OverflowError, mp.libmp.NoConvergence):
                return None
            if isinstance(value, mp.mpc) and value.imag == 0:
                value = value.real
            if isinstance(value, mp.mpc) or not mp.isfinite(value):
                return None
            value = mp.mpf(value)
            if value and before and abs(value - before) <= AGREED * abs(value):
                return value
            before = value
    return before


def ulps(got, value: mp.mpf, dtype) -> float | None:
    """How far a number is from the right value; None where that is too large for the dtype."""
    info = np.finfo(dtype)
    if abs(value) > float(info.max):
        return None
    exponent = max(mp.frexp(value)[1] - 1 if value else info.minexp, info.minexp)
    with mp.workprec(200):
        distance = abs(mp.mpf(float(got)) - value) / mp.ldexp(1, int(exponent) - info.nmant)
    return float(distance) if mp.isfinite(distance) else np.inf


# --- what is computed -------------------------------------------------------------------------------------------------


def computed(name: str, columns) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Values and derivatives of an op, by the inputs that they are for."""
    call = OPS[name].call

    def total(by):
        def f(*xs):
            return (tg.grad(total(by[:-1]), argnums=by[-1])(*xs) if by else call(*xs)).sum()

        return f

    with np.errstate(all="ignore"):
        for by in formulas(name):
            yield by, tg.grad(total(by[:-1]), argnums=by[-1])(*columns) if by else call(*columns)


def figures(name: str, dtype, count: int) -> list[Worst | None]:
    """The largest errors of an op's values, first and second derivatives."""
    columns = grid(name, dtype, count)
    worst: list[Worst | None] = [None, None, None]
    points = list(zip(*columns, strict=True))
    inside = [() not in formulas(name) or right(formulas(name)[()], xs) is not None for xs in points]
    for by, found in computed(name, columns):
        assert found.dtype == dtype or name == "float_power", (name, found.dtype)
        function = formulas(name)[by]
        for got, xs, counts in zip(found, points, inside, strict=True):
            value = right(function, xs) if counts else None
            error = None if value is None else ulps(got, value, dtype)
            if error is not None and error > FEW and by:
                error = lessened(name, function, xs, value, error, dtype)
            old = worst[len(by)]
            if error is not None and (old is None or error > old.ulps):
                worst[len(by)] = Worst(error, tuple([float(x) for x in xs]))
    return worst


def lessened(name: str, function, xs, value, error: float, dtype) -> float | None:
    """An error without what the record says of the op's limits; None where they say that it does not count."""
    limits, tiny = OPS[name].traits.limits, float(np.finfo(dtype).tiny)
    met = abs(value) / max(1, *[abs(float(x)) for x in xs])  # a factor that the result is made of
    if Limit.UNDERFLOW in limits and any(0 < abs(x) < tiny for x in (met, *xs)):
        return None
    if Limit.ZEROS in limits:
        around = [right(function, [np.float64(x) * factor for x in xs]) for factor in (0.8, 0.999, 1.001, 1.25)]
        if None not in around and min(around) <= 0 <= max(around):
            return error * float(abs(value) / max(map(abs, around)))
    return error


def promised() -> list[str]:
    """The names of the library's exported elementwise ops that have a derivative."""
    return [name for name, op in OPS.items() if op.derivatives and any(op.derivatives) and not op.internal
            and op.forward.__module__.startswith("tinygrad_bp.ops")]  # fmt: skip


def shown(worst: Worst | None) -> str:
    """An error and its place, in few characters."""
    return "–" if worst is None else f"{worst.ulps:.3g} at {', '.join([f'{x:.5g}' for x in worst.at])}"


def main(arguments) -> int:
    """Print the table; the status is the number of ops that are further off than is promised, without a reason."""
    names, wrong, kept = [a for a in arguments if a != "--write"] or promised(), 0, {}
    for name in names:
        errors = np.zeros(2)
        for dtype in DTYPES:
            found = figures(name, dtype, COUNT)
            errors = np.maximum(errors, [0.0 if w is None else w.ulps for w in found[1:]])
            print(f"{name:16} {dtype.__name__:8} " + " | ".join([f"{shown(w):28}" for w in found]), flush=True)
        wrong += bool(errors.max() > FEW and not OPS[name].traits.limits)
        kept[name] = [float(f"{error:.2g}") if np.isfinite(error) else None for error in errors]
    if "--write" in arguments:
        kept = json.loads(FIGURES.read_text("utf-8")) | kept
        lines = [f"  {json.dumps(name)}: {json.dumps(kept[name])}" for name in sorted(kept)]
        FIGURES.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
