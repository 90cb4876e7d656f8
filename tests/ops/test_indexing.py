"""Reading and assigning at every index NumPy knows: its values, and the right gradients at repeated places."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import DTypeError, LeafAssignmentError
from tinygrad_bp.ops.indexing import at, index_update, taken_apart
from tinygrad_bp.testing import check_gradients

X = np.arange(24.0).reshape(2, 3, 4)
MASK = X % 3 == 1
INDICES = [
    0, -1, np.int64(1), slice(None), slice(None, None, -1), slice(1, None), slice(5, 2), slice(np.int64(1), None),
    ..., None, (), True, False, (0, 1), (0, 1, 2), (0, ..., 2), (slice(None), 1), (..., None), (None, 0, None),
    (slice(None), slice(None, None, 2), slice(3, None, -2)), [0, 1, 1], [[0, 1], [1, 1]], [], ([], 0), np.array(1),
    np.array([0, 0, 1]), np.array([1, -1], np.int8), ([0, 1], [2, 0]), ([0, 1], slice(None), [3, 3]),
    ([[0], [1]], [0, 2, 2]), (slice(None), [2, 0, 0]), (..., [1, 1]), (0, [1, 1]), ([1, 0], 2), ([1, 0], None, 2),
    (slice(None), [[0, 1], [2, 2]], slice(1, 3)), MASK, (MASK[:, 0, 0],), (MASK[..., 0],),
    (slice(None), [True, False, True]), (0, MASK[0]),
    (MASK[..., 0], 1), ([True, False], [0, 2, 2]), np.array(True), ([0, 0], True), (None, [1, 1], None),
    np.ix_([0, 1, 1], [2], [3, 0]), np.zeros((2, 3, 4), bool),
]  # fmt: skip


def leaf(x):
    return tg.tensor(x, requires_grad=True)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_reading(index):
    y = leaf(X)[index]
    np.testing.assert_array_equal(y.data, X[index])
    assert y.shape == X[index].shape
    np.testing.assert_array_equal(at(X, index), X[index])
    check_gradients(lambda x: at(x, index), X, analytic=True)


def test_repeated_places_add_up():
    x = leaf([1.0, 2.0, 3.0])
    x[[0, 0, 1]].sum().backward()
    assert x.grad.tolist() == [2, 1, 0]


def test_tensors_as_indices():
    x = leaf(X)
    i, j = tg.tensor([0, 1]), tg.tensor(2)
    for index, expected in (
        (i, X[[0, 1]]), ((i, i), X[[0, 1], [0, 1]]), (slice(j), X[:2]), ((0, slice(None, None, j)), X[0, ::2]),
        (x > 3, X[X > 3]), ((..., j), X[..., 2]), (tg.tensor(True), X[np.array(True)]),
    ):  # fmt: skip
        np.testing.assert_array_equal(x[index].data, expected)
    x[x > 20].sum().backward()
    np.testing.assert_array_equal(x.grad, X > 20)


def test_an_index_that_was_computed_is_in_the_graph():
    x = leaf([3.0, 1.0, 2.0])
    order = tg.ops.ordering.argsort(x)
    y = x[order]
    assert y.parents[0] is x
    assert y.parents[1] is order
    assert y.params["index"] == ("array",)
    assert y.local_derivatives[1].formula == "0"
    assert y.local_derivatives[0].vjp([1.0, 10.0, 100.0]).tolist() == [100, 1, 10]


def test_an_index_may_be_changed_after_its_use():
    x, index = leaf([1.0, 2.0, 3.0]), np.array([0, 1])
    y = x[index]
    index[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


def test_numbers_have_indices_too():
    x = leaf(2.0)
    assert x[()].shape == ()
    assert x[...].shape == ()
    assert x[None].shape == (1,)
    x[None, True].sum().backward()
    assert x.grad == 1


@pytest.mark.parametrize("index", [3, (0, 0, 0, 0), [2], 1.5, "a", ([0, 1], [0, 1, 2]), [True, False, True]])
def test_a_wrong_index_is_an_index_error(index):
    with pytest.raises(IndexError, match=r"tensor \(2, 3, 4\)"):
        leaf(X)[index]


def test_an_index_is_split_into_what_is_static_and_arrays():
    static, arrays = taken_apart((0, None, [1], ..., slice(tg.tensor(1), np.int64(2)), np.array(3)))
    assert static == (0, None, "array", ..., slice(1, 2, None), "array")
    assert [a.tolist() for a in arrays] == [[1], 3]


# --- index_update -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", INDICES, ids=repr)
@pytest.mark.parametrize("kind", ["whole", "last axis", "number", "extra axes"])
def test_updates(index, kind):
    wanted = X[index].shape
    shape = {"whole": wanted, "last axis": wanted[-1:], "number": (), "extra axes": (1, 1, *wanted)}[kind]
    v = 100 + np.arange(np.prod(shape, dtype=int) * 1.0).reshape(shape)
    expected = X.copy()
    try:
        expected[index] = v
    except (ValueError, TypeError):
        pytest.skip("NumPy refuses")
    np.testing.assert_array_equal(index_update(X, index, v), expected)
    np.testing.assert_array_equal(index_update(leaf(X), index, leaf(v)).data, expected)
    check_gradients(lambda x, v: index_update(x, index, v), X, v)


def test_of_several_values_for_one_place_the_last_wins():
    x, v = leaf(np.zeros(3)), leaf([1.0, 2.0, 3.0])
    y = index_update(x, [0, 1, 0], v)
    assert y.data.tolist() == [3, 2, 0]
    y.backward([10.0, 20.0, 30.0])
    assert v.grad.tolist() == [0, 20, 10]
    assert x.grad.tolist() == [0, 0, 30]


def test_the_last_wins_in_any_memory_order():
    random = np.random.default_rng(0)
    for _ in range(50):
        i, j = (np.asarray(random.integers(0, 3, (4, 5)), order=random.choice(["F", "C"])) for _ in "ij")
        v = tg.asarray(np.asarray(random.normal(size=(4, 5)), order=random.choice(["F", "C"])), requires_grad=True)
        x = index_update(np.zeros((3, 3)), (i, j), v)
        x.sum().backward()
        np.testing.assert_allclose((v.grad * v.data).sum(), x.data.sum(), rtol=1e-12)
        assert v.grad.sum() == len(set(zip(i.ravel(), j.ravel(), strict=True)))


def test_dtypes_of_updates():
    assert index_update(np.zeros(3, np.float32), 0, 1.5).dtype == np.float32
    x, v = leaf(np.zeros(3, np.float32)), leaf(np.ones(2))
    index_update(x, slice(2), v).sum().backward()
    assert (x.grad.dtype, v.grad.dtype) == (np.float32, np.float64)
    assert index_update(tg.tensor([1, 2]), 0, 3.9).data.tolist() == [3, 2]
    with pytest.raises(DTypeError, match=r"int64.*astype\(float\)"):
        index_update(tg.tensor([1, 2]), 0, leaf(3.9))


# --- t[i] = v ---------------------------------------------------------------------------------------------------------


def test_what_was_computed_before_keeps_the_old_value():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 1
    z = y * y
    y[0] = 5.0
    w = y * y
    (z.sum() + w.sum()).backward()
    assert y.data.tolist() == [5, 2, 3]
    assert x.grad.tolist() == [2, 8, 12]


def test_in_place_operators_leave_what_was_computed_before():
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y *= 3
    z.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_a_constant_becomes_part_of_the_graph():
    x = leaf([1.0, 2.0])
    t = tg.tensor(np.zeros(3))
    before = x[0] * t
    t[1:] = x * x
    assert t.requires_grad
    (before.sum() + t.sum()).backward()
    assert x.grad.tolist() == [2, 4]


def test_a_constant_takes_another_constant_value():
    t = tg.tensor(np.zeros(3))
    x = leaf(np.ones(3))
    before = x * t
    t[0] = 7.0
    assert t.data.tolist() == [7, 0, 0]
    assert t.op is None
    (before + x * t).sum().backward()
    assert x.grad.tolist() == [7, 0, 0]


def test_the_array_that_a_tensor_shares_is_not_written_to():
    a = np.zeros(2)
    t = tg.asarray(a)
    t[0] = 1.0
    assert a.tolist() == [0, 0]


def test_assignment_of_parts_of_itself():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 1
    y[:] = y
    y[0] = y[1] * y[2]
    y[[1, 1]] = y[:2]
    y.sum().backward()
    assert y.data.tolist() == [6, 2, 3]
    assert x.grad.tolist() == [0, 4, 3]


def test_masks_and_later_assignments():
    x = leaf([-1.0, 2.0, -3.0])
    y = x * 2
    y[y < 0] = 0.0
    (y * y).sum().backward()
    assert x.grad.tolist() == [0, 16, 0]


def test_derivatives_of_assignments_to_second_order():
    def f(x):
        y, buffer = x * 1, tg.tensor(np.zeros(3))
        z = y**3 + x * buffer
        buffer[0] = 2.0
        z = z + x * buffer
        y[0] = y[1] * y[2]
        buffer[1:] = y[:2]
        return z + y * y + buffer * x

    check_gradients(f, np.array([1.0, 2.0, 3.0]))
    check_gradients(tg.transforms.checkpoint(f), np.array([1.0, 2.0, 3.0]))


def test_a_graph_shows_every_version():
    x = leaf([1.0, 2.0])
    y = (x * 2).named("y")
    z = y * y
    y[0] = 5.0
    graph = tg.graph((z * y).sum())
    ops = [(node.op, [graph.nodes[int(p[1:])].op for p in node.parents]) for node in graph.nodes if node.op]
    assert ops == [
        ("multiply", [None, None]), ("multiply", ["multiply", "multiply"]), ("setitem", ["multiply", None]),
        ("multiply", ["multiply", "setitem"]), ("sum", ["multiply"]),
    ]  # fmt: skip
    assert [p.op.name for p in z.parents] == ["multiply", "multiply"]
    assert y.name == "y"


def test_older_results_can_still_be_differentiated_afterwards():
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    y[0] = 0.0
    y.sum().backward()
    assert x.grad.tolist() == [0, 1]
    x.zero_grad()
    y = x * 1
    z = y * y
    y[0] = 0.0
    z.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_many_assignments_take_linear_time():
    x = leaf(np.ones(2))
    t = tg.tensor(np.zeros(2))
    t[0] = x[0]
    for _ in range(3000):
        t[1] = t[0] * 1.0
        t[0] = t[1] * 1.0
    t.sum().backward()
    assert x.grad.tolist() == [2, 0]


def test_a_leaf_that_requires_a_gradient_is_not_assigned_to():
    x = leaf([1.0, 2.0]).named("w")
    with pytest.raises(LeafAssignmentError, match=r"w \(2,\).*t = t \* 1.*index_update"):
        x[0] = 3.0
    with pytest.raises(LeafAssignmentError, match="index_update"):
        tg.grad(lambda x: x.__setitem__(0, 1.0) or x.sum())(np.ones(2))
    y = x * 1
    y.retain_grad()
    with pytest.raises(LeafAssignmentError, match="index_update"):
        y[0] = 3.0


def test_assignment_without_recording():
    x = leaf([1.0, 2.0])
    y = x * x
    with tg.no_grad():
        x[0] = 3.0
        with pytest.raises(LeafAssignmentError, match="detach"):
            y[0] = 1.0
    assert x.data.tolist() == [3, 2]
    assert x.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_a_plain_array_takes_no_element_that_requires_a_gradient():
    a, t = np.zeros(3), leaf([1.0])
    with pytest.raises((tg.errors.ArrayConversionError, ValueError)):
        a[0] = t[0]


def test_assignment_leaves_no_cycle():
    x = leaf(np.ones(3))
    gc.disable()
    try:
        y = x * 1
        y[0] = x[1]
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


def test_hooks_and_names_stay_with_the_tensor():
    x, seen = leaf([1.0, 2.0]), []
    y = (x * 1).named("y")
    y.register_hook(seen.append)
    y[0] = 4.0
    (y * 3).sum().backward()
    assert [g.tolist() for g in seen] == [[3, 3]]
    assert y.name == "y"
