"""`export.onnx`: what ONNX Runtime computes is what the function gives, under the names that its values have."""

import sys

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.engines.engines import fed, session
from tests.nn.test_layers_compiled import NETS
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, ExportError, MissingExtraError
from tinygrad_bp.nn.functional import gradients_of

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra `test`)")
pytestmark = pytest.mark.once

rng = np.random.default_rng(0)
close = {"rtol": 1e-12, "atol": 1e-12}


def run(model, *inputs):
    return session(model).run(None, fed(model, inputs))


def lengths(value):
    """The dimensions of an input or result; "batch" for one of any length."""
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def article(params, X, y):
    a = tg.tanh(params["W1"] @ X + params["b1"])
    return tg.binary_cross_entropy(tg.sigmoid(params["W2"] @ a + params["b2"]), y)


def step(params, X, y, rate):
    C, gradients = tg.value_and_grad(article)(params, X, y)
    return C, {name: p - rate * gradients[name] for name, p in params.items()}


def problem(dtype=float):
    """The parameters of the article's network, 7-2-1, and 14 examples as columns."""
    params = {
        "W1": rng.normal(size=(2, 7)),
        "b1": np.zeros((2, 1)),
        "W2": rng.normal(size=(1, 2)),
        "b2": np.zeros((1, 1)),
    }
    y = rng.integers(0, 2, (1, 14)).astype(dtype)
    return {name: p.astype(dtype) for name, p in params.items()}, rng.normal(size=(7, 14)).astype(dtype), y


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_hundred_steps_of_the_articles_network(dtype, tolerance):
    params, X, y = problem(dtype)
    rate = dtype(0.5)
    model = tg.export.onnx(step, params, X, y, rate)
    assert [x.name for x in model.graph.input] == ["W1", "b1", "W2", "b2", "X", "y", "rate"]
    assert [x.name for x in model.graph.output] == ["C", "new_W1", "new_b1", "new_W2", "new_b2"]
    trained, costs, runtime = dict(params), [], session(model)
    for _ in range(100):
        C, *new = runtime.run(None, {**trained, "X": X, "y": y, "rate": np.asarray(rate)})
        trained, costs = dict(zip(trained, new, strict=True)), [*costs, C]
    for i in range(100):
        C, params = step(params, X, y, rate)
        np.testing.assert_allclose(costs[i], C, rtol=tolerance)
    for name, p in params.items():
        assert trained[name].dtype == dtype
        np.testing.assert_allclose(trained[name], p, rtol=tolerance, atol=tolerance)
    assert costs[-1] < costs[0] / 2


def test_value_and_gradients():
    params, X, y = problem()
    both = tg.value_and_grad(article)
    model = tg.export.onnx(both, params, X, y)
    assert [x.name for x in model.graph.output] == ["C", "dW1", "db1", "dW2", "db2"]
    C, gradients = both(params, X, y)
    for got, want in zip(run(model, *params.values(), X, y), [C, *gradients.values()], strict=True):
        np.testing.assert_allclose(got, want, **close)


# --- layers -----------------------------------------------------------------------------------------------------------

SHAPE = (4, 3)
ACTIVATIONS = (
    nn.Sigmoid(), nn.Tanh(), nn.ReLU(), nn.LeakyReLU(), nn.ParametricReLU(), nn.ELU(), nn.Softplus(), nn.Arctan(),
    nn.Identity(), nn.BinaryStep(), nn.Softmax(), nn.GELU(), nn.SiLU(),
)  # fmt: skip
MORE = {
    "batchnorm": (nn.Sequential(nn.Linear(3, 2, seed=0), nn.BatchNorm(2)).eval(), SHAPE),
    **{type(layer).__name__: (layer, SHAPE) for layer in ACTIVATIONS},
}


@pytest.mark.parametrize("name", [*NETS, *MORE])
def test_layers(name):
    net, shape = {**NETS, **MORE}[name]
    x = rng.normal(size=shape)
    model = tg.export.onnx(net, x)
    assert len(model.graph.input) == 1
    y = net(x)
    for got, want in zip(run(model, x), y if isinstance(y, tuple) else [y], strict=True):
        np.testing.assert_allclose(got, want.data, **close)
    assert lengths(model.graph.input[0])[0] == "batch"
    longer = rng.normal(size=(9, *shape[1:]))
    y = net(longer)
    for got, want in zip(run(model, longer), y if isinstance(y, tuple) else [y], strict=True):
        np.testing.assert_allclose(got, want.data, **close)


@pytest.mark.parametrize("name", [*NETS, "batchnorm"])
def test_gradients_of_layers(name):
    net, shape = {**NETS, **MORE}[name]
    x = rng.normal(size=shape)
    params = net.parameters()
    both = gradients_of(lambda x: (net(x) ** 2).mean(), params)
    values = tuple([p.value for p in params])
    C, gradients = both(values, x)
    model = tg.export.onnx(both, values, x)
    for n in (len(x), 9, 1):
        x = rng.normal(size=(n, *shape[1:]))
        C, gradients = both(values, x)
        for y, want in zip(run(model, *values, x), [C, *gradients], strict=True):
            np.testing.assert_allclose(y, want, **close)


