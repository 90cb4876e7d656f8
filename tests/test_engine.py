"""The sweep: each node once, shares added where paths meet, nothing written to, nothing left behind."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.engine import sweep
from tinygrad_bp.errors import (
    ArgumentError,
    GraphFreedError,
    LeafAssignmentError,
    NoGradientError,
    NonScalarBackwardError,
    ShapeError,
    StaleValueError,
)
from tinygrad_bp.nn import SGD

DEEP = 100_000


def leaf(data=3.0, name="x"):
    return tg.tensor(data, requires_grad=True, name=name)


def counted(node, visits):
    """The node, with a hook that counts how often the sweep comes by."""
    node.register_hook(lambda g: visits.append(node))
    return node


# --- the chain rule ---


def test_shares_add_up_where_paths_meet():
    x = leaf()
    h = x * x
    (h + h * x).backward()
    assert x.grad == 2 * 3 + 3 * 3**2


def test_stacked_diamonds_visit_each_node_once():
    visits = []
    h = leaf(1.0)
    for _ in range(200):
        h = counted(h * 0.5 + h * 0.5, visits)
    h.backward()
    assert len(visits) == len(set(map(id, visits))) == 200


def test_each_edge_is_walked_once():
    x, trail = leaf(), []
    h = x * x
    y = h * h + x
    sweep(y, np.float64(1), trail=trail)
    edges = sorted((node.op.name, i) for node, i, _ in trail)
    assert edges == [("add", 0), ("add", 1), ("multiply", 0), ("multiply", 0), ("multiply", 1), ("multiply", 1)]
    assert sum(share for node, i, share in trail if node.parents[i] is x) == 4 * 3**3 + 1


def test_constants_and_branches_without_gradient_are_not_visited():
    visits = []
    x, constant = leaf(), tg.tensor(2.0)
    branch = counted(constant * 3, visits)
    unused = counted(x * 5, visits)
    (x * branch).backward()
    assert (x.grad, constant.grad, branch.grad, unused.grad, visits) == (6, None, None, None, [])


def test_one_tensor_as_both_operands_keeps_both_edges():
    x = leaf()
    y = x * x
    assert y.parents == (x, x)
    y.backward()
    assert x.grad == 6


def test_the_root_may_be_a_leaf():
    x = leaf()
    x.backward()
    assert x.grad == 1


def test_a_deep_graph_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(DEEP):
        y = y + 1.0
    y.backward(retain_graph=True)
    assert x.grad == 1
    y.backward()
    assert (x.grad, y.item()) == (2, DEEP + 1)
    del y


def test_a_deep_graph_differentiates_twice_and_forward():
    def f(x):
        y = x * x
        for _ in range(DEEP // 10):
            y = y + x
        return y

    assert tg.grad(tg.grad(f))(1.0) == 2
    assert tg.jvp(f, (1.0,), (1.0,))[1] == 2 + DEEP // 10


def test_a_deep_graph_that_nobody_swept_can_be_dropped():
    y = leaf(1.0)
    for _ in range(DEEP):
        y = y + 1.0
    alive = weakref.ref(y)
    del y
    assert alive() is None


def test_a_wide_graph():
    x = leaf(1.0)
    y = x
    for _ in range(DEEP):
        y = y + x
    y.backward()
    assert x.grad == DEEP + 1


# --- accumulation and release ---


def test_a_second_backward_needs_the_graph_retained():
    x = leaf()
    y = (x * x).named("y")
    y.backward()
    with pytest.raises(GraphFreedError, match=r"y \(\), made by multiply, .*retain_graph=True"):
        y.backward()
    assert x.grad == 6


def test_a_graph_behind_a_released_one_is_released_too():
    x = leaf()
    h = x * x
    (3 * h).backward()
    with pytest.raises(GraphFreedError):
        (5 * h).backward()


def test_retained_gradients_accumulate():
    x = leaf()
    y = x * x
    for expected in (6, 12):
        y.backward(retain_graph=True)
        assert x.grad == expected
    x.zero_grad()
    assert x.grad is None
    y.backward()
    assert x.grad == 6


def test_accumulation_makes_a_new_array():
    x = leaf([1.0, 2.0])
    (2 * x).sum().backward()
    first = x.grad
    (3 * x).sum().backward()
    assert first.tolist() == [2, 2]
    assert x.grad.tolist() == [5, 5]


def test_a_released_node_forgets_what_it_was_computed_from():
    x = leaf(np.ones(3))
    h = x * x
    inside = weakref.ref(h)
    y = h.sum()
    del h
    y.backward()
    assert inside() is None
    assert y.parents is None
    assert not y.is_leaf


def test_intermediate_gradients_are_kept_on_request():
    x = leaf()
    h, other = x * x, x * 1
    h.retain_grad()
    y = (h * h + other).sum()
    y.retain_grad()
    y.backward(retain_graph=True)
    assert (y.grad, h.grad, other.grad, x.grad) == (1, 18, None, 109)
    y.backward()
    assert (y.grad, h.grad, x.grad) == (2, 36, 218)


# --- hooks ---


def test_a_hook_sees_the_whole_cotangent_and_may_replace_it():
    x, seen = leaf(), []
    h = x * x
    h.register_hook(seen.append)
    h.register_hook(lambda g: g * 10)
    (h + h).backward()
    assert seen == [2]
    assert x.grad == 10 * 12


def test_a_hook_on_a_leaf_changes_what_it_receives():
    x = leaf()
    remove = x.register_hook(lambda g: -g)
    (x * x).backward()
    assert x.grad == -6
    remove()
    remove()
    (x * x).backward()
    assert x.grad == 0


def test_hooks_are_removed_one_by_one():
    x, seen = leaf(), []
    removes = [x.register_hook(lambda g, i=i: seen.append(i)) for i in range(3)]
    removes[1]()
    (x * 2).backward()
    assert seen == [0, 2]


def test_what_a_hook_replaces_is_what_a_retained_gradient_keeps():
    x = leaf()
    h = x * x
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    h.backward()
    assert (h.grad, x.grad) == (2, 12)


@pytest.mark.parametrize("returned", [np.ones(7), 2.0, "g", [1.0, 1.0]])
def test_what_a_hook_returns_has_the_shape_of_the_tensor(returned):
    x = tg.tensor(np.ones(2), requires_grad=True, name="x")
    x.register_hook(lambda g: returned)
    with pytest.raises(ShapeError, match=r"^a hook of x \(2,\) returned .* Return a cotangent of the tensor's shape"):
        (x * x).sum().backward()


def test_what_a_hook_returns_gets_the_dtype_of_the_tensor():
    x = tg.tensor(np.ones(2, np.float32), requires_grad=True)
    x.register_hook(lambda g: np.array([1, 2]))
    (x * x).sum().backward()
    assert x.grad.dtype == np.float32


def test_a_hook_is_a_function():
    with pytest.raises(ArgumentError, match=r"^register_hook: hook is a function; got 3\."):
        tg.tensor(1.0).register_hook(3)


def test_hooks_run_in_the_derivative_as_a_graph():
    def f(x):
        h = x * x * x
        h.register_hook(lambda g: g * 2)
        return h

    assert tg.grad(f)(2.0) == 24
    assert tg.grad(tg.grad(f))(2.0) == 24


# --- memory ---


def test_gradients_own_their_memory():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    seed = np.array([0.5, 0.25])
    z = x + y
    z.retain_grad()
    z.backward(seed)
    arrays = [seed, x.grad, y.grad, z.grad, x.value, y.value, z.value]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])
    assert all(a.flags.owndata and a.flags.writeable for a in (x.grad, y.grad, z.grad))


@pytest.mark.parametrize("leaves", [True, False])
def test_what_meets_is_added_up_without_writing_to_anything_else(leaves):
    x, seed, kept, trail = leaf([1.0, 2.0]), np.array([0.5, 0.25]), [], []
    h = x if leaves else x * 1.0
    h.retain_grad()
    same = [h + 0.0 for _ in range(4)]  # their rules hand on one and the same array
    for node in same:
        node.register_hook(kept.append)
    y = same[0] + same[1] + same[2] + same[3] + h
    total = dict(sweep(y, seed, trail=trail))[h]
    assert total.tolist() == (5 * seed).tolist()
    assert seed.tolist() == [0.5, 0.25]
    assert all(
        array.tolist() == [0.5, 0.25] for array in [*kept, *[share for node, _, share in trail if node is not h]]
    )
    others = [seed, *kept, *[share for *_, share in trail], x.value, h.value]
    assert not any(np.shares_memory(total, other) for other in others)


VIEWS = {
    "itself": lambda x: tg.identity(x),
    "transpose": lambda x: x.T,
    "reshape": lambda x: x.reshape(-1),
    "index": lambda x: x[::2, 1:],
    "sum": lambda x: x.sum(),
    "row sum": lambda x: x.sum(axis=0),
    "broadcast": lambda x: tg.broadcast_to(x, (5, 4, 3)),
    "choice": lambda x: tg.where(np.ones((4, 3), bool), x, x),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_ops_that_only_move_elements_give_gradients_of_their_own(view):
    x = leaf(np.arange(12.0).reshape(4, 3))
    y = view(x)
    seed = np.ones(y.shape)
    y.backward(seed)
    assert x.grad.shape == (4, 3)
    assert x.grad.flags.owndata
    x.grad[...] = -1
    assert np.array_equal(seed, np.ones(y.shape))
    assert np.array_equal(x.data, np.arange(12.0).reshape(4, 3))


def test_nothing_is_written_to():
    x, w, seed = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5], [-0.5]]), np.array([[1.0], [2.0]])
    arrays = [x, w, seed]
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    y = tg.tanh(tg.asarray(x, requires_grad=True) @ tg.asarray(w, requires_grad=True))
    y.backward(seed)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


def strided(g):
    wide = np.zeros((*g.shape[:-1], 2 * g.shape[-1]))
    wide[..., ::2] = g
    return wide[..., ::2]


def read_only(g):
    g = g.copy()
    g.flags.writeable = False
    return g


SEEDS = {
    "contiguous": (np.array([[1.0, 2.0], [3.0, 4.0]]), np.copy),
    "column-major": (np.array([[1.0, 2.0], [3.0, 4.0]]), np.asfortranarray),
    "strided": (np.array([[1.0, 2.0], [3.0, 4.0]]), strided),
    "reversed": (np.array([[1.0, 2.0], [3.0, 4.0]]), lambda g: g[::-1, ::-1].copy()[::-1, ::-1]),
    "stride 0": (np.full((2, 2), 3.0), lambda g: np.broadcast_to(3.0, (2, 2))),
    "read-only": (np.array([[1.0, 2.0], [3.0, 4.0]]), read_only),
    "a list": (np.array([[1.0, 2.0], [3.0, 4.0]]), np.ndarray.tolist),
    "integers": (np.array([[1.0, 2.0], [3.0, 4.0]]), lambda g: g.astype(int)),
    "0-d": (np.array(2.0), np.copy),
    "a number": (np.array(2.0), float),
    "empty": (np.zeros((0, 2)), np.copy),
}


@pytest.mark.parametrize("as_graph", [False, True])
@pytest.mark.parametrize(("g", "layout"), SEEDS.values(), ids=SEEDS)
def test_a_seed_of_any_layout(g, layout, as_graph):
    x = leaf(np.full(g.T.shape, 2.0))
    y = tg.transpose(x * x) if g.ndim else x * x
    seed = layout(g)
    if as_graph:
        ((_, gradient),) = sweep(y, tg.asarray(seed), as_graph=True)
        gradient = gradient.data
    else:
        y.backward(seed)
        gradient = x.grad
    np.testing.assert_array_equal(gradient, 4 * g.T)
    assert (gradient.shape, gradient.dtype) == (x.shape, x.dtype)


# --- values that change ---


def test_the_first_derivative_uses_the_values_of_the_forward_pass():
    w = leaf([2.0], name="w")
    y = (w * w).sum()
    w.value = np.array([100.0])
    y.backward()
    assert w.grad.tolist() == [4]


def test_a_parameter_updated_between_forward_and_backward():
    w = leaf([2.0])
    loss = (w**3).sum()
    loss.backward(retain_graph=True)
    SGD([w], 0.1).step()
    w.zero_grad()
    loss.backward()
    assert w.grad.tolist() == [12]


def test_the_graph_of_the_derivative_needs_values_that_are_still_there():
    w = leaf([2.0], name="w")
    y = (w * w).sum()
    w.value = np.array([100.0])
    with pytest.raises(StaleValueError, match=r"w \(1,\) was given a new value after multiply used it"):
        sweep(y, tg.asarray(1.0), as_graph=True)


def test_assignment_gives_the_tensor_a_new_node():
    x = leaf([1.0, 2.0, 3.0])
    t = x * 1
    before = t * t
    t[0] = 10.0
    after = t * t
    (before + after).sum().backward()
    assert x.grad.tolist() == [2 * 1, 4 * 2, 4 * 3]


def test_a_plain_array_may_be_written_to_after_it_was_used():
    x, a = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    y = (x * a).sum()
    a[:] = 0
    y.backward()
    assert x.grad.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("f", "given"),
    [
        (lambda x, q: np.quantile(x, q), np.array([0.25, 1.0])),
        (lambda x, widths: np.pad(x, widths, "edge"), np.array([1, 2])),
        (lambda x, widths: np.pad(x, widths, "edge"), {0: 2}),
        (lambda x, axes: np.transpose(np.broadcast_to(x, (2, 3)), axes)[0], [1, 0]),
    ],
)
def test_so_may_an_argument_that_is_no_operand(f, given):
    def total(x):
        y = f(x, given).reshape(-1)
        return np.dot(y, np.arange(y.size))

    x, want = leaf([1.0, 2.0, 4.0]), tg.grad(total)(np.array([1.0, 2.0, 4.0]))
    y = total(x)
    given.clear() if isinstance(given, dict) else given.__setitem__(slice(None), given[::-1])
    y.backward()
    np.testing.assert_array_equal(x.grad, want)


# --- no cycles ---


def backward(x):
    (x * x + x).sum().backward()


def higher_order(x):
    tg.hessian(lambda v: (v * v * v).sum())(x.data)


def retained(x):
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()


def hooked(x):
    h = x * x
    h.register_hook(lambda g: g)
    h.sum().backward()


def failed(x):
    y = x * x
    with pytest.raises(NonScalarBackwardError):
        y.backward()


@pytest.mark.parametrize("program", [backward, higher_order, retained, hooked, failed, lambda x: x * x + x])
def test_graphs_die_without_the_garbage_collector(program, monkeypatch):
    made, new = [], object.__new__

    def recorded(kind):
        node = new(kind)
        made.append(weakref.ref(node))
        return node

    monkeypatch.setattr("tinygrad_bp.engine._new", recorded)
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        program(x)
        assert made
        assert [ref() for ref in made if ref() is not None] == []
    finally:
        gc.enable()


# --- what is refused ---


def test_backward_needs_one_number_or_a_cotangent():
    y = (leaf([1.0, 2.0]) * 2).named("y")
    with pytest.raises(NonScalarBackwardError, match=r"y \(2,\) has 2\. Reduce it with sum"):
        y.backward()
    with pytest.raises(ShapeError, match=r"cotangent has shape \(3,\), y \(2,\) needs \(2,\)"):
        y.backward(np.ones(3))


def test_one_element_of_any_shape_is_one_number():
    x = leaf([[2.0]])
    (x * x).backward()
    assert x.grad.tolist() == [[4]]


@pytest.mark.parametrize("y", [tg.tensor(1.0, name="y"), leaf() > 2, leaf().detach()])
def test_backward_needs_something_trainable(y):
    with pytest.raises(NoGradientError, match="requires no gradient"):
        y.backward()


def test_assignment_to_a_leaf_that_requires_a_gradient():
    x = leaf([1.0, 2.0])
    with pytest.raises(LeafAssignmentError, match="x"):
        x[0] = 5.0
