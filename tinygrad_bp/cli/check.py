"""`check`: the gradients of a function of the user's, held against numerical derivatives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np

import tinygrad_bp as tg
from tinygrad_bp.annotations import Array
from tinygrad_bp.cli.application import Json, app, examples, tell, typer
from tinygrad_bp.cli.targets import UserError, function, guarded, loaded, parameters
from tinygrad_bp.errors import ArgumentError, kind_of
from tinygrad_bp.testing import GradientError


@app.command(
    short_help="Check the gradients of a function of yours.",
    epilog=examples(
        "check mine:f                            at the defaults of its parameters",
        "check mine:f --at mine:inputs           at a tuple of arrays, or what a function returns",
        "check mine:f --shape 3,4 --shape 4      at random arrays, one of (3, 4) and one of (4,)",
    ),
)
def check(
    target: Annotated[str, typer.Argument(help="module:function, of arrays, which returns a tensor.")],
    at: Annotated[
        str | None, typer.Option(help="module:name of its arguments, a tuple, or a function of none.")
    ] = None,
    shape: Annotated[
        list[str] | None, typer.Option(help="Of a random argument; once for each. () is a scalar.")
    ] = None,
    order: Annotated[int, typer.Option(help="1, or 2 for the derivatives of the gradient too.")] = 2,
    analytic: Annotated[
        bool, typer.Option("--analytic", help="Use complex steps, which are exact to nine digits.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Settles random arguments and directions.")] = 0,
    as_json: Json = False,
) -> int:
    """Check the gradients of a function of yours against numerical derivatives. Status 1 if one is wrong."""
    if order not in (1, 2):
        raise ArgumentError(f"order is 1 or 2; got {order}.")
    if seed < 0:
        raise ArgumentError(f"a seed is a whole number from 0 on; got {seed}.")
    f = function(target, "check")
    inputs = _inputs(target, f, at, shape or [], seed)
    names = [p.name for p in parameters(f)][: len(inputs)]
    message = _fault(target, f, inputs, order, analytic, seed)
    arguments = [f"{name} {x.shape}" for name, x in zip(names, inputs, strict=False)]
    checked = "gradients and forward mode" + (", and their derivatives," if order == 2 else "")
    said = f"{target} at {', '.join(arguments)}: {checked} are {'wrong' if message else 'right'}"
    told = {"function": target, "shapes": [list(x.shape) for x in inputs], "order": order, "right": not message}
    tell(told | {"message": message}, [said, message] if message else [said], as_json)
    return 1 if message else 0


def _fault(target: str, f: Callable[..., Any], inputs: Sequence[Array], order: int, analytic: bool, seed: int) -> str:
    """What is wrong with the gradients; empty if nothing is. What f raises by itself is told as that."""
    guarded(f, *map(tg.asarray, inputs))
    try:
        tg.testing.check_gradients(f, *inputs, order=order, analytic=analytic, seed=seed, name=target)
    except GradientError as error:
        return str(error)
    except Exception as error:
        raise UserError(error) from error
    return ""


def _inputs(target: str, f: Callable[..., Any], at: str | None, shapes: Sequence[str], seed: int) -> list[Array]:
    """The arguments to check at: named, of a shape, or the function's defaults."""
    if at is not None and shapes:
        raise ArgumentError("check takes its arguments from --at or from --shape, not from both.")
    if at is not None:
        found = loaded(at, "--at")
        found = guarded(found) if callable(found) else found
        values: Sequence[Any] = found if isinstance(found, tuple | list) else [found]
    elif shapes:
        random = np.random.default_rng(seed)
        values = [random.normal(size=_shape(text)) for text in shapes]
    else:
        values = _defaults(target, f)
    inputs = [_array(target, k, value) for k, value in enumerate(values, 1)]
    _require_arguments(target, f, inputs)
    if not any(x.dtype.kind in "fc" for x in inputs):
        raise ArgumentError(f"{target}: no argument is of floating-point numbers, so there is no gradient to check.")
    return inputs


def _require_arguments(target: str, f: Callable[..., Any], values: Sequence[Any]) -> None:
    """ArgumentError unless the function can be called with so many."""
    try:
        inspect.signature(f).bind(*values)
    except TypeError as error:
        names = ", ".join([p.name for p in parameters(f)]) or "no arguments"
        raise ArgumentError(
            f"{target} takes {names}; {len(values)} given: {error}. Give --shape once for each, or all by --at."
        ) from error
    except ValueError:  # Python does not know its parameters
        pass


def _defaults(target: str, f: Callable[..., Any]) -> list[Any]:
    taken = [p for p in parameters(f) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    missing = [p.name for p in taken if p.default is p.empty]
    if missing or not taken:
        lacking = ", ".join(missing) or "its arguments"
        raise ArgumentError(
            f"{target}: what to call it with? There is no default for {lacking}. Give one to every parameter, or --at "
            "module:inputs, or --shape 3,4 once for each."
        )
    return [p.default for p in taken]


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple([int(n) for n in text.strip("() ").split(",") if n.strip()])
    except ValueError:
        shape = (-1,)
    if any(n < 0 for n in shape):
        raise ArgumentError(f"--shape takes lengths with commas between, as in 3,4; got {text!r}.")
    return shape


def _array(target: str, number: int, value: Any) -> Array:
    try:
        array = np.asarray(value.data if isinstance(value, tg.Tensor) else value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "biufc":
        raise ArgumentError(f"{target}: argument {number} is no array of numbers, but {kind_of(value)}.")
    return array