def test_embedding():
    layer, words = nn.Embedding(5, 4, seed=0), np.array([[1, 4, 1], [0, 2, 3]])
    np.testing.assert_array_equal(run(tg.export.onnx(layer, words), words)[0], layer(words).data)


def test_every_layer_is_here():
    layers = {name for name, layer in vars(nn).items() if isinstance(layer, type) and issubclass(layer, nn.Layer)}

    tested = {"Layer", "Embedding"}
    pending = [net for net, _ in [*NETS.values(), *MORE.values()]]
    while pending:
        net = pending.pop()
        tested.add(type(net).__name__)
        pending += [part for part in [*vars(net).values(), *getattr(net, "layers", [])] if isinstance(part, nn.Layer)]
    assert layers <= tested


def test_nothing_is_drawn_in_onnx():
    def noisy(x, rng):
        return tg.dropout(x, 0.5, rng)

    with pytest.raises(ExportError, match=r"rng draws random numbers.*eval\(\)"):
        tg.export.onnx(noisy, np.ones((4, 3)), np.random.default_rng(0))


# --- the batch --------------------------------------------------------------------------------------------------------


def test_the_batch_may_have_any_length():
    W = rng.normal(size=(3, 2))
    model = tg.export.onnx(
        tg.value_and_grad(lambda params, X: tg.sum(tg.tanh(X @ params["W"]))), {"W": W}, np.ones((5, 3))
    )
    assert [lengths(x) for x in model.graph.input] == [[3, 2], ["batch", 3]]
    for n in (1, 5, 1000):
        X = rng.normal(size=(n, 3))
        np.testing.assert_allclose(run(model, W, X)[1], X.T @ (1 - np.tanh(X @ W) ** 2), rtol=1e-11, atol=1e-11)


FREE = {
    "a mean": lambda W, X: tg.mean(X @ W, axis=0),
    "its length": lambda W, X: tg.sum(X) / (len(X) - 1) + len(X) * tg.max(W),
    "places": lambda W, X: tg.value_and_grad(lambda X: tg.sum(X[:, 1:] ** 2))(X),
    "one of each": lambda W, X: tg.value_and_grad(lambda X: tg.sum(X[np.arange(len(X)), 1] ** 2))(X),
    "longer than it": lambda W, X: tg.concatenate([X, X + 1]),
    "a flat one": lambda W, X: X.reshape(-1) * 2,
}


@pytest.mark.parametrize("what", FREE)
def test_what_follows_from_the_length_is_computed_from_it(what):
    f, W = FREE[what], rng.normal(size=(3, 2))
    model = tg.export.onnx(f, W, rng.normal(size=(5, 3)))
    assert [lengths(x) for x in model.graph.input] == [[3, 2], ["batch", 3]]
    assert not {d for y in model.graph.output for d in lengths(y)} & {5, 10, 15}
    for n in (1, 5, 32):
        X = rng.normal(size=(n, 3)) if n > 1 or "length" not in what else rng.normal(size=(2, 3))
        wanted = f(tg.asarray(W), tg.asarray(X))
        for got, want in zip(run(model, W, X), wanted if isinstance(wanted, tuple) else [wanted], strict=True):
            np.testing.assert_allclose(got, want.data, **close)


def test_a_step_of_training_for_any_batch():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, seed=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3, seed=1),
    )  # fmt: skip
    params = net.parameters()
    both = gradients_of(lambda x, labels: tg.softmax_cross_entropy(net(x), labels), params)

    def step(values, x, labels):
        C, gradients = both(values, x, labels)
        return C, [p - 0.1 * g for p, g in zip(values, gradients, strict=True)]

    values, draw = [p.value for p in params], lambda n: (rng.normal(size=(n, 1, 8, 8)), rng.integers(0, 3, n))
    model = tg.export.onnx(step, values, *draw(4))
    for n in (4, 1, 33):
        batch = draw(n)
        C, new = step(values, *batch)
        for got, want in zip(run(model, *values, *batch), [C, *new], strict=True):
            np.testing.assert_allclose(got, want, **close)


