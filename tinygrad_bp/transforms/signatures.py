"""What the functions that transforms make are given and return, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar, overload

from tinygrad_bp.annotations import Array, Number
from tinygrad_bp.tensor import Tensor

Value = Tensor | Array | Number
"""What a function returns that returns no container."""


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


Tree = TypeVar("Tree", bound=Sequence[Any] | Mapping[Any, Any] | _Dataclass)


class Gradient(Protocol):
    """What `grad` makes: it gives the first argument's gradient, which is an array, a tensor or a container like it."""

    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, x: Array | Number, /, *args: Any, **kwargs: Any) -> Array: ...
    @overload
    def __call__(self, x: Tree, /, *args: Any, **kwargs: Any) -> Tree: ...


class ValueAndGradient(Protocol):
    """What `value_and_grad` makes: it gives the value as well."""

    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(self, x: Array | Number, /, *args: Any, **kwargs: Any) -> tuple[Array, Array]: ...
    @overload
    def __call__(self, x: Tree, /, *args: Any, **kwargs: Any) -> tuple[Array, Tree]: ...


class Matrix(Protocol):
    """What `jacobian` and `hessian` make: for a container it gives a container of blocks."""

    @overload
    def __call__(self, x: Tensor, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, x: Array | Number, /, *args: Any, **kwargs: Any) -> Array: ...
    @overload
    def __call__(self, x: Sequence[Any] | Mapping[Any, Any] | _Dataclass, /, *args: Any, **kwargs: Any) -> Any: ...
