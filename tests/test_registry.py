"""Records and the functions made of them. What a record must have is in test_custom_op."""

import inspect
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.domains import Domain, Reals, Shapes
from tinygrad_bp.engine import Op
from tinygrad_bp.errors import ArgumentError, RegistrationError
from tinygrad_bp.registry import LINEAR, MULTILINEAR, OPS, Each, op, scale

LIBRARY = {name: record for name, record in OPS.items() if record.forward.__module__.startswith("tinygrad_bp.")}
every_op = pytest.mark.parametrize("record", LIBRARY.values(), ids=LIBRARY)


@pytest.fixture
def registered(monkeypatch):
    """A registry of its own, so that a test may register what it likes."""
    monkeypatch.setattr("tinygrad_bp.registry._ops", {})


# --- every record ---


@every_op
def test_a_record_is_complete(record):
    assert isinstance(record, Op)
    assert isinstance(record.domain, Domain)
    assert record.latex
    assert record.forward.__doc__
    for vjp, jvp, _ in zip(record.vjps, record.jvps, range(3), strict=False):
        assert (vjp is None) == (jvp is None) or isinstance(record.jvps, Each)


@every_op
def test_the_public_function_looks_like_the_forward_function(record):
    assert record.call.op is record
    assert record.call.__name__ == record.name == record.forward.__name__
    assert record.call.__doc__ == record.forward.__doc__
    assert inspect.signature(record.call) == inspect.signature(record.forward)


@every_op
def test_a_parameter_has_a_default_or_is_required_by_name(record):
    if isinstance(record.vjps, Each):
        return
    parameters = list(inspect.signature(record.forward).parameters.values())[len(record.vjps) :]
    assert dict(record.defaults) == {p.name: p.default for p in parameters if p.default is not p.empty}


def test_records_do_not_change():
    with pytest.raises(FrozenInstanceError):
        OPS["add"].name = "plus"
    with pytest.raises(TypeError):
        OPS["plus"] = OPS["add"]
    with pytest.raises(TypeError):
        OPS["sum"].defaults["axis"] = 0
    assert repr(OPS["add"]) == "<op add>"


# --- the decorator ---


def test_a_name_of_another_module_is_taken():
    def add(x):
        """Something else."""
        return x

    with pytest.raises(RegistrationError, match="'add' is registered already"):
        op(vjps=(lambda g, y, x: g,), jvp=LINEAR, latex="{0}", domain=Reals())(add)
    assert OPS["add"].forward is not add


def test_several_faults_are_named_together():
    with pytest.raises(RegistrationError, match=r"derivatives, or vjps, .*or jvp, .*latex, .*a domain"):
        op(latex="", domain=None)(lambda x: x)


@pytest.mark.usefixtures("registered")
def test_derivatives_make_both_rules():
    @op(derivatives=(lambda y, a, b: b, None), latex="{0}", domain=Reals())
    def half(a, b):
        """Product that only the first factor may be differentiated for."""
        return a * b

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, (g_a, g_b) = tg.vjp(half, a, b)[0], tg.vjp(half, a, b)[1](np.ones(2))
    assert (y.tolist(), g_a.tolist(), g_b.tolist()) == ([3, 8], [3, 4], [0, 0])
    assert tg.jvp(half, (a, b), (a, b))[1].tolist() == [3, 8]


@pytest.mark.usefixtures("registered")
def test_linear_ops_differentiate_forward_by_themselves():
    @op(vjps=(lambda g, y, a, b: 2 * g, lambda g, y, a, b: g.sum() * np.ones(b.shape)), jvp=LINEAR, latex="{0}",
        domain=Shapes("i,i"))  # fmt: skip
    def mixed(a, b):
        """2a + Σb."""
        return 2 * a + b.sum()

    @op(vjps=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a), jvp=MULTILINEAR, latex="{0}", domain=Reals())
    def product(a, b):
        """a·b."""
        return a * b

    xs, ts = (np.array([1.0, 2.0]), np.array([3.0, 4.0])), (np.array([1.0, 0.0]), np.array([0.5, 1.0]))
    assert tg.jvp(mixed, xs, ts)[1].tolist() == [3.5, 1.5]
    assert tg.jvp(product, xs, ts)[1].tolist() == [3.5, 2]


