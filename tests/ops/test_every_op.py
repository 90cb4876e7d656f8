"""Every registered op, walked from the registry: its derivatives against numbers, on inputs from its own domain."""

import pytest
from hypothesis import given, settings, strategies as st

from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import op_cases


@pytest.mark.parametrize("name", sorted(OPS))
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_derivatives_are_right(name, data):
    data.draw(op_cases(OPS[name]), label="case").check()
