"""What random programs are made of: every public op by its record, and functions, views and operators beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.domains import ANY_SHAPE, BROADCAST, Domain
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing.strategies import KINK_DISTANCE

Interval = tuple[float, float]
REAL = ((-3.0, 3.0),)
UNIT = ((-1.0, 1.0),)
NO_LIMIT = 8.0
"""Values beyond it are squashed, even where an op takes any."""


@dataclass(frozen=True)
class Expression:
    """A call that a program may contain: `text` has {0}, {1}, … for its operands.

    words: letter shapes of the operands, as in a domain, or BROADCAST; at most one of several. texts: from the shapes to
    the texts to choose from. kink: from the operands and the index of the text to distances from points without a
    derivative. apart: all elements of the first operand differ.
    """

    name: str
    words: str | tuple[str, ...]
    texts: Callable[..., Sequence[str]]
    arity: int
    intervals: tuple[Interval, ...] = REAL
    kinds: str = "f"
    smallest: int = 1
    kink: Callable[..., Any] | None = None
    apart: bool = False

    def is_smooth_at(self, values: Sequence[Any], choice: int) -> bool:
        """Whether the operands stay away from where there is no derivative."""
        if self.apart and np.any(np.diff(np.sort(np.ravel(values[0]))) < KINK_DISTANCE):
            return False
        return self.kink is None or bool(np.all(np.abs(self.kink(values, choice)) > KINK_DISTANCE))


# --- ops, by their records --------------------------------------------------------------------------------------------


@cache
def public_names() -> Mapping[str, str]:
    """How programs call the ops that are exported, by the name of the record."""
    found: dict[str, str] = {}
    for prefix, module in (("tg.linalg.", tg.linalg), ("tg.fft.", tg.fft), ("tg.", tg)):
        for name in dir(module):
            record = getattr(getattr(module, name), "op", None)
            if record is not None and OPS.get(getattr(record, "name", "")) is record:
                found[record.name] = prefix + name
    return found


def literal(value: Any) -> str | None:
    """A parameter as Python text; None if it has no short one."""
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r})" if value.size <= 20 and value.dtype.kind in "bif" else None
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return f"np.{np.dtype(value).name}"
    if isinstance(value, tuple | list) and any(isinstance(part, np.ndarray | np.dtype) for part in value):
        return None
    if isinstance(value, float) and not np.isfinite(value):
        return {np.inf: "np.inf", -np.inf: "-np.inf"}.get(value, "np.nan")
    return repr(value) if isinstance(value, bool | int | float | str | tuple | list | None) else None


def _call(name: str, arity: int, params: Mapping[str, Any]) -> str | None:
    words = {key: literal(value) for key, value in params.items()}
    if None in words.values():
        return None
    return f"{name}({', '.join([f'{{{i}}}' for i in range(arity)] + [f'{k}={v}' for k, v in words.items()])})"


_ROUNDABOUT = {"cbrt": ((0.3, 3.0),), "prod": UNIT, "cumprod": UNIT}
"""Intervals that do for ops whose own domain prepares its inputs."""


def _by_record(name: str) -> Expression | None:
    """The expression of an op; None for those whose inputs must be prepared."""
    record = OPS[name]
    domain: Domain = record.domain
    if (domain.prepare is not None and name not in _ROUNDABOUT) or not isinstance(record.vjps, tuple):
        return None
    arity, called = len(record.vjps), public_names()[name]

    def params(shapes: Sequence[Any]) -> list[Mapping[str, Any]]:
        return [p for p in domain.params(*shapes) if _call(called, arity, p)]

    def texts(*shapes: Any) -> list[str]:
        return [text for p in params(shapes) if (text := _call(called, arity, p))]

    def kink(values: Sequence[Any], choice: int) -> Any:
        assert domain.kink is not None
        return domain.kink(*values, **params([np.shape(x) for x in values])[choice])

    intervals = _ROUNDABOUT.get(name, domain.intervals)
    smallest = domain.smallest
    return Expression(
        name, domain.shapes, texts, arity, intervals, domain.kinds, smallest, domain.kink and kink
    )  # fmt: skip


# --- what is no record of its own -------------------------------------------------------------------------------------


def _fixed(name: str, words: str | tuple[str, ...], *texts: str, **options: Any) -> Expression:
    arity = max(sum([f"{{{i}}}" in texts[0] for i in range(4)]), 1)
    return Expression(name, words, lambda *_: texts, arity, **options)


def _views(shape: Sequence[int]) -> list[str]:
    """Indices, transposes and other looks at an array of this shape."""
    n = len(shape)
    found = ["{0}[...]", "{0}[None]", "{0}[..., None]", "{0}.reshape(-1)", "{0}.T", "tg.ravel({0})", "tg.squeeze({0})"]
    if n:
        last = shape[0] - 1
        found += ["{0}[::-1]", "{0}[1:]", "{0}[:-1]", "{0}[::2]", "{0}[0]", "{0}[-1]", "tg.flip({0}, 0)"]
        found += [f"{{0}}[[0, {last}, 0]]", f"{{0}}[np.array([{last}, -1])]", "tg.roll({0}, 1)", "tg.repeat({0}, 2)"]
        found += [
            "tg.take({0}, np.array([0, -1]), axis=0)",
            "tg.tile({0}, 2)",
            "tg.pad({0}, 1)",
            "tg.diff({0}, axis=0)",
        ]
        found += [f"{{0}}[np.arange({shape[0]}) != 0]", "tg.pad({0}, 1, mode='edge')", "tg.repeat({0}, 2, axis=0)"]
    if n > 1:
        found += ["{0}[:, 0]", "{0}[0, ...]", "{0}[..., -1]", "{0}[:, ::-1]", "{0}[1:, None, ..., :1]"]
        found += ["tg.swapaxes({0}, 0, -1)", "tg.moveaxis({0}, 0, 1)", "{0}[[0, -1], [-1, 0]]", "{0}[:, [0, 0]]"]
        found += ["tg.triu({0})", "tg.tril({0})", "tg.diagonal({0})", "tg.trace({0})", "tg.rot90({0})"]
    return [text for text in found if "1:" not in text or shape[0] > 1]


def _squared(shape: Sequence[int]) -> str:
    """A well conditioned matrix with eigenvalues far apart, made of one with elements in (−1, 1)."""
    return f"(0.2 * {{0}} + np.diag(2.0 * np.arange(1, {shape[-1] + 1})))"


def _of_matrix(*texts: str) -> Callable[..., Sequence[str]]:
    return lambda *shapes: [text.replace("{0}", _squared(shapes[0])) for text in texts]


_ARITHMETIC = (
    "{0} + {1}", "{0} - {1}", "{0} * {1}", "{1} - {0} * {1}", "{0} * 2.5 + {1}", "({0} + {1}) ** 2", "{0} / (2.0 + {1} * {1})",
)  # fmt: skip
_ALONE = (
    "-{0}", "{0} + 1", "2 - {0}", "{0} * 0.5", "{0} / 3", "{0} ** 2", "{0} ** 3", "1 / (1.5 + {0} * {0})", "{0} * {0}", "{0} - {0}",
    "1.0 / (1.0 + tg.exp(-{0}))", "tg.exp(-{0} * {0})", "tg.log(1.0 + tg.exp({0}))", "tg.sqrt(1.0 + {0} * {0})",
    "tg.where({0} > 0.3, tg.tanh({0}), {0} * 0 + tg.tanh(0.3))", "tg.clip(tg.tanh({0}), -2.0, 2.0)", "{0}.named('np')",
    "{0} * np.float64(0.5)", "tg.astype(tg.astype({0}, np.float32), np.float64)", "tg.astype({0}, np.float32)",
    "tg.checkpoint(lambda u: tg.sin(u) * u)({0})", "tg.sum({0} * {0}) * {0}", "{0} - tg.mean({0})", "{0} / (1 + tg.sum({0} * {0}))",
    
)  # fmt: skip

OTHERS = (
    _fixed("arithmetic", BROADCAST, *_ARITHMETIC),
    _fixed("one operand", BROADCAST, *_ALONE),
    _fixed("one operand again", BROADCAST, *_ALONE),
    Expression("view", ANY_SHAPE, lambda shape: _views(shape), 1),
    Expression("another view", ANY_SHAPE, lambda shape: _views(shape), 1),
    Expression("view of truths", ANY_SHAPE, lambda shape: _views(shape)[:7], 1, kinds="b"),
    Expression("view of integers", ANY_SHAPE, lambda shape: _views(shape)[:7], 1, kinds="i", intervals=((0, 4),)),
    _fixed("integers", BROADCAST, "{0} * 2 + {1}", "{0} - {1}", "{0} % 3", kinds="i", intervals=((0, 4),)),
    _fixed("mixed", BROADCAST, "{0} * {1}", "{1} + {0}", "tg.where({1} > 1, {0}, 0.5)", kinds="fi", intervals=(*REAL, (0, 4))),
    _fixed("masked", BROADCAST, "{0} * {1}", "tg.where({1}, {0}, 2.0)", "tg.where({1}, {0}, -{0})", kinds="fb"),
    _fixed("sums", "ij", "tg.sum({0}, axis=0)", "tg.sum({0}, axis=(0, 1))", "{0}.mean(axis=1, keepdims=True)", "tg.sum({0}[:, None] * {0}, axis=2)"),
    _fixed("products", "ij,kj", "{0} @ {1}.T", "tg.einsum('ij,kj->ik', {0}, {1})", "tg.inner({0}, {1})", "tg.einsum('ij,kj->', {0}, {1})"),
    _fixed("outer", "i,j", "tg.outer({0}, {1})", "{0}[:, None] * {1}", "{0}[:, None] @ {1}[None]", "tg.kron({0}, {1})"),
    _fixed("vectors", "i,i", "{0} @ {1}", "tg.dot({0}, {1})", "tg.inner({0}, {1})", "tg.vdot({0}, {1})", "tg.sum({0} * {1})"),
    _fixed("joined", "ij,ij", "tg.concatenate([{0}, {1}])", "tg.concatenate([{0}, {1}, {0}], axis=1)", "tg.stack([{0}, {1}], axis=1)", "tg.vstack([{0}, {1}])", "tg.hstack([{0}, {1}])"),
    _fixed("stacked numbers", ",", "tg.stack([{0}, {1}])", "tg.stack([{0}, {1}, {0}])"),
    _fixed("in two", "ij", "tg.split({0}, [1], axis=1)[0]", "tg.split({0}, [1], axis=0)[0] * 2", "tg.unstack({0})[0]"),
    _fixed("assigned", "ij,j", "tg.index_update({0}, 0, {1})", "tg.index_update({0}, (slice(None), 0), tg.sum({1}))"),
    _fixed("normalised", "ij,j", "tg.layer_norm({0}, {1}, {1})", "({0} - tg.mean({0}, axis=0)) / (0.5 + tg.std(tg.sin({0} + {1}), axis=0))", smallest=2),
    _fixed("layer", "ij,kj,k", "tg.tanh({0} @ {1}.T + {2})", "tg.sigmoid({0} @ {1}.T + {2})", "tg.softmax({0} @ {1}.T + {2}, axis=1)"),
    _fixed("cost", "ij,ij", "tg.binary_cross_entropy(tg.sigmoid({0}), tg.sigmoid({1}))", "tg.binary_cross_entropy_with_logits({0}, tg.sigmoid({1}))", "tg.mse({0}, {1})"),
    _fixed("labels", "ij,i", "tg.softmax_cross_entropy(tg.concatenate([{0}, {0} * 2, {0} - 1, {0}], axis=1), {1})", kinds="fi", intervals=(*REAL, (0, 4))),
    _fixed("filtered", "nci,oca", "tg.conv1d({0}, {1}, padding=2)", "tg.conv1d({0}, {1}, padding=3)"),
    _fixed("pooled", "nci", "tg.max_pool1d({0}, 1)", "tg.avg_pool1d(tg.concatenate([{0}, {0}], axis=2), 2)", "tg.max_pool1d(tg.concatenate([{0}, {0} * 0.5], axis=2), 2, stride=1)", apart=True),
    _fixed("ordered", "i", "tg.sort({0})", "{0}[tg.argsort({0})]", "tg.max({0})", "tg.median({0})", "tg.take_along_axis({0}, tg.argsort({0}), 0)", apart=True),
    _fixed("ranked", "ij", "tg.sort({0}, axis=0)", "tg.max({0}, axis=1) - tg.min({0}, axis=1)", "tg.ptp({0}, axis=0)", "tg.quantile({0}, 0.3, axis=1)", apart=True),
    Expression("matrix", ("ii", "bii"), _of_matrix("tg.linalg.inv({0})", "tg.linalg.det({0}) / 100", "tg.linalg.slogdet({0})[1]", "tg.linalg.eigh({0})[0]", "tg.linalg.svd({0})[1]", "tg.linalg.pinv({0})", "tg.linalg.qr({0})[1]", "tg.linalg.cholesky({0} @ tg.swapaxes({0}, -1, -2))"), 1, UNIT),
    Expression("system", ("ii,i", "ii,ij"), _of_matrix("tg.linalg.solve({0}, {1})"), 2, (*UNIT, *REAL)),
    _fixed("norm", "ij", "tg.linalg.norm({0} + 4.0)", "tg.linalg.norm({0} + 4.0, axis=1)"),
    _fixed("crossed", "ij,ij", "tg.cross({0}[:, [0, 0, -1]], {1}[:, [0, -1, 0]])"),
    _fixed("spectrum", "i", "tg.fft.rfft({0})", "tg.fft.fft({0}) / 2", "{0} * 1j + 1"),
    _fixed("complex numbers", BROADCAST, "{0} * {1}", "{0} + {1}", "tg.real({0}) * tg.imag({1})", kinds="c"),
    _fixed("one complex", BROADCAST, "tg.conj({0})", "tg.real({0})", "tg.imag({0})", "tg.abs({0}) ** 2", "tg.exp({0} * 0.2)", kinds="c"),
    _fixed("scanned", "ij", "tg.scan(lambda s, r: (tg.tanh(s + r), s * r), {0}[0] * 0, {0})[1]", "tg.scan(lambda s, r: (s * 0.5 + r, s), {0}[0], {0})[0]"),
)  # fmt: skip


@cache
def vocabulary() -> tuple[Expression, ...]:
    """All expressions: the ops one by one, and the others."""
    ops = [found for name in sorted(public_names()) if (found := _by_record(name)) is not None]
    return (*ops, *OTHERS)
