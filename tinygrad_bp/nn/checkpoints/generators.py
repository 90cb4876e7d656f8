"""States of random generators: what they draw next, as numbers and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError, kind_of

Pair = tuple[np.random.Generator, dict[str, Any]]

ENDS = {"pos": 624, "buffer_pos": 4}
"""The places in a buffer that NumPy takes from a state unseen: the largest that is in the buffer or at its end."""


def states(generators: Mapping[str, np.random.Generator]) -> dict[str, Any]:
    """The state of every generator, by its name."""
    return {name: dict(generator.bit_generator.state) for name, generator in generators.items()}


def matched(whose: str, generators: Mapping[str, np.random.Generator], kept: Mapping[str, Any]) -> list[Pair]:
    """Every generator with the state that was kept for it. ArgumentError for one without, or with one of another kind;
    whose: begins its message."""
    missing = [name for name in generators if name not in kept]
    if missing:
        raise ArgumentError(
            f"{whose}: the checkpoint has no generator {', '.join(missing)}; it has {', '.join(kept) or 'none'}."
        )
    return [(generator, _fitting(f"{whose}: {name}", generator, kept[name])) for name, generator in generators.items()]


def _fitting(what: str, generator: np.random.Generator, state: Any) -> Any:
    """The state, after another generator of that kind has taken it."""
    own: Any = generator.bit_generator
    kind = state.get("bit_generator") if isinstance(state, dict) else None
    if kind != own.state["bit_generator"]:
        raise ArgumentError(f"{what} is {kind_of(own)}, the checkpoint's a {kind}. Use the same kind.")
    try:
        _require_like(own.state, state)
        type(own)().state = state
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        raise ArgumentError(f"{what}: the checkpoint's state is none of a {kind}: {error}.") from error
    return state


def _require_like(own: Any, state: Any, name: str = "state") -> None:
    """ValueError unless a state has the parts of `own`, of the same kinds and sizes, in the bounds they have."""
    if isinstance(own, dict):
        fits = isinstance(state, dict) and state.keys() == own.keys()
    elif isinstance(own, np.ndarray):
        fits = isinstance(state, np.ndarray) and (state.shape, state.dtype) == (own.shape, own.dtype)
    elif isinstance(own, int):
        fits = type(state) is int and 0 <= state <= ENDS.get(name, state)
    else:
        fits = type(state) is type(own)
    if not fits:
        raise ValueError(f"its {name} is {str(state)[:200]}")
    for key, part in own.items() if isinstance(own, dict) else ():
        _require_like(part, state[key], key)
