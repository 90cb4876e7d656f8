"""What random programs are made of: every public op, and functions, views and operators beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from tests.stress.program.expression import REAL, UNIT, Expression, by_record, public_names
from tinygrad_bp.domains import ANY_SHAPE, BROADCAST


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
    "{0} + {1}",
    "{0} - {1}",
    "{0} * {1}",
    "{1} - {0} * {1}",
    "{0} * 2.5 + {1}",
    "({0} + {1}) ** 2",
    "{0} / (2.0 + {1} * {1})",
)
_ALONE = (
    "-{0}",
    "{0} + 1",
    "2 - {0}",
    "{0} * 0.5",
    "{0} / 3",
    "{0} ** 2",
    "{0} ** 3",
    "1 / (1.5 + {0} * {0})",
    "{0} * {0}",
    "{0} - {0}",
    "1.0 / (1.0 + tg.exp(-{0}))",
    "tg.exp(-{0} * {0})",
    "tg.log(1.0 + tg.exp({0}))",
    "tg.sqrt(1.0 + {0} * {0})",
    "tg.where({0} > 0.3, tg.tanh({0}), {0} * 0 + tg.tanh(0.3))",
    "tg.clip(tg.tanh({0}), -2.0, 2.0)",
    "{0}.named('np')",
    "{0} * np.float64(0.5)",
    "tg.astype(tg.astype({0}, np.float32), np.float64)",
    "tg.astype({0}, np.float32)",
    "tg.checkpoint(lambda u: tg.sin(u) * u)({0})",
    "tg.sum({0} * {0}) * {0}",
    "{0} - tg.mean({0})",
    "{0} / (1 + tg.sum({0} * {0}))",
)

OTHERS = (
    _fixed("arithmetic", BROADCAST, *_ARITHMETIC),
    _fixed("one operand", BROADCAST, *_ALONE),
    _fixed("one operand again", BROADCAST, *_ALONE),
    Expression("view", ANY_SHAPE, lambda shape: _views(shape), 1),
    Expression("another view", ANY_SHAPE, lambda shape: _views(shape), 1),
    Expression("view of truths", ANY_SHAPE, lambda shape: _views(shape)[:7], 1, kinds="b"),
    Expression("view of integers", ANY_SHAPE, lambda shape: _views(shape)[:7], 1, kinds="i", intervals=((0, 4),)),
    _fixed("integers", BROADCAST, "{0} * 2 + {1}", "{0} - {1}", "{0} % 3", kinds="i", intervals=((0, 4),)),
    _fixed(
        "mixed",
        BROADCAST,
        "{0} * {1}",
        "{1} + {0}",
        "tg.where({1} > 1, {0}, 0.5)",
        kinds="fi",
        intervals=(*REAL, (0, 4)),
    ),
    _fixed("masked", BROADCAST, "{0} * {1}", "tg.where({1}, {0}, 2.0)", "tg.where({1}, {0}, -{0})", kinds="fb"),
    _fixed(
        "sums",
        "ij",
        "tg.sum({0}, axis=0)",
        "tg.sum({0}, axis=(0, 1))",
        "{0}.mean(axis=1, keepdims=True)",
        "tg.sum({0}[:, None] * {0}, axis=2)",
    ),
    _fixed(
        "products",
        "ij,kj",
        "{0} @ {1}.T",
        "tg.einsum('ij,kj->ik', {0}, {1})",
        "tg.inner({0}, {1})",
        "tg.einsum('ij,kj->', {0}, {1})",
    ),
    _fixed("outer", "i,j", "tg.outer({0}, {1})", "{0}[:, None] * {1}", "{0}[:, None] @ {1}[None]", "tg.kron({0}, {1})"),
    _fixed(
        "vectors",
        "i,i",
        "{0} @ {1}",
        "tg.dot({0}, {1})",
        "tg.inner({0}, {1})",
        "tg.vdot({0}, {1})",
        "tg.sum({0} * {1})",
    ),
    _fixed(
        "joined",
        "ij,ij",
        "tg.concatenate([{0}, {1}])",
        "tg.concatenate([{0}, {1}, {0}], axis=1)",
        "tg.stack([{0}, {1}], axis=1)",
        "tg.vstack([{0}, {1}])",
        "tg.hstack([{0}, {1}])",
    ),
    _fixed("stacked numbers", ",", "tg.stack([{0}, {1}])", "tg.stack([{0}, {1}, {0}])"),
    _fixed("in two", "ij", "tg.split({0}, [1], axis=1)[0]", "tg.split({0}, [1], axis=0)[0] * 2", "tg.unstack({0})[0]"),
    _fixed("assigned", "ij,j", "tg.index_update({0}, 0, {1})", "tg.index_update({0}, (slice(None), 0), tg.sum({1}))"),
    _fixed(
        "normalised",
        "ij,j",
        "tg.layer_norm({0}, {1}, {1})",
        "({0} - tg.mean({0}, axis=0)) / (0.5 + tg.std(tg.sin({0} + {1}), axis=0))",
        smallest=2,
    ),
    _fixed(
        "layer",
        "ij,kj,k",
        "tg.tanh({0} @ {1}.T + {2})",
        "tg.sigmoid({0} @ {1}.T + {2})",
        "tg.softmax({0} @ {1}.T + {2}, axis=1)",
    ),
    _fixed(
        "cost",
        "ij,ij",
        "tg.binary_cross_entropy(tg.sigmoid({0}), tg.sigmoid({1}))",
        "tg.binary_cross_entropy_with_logits({0}, tg.sigmoid({1}))",
        "tg.mse({0}, {1})",
    ),
    _fixed(
        "labels",
        "ij,i",
        "tg.softmax_cross_entropy(tg.concatenate([{0}, {0} * 2, {0} - 1, {0}], axis=1), {1})",
        kinds="fi",
        intervals=(*REAL, (0, 4)),
    ),
    _fixed("filtered", "nci,oca", "tg.conv1d({0}, {1}, padding=2)", "tg.conv1d({0}, {1}, padding=3)"),
    _fixed(
        "pooled",
        "nci",
        "tg.max_pool1d({0}, 1)",
        "tg.avg_pool1d(tg.concatenate([{0}, {0}], axis=2), 2)",
        "tg.max_pool1d(tg.concatenate([{0}, {0} * 0.5], axis=2), 2, stride=1)",
        apart=True,
    ),
    _fixed(
        "ordered",
        "i",
        "tg.sort({0})",
        "{0}[tg.argsort({0})]",
        "tg.max({0})",
        "tg.median({0})",
        "tg.take_along_axis({0}, tg.argsort({0}), 0)",
        apart=True,
    ),
    _fixed(
        "ranked",
        "ij",
        "tg.sort({0}, axis=0)",
        "tg.max({0}, axis=1) - tg.min({0}, axis=1)",
        "tg.ptp({0}, axis=0)",
        "tg.quantile({0}, 0.3, axis=1)",
        apart=True,
    ),
    Expression(
        "matrix",
        ("ii", "bii"),
        _of_matrix(
            "tg.linalg.inv({0})",
            "tg.linalg.det({0}) / 100",
            "tg.linalg.slogdet({0})[1]",
            "tg.linalg.eigh({0})[0]",
            "tg.linalg.svd({0})[1]",
            "tg.linalg.pinv({0})",
            "tg.linalg.qr({0})[1]",
            "tg.linalg.cholesky({0} @ tg.swapaxes({0}, -1, -2))",
        ),
        1,
        UNIT,
    ),
    Expression("system", ("ii,i", "ii,ij"), _of_matrix("tg.linalg.solve({0}, {1})"), 2, (*UNIT, *REAL)),
    _fixed("norm", "ij", "tg.linalg.norm({0} + 4.0)", "tg.linalg.norm({0} + 4.0, axis=1)"),
    _fixed("crossed", "ij,ij", "tg.cross({0}[:, [0, 0, -1]], {1}[:, [0, -1, 0]])"),
    _fixed("spectrum", "i", "tg.fft.rfft({0})", "tg.fft.fft({0}) / 2", "{0} * 1j + 1"),
    _fixed("complex numbers", BROADCAST, "{0} * {1}", "{0} + {1}", "tg.real({0}) * tg.imag({1})", kinds="c"),
    _fixed(
        "one complex",
        BROADCAST,
        "tg.conj({0})",
        "tg.real({0})",
        "tg.imag({0})",
        "tg.abs({0}) ** 2",
        "tg.exp({0} * 0.2)",
        kinds="c",
    ),
    _fixed(
        "scanned",
        "ij",
        "tg.scan(lambda s, r: (tg.tanh(s + r), s * r), {0}[0] * 0, {0})[1]",
        "tg.scan(lambda s, r: (s * 0.5 + r, s), {0}[0], {0})[0]",
    ),
)


@cache
def vocabulary() -> tuple[Expression, ...]:
    """All expressions: the ops one by one, and the others."""
    ops = [found for name in sorted(public_names()) if (found := by_record(name)) is not None]
    return (*ops, *OTHERS)
