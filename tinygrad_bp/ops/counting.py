"""What holds, how often, and where the largest and smallest elements are. None of it carries a gradient."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tinygrad_bp.domains import ANY_SHAPE, Parameters, Shape, Shapes, axis_params
from tinygrad_bp.ops.reductions import Axis, gap
from tinygrad_bp.registry import op

_TEST = Shapes(*ANY_SHAPE, params=axis_params, analytic=False)


@op(vjps=(None,), jvp=(None,), latex=r"\operatorname{any}({0})", domain=_TEST)
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether some element over `axis` (all axes if None) is not 0; carries no gradient."""
    return np.any(x, axis=axis, keepdims=keepdims)


@op(vjps=(None,), jvp=(None,), latex=r"\operatorname{all}({0})", domain=_TEST)
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether every element over `axis` (all axes if None) is not 0; carries no gradient."""
    return np.all(x, axis=axis, keepdims=keepdims)


@op(vjps=(None,), jvp=(None,), latex=r"\operatorname{count\_nonzero}({0})", domain=_TEST)
def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """How many elements over `axis` (all axes if None) are not 0; carries no gradient."""
    count = np.count_nonzero(x, axis=axis, keepdims=keepdims)
    return np.intp(count) if count.__class__ is int else count  # which NumPy 2.0 gives of all axes


def _one_axis(shape: Shape) -> Parameters:
    return [params for params in axis_params(shape) if not isinstance(params["axis"], tuple)]


@op(
    vjps=(None,),
    jvp=(None,),
    latex=r"\operatorname{argmax}({0})",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=_one_axis, kink=gap(1), analytic=False),
)
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the largest element along `axis` (of the flattened array if None), the first of ties; no gradient."""
    return np.argmax(x, axis=axis, keepdims=keepdims)


@op(
    vjps=(None,),
    jvp=(None,),
    latex=r"\operatorname{argmin}({0})",
    domain=Shapes(*ANY_SHAPE, smallest=1, params=_one_axis, kink=gap(-1), analytic=False),
)
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the smallest element along `axis` (of the flattened array if None), the first of ties; no gradient."""
    return np.argmin(x, axis=axis, keepdims=keepdims)


@op(
    vjps=(None, None),
    jvp=(None, None),
    latex=r"\operatorname{searchsorted}({0}, {1})",
    domain=Shapes(
        "i,j", "i,", "i,jk", params=lambda *_: ({}, {"side": "right"}), prepare=lambda a, v, **_: (np.sort(a), v),
        kink=lambda a, v, **_: a - np.asarray(v)[..., None], analytic=False,
    ),
)  # fmt: skip
def searchsorted(a: Any, v: Any, side: Literal["left", "right"] = "left") -> Any:
    """How many elements of the ascending vector a are less than each of v, no greater for "right"; no gradient."""
    return np.searchsorted(a, v, side=side)
