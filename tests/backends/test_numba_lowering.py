"""Every op as a program for Numba, its kernels run as plain Python: it gives what the program gave before."""

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import tinygrad_bp as tg
from tinygrad_bp.backends.numba.kernels import Kernel
from tinygrad_bp.backends.numba.lowering import lowered, missing
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.registry import OPS
from tinygrad_bp.source import Writer
from tinygrad_bp.testing import op_cases


def with_gradient(case):
    """The function from a case's inputs to the op's value and, where it has one, the gradient of a sum of it."""
    trainable = tuple([i for i, x in enumerate(case.inputs) if x.dtype.kind == "f"])

    def total(*inputs):
        y = case.function(*inputs)
        return tg.sum(y * np.cos(np.arange(y.size)).reshape(y.shape)), y

    if not (trainable and case.op.differentiable):
        return lambda *inputs: [case.function(*inputs)]

    def function(*inputs):
        (_, y), gradients = tg.value_and_grad(total, argnums=trainable, has_aux=True)(*inputs)
        return [y, *gradients]

    return function


def run_as_python(program, inputs):
    """What the program's text gives, its kernels called without Numba."""
    module = Writer(program, "numba").module("For Numba.")
    space = {
        name: (np.vectorize(kernel.function, otypes=[float]) if kernel.elementwise else kernel.function)
        for kernel, name in module.helpers.items()
        if isinstance(kernel, Kernel)
    }
    exec(module.text, space)
    results = space[module.name](*inputs, *module.constants)
    return [results] if len(program.outputs) == 1 else results


@pytest.mark.parametrize("name", sorted(OPS))
@hypothesis.seed(0)
@settings(max_examples=1 + settings.default.max_examples // 25, suppress_health_check=list(HealthCheck))
@given(data=hypothesis.strategies.data())
def test_the_program_for_numba_equals_the_op(name, data):
    case = data.draw(op_cases(OPS[name]), label="case")
    if any(np.asarray(x).dtype.kind == "c" for x in (*case.inputs, case.function(*case.inputs))):
        return
    inputs = [x[()] for x in case.inputs]
    program, values = traced(with_gradient(case), "f", [(f"x{i}", x) for i, x in enumerate(inputs)])
    program = lowered(optimized(program))
    if any(map(missing, program.operations)):
        return
    with np.errstate(all="ignore"):
        found = run_as_python(program, [x.copy() for x in inputs])
    for got, want in zip(found, values, strict=True):
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
