"""Graph → Mermaid text, which many wikis and code hosts draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_bp.draw.palette import colors
from tinygrad_bp.draw.scene import Box, Scene

_SAFE = frozenset(" ._")


def to_mermaid(scene: Scene) -> str:
    """The picture as a Mermaid flowchart."""
    return "\n".join(["flowchart LR", *[f"  {line}" for line in _lines(scene)]]) + "\n"


def _lines(scene: Scene) -> Iterator[str]:
    color = colors(scene.theme)
    for box in scene.boxes:
        yield f'{box.id}["{_label(box)}"]'
    for link in scene.links:
        label = "<br/>".join([_escaped(line) for line in link.label])
        for way in link.ways:
            if way == "backward":
                yield f'{link.target} -. "{label or "δ"}" .-> {link.source}'
            else:
                yield f"{link.source} {'-->' if way == 'forward' else '---'} {link.target}"
    yield from _styles(scene, color)
    if scene.notes or scene.legend:
        legend = ", ".join([sample.text for sample in scene.legend])
        text = "<br/>".join([_escaped(line) for line in (*scene.notes, *([legend] if legend else []))])
        yield f'note["{text}"]'


def _styles(scene: Scene, color: dict[str, str]) -> Iterator[str]:
    kinds: dict[str, list[str]] = {}
    for box in scene.boxes:
        kinds.setdefault(box.fill, []).append(box.id)
    for kind, ids in kinds.items():
        yield f"classDef {kind} fill:{color[kind]},stroke:{color['line']},color:{color['ink']}"
        yield f"class {','.join(ids)} {kind}"
    bad = [box.id for box in scene.boxes if "first-bad" in box.mark.classes]
    if bad:
        yield f"classDef bad stroke:{color['bad']},stroke-width:4px"
        yield f"class {','.join(bad)} bad"
    numbers: dict[str, list[str]] = {}
    ways = [way for link in scene.links for way in link.ways]
    for i, way in enumerate(ways):
        numbers.setdefault(way, []).append(str(i))
    for way, edges in numbers.items():
        stroke = color["soft" if way == "unused" else way]
        yield f"linkStyle {','.join(edges)} stroke:{stroke}"
    lit = [i for i, way in enumerate([way == link.lit for link in scene.links for way in link.ways]) if way]
    if lit:
        yield f"linkStyle {','.join(map(str, lit))} stroke:{color['bad']},stroke-width:4px"


def _label(box: Box) -> str:
    words = box.words
    lines = *words.value, *words.title, *words.about, *words.gradient
    return "<br/>".join([_escaped(line) for line in lines])


def _escaped(text: str) -> str:
    """Every ASCII character that is not a letter, a digit or a space as its code: nothing of it is Mermaid or HTML."""
    return "".join([c if c.isalnum() or c in _SAFE or ord(c) > 127 else f"#{ord(c)};" for c in text])
