"""Errors say what was expected, what was got, and what to do; each mistake has its own class."""

import builtins
import inspect
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import errors
from tinygrad_bp.errors import TinygradError, describe, missing_extra
from tinygrad_bp.registry import op
from tinygrad_bp.testing import GradientError, check_gradients

CLASSES = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, TinygradError)]


def leaf(*shape, name=None):
    return tg.tensor(np.ones(shape), requires_grad=True, name=name)


def twice():
    y = (leaf(name="x") * 2).named("y")
    y.backward()
    y.backward()


def assigned():
    leaf(2, name="w")[0] = 1.0


def anomaly():
    with tg.detect_anomaly(), np.errstate(all="ignore"):
        tg.log(tg.tensor(-1.0, name="p"))


def out_of_range():
    leaf(3, name="x")[5]


def squares_in_an_array(b):
    c = np.zeros(2)
    c[0] = b[0] * b[0]
    return c


def cost():
    W, b = leaf(2, name="W1"), leaf(2, name="b1")
    return (W * b).sum().named("C")


MISTAKES = {
    "a tensor put into an array": (
        lambda: tg.jacobian(squares_in_an_array)(np.ones(2)),
        errors.ArrayConversionError,
        r"tensor \(\) requires a gradient, .*one into an array with tg\.index_update",
    ),
    "an array of tensors": (
        lambda: tg.jacobian(lambda b: np.array([b[0], b[1]]))(np.ones(2)),
        errors.ArrayConversionError,
        r"Put tensors together with tg\.stack",
    ),
    "None among the arguments": (
        lambda: tg.grad(lambda p: p[0])((2.0, None)),
        errors.DTypeError,
        r"^argument 0\[1\] is None, which has no gradient\. .* outside of argnums",
    ),
    "text among the arguments": (
        lambda: tg.grad(lambda p: p["W"])({"W": 2.0, "b": "x"}),
        errors.DTypeError,
        r"^argument 0\['b'\]: a tensor holds numbers; got dtype <U1\. .* outside of argnums",
    ),
    "argnums by name": (
        lambda: tg.grad(lambda x, k: x * k, argnums="k"),
        errors.ArgumentError,
        r"grad: argnums counts arguments, 0 for the first, .*; got 'k'\. k is argument 1\.",
    ),
    "a gradient of a number": (lambda: tg.grad(3), errors.ArgumentError, "grad: f is a function; got 3.*Pass f itself"),
    "a Jacobian of a number": (lambda: tg.jacobian(3), errors.ArgumentError, "jacobian: f is a function; got 3"),
    "a Hessian of a number": (lambda: tg.hessian(3), errors.ArgumentError, "hessian: f is a function; got 3"),
    "products of a number": (lambda: tg.hvp(3, (1.0,), (1.0,)), errors.ArgumentError, "hvp: f is a function; got 3"),
    "a checkpoint of a number": (lambda: tg.checkpoint(3), errors.ArgumentError, "checkpoint: f is a function; got 3"),
    "the number of many": (
        lambda: leaf(2, 3, name="w").item(),
        errors.ShapeError,
        r"item\(\) needs a tensor of one element; w \(2, 3\) has 6\. Reduce it .*tolist",
    ),
    "a float of many": (
        lambda: float(leaf(2, name="w")),
        errors.ShapeError,
        r"one element; w \(2,\) has 2\. Use .item",
    ),
    "a branch on many": (
        lambda: bool(leaf(2, 3, name="w") > 0),
        errors.ShapeError,
        r"one element; tensor \(2, 3\) has 6\. Use \.any\(\) or \.all\(\), or tg\.where",
    ),
    "an index that is no whole number": (
        lambda: [1, 2][leaf()],
        errors.DTypeError,
        r"whole number; tensor \(\) has dtype f",
    ),
    "the length of a number": (lambda: len(leaf(name="w")), errors.ShapeError, r"w \(\) has no axis, and so no length"),
    "rows of different lengths": (
        lambda: tg.tensor([[1.0, 2.0], [3.0]]),
        errors.ShapeError,
        r"rows of one length: \[0\] has length 2, \[1\] has length 1\. Fill the short rows",
    ),
    "rows of different depth": (
        lambda: tg.exp([[1.0, 2.0], 3.0]),
        errors.ShapeError,
        r"exp: x: .*\[0\] has length 2, \[1\] is a number",
    ),
    "rows of an operand of different lengths": (
        lambda: np.float64(2) * leaf(2) * [[[1.0], [1.0]], [[1.0, 2.0], [3.0, 4.0]]],
        errors.ShapeError,
        r"\[0\]\[0\] has length 1, \[1\]\[0\] has length 2",
    ),
    "a derivation for nothing": (
        lambda: tg.derive(cost()),
        errors.ArgumentError,
        r"of C \(\) for which value\? Its parameters: b1, W1\. Write derive\(C, 'b1'\)",
    ),
    "a name that is nowhere": (lambda: tg.xyzzy, AttributeError, "no attribute 'xyzzy'\\.$"),
    "a function without a rule or a relative": (
        lambda: np.histogram(leaf(3)),
        errors.MissingRuleError,
        r"^np\.histogram has no derivative rule here\. Write it",
    ),
    "a function without a rule, with a relative": (
        lambda: np.nanpercentile(leaf(3), 50),
        errors.MissingRuleError,
        r"the nearest name that has one is np\.percentile\.",
    ),
    "another device": (
        lambda: tg.tensor(1.0).__dlpack__(dl_device=(2, 0)),
        errors.DeviceError,
        r"__dlpack__: tensors are on the CPU, \(1, 0\) to DLPack; got dl_device=\(2, 0\)",
    ),
    "a setting of the wrong type": (
        lambda: tg.sum(leaf(2), axis="rows"),
        errors.ArgumentError,
        r"^sum: axis is .*whole number.* or None; got 'rows'\.",
    ),
    "no memory": (
        lambda: tg.broadcast_to(leaf(2), (2**60, 2)),
        errors.TooLargeError,
        r"broadcast_to of tensor \(2,\).* there is not enough memory",
    ),
    "numbers out of range": (lambda: tg.nn.Linear(10**400, 2), errors.ArgumentError, "out of range: int too large"),
    "inner dimensions": (
        lambda: leaf(16, 7, name="W1") @ leaf(8, 140, name="X"),
        errors.ShapeError,
        r"matmul: inner dimensions differ: W1 \(16, 7\) · X \(8, 140\): 7 ≠ 8\. Transpose one operand or check",
    ),
    "batch dimensions": (
        lambda: leaf(2, 3, 4) @ leaf(5, 4, 2),
        errors.ShapeError,
        r"batch dimensions of tensor \(2, 3, 4\) · tensor \(5, 4, 2\) do not broadcast",
    ),
    "a number in a matrix product": (lambda: leaf(2) @ leaf(), errors.ShapeError, "0-d operand .* Use \\* to scale"),
    "shapes that do not broadcast": (
        lambda: leaf(2, name="a") + np.ones(3),
        errors.ShapeError,
        r"add: a \(2,\), array \(3,\) do not fit together: .* Reshape",
    ),
    "an axis that is not there": (
        lambda: leaf(2).sum(axis=3),
        np.exceptions.AxisError,
        "axis 3 .*sum of tensor",
    ),
    "an index that is not there": (out_of_range, IndexError, "index 5 is out of bounds .*x \\(3,\\)"),
    "iteration over a number": (lambda: list(leaf()), errors.ShapeError, "no axis to iterate over"),
    "the wrong cotangent": (
        lambda: (leaf(2, name="y") * 2).backward(np.ones(3)),
        errors.ShapeError,
        r"cotangent has shape \(3,\), .* needs \(2,\)",
    ),
    "backward from many numbers": (
        lambda: (leaf(2, 3) * 1).backward(),
        errors.NonScalarBackwardError,
        r"\(2, 3\) has 6\. Reduce it with sum\(\) or mean\(\), or pass the cotangent",
    ),
    "backward from a constant": (
        lambda: tg.tensor(1.0, name="c").backward(),
        errors.NoGradientError,
        r"c \(\) requires no gradient: nothing it was computed from has requires_grad=True",
    ),
    "backward within no_grad": (
        tg.no_grad()(lambda: (leaf() * 2).backward()),
        errors.NoGradientError,
        r"requires no gradient: no_grad\(\) is in force",
    ),
    "backward twice": (twice, errors.GraphFreedError, r"behind y \(\), made by multiply, .*retain_graph=True"),
    "a plain array of a tensor": (
        lambda: np.asarray(leaf(2, name="w")),
        errors.ArrayConversionError,
        r"w \(2,\) requires a gradient.* \.data .*\.detach\(\)",
    ),
    "out=": (lambda: np.add(leaf(2), 1, out=np.zeros(2)), errors.ArrayConversionError, "out="),
    "assignment to a leaf": (assigned, errors.LeafAssignmentError, r"w \(2,\)"),
    "a function without a rule": (lambda: np.roots(leaf(3)), errors.MissingRuleError, "roots"),
    "integers that require a gradient": (
        lambda: tg.tensor([1, 2], requires_grad=True, name="k"),
        errors.DTypeError,
        r"k has dtype int64\. Write 3\.0 for 3, or pass dtype=float",
    ),
    "text": (lambda: tg.tensor(["a"]), errors.DTypeError, "a tensor holds numbers; got dtype <U1"),
    "objects": (lambda: tg.tensor([object()]), errors.DTypeError, "got dtype object"),
    "a word that is not a choice": (
        lambda: tg.mse(np.ones(2), np.ones(2), reduction="average"),
        errors.ArgumentError,
        "'mean', 'sum', 'none'; got 'average'",
    ),
    "an argument that is not there": (
        lambda: tg.sum(leaf(2), axes=1),
        errors.SignatureError,
        r"^sum: there is no argument 'axes'\. The nearest is axis; it takes x, axis, keepdims\.$",
    ),
    "an argument that is not there, nor one that is near": (
        lambda: tg.nn.LSTM(3, 4, num_layers=2),
        errors.SignatureError,
        r"^LSTM: there is no argument 'num_layers'\. It takes n_in, n, bias, seed, dtype\.$",
    ),
    "an argument of a layer whose class inherits its construction": (
        lambda: tg.nn.MaxPool2d(2, strides=1),
        errors.SignatureError,
        r"^MaxPool2d: there is no argument 'strides'\. The nearest is stride",
    ),
    "an argument of arrays that is not there": (
        lambda: tg.sum(np.ones(2), axes=1),
        errors.SignatureError,
        "sum: there is no argument 'axes'. The nearest is axis",
    ),
    "an argument that a method has not": (
        lambda: leaf(2).sum(axes=1),
        errors.SignatureError,
        "sum: there is no argument 'axes'. The nearest is axis",
    ),
    "an argument that another method has not": (
        lambda: leaf(2).std(axes=1),
        errors.SignatureError,
        "std: there is no argument 'axes'. The nearest is axis",
    ),
    "an input that is missing": (
        lambda: tg.sum(),
        errors.SignatureError,
        r"sum: missing a required argument: 'x'\. It is called as sum\(x, axis=None, keepdims=False\)\.$",
    ),
    "a setting that is missing": (lambda: tg.reshape(leaf(2)), errors.SignatureError, "argument: 'shape'"),
    "too many arguments": (lambda: tg.sum(leaf(2), 0, True, 5), errors.SignatureError, "too many positional arguments"),
    "an argument twice": (lambda: tg.sum(leaf(2), 0, axis=1), errors.SignatureError, "multiple values for .*'axis'"),
    "an argument that a short function has not": (
        lambda: tg.sigmoid(leaf(2), bogus=1),
        TypeError,
        r"sigmoid\(\) got an unexpected keyword argument 'bogus'",
    ),
    "an input that a short function lacks": (
        lambda: tg.heaviside(leaf(2)),
        TypeError,
        r"heaviside\(\) missing 1 required positional argument: 'at_zero'",
    ),
    "losses of different shapes": (
        lambda: tg.mse(leaf(3, name="p"), np.ones((3, 1))),
        errors.ShapeError,
        r"\(3,\).*\(3, 1\) must have the same shape",
    ),
    "NaN": (anomaly, errors.AnomalyError, r"log of p \(\) gave NaN or infinity"),
    "a singular matrix": (lambda: tg.linalg.inv(np.zeros((2, 2))), errors.LinearAlgebraError, "[Ss]ingular"),
    "a singular tensor": (
        lambda: tg.linalg.inv(tg.tensor(np.zeros((2, 2)), name="A")),
        errors.LinearAlgebraError,
        r"inv of A \(2, 2\)",
    ),
    "an incomplete record": (lambda: op(latex="x", domain=None)(abs), errors.RegistrationError, "lacks .*a domain"),
    "a buffer that NumPy cannot slice": (
        lambda: tg.flip(memoryview(b"abc")),
        errors.DTypeError,
        "flip: .*multi-dimensional slicing is not implemented",
    ),
    "a wrong derivative": (
        lambda: check_gradients(lambda x: tg.tensor(x.data, requires_grad=True) * 2, np.ones(1), name="double"),
        GradientError,
        r"double: the gradient for input 0 of shape \(1,\) at index \(0,\): expected .*, got 0\.0",
    ),
}


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_has_its_class_and_its_message(mistake, kind, message):
    with pytest.raises(kind, match=message) as caught:
        mistake()
    assert type(caught.value) is kind


