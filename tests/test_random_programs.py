"""Random programs, computed and differentiated every way; `python -m tests.stress.programs` is the long form."""

import pytest
from hypothesis import settings

from tests.stress.programs import batch
from tinygrad_bp.registry import OPS

SEEDS = 8
EACH = {
    "compiled": 4, "printed": 4, "gradients": 3, "eager": 8, "snapshot": 8, "peer": 8, "pictures": 16, "derived": 12,
}  # fmt: skip


def told(found):
    return "\n\n".join([f"{program}\n# {text}" for text, program in found.faults])


@pytest.mark.parametrize("seed", range(SEEDS))
def test_small_programs_are_right_every_way(seed):
    count = max(10, 5 * settings.default.max_examples // SEEDS)
    found = batch(seed, count, 3, 8, EACH)
    assert not found.differences, told(found)
    assert found.programs == count
    assert found.lines > 3 * count


@pytest.mark.once
def test_machine_code_gives_the_same():
    pytest.importorskip("numba", reason="the jit extra is not installed")
    found = batch(0, 2, 3, 4, {"numba": 1})
    assert not found.differences, told(found)


def test_a_wrong_rule_is_found_and_shown_by_a_program_of_a_line():
    record = OPS["sigmoid"]
    right = record.vjps
    object.__setattr__(record, "vjps", (lambda g, y, x: g * y,))
    try:
        found = batch(0, 60, 3, 12, {"gradients": 1})
    finally:
        object.__setattr__(record, "vjps", right)
    assert found.differences
    assert any("tg.sigmoid" in program.text for _, program in found.faults)  # others have it in their derivatives
    for text, program in found.faults:
        assert text.startswith("gradients: Difference: ")
        assert len(program.lines) <= 2
