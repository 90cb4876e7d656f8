"""Hypothesis profiles, and draws that do not depend on which tests ran before.

`ci` is the default, `night` looks ten times as long (pytest --hypothesis-profile=night), `quick` a tenth as long.
"""

from time import monotonic, sleep

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tinygrad_bp.registry import _ops

settings.register_profile(
    "ci", max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("night", settings.get_profile("ci"), max_examples=2000, derandomize=False)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _seeded(request):
    """Every test finds the random generators of its module as new: tests run in any order and in any worker."""
    for value in vars(request.module).values():
        if isinstance(value, np.random.Generator):
            value.bit_generator.state = np.random.default_rng(0).bit_generator.state


@pytest.fixture(autouse=True)
def _no_op_stays():
    """An op that a test registers is gone after it: others walk the registry."""
    known = dict(_ops)
    yield
    if len(_ops) != len(known):
        _ops.clear()
        _ops.update(known)


@pytest.fixture
def settled():
    """Call a compiled function until it runs as machine code; returns the last result."""

    def call(fast, *args, **kwargs):
        limit = monotonic() + 300
        result = fast(*args, **kwargs)
        while fast.plan.backend != "numba":
            assert monotonic() < limit, fast.plan
            if "background" in fast.plan.reason:
                sleep(0.01)
            result = fast(*args, **kwargs)
        return result

    return call
