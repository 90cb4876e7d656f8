"""Every op, written as a program: with NumPy alone it gives the value and the VJPs that the op gives."""

import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import tinygrad_bp as tg
from tests.engines.cases import with_derivatives
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.registry import OPS
from tinygrad_bp.source import module
from tinygrad_bp.testing import op_cases


def run_alone(program, inputs):
    """What the program's text gives in a namespace of its own."""
    space = {}
    text = module(program)
    exec(text.text, space)
    results = space[text.name](*inputs, *text.constants)
    return [results] if len(program.outputs) == 1 else results


@pytest.mark.parametrize("name", sorted(OPS))
@hypothesis.seed(0)
@settings(max_examples=settings.default.max_examples // 16, suppress_health_check=list(HealthCheck))
@given(data=hypothesis.strategies.data())
def test_the_program_equals_the_op(name, data):
    case = data.draw(op_cases(OPS[name]), label="case")
    function = with_derivatives(case)
    with np.errstate(all="ignore"):
        expected = [np.asarray(y.data) for y in function(*[tg.asarray(x) for x in case.inputs])]
    # Numbers and arrays of one number have powers that can differ in the last bit; tensors hold numbers.
    program, values = traced(function, "f", [(f"x{i}", x[()]) for i, x in enumerate(case.inputs)])
    given_copies = [x.copy() for x in case.inputs]
    for got, value, want in zip(run_alone(optimized(program), given_copies), values, expected, strict=True):
        assert np.shape(got) == np.shape(value) == want.shape
        assert np.asarray(got).dtype == want.dtype
        np.testing.assert_array_equal(value, want)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
    for x, copy in zip(case.inputs, given_copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_every_program_passes_the_linter(tmp_path, drawn_cases):
    for name in sorted(OPS):
        for i, case in enumerate(drawn_cases(OPS[name], 2)):
            named = [(f"x{k}", x) for k, x in enumerate(case.inputs)]
            program, _ = traced(with_derivatives(case), f"{name}_{i}", named)
            (tmp_path / f"{name}_{i}.py").write_text(module(optimized(program)).text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", "--quiet", tmp_path], check=True)
