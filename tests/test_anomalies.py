"""The hunt for NaN: twenty faults, each in the middle of a computation; what is found is the fault, and it is alone."""

import contextlib
import inspect
import io
import re

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.domains import Reals
from tinygrad_bp.errors import AnomalyError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SIZE = 6


def spoiled(random, value, low=0.5, high=2.0, shape=(SIZE,)):
    """A tensor x with one value that does not fit among others that do, and where it is."""
    data = random.uniform(low, high, shape)
    at = tuple(int(random.integers(n)) for n in shape)
    data[at] = value
    return tg.tensor(data, requires_grad=True, name="x"), at


def around(x):
    """A computation before: sound, and the same numbers."""
    return (tg.exp(tg.log1p(tg.square(x * 0.0))) * x).named("h")


# Each returns what backward() starts from; the line with the comment is the one to be found.


def log_of_less_than_zero(x):
    return tg.log(around(x)).sum()  # fault


def log_of_zero(x):
    return tg.tanh(tg.log(around(x))).sum()  # fault


def root_of_less_than_zero(x):
    h = around(x)
    y = tg.sqrt(h)  # fault
    return tg.sigmoid(y).mean()


def divided_by_zero(x):
    h = around(x)
    y = 1.0 / h  # fault
    return tg.arctan(y).sum()


def exponential_overflow(x):
    h = around(x)
    return tg.sum(tg.exp(h))  # fault


def power_of_a_negative(x):
    return (around(x) ** 0.5).sum()  # fault


def arcsine_outside(x):
    return tg.arcsin(around(x)).sum()  # fault


def arctanh_of_one(x):
    return tg.arctanh(around(x)).sum()  # fault


def squares_overflow(x):
    h = around(x)
    return (h * h).sum()  # fault


def sum_overflow(x):
    return around(x).sum() * 0.5  # fault


def matrix_product_overflow(x):
    h = around(x)
    y = h @ tg.tensor(np.full((SIZE, 2), 1e200), name="W")  # fault
    return tg.tanh(y).sum()


def variance_overflow(x):
    return tg.var(around(x))  # fault


def product_overflow(x):
    return tg.log(tg.prod(around(x)))  # fault


def logit_of_one(x):
    return tg.logit(around(x)).sum()  # fault


def slope_of_a_root_at_zero(x):
    h = around(x)
    y = tg.sqrt(h)  # fault
    return tg.sum(y * 3.0)


def slope_of_a_power_at_zero(x):
    h = around(x)
    return (2.0 * h**0.25).sum()  # fault


def slope_of_an_arccosine_at_one(x):
    return tg.arccos(around(x)).sum()  # fault


def slope_of_a_cube_root_at_zero(x):
    h = around(x)
    y = tg.cbrt(h)  # fault
    return tg.mean(y)


def slope_of_a_reciprocal(x):
    h = around(x)
    y = tg.reciprocal(h)  # fault
    return y.sum()


def slope_of_a_logarithm(x):
    h = around(x)
    return tg.mean(-tg.log(h))  # fault


FAULTS = [
    (log_of_less_than_zero, -1.0, "log of h", "nan"),
    (log_of_zero, 0.0, "log of h", "-inf"),
    (root_of_less_than_zero, -4.0, "sqrt of h", "nan"),
    (divided_by_zero, 0.0, "divide of 1.0, h", "inf"),
    (exponential_overflow, 710.0, "exp of h", "inf"),
    (power_of_a_negative, -2.0, "power of h", "nan"),
    (arcsine_outside, 1.5, "arcsin of h", "nan"),
    (arctanh_of_one, 1.0, "arctanh of h", "inf"),
    (squares_overflow, 1e160, "multiply of h (6,), h", "inf"),
    (sum_overflow, 1.7e308, "sum of h", "inf"),
    (matrix_product_overflow, 1e150, "matmul of h", "inf"),
    (variance_overflow, 1e200, "var of h", "inf"),
    (product_overflow, 1.7e308, "prod of h", "inf"),
    (logit_of_one, 1.0, "logit of h", "inf"),
    (slope_of_a_root_at_zero, 0.0, "the derivative of sqrt for h", "inf"),
    (slope_of_a_power_at_zero, 0.0, "the derivative of power for h", "inf"),
    (slope_of_an_arccosine_at_one, 1.0, "the derivative of arccos for h", "-inf"),
    (slope_of_a_cube_root_at_zero, 0.0, "the derivative of cbrt for h", "inf"),
    (slope_of_a_reciprocal, 1e-160, "the derivative of reciprocal for h", "-inf"),
    (slope_of_a_logarithm, 1e-310, "the derivative of log for h", "-inf"),
]

