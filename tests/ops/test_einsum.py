"""Einstein summation and the products of arrays, against NumPy and the gradient checker."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.ops.einsum import einsum, explicit
from tinygrad_bp.ops.products import cross, dot, inner, kron, multi_dot, outer, tensordot, vdot
from tinygrad_bp.testing import check_gradients

random = np.random.default_rng(0)


def draw(*shape):
    return random.uniform(-2, 2, shape)


FORMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    (" i j , j -> i ", (2, 3), (3,)),
    ("ba", (2, 3)),
    ("bA", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->ji", (2, 2, 3)),
    ("iii->i", (2, 2, 2)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("ii,i->", (3, 3), (3,)),
    ("i,i", (2,), (1,)),
    ("i,j->ji", (2,), (3,)),
    ("ij,j->i", (2, 1), (3,)),
    ("ii,i->i", (1, 1), (3,)),
    ("...", (2, 3)),
    ("...i->...", (2, 3, 4)),
    ("i...->...", (2, 3)),
    ("...ii->...i", (2, 3, 3)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("b...ij,...jk->b...ik", (2, 3, 2, 3), (1, 3, 4)),
    ("...i,i", (2, 3, 4), (4,)),
    ("i...,...->i", (2,), ()),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,j,ik->k", (2, 3), (3,), (2, 2)),
    (",", (), ()),
    ("", ()),
    ("i,->i", (3,), ()),
    ("ij,jk->ik", (0, 3), (3, 0)),
    ("ij,jk->ik", (2, 0), (0, 3)),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_einsum_is_numpys_and_differentiable(form):
    subscripts, *shapes = form
    xs = [draw(*shape) for shape in shapes]
    np.testing.assert_allclose(einsum(subscripts, *xs), np.einsum(subscripts, *xs), rtol=1e-13, atol=1e-13)
    check_gradients(lambda *xs: einsum(subscripts, *xs), *xs, analytic=True)


def test_numbers_in_place_of_letters():
    a, b = draw(2, 3), draw(3, 4)
    np.testing.assert_allclose(einsum(a, [0, 1], b, [1, 2], [0, 2]), a @ b)
    np.testing.assert_allclose(einsum(a, [1, 0]), a.T)
    np.testing.assert_allclose(einsum(draw(2, 3, 4), [..., 1]).shape, (2, 3, 4))
    with pytest.raises(ArgumentError, match="0 to 51"):
        einsum(a, [0, 60])


@pytest.mark.parametrize("size", [3, 40])
def test_large_products_are_planned_and_give_the_same(size):
    a, b, c = draw(size, size), draw(size, 1), draw(size, size)
    expected = np.einsum("ij,jk,kl->il", a, b, c[:1])
    np.testing.assert_allclose(einsum("ij,jk,kl->il", a, b, c[:1]), expected, rtol=1e-12)
    np.testing.assert_allclose(einsum("ij,kj->ik", a, c), a @ c.T, rtol=1e-12)


def test_axes_of_length_1_share_their_gradient():
    x, y = tg.tensor([2.0, 2.0], requires_grad=True), tg.tensor([2.0], requires_grad=True)
    einsum("i,i", x, y).backward()
    np.testing.assert_array_equal(x.grad, [2, 2])
    np.testing.assert_array_equal(y.grad, [4])


def test_the_gradient_of_the_trace_is_the_identity():
    np.testing.assert_array_equal(tg.grad(lambda a: einsum("ii", a))(draw(3, 3)), np.eye(3))


def test_a_letter_of_one_operand_alone_is_summed():
    np.testing.assert_array_equal(tg.grad(lambda a: einsum("ij,k->", a, np.ones(2)))(draw(2, 3)), np.full((2, 3), 2.0))


def test_float32_stays():
    a = tg.tensor(draw(3, 3).astype(np.float32), requires_grad=True)
    y = einsum("ii->i", a).sum()
    y.backward()
    assert y.dtype == a.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("subscripts", "shapes", "error", "says"),
    [
        ("ij,jk->ikz", [(2, 3), (3, 4)], ArgumentError, "in an operand"),
        ("ij->ii", [(2, 2)], ArgumentError, "occurs there once"),
        ("i1", [(2, 2)], ArgumentError, "letters"),
        ("i-j", [(2, 2)], ArgumentError, "letters"),
        ("i->j->k", [(2,)], ArgumentError, "letters"),
        ("...i...", [(2, 2)], ArgumentError, "once per operand"),
        ("i,i", [(2,)], ArgumentError, "2 operands; 1"),
        ("...i->i", [(2, 3)], ArgumentError, "the output needs"),
        ("ij", [(2,)], ShapeError, "names 2 axes"),
        ("i", [(2, 3)], ShapeError, "names 1 axes"),
        ("...ij", [(2,)], ShapeError, "names 2 axes"),
        ("i,i", [(2,), (3,)], ValueError, "broadcast"),
        ("ii", [(2, 3)], ShapeError, "equal letters"),
        ("ii->i", [(0, 2)], ShapeError, "equal letters"),
    ],
)
def test_wrong_subscripts_are_errors(subscripts, shapes, error, says):
    with pytest.raises(error, match=says):
        einsum(subscripts, *[np.ones(shape) for shape in shapes])


def test_wrong_shapes_of_tensors_name_them():
    a, b = tg.tensor([1.0, 2.0], name="a"), tg.tensor([1.0, 2.0, 3.0], name="b")
    with pytest.raises(ShapeError, match=r"a \(2,\), b \(3,\)"):
        einsum("i,i", a, b)


def test_explicit_names_every_axis():
    assert explicit("...ij,j", (4, 1)) == "YZij,j->YZi"
    assert explicit("i...,...j", (1, 3)) == "i,YZj->YZij"


# --- products ---------------------------------------------------------------------------------------------------------

PAIRS = [
    ((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)),
    ((2, 2, 3), (3,)), ((2, 2, 3), (3, 4)), ((3,), (2, 3, 4)), ((2, 3), (2, 3, 4)), ((2, 2, 3), (2, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", PAIRS, ids=str)
def test_dot(shapes):
    a, b = [draw(*s) for s in shapes]
    np.testing.assert_allclose(dot(a, b), np.dot(a, b), rtol=1e-13)
    check_gradients(dot, a, b, analytic=True)


@pytest.mark.parametrize(
    "shapes", [((), ()), ((), (2, 3)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((2, 2, 3), (2, 3))], ids=str
)
def test_inner(shapes):
    a, b = [draw(*s) for s in shapes]
    np.testing.assert_allclose(inner(a, b), np.inner(a, b), rtol=1e-13)
    check_gradients(inner, a, b, analytic=True)


@pytest.mark.parametrize("shapes", [((), ()), ((2,), (3,)), ((2, 2), (3,)), ((0,), (3,)), ((2, 3), (1, 2, 2))], ids=str)
@pytest.mark.parametrize(("ours", "theirs"), [(outer, np.outer), (kron, np.kron)])
def test_outer_and_kron(ours, theirs, shapes):
    a, b = [draw(*s) for s in shapes]
    np.testing.assert_allclose(ours(a, b), theirs(a, b), rtol=1e-13)
    assert np.shape(ours(a, b)) == np.shape(theirs(a, b))
    check_gradients(ours, a, b, analytic=True)


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((2, 3), (2, 3)), 2), (((2, 3), (3, 4)), 1), (((2, 3), (4,)), 0), (((2, 3, 4), (4, 3)), ([2, 1], [0, 1])),
        (((2, 3), (3, 2)), (0, 1)), (((2, 3), (2, 3)), ((0, 1), (0, 1))), (((2, 3), (4, 3)), (-1, -1)),
    ],
)  # fmt: skip
def test_tensordot(shapes, axes):
    a, b = [draw(*s) for s in shapes]
    np.testing.assert_allclose(tensordot(a, b, axes), np.tensordot(a, b, axes), rtol=1e-13)
    check_gradients(lambda a, b: tensordot(a, b, axes), a, b, analytic=True)


@pytest.mark.parametrize("axes", [1, 2, 3, (0, 0), (5, 0), ([0, 1], [0])])
def test_tensordot_refuses_axes_that_do_not_pair(axes):
    with pytest.raises(ShapeError, match=r"tensordot.*\(2, 3\).*\(4, 1\)"):
        tensordot(np.ones((2, 3)), np.ones((4, 1)), axes)


def test_vdot_conjugates_its_first_operand():
    a, b = draw(2, 2) + 1j * draw(2, 2), draw(2, 2) + 1j * draw(2, 2)
    np.testing.assert_allclose(vdot(a, b), np.vdot(a, b), rtol=1e-13)
    check_gradients(vdot, a, b)
    check_gradients(vdot, draw(4), draw(4))


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((3,), (3,)), {}), (((2, 3), (3,)), {}), (((3,), (2, 3)), {}), (((4, 1, 3), (2, 3)), {}),
        (((3, 2), (2, 3)), {"axisa": 0}), (((3, 2), (3,)), {"axisa": 0, "axisc": 0}),
        (((2, 3, 2), (2, 3, 2)), {"axis": 1}), (((3, 4, 2), (4, 2, 3)), {"axisa": 0, "axisc": 1}),
    ],
)  # fmt: skip
def test_cross(shapes, axes):
    a, b = [draw(*s) for s in shapes]
    np.testing.assert_allclose(cross(a, b, **axes), np.cross(a, b, **axes), rtol=1e-13)
    check_gradients(lambda a, b: cross(a, b, **axes), a, b, analytic=True)


def test_cross_needs_three_components():
    with pytest.raises(ShapeError, match="length 3"):
        cross(np.ones(2), np.ones(2))


@pytest.mark.parametrize(
    "shapes",
    [((2, 3), (3, 4)), ((5,), (5, 2), (2, 3)), ((10, 2), (2, 9), (9, 1), (1, 4)), ((3,), (3, 3), (3,))],
    ids=str,
)
def test_multi_dot(shapes):
    xs = [draw(*s) for s in shapes]
    np.testing.assert_allclose(multi_dot(xs), np.linalg.multi_dot(xs), rtol=1e-12)
    check_gradients(lambda *xs: multi_dot(xs), *xs, analytic=True)


def test_multi_dot_multiplies_in_the_cheapest_order():
    a, b, c = tg.tensor(draw(2, 90), requires_grad=True), draw(90, 80), draw(80, 1)
    assert multi_dot([a, b, c]).parents[1].shape == (90, 1)


def test_multi_dot_refuses_other_operands():
    with pytest.raises(ArgumentError, match="two arrays"):
        multi_dot([np.eye(2)])
    with pytest.raises(ShapeError, match="matrices"):
        multi_dot([np.eye(2), np.ones(2), np.eye(2)])


def test_lists_are_arrays():
    assert dot([1.0, 2.0], [3.0, 4.0]) == vdot([1.0, 2.0], [3.0, 4.0]) == inner([1.0, 2.0], [3.0, 4.0]) == 11
    np.testing.assert_array_equal(outer([1.0, 2.0], [3.0]), [[3], [6]])
