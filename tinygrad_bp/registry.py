"""The registry: the `op` decorator turns a forward function and its rules into a record and the function users call."""

from __future__ import annotations

import inspect
from cmath import isnan
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, update_wrapper, wraps
from itertools import count
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from tinygrad_bp.domains import Domain, Reals
from tinygrad_bp.engine import Node, Op, Rule, apply
from tinygrad_bp.errors import ArgumentError, RegistrationError, describe

LINEAR = "linear"
MULTILINEAR = "multilinear"


class Each:
    """The rules of an op with any number of inputs: input i gets `rule(i, …)`."""

    def __init__(self, rule: Callable[..., Any]):
        self.rule = rule

    def __getitem__(self, i: int) -> Rule:
        return partial(self.rule, i)

    def __iter__(self) -> Iterator[Rule]:
        return map(self.__getitem__, count())


_ops: dict[str, Op] = {}
OPS: Mapping[str, Op] = MappingProxyType(_ops)
"""Every registered op by name."""


def op(
    *,
    latex: str,
    domain: Domain,
    derivatives: tuple[Rule | None, ...] | None = None,
    vjps: Sequence[Rule | None] | Each | None = None,
    jvp: Rule | Sequence[Rule | None] | Each | str | None = None,
    convention: str = "",
    explain: Callable[..., str] | None = None,
    whole: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Register the decorated forward function as an op; returns the function that users call.

    Elementwise ops give `derivatives`, ∂y/∂xᵢ as `d(y, *inputs, **params)`; the rules follow from them. Others give
    `vjps`, and `jvp` as one rule for each input, `LINEAR` (jointly linear in its inputs: sum, reshape) or `MULTILINEAR`
    (linear in each: matmul). `explain(*operands)` says what is wrong with operands that the forward function refused.
    Generated code has the NumPy calls of the forward function in it, or, if it looks at numbers or writes to arrays,
    with `whole` the function itself.
    On arrays the returned function computes; on tensors it records. Rules use operators, ufuncs, array methods and
    other ops, so that they can be differentiated too. An op defined again in the same module replaces the first.

    >>> import tinygrad_bp as tg
    >>> from tinygrad_bp.testing import check_gradients
    >>> @op(derivatives=(lambda y, x: 3.0 * x * x,), latex="{0}^3", domain=Reals())
    ... def cube(x):
    ...     "Cube x³, elementwise. ∂y/∂x = 3x²."
    ...     return x * x * x
    >>> check_gradients(cube, np.array([1.0, -2.0]))
    >>> tg.grad(tg.grad(cube))(2.0)
    array(12.)
    """

    def register(forward: Callable[..., Any]) -> Callable[..., Any]:
        name = forward.__name__
        if derivatives is not None:
            back: Any = tuple(d and _cotangent_rule(d) for d in derivatives)
            ahead: Any = tuple(d and _tangent_rule(d) for d in derivatives)
        else:
            back, ahead = vjps, (jvp,) if callable(jvp) else jvp
        _require_complete(name, back, ahead, latex, domain, forward)
        parameters = list(inspect.signature(forward).parameters.values())
        arity = None if isinstance(back, Each) else len(back)
        defaults = {p.name: p.default for p in parameters[arity:] if p.default is not p.empty}
        run = recordable(forward) if whole else forward
        record = Op(
            name, run, back, ahead, latex, domain, derivatives, convention, MappingProxyType(defaults),
            differentiable=arity is None or any(back), explain=explain,
        )  # fmt: skip
        object.__setattr__(record, "call", _public(record, arity, [p.name for p in parameters]))
        if isinstance(ahead, str):
            object.__setattr__(record, "jvps", Each(partial(_linear_rule, record, ahead == MULTILINEAR)))
        _ops[name] = record
        return record.call

    return register


def recordable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that generated code contains as it stands: arrays that write down calls are told of this one."""

    @wraps(function)
    def call(*args: Any, **params: Any) -> Any:
        for a in args:
            if hasattr(a, "__record_whole__"):
                return a.__record_whole__(function, args, params)
        return function(*args, **params)

    return call


def lifted(x: Any, others: tuple[Any, ...]) -> Any:
    """x, as an array that writes down calls if one of the others does: an index does not tell the array it is for."""
    for a in others:
        if hasattr(a, "__lift__"):
            return a.__lift__(x)
    return x


custom_op = op
"""The decorator for ops of one's own: they are records like the library's, with a test domain for the checker."""


def _require_complete(name: str, vjps: Any, jvps: Any, latex: str, domain: Any, forward: Any) -> None:
    paired = isinstance(vjps, Each) or isinstance(jvps, Each | str) or len(vjps or ()) == len(jvps or ())
    missing = [
        what
        for what, given in (
            ("derivatives, or vjps", vjps), ("derivatives, or jvp", jvps), ("a jvp for every vjp", paired),
            ("latex", latex), ("a docstring", forward.__doc__),
            ("a domain", isinstance(domain, Domain)),
        )
        if not given
    ]  # fmt: skip
    if missing:
        raise RegistrationError(f"op {name!r} is not registered: it lacks {', '.join(missing)}. Give it all of them.")
    if name in _ops and _ops[name].forward.__module__ != forward.__module__:
        raise RegistrationError(f"op {name!r} is registered already. Choose another name.")


def _public(record: Op, arity: int | None, names: list[str]) -> Callable[..., Any]:
    """The function users call, with a shorter way in for the hot ones: one or two inputs and no parameters."""
    forward, defaults = record.forward, dict(record.defaults)

    def unary(x: Any) -> Any:
        return apply(record, (x,)) if isinstance(x, Node) else forward(x)

    def binary(a: Any, b: Any) -> Any:
        return apply(record, (a, b)) if isinstance(a, Node) or isinstance(b, Node) else forward(a, b)

    def ternary(a: Any, b: Any, c: Any) -> Any:
        if isinstance(a, Node) or isinstance(b, Node) or isinstance(c, Node):
            return apply(record, (a, b, c))
        return forward(a, b, c)

    def call(*args: Any, **params: Any) -> Any:
        if arity is not None and len(args) != arity:
            params = dict(zip(names, args, strict=False)) | params
            args = tuple([params.pop(name) for name in names[:arity]])
        for key, setting in params.items():
            if isinstance(setting, Node):
                _refuse_setting(record.name, key, setting)
        params = {**defaults, **params} if params else defaults
        for a in args:
            if isinstance(a, Node):
                return apply(record, args, params)
        return forward(*args, **params)

    short: Mapping[int | None, Callable[..., Any]] = {1: unary, 2: binary, 3: ternary}
    chosen = short.get(arity, call) if len(names) == arity else call
    update_wrapper(chosen, forward)
    chosen.op = record  # type: ignore[attr-defined]
    return chosen


def _refuse_setting(name: str, key: str, value: Node) -> NoReturn:
    raise ArgumentError(
        f"{name}: no gradient passes through {key}, and so it is no tensor; got {describe(value)}. Pass its .data."
    )


def _cotangent_rule(derivative: Rule) -> Rule:
    def vjp(g: Any, *values: Any, **params: Any) -> Any:
        d = derivative(*values, **params)
        return scale(g, d) if isinstance(g, Node) else _scale(g, d)

    return vjp


def _tangent_rule(derivative: Rule) -> Rule:
    def jvp(t: Any, y: Any, *inputs: Any, **params: Any) -> Any:
        return scale(t, derivative(y, *inputs, **params))

    return jvp


def _linear_rule(record: Op, multilinear: bool, i: int, t: Any, y: Any, *inputs: Any, **params: Any) -> Any:
    rest = inputs if multilinear else [np.zeros(np.shape(x)) for x in inputs]
    return record.call(*rest[:i], t, *rest[i + 1 :], **params)


# --- the product every elementwise rule is made of --------------------------------------------------------------------


@op(
    vjps=(lambda c, y, g, d: scale(c, d), lambda c, y, g, d: scale(c, g)),
    jvp=MULTILINEAR,
    latex=r"{0} \odot {1}",
    domain=Reals(),
    convention="an exact 0 in the first factor gives 0, even against infinity or NaN",
    whole=True,
)
def scale(g: Any, d: Any) -> Any:
    """Cotangent times local derivative, elementwise: gᵢ·dᵢ, and 0 wherever gᵢ is exactly 0.

    A cotangent of 0 says that nothing downstream looks at this element, so an infinite slope there does not matter.
    """
    product = g * d
    flat = product if product.flags.c_contiguous else product.ravel("K")  # vdot would put the elements in C order
    norm = np.vdot(flat, flat)
    return np.where(g == 0, np.zeros_like(product), product) if isnan(norm) else product


_scale = scale.op.forward.__wrapped__  # type: ignore[attr-defined]
