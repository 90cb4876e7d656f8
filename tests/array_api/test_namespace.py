"""`tg.array_api`: what the standard asks for beyond NumPy, constants for other libraries, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ArrayConversionError, DTypeError, LeafAssignmentError, MissingRuleError

xp = tg.array_api
ROOT = Path(__file__).resolve().parent.parent.parent


def leaf(*shape):
    return tg.tensor(np.arange(1.0, 1 + np.prod(shape)).reshape(shape), requires_grad=True, name="W1")


def test_tensors_have_the_one_namespace():
    for version in (None, "2021.12", "2024.12"):
        assert leaf(2).__array_namespace__(api_version=version) is xp
    assert xp.__array_api_version__ == "2024.12"
    with pytest.raises(ArgumentError, match=r"2024\.12; got '1999\.1'"):
        leaf(2).__array_namespace__(api_version="1999.1")


def test_its_names_are_functions_numbers_and_spaces():
    assert {"permute_dims", "concat", "unique_values", "vecdot", "pow", "isdtype", "linalg", "fft"} <= set(dir(xp))
    assert xp.newaxis is None
    assert np.isnan(xp.nan)
    assert xp.float32 is np.float32
    assert xp.permute_dims is xp.permute_dims
    assert xp.__array_namespace_info__().default_device() == xp.zeros(1).device == "cpu"
    assert xp.lib.stride_tricks.sliding_window_view(leaf(3), 2).tolist() == [[1.0, 2.0], [2.0, 3.0]]
    assert list(dir(xp.lib)) == ["stride_tricks"]
    for name in ("no_such_function", "ndarray", "object_", "random"):
        with pytest.raises(AttributeError, match=name):
            getattr(xp, name)


def test_what_it_makes_are_tensors_of_the_dtype_asked_for():
    made = [xp.zeros(2), xp.full((2,), 3, dtype=xp.int8), xp.fft.rfftfreq(4, dtype=xp.float32), xp.asarray(1.5)]
    assert [type(x) for x in made] == [tg.Tensor] * 4
    assert [x.dtype.name for x in made] == ["float64", "int8", "float32", "float64"]
    assert all(isinstance(x, tg.Tensor) for x in xp.nonzero(xp.asarray([0, 1])))
    assert type(xp.linalg.qr(leaf(2, 2))).__name__ == "QRResult"
    assert xp.finfo(leaf(2)).eps == xp.finfo(xp.float64).eps == 2.0**-52
    assert xp.iinfo(xp.asarray([1], dtype=xp.int16)).max == 32767


def test_asarray_keeps_a_tensors_past_and_shares_or_copies_as_it_is_told():
    x, a = leaf(2), np.ones(2)
    assert xp.asarray(x) is x
    for y in (xp.asarray(x, copy=True), xp.asarray(x, dtype=xp.float32)):
        assert y.requires_grad
        assert y is not x
    shared, copied = xp.asarray(a, copy=False), xp.asarray(a, copy=True)
    a[0] = 5
    assert (shared[0], copied[0]) == (5, 1)
    with pytest.raises(ArgumentError, match="copy=False"):
        xp.asarray(x, dtype=xp.float32, copy=False)
    with pytest.raises(DTypeError, match="numbers"):
        xp.asarray(["a"])


def test_equal_elements_keep_their_order_either_way():
    x = tg.tensor([2.0, 1.0, 2.0, 1.0])
    assert xp.argsort(x, descending=True).tolist() == [0, 2, 1, 3]
    assert xp.argsort(x).tolist() == [1, 3, 0, 2]
    assert xp.sort(x, descending=True).tolist() == [2.0, 2.0, 1.0, 1.0]


def test_without_a_rule_constants_are_computed_and_gradients_refused():
    assert xp.nextafter(tg.tensor(1.0), 2.0) > 1
    assert xp.searchsorted(tg.tensor([1.0, 0.0]), tg.tensor([0.5]), sorter=tg.tensor([1, 0])).tolist() == [1]
    with pytest.raises(MissingRuleError, match="nextafter"):
        xp.nextafter(leaf(1), 2.0)
    with pytest.raises(ArgumentError, match="full_matrices=False"):
        xp.linalg.svd(leaf(2, 3))


def test_there_is_one_device():
    x = leaf(2)
    assert x.to_device("cpu") is x
    assert x.__dlpack_device__() == (1, 0)
    for where in (lambda: x.to_device("cuda"), lambda: xp.ones(2, device="cuda")):
        with pytest.raises(ArgumentError, match="'cpu'; got 'cuda'"):
            where()


def test_constants_are_read_by_dlpack_and_not_written_to():
    x = leaf(2).detach()
    view = np.from_dlpack(x)
    assert np.shares_memory(view, x.data)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 9
    assert type(x.__dlpack__()).__name__ == "PyCapsule"  # of a copy: this reader cannot be told not to write
    assert isinstance(xp.from_dlpack(np.ones(2)), tg.Tensor)
    with pytest.raises(ArgumentError, match="no streams; got stream=1"):
        x.__dlpack__(stream=1)
    with pytest.raises(BufferError, match="readonly"):
        x.__dlpack__(copy=False)
    for read in (np.from_dlpack, xp.from_dlpack, lambda x: np.asarray(x, copy=False)):
        with pytest.raises(ArrayConversionError, match=r"W1 \(2,\) requires a gradient.*\.detach\(\)"):
            read(leaf(2))


def test_torch_reads_constants():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = tg.tensor([[1.0, 2.0]])
    assert torch.from_dlpack(x).tolist() == [[1.0, 2.0]]
    with pytest.raises(ArrayConversionError, match="detach"):
        torch.from_dlpack(leaf(2))


def test_compiled_functions_use_it_too():
    def loss(w, x):
        return xp.sum(xp.pow(xp.tanh(xp.matmul(x, w)), 2))

    w, x = np.array([0.5, -0.2]), np.array([[1.0, 2.0], [0.3, 0.4]])
    fast = tg.compile(tg.value_and_grad(loss), backend="numpy")
    for got, expected in zip(fast(w, x), tg.value_and_grad(loss)(w, x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)
    assert "a1 = np.tanh(z1)" in fast.source


def test_integers_have_shifts_and_truth_values_copies():
    x = tg.tensor([1, 6])
    assert ((x << 2).tolist(), (x >> 1).tolist(), (2 << x).tolist(), (64 >> x).tolist()) == (
        [4, 24], [0, 3], [4, 128], [32, 1],
    )  # fmt: skip
    assert tg.tensor([True]).copy().tolist() == [True]
    assert np.sum(tg.tensor([200, 100], dtype=np.uint8), dtype=np.uint8).dtype == np.uint8
    with pytest.raises(LeafAssignmentError):
        leaf(2)[0] = 1.0


def test_the_standards_suite_is_skipped_with_a_word_where_it_is_not_at_hand(tmp_path):
    command = [sys.executable, "-m", "tests.array_api", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "skipped: no array-api-tests in" in done.stdout
    assert "git clone" in done.stdout


def test_every_expected_failure_has_a_reason():
    lines = (Path(__file__).parent / "xfails.txt").read_text(encoding="utf-8").splitlines()[3:]
    assert all(line.startswith("# ") for line in lines[::2])
    assert all(line.startswith("array_api_tests/") for line in lines[1::2])
