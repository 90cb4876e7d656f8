"""The namespace of the Array API standard: NumPy's, whose functions take and make tensors here.

NumPy has all of the standard's names, and its functions come back to the library's where there is a tensor among their
arguments. So there is no list of names: what stands here is what the standard asks for beyond NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from types import ModuleType
from typing import Any, Self, final

import numpy as np

from tinygrad_bp.constants import numbers
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import ArgumentError, DTypeError, MissingRuleError, describe
from tinygrad_bp.exchange import require_cpu
from tinygrad_bp.ops.arithmetic import clip, copy as copied
from tinygrad_bp.ops.ordering import argsort, flip, sort
from tinygrad_bp.ops.shaping import astype
from tinygrad_bp.protocols import functions

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
"""The versions of the standard whose names are there."""

Function = Callable[..., Any]

_NOTHING = object()

_SPACES = (np.linalg, np.fft, np.lib, np.lib.stride_tricks)
"""The standard's two, and where those who know NumPy's namespace look for windows."""

_NUMBERS = {np.dtype(code).type for code in "?bBhHiIlLqQefdFD"}


@final
class Namespace(ModuleType):
    """Functions, dtypes and constants under the standard's names; `linalg` and `fft` are such namespaces too.

    >>> import tinygrad_bp as tg
    >>> xp = tg.tensor([1.0]).__array_namespace__()
    >>> xp.concat([xp.zeros(2), xp.asarray([3.0])])
    Tensor([0., 0., 3.])
    """

    def __init__(self, name: str, kind: type[Any], numpys: ModuleType = np) -> None:
        """kind: the class of tensors; numpys: the namespace of NumPy's that this one follows."""
        super().__init__(name, self.__doc__)
        self._kind, self._numpys = kind, numpys
        self.__array_api_version__ = VERSIONS[-1]

    def of_version(self, version: str | None) -> Self:
        """The namespace itself. Raises ArgumentError for a version of the standard that is not one of VERSIONS."""
        if version not in (None, *VERSIONS):
            known = ", ".join(VERSIONS)
            raise ArgumentError(f"the Array API is there in versions {known}; got {version!r}. Ask for one.")
        return self

    def __getattr__(self, name: str) -> Any:
        found = _NOTHING if name[:1] == "_" else self._made(name)
        if found is _NOTHING:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        setattr(self, name, found)  # so that it is made once
        return found

    def __dir__(self) -> Iterator[str]:
        return (name for name in dir(self._numpys) if name[:1] != "_" and self._made(name) is not _NOTHING)

    def __array_namespace_info__(self) -> Any:
        """What can be asked about dtypes and devices: NumPy's answers."""
        return np.__array_namespace_info__()

    def _made(self, name: str) -> Any:
        """What stands under NumPy's name here; _NOTHING for what belongs to no namespace of the standard."""
        theirs = getattr(self._numpys, name, None)
        if isinstance(theirs, ModuleType):
            return Namespace(f"{self.__name__}.{name}", self._kind, theirs) if theirs in _SPACES else _NOTHING
        if isinstance(theirs, type):
            return self._about(theirs) if name in ("finfo", "iinfo") else theirs if theirs in _NUMBERS else _NOTHING
        if name == "newaxis" or isinstance(theirs, float):
            return theirs
        if self._numpys is np.lib:
            return _NOTHING  # but the windows in one of its modules
        theirs = theirs or functions().get(name)  # older NumPys lack some
        return self._function(_OWN.get(theirs, theirs)) if callable(theirs) else _NOTHING

    def _about(self, info: Function) -> Function:
        @wraps(info, updated=())
        def about(type: Any, /) -> Any:
            return info(type.value.dtype if isinstance(type, Node) else type)

        return about

    def _function(self, function: Function) -> Function:
        """The function with tensors for arrays; without a rule, on constants as they are."""

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            require_cpu(kwargs.pop("device", None))
            nodes = list(_nodes((args, kwargs)))
            try:
                result = function(*args, **kwargs)
            except (MissingRuleError, ArgumentError):
                if any(node.requires_grad for node in nodes):
                    raise
                result = function(*_values(args), **_values(kwargs))
            return self._with_tensors(result, bool(nodes))

        return call

    def _with_tensors(self, result: Any, of_tensors: bool) -> Any:
        """Arrays as tensors, also in tuples; those that write down calls where a tensor holds one."""
        if isinstance(result, np.ndarray | np.generic) or (of_tensors and hasattr(result, "__lift__")):
            return self._kind(result[()] if isinstance(result, np.ndarray) and not result.ndim else result)
        if isinstance(result, tuple | list):
            parts = [self._with_tensors(part, of_tensors) for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        return result


def _nodes(tree: Any) -> Iterator[Node]:
    """The tensors inside of nested containers."""
    if isinstance(tree, Node):
        yield tree
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from _nodes(part)
    elif isinstance(tree, dict):
        yield from _nodes(list(tree.values()))


def _values(tree: Any) -> Any:
    """Nested containers with the values of tensors in their places."""
    if isinstance(tree, list | tuple):
        return type(tree)([_values(part) for part in tree])
    if isinstance(tree, dict):
        return {key: _values(part) for key, part in tree.items()}
    return tree.value if isinstance(tree, Node) else tree


# --- what the standard has otherwise ----------------------------------------------------------------------------------


def _asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """The object as a tensor: numbers, nested lists of them, an array, a tensor, which keeps its past."""
    if not isinstance(obj, Node):
        array = numbers(obj, dtype, copy)
        if array.dtype.kind not in "biufc":
            raise DTypeError(f"a tensor holds numbers; got dtype {array.dtype}. Convert the data, or pass dtype=float.")
        return array
    if dtype is None or obj.value.dtype == dtype:
        return copied(obj) if copy else obj
    if copy is False:
        raise ArgumentError(f"asarray: {describe(obj)} as {np.dtype(dtype)} is a copy. Leave copy=False away.")
    return astype(obj, dtype)


def _clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """x held between min and max, elementwise; None is no bound."""
    return clip(x, min, max)


def _sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """x in order along an axis; equal elements keep theirs."""
    if not descending:
        return sort(x, axis=axis, kind="stable")
    return flip(sort(flip(x, axis=axis), axis=axis, kind="stable"), axis=axis)


def _argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The indices that sort x along an axis, those of equal elements in order."""
    if not descending:
        return argsort(x, axis=axis)
    return flip(x.shape[axis] - 1 - argsort(flip(x, axis=axis), axis=axis), axis=axis)


def _fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies that `fft` gives, n of them, for samples d apart."""
    return np.fft.fftfreq(n, d).astype(dtype or float)


def _rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies that `rfft` gives for n samples d apart."""
    return np.fft.rfftfreq(n, d).astype(dtype or float)


_OWN: Mapping[Any, Function] = {
    np.asarray: _asarray, np.clip: _clip, np.sort: _sort, np.argsort: _argsort,
    np.fft.fftfreq: _fftfreq, np.fft.rfftfreq: _rfftfreq,
}  # fmt: skip
"""In the place of NumPy's functions, which have other arguments."""
