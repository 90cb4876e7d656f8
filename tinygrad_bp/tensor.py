"""`Tensor`: a node with the manners of a NumPy array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Self, final

import numpy as np

from tinygrad_bp.annotations import Array, Operand
from tinygrad_bp.calls import guarded, require_callable
from tinygrad_bp.constants import numbers
from tinygrad_bp.domains import Reals
from tinygrad_bp.engine import Op, apply, sweep
from tinygrad_bp.errors import DTypeError, GraphCopyError, NoGradientError, NonScalarBackwardError, ShapeError, describe
from tinygrad_bp.exchange import CPU, constant_value, deep_copy, dlpack, dlpack_device, in_graph, to_device
from tinygrad_bp.formula import LocalDerivative
from tinygrad_bp.methods import ArrayMethods
from tinygrad_bp.modes import current_mode
from tinygrad_bp.namespace import Namespace
from tinygrad_bp.ops import arithmetic, indexing, shaping
from tinygrad_bp.protocols import array_function, array_ufunc


@final
class Tensor(ArrayMethods):
    """An array that remembers how it was computed.

    Made by `tensor` (copies) or `asarray` (shares), and by every op on tensors. It has NumPy's operators, indexing and
    methods. Its value never changes in place: `t += u` and `t[i] = v` give `t` a new node.

    >>> import tinygrad_bp as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = ()

    name: str | None
    grad: Array | None
    hooks: tuple[Callable[[Any], Any], ...] | None

    @property
    def data(self) -> Array:
        """The value, as a read-only array.

        To change elements write `t[i] = v`, of a parameter inside `no_grad()`; `numpy()` is a copy to write into.
        """
        view = np.asarray(self.value).view()
        view.flags.writeable = False
        return view

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of an element."""
        return self.value.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by an op."""
        return self.op is None

    @property
    def local_derivatives(self) -> tuple[LocalDerivative, ...]:
        """For every parent, how this value depends on it."""
        if self.parents is None:
            raise NoGradientError(f"{describe(self)} has no parents any more: backward() released the graph.")
        return tuple([LocalDerivative(self, i) for i in range(len(self.parents))])

    # --- gradients ---

    @guarded
    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        """Add ∂self/∂leaf, weighted by `gradient`, to `.grad` of every leaf that requires one.

        gradient: the cotangent of self, of its shape; 1 by default, which a tensor of one element allows.
        retain_graph: keep the graph for another backward; otherwise it is released.
        Raises NonScalarBackwardError, NoGradientError, GraphFreedError, ShapeError.
        """
        for tensor, g in sweep(self, self._seed(gradient), release=not retain_graph):
            if tensor.grad is not None:
                g = tensor.grad + g
            elif tensor.op is not None:
                g = g.copy()
            tensor.grad = g if g.ndim else np.asarray(g)

    def _seed(self, gradient: Any) -> Any:
        if not self.requires_grad:
            recording = current_mode().recording
            why = "nothing it was computed from has requires_grad=True" if recording else "no_grad() is in force"
            raise NoGradientError(f"{describe(self)} requires no gradient: {why}.")
        value = self.value
        if gradient is None:
            if value.size != 1:
                raise NonScalarBackwardError(
                    f"backward() starts from one number; {describe(self)} has {self.size}. "
                    "Reduce it with sum() or mean(), or pass the cotangent: backward(gradient)."
                )
            one = value.dtype.type(1)
            return one if value.ndim == 0 else np.full(value.shape, one)
        seed = numbers(gradient, self.dtype, copy=True)
        if seed.shape != self.shape:
            raise ShapeError(f"backward: the cotangent has shape {seed.shape}, {describe(self)} needs {self.shape}.")
        return seed[()]

    def zero_grad(self) -> None:
        """Forget the accumulated gradient."""
        self.grad = None

    def retain_grad(self) -> None:
        """Keep the gradient of this intermediate tensor in `.grad` too."""
        self.retains_grad = True

    def register_hook(self, hook: Callable[[Any], Any]) -> Callable[[], None]:
        """Call `hook(g)` with this tensor's cotangent in every sweep; a returned one, of its shape, replaces it.

        Returns a function that removes the hook.
        """
        require_callable("register_hook", "hook", hook)
        self.hooks = (*(self.hooks or ()), hook)

        def remove() -> None:
            self.hooks = tuple([h for h in self.hooks or () if h is not hook])

        return remove

    def detach(self) -> Tensor:
        """The same value, with no past: a constant."""
        if hasattr(self.value, "__lift__"):  # traced: what repeats the ops has to know where it is from
            detached: Tensor = apply(_DETACH, (self,))
            detached.name = self.name
            return detached
        return Tensor(self.value, name=self.name)

    def named(self, name: str) -> Self:
        """Give the tensor a name, which pictures, formulas and errors use; returns the tensor."""
        self.name = name
        return self

    # --- leaving the graph ---

    def numpy(self) -> Array:
        """A copy of the value as a plain, writable array."""
        return np.array(self.value)

    def item(self) -> Any:
        """The only element as a Python number."""
        if self.size != 1:
            raise self._not_one("item()", "Reduce it with sum() or mean(), or use .tolist()")
        return self.value.item()

    def _not_one(self, what: str, advice: str) -> ShapeError:
        return ShapeError(f"{what} needs a tensor of one element; {describe(self)} has {self.size}. {advice}.")

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        return self.value.tolist()

    def __array_namespace__(self, *, api_version: str | None = None) -> Namespace:
        """The functions of the Array API standard on tensors, `tg.array_api`."""
        return array_api.of_version(api_version)

    device = CPU
    to_device = to_device
    __dlpack__ = dlpack
    __dlpack_device__ = dlpack_device

    # Of any dtype to a type checker, so that array * tensor is not NumPy's product, which is an array, but __rmul__'s.
    @guarded
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, np.dtype[np.generic]]:
        value = constant_value(self)
        return self.data if copy is False and dtype is None else np.array(value, dtype=dtype)

    def __copy__(self) -> Tensor:
        return self.copy() if in_graph(self) else Tensor(self.value, self.requires_grad, self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """What deep copies and pickles keep: value, name and whether a gradient is required."""
        if in_graph(self):
            made = f"was computed by {self.op.name}" if self.op else "is differentiated for"
            raise GraphCopyError(
                f"{describe(self)} {made}; a deep copy or a pickle would lose the graph it stands in. "
                "Use .copy() to stay in it, .detach() for its value, or copy the tensors it was computed from."
            )
        return Tensor, (self.value, self.requires_grad, self.name)

    __deepcopy__ = deep_copy
    __array_ufunc__ = array_ufunc
    __array_function__ = array_function

    def __rdivmod__(self, other: Operand) -> tuple[Tensor, Tensor]:
        return arithmetic.divmod(other, self)

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.at(self, index)  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Operand) -> None:
        indexing.assign(self, index, value)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise ShapeError(f"{describe(self)} has no axis, and so no length.")
        return len(self.value)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise ShapeError(f"{describe(self)} has no axis to iterate over.")
        return (self[i] for i in range(len(self.value)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise self._not_one("a yes or no", "Use .any() or .all(), or tg.where to choose element by element")
        return bool(self.value)

    @guarded
    def __int__(self) -> int:
        return int(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DTypeError(f"an index or a count is a whole number; {describe(self)} has dtype {self.dtype}.")
        return self._number().__index__()

    def _number(self) -> Array:
        """The value, for Python's and NumPy's conversions: `a[0] = t` must not drop a gradient without a word."""
        if self.ndim:
            raise self._not_one("a Python number", "Use .item() for an array of one, .tolist() for more")
        return self.__array__()

    @guarded
    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if self.ndim == 0 else repr(self)

    def __repr__(self) -> str:
        text = np.array2string(np.asarray(self.value), separator=", ", prefix="Tensor(")
        notes = [f"name={self.name!r}"] if self.name else []
        if self.op is not None:
            notes.append(f"op={self.op.name}")
        if self.requires_grad:
            notes.append("requires_grad=True")
        if self.dtype not in (np.float64, np.int64, np.bool_):
            notes.append(f"dtype={self.dtype}")
        return f"Tensor({', '.join([text, *notes])})"

    # --- methods of arrays ---

    @guarded
    def reshape(self, *shape: int | Sequence[int], order: Literal["C", "F"] = "C") -> Tensor:
        """The same elements in another shape, read and placed in C order, or with order="F" in Fortran's."""
        wanted: Any = shape[0] if len(shape) == 1 else shape
        y: Any = shaping.reshape(self, shape=wanted) if order == "C" else np.reshape(self, wanted, order=order)
        return y  # type: ignore[no-any-return]

    def transpose(self, *axes: int | Sequence[int] | None) -> Tensor:
        """Axes permuted, reversed without arguments."""
        return shaping.transpose(self, axes=axes[0] if len(axes) == 1 else axes or None)  # type: ignore[no-any-return]

    @guarded
    def nonzero(self) -> tuple[Array, ...]:
        """The indices of the elements that are not 0, an array for each axis."""
        return np.nonzero(self.data)

    @guarded
    def searchsorted(self, v: Any, side: Literal["left", "right"] = "left", sorter: Any = None) -> Any:
        """Where in this sorted vector each element of v belongs."""
        return np.searchsorted(self, v, side, sorter)


array_api: Namespace = Namespace("tinygrad_bp.array_api", Tensor)
"""The Array API standard's functions on tensors."""

_DETACH = Op(
    "detach", lambda x: x, (None,), (None,), "{0}", Reals(), differentiable=False,
    call=lambda x: x.detach() if isinstance(x, Tensor) else x,
)  # fmt: skip
"""The op of `detach`, where there is a trace to be part of."""


@guarded
def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """A tensor with a copy of `data`: numbers, nested sequences of them, an array.

    dtype: as in NumPy; kept from the data if None. object and text dtypes, np.matrix and np.ma raise DTypeError.
    requires_grad: ask for gradients; the dtype must be floating or complex, else DTypeError.
    """
    return _leaf(numbers(data, dtype, copy=True), requires_grad, name)


@guarded
def asarray(data: Any, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """A tensor that shares the memory of the array `data`: write to it and the tensor changes too."""
    return data if isinstance(data, Tensor) else _leaf(numbers(data), requires_grad, name)


def _leaf(value: Array, requires_grad: bool, name: str | None) -> Tensor:
    kind = value.dtype.kind
    if kind not in "biufc":
        raise DTypeError(f"a tensor holds numbers; got dtype {value.dtype}. Convert the data, or pass dtype=float.")
    if requires_grad and kind not in "fc":
        raise DTypeError(
            f"only floating tensors have gradients; {name or 'the tensor'} has dtype {value.dtype}. "
            "Write 3.0 for 3, or pass dtype=float."
        )
    return Tensor(value[()] if value.ndim == 0 else value, requires_grad, name)
