"""How NumPy's functions are called under the names of the Array API standard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tinygrad_bp.errors import TracingError
from tinygrad_bp.program.step import Step


def lacking(what: str) -> NoReturn:
    """Raise TracingError for what the standard does not have."""
    raise TracingError(
        f"the Array API standard has no {what}, and so the program has no text for it. Write the function without, or "
        "use .source, which needs NumPy."
    )


class Arguments(NamedTuple):
    """What a function of the standard is given by place and by name."""

    positional: list[Any]
    named: dict[str, Any]


Change = Callable[[Step, dict[str, Any]], None]
"""Arguments as the standard has them, made of those by NumPy's names; it changes them."""


@dataclass(frozen=True)
class Signature:
    """The standard's name of a function, NumPy's names of its arguments, and how many of them have no name there.

    renamed: to the standard's names, or None for what changes nothing there. flattens: whether axis=None is all
    elements as one line, which the standard leaves to the caller.
    """

    name: str
    arguments: tuple[str, ...] = ("x",)
    positional: int = 1
    renamed: Mapping[str, str | None] | None = None
    flattens: bool = False
    change: Change | None = None

    def bound(self, step: Step) -> Arguments:
        """The arguments of a step."""
        given = {**dict(zip(self.arguments, step.args, strict=False)), **step.kwargs}
        if self.change is not None:
            self.change(step, given)
        if given.get("dtype") is not None:
            given["dtype"] = np.dtype(given["dtype"])
        renamed = self.renamed or {}
        named = {renamed.get(key, key): x for key, x in given.items() if key not in self.arguments[: self.positional]}
        positional = [given[key] for key in self.arguments[: self.positional] if key in given]
        return Arguments(positional, {key: x for key, x in named.items() if key is not None})


