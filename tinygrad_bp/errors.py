"""Every exception of the library. Each message says what was expected, what was got, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NoReturn

from numpy.linalg import LinAlgError

NEAR = 0.75
"""The share of letters in common, of both names, from which one may be a slip for the other."""


class TinygradError(Exception):
    """Base of every error raised by this library."""


class ShapeError(TinygradError, ValueError):
    """Operands whose shapes do not fit together."""


class DTypeError(TinygradError, TypeError):
    """A dtype that cannot take part, or cannot carry a gradient."""


class ArgumentError(TinygradError, ValueError):
    """An argument outside what the function accepts."""


class SignatureError(TinygradError, TypeError):
    """Arguments that the function does not have, or without one that it needs."""


class TooLargeError(TinygradError, MemoryError):
    """A result that no memory can hold."""


class LinearAlgebraError(TinygradError, LinAlgError):
    """A matrix that an op cannot take: singular, not positive definite, or not square."""


class AnswerError(TinygradError, ValueError):
    """An answer to the tutor that cannot be read. `start` and `end` tell where in the text."""

    def __init__(self, message: str, start: int = 0, end: int = 0):
        super().__init__(message)
        self.start: int = start
        self.end: int = end


class DataError(TinygradError, ValueError):
    """Data that cannot be learned from: missing, not finite, or with wrong targets."""


class CheckpointError(TinygradError, ValueError):
    """A file that is no checkpoint, or one that is damaged."""


class NonScalarBackwardError(TinygradError, RuntimeError):
    """`backward` without a seed, started from a tensor that is not a single number."""


class NoGradientError(TinygradError, RuntimeError):
    """A gradient asked of a tensor that nothing trainable leads to."""


class GraphFreedError(TinygradError, RuntimeError):
    """A second pass over a graph whose saved values an earlier `backward` released."""


class StaleValueError(TinygradError, RuntimeError):
    """A tensor whose value was replaced after the graph that needs it was recorded."""


class ArrayConversionError(TinygradError, TypeError):
    """A tensor that requires a gradient, about to become a plain array and lose it."""


class DeviceError(TinygradError, BufferError):
    """A value that was asked for on another device than the CPU."""


class GraphCopyError(TinygradError, TypeError):
    """A deep copy or a pickle of a tensor that was computed from others, without them."""


class CopyError(TinygradError, TypeError):
    """A pickle of what Python would not find again by its name."""


class LeafAssignmentError(TinygradError, RuntimeError):
    """`t[i] = v` on a leaf that requires a gradient."""


class MissingMethodError(TinygradError, NotImplementedError):
    """A layer or an optimizer whose class leaves out the method that says what it does."""


class MissingRuleError(TinygradError, TypeError):
    """A NumPy function that has no derivative rule here."""


class ModeError(TinygradError, RuntimeError):
    """A block of a mode (`no_grad`, `scope`, …) where it cannot be right."""


class TracingError(TinygradError, TypeError):
    """A function that cannot be compiled: it asks for a number that is known only when it runs."""


class ExportError(TinygradError, TypeError):
    """A step of a program that the format it is exported to has no form for."""


class AnomalyError(TinygradError, FloatingPointError):
    """NaN or infinity met while anomaly detection is on. `program` makes it again with NumPy alone."""

    def __init__(self, message: str, program: str | None = None):
        super().__init__(message)
        self.program = program


class RegistrationError(TinygradError, TypeError):
    """An op record that is not complete."""


class MissingExtraError(TinygradError, ImportError):
    """An optional dependency that is not installed."""


class RenderError(TinygradError, RuntimeError):
    """A picture that Graphviz could not make."""


def describe(value: Any) -> str:
    """Name and shape of an operand, as every message writes them: `W1 (16, 7)`."""
    name = getattr(value, "name", None)
    shape = getattr(value, "shape", None)
    kind = "tensor" if hasattr(value, "requires_grad") else "array"
    if not isinstance(shape, tuple):
        return repr(value) if isinstance(value, bool | int | float | complex) else type(value).__name__
    return f"{name or kind} {shape}"


def kind_of(value: Any) -> str:
    """The type of a value, as messages write it: `a list`, `an int`."""
    return with_article(type(value).__name__)


def with_article(noun: str) -> str:
    """The noun with a or an before it."""
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def unknown_argument(function: str, given: str, known: Iterable[str]) -> SignatureError:
    """The error for an argument that a function does not have: the nearest one that it has, and all of them."""
    known = list(known)
    nearest = get_close_matches(given, known, n=1, cutoff=0.5)
    takes = f"{f'The nearest is {nearest[0]}; it' if nearest else 'It'} takes {', '.join(known)}."
    hint = takes if known else "It takes none. Leave it away."
    return SignatureError(f"{function}: there is no argument {given!r}. {hint}")


def unknown_name(
    module: str, given: str, known: Iterable[str], elsewhere: Mapping[str, str] = MappingProxyType({})
) -> AttributeError:
    """The error for a name that a module does not have, with the nearest that it has, if one is near.

    elsewhere: what stands here for names of other libraries. Without an object Python's tracebacks add no hint to ours.
    """
    if given in elsewhere:
        hint = f" Here it is {elsewhere[given]}."
    else:
        nearest = "" if given.startswith("_") else _nearest(given, [name for name in known if name[0] != "_"])
        hint = f" Did you mean {nearest}?" if nearest else ""
    return AttributeError(f"module {module!r} has no attribute {given!r}.{hint}", name=given, obj=None)


def _nearest(given: str, known: list[str]) -> str:
    """The known name that is nearest, else nearest but for capitals; empty if none is near."""
    lower = {name.lower(): name for name in known}
    same = get_close_matches(given, known, n=1, cutoff=NEAR)
    alike = same or [lower[name] for name in get_close_matches(given.lower(), lower, n=1, cutoff=NEAR)]
    return alike[0] if alike else ""


def naming_the_nearest(module: str, known: Iterable[str]) -> Callable[[str], NoReturn]:
    """A module's `__getattr__`, which is asked for names that are not there."""

    def missing(name: str) -> NoReturn:
        raise unknown_name(module, name, known)

    return missing


def missing_extra(package: str, extra: str) -> MissingExtraError:
    """The error for an optional `package` that is not installed."""
    return MissingExtraError(f"{package} is not installed. Install it with: pip install 'tinygrad_bp[{extra}]'")
