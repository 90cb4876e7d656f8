"""Cases of ops, for tests that look at all of them."""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tinygrad_bp.testing import op_cases


@pytest.fixture
def drawn_cases():
    """drawn_cases(op, count): that many cases, always the same ones."""

    def draw(op, count):
        cases = []

        @hypothesis.seed(1)
        @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(op_cases(op))
        def collect(case):
            cases.append(case)

        collect()
        return cases

    return draw
