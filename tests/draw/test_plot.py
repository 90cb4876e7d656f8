"""Plots: round numbers, curves with gaps, and regions that are what the values say."""

import re

import numpy as np
import pytest

from tinygrad_bp.draw.plot import Axes, Key, label, legend, region, rounded, span, ticks, words

UNIT = Axes(0.0, 0.0, 100.0, 50.0, (0.0, 10.0), (-1.0, 1.0))


def test_a_span_is_finite_and_never_empty():
    assert span(np.array([3.0, np.nan, -1.0, np.inf])) == (-1.0, 3.0)
    assert span(np.array([0.0, 10.0]), 0.1) == (-1.0, 11.0)
    assert span(np.array([np.nan])) == span(np.array([])) == (0.0, 1.0)
    for x in (0.0, 5.0, -2e-9, 1e300, 5e-324):
        low, high = span(np.array([x, x]))
        assert low < x < high
        assert len(ticks((low, high))) > 1
    low, high = span(np.array([-1.7e308, 1.7e308]), 0.1)
    assert np.isfinite([low, high]).all()
    assert len(ticks((low, high))) > 1


@pytest.mark.parametrize(
    ("ends", "texts"),
    [
        ((0.0, 1.2), "0.0 0.2 0.4 0.6 0.8 1.0 1.2"),
        ((-7.3, 4.0), "−6 −4 −2 0 2 4"),
        ((0.0281, 0.0319), "0.029 0.030 0.031"),
        ((1e6, 3e6), "1.0e6 1.5e6 2.0e6 2.5e6 3.0e6"),
        ((-2e-5, 1e-5), "−2.0e-5 −1.5e-5 −1.0e-5 −5.0e-6 0 5.0e-6 1.0e-5"),
        ((1e12, 1e12 + 4), "1.000000000000e12 1.000000000001e12 1.000000000002e12 1.000000000003e12 1.000000000004e12"),
    ],
)
def test_ticks_are_round_and_written_apart(ends, texts):
    assert " ".join(ticks(ends).values()).replace("−", "-") == texts.replace("−", "-")
    assert all(float(text.replace("−", "-")) == pytest.approx(x) for x, text in ticks(ends).items())


def test_whole_ticks_and_rounded_ends():
    assert [*ticks((1.0, 3.0), whole=True).values()] == ["1", "2", "3"]
    assert rounded((0.07, 0.66)) == pytest.approx((0.0, 0.8))
    assert rounded((0.905, 0.98)) == pytest.approx((0.9, 0.98))
    assert rounded((0.62, 0.98)) == pytest.approx((0.6, 1.0))


def test_a_curve_leaves_out_what_is_not_there():
    y = np.array([0.0, 1.0, np.nan, -1.0, 5.0, 0.0, np.inf])
    assert UNIT.curve(np.arange(7.0), y) == "M0.0,25.0 L10.0,0.0 M30.0,50.0 M50.0,25.0"
    assert UNIT.curve(np.array([0.0, 1.0]), np.array([-1.0, 1.0]), jump=0.5) == "M0.0,50.0 M10.0,0.0"


def area(path):
    """By the shoelace formula, over all parts of a path of M, H, V, L and Z."""
    total = 0.0
    for part in filter(None, path.split("Z")):
        points, (x, y) = [], (0.0, 0.0)
        for kind, numbers in re.findall("([MLHV])([^MLHV]*)", part):
            at = [*map(float, numbers.split(","))]
            x, y = (at[0], y) if kind == "H" else (x, at[0]) if kind == "V" else at
            points.append((x, y))
        a, b = np.array(points), np.roll(points, -1, axis=0)
        total += float(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])) / 2
    return total


@pytest.mark.parametrize("turned", [False, True])
def test_a_region_is_where_values_are_above_the_level(turned):
    u, v = np.linspace(0, 100, 21), np.linspace(0, 100, 21)
    across, down = np.meshgrid(u, v)
    values = across + 0.5 * down - 62.5  # even, so that the border is exact
    inside, border = region(u, v, -values if turned else values, 0.0)
    assert area(inside) == pytest.approx(3750 if turned else 6250, rel=1e-3)
    for x, y in re.findall(r"[ML]([\d.]+),([\d.]+)", border):
        assert float(x) + 0.5 * float(y) == pytest.approx(62.5, abs=0.2)


def test_regions_next_to_each_other_fill_the_plane():
    u = v = np.linspace(0, 50, 12)
    values = np.random.default_rng(0).normal(size=(12, 12))  # saddles too
    (above, border), (below, other) = region(u, v, values, 0.0), region(u, v, -values, 0.0)
    assert area(above) + area(below) >= 2500 - 1  # in a saddle both reach through the middle
    ends = [sorted(re.findall(r"[ML]([\d.]+,[\d.]+)", path)) for path in (border, other)]
    assert ends[0] == ends[1]


def test_a_region_of_nothing_all_and_nan():
    u = v = np.array([0.0, 1.0, 2.0])
    assert region(u, v, np.full((3, 3), -1.0), 0.0) == region(u, v, np.full((3, 3), np.nan), 0.0) == ("", "")
    whole, border = region(u, v, np.ones((3, 3)), 0.0)
    assert (area(whole), border) == (4.0, "")
    holed = np.ones((3, 3))
    holed[1, 1] = np.inf
    holed[0, 0] = -np.inf
    assert "nan" not in "".join(region(u, v, holed, 0.0))


def test_words_are_no_markup():
    text = words(label("<b>\x1b" + "x" * 50, 10), 1, 2, "name")
    assert "&lt;b&gt;\N{REPLACEMENT CHARACTER}" in text
    assert "…</text>" in text
    assert len(re.findall("<", text)) == 2


def test_a_legend_goes_across_or_down():
    keys = [Key("<path/>", "one"), Key("<path/>", "two")]
    assert [*legend(keys, 0, 0, 20)][1].startswith('<g transform="translate(0.0,20.0)">')
    assert [*legend(keys, 0, 0)][1].startswith(f'<g transform="translate({keys[0].width:.1f},0.0)">')