BOUNDS = {arcsine_outside: 0.9, arctanh_of_one: 0.9, logit_of_one: 0.9, slope_of_an_arccosine_at_one: 0.9}
WHOLE = {sum_overflow: 1.7e308, product_overflow: 1e60}


def caught(fault, value, seed):
    """The error of a fault, and where the value is that leads to it."""
    x, at = spoiled(np.random.default_rng(seed), value, high=BOUNDS.get(fault, 2.0))
    if fault in WHOLE:
        x = tg.tensor(np.full(SIZE, WHOLE[fault]), requires_grad=True, name="x")
    with tg.detect_anomaly(), pytest.raises(AnomalyError) as error:
        fault(x).backward()
    return error.value, at


def output(program):
    """What a program prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        exec(program, {})
    return printed.getvalue().strip()


@pytest.mark.parametrize(("fault", "value", "op", "found"), FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
def test_a_fault_is_found(fault, value, op, found, request):
    error, at = caught(fault, value, seed=len(fault.__name__))
    said = str(error)
    assert re.match(rf"{re.escape(op)}.* gave NaN or infinity: {re.escape(found)}", said), said
    lines, start = inspect.getsourcelines(fault)
    line = start + next(i for i, text in enumerate(lines) if "# fault" in text)
    assert f'test_anomalies.py", line {line}: ' in said
    if not re.match("sum|prod|var|matmul", op):
        assert f" at {list(at)}." in said
    assert "already" not in said
    assert said.endswith(error.program)
    lines = error.program.splitlines()
    assert len(lines) <= 5
    assert lines[0] == "import numpy as np"
    assert "tinygrad" not in error.program
    assert re.search(rf"{re.escape(found)}\b", output(error.program)), error.program


def test_derivatives_of_derivatives_are_named_by_their_rule():
    with tg.detect_anomaly(), pytest.raises(AnomalyError) as error:
        tg.grad(tg.grad(lambda x: (x**1.5).sum()))(0.0)  # second
    assert "the derivative of power for tensor () gave NaN or infinity: inf" in str(error.value)
    assert output(error.value.program) == "inf"


def test_what_was_there_before_is_not_blamed_on_the_op():
    x = tg.tensor([1.0, np.nan], requires_grad=True, name="x")
    with tg.detect_anomaly(), pytest.raises(AnomalyError, match=r"Its operand x holds nan at \[1\] already"):
        tg.exp(x)


def test_operands_of_many_elements_are_filled_if_that_does_the_same():
    with tg.detect_anomaly(), pytest.raises(AnomalyError) as error:
        tg.tensor(np.full((20, 20), 1e200), name="A") @ np.full((20, 20), 1e200)
    assert "A, b = np.full((20, 20), np.float64(1e+200)), np.full((20, 20), np.float64(1e+200))" in error.value.program
    assert "inf" in output(error.value.program)


def test_an_op_without_a_program_is_named_all_the_same():
    def hidden(x):
        "1/x, with numbers that no trace sees."
        return np.array([1.0 / v if v else np.inf for v in x.tolist()])

    op = tg.custom_op(derivatives=(lambda y, x: -y * y,), latex="1/{0}", domain=Reals())(hidden)
    with tg.detect_anomaly(), pytest.raises(AnomalyError, match=r"hidden of tensor \(2,\) gave .* at \[1\]") as error:
        op(tg.tensor([1.0, 0.0]))
    assert error.value.program is None


def test_where_old_nodes_were_made_is_forgotten(monkeypatch):
    monkeypatch.setattr("tinygrad_bp.anomalies.MOST_LINES", 2)
    x = tg.tensor([4.0, 0.0], requires_grad=True)
    with tg.detect_anomaly(), pytest.raises(AnomalyError) as error:
        (tg.sqrt(x) * 1.0 * 1.0 * 1.0).sum().backward()
    assert "The op stands" not in str(error.value)
