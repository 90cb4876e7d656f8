"""JAX's functions, read: every primitive of a jaxpr as our op of the same meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_bp import functions as tg
from tinygrad_bp.calls import guarded, require_callable
from tinygrad_bp.domains import BROADCAST
from tinygrad_bp.errors import ArgumentError, DTypeError, MissingRuleError, missing_extra
from tinygrad_bp.modes import scope
from tinygrad_bp.reading.primitives import PRIMITIVES
from tinygrad_bp.tensor import asarray


@guarded
def from_jax(f: Callable[..., Any], *xs: Any) -> Callable[..., Any]:
    """JAX's function f as one of tensors, read at arguments like xs: to draw, derive, differentiate or print as NumPy.

    Every primitive becomes our op of the same meaning, so the gradients are our rules'; a custom derivative of JAX's is
    not read. Loops are written out, and of branches the one that is taken. Numbers are computed in the types that JAX
    computes in: `jax.nn.dot_product_attention` has its softmax in float32 whatever the operands are, so that in float64
    JAX's result and this one are 1e-7 from the exact one, and from each other. Raises MissingRuleError for a primitive
    that has no op here, MissingExtraError without JAX.

    >>> import jax.numpy as jnp, numpy as np, tinygrad_bp as tg
    >>> g = tg.from_jax(lambda W, x: jnp.tanh(W @ x).sum(), np.ones((2, 3)), np.ones(3))
    >>> tg.grad(g)(np.zeros((2, 3)), np.arange(3.0))
    array([[0., 1., 2.],
           [0., 1., 2.]])
    """
    try:
        import jax
    except ImportError as error:
        raise missing_extra("jax", "jax") from error
    require_callable("from_jax", "f", f)
    with jax.enable_x64(True):
        leaves, structure = jax.tree.flatten(xs)
        closed, shaped = jax.make_jaxpr(f, return_shape=True)(*xs)
    wanted = [np.shape(leaf) for leaf in leaves]

    def function(*arguments: Any) -> Any:
        given, got = jax.tree.flatten(arguments)
        if str(got) != str(structure) or [np.shape(x) for x in given] != wanted:
            raise ArgumentError(
                f"{function.__name__} was read for arguments of shapes {', '.join(map(str, wanted))}; got "
                f"{', '.join([str(np.shape(x)) for x in given])}. Read it again with from_jax for others."
            )
        for x, like in zip(given, closed.in_avals, strict=True):
            if like.dtype.kind in "iub" and np.result_type(x).kind in "fc":
                raise DTypeError(
                    f"{function.__name__} was read for {like.dtype} where it got {np.result_type(x)}, which it would "
                    "cut off, and gradients with it. Read it again with from_jax for these."
                )
        results = _run(closed.jaxpr, [np.asarray(c) for c in closed.consts], given)
        return jax.tree.unflatten(jax.tree.structure(shaped), results)

    function.__name__ = getattr(f, "__name__", "function")
    function.__wrapped__ = f  # type: ignore[attr-defined]  # the parameters' names are those of f
    return function


def _run(jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    """The results of a jaxpr, equation by equation."""
    known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))

    def read(variable: Any) -> Any:
        return variable.aval.dtype.type(variable.val) if hasattr(variable, "val") else known[variable]

    for equation in jaxpr.eqns:
        results = _apply(equation.primitive.name, [read(x) for x in equation.invars], _params(equation))
        for variable, y in zip(equation.outvars, results, strict=True):
            known[variable] = _whole(y, variable.aval.dtype)
    return [read(variable) for variable in jaxpr.outvars]


def _whole(y: Any, dtype: Any) -> Any:
    """Whole numbers in JAX's type: NumPy's sums of short ones are long."""
    own = np.result_type(y)
    return tg.astype(y, dtype) if own != dtype and own.kind in "iu" and dtype.kind in "iu" else y


def _params(equation: Any) -> dict[str, Any]:
    """An equation's parameters, axes as Python's numbers; a type to add products up in, if it is not the factors'."""
    params = {key: _plain(value) for key, value in equation.params.items()}
    dtype = params.get("preferred_element_type")
    if dtype is not None and dtype == np.result_type(*[x.aval.dtype for x in equation.invars]):
        params["preferred_element_type"] = None
    return params


def _plain(value: Any) -> Any:
    """NumPy's numbers, also in tuples, as Python's: an axis is no array."""
    if value.__class__ is tuple:
        return tuple([_plain(part) for part in value])
    return int(value) if isinstance(value, np.integer) else value


def _apply(name: str, inputs: Sequence[Any], params: Mapping[str, Any]) -> Sequence[Any]:
    if name in _CONTROL:
        return _CONTROL[name](*inputs, **params)
    inner = next((params[key] for key in ("jaxpr", "call_jaxpr") if key in params), None)
    if inner is not None:
        with scope(str(params.get("name", name))):
            return _within(inner, inputs)
    rule = PRIMITIVES.get(name)
    if rule is not None:
        made = rule(*inputs, **params)
        return made if isinstance(made, list | tuple) else [made]
    record = getattr(getattr(tg, name, None), "op", None)
    if record is None or record.domain.shapes != BROADCAST:
        raise MissingRuleError(
            f"from_jax: JAX's primitive {name} has no op here. Write that part of the function otherwise."
        )
    return [record.call(*inputs)]


def _within(jaxpr: Any, inputs: Sequence[Any]) -> list[Any]:
    """The results of a jaxpr inside of an equation, with or without its constants."""
    return _run(getattr(jaxpr, "jaxpr", jaxpr), [np.asarray(c) for c in getattr(jaxpr, "consts", ())], inputs)


def _cond(which: Any, *inputs: Any, branches: Sequence[Any], **_: Any) -> list[Any]:
    chosen = next((branch for k, branch in enumerate(branches[:-1]) if bool(which <= k)), branches[-1])
    return _within(chosen, inputs)


def _while(*inputs: Any, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any, body_nconsts: int, **_: Any) -> list[Any]:
    of_cond, of_body = inputs[:cond_nconsts], inputs[cond_nconsts : cond_nconsts + body_nconsts]
    carry = list(inputs[cond_nconsts + body_nconsts :])
    while bool(_within(cond_jaxpr, [*of_cond, *carry])[0]):
        carry = _within(body_jaxpr, [*of_body, *carry])
    return carry


def _scan(*inputs: Any, jaxpr: Any, length: int, reverse: bool, num_consts: int, num_carry: int, **_: Any) -> list[Any]:
    captured, carry = list(inputs[:num_consts]), list(inputs[num_consts : num_consts + num_carry])
    xs = inputs[num_consts + num_carry :]
    rows: list[list[Any]] = []
    for t in reversed(range(length)) if reverse else range(length):
        results = _within(jaxpr, [*captured, *carry, *[x[t] for x in xs]])
        carry, row = results[:num_carry], results[num_carry:]
        rows.append(row)
    rows = rows[::-1] if reverse else rows
    return [*carry, *[tg.stack([asarray(part) for part in column]) for column in zip(*rows, strict=True)]]


_CONTROL: Mapping[str, Callable[..., list[Any]]] = {"cond": _cond, "scan": _scan, "while": _while}
"""Primitives whose parameters are functions."""
