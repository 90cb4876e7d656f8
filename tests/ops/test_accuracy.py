"""First and second derivatives of elementwise ops are right to 8 ulps, tails included, or the op table says why not."""

import json

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.registry import OPS

pytest.importorskip("sympy", reason="what is right is derived by SymPy")

from tests.stress.accuracy import FEW, FIGURES, computed, formulas, promised, right, ulps

KEPT = json.loads(FIGURES.read_text("utf-8"))


def test_every_elementwise_op_has_figures_within_the_promise_or_a_reason():
    assert sorted(KEPT) == sorted(promised())
    for name, errors in KEPT.items():
        assert OPS[name].traits.limits or all(error is not None and error <= FEW for error in errors), name


@pytest.mark.parametrize(
    ("name", "dtype", "x"),
    [
        ("sigmoid", np.float64, 40), ("sigmoid", np.float64, 708), ("sigmoid", np.float64, 1e-9),
        ("sigmoid", np.float64, -700), ("sigmoid", np.float16, 8), ("sigmoid", np.float16, 13),
        ("tanh", np.float64, 20), ("tanh", np.float32, 9.5), ("tanh", np.float64, -370), ("silu", np.float64, 40.41),
        ("softplus", np.float64, 40), ("log_sigmoid", np.float64, -40), ("log_sigmoid", np.float16, 12),
        ("mish", np.float64, -30), ("gelu", np.float64, -35.5), ("erf", np.float64, 25.7), ("erfc", np.float32, 9.1),
        ("arcsin", np.float64, 1e-200), ("arccos", np.float32, 0.99999), ("arctan", np.float64, 1e200),
        ("arcsinh", np.float64, 1e100), ("arctanh", np.float64, 1e-12), ("logit", np.float64, 0.5 + 1e-10),
        ("sinc", np.float64, 1e6 + 0.3), ("softsign", np.float32, 1e18),
    ],
)  # fmt: skip
def test_the_digits_of_tails_are_kept(name, dtype, x):
    x = np.array([x], dtype)
    for by, found in computed(name, [x]):
        assert not by or ulps(found[0], right(formulas(name)[by], x), dtype) <= FEW, by


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("logaddexp", 551.4, -0.2), ("logaddexp", -1.0, 33.06), ("logaddexp2", -0.5, 658.98),
        ("hypot", 1.5e-32, -46.5), ("arctan2", 2.7e-150, 7.2e-140),
    ],
)  # fmt: skip
def test_the_digits_of_tails_of_two_inputs_are_kept(name, a, b):
    inputs = [np.array([a]), np.array([b])]
    for by, found in computed(name, inputs):
        value = right(formulas(name)[by], [x[0] for x in inputs])
        assert not by or ulps(found[0], value, np.float64) <= FEW, by


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus"])
def test_programs_keep_them_too(name, backend):
    if backend == "numba":
        pytest.importorskip("numba")
    x = np.array([-700.0, -40.0, 1e-9, 0.3, 40.0, 700.0])
    total = tg.compile(tg.grad(lambda x: OPS[name].call(x).sum()), backend=backend)
    for got, at in zip(total(x), x, strict=True):
        assert ulps(got, right(formulas(name)[0,], [at]), np.float64) <= FEW
