"""A program as a Python module: its text, and what that cannot hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from tinygrad_bp.source.helpers import Helpers


@final
@dataclass(frozen=True, slots=True)
class Module:
    """A module with one function, named `name`, and what it needs.

    constants: arrays too large for the text, which are the function's last arguments. helpers: functions that it
    contains as they stand. objects: what it calls that has no source, by name.
    """

    name: str
    tables: str
    function: str
    constants: Sequence[Any]
    _helpers: Helpers

    @property
    def text(self) -> str:
        """The module as Python source; it needs only NumPy, and SciPy where the function does."""
        parts = [part for part in (self.tables, *self._helpers.written, self.function) if part]
        body = "\n\n\n".join(parts) + "\n"
        return f"{self._helpers.imports('np.' in body)}{'' if self.tables else chr(10)}{body}".lstrip()

    @property
    def helpers(self) -> Mapping[Any, str]:
        """The names of the functions that it contains, by the function."""
        return self._helpers.names

    @property
    def objects(self) -> Mapping[str, Any]:
        """What it calls that has no source, by name."""
        return self._helpers.objects
