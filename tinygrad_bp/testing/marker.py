"""A plugin for pytest: a test with the marker `gradcheck` returns what is to be checked.

Loaded by `pytest_plugins = ["tinygrad_bp.testing.marker"]` in a conftest.py, or by `-p tinygrad_bp.testing.marker`:

    @pytest.mark.gradcheck
    def test_my_loss():
        return my_loss, weights, inputs  # a function of tensors: check_gradients(my_loss, weights, inputs)

    @pytest.mark.gradcheck(grad=gradient_by_hand, tolerance=1e-6)
    def test_by_hand(weights):
        return cost, weights  # functions of arrays: check_grad(cost, gradient_by_hand, weights, tolerance=1e-6)

`vjp=` is for check_vjp; other arguments are the checker's. Fixtures and parametrisation work as in any test.
"""

from __future__ import annotations

from typing import Any

from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.testing.checker import check_gradients
from tinygrad_bp.testing.plain import check_grad, check_vjp


def pytest_configure(config: Any) -> None:
    """Make the marker known to pytest."""
    config.addinivalue_line(
        "markers",
        "gradcheck(grad=None, vjp=None, **settings): check the derivatives of what the test returns, (f, *xs).",
    )


def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Run a marked test and check what it returns; others are left to pytest."""
    marker = pyfuncitem.get_closest_marker("gradcheck")
    if marker is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    returned = pyfuncitem.obj(**arguments)
    if not isinstance(returned, tuple) or len(returned) < 2 or not callable(returned[0]):
        raise ArgumentError(
            f"{pyfuncitem.name}: a test marked gradcheck returns a function and its inputs, (f, *xs); got {returned!r}."
        )
    f, *xs = returned
    settings = dict(marker.kwargs)
    grad, vjp = settings.pop("grad", None), settings.pop("vjp", None)
    if grad is not None:
        check_grad(f, grad, *xs, **settings)
    elif vjp is not None:
        check_vjp(f, vjp, *xs, **settings)
    else:
        check_gradients(f, *xs, **settings)
    return True
