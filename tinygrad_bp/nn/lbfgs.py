"""L-BFGS, by SciPy: an optimizer whose step is a minimisation of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np

from tinygrad_bp.calls import guarded
from tinygrad_bp.errors import ArgumentError, missing_extra
from tinygrad_bp.nn.checks import nonnegative, whole
from tinygrad_bp.nn.optim import trainable
from tinygrad_bp.objective import Vectors
from tinygrad_bp.tensor import Tensor


@final
class LBFGS:
    """Limited-memory BFGS: `step(closure)` takes up to max_iter iterations down the cost that the closure computes.

    closure: a function without arguments that returns the cost for the parameters as they are then; it may call
    `backward()` itself, after `zero_grad()`, as those for PyTorch do. A step ends where an iteration makes the cost
    smaller by no more than the share tolerance_change of it, or no element of the gradient is larger than
    tolerance_grad; it returns the cost that it reached, and `result` is SciPy's. The cost must be the same function all
    the time, so `fit` gives it all examples as one batch. Raises MissingExtraError without SciPy, extra `scipy`.

    >>> import tinygrad_bp as tg
    >>> w = tg.tensor([-1.0, 2.0], requires_grad=True)
    >>> optimizer = tg.nn.LBFGS([w], max_iter=100)
    >>> round(optimizer.step(lambda: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2), 6), w.data.round(3)
    (0.0, array([1., 1.]))

    Source: D. C. Liu and J. Nocedal, On the limited memory BFGS method for large scale optimization, 1989.
    """

    @guarded
    def __init__(
        self,
        params: Iterable[Tensor],
        max_iter: int = 20,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
    ):
        self.params: list[Tensor] = trainable(params)
        self.max_iter: int = whole("max_iter", max_iter, 1)
        self.tolerance_grad: float = nonnegative("tolerance_grad", tolerance_grad)
        self.tolerance_change: float = nonnegative("tolerance_change", tolerance_change)
        self.history_size: int = whole("history_size", history_size, 1)
        self.steps: int = 0
        self.result: Any = None

    def step(self, closure: Callable[[], Any]) -> float:
        """Minimise the cost from where the parameters are; they and their gradients are then those that were found."""
        try:
            from scipy.optimize import minimize
        except ImportError as error:
            raise missing_extra("scipy", "scipy") from error
        vectors, start = Vectors.of([p.value for p in self.params])

        def value_and_gradient(x: Any) -> tuple[float, Any]:
            self._put(vectors.taken_apart(x))
            return self._evaluated(closure), vectors.joined([self._gradient(p) for p in self.params])

        settings = {
            "maxiter": self.max_iter,
            "maxcor": self.history_size,
            "gtol": self.tolerance_grad,
            "ftol": self.tolerance_change,
        }
        result = self.result = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=settings)
        self._put(vectors.taken_apart(result.x))
        for p, g in zip(self.params, vectors.taken_apart(result.jac), strict=True):
            p.grad = None if p.grad is None else g
        self.steps += 1
        return float(result.fun)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.params:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """The steps taken; each begins anew, so there is nothing else to keep."""
        return {"steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; ArgumentError for other names."""
        if state.keys() != {"steps"}:
            raise ArgumentError(f"the state of LBFGS has steps alone; got {', '.join(state) or 'nothing'}.")
        self.steps = whole("steps", state["steps"], 0)

    def __repr__(self) -> str:
        names = ("max_iter", "tolerance_grad", "tolerance_change", "history_size")
        settings = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"LBFGS({len(self.params)} parameters; {settings})"

    def _put(self, values: Sequence[Any]) -> None:
        for p, value in zip(self.params, values, strict=True):
            p.value = value[()]

    def _evaluated(self, closure: Callable[[], Any]) -> float:
        """The cost, with its gradients in `.grad`."""
        self.zero_grad()
        C = closure()
        if isinstance(C, Tensor) and C.requires_grad and C.parents is not None:  # no backward has released the graph
            C.backward()
        if all(p.grad is None for p in self.params):
            raise ArgumentError("the cost depends on none of the optimizer's parameters. Return it from the closure.")
        return float(C.item() if isinstance(C, Tensor) else C)

    def _gradient(self, p: Tensor) -> Any:
        return np.zeros(p.shape) if p.grad is None else p.grad
