"""Signal processing under SciPy's names: `tg.signal.convolve` for `scipy.signal.convolve`, along any axes."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.ops.signals import convolve as convolve

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
