"""The registry: the `op` decorator turns a forward function and its rules into a record and the function users call."""

from __future__ import annotations

import inspect
import operator
from cmath import isnan
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, update_wrapper, wraps
from itertools import count
from math import inf
from types import MappingProxyType
from typing import Any

import numpy as np

from tinygrad_bp.blocks import LARGE, in_blocks, splits
from tinygrad_bp.calls import again, require_signature
from tinygrad_bp.constants import IMMUTABLE, constant, owned
from tinygrad_bp.domains import Domain, Reals
from tinygrad_bp.engine import Node, Op, Rule, apply
from tinygrad_bp.errors import ArgumentError, RegistrationError, describe
from tinygrad_bp.traits import NONE, Traits

LINEAR = "linear"
MULTILINEAR = "multilinear"


class Each:
    """The rules of an op with any number of inputs: input i gets `rule(i, …)`.

    VJPs of an op that is jointly linear are called without the inputs: rule(i, g, y, **params).
    """

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
    traits: Traits = NONE,
    whole: bool = False,
    internal: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Register the decorated forward function as an op; returns the function that users call.

    Elementwise ops give `derivatives`, ∂y/∂xᵢ as `d(y, *inputs, **params)`; the rules follow from them. Others give
    `vjps`, and `jvp` as one rule for each input, `LINEAR` (jointly linear in its inputs: sum, reshape) or `MULTILINEAR`
    (linear in each: matmul). `explain(*operands)` says what is wrong with operands that the forward function refused.
    `traits` tell names, formulas and derivations what the op means: that it is an activation, or a product.
    Generated code has the NumPy calls of the forward function in it, or, if it looks at numbers or writes to arrays,
    with `whole` the function itself. `internal` ops are not exported: functions that are exported are made of them.
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
            own = str(forward.__module__).startswith("tinygrad_bp.ops.")  # others' may look at shapes
            large = LARGE if own else inf
            back: Any = tuple(d and _cotangent_rule(d, large) for d in derivatives)
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
            differentiable=arity is None or any(back), joins=isinstance(back, Each) and ahead == LINEAR,
            explain=explain, traits=traits, internal=internal,
        )  # fmt: skip
        object.__setattr__(record, "call", _public(record, arity, [p.name for p in parameters]))
        if isinstance(ahead, str):
            object.__setattr__(record, "jvps", Each(partial(_linear_rule, record, ahead == MULTILINEAR)))
        _ops[name] = record
        return record.call

    return register


def recordable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that generated code contains as it stands: arrays that write down calls are told of this one."""
    written = inspect.unwrap(function)

    @wraps(function)
    def call(*args: Any, **params: Any) -> Any:
        for a in (*args, *params.values()) if params else args:
            if hasattr(a, "__record_whole__"):
                return a.__record_whole__(written, args, params)
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


def _short(record: Op) -> Mapping[int | None, Callable[..., Any]]:
    """The functions of one, two and three inputs without settings, the hot ones: the shortest way to `apply`."""
    forward = record.forward

    def unary(x: Any) -> Any:
        if isinstance(x, Node):
            return apply(record, (x,))
        try:
            return forward(x)
        except Exception as error:  # it is explained, or raised again
            return again(record.name, forward, (x,), {}, error, record.explain)

    def binary(a: Any, b: Any) -> Any:
        if isinstance(a, Node) or isinstance(b, Node):
            return apply(record, (a, b))
        try:
            return forward(a, b)
        except Exception as error:
            return again(record.name, forward, (a, b), {}, error, record.explain)

    def ternary(a: Any, b: Any, c: Any) -> Any:
        if isinstance(a, Node) or isinstance(b, Node) or isinstance(c, Node):
            return apply(record, (a, b, c))
        try:
            return forward(a, b, c)
        except Exception as error:
            return again(record.name, forward, (a, b, c), {}, error, record.explain)

    return {1: unary, 2: binary, 3: ternary}


def _public(record: Op, arity: int | None, names: list[str]) -> Callable[..., Any]:
    """The function users call."""
    forward, defaults = record.forward, dict(record.defaults)

    def call(*args: Any, **params: Any) -> Any:
        try:
            if arity is not None and len(args) != arity:
                args, params = _placed(record, names, arity, args, params)
            if params:
                args, params = _settled(record, args, params)
            else:
                params = defaults
            for a in args:
                if isinstance(a, Node):
                    break
            else:
                return forward(*args, **params)
        except Exception as error:
            return again(record.name, forward, args, params, error, record.explain)
        return apply(record, args, params)

    chosen: Any = _short(record).get(arity, call) if len(names) == arity else call
    if chosen is not call:  # its inputs may be given by the names that they have in the forward function
        local = chosen.__code__.co_varnames[len(names) :]
        chosen.__code__ = chosen.__code__.replace(co_varnames=(*names, *local))
    update_wrapper(chosen, forward)
    chosen.op = record
    return chosen  # type: ignore[no-any-return]


def _placed(
    record: Op, names: list[str], arity: int, args: tuple[Any, ...], params: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs that were given by name, and settings that were given by place, each where it belongs."""
    placed = dict(zip(names, args, strict=False)) | params
    none_twice_or_too_many = len(placed) == len(args) + len(params)
    inputs = [placed.pop(name) for name in names[:arity] if name in placed]
    if len(inputs) < arity or not none_twice_or_too_many:
        require_signature(record.name, record.forward, args, params)
    return tuple(inputs), placed


