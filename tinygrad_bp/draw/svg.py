"""Style and accessibility of a picture: Graphviz's SVG made to fit its page, its theme and its reader."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from xml.etree import ElementTree

from tinygrad_bp.draw.legend import Sample
from tinygrad_bp.draw.measures import FONT, text_width
from tinygrad_bp.draw.palette import CLASS, colors, root_class, style
from tinygrad_bp.draw.scene import Scene
from tinygrad_bp.draw.scripts import set_scripts

_SVG = "http://www.w3.org/2000/svg"
_FONT = {"font-family": "Helvetica,Arial,sans-serif"}


def styled(svg: str, scene: Scene) -> str:
    """The SVG with a viewBox that scales, a style sheet, a title, a description, tooltips, notes and a legend."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", svg))
    width, height = (root.attrib.pop(side, "").removesuffix("pt") for side in ("width", "height"))
    root.attrib.update({"width": width, "height": height, "class": root_class(scene.theme), "role": "img"})
    color = colors(scene.theme)
    # the label of an edge stays readable where the edge runs through it
    halo = {"stroke": color["page"], "stroke-width": "3", "stroke-linejoin": "round", "paint-order": "stroke"}
    _remove_links(root)
    for group in root.iter(f"{{{_SVG}}}g"):
        _retitle(group, scene.tooltips)
        _trim(group)
        if "edge" in group.get("class", ""):
            for line in group.findall(f"{{{_SVG}}}text"):
                line.attrib.update(halo)
        _classify(group, color)
        for line in group.findall(f"{{{_SVG}}}text"):
            set_scripts(line, scene.layered, scene.names)
    _around(root, scene, color)
    texts = [
        ("title", scene.title),
        ("desc", scene.description),
        ("style", style(scene.theme, any(link.lit for link in scene.links), any(box.mark.fill for box in scene.boxes))),
    ]
    identity = f"{CLASS}-{sha256((svg + repr(texts)).encode()).hexdigest()[:8]}"
    root.set("aria-labelledby", f"{identity}-title {identity}-desc")
    for i, (tag, text) in enumerate(texts):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {} if tag == "style" else {"id": f"{identity}-{tag}"})
        element.text = text
        root.insert(i, element)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def for_page(svg: str) -> str:
    """The SVG without ids, so that it can stand on a page any number of times; its title and description name it."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        element.attrib.pop("id", None)
    del root.attrib["aria-labelledby"]
    root.set("aria-label", root.findtext(f"{{{_SVG}}}title", ""))
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _around(root: ElementTree.Element, scene: Scene, color: Mapping[str, str]) -> None:
    """The heading above the picture, notes and legend below it; the picture grows by as much."""
    if not (scene.heading or scene.notes or scene.legend):
        return
    left, top, width, height = (float(x) for x in root.get("viewBox", "").split())
    unit = min(max(width / 1300.0, 1.0), 5.0)  # still read where a wide picture is shown small
    size, bottom = FONT * unit, top + height
    group = ElementTree.SubElement(root, f"{{{_SVG}}}g", {"class": "footer"})
    words = {"x": f"{left + 8:g}", **_FONT, "font-size": f"{size:g}"}
    needed = [width]
    if scene.heading:
        top -= 2.2 * size
        look = {**words, "class": "heading", "y": f"{top + 1.5 * size:g}", "fill": color["ink"]}
        ElementTree.SubElement(group, f"{{{_SVG}}}text", {**look, "font-size": f"{1.2 * size:g}"}).text = scene.heading
        needed.append(16 + text_width(scene.heading, 1.2 * size, bold=True))
    for line in scene.notes:
        bottom += 1.4 * size
        look = {**words, "class": "note", "y": f"{bottom:g}", "fill": color["soft"]}
        ElementTree.SubElement(group, f"{{{_SVG}}}text", look).text = line
        needed.append(8 + text_width(line, size))
    for row in _rows(scene.legend, (width - 16) / unit):
        bottom += 2.0 * size
        x = left + 8
        for sample in row:
            x += _sample(group, sample, x, bottom, unit, color)
        needed.append(x - left)
    root.set("viewBox", f"{left:.2f} {top:.2f} {max(needed):.2f} {bottom + 8 - top:.2f}")
    root.attrib.update({"width": f"{max(needed):.0f}", "height": f"{bottom + 8 - top:.0f}"})


def _rows(samples: Sequence[Sample], width: float) -> list[list[Sample]]:
    """Samples side by side in as many rows as they need; words begin one of their own."""
    rows: list[list[Sample]] = []
    at = 0.0
    for sample in samples:
        if not rows or sample.look == "words" or at + _room(sample) > width:
            rows.append([])
            at = 0.0
        rows[-1].append(sample)
        at += _room(sample)
    return rows


def _room(sample: Sample) -> float:
    return text_width(sample.text, FONT) + {"line": 52.0, "box": 22.0, "words": 14.0}[sample.look]


def _sample(
    group: ElementTree.Element, sample: Sample, x: float, y: float, unit: float, color: Mapping[str, str]
) -> float:
    """Draw a sample with its baseline at y; returns its width."""
    room = _room(sample) * unit
    text = {**_FONT, "font-size": f"{FONT * unit:g}", "y": f"{y:g}", "fill": color["ink"]}
    if sample.look == "box":
        at = {"x": f"{x:g}", "y": f"{y - 14 * unit:g}", "width": f"{room - 6 * unit:g}", "height": f"{20 * unit:g}"}
        look = {"class": f"swatch {sample.css}", "fill": color[sample.css], "stroke": color["line"]}
        ElementTree.SubElement(group, f"{{{_SVG}}}rect", {**at, **look, "rx": f"{4 * unit:g}"})
        text |= {"x": f"{x + room / 2 - 3 * unit:g}", "text-anchor": "middle"}
    elif sample.look == "line":
        line = ElementTree.SubElement(group, f"{{{_SVG}}}g", {"class": sample.css})
        dashed = {"stroke-dasharray": "5,2"} if sample.css == "backward" else {}
        path = {"d": f"M{x:g},{y - 4 * unit:g} h{30 * unit:g}", "fill": "none", "stroke": color[sample.css], **dashed}
        ElementTree.SubElement(line, f"{{{_SVG}}}path", path)
        text |= {"x": f"{x + 36 * unit:g}"}
    else:
        text |= {"x": f"{x:g}", "class": sample.css, "fill": color["soft"]}
    ElementTree.SubElement(group, f"{{{_SVG}}}text", text).text = sample.text
    return room


def _remove_links(root: ElementTree.Element) -> None:
    """No element links anywhere, whatever a later Graphviz writes."""
    for element in root.iter():
        for name in [name for name in element.attrib if name.endswith(("}href", "}space"))]:
            del element.attrib[name]


def _retitle(group: ElementTree.Element, tooltips: Mapping[str, str]) -> None:
    """Graphviz titles everything with its own ids; the reader gets the formula and the numbers, or nothing."""
    tooltip = tooltips.get(group.get("id", ""))
    for title in group.findall(f"{{{_SVG}}}title"):
        title.text = tooltip
        if not tooltip:
            group.remove(title)


def _trim(group: ElementTree.Element) -> None:
    """Without the spaces and empty lines that only made Graphviz leave room."""
    for line in group.findall(f"{{{_SVG}}}text"):
        line.text = (line.text or "").strip()
        if not line.text:
            group.remove(line)


_COLORS = {"value": "forward", "gradient": "backward", "about": "soft"}


def _classify(group: ElementTree.Element, color: Mapping[str, str]) -> None:
    """Mark the lines of a node: the first ones tell the value, the last ones the gradient."""
    parts = re.fullmatch(r"node .*\bv(\d+) a(\d+) g(\d+)", group.get("class", ""))
    if parts is None:
        return
    values, abouts, gradients = (int(count) for count in parts.groups())
    lines = group.findall(f"{{{_SVG}}}text")
    heated = " heat" in group.get("class", "")
    for i, line in enumerate(lines):
        if i < values:
            kind = "value"
        elif i >= len(lines) - gradients:
            kind = "gradient"
        elif i < len(lines) - gradients - abouts:
            kind = "name"
        else:
            kind = "about"
        line.set("class", kind)
        line.set("fill", color["ink" if heated else _COLORS.get(kind, "ink")])