def _of(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def _reduction(name: str, arguments: str = "x axis dtype out keepdims") -> Signature:
    return Signature(name, _of(arguments), change=_without_false)


def _without_false(step: Step, given: dict[str, Any]) -> None:
    if not given.get("keepdims"):
        given.pop("keepdims", None)


def _correction(step: Step, given: dict[str, Any]) -> None:
    _without_false(step, given)
    if ddof := given.pop("ddof", 0):
        given["correction"] = int(ddof) if ddof == int(ddof) else ddof


def _shape(step: Step, given: dict[str, Any]) -> None:
    for key in [*given][1:]:
        del given[key]
    given["shape"] = step.shape


def _permutation(step: Step, given: dict[str, Any]) -> None:
    x, *axes = step.args
    named = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or step.kwargs.get("axes")
    given.clear()
    given |= {"x": x, "axes": tuple(named or range(len(x.shape))[::-1])}


def _swapped(step: Step, given: dict[str, Any]) -> None:
    axes, (i, j) = [*range(len(step.shape))], (given.pop("axis1"), given.pop("axis2"))
    axes[i], axes[j] = axes[j], axes[i]
    given["axes"] = tuple(axes)


def _squeezed(step: Step, given: dict[str, Any]) -> None:
    if given.get("axis") is None:
        given["axis"] = tuple([i for i, n in enumerate(given["x"].shape) if n == 1])


def _crossed(step: Step, given: dict[str, Any]) -> None:
    axes = {given.pop(key, -1) for key in ("axisa", "axisb", "axisc")}
    given["axis"] = given["axis"] if given.get("axis") is not None else axes.pop()
    if axes:
        lacking("np.cross with different axes")


def _of_matrices(step: Step, given: dict[str, Any]) -> None:
    rank = len(given["x"].shape)
    if (given.pop("axis1", 0) % rank, given.pop("axis2", 1) % rank) != (rank - 2, rank - 1):
        lacking(f"np.{step.called} of other axes than the last two")


def _cast(step: Step, given: dict[str, Any]) -> None:
    given.pop("copy", None)


def _number(step: Step, given: dict[str, Any]) -> None:
    given["dtype"] = step.dtype


_LINES = "x axis kind order"

NAMES: Mapping[str, Signature] = {
    "add.reduce": _reduction("sum"), "sum": _reduction("sum"),
    "multiply.reduce": _reduction("prod"), "prod": _reduction("prod"), "mean": _reduction("mean"),
    "maximum.reduce": _reduction("max"), "max": _reduction("max", "x axis out keepdims"),
    "minimum.reduce": _reduction("min"), "min": _reduction("min", "x axis out keepdims"),
    "any": _reduction("any", "x axis out keepdims"), "all": _reduction("all", "x axis out keepdims"),
    "argmax": _reduction("argmax", "x axis out keepdims"), "argmin": _reduction("argmin", "x axis out keepdims"),
    "count_nonzero": _reduction("count_nonzero", "x axis keepdims"),
    "std": Signature("std", _of("x axis dtype out ddof keepdims"), change=_correction),
    "var": Signature("var", _of("x axis dtype out ddof keepdims"), change=_correction),
    "cumsum": Signature("cumulative_sum", _of("x axis dtype out"), flattens=True),
    "cumprod": Signature("cumulative_prod", _of("x axis dtype out"), flattens=True),
    "sort": Signature("sort", _of(_LINES), renamed={"kind": None}, flattens=True),
    "argsort": Signature("argsort", _of(_LINES), renamed={"kind": None}, flattens=True),
    "partition": Signature("sort", _of("x kth axis kind"), renamed={"kth": None, "kind": None}, flattens=True),
    "searchsorted": Signature("searchsorted", _of("a v side"), 2),
    "reshape": Signature("reshape", _of("x shape"), 2, change=_shape),
    "ravel": Signature("reshape", _of("x shape"), 2, change=_shape),
    "flatten": Signature("reshape", _of("x shape"), 2, change=_shape),
    "transpose": Signature("permute_dims", _of("x axes"), 2, change=_permutation),
    "T": Signature("permute_dims", _of("x axes"), 2, change=_permutation),
    "swapaxes": Signature("permute_dims", _of("x axis1 axis2"), change=_swapped),
    "mT": Signature("matrix_transpose"), "matrix_transpose": Signature("matrix_transpose"),
    "moveaxis": Signature("moveaxis", _of("x source destination"), 3),
    "broadcast_to": Signature("broadcast_to", _of("x shape"), 2),
    "expand_dims": Signature("expand_dims", _of("x axis")),
    "squeeze": Signature("squeeze", _of("x axis"), change=_squeezed),
    "flip": Signature("flip", _of("x axis")), "roll": Signature("roll", _of("x shift axis"), 2),
    "concatenate": Signature("concat", _of("arrays axis")), "stack": Signature("stack", _of("arrays axis")),
    "repeat": Signature("repeat", _of("x repeats axis"), 2, flattens=True),
    "tile": Signature("tile", _of("x repetitions"), 2),
    "take": Signature("take", _of("x indices axis"), 2, flattens=True),
    "take_along_axis": Signature("take_along_axis", _of("x indices axis"), 2),
    "where": Signature("where", _of("condition x y"), 3),
    "clip": Signature("clip", _of("x a_min a_max"), renamed={"a_min": "min", "a_max": "max"}),
    "diff": Signature("diff", _of("x n axis")), "tensordot": Signature("tensordot", _of("a b axes"), 2),
    "tril": Signature("tril", _of("x k")), "triu": Signature("triu", _of("x k")),
    "real": Signature("real"), "imag": Signature("imag"), "conj": Signature("conj"), "round": Signature("round"),
    "astype": Signature("astype", _of("x dtype"), 2, change=_cast),
    "float64": Signature("asarray", change=_number), "complex128": Signature("asarray", change=_number),
    "zeros_like": Signature("zeros_like", _of("x dtype")), "ones_like": Signature("ones_like", _of("x dtype")),
    "full_like": Signature("full_like", _of("x fill_value dtype"), 2),
    **{f"linalg.{name}": Signature(f"linalg.{name}") for name in (
        "cholesky", "det", "eigh", "eigvalsh", "inv", "slogdet", "svd", "svdvals", "qr",
    )},
    "cross": Signature("linalg.cross", _of("a b axisa axisb axisc axis"), 2, change=_crossed),
    "diagonal": Signature("linalg.diagonal", _of("x offset axis1 axis2"), change=_of_matrices),
    "trace": Signature("linalg.trace", _of("x offset axis1 axis2"), change=_of_matrices),
    "linalg.solve": Signature("linalg.solve", _of("a b"), 2),
    "linalg.pinv": Signature("linalg.pinv", _of("x rcond"), renamed={"rcond": "rtol"}),
    "linalg.matrix_power": Signature("linalg.matrix_power", _of("x n"), 2),
    "linalg.vector_norm": Signature("linalg.vector_norm", change=_without_false),
    "linalg.matrix_norm": Signature("linalg.matrix_norm", change=_without_false),
    **{f"fft.{name}": Signature(f"fft.{name}", _of("x n axis norm")) for name in (
        "fft", "ifft", "rfft", "irfft", "hfft", "ihfft",
    )},
    **{f"fft.{name}": Signature(f"fft.{name}", _of("x s axes norm")) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{f"fft.{name}": Signature(f"fft.{name}", _of("x axes")) for name in ("fftshift", "ifftshift")},
}  # fmt: skip
"""By NumPy's names after `np.`, and those of methods."""

CONVERTED = {
    "add.reduce", "sum", "multiply.reduce", "prod", "mean", "std", "var", "cumsum", "cumprod", "where", "clip",
    "tensordot", *[name for name in NAMES if name.startswith(("linalg.", "fft."))],
} - {"fft.rfft", "fft.ihfft"}  # fmt: skip
"""Functions whose operands have to be of the kind of the result."""