def _settled(record: Op, args: Any, params: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments with all settings, which nobody writes to. Values stand for tensors among the settings; if there
    were any, there is one among the operands then."""
    given = next((type(setting) for setting in params.values() if isinstance(setting, Node)), None)
    if given is None:
        return args, {**record.defaults, **owned(params)}
    plain = {key: plain_setting(record.name, key, setting) for key, setting in params.items()}
    if not any(isinstance(a, Node) for a in args):
        args = given(constant(args[0])), *args[1:]
    return args, {**record.defaults, **owned(plain)}


def plain_setting(name: str, key: str, setting: Any) -> Any:
    """A setting of the function `name` that is no tensor: that of a compiled function as an array that writes down
    calls. Raises ArgumentError for tensors whose gradient would be lost, and outside of compiled functions for all."""
    if not isinstance(setting, Node):
        return setting
    compiled = hasattr(setting.value, "__lift__")
    if compiled and not setting.requires_grad:
        return setting.value
    advice = "Leave it out of argnums, or pass its .detach()." if compiled else "Pass its number, .item()."
    raise ArgumentError(
        f"{name}: no gradient passes through {key}, and so it is no tensor; got {describe(setting)}. {advice}"
    )


def plain_number(name: str, key: str, setting: Any) -> Any:
    """A setting that decides what is done. A compiled function is traced again with it, and once for each number."""
    return float(plain_setting(name, key, setting)) if isinstance(setting, Node) else setting


def _cotangent_rule(derivative: Rule, large: float) -> Rule:
    """The rule of one input; it works in blocks from `large` elements on."""

    def vjp(g: Any, *values: Any, **params: Any) -> Any:
        if isinstance(g, Node):
            return scale(g, derivative(*values, **params))
        if g.size >= large and splits(g.shape, (g, *values)) and IMMUTABLE.issuperset(map(type, params.values())):
            return in_blocks(partial(_scaled, partial(derivative, **params)), g, *values)
        return _scale(g, derivative(*values, **params))

    return vjp


def _tangent_rule(derivative: Rule) -> Rule:
    return lambda t, y, *inputs, **params: scale(t, derivative(y, *inputs, **params))


def _linear_rule(record: Op, multilinear: bool, i: int, t: Any, y: Any, *inputs: Any, **params: Any) -> Any:
    rest = inputs if multilinear else [np.zeros(np.shape(x)) for x in inputs]
    return record.call(*rest[:i], t, *rest[i + 1 :], **params)


# --- the product every elementwise rule is made of --------------------------------------------------------------------


@op(
    internal=True,
    vjps=(lambda c, y, x, g: shielded(c, g), None),
    jvp=(lambda t, y, x, g: shielded(t, g), None),
    latex="{0}",
    domain=Reals(),
    convention="0 where the second is exactly 0",
)
def shielded(x: Any, g: Any) -> Any:
    """x, and 0 wherever g is exactly 0, elementwise with broadcasting."""
    return np.where(g == 0, 0, x)


@op(
    internal=True,
    vjps=(lambda c, y, g, d: scale(c, d), lambda c, y, g, d: scale(shielded(c, g), g)),
    jvp=MULTILINEAR,
    latex=r"{0} \odot {1}",
    domain=Reals(),
    convention="an exact 0 in the first factor gives 0, even against infinity or NaN",
    traits=Traits(algebra=operator.mul),
    whole=True,
)
def scale(g: Any, d: Any) -> Any:
    """Cotangent times local derivative, elementwise: gᵢ·dᵢ, and 0 wherever gᵢ is exactly 0.

    A cotangent of 0 says that nothing downstream looks at this element, so an infinite slope there does not matter; nor
    does it in the derivative for d, where a 0 in g wins against what became infinite or NaN through such slopes.
    """
    product = g * d
    flat = product if product.flags.c_contiguous else product.ravel("K")  # vdot would put the elements in C order
    if isnan(np.vdot(flat, flat)):  # a call faster than isnan(product).any()
        product = np.where((g == 0) & np.isnan(product), np.zeros_like(product), product)
    return product


_scale = scale.op.forward.__wrapped__  # type: ignore[attr-defined]


def _scaled(derivative: Rule, out: Any, g: Any, *values: Any) -> Any:
    """scale(g, derivative(*values)), written to `out` if there is one."""
    d = derivative(*values)
    product = np.multiply(g, d, out=out)
    if isnan(np.minimum.reduce(product)):  # NaN if one is; and unlike vdot it starts no threads of BLAS
        product[...] = _scale(g, d)
    return product
