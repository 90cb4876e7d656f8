"""The state of random generators as text: what a generator draws next, to be kept and set again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.nn.checkpoints.generators import matched


def state_of(generator: np.random.Generator) -> str:
    """The state as JSON: the kind of the generator, and its numbers."""
    return text_of(generator.bit_generator.state)


def text_of(state: Any) -> str:
    """The text of what NumPy gives as the state of a generator."""
    return json.dumps(state, default=_listed)


def set_state(generator: np.random.Generator, state: str) -> None:
    """Make a generator draw what the one with this state would have drawn next; ArgumentError if it is of another kind.

    >>> first, second = np.random.default_rng(0), np.random.default_rng(1)
    >>> set_state(second, state_of(first))
    >>> first.random() == second.random()
    True
    """
    try:
        given = _as_in(generator.bit_generator.state, json.loads(state))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ArgumentError(f"the state {state[:60]!r} is none of a generator's: {error}.") from error
    for _, fitting in matched("the state", {"": generator}, {"": given}):
        generator.bit_generator.state = fitting


def generator_of(state: str) -> np.random.Generator:
    """A new generator with this state, of NumPy's kind that the state names."""
    kinds = {kind.__name__: kind for kind in np.random.BitGenerator.__subclasses__()}
    try:
        kind = kinds[json.loads(state)["bit_generator"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArgumentError(f"the state {state[:60]!r} is none of a NumPy generator's.") from error
    generator = np.random.Generator(kind())
    set_state(generator, state)
    return generator


def _listed(array: Any) -> Any:
    return array.tolist()


def _as_in(own: Any, given: Any) -> Any:
    """What was given, with arrays for lists where `own` has arrays."""
    if isinstance(own, dict) and isinstance(given, dict):
        return {key: _as_in(own.get(key), part) for key, part in given.items()}
    return np.array(given, own.dtype) if isinstance(own, np.ndarray) and isinstance(given, list) else given
