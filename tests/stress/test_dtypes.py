"""Dtypes and layouts: the quick form of the table, and that it notices what it is there for."""

import re

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.stress.dtypes import DTYPES, LAYOUTS, Case, cases, everything, outcome
from tinygrad_bp.domains import Reals
from tinygrad_bp.registry import OPS, op


def test_ops_are_right_or_refuse_for_every_dtype_and_layout():
    found = list(everything(range(1), every=5))  # 5 and the 48 kinds of an op have no common factor: each comes by
    assert {case.dtype for case, _ in found} == {*DTYPES}
    assert {case.layout for case, _ in found} == {*LAYOUTS}
    assert len(found) > 1500
    assert [f"{case}: {said}" for case, said in found if said.startswith("wrong")] == []


def changes_its_input(x):
    """x, and 0 in its place."""
    y = x.copy()
    if x.flags.writeable:
        x[...] = 0
    return y


def reads_memory(x):
    """x, as it lies in memory."""
    return np.frombuffer(x.tobytes("A"), x.dtype.newbyteorder("=")).reshape(x.shape)


def fails(x):
    """Nothing."""
    raise KeyError(x.shape)


@pytest.mark.parametrize(
    ("function", "derivative", "layout", "said"),
    [
        (changes_its_input, lambda y, x: np.ones_like(x), "C", "an input is changed"),
        (reads_memory, lambda y, x: np.ones_like(x), "F", "wrong: .* instead of"),
        (reads_memory, lambda y, x: np.ones_like(x), "big-endian", "wrong: .* instead of"),
        (fails, lambda y, x: x, "C", "wrong: raises KeyError"),
        (tg.exp.op.forward, lambda y, x: y + (x.strides[-1] < 0), "negative", "wrong: gradient"),
    ],
)
def test_faults_are_noticed(function, derivative, layout, said):
    def seeded(x):
        """What is wrong."""
        return function(x)

    record = op(derivatives=(derivative,), latex="{0}", domain=Reals())(seeded).op
    found = outcome(next(cases(record, "float64", layout, seed=0))).replace("\n", " ")
    assert re.search(said, found), found


# --- what was wrong ---


def test_a_probability_of_0_is_the_same_in_every_byte_order_and_for_whole_numbers():
    target = np.array([0.0, 1.0])
    wanted = tg.binary_cross_entropy(np.array([1.0, 0.0]), target)
    assert np.isfinite(wanted)
    for dtype in (">f8", "i8", "?"):
        assert tg.binary_cross_entropy(np.array([1, 0], dtype), target) == wanted


def test_hinge_of_whole_scores_has_signed_labels():
    assert tg.hinge(np.array([1, 0], "u1"), np.array([-1, 1])) == 1.5
    assert tg.hinge(np.array([True, False]), np.array([-1, 1])) == 1.5


def test_symmetric_parts_of_bools_and_small_integers_do_not_wrap():
    a = np.array([[200, 100], [100, 200]], "u1")
    np.testing.assert_allclose(tg.linalg.eigvalsh(a), [100, 300])
    np.testing.assert_allclose(tg.linalg.eigvalsh(np.array([[True, True], [True, True]])), [0, 2], atol=1e-12)


def test_functions_of_whole_matrices_are_not_whole():
    a = np.array([[2, 1], [0, 3]])
    assert tg.linalg.sqrtm(a).dtype == tg.linalg.expm(a).dtype == np.float64
    np.testing.assert_allclose(tg.linalg.sqrtm(a) @ tg.linalg.sqrtm(a), a)


def test_the_border_is_never_the_largest():
    x = np.array([[[False, False], [False, True]]])
    assert tg.max_pool1d(x, 2, 1, 1).tolist() == [[[False, False, False], [False, True, True]]]
    assert tg.max_pool1d(np.full((1, 1, 2), -5, "i1"), 2, 1, 1).tolist() == [[[-5, -5, -5]]]


def test_a_case_says_what_it_is():
    case = Case(OPS["exp"], "float32", "C", (np.ones(2, "f4"),), {}, (True,))
    assert repr(case) == "exp((2,):<f4), C"