@pytest.mark.parametrize("f", [lambda X: X[:4] + X[1:], lambda X: X[len(X) // 2], lambda X: X * len(X) ** 2])
def test_a_batch_whose_length_is_in_the_program_otherwise_is_fixed(f):
    X = rng.normal(size=(5, 3))
    model = tg.export.onnx(f, X)
    assert lengths(model.graph.input[0]) == [5, 3]
    np.testing.assert_allclose(run(model, X)[0], f(tg.asarray(X)).data, **close)


# --- names ------------------------------------------------------------------------------------------------------------


def test_values_have_the_names_and_scopes_of_tensors():
    class Net(nn.Layer):
        def __init__(self):
            self.hidden, self.output = nn.Linear(3, 4, seed=0), nn.Linear(4, 1, seed=1)

        def forward(self, x):
            return self.output(tg.tanh(self.hidden(x)))

    model = tg.export.onnx(Net(), np.ones((5, 3)))
    values = {node.output[0]: node.name for node in model.graph.node}
    assert values["z1"] == "Net/hidden/z1"
    assert values["a1"] == "Net/a1"
    assert values["z2"] == "Net/output/z2"
    assert {"hidden.W", "hidden.b", "output.W", "output.b"} <= {x.name for x in model.graph.initializer}


def test_what_a_result_holds_for_stands_apart():
    layer, labels = nn.Linear(3, 4, seed=0), np.arange(5) % 4
    model = tg.export.onnx(lambda x, labels: tg.softmax_cross_entropy(layer(x), labels), np.ones((5, 3)), labels)
    names = [node.name for node in model.graph.node]
    assert [name for name in names if "guard/" in name and not name.startswith("guard/")] == []
    assert names[-1] == "C"
    assert len([name for name in names if name == "batch"]) == 1


def test_what_onnx_has_no_operator_for_is_a_function_of_the_model():
    model = tg.export.onnx(lambda x: tg.arcsinh(x) + tg.arcsinh(x + 1), np.ones(3))
    assert [node.op_type for node in model.graph.node].count("arcsinh") == 2
    assert {"arcsinh", "log1p"} <= {f.name for f in model.functions}


def test_names_of_results():
    model = tg.export.onnx(lambda x: (x * 2, x, x), np.ones(3), names=["double", "same", "again"])
    assert [y.name for y in model.graph.output] == ["double", "same", "again"]
    np.testing.assert_array_equal(run(model, np.arange(3.0))[2], np.arange(3.0))
    with pytest.raises(ArgumentError, match="there are 2 results"):
        tg.export.onnx(lambda x: (x, x), np.ones(3), names=["one"])


# --- what ONNX has otherwise ------------------------------------------------------------------------------------------


def test_of_several_values_for_one_place_the_last_stays():
    def f(x, at, v):
        return tg.index_update(x, at, v)

    x, at, v = np.zeros(4), np.array([2, 0, 2, -4]), np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(run(tg.export.onnx(f, x, at, v), x, at, v)[0], [4, 0, 3, 0])
    fixed = tg.export.onnx(lambda x, v: f(x, at, v), x, v)
    np.testing.assert_array_equal(run(fixed, x, v)[0], [4, 0, 3, 0])


def test_a_transposed_matrix_meets_a_vector():
    A, v = np.arange(9.0).reshape(3, 3), np.array([1.0, 10.0, 100.0])
    np.testing.assert_array_equal(run(tg.export.onnx(lambda A, v: A.T @ v, A, v), A, v)[0], A.T @ v)


def test_any_and_all_of_nothing():
    x = np.ones((2, 0))
    model = tg.export.onnx(lambda x: (tg.any(x, axis=1), tg.all(x, axis=1)), x)
    assert [y.tolist() for y in run(model, x)] == [[False, False], [True, True]]


# --- what is refused, and files ---------------------------------------------------------------------------------------


def test_a_branch_on_values_gives_nan_for_others():
    def loss(z, labels):
        return tg.softmax_cross_entropy(z, labels)

    z, labels = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    model = tg.export.onnx(loss, z, labels)
    np.testing.assert_allclose(run(model, z, labels)[0], loss(tg.asarray(z), labels).data, **close)
    assert np.isnan(run(model, z, np.array([0, -1, 1, 1]))[0])


def test_what_has_no_form_is_named():
    with pytest.raises(ExportError, match=r"np\.linalg\.svd, on the way to U"):
        tg.export.onnx(lambda x: tg.linalg.svd(x)[0].named("U"), np.eye(3))
    with pytest.raises(ExportError, match="complex"):
        tg.export.onnx(lambda x: x * 2, np.ones(3, complex))
    with pytest.raises(ArgumentError, match="expected a function"):
        tg.export.onnx(3, np.ones(3))


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[onnx\]"):
        tg.export.onnx(lambda x: x, np.ones(3))


def test_the_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.onnx"
    model = tg.export.onnx(lambda x: x * 2, np.ones(3), path=path)
    assert onnx.load(path) == model
    before = path.read_bytes()
    with pytest.raises(ExportError):
        tg.export.onnx(lambda x: tg.linalg.svd(x)[1], np.eye(3), path=path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    with pytest.raises(FileNotFoundError):
        tg.export.onnx(lambda x: x * 2, np.ones(3), path=tmp_path / "none" / "model.onnx")
