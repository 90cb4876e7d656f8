"""Copies and pickles of tensors: leaves travel, graphs do not."""

import copy
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, CopyError, GraphCopyError

WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda t: pickle.loads(pickle.dumps(t))}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
deep_ways = pytest.mark.parametrize("way", [WAYS["deepcopy"], WAYS["pickle"]], ids=["deepcopy", "pickle"])


@every_way
@pytest.mark.parametrize("data", [2.5, [1.0, 2.0], np.zeros((0, 3)), np.float32([[1, 2]]), [1, 2], [True], 1j])
def test_a_leaf_keeps_what_it_is(way, data):
    leaf = tg.tensor(data, name="w")
    leaf.requires_grad = leaf.dtype.kind in "fc"
    new = way(leaf)
    assert new is not leaf
    assert (new.name, new.requires_grad, new.dtype, new.is_leaf) == ("w", leaf.requires_grad, leaf.dtype, True)
    np.testing.assert_array_equal(new.data, leaf.data)
    assert type(new.value) is type(leaf.value)


@every_way
def test_a_copy_has_its_own_gradient(way):
    leaf = tg.tensor([1.0, 2.0], requires_grad=True)
    leaf.sum().backward()
    leaf.register_hook(lambda g: 2 * g)
    new = way(leaf)
    assert new.grad is None
    (new * 3).sum().backward()
    assert new.grad.tolist() == [3, 3]
    assert leaf.grad.tolist() == [1, 1]


def test_a_shallow_copy_shares_memory_and_a_deep_one_does_not():
    leaf = tg.tensor([1.0, 2.0])
    assert np.shares_memory(copy.copy(leaf).data, leaf.data)
    assert not np.shares_memory(copy.deepcopy(leaf).data, leaf.data)


def test_a_shallow_copy_of_a_result_stays_in_the_graph():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    copy.copy(x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]


@deep_ways
def test_a_result_says_that_its_graph_would_be_lost(way):
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).named("y")
    with pytest.raises(GraphCopyError, match=r"y \(2,\) was computed by multiply; .* \.detach\(\)"):
        way(y)
    assert way(y.detach()).data.tolist() == [1, 4]


def test_an_argument_of_a_transform_is_not_cut_off():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(tg.grad(lambda x: tg.sum(copy.copy(x) ** 2))(x), [2, 4])
    for way in (copy.deepcopy, pickle.dumps):
        with pytest.raises(GraphCopyError, match=r"is differentiated for; .*\.copy\(\)"):
            tg.grad(lambda x, way=way: tg.sum(x) if way(x) is None else 0.0 * x[0])(x)


@every_way
def test_a_constant_result_is_a_leaf_when_copied(way):
    with tg.no_grad():
        assert way(tg.tensor([1.0], requires_grad=True) * 2).data.tolist() == [2]
    mask = tg.tensor([1.0], requires_grad=True) > 0
    assert way(mask).is_leaf


@deep_ways
def test_layers_travel_with_their_parameters(way):
    net = tg.nn.Sequential(tg.nn.Linear(3, 4, seed=0), tg.nn.Tanh(), tg.nn.Linear(4, 1, seed=1))
    new = way(net)
    x = np.ones((2, 3))
    np.testing.assert_array_equal(new(x).data, net(x).data)
    assert [n for n, _ in new.named_parameters()] == [n for n, _ in net.named_parameters()]
    new(x).sum().backward()
    assert all(p.grad is None for p in net.parameters())
    assert all(p.grad is not None for p in new.parameters())


@deep_ways
def test_a_shared_parameter_stays_shared(way):
    w = tg.tensor(1.0, requires_grad=True)
    a, b = way([w, w])
    assert a is b


# --- what the library returns ---


def trained():
    """A small training, recorded, with all that takes part."""
    X, y = tg.datasets.load_seeds()
    X, y = X[::14], y[::14].reshape(-1, 1)
    model = tg.nn.Sequential(tg.nn.Linear(7, 2, seed=0), tg.nn.Tanh(), tg.nn.Dropout(0.1, seed=0), tg.nn.Linear(2, 1))
    loss = tg.binary_cross_entropy_with_logits
    recording = tg.nn.Recording(model, X, y, loss)
    optimizer = tg.nn.Adam(model.parameters(), lr=tg.nn.CosineDecay(0.1, 10))
    history = tg.nn.fit(model, X, y, loss, optimizer, 2, seed=0, callbacks=[recording])
    return X, y, model, optimizer, history, recording


def network():
    net = tg.nn.NeuralNetwork([3, 2, 1], seed=0)
    passes = net.fit(np.ones((3, 4)), np.ones((1, 4)), epochs=1)
    return net, passes[0]


def compiled():
    fast = tg.compile(tg.exp, backend="numpy")
    fast(np.ones(3))
    return fast


