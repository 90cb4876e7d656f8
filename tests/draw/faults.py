"""What is wrong with a picture as a browser shows it, where fonts are real."""

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
