"""A program as a Python module: its text, and what that cannot hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final


@final
@dataclass(frozen=True, slots=True)
class Module:
    """A module with one function, named `name`; its text needs only NumPy, and SciPy where the function does.

    constants: arrays too large for the text, which are the function's last arguments. helpers: the names of the
    functions that it contains as they stand. objects: what it calls that has no source, by name.
    """

    name: str
    text: str
    constants: Sequence[Any]
    helpers: Mapping[Any, str]
    objects: Mapping[str, Any]
