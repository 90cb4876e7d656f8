"""Signal processing under SciPy's names: `tg.signal.convolve` for `scipy.signal.convolve`, along any axes."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.ops.signals import convolve as convolve

if not TYPE_CHECKING:  # to a type checker it would say that there is every name

    def __getattr__(name: str) -> object:
        """A name that is not there: the error with the nearest one."""
        raise errors.unknown_name(__name__, name, globals())
