"""`odeint`: the solution of a differential equation as one op, whose derivatives are solutions of equations too.

With y′ = f(y, s; p) the cotangent a of y obeys a′ = −aᵀ·∂f/∂y, backwards in time, and that of p collects aᵀ·∂f/∂p: the
adjoint method. A tangent δ obeys δ′ = ∂f/∂y·δ + ∂f/∂p·ṗ. Each is a `Flow` again, to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.domains import Reals
from tinygrad_bp.engine import Node, Op, apply
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError, TracingError, describe
from tinygrad_bp.ops.joining import concatenate
from tinygrad_bp.ops.reductions import sum
from tinygrad_bp.ops.shaping import astype, converted, ravel, reshape
from tinygrad_bp.ops.special import scipys
from tinygrad_bp.transforms.forward import push
from tinygrad_bp.transforms.inputs import Inputs, as_tensor, call
from tinygrad_bp.trees import flatten

Slope = Callable[[Any, Any, Any], Any]
Method = Literal["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"]


@guarded
def odeint(
    f: Callable[..., Any], y0: Any, t: Any, *args: Any, rtol: float = 1.4e-8, atol: float = 1.4e-8,
    method: Method = "DOP853",
) -> Any:  # fmt: skip
    """The solution of dy/ds = f(y, s, *args) with y(t₀) = y0, at the times t: an array (len(t), *y0.shape).

    y0: an array or tensor. t: a vector, all ascending or all descending. args: arrays, tensors, numbers or nested
    containers of them. Differentiable for y0, t and args, to any order: the VJP solves the adjoint equation backwards,
    the JVP that of the tangent. f may use other tensors as constants; one that requires a gradient is an ArgumentError.
    rtol, atol, method: SciPy's `solve_ivp`, "Radau", "BDF" or "LSODA" for stiff equations; derivatives are as exact as
    their own equations are solved. Needs the `scipy` extra. Raises ShapeError, DTypeError, ArgumentError where the
    solver gives up, and TracingError in compiled functions: compile f itself.

    >>> import tinygrad_bp as tg
    >>> def decay(y, s, rate):
    ...     return -rate * y
    >>> tg.grad(lambda rate: tg.odeint(decay, 1.0, [0.0, 2.0], rate, rtol=1e-10)[1])(0.5)
    array(-0.735759)
    """
    start, times = _operand("y0", y0), _operand("t", t)
    if times.ndim != 1 or not times.size:
        raise ShapeError(f"odeint: t is a vector of one time or more; got {describe(times)}.")
    leaves, rebuild = flatten(args)
    operands = [_operand("args", leaf) for leaf in leaves]
    chosen = [i for i, x in enumerate(operands) if x.dtype.kind == "f"]
    ends = np.cumsum([0, *[operands[i].size for i in chosen]]).tolist()

    def slope(y: Any, s: Any, p: Any) -> Any:
        filled = list(leaves)
        for k, i in enumerate(chosen):
            filled[i] = reshape(p[ends[k] : ends[k + 1]], shape=operands[i].shape)
        found = f(reshape(y, shape=start.shape), s, *rebuild(iter(filled)))
        if np.shape(found) != start.shape:
            raise ShapeError(f"odeint: f gives the slope of y, of shape {start.shape}; it gave {np.shape(found)}.")
        return ravel(found)

    flow = Flow(slope, start.size, times.size, (rtol, atol, method))
    ys = flow.call(_joined([start, times, *[operands[i] for i in chosen]]))
    return converted(reshape(ys, shape=(times.size, *start.shape)), start.dtype if start.dtype.kind == "f" else float)


def _operand(what: str, x: Any) -> Any:
    array = x if isinstance(x, Node) or hasattr(x, "__lift__") else np.asarray(x)[()]
    if hasattr(array, "__lift__") or hasattr(getattr(array, "value", None), "__lift__"):
        raise TracingError(
            "odeint: SciPy's solver chooses its steps by the numbers, so it cannot be part of a compiled program. "
            "Compile f instead."
        )
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"odeint: {what} is of real numbers; got {describe(x)} of dtype {array.dtype}.")
    return array


def _joined(parts: Sequence[Any]) -> Any:
    """One vector of several arrays, in double precision."""
    return concatenate([ravel(astype(x, float)) for x in parts])


@final
@dataclass(frozen=True)
class Flow:
    """The map from a vector of y0, the times and the parameters to the states at the times, (count, size), as an op."""

    slope: Slope
    size: int
    count: int
    settings: tuple[float, float, str]

    def record(self) -> Op:
        """The record of this flow alone. It holds the flow, which must not hold it: the two would be a cycle."""
        latex = r"\operatorname{odeint}({0})"
        return Op("odeint", self.forward, (self.vjp,), (self.jvp,), latex, Reals(), call=self.call)

    def call(self, packed: Any) -> Any:
        """The states; a tensor of a tensor."""
        return apply(self.record(), (packed,)) if isinstance(packed, Node) else self.forward(packed)

    def parts(self, packed: Any) -> tuple[Any, Any, Any]:
        """The first state, the times and the parameters."""
        end = self.size + self.count
        return packed[: self.size], packed[self.size : end], packed[end:]

    def forward(self, packed: Any) -> Any:
        """The states, by SciPy."""
        y0, t, p = self.parts(packed)
        steps = np.diff(t)
        if not (np.all(steps > 0) or np.all(steps < 0)):
            raise ArgumentError("odeint: times are all ascending or all descending. Sort t, and leave out equal ones.")
        if self.count == 1:
            return y0[None].copy()
        rtol, atol, method = self.settings
        found = scipys("integrate", "solve_ivp")(
            lambda s, y: _number(self.slope(y, s, p)), (t[0], t[-1]), y0, method, t, rtol=rtol, atol=atol
        )
        if not found.success:
            raise ArgumentError(f"odeint: the solver gave up: {found.message} Try method='Radau', or other tolerances.")
        return np.ascontiguousarray(found.y.T)

    def vjp(self, g: Any, y: Any, packed: Any) -> Any:
        """The adjoint equation, from each time back to the one before; there the cotangent of its state is added."""
        n = self.size
        _, t, p = self.parts(packed)
        m = p.shape[0]

        def slope(state: Any, s: Any, p: Any) -> Any:
            inputs, value = self._recorded(state[:n], s, p, state)
            back = inputs.pull([value], [state[n : 2 * n]])
            return concatenate([inputs.result(value), -back[0], -back[1]])

        adjoint = Flow(slope, 2 * n + m, 2, self.settings)
        a, collected, times = g[self.count - 1], np.zeros(m), []
        for k in range(self.count - 1, 0, -1):
            times.append(sum(g[k] * self._slope_at(k, y, t, p), keepdims=True))
            packed = concatenate([y[k], a, collected, t[k : k + 1], t[k - 1 : k], p])
            state = adjoint.call(packed)[1]
            a, collected = state[n : 2 * n] + g[k - 1], state[2 * n :]
        times.append(-sum((a - g[0]) * self._slope_at(0, y, t, p), keepdims=True))
        return concatenate([a, *times[::-1], collected])

    def jvp(self, tangent: Any, y: Any, packed: Any) -> Any:
        """The equation of the tangent beside that of the state."""
        n = self.size
        (y0, t, p), (dy0, dt, dp) = self.parts(packed), self.parts(tangent)
        m = p.shape[0]

        def slope(state: Any, s: Any, both: Any) -> Any:
            inputs, value = self._recorded(state[:n], s, both[:m], state)
            (moved,) = push(inputs, [value], [state[n:], both[m:]])
            return concatenate([inputs.result(value), inputs.leaf(moved)])

        tangents = Flow(slope, 2 * n, self.count, self.settings)
        start = dy0 - dt[0] * self._slope_at(0, y, t, p)
        moved = tangents.call(concatenate([y0, start, t, p, dp]))[:, n:]
        late = [reshape(self._slope_at(k, y, t, p) * dt[k], shape=(1, n)) for k in range(self.count)]
        return moved + concatenate(late)

    def _recorded(self, y: Any, s: Any, p: Any, state: Any) -> tuple[Inputs, Any]:
        """The slope, recorded: in a graph of its own unless the state is part of one."""
        inputs = Inputs((y, p), nested=isinstance(state, Node) or isinstance(p, Node))
        return inputs, as_tensor(call(lambda y, p: self.slope(y, s, p), *inputs.values))

    def _slope_at(self, k: int, y: Any, t: Any, p: Any) -> Any:
        found = self.slope(y[k], t[k], p)
        return found if isinstance(p, Node) else _number(found)


def _number(found: Any) -> Any:
    """A slope as an array."""
    if isinstance(found, Node):
        if found.requires_grad:
            raise ArgumentError(
                "odeint: f uses a tensor that requires a gradient, which would be lost. Pass it to odeint after t, and "
                "f has it as an argument after s."
            )
        found = found.value
    return np.asarray(found, float)
