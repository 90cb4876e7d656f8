"""Fourier transforms under NumPy's names: `tg.fft.rfft` for `np.fft.rfft`."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.ops.fourier import (
    fft as fft,
    fft2 as fft2,
    fftn as fftn,
    fftshift as fftshift,
    hfft as hfft,
    ifft as ifft,
    ifft2 as ifft2,
    ifftn as ifftn,
    ifftshift as ifftshift,
    ihfft as ihfft,
    irfft as irfft,
    irfft2 as irfft2,
    irfftn as irfftn,
    rfft as rfft,
    rfft2 as rfft2,
    rfftn as rfftn,
)

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