@pytest.mark.usefixtures("registered")
def test_rules_for_any_number_of_inputs():
    @op(vjps=Each(lambda i, g, y, *xs, power: power * i * g), jvp=LINEAR, latex="{0}", domain=Reals())
    def weighted(*xs, power=2):
        """Σ power·i·xᵢ."""
        return sum(power * i * x for i, x in enumerate(xs))

    xs = [tg.tensor(1.0, requires_grad=True) for _ in range(5)]
    weighted(*xs, power=3).backward()
    assert [x.grad for x in xs] == [0, 3, 6, 9, 12]
    assert tg.jvp(lambda *xs: weighted(*xs), (1.0, 1.0), (5.0, 7.0))[1] == 14


# --- calls ---


@pytest.mark.parametrize(
    "call",
    [
        lambda x: tg.sum(x, 1, True),
        lambda x: tg.sum(x, axis=1, keepdims=True),
        lambda x: tg.sum(x=x, keepdims=True, axis=1),
        lambda x: x.sum(1, keepdims=True),
        lambda x: np.sum(x, axis=1, keepdims=True),
    ],
)
def test_arguments_by_place_and_by_name(call):
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = call(x)
    assert y.data.tolist() == [[3], [7]]
    assert dict(y.params) == {"axis": 1, "keepdims": True}
    assert call(x.data).tolist() == [[3], [7]]


def test_inputs_may_be_given_by_name():
    assert tg.heaviside(x=np.array(-1.0), at_zero=0.5) == 0
    assert tg.parametric_relu(x=np.array(-2.0), a=0.5) == -1
    assert tg.linalg.inv(a=np.eye(1)) == 1


def test_arrays_in_arrays_out():
    x = np.array([1.0, 2.0])
    assert type(tg.exp(x)) is np.ndarray
    assert type(tg.add(x, 1.0)) is np.ndarray
    assert type(tg.where(x > 1, x, 0.0)) is np.ndarray
    assert type(tg.sum(x)) is np.float64


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_tensor_among_the_operands_is_enough(place):
    operands = [np.array([True, False]), np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    operands[place] = tg.tensor(operands[place])
    y = tg.where(*operands)
    assert isinstance(y, tg.Tensor)
    assert y.data.tolist() == [1, 4]


def test_results_that_need_no_gradient_are_leaves():
    x = tg.tensor([1.0, 2.0])
    assert (x * x).is_leaf
    assert not (x * tg.tensor(1.0, requires_grad=True)).is_leaf


# --- the product every elementwise rule is made of ---


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("d", [np.inf, -np.inf, np.nan, 5.0])
def test_an_exact_zero_wins_against_any_slope(d):
    slopes = np.array([d, 2.0])
    assert scale(np.array([0.0, 3.0]), slopes).tolist() == [0, 6]
    assert scale(np.float64(0), np.float64(d)) == 0
    assert scale(np.array([[0.0, 3.0]] * 3).T, np.full((3, 2), slopes).T).tolist() == [[0] * 3, [6] * 3]
    assert tg.grad(lambda g: scale(g, slopes).sum())(np.array([0.0, 3.0])).tolist()[1] == 2
    assert tg.jvp(lambda g: scale(g, slopes), (np.array([1.0, 3.0]),), (np.array([0.0, 1.0]),))[1].tolist() == [0, 2]


def test_a_slope_that_is_not_finite_stays_visible():
    product = scale(np.array([1.0, 0.0, -1.0]), np.array([np.inf, np.nan, np.nan]))
    assert product[0] == np.inf
    assert product[1] == 0
    assert np.isnan(product[2])


@pytest.mark.parametrize(
    ("f", "named"),
    [
        (lambda x, t: np.quantile(x, t), "quantile: no gradient passes through q"),
        (lambda x, t: tg.hard_shrink(x, width=t), "hard_shrink: no gradient passes through width"),
        (lambda x, t: tg.huber(x, x, delta=t), "huber: no gradient passes through delta"),
        (lambda x, t: tg.isclose(x.data, 1.0, rtol=t), "isclose: no gradient passes through rtol"),
    ],
)
@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_tensor_is_no_setting(f, named, requires_grad):
    with pytest.raises(ArgumentError, match=named):
        f(tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor(0.5, requires_grad=requires_grad))
