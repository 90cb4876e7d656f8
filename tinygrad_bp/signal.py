"""Signal processing under SciPy's names: `tg.signal.convolve` for `scipy.signal.convolve`, along any axes."""

from tinygrad_bp.ops import signals

convolve = signals.convolve_axes
