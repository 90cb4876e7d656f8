"""What a reader sees of the pictures, measured where fonts are real: nothing overlaps, and it is read at page width."""

import pytest

from examples.gallery import GRAPHS
from tinygrad_bp.draw import draw
from tinygrad_bp.draw.layered_svg import drawn
from tinygrad_bp.draw.svg import styled

from .test_drawing import network, product
from .test_large_and_marked import ladder

PAGE_WIDTH = 900
SMALLEST = 9.0
"""Pixels of the smallest text, on a page of that width."""

FAULTS = """
    const svg = document.querySelector("svg"), faults = [];
    const seen = (element) => element.getBoundingClientRect();
    const ink = (text) => {  // the box of a line, less the room above and below its letters
        const { left, right, top, bottom } = seen(text), spare = (bottom - top) / 5;
        return { left, right, top: top + spare, bottom: bottom - spare, name: text.textContent };
    };
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const inks = [...svg.querySelectorAll("text")].map(ink);
    inks.forEach((a, i) => inks.slice(i + 1).forEach((b) => {
        if (meet(a, b)) faults.push(`${a.name} overlaps ${b.name}`);
    }));
    const nodes = [...svg.querySelectorAll(".node")];
    for (const node of nodes) {
        const { left, right } = seen(node.querySelector("path"));
        for (const text of [...node.querySelectorAll("text")].map(ink))
            if (text.left < left || text.right > right) faults.push(`${text.name} leaves its node`);
    }
    for (const edge of svg.querySelectorAll(".edge")) {
        for (const text of [...edge.querySelectorAll("text")].map(ink))
            if (nodes.some((node) => meet(text, seen(node)))) faults.push(`${text.name} lies on a node`);
        const path = edge.querySelector("path"), matrix = path.getScreenCTM(), length = path.getTotalLength();
        for (let at = 0; at <= length; at += 2) {
            const { x, y } = path.getPointAtLength(at).matrixTransform(matrix);
            const through = inks.find((text) => meet(text, { left: x, right: x, top: y, bottom: y }));
            if (through) { faults.push(`${edge.id} runs through ${through.name}`); break; }
        }
    }
    const sizes = [...svg.querySelectorAll("text, tspan")]
        .map((text) => text.getAttribute("font-size")).filter((size) => size).map(parseFloat);
    return [faults, Math.min(...sizes) * svg.getScreenCTM().a];
"""


def looked_at(browser, path, svg):
    """What is wrong with a picture, and the size of its smallest text in pixels."""
    path.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0; width: {PAGE_WIDTH}px">{svg}', encoding="utf-8"
    )
    browser.get(path.as_uri())
    return browser.execute_script(FAULTS)


# An animation shows one of its texts after the other in the same place.
@pytest.mark.parametrize("name", sorted({path.stem for path in GRAPHS.glob("*.svg")} - {"learning"}))
def test_the_gallery_is_fit_to_print(browser, tmp_path, name):
    faults, smallest = looked_at(browser, tmp_path / "page.html", (GRAPHS / f"{name}.svg").read_text(encoding="utf-8"))
    assert faults == []
    assert smallest >= SMALLEST


@pytest.mark.parametrize(
    ("C", "options"),
    [
        (network(), {}),
        (network(), {"detail": "ops"}),
        (ladder(8, 1e-3, "block"), {"detail": "ops", "heat": True}),
        (product("WWWW MMMM", "iiii llll"), {}),
    ],
    ids=["network", "every op", "heat and scopes", "wide names"],
)
def test_our_own_layout_is_fit_to_print(browser, tmp_path, C, options):
    scene = draw(C, **options)._scene
    faults, _ = looked_at(browser, tmp_path / "page.html", styled(drawn(scene), scene))
    assert faults == []
