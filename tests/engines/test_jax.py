"""Every op with a float input on JAX: value and gradients of its program are NumPy's to 1e-12."""

import numpy as np
import pytest

from tests.engines.cases import cases, difference, has_floats, largest, program_of
from tests.engines.engines import ENGINES
from tinygrad_bp.registry import OPS

pytest.importorskip("jax", reason="the jax extra is not installed")
pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", sorted(OPS))
def test_it_gives_numpys_numbers(name):
    case = largest(name)
    if case is None:  # it takes whole numbers and truths
        return
    program, inputs, values = program_of(case)
    with np.errstate(all="ignore"):
        assert not difference(ENGINES["JAX"][1](program, inputs, values), values, of_largest=not case.op.derivatives)


def test_it_is_every_op_with_a_float_input():
    with_floats = [name for name in OPS if any(map(has_floats, cases(name, 2)))]
    assert len(with_floats) >= 188
