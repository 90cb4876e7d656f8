"""DOT → SVG, PNG or PDF, by whichever Graphviz there is, in a process of its own that is stopped when it is slow."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tinygrad_bp.draw import engines
from tinygrad_bp.draw.dot import to_dot
from tinygrad_bp.draw.layered_svg import drawn
from tinygrad_bp.draw.measures import WIDEST
from tinygrad_bp.draw.scene import Scene
from tinygrad_bp.errors import MissingExtraError, RenderError, missing_extra

SECONDS = 15.0
"""For one attempt."""

MOST_EDGES = 60
"""With more edges Graphviz takes from seconds to minutes, depending on how they cross; our own layout does not."""

CHEAPER = "graph [splines=line, nslimit=1, nslimit1=1, mclimit=0.1, searchsize=5];"


def to_svg(scene: Scene, seconds: float = SECONDS) -> str:
    """The scene laid out as SVG: by Graphviz, with cheaper settings if it is slow, else by our own layout.

    What Graphviz lays out too wide to be read our own layout puts in rows.
    """
    if sum([len(link.ways) for link in scene.links]) > 2 * MOST_EDGES or not sys.executable:
        return drawn(scene)
    dot = to_dot(scene, footer=False)
    for text in (dot, cheaper(dot)):
        try:
            svg = rendered(text, "svg", seconds).decode()
        except RenderError:
            continue
        except MissingExtraError:
            break
        if "<svg" in svg:
            return svg if _width(svg) <= WIDEST or any(box.scope for box in scene.boxes) else drawn(scene)
    return drawn(scene)


def _width(svg: str) -> float:
    found = re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)
    return float(found[1]) if found else 0.0


def to_image(scene: Scene, kind: str, resolution: int | None = None, seconds: float = SECONDS) -> bytes:
    """The scene as PNG or PDF by Graphviz.

    Raises MissingExtraError without Graphviz, RenderError if it fails or takes more than `seconds` even with cheaper
    settings.
    """
    dot = to_dot(replace(scene, theme="light") if scene.theme == "auto" else scene)  # an image cannot adapt
    if resolution is not None:
        dot = dot.replace("{\n", f"{{\n  graph [dpi={resolution}];\n", 1)
    try:
        return rendered(dot, kind, seconds)
    except RenderError:
        return rendered(cheaper(dot), kind, seconds)


def cheaper(dot: str) -> str:
    """The same graph with settings at which Graphviz works less on it."""
    return dot.replace("{\n", f"{{\n  {CHEAPER}\n", 1)


def rendered(dot: str, kind: str = "svg", seconds: float = SECONDS) -> bytes:
    """What Graphviz makes of DOT. Raises MissingExtraError without it, RenderError if it fails or is too slow."""
    if not sys.executable:  # Python inside another program: no interpreter to start
        return _checked(*engines.render(dot, kind))
    command = [sys.executable, "-P", str(Path(engines.__file__)), kind]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as child:
        try:
            out, err = child.communicate(dot.encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            engines.stop(child.pid)
            child.communicate()
            raise RenderError(
                f"Graphviz took more than {seconds:g} s for this graph. Draw less of it (detail='named', or a smaller "
                "max_nodes), or save it as .svg, which needs no Graphviz."
            ) from None
    return _checked(child.returncode, out if child.returncode == engines.DONE else err)


def _checked(code: int, content: bytes) -> bytes:
    if code == engines.NO_GRAPHVIZ:
        raise missing_extra("Graphviz (the program `dot`, or pygraphviz, which brings it along)", "dot")
    if code != engines.DONE or not content:
        why = content.decode(errors="replace").strip()[-500:]
        raise RenderError(f"Graphviz could not lay the graph out: {why}. Save it as .dot to look into it.")
    return content
