"""What records say to their readers is true of the ops, and readers go by it whoever's op it is."""

import operator

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import registry
from tinygrad_bp.domains import Reals
from tinygrad_bp.graph import graph
from tinygrad_bp.nn import ACTIVATIONS
from tinygrad_bp.registry import LINEAR, OPS, custom_op
from tinygrad_bp.traits import ACTIVATION, PRODUCT, Traits

ARTICLES = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "arctan", "identity", "binary_step"]


@pytest.fixture
def registering():
    before = dict(OPS)
    yield
    registry._ops.clear()
    registry._ops.update(before)


def inputs(op):
    low_high = [op.domain.intervals[min(i, len(op.domain.intervals) - 1)] for i in range(len(op.vjps))]
    drawn = [np.linspace(low, high, 9)[1:-1] for low, high in low_high]
    return drawn if op.domain.prepare is None else op.domain.prepare(*drawn)


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.traits.algebra is not None])
def test_the_algebra_is_the_op(name):
    op = OPS[name]
    xs = inputs(op)
    np.testing.assert_allclose(op.traits.algebra(*xs), op.forward(*xs), rtol=1e-15)


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.traits.mirror is not None])
def test_the_mirror_is_the_function_at_minus_x(name):
    op = OPS[name]
    (x,) = inputs(op)
    np.testing.assert_allclose(op.traits.mirror(op.forward(x)), op.forward(-x), rtol=1e-14)


def test_activations_by_name_are_those_whose_records_say_so():
    assert set(ARTICLES) <= ACTIVATIONS.keys()
    assert {"gelu", "silu", "mish", "relu6", "selu"} <= ACTIVATIONS.keys()
    assert not {"softmax", "log_softmax", "parametric_relu", "exp"} & ACTIVATIONS.keys()
    z = np.linspace(-2.0, 2.0, 6).reshape(2, 3)
    for name, g in ACTIVATIONS.items():
        assert g(z).shape == z.shape, name


@pytest.mark.usefixtures("registering")
def test_names_go_by_the_role_of_ops_of_ones_own():
    @custom_op(derivatives=(lambda y, x: 3.0 * x * x,), latex="{0}^3", domain=Reals(), traits=ACTIVATION)
    def cubed(x):
        """Cube, elementwise."""
        return x * x * x

    @custom_op(
        derivatives=(lambda y, a, b: b, lambda y, a, b: a), latex=r"{0} \star {1}", domain=Reals(), traits=PRODUCT
    )
    def starred(a, b):
        """Product, elementwise."""
        return a * b

    x = tg.tensor(np.ones(3), requires_grad=True, name="x")
    C = cubed(x * 2.0 + 1.0) + starred(x, 3.0)
    names = [node.name for node in graph(C.sum()).nodes if node.kind == "op"]
    assert names == ["multiply", "add", "a1", "starred", "z1", "C"]


@pytest.mark.usefixtures("registering")
def test_formulas_and_derivations_go_by_the_algebra_of_ops_of_ones_own():
    @custom_op(
        vjps=(lambda g, y, a, b: g, lambda g, y, a, b: g), jvp=LINEAR, latex=r"{0} \oplus {1}", domain=Reals(),
        traits=Traits(algebra=operator.add),
    )  # fmt: skip
    def plus(a, b):
        """Sum, elementwise."""
        return a + b

    @custom_op(
        derivatives=(lambda y, x: plus(2.0 * x, 0.0),), latex=r"\operatorname{sq}({0})", domain=Reals(),
    )  # fmt: skip
    def squared(x):
        """Square, elementwise."""
        return x * x

    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    assert squared(x).local_derivatives[0].formula == "2x"
