"""Every op with a float input in ONNX Runtime: value and gradients of its program are NumPy's, or an error names it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.engines.cases import cases, difference, has_floats, largest, with_derivatives
from tests.engines.engines import ENGINES
from tinygrad_bp.backends import Unsupported
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.registry import OPS

pytest.importorskip("onnx", reason="the onnx extra is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `test`)")
pytestmark = pytest.mark.once


def compared(case, tolerance, of_largest=False):
    """Whether ONNX has the op; fails on other numbers. of_largest: as a part of the largest number of each result."""
    inputs = [x[()] for x in case.inputs]
    with np.errstate(all="ignore"):
        program, values = traced(with_derivatives(case), "f", [(f"x{i}", x) for i, x in enumerate(inputs)])
    try:
        got = ENGINES["ONNX"][1](optimized(program), inputs, values)
    except Unsupported as error:
        if "has no form in ONNX" not in str(error):
            raise
        return False
    found = difference(got, values, tolerance, of_largest)
    assert not found, f"{case.op.name}: {found}"
    return True


def test_double_precision():
    had = set()
    for name in OPS:
        had |= {name for case in cases(name, 4) if has_floats(case) and compared(case, 1e-12)}
    assert len(had) >= 184


def test_single_precision():
    had = 0
    for case in filter(None, map(largest, sorted(OPS))):
        short = tuple([x.astype(np.float32) if x.dtype == np.float64 else x for x in case.inputs])
        had += compared(replace(case, inputs=short), 1e-6, of_largest=True)
    assert had >= 184