def results():
    """Something of every public class, and what of it must be the same in a copy."""
    x = tg.tensor([0.5, 2.0], requires_grad=True, name="x")
    C = tg.sum(tg.softmax(x, axis=0) * x).named("C")
    graph, tutor = tg.graph(C), tg.tutor(C)
    X, y, model, optimizer, history, recording = trained()
    net, passed = network()
    weights = dict(model.named_parameters())
    picture = tg.draw(C)
    assert picture.dot  # kept in it from now on
    yield graph, lambda g: (g, hash(g), g.to_json(), g["x"].data.flags.writeable)
    yield graph.view("named"), lambda g: (g, hash(g), g.edges[0].formula)
    yield picture, lambda d: (hash(d), d.dot)
    yield tg.graph.diff(C, (C * 2).named("C")), lambda d: (hash(d), d.text)
    yield tg.step_through(C), lambda page: page.html
    yield tg.play(C), lambda page: page.html
    yield tg.derive(C, x), lambda d: (d.text, d.latex)
    yield tutor, repr
    yield tutor.check("x", "3"), lambda verdict: (verdict.right, verdict.message)
    yield compiled(), lambda fast: fast(np.ones(3)).tolist()
    yield compiled().plan, repr
    yield model.summary(X), str
    if find_spec("scipy"):
        yield tg.op_table(), lambda table: table.markdown
    yield compiled().summary(), str
    yield model, lambda m: m.eval()(X).data.tolist()
    yield optimizer, lambda o: (repr(o), repr(o.state_dict()))
    yield tg.nn.LBFGS(weights.values()), lambda o: repr(o).split("(")[0]
    yield history, lambda h: (repr(h), [epoch.cost for epoch in h])
    yield recording, lambda r: (repr(r), r.svg)
    yield recording.frames[0], repr
    for sets in (tg.unique_all, tg.unique_counts, tg.unique_inverse):
        yield sets(np.array([2.0, 1.0, 2.0])), lambda found: [part.tolist() for part in found]
    yield net, lambda n: (repr(n), n.parameters["W1"].tolist(), n.forward_propagate(np.ones((3, 4))).tolist())
    yield passed, repr
    yield tg.nn.activation_sheet(), lambda sheet: sheet.text
    yield tg.nn.EarlyStopping(3), repr
    for name in ("NetworkClassifier", "NetworkRegressor") if find_spec("sklearn") else ():
        estimator = getattr(tg.nn, name)(max_iter=1)
        yield estimator.fit(X, y.ravel()), lambda e: e.predict(X).tolist()


@pytest.fixture(scope="module")
def examples():
    return [*results()]


@every_way
def test_what_the_library_returns_can_be_copied(way, examples):
    for result, facts in examples:
        new = way(result)
        assert type(new) is type(result)
        assert facts(new) == facts(result)


def test_every_public_class_that_is_returned_has_an_example_here(examples):
    seen = {type(result).__name__ for result, _ in examples}
    optimizers = {"AdamW", "Adagrad", "RMSprop", "SGD"}  # like Adam
    public = {name: c for room in (tg, tg.nn) for name, c in vars(room).items() if isinstance(c, type)}
    classes = {name for name, c in public.items() if c.__module__.startswith(tg.__name__)}
    layers = {name for name in classes if issubclass(getattr(tg.nn, name, object), tg.nn.Layer)}
    schedules = {"CosineDecay", "OneCycle", "StepDecay", "WarmUp"}  # in Adam here
    records = {"Checkpoint", "Epoch", "Step", "Training", "Tensor"}  # of numbers and arrays; the tensor is above
    assert classes - seen - optimizers - layers - schedules - records == {"Objective"}


def test_the_last_pass_of_a_network_is_not_copied():
    net, _ = network()
    with pytest.raises(ArgumentError, match="Call forward_propagate"):
        copy.deepcopy(net).compute_cost(np.ones((1, 4)))


def square(x):
    return x * x


def test_compiled_functions_are_pickled_by_name_or_say_what_to_do():
    assert WAYS["pickle"](tg.compile(square))(np.float64(3)) == 9
    for fast in (tg.compile(lambda x: x), tg.compile(tg.grad(square))):
        assert copy.copy(fast).f is copy.deepcopy(fast).f is fast.f
        with pytest.raises(CopyError, match="Define it with def at the top of a file"):
            pickle.dumps(fast)


def test_a_decorated_function_is_itself_after_a_pickle():
    code = (
        "import pickle, tinygrad_bp as tg\n"
        "@tg.compile\n"
        "def cube(x):\n    return x * x * x\n"
        "assert pickle.loads(pickle.dumps(cube)) is cube and cube(2.0) == 8"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_objective_says_what_to_pickle():
    objective = tg.scipy_objective(square, np.float64(3))
    assert copy.copy(objective) is copy.deepcopy(objective) is objective
    with pytest.raises(CopyError, match="Pickle f and x0"):
        pickle.dumps(objective)
