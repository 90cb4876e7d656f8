"""What the fuzzer passes to functions: things of every kind, sound ones and silly ones."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

import tinygrad_bp as tg

HUGE = 2**62

NUMBERS: list[Any] = [
    0, 1, 2, 3, -1, -2, 7, 2**31, 2**61, HUGE, -HUGE, 2**64, -(2**64), 10**400, True, False, 0.0, 0.5,
    -0.5, 1.5, 1e308, 1e-320,
    float("nan"), float("inf"), -float("inf"), 1j, complex("nan"), Fraction(1, 3), np.float16(2),
    np.int8(-3), np.bool_(True),
    np.float64("nan"), np.complex64(1j), np.longdouble(2),
]  # fmt: skip

WORDS: list[Any] = [
    "", "a", "mean", "sum", "none", "valid", "same", "auto", "numpy", "eager", "ij,jk->ik", "ii",
    "i,,j->", "fro", "nuc",
    "constant", "reflect", "float32", "object", "W1", "\0", "ü" * 9, b"bytes",
]  # fmt: skip

SHAPES: list[Any] = [
    (), (0,), (1,), (2,), (3,), (2, 3), (3, 2), (-1,), (-1, -1), (0, 0), (0, -1), (HUGE,), (HUGE, HUGE), (2**31, 2**31),
    (1, 2, 3), (1.5,), ("a",), (None,), ((1, 2), (3, 4)), ((0, 1),), (1,) * 33, [1, 2],
    [[1, 2], [3]], [[1.0], [2.0]], [], [[]],
]  # fmt: skip

ARRAYS = (
    (), (0,), (1,), (2,), (3,), (4,), (5,), (8,), (0, 3), (2, 3), (3, 3), (3, 2), (2, 2, 2), (1, 2, 3), (1, 2, 5, 5),
    (2, 0, 2),
)  # fmt: skip


def _odd() -> list[Callable[[], Any]]:
    """Things that hardly any function takes, each made anew."""
    return [
        lambda: None, object, lambda: object, lambda: Ellipsis, lambda: NotImplemented,
        lambda: slice(None), lambda: slice(0, 1, -1),
        dict, lambda: {"a": 1.0}, lambda: {1: None}, set, lambda: range(3),
        lambda: iter([1.0, 2.0]), lambda: (i for i in "ab"),
        lambda: len, lambda: lambda x: x, lambda: lambda: 1.0, lambda: type, lambda: np, lambda: np.float32,
        lambda: np.dtype("f4"), lambda: np.dtype("O"), lambda: np.array(["a", "b"]), lambda: np.array([None, 1.0]),
        lambda: np.array([object()]), lambda: np.ma.masked_array([1.0, 2.0], [0, 1]), lambda: np.array("2020", "M8[D]"),
        lambda: np.zeros(2, [("x", float)]), lambda: np.random.default_rng(0), lambda: tg.nn.Linear(3, 2, seed=0),
        lambda: tg.tensor([[1.0, 2.0]], requires_grad=True, name="W1"), lambda: [tg.tensor(1.0), tg.tensor([2.0])],
        lambda: (2.0, None), lambda: [None], lambda: bytearray(b"ab"), lambda: memoryview(b"ab"),
        lambda: np.broadcast_to(1.0, (2, 3)),
    ]  # fmt: skip


ODD = _odd()


def array(random: Random, kind: str | None = None) -> Any:
    """A small array, sometimes with NaN or infinities, of any dtype and order; or a tensor of it."""
    shape = random.choice(ARRAYS)
    a = np.array([random.choice((0.5, 1.0, -1.0, 2.0, 3.0, random.gauss(0, 1))) for _ in range(int(np.prod(shape)))])
    a = a.reshape(shape)
    if a.size and random.random() < 0.15:
        a[(0,) * a.ndim] = random.choice((np.nan, np.inf, -np.inf, 1e308))
    kind = kind or random.choice(("f8",) * 5 + ("f4", "f2", "i8", "i1", "u1", "?", "c16", ">f8"))
    with np.errstate(all="ignore"):
        a = a.astype(kind)
    if random.random() < 0.2:
        a = np.asfortranarray(a)
    if random.random() < 0.5 and a.dtype.kind in "fc" and a.dtype.isnative:
        return tg.tensor(a, requires_grad=random.random() < 0.8)
    return tg.tensor(a) if random.random() < 0.2 else a


def anything(random: Random) -> Any:
    """A value of any kind."""
    choice = random.random()
    if choice < 0.3:
        return array(random)
    if choice < 0.55:
        return random.choice(NUMBERS)
    if choice < 0.7:
        return random.choice(SHAPES)
    if choice < 0.8:
        return random.choice(WORDS)
    if choice < 0.93:
        return random.choice(ODD)()
    return [anything(random) for _ in range(random.randrange(4))]


def text(value: Any) -> str:
    """A value as the report prints it."""
    if isinstance(value, tg.Tensor):
        return f"tensor{value.shape}:{value.dtype}" + ("*" if value.requires_grad else "")
    if isinstance(value, np.ndarray) and value.size > 3:
        return f"array{value.shape}:{value.dtype}"
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return ("[%s]" if isinstance(value, list) else "(%s)") % ", ".join(map(text, value))
    shown = repr(value).replace("\n", " ")
    return shown if len(shown) < 60 else f"{shown[:57]}..."
