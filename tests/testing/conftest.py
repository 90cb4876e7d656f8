"""What the tests of the checker share: cases drawn once, and records with other rules for a while."""

from contextlib import contextmanager
from functools import cache

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import op_cases


@pytest.fixture(scope="session")
def drawn():
    """drawn(name, seed, count): that many cases of an op, the same ones for the same seed."""

    @cache
    def draw(name, seed, count):
        cases = []

        @hypothesis.seed(seed)
        @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(op_cases(OPS[name]))
        def collect(case):
            cases.append(case)

        collect()
        return cases

    return draw


@pytest.fixture(scope="session")
def replaced():
    """replaced(record, vjps=…, jvps=…): a block in which a record has other rules."""

    @contextmanager
    def replace(record, **fields):
        before = {field: getattr(record, field) for field in fields}
        for field, value in fields.items():
            object.__setattr__(record, field, value)
        try:
            yield
        finally:
            for field, value in before.items():
                object.__setattr__(record, field, value)

    return replace
