"""A function of nested parameters as minimizers take one: of a vector, with its gradient and its second derivative."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.calls import guarded
from tinygrad_bp.compile import compile
from tinygrad_bp.engine import Node
from tinygrad_bp.errors import CopyError, DTypeError, ShapeError, TracingError
from tinygrad_bp.functions import concatenate
from tinygrad_bp.transforms import grad, jvp, value_and_grad
from tinygrad_bp.trees import Rebuild, flatten, paths

Function = Callable[..., Any]


@final
@dataclass(frozen=True)
class Objective:
    """What `scipy_objective` makes: it unpacks into `fun, jac, hessp`, functions of a float64 vector.

    x0: the start as such a vector. unflatten: from a vector to parameters built like those given, of their dtypes.
    """

    fun: Callable[[Array], float]
    jac: Callable[[Array], Array]
    hessp: Callable[[Array, Array], Array]
    x0: Array
    unflatten: Callable[[Array], Any]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.fun, self.jac, self.hessp))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        raise CopyError("an Objective cannot be pickled. Pickle f and x0, and call scipy_objective where it is needed.")

    def __copy__(self) -> Self:
        return self


@guarded
def scipy_objective(f: Function, x0: Any, backend: Literal["auto", "numpy", "numba", "eager"] = "numpy") -> Objective:
    """f(params), ∂f/∂params and ∂²f/∂params²·p as functions of one vector, for `scipy.optimize.minimize`.

    f: from parameters to one number. x0: where to start, an array or a nested container of arrays and floats; its
    elements, one after another in the order of the container, are the vector. For the same x, `fun` and `jac` share one
    evaluation. SciPy itself is not needed.

    backend: f is traced at its first call and runs as a program from then on, see `compile`, so other arrays that it
    uses are constants; "eager", and an f that branches on values, run as written. "numba" and "auto" may compile for
    seconds. Raises DTypeError for parameters that are not real floating ones, ShapeError for vectors of another length.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> objective = tg.scipy_objective(lambda p: tg.sum((p["a"] - p["b"]) ** 2), {"a": np.array([1.0, 3.0]), "b": 1.0})
    >>> fun, jac, hessp = objective
    >>> objective.x0, fun(objective.x0), jac(objective.x0), hessp(objective.x0, np.array([1.0, 0.0, 0.0]))
    (array([1., 3., 1.]), 4.0, array([ 0.,  4., -4.]), array([ 2.,  0., -2.]))
    >>> objective.unflatten(np.array([5.0, 6.0, 7.0]))
    {'a': array([5., 6.]), 'b': array(7.)}
    """
    vectors, start = Vectors.of(x0)

    def value_and_gradient(x: Any) -> Any:
        y, gradient = value_and_grad(f)(vectors.taken_apart(x))
        return y, vectors.joined(gradient)

    def product(x: Any, p: Any) -> Any:
        return vectors.joined(jvp(grad(f), (vectors.taken_apart(x),), (vectors.taken_apart(p),))[1])

    evaluate, multiply = _Latest(_quick(value_and_gradient, backend)), _quick(product, backend)

    def fun(x: Array) -> float:
        return evaluate(vectors.vector(x))[0]

    def jac(x: Array) -> Array:
        return evaluate(vectors.vector(x))[1].copy()

    def hessp(x: Array, p: Array) -> Array:
        return np.array(multiply(vectors.vector(x), vectors.vector(p)))

    return Objective(fun, jac, hessp, start, lambda x: vectors.taken_apart(vectors.vector(x).copy()))


def _quick(f: Function, backend: Any) -> Function:
    """f as a program, or as it is written if there is none of it."""
    run = f if backend == "eager" else compile(f, backend)

    def call(*args: Any) -> Any:
        nonlocal run
        try:
            return run(*args)
        except TracingError:
            run = f
            return f(*args)

    return call


@final
class _Latest:
    """Value and gradient of a function, kept for the next question about the same vector."""

    def __init__(self, f: Function):
        self.f = f
        self.known: tuple[bytes, tuple[float, Array]] | None = None

    def __call__(self, x: Array) -> tuple[float, Array]:
        key, known = x.tobytes(), self.known
        if known is not None and known[0] == key:
            return known[1]
        y, gradient = self.f(x)
        result = y.item(), gradient
        self.known = key, result
        return result


@final
@dataclass(frozen=True)
class Vectors:
    """How parameters lie in a vector: each leaf's slice, shape and dtype."""

    leaves: Sequence[tuple[slice, tuple[int, ...], np.dtype[Any]]]
    size: int
    rebuild: Rebuild

    @classmethod
    def of(cls, tree: Any) -> tuple[Vectors, Array]:
        """The layout of these parameters, and the vector that they are."""
        found, rebuild = flatten(tree)
        arrays = [_real(leaf, path) for leaf, path in zip(found, paths(tree, "x0"), strict=True)]
        ends = np.cumsum([a.size for a in arrays], dtype=int).tolist()
        leaves = [(slice(end - a.size, end), a.shape, a.dtype) for a, end in zip(arrays, ends, strict=True)]
        vector = np.concatenate([np.empty(0), *[a.ravel().astype(np.float64) for a in arrays]])
        return cls(leaves, vector.size, rebuild), vector

    def taken_apart(self, x: Any) -> Any:
        """Parameters of a vector."""
        if len(self.leaves) == 1:
            ((_, shape, dtype),) = self.leaves
            return self.rebuild(iter([x.reshape(shape).astype(dtype)]))
        return self.rebuild(iter([x[part].reshape(shape).astype(dtype) for part, shape, dtype in self.leaves]))

    def joined(self, tree: Any) -> Any:
        """The vector of parameters."""
        parts = [leaf.reshape(-1).astype(np.float64) for leaf in flatten(tree)[0]]
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def vector(self, x: Any) -> Array:
        """A vector of the right length, as float64."""
        vector = np.asarray(x, np.float64)
        if vector.shape != (self.size,):
            raise ShapeError(f"the parameters are a vector of {self.size} numbers; got shape {vector.shape}.")
        return vector


def _real(leaf: Any, path: str) -> Array:
    array = np.asarray(leaf.value if isinstance(leaf, Node) else leaf)
    if array.dtype.kind != "f":
        raise DTypeError(
            f"{path} has dtype {array.dtype}; a minimizer moves real floating parameters. Pass 3.0 for 3, and what is "
            "not to be moved inside the function."
        )
    return array
