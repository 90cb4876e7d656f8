"""Fourier transforms. Each is linear, and the matrix of the full one is symmetric: its VJP is the transform again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Shape, Shapes
from tinygrad_bp.ops.complex import conjugate, real
from tinygrad_bp.ops.indexing import scatter_add
from tinygrad_bp.ops.linear_algebra import operand
from tinygrad_bp.registry import LINEAR, op

Norm = Literal["backward", "ortho", "forward"] | None

_OPPOSITE: dict[Norm, Norm] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _fitted(x: Any, shape: Shape) -> Any:
    """x cut off, or filled up with zeros, at the end of every axis: what a transform does first, transposed."""
    if x.shape == shape:
        return x
    common = tuple([slice(min(n, m)) for n, m in zip(x.shape, shape, strict=True)])
    return scatter_add(x[common], index=common, shape=shape)


def _lengths(shape: Shape) -> list[dict[str, Any]]:
    n = shape[-1]
    forms: list[dict[str, Any]] = [{"norm": norm} for norm in (None, "ortho", "forward")]
    forms += [{"n": n + 2}, {"n": max(n - 1, 1), "norm": "ortho"}]
    return forms + ([{"axis": 0}] if len(shape) > 1 else [])


def _half_lengths(shape: Shape) -> list[dict[str, Any]]:
    n = 2 * shape[-1] - 1
    forms: list[dict[str, Any]] = [{"n": k} for k in (1, 2, n, n + 3, n + 4)]
    return [*forms, {"n": n, "norm": "ortho"}, {"n": n + 1, "norm": "forward"}]


def _many_lengths(shape: Shape) -> list[dict[str, Any]]:
    forms: list[dict[str, Any]] = [{}, {"norm": "ortho"}, {"axes": (0,)}, {"s": (3,), "axes": (-1,), "norm": "forward"}]
    return forms + ([{"s": (5, 1), "axes": (-1, 0)}] if len(shape) > 1 else [])


_LINES = Shapes("i", "ij", smallest=1, params=_lengths, kinds="c", analytic=False)
_ARRAYS = Shapes("i", "ij", "ijk", smallest=1, params=_many_lengths, kinds="c", analytic=False)


@op(
    vjps=(lambda g, y, a, n, axis, norm: _fitted(fft(g, n=n, axis=axis, norm=norm), a.shape),),
    jvp=LINEAR,
    latex=r"\operatorname{fft}({0})",
    domain=_LINES,
)
def fft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """Discrete Fourier transform yₖ = Σⱼ aⱼ·e^(−2πi·jk/n) along `axis`, cut off or filled up with zeros to length n.

    norm: "backward" (None) as it is, "ortho" divided by √n, "forward" by n. VJP: fft(g).
    """
    return np.fft.fft(a, n, axis, norm)


@op(
    vjps=(lambda g, y, a, n, axis, norm: _fitted(ifft(g, n=n, axis=axis, norm=norm), a.shape),),
    jvp=LINEAR,
    latex=r"\operatorname{ifft}({0})",
    domain=_LINES,
)
def ifft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """Inverse transform yⱼ = (1/n)·Σₖ aₖ·e^(2πi·jk/n) along `axis`. n and norm as for `fft`. VJP: ifft(g)."""
    return np.fft.ifft(a, n, axis, norm)


def _rfft_vjp(g: Any, y: Any, a: Any, n: Any, axis: int, norm: Norm) -> Any:
    n = a.shape[axis] if n is None else n
    return _fitted(real(fft(g, n=n, axis=axis, norm=norm)), a.shape)


@op(
    vjps=(_rfft_vjp,),
    jvp=LINEAR,
    latex=r"\operatorname{rfft}({0})",
    domain=Shapes("i", "ij", smallest=1, params=_lengths, analytic=False),
)
def rfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """Transform of real a along `axis`: the first n//2 + 1 numbers of `fft`, which the others are conjugates of.

    VJP: Re fft(g), with zeros in place of the numbers that were left out.
    """
    return np.fft.rfft(a, n, axis, norm)


def _irfft_vjp(g: Any, y: Any, a: Any, n: Any, axis: int, norm: Norm) -> Any:
    n = y.shape[axis]
    back = conjugate(rfft(g, n=n, axis=axis, norm=_OPPOSITE[norm]))
    twice = np.full(n // 2 + 1, 2, g.dtype)
    if n % 2 == 0:
        twice[-1] = 1
    twice[0] = 1
    shape = [1] * a.ndim
    shape[axis] = -1
    return _fitted(back * twice.reshape(shape), a.shape)


@op(
    vjps=(_irfft_vjp,),
    jvp=LINEAR,
    latex=r"\operatorname{irfft}({0})",
    domain=Shapes("i", "ij", smallest=1, params=_half_lengths, kinds="c", analytic=False),
)
def irfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """Inverse of `rfft`: the real array of length n (2·(m − 1) if None) whose transform begins with a's m numbers.

    The imaginary parts of a₀ and, for even n, of the last number do not count. VJP: the conjugate of rfft(g)/n, doubled
    for the numbers that stand for their conjugates as well.
    """
    return np.fft.irfft(a, n, axis, norm)


@op(
    vjps=(lambda g, y, a, s, axes, norm: _fitted(fftn(g, s=s, axes=axes, norm=norm), a.shape),),
    jvp=LINEAR,
    latex=r"\operatorname{fftn}({0})",
    domain=_ARRAYS,
)
def fftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = None) -> Any:
    """Discrete Fourier transform along several axes (all if None), each cut off or filled up to its length in s.

    norm as for `fft`. VJP: fftn(g).
    """
    return np.fft.fftn(a, s, axes, norm)


@op(
    vjps=(lambda g, y, a, s, axes, norm: _fitted(ifftn(g, s=s, axes=axes, norm=norm), a.shape),),
    jvp=LINEAR,
    latex=r"\operatorname{ifftn}({0})",
    domain=_ARRAYS,
)
def ifftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = None) -> Any:
    """Inverse transform along several axes (all if None). s and norm as for `fftn`. VJP: ifftn(g)."""
    return np.fft.ifftn(a, s, axes, norm)


@guarded
def fft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm = None) -> Any:
    """`fftn` along two axes, the last by default."""
    return fftn(a, s=s, axes=axes, norm=norm)


@guarded
def ifft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm = None) -> Any:
    """`ifftn` along two axes, the last by default."""
    return ifftn(a, s=s, axes=axes, norm=norm)


def _others(a: Any, s: Any, axes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Axes and lengths of a transform: all but the last, and the last."""
    axes = tuple(range(-a.ndim if s is None else -len(s), 0)) if axes is None else tuple(axes)
    lengths = None if s is None else tuple(s)
    last = {"axis": axes[-1], "n": lengths and lengths[-1]}
    return {"axes": axes[:-1], "s": lengths and lengths[:-1]}, last