@pytest.mark.parametrize("kind", [e for e in CLASSES if e is not TinygradError])
def test_every_error_is_also_one_of_pythons(kind):
    assert issubclass(kind, TinygradError)
    bases = [base.__name__ for base in kind.__bases__ if base is not TinygradError]
    assert bases
    assert all(hasattr(builtins, name) or name == "LinAlgError" for name in bases)
    assert kind.__doc__


SPACES = [tg, tg.nn, tg.linalg, tg.fft, tg.special, tg.stats, tg.signal, tg.testing, tg.datasets]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.__name__)
def test_names_that_are_nearly_there_are_found(space):
    name = max([name for name in vars(space) if name[0] != "_"], key=len)
    with pytest.raises(AttributeError, match=rf"no attribute '{name[:-2]}'\. Did you mean {name}\?"):
        getattr(space, name[:-2])


@pytest.mark.parametrize(
    ("space", "name", "hint"),
    [
        (tg, "Module", ""),
        (tg, "zeros", ""),
        (tg, "backward", ""),
        (tg, "tensr", " Did you mean tensor?"),
        (tg.nn, "Variable", ""),
        (tg.nn, "getattr", ""),
        (tg.nn, "lstm", " Did you mean LSTM?"),
        (tg.nn, "relu", " Did you mean ReLU?"),
        (tg.nn, "MultiheadAttention", " Did you mean MultiHeadAttention?"),
        (tg.nn, "Module", " Here it is tg.nn.Layer."),
    ],
)
def test_a_name_that_is_not_there_gets_the_hint_that_helps_and_no_other(space, name, hint):
    with pytest.raises(AttributeError) as caught:
        getattr(space, name)
    assert str(caught.value) == f"module {space.__name__!r} has no attribute {name!r}.{hint}"


def test_a_traceback_has_one_hint():
    code = "import tinygrad_bp as tg; tg.tensr"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.stderr.endswith("has no attribute 'tensr'. Did you mean tensor?\n")


@pytest.mark.parametrize("name", tg.nn._ELSEWHERE)
def test_names_of_other_libraries_have_one_here(name):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'\. Here it is tg\.") as caught:
        getattr(tg.nn, name)
    assert callable(eval(str(caught.value).partition("it is ")[2].partition("(")[0].rstrip("."), {"tg": tg}))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (leaf(16, 7, name="W1"), "W1 (16, 7)"),
        (leaf(), "tensor ()"),
        (np.ones((2, 1)), "array (2, 1)"),
        (3.5, "3.5"),
        (True, "True"),
        (1j, "1j"),
        ("text", "str"),
        (None, "NoneType"),
        ([1, 2], "list"),
    ],
)
def test_operands_are_described_by_name_and_shape(value, text):
    assert describe(value) == text


def test_a_missing_extra_says_how_to_install_it():
    error = missing_extra("numba", "jit")
    assert isinstance(error, ImportError)
    assert str(error) == "numba is not installed. Install it with: pip install 'tinygrad_bp[jit]'"
