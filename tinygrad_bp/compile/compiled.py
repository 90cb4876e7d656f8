"""`compile`, and the functions it makes: they find the program for a call, or make it."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import update_wrapper
from typing import Any, Literal, final
from weakref import WeakMethod

import numpy as np

from tinygrad_bp.backends import BACKENDS, CHOICES, Choice, Placement, Plan, Settled
from tinygrad_bp.calls import guarded
from tinygrad_bp.compile.dispatch import fast_path
from tinygrad_bp.compile.overview import name_of, overview, summarised
from tinygrad_bp.compile.specialization import Call, Specialization, has_tensors, specialized
from tinygrad_bp.errors import ArgumentError, CopyError
from tinygrad_bp.program import NumbersNeeded
from tinygrad_bp.source import module as module_of
from tinygrad_bp.tables import Table
from tinygrad_bp.trees import tree_map

Function = Callable[..., Any]

SPECIALIZATIONS = 64
"""How many kinds of calls a compiled function remembers; the one not used for longest is forgotten."""

TOO_MANY = "the function is called in too many ways, and Numba keeps machine code until the process ends"
"""Why kinds of calls beyond so many get none."""


@final
class Compiled:
    """A function that runs as a NumPy program; made by `compile`."""

    def __init__(self, f: Function, backend: Settled, placement: Placement | None = None):
        self.f = f
        self.backend = backend
        self.placement = placement
        self._arrays = BACKENDS[backend].arrays if backend in BACKENDS else None
        self._specializations: OrderedDict[Any, Specialization] = OrderedDict()
        self._needed: dict[Any, frozenset[int]] = {}  # the numbers that ops asked for, by the structure of the call
        self._made = 0
        self._latest: Specialization | None = None
        self._finding: WeakMethod[Any] = WeakMethod(self._find)  # a method that it holds would be a cycle
        self._unlike = _starred(self._finding)
        self._fast = self._unlike
        update_wrapper(self, f)

    def __copy__(self) -> Compiled:
        return Compiled(self.f, self.backend)

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        return Compiled(deepcopy(self.f, memo), self.backend)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A pickle has the function by its name; programs are made anew where it is called."""
        name = getattr(self.f, "__qualname__", "")
        known: Any = sys.modules.get(getattr(self.f, "__module__", None) or "")
        for part in name.split("."):
            known = getattr(known, part, None)
        if known is self:
            return name
        if known is not self.f and name:
            raise CopyError(
                f"{name_of(self.f)} cannot be pickled: no module has it by its name. Define it with def at the top of "
                "a file, or compile it where it is needed."
            )
        return Compiled, (self.f, self.backend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What f gives for these arguments."""
        return self._find(*args, **kwargs) if kwargs else self._fast(args)

    @property
    def source(self) -> str:
        """The program of the latest call as Python source, which needs only NumPy."""
        return module_of(self._called().program).text

    def source_for(self, standard: Literal["array_api"], module: str = "array_api_strict") -> str:
        """The program of the latest call for any module that conforms to the Array API standard, version 2024.12.

        module: the one that its text imports, in one line, as xp: "numpy", "array_api_compat.torch", "cupy". Arrays are
        that module's, numbers too. Raises TracingError for what the standard does not have, and names it.

        >>> import numpy as np
        >>> import tinygrad_bp as tg
        >>> fast = tg.compile(lambda W, x: tg.sum(tg.tanh(W @ x)), backend="numpy")
        >>> _ = fast(np.ones((2, 3)), np.ones(3))
        >>> lines = fast.source_for("array_api", "array_api_compat.torch").splitlines()
        >>> lines[0], lines[-2]
        ('import array_api_compat.torch as xp', '    C = xp.sum(a1)')
        """
        if standard != "array_api":
            raise ArgumentError(f"source_for: there is 'array_api'; got {standard!r}. Use .source for NumPy.")
        return module_of(self._called().program, module).text

    @property
    def plan(self) -> Plan:
        """How the latest call ran, and why."""
        return self._called().plan

    def summary(self) -> Table:
        """A table of the kinds of calls so far: backend, size of the program, and why it runs so.

        >>> import numpy as np
        >>> import tinygrad_bp as tg
        >>> fast = tg.compile(lambda x, k: tg.sum(x * k), backend="numpy")
        >>> _ = fast(np.ones(3), 2), fast(np.ones((2, 2)), 3.0)
        >>> print(fast)
        Compiled(<lambda>, backend='numpy',
          (x (3,), 2): numpy
          (x (2, 2), k float): numpy
        )
        >>> [row[:3] for row in fast.summary().rows]
        [('(x (3,), 2)', 'numpy', '2'), ('(x (2, 2), k float)', 'numpy', '2')]
        """
        return summarised(self.f, self.backend, self._specializations)

    def __repr__(self) -> str:
        return overview(self.f, self.backend, self._specializations)

    def _called(self) -> Specialization:
        if self._latest is None:
            raise ArgumentError(
                f"{name_of(self.f)} is compiled when it is called, for the shapes it is given. Call it first."
            )
        return self._latest

    def _find(self, *args: Any, **kwargs: Any) -> Any:
        """A call that is not like the latest one, or whose values the latest program refused."""
        call = Call.of(args, kwargs, self._needed, self._arrays)
        if has_tensors(call.leaves):
            return self.f(*args, **kwargs)
        found = self._specializations.get(call.key)
        if found is None or found.is_stale:
            return self._specialize(call, args, kwargs)
        found = self._specializations[call.key] = found.latest
        self._specializations.move_to_end(call.key)
        try:
            result = found(call.values)
        except ValueError:  # a guard: the eager function knows what to say, or to do
            result = self._eager(call)
        self._latest, self._fast = found, self._unlike
        if not kwargs:  # such a call has come again
            self._fast = found.fast_path = found.fast_path or fast_path(args, found, self._finding, call)
        return result

    def _eager(self, call: Call) -> Any:
        """What f gives by itself, in the kind of arrays that it is called with."""
        args, kwargs = call.with_values(call.as_numpy)
        result = self.f(*args, **kwargs)
        arrays = call.arrays
        if arrays is None or not (self.placement or call.has_own_arrays):
            return result
        return tree_map(lambda x: arrays.from_numpy(x) if isinstance(x, np.ndarray | np.generic) else x, result)

    def _specialize(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The first call of its kind, or the first again since it was forgotten."""
        try:
            obstacle = TOO_MANY * (self._made >= SPECIALIZATIONS)
            found, result = specialized(self.f, call, self.backend, obstacle, self.placement)
        except NumbersNeeded as error:
            places = [call.dynamic[place] for place in error.places]
            self._needed[call.structure] = self._needed.get(call.structure, frozenset()).union(places)
            return self._find(*args, **kwargs)
        self._made += 1
        self._specializations[call.key] = found
        if len(self._specializations) > SPECIALIZATIONS:
            self._specializations.popitem(last=False)
        self._latest, self._fast = found, self._unlike
        return result


def _starred(method: WeakMethod[Any]) -> Function:
    """A method as a function of its arguments in a tuple."""
    return lambda args: method()(*args)  # type: ignore[misc]


@guarded
def compile(
    f: Function, backend: Choice = "auto", *, mesh: Any = None, sharded: Mapping[str, Any] | None = None
) -> Compiled:
    """The same function, traced at its first call and run as a NumPy program from then on.

    f takes and returns arrays, numbers and containers of them; it may be `value_and_grad(loss)`, or a whole training
    step that returns new parameters. It is traced once for each kind of call: shapes and dtypes of arrays, containers,
    and the other arguments (ints, strings, functions), which are part of the program. Floats are inputs, unless an op
    needs the number to know what to do, as `norm` its ord; then there is a program for each. Tensors that f uses
    without being given them are inputs too, for which it is traced twice; other such arrays are constants. Generators
    must be arguments. A branch on a value raises TracingError. Where the differentiated number is infinite or NaN
    itself, derivatives may be NaN that f gives as 0. Given tensors, f itself is called, so that they can be
    differentiated.

    backend: "numpy", "numba" (extra `jit`), or "auto": NumPy, with much elementwise work on large arrays as one loop in
    machine code (`jit` again). Programs on small arrays, where calls cost more than numbers, begin on NumPy; after 100
    calls Numba compiles them in the background, and takes over. Numbers may then change in their last bit: "numpy" and
    "numba" settle it. Only the first 64 kinds of calls become Numba's, which keeps machine code until the process ends.
    The result has `.source`, the program, and `.plan`, how it runs and why. It keeps the memory of large arrays for the
    next call, once nobody has them any more.

    "jax" (extra `jax`) is XLA, on JAX's devices, float64 staying float64. JAX's arrays give JAX's, NumPy's give
    read-only ones. Draws are JAX's, from a key that the generator gives; what NumPy raises for values is NaN. mesh: a
    `jax.sharding.Mesh`; results are JAX's then. sharded: by the names of arguments the axes of the mesh that they are
    split along, {"X": "data", "W1": (None, "model")}; others are whole on every device.

    >>> import numpy as np
    >>> import tinygrad_bp as tg
    >>> fast = tg.compile(tg.grad(lambda w, x: tg.sum(w * w * x)), backend="numpy")
    >>> fast(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([ 6., 16.])
    >>> print(fast.source.splitlines()[-1])
        return dw
    """
    if backend not in CHOICES:
        raise ArgumentError(f"compile: backend is one of {', '.join(CHOICES)}; got {backend!r}.")
    if not callable(f):
        raise ArgumentError(f"compile: expected a function; got {type(f).__name__}.")
    if backend != "jax" and (mesh is not None or sharded):
        raise ArgumentError(f"compile: mesh and sharded are for backend='jax'; got backend={backend!r}.")
    if sharded and mesh is None:
        raise ArgumentError("compile: sharded names axes of a mesh. Pass mesh=jax.make_mesh(…) too.")
    return Compiled(f, backend, None if mesh is None else Placement(mesh, dict(sharded or {})))
