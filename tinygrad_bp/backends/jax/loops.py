"""A loop as `lax.scan`: its body is a function of JAX, traced once."""

from __future__ import annotations

from typing import Any

from tinygrad_bp.backends.jax.library import Function, jnp, lax
from tinygrad_bp.program.loop import Loop
from tinygrad_bp.source import Writer, pytext


def looped(loop: Loop, guarded: bool) -> Function:
    """A loop as a function of captured values, first carries and whole xs.

    guarded: whether its body tells last if its guards hold; then the function tells it last too, for every step.
    """
    module = Writer(loop.body, "jax", silent=False).module(f"A step of {loop.__name__}.")
    body = pytext.function(module.text, module.name, module.objects)

    def run(*args: Any) -> Any:
        captured, carries, xs = _parted(loop, args)

        def step(carried: Any, x: Any) -> Any:
            found = body(*captured, *carried, *x, *module.constants)
            found = found if len(loop.body.outputs) > 1 else (found,)
            new = [jnp.asarray(y, like.dtype) for y, like in zip(found, carries, strict=False)]
            return new, list(found[loop.carries :])

        last, ys = lax.scan(step, carries, xs, length=loop.length, reverse=loop.reverse)
        return (*last, *ys)

    return Function(run, loop.__name__)


def _parted(loop: Loop, args: Any) -> tuple[Any, Any, Any]:
    """Captured values, first carries as the body gives them, and xs."""
    captured, rest = args[: loop.captured], args[loop.captured :]
    pairs = zip(rest[: loop.carries], loop.body.outputs, strict=False)
    return captured, [jnp.asarray(x, y.dtype) for x, y in pairs], list(rest[loop.carries :])
