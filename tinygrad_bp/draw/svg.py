"""Style and accessibility of a picture: Graphviz's SVG made to fit its page, its theme and its reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from xml.etree import ElementTree

from tinygrad_bp.draw.marks import LEGEND, LEGEND_TITLE
from tinygrad_bp.draw.measures import text_width
from tinygrad_bp.draw.palette import CLASS, colors, root_class, style
from tinygrad_bp.draw.scene import Scene

_SVG = "http://www.w3.org/2000/svg"
_FONT = {"font-family": "Helvetica,Arial,sans-serif", "font-size": "13"}
_SWATCH = 64.0


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
    _footer(root, scene, color)
    texts = [("title", scene.title), ("desc", scene.description), ("style", style(scene.theme))]
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


def _footer(root: ElementTree.Element, scene: Scene, color: Mapping[str, str]) -> None:
    """Notes and legend below the picture, which grows by as much."""
    lines = [*scene.notes, *((LEGEND_TITLE,) if scene.legend else ())]
    if not lines:
        return
    left, top, width, height = (float(x) for x in root.get("viewBox", "").split())
    group = ElementTree.SubElement(root, f"{{{_SVG}}}g", {"class": "footer"})
    size = min(max(width / 100.0, 13.0), 60.0)  # still read where a wide picture is shown small
    y = top + height
    for line in lines:
        y += 1.4 * size
        text = {"class": "note", "x": f"{left + 8:g}", "y": f"{y:g}", "fill": color["soft"], **_FONT}
        ElementTree.SubElement(group, f"{{{_SVG}}}text", {**text, "font-size": f"{size:g}"}).text = line
    unit = size / 13.0
    if scene.legend:
        _legend(group, left + 8, y + 6 * unit, unit, color)
        y += 26 * unit
    needed = max([16 + 9 * _SWATCH * unit * scene.legend, *[8 + text_width(line, size) for line in lines]])
    width, height = max(width, needed), y + 8 - top
    root.set("viewBox", f"{left:.2f} {top:.2f} {width:.2f} {height:.2f}")
    root.attrib.update({"width": f"{width:.0f}", "height": f"{height:.0f}"})


def _legend(group: ElementTree.Element, left: float, top: float, unit: float, color: Mapping[str, str]) -> None:
    """The colours of the gradient norms in a row."""
    width = _SWATCH * unit
    for i, name in enumerate(LEGEND):
        at = {"x": f"{left + i * width:g}", "y": f"{top:g}", "width": f"{width:g}", "height": f"{20 * unit:g}"}
        look = {"class": f"swatch heat{i}", "fill": color[f"heat{i}"], "stroke": color["line"]}
        ElementTree.SubElement(group, f"{{{_SVG}}}rect", {**at, **look})
        middle = {"x": f"{left + (i + 0.5) * width:g}", "y": f"{top + 14 * unit:g}", "text-anchor": "middle"}
        font = {**_FONT, "font-size": f"{11 * unit:g}", "fill": color["ink"]}
        ElementTree.SubElement(group, f"{{{_SVG}}}text", {**middle, **font}).text = name


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
