"""Graphs as JSON and back. Numbers that JSON does not know, and slices, arrays and dtypes, are tagged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.formula import SLOT
from tinygrad_bp.graph.model import GraphEdge, GraphNode, Group, Summary, Symbols

FORMAT = "tinygrad_bp.graph"
VERSION = 1

_UNWRITTEN = {"data", "gradient_data", "contribution_data", "symbols"}


def to_json(nodes: Sequence[GraphNode], edges: Sequence[GraphEdge], whole: GraphNode | None, **head: str) -> str:
    """The JSON text of a graph; the same graph gives the same text."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        **head,
        "whole": whole and _written(whole),
        "names": _names_elsewhere(nodes, edges, whole),
        "operands": _operands(nodes, whole),
        "nodes": [_written(node) for node in nodes],
        "edges": [{**_fields(edge), "formula": edge.formula} for edge in edges],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> dict[str, Any]:
    """What `to_json` was given. Raises ArgumentError if the text is not the JSON of a graph."""
    try:
        document = json.loads(text)
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {document['format']!r}, version {document['version']!r}")
        symbols = Symbols()
        symbols.names |= document["names"]
        whole = document["whole"]
        for node in [*document["nodes"], *([whole] if whole else [])]:
            symbols.add(node["id"], node["name"], None if node["named"] else node["template"])
        symbols.written_out |= document.get("operands", {})
        return {
            "nodes": tuple([_node(node, symbols) for node in document["nodes"]]),
            "edges": tuple([_edge(edge, symbols) for edge in document["edges"]]),
            "whole": whole and _node(whole, symbols),
            "detail": document["detail"],
            "passes": document["passes"],
        }
    except (ValueError, TypeError, KeyError) as error:
        raise ArgumentError(
            f"this is not the JSON of a graph ({FORMAT}, version {VERSION}): {error}. Write it with Graph.to_json()."
        ) from error


def _names_elsewhere(nodes: Sequence[GraphNode], edges: Sequence[GraphEdge], whole: GraphNode | None) -> dict[str, str]:
    """The names in the formulas of a part of a graph that belong to nodes outside the part."""
    parts: list[GraphNode | GraphEdge] = [*nodes, *edges, *([whole] if whole else [])]
    templates = [(part.symbols, part.template or "") for part in parts]
    templates += [(node.symbols, node.symbols.operand(node.id)) for node in [*nodes, *([whole] if whole else [])]]
    used = {key: symbols.names.get(key) for symbols, template in templates for key in SLOT.findall(template)}
    inside = {"g", *[node.id for node in nodes]}
    return {key: name for key, name in used.items() if name is not None and key not in inside}


def _operands(nodes: Sequence[GraphNode], whole: GraphNode | None) -> dict[str, str]:
    """How nodes are written in formulas, where their own templates, which views make longer, do not tell."""
    found: dict[str, str] = {}
    for node in [*nodes, *([whole] if whole else [])]:
        told, operand = Symbols(), node.symbols.operand(node.id)
        told.add(node.id, node.name, None if node.named else node.template)
        if told.operand(node.id) != operand:
            found[node.id] = operand
    return found


def _written(node: GraphNode) -> dict[str, Any]:
    group = node.group and asdict(node.group)
    return {**_fields(node), "params": _encode(dict(node.params)), "group": group, "formula": node.formula}


def _fields(part: GraphNode | GraphEdge) -> dict[str, Any]:
    values = {f.name: getattr(part, f.name) for f in fields(part) if f.name not in _UNWRITTEN}
    return {key: _summary(value) if isinstance(value, Summary) else value for key, value in values.items()}


def _summary(value: Summary) -> list[Any]:
    return [value.size, *[_encode(x) for x in (value.minimum, value.mean, value.maximum)]]


def _decode_summary(value: list[Any] | None) -> Summary | None:
    return None if value is None else Summary(value[0], *[_decode(x) for x in value[1:]])


def _decode_group(value: Mapping[str, Any] | None) -> Group | None:
    if value is None:
        return None
    shapes = {key: tuple([tuple(shape) for shape in value[key]]) for key in ("inputs", "outputs")}
    return Group(**{**value, **shapes})


def _node(given: Mapping[str, Any], symbols: Symbols) -> GraphNode:
    decoded = {
        "params": MappingProxyType(_decode(given["params"])),
        "shape": tuple(given["shape"]),
        "parents": tuple(given["parents"]),
        "value": _decode_summary(given["value"]),
        "gradient": _decode_summary(given["gradient"]),
        "group": _decode_group(given["group"]),
    }
    kept = {f.name: given[f.name] for f in fields(GraphNode) if f.name not in _UNWRITTEN}
    return GraphNode(**{**kept, **decoded}, symbols=symbols)


def _edge(given: Mapping[str, Any], symbols: Symbols) -> GraphEdge:
    kept = {f.name: given[f.name] for f in fields(GraphEdge) if f.name not in _UNWRITTEN}
    return GraphEdge(**{**kept, "contribution": _decode_summary(given["contribution"])}, symbols=symbols)


def _encode(value: Any) -> Any:
    """A parameter as JSON. What has no JSON form of its own becomes {"tag": …, "is": …}."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else _tagged("float", str(value))
    if isinstance(value, list):
        return [_encode(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _encode(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return _tagged("tuple", [_encode(v) for v in value])
    if isinstance(value, slice):
        return _tagged("slice", [_encode(v) for v in (value.start, value.stop, value.step)])
    if isinstance(value, np.ndarray):
        return _tagged("array", [str(value.dtype), _encode(value.tolist())])
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic | complex)):
        return _tagged("dtype", str(np.dtype(value)))
    if value is Ellipsis:
        return _tagged("ellipsis", None)
    return str(value)


def _tagged(tag: str, content: Any) -> dict[str, Any]:
    return {"tag": tag, "is": content}


_DECODERS: dict[str, Any] = {
    "float": lambda content: math.nan if content == "nan" else float(content),
    "tuple": lambda content: tuple(_decode(content)),
    "slice": lambda content: slice(*_decode(content)),
    "array": lambda content: np.array(_decode(content[1]), dtype=content[0]),
    "dtype": np.dtype,
    "ellipsis": lambda _: Ellipsis,
    "text": str,
}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(v) for v in value]
    if isinstance(value, dict):
        if value.keys() == {"tag", "is"}:
            return _DECODERS[value["tag"]](value["is"])
        return {key: _decode(v) for key, v in value.items()}
    return value
