"""How figures are written: a cell of the table, a median with its quartiles."""

from collections.abc import Sequence
from statistics import quantiles

NONE = "–"
NOISY = 1.2


def quarters(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = quantiles(values, n=4)
    return low, middle, high


def spread(values: Sequence[float]) -> str:
    low, middle, high = quarters(values)
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def cell(times: Sequence[float] | None, ratios: Sequence[float] | None) -> str:
    """Return "ratio (µs)"; ~ marks a ratio whose quartiles are more than a fifth apart."""
    if times is None:
        return NONE
    microseconds = 1e6 * quarters(times)[1]
    written = f"({microseconds:,.{1 if microseconds < 100 else 0}f})"
    if ratios is None:
        return f"{NONE} {written}"
    low, middle, high = quarters(ratios)
    return f"{'~' if high > NOISY * low else ''}{middle:.3g} {written}"


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return the lines as a Markdown table."""
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))
