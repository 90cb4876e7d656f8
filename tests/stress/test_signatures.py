"""The fuzzer over signatures: its quick form, and that it notices what it is there for."""

import inspect
import os
import signal
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.stress import signatures
from tests.stress.signatures import Target, findings, is_allowed, targets
from tinygrad_bp.errors import ArgumentError, DTypeError, LinearAlgebraError, SignatureError


def test_wrong_calls_of_public_functions_have_the_librarys_exceptions():
    assert list(findings(seed=1, calls=range(2000))) == []


def test_every_public_function_is_called():
    names = {target.name for target in targets()}
    assert {"tg.matmul", "tg.linalg.svd", "tg.fft.rfft", "tg.nn.LSTM", "tg.nn.LSTM()", "tg.grad()", "np.sum"} <= names
    assert {"tg.compile", "tg.draw", "tg.derive", "tg.Tensor.__add__", "tg.datasets.load_table"} <= names


NEEDS_NO_GUARD = {"no_grad", "detect_anomaly", "scope", "checkpoint"}
"""What takes nothing, or checks it by itself."""


def test_public_functions_explain_their_failures():
    assert [target.name for target in targets() if not explains(target)] == [], "decorate them with calls.guarded"


def explains(target):
    function = vars(target.call).get("__init__") if inspect.isclass(target.call) else target.call
    own = inspect.isfunction(function) and target.name.startswith("tg.") and target.name.count("(") == 0
    if not own or target.name.startswith("tg.Tensor.") or "__dataclass_fields__" in vars(target.call):
        return True  # methods, and what dataclasses are given
    return hasattr(function, "__guarded__") or hasattr(function, "op") or target.call.__name__ in NEEDS_NO_GUARD


def raises(error):
    def call(*args):
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "allowed"),
    [
        (SignatureError("sum: there is no argument 'axes'"), True),
        (TypeError("f() missing 1 required positional argument: 'x'"), True),
        (TypeError("x is an array"), True),
        (TypeError("unhashable type: 'list'"), False),
        (KeyError("x"), False),
        (ValueError("operands could not be broadcast together"), False),
        (AttributeError("'float' object has no attribute 'shape'"), False),
        (ZeroDivisionError("division by zero"), False),
    ],
)
def test_what_a_wrong_call_may_raise(error, allowed):
    def f(x):
        raise error

    target = Target("tg.f", f)
    with pytest.raises(type(error)) as caught:
        target.call(1)
    assert is_allowed(caught.value, target) == allowed


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda *_, **__: os.kill(os.getpid(), signal.SIGSEGV), "the interpreter ends with -11"),
        (lambda *_, **__: [None for _ in iter(int, 1)], "takes more than 0.1 s"),
        (raises(KeyError("x")), "KeyError"),
        (lambda *_, **__: bytearray(signatures.MEMORY), "MemoryError"),
    ],
)
def test_crashes_hangs_and_other_exceptions_are_found_and_the_calls_go_on(monkeypatch, call, found):
    monkeypatch.setattr(signatures, "targets", lambda: (Target("tg.f", call),))
    monkeypatch.setattr(signatures, "SECONDS", 0.1)
    what = list(findings(seed=0, calls=range(2)))
    assert [number for number, _ in what] == [0, 1]
    assert all(found in said for _, said in what)


@pytest.mark.parametrize(("n", "repeats"), [(4, 2**62), (8, 2**61), (4, [2**62] * 4), (2, np.int64(2**62))])
def test_repeating_more_often_than_there_are_numbers_is_refused(n, repeats):
    with pytest.raises(ArgumentError, match=r"repeat: array \(\d,\) would become .* elements"):
        tg.repeat(np.ones(n), repeats)


def test_splits_and_differences_end():
    with pytest.raises(ArgumentError, match=r"array_split: 4,611,.* parts of array \(3,\)"):
        tg.array_split(np.ones(3), 2**62)
    assert tg.diff(np.ones(3), n=2**62).shape == (0,)


def test_matrices_that_lapack_never_comes_back_from_are_refused():
    a = np.array([[-np.inf, 3.0, 3.0], [1.0, -1.0, 0.75881576], [3.0, -0.03731347, 0.5]])
    for f in (tg.linalg.svdvals, tg.linalg.pinv, tg.linalg.svd):
        with pytest.raises(LinearAlgebraError, match="NaN or infinity"):
            f(a)


def test_lists_and_numbers_are_arrays_to_every_op():
    assert tg.mse([1.0, 2.0], [1.0, 4.0]) == 2.0
    assert tg.affine([[1.0, 2.0]], [[1.0], [1.0]], 0.5).tolist() == [[3.5]]
    assert tg.batch_norm([[1.0], [3.0]], eps=0.0).tolist() == [[-1.0], [1.0]]


@pytest.mark.parametrize("number", [Fraction(1, 3), Decimal("0.5")])
@pytest.mark.parametrize("f", [tg.leaky_relu, tg.soft_shrink, tg.elu])
def test_settings_of_which_numpy_would_make_objects_are_refused(f, number):
    for x in (np.ones(2), tg.tensor(2.0, requires_grad=True)):
        with pytest.raises((DTypeError, ArgumentError), match=r"float\(|is a number"):
            f(x, number)


def test_axes_and_places_are_whole_numbers():
    masked = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    for f in (lambda: tg.tensordot(np.ones(2), np.ones(2), masked), lambda: tg.array_split(np.ones(3), [1.0])):
        with pytest.raises((TypeError, ArgumentError), match=r"integer|whole number"):
            f()