@guarded
def rfftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = None) -> Any:
    """Transform of real a along several axes: `rfft` along the last of them, then `fftn` along the others."""
    a = operand(a)
    others, last = _others(a, s, axes)
    return fftn(rfft(a, norm=norm, **last), norm=norm, **others)


@guarded
def irfftn(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: Norm = None) -> Any:
    """Inverse of `rfftn`: `ifftn` along all axes but the last, then `irfft` along that one."""
    a = operand(a)
    others, last = _others(a, s, axes)
    return irfft(ifftn(a, norm=norm, **others), norm=norm, **last)


@guarded
def rfft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm = None) -> Any:
    """`rfftn` along two axes, the last by default."""
    return rfftn(a, s, axes, norm)


@guarded
def irfft2(a: Any, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: Norm = None) -> Any:
    """`irfftn` along two axes, the last by default."""
    return irfftn(a, s, axes, norm)


@guarded
def hfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """Transform of a signal with Hermitian symmetry, of which a is the first half: n real numbers, 2·(m − 1) if None.

    norm as for `fft`.
    """
    return irfft(conjugate(a), n=n, axis=axis, norm=_OPPOSITE[norm])


@guarded
def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Any:
    """Inverse of `hfft`: the first n//2 + 1 numbers of the inverse transform of real a, cut off or filled up to n."""
    return conjugate(rfft(a, n=n, axis=axis, norm=_OPPOSITE[norm]))


def _shift_axes(shape: Shape) -> list[dict[str, Any]]:
    return [{"axes": axes} for axes in (None, *range(len(shape)), *([(-1, 0)] if len(shape) > 1 else []))]


_SHIFTED = Shapes("i", "ij", "ijk", params=_shift_axes)


@op(
    vjps=(lambda g, y, x, axes: ifftshift(g, axes=axes),),
    jvp=LINEAR,
    latex=r"\operatorname{fftshift}({0})",
    domain=_SHIFTED,
)
def fftshift(x: Any, axes: int | Sequence[int] | None = None) -> Any:
    """x rolled by half of every axis (or of `axes`), so that frequency 0 is in the middle. VJP: ifftshift(g)."""
    return np.fft.fftshift(x, axes)


@op(
    vjps=(lambda g, y, x, axes: fftshift(g, axes=axes),),
    jvp=LINEAR,
    latex=r"\operatorname{ifftshift}({0})",
    domain=_SHIFTED,
)
def ifftshift(x: Any, axes: int | Sequence[int] | None = None) -> Any:
    """x rolled back, the inverse of `fftshift`. VJP: fftshift(g)."""
    return np.fft.ifftshift(x, axes)
