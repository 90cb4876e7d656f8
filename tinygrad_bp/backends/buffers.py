"""Buffer pools: memory that a program writes to again as soon as nobody looks at what it wrote there before."""

from __future__ import annotations

from collections import deque
from sys import getrefcount
from sysconfig import get_config_var
from typing import Any, final

import numpy as np

from tinygrad_bp.backends.thresholds import POOLED_ARRAYS


def _turned(arrays: deque[Any]) -> tuple[Any, int]:
    """The array at the front, which goes to the back, and how often it was referred to when it was in neither place."""
    array = arrays.popleft()  # another thread that takes it now sees that it is held here
    references = getrefcount(array)
    arrays.append(array)
    return array, references


_ALONE = _turned(deque([np.empty(0)]))[1]
"""The count for an array that nobody else has: not all versions of Python count a name and an argument alike."""


_COUNTS_ARE_RIGHT = not get_config_var("Py_GIL_DISABLED")
"""Free-threaded builds of Python count references in parts, a thread each."""


@final
class BufferPool:
    """Arrays of one shape and dtype, as a function that gives one of them.

    The system hands out fresh memory page by page, which can take as long as filling it. Where nobody can tell whether
    an array is still looked at, all are new.
    """

    __name__ = "buffer"

    def __init__(self, shape: tuple[int, ...], dtype: Any):
        self.shape, self.dtype = shape, dtype
        self.kept: deque[Any] = deque()

    def __call__(self) -> Any:
        """An array whose numbers nobody needs."""
        if not _COUNTS_ARE_RIGHT:
            return np.empty(self.shape, self.dtype)
        for _ in range(POOLED_ARRAYS):
            try:
                array, references = _turned(self.kept)
            except IndexError:
                break
            if references == _ALONE:
                return array
        array = np.empty(self.shape, self.dtype)
        if len(self.kept) < POOLED_ARRAYS:
            self.kept.append(array)
        return array
