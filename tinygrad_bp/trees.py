"""Nested containers of arrays: dicts, lists, tuples, named tuples and dataclasses, taken apart and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields, is_dataclass, replace
from inspect import signature
from typing import Any

from tinygrad_bp.errors import ArgumentError, kind_of

Rebuild = Callable[[Iterator[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a nested container in order, and a function that puts new leaves in their places.

    >>> leaves, rebuild = flatten({"W": [1, 2], "b": (3,)})
    >>> leaves
    [1, 2, 3]
    >>> rebuild(iter("xyz"))
    {'W': ['x', 'y'], 'b': ('z',)}
    """
    held = children(tree)
    if held is None:
        return [tree], next
    parts = [flatten(child) for child in held.values()]
    leaves = [leaf for part, _ in parts for leaf in part]
    return leaves, lambda new: rebuilt(tree, [rebuild(new) for _, rebuild in parts])


def tree_map(f: Callable[[Any], Any], tree: Any) -> Any:
    """`f` of every leaf, in the same container."""
    leaves, rebuild = flatten(tree)
    return rebuild(iter([f(leaf) for leaf in leaves]))


def paths(tree: Any, start: str = "") -> list[str]:
    """How Python reaches every leaf, in the order of `flatten`.

    >>> paths({"W": [1, 2], "b": 3}, "net")
    ["net['W'][0]", "net['W'][1]", "net['b']"]
    """
    held = children(tree)
    if held is None:
        return [start]
    return [path for step, child in held.items() for path in paths(child, start + step)]


def labels(f: Callable[..., Any], xs: Sequence[Any]) -> list[str]:
    """What every leaf of f's arguments is called: by its parameter, and the way to it in a container.

    >>> labels(lambda net, x: None, [{"W": 1, "b": 2}, 3])
    ["net['W']", "net['b']", 'x']
    """
    try:
        parameters = list(signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][: len(xs)]
    names += [f"input {i}" for i in range(len(names), len(xs))]
    return [path for name, x in zip(names, xs, strict=True) for path in paths(x, name)]


def aligned(tree: Any, like: Any, what: str) -> list[Any]:
    """The leaves of `tree` in the order of `like`'s; ArgumentError, naming the place, if their structures differ.

    >>> aligned({"b": 3, "W": 1}, {"W": 0, "b": 0}, "tangent")
    [1, 3]
    """
    given, wanted = children(tree), children(like)
    if wanted is None:
        if given is not None and not isinstance(tree, list | tuple):
            raise ArgumentError(f"{what} must be an array or a number; got {kind_of(tree)}.")
        return [tree]
    if given is None or given.keys() != wanted.keys():
        got = type(tree).__name__ if given is None else f"{kind_of(tree)} of {', '.join(given) or 'nothing'}"
        raise ArgumentError(
            f"{what} must be built like what it belongs to, {kind_of(like)} of "
            f"{', '.join(wanted) or 'nothing'}; got {got}."
        )
    return [leaf for step, child in wanted.items() for leaf in aligned(given[step], child, what + step)]


def children(tree: Any) -> Mapping[str, Any] | None:
    """What a container holds, by the step that leads there; None for a leaf."""
    if isinstance(tree, dict):
        return {f"[{key!r}]": child for key, child in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return {f".{name}": child for name, child in zip(tree._fields, tree, strict=True)}
    if isinstance(tree, list | tuple):
        return {f"[{i}]": child for i, child in enumerate(tree)}
    if is_dataclass(tree) and not isinstance(tree, type):
        return {f".{field.name}": getattr(tree, field.name) for field in fields(tree) if field.init}
    return None


def rebuilt(tree: Any, parts: list[Any]) -> Any:
    """A container like `tree` that holds the parts, in the order of `children`."""
    if isinstance(tree, dict):
        new = copy(tree)
        new.update(zip(tree, parts, strict=True))
        return new
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*parts)
    if isinstance(tree, list | tuple):
        return type(tree)(parts)
    return replace(tree, **{f.name: part for f, part in zip([f for f in fields(tree) if f.init], parts, strict=True)})
