"""The article's class: its steps, its training, and what it refuses."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError
from tinygrad_bp.nn import ACTIVATIONS, NeuralNetwork

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 12))
Y = rng.integers(0, 2, size=(1, 12))


def test_names_and_shapes_are_the_articles():
    network = NeuralNetwork([7, 2, 1], seed=0)
    assert {name: p.shape for name, p in network.parameters.items()} == {
        "W1": (2, 7), "b1": (2, 1), "W2": (1, 2), "b2": (1, 1),
    }  # fmt: skip
    a2 = network.forward_propagate(X)
    assert {*network.parameters} == {"W1", "b1", "W2", "b2", "a0", "z1", "a1", "z2", "a2"}
    np.testing.assert_array_equal(a2, network.parameters["a2"])
    derivatives = network.compute_derivatives(Y)
    assert {*derivatives} == {"dW1", "db1", "dz1", "da1", "dW2", "db2", "dz2", "da2"}
    assert all(d.shape == network.parameters[name[1:]].shape for name, d in derivatives.items())
    assert network.L == 2
    assert network.architecture == (7, 2, 1)


def test_forward_pass_and_cost_are_the_articles():
    network = NeuralNetwork(np.array([7, 3, 1]), seed=1)
    p = network.parameters
    a1 = 1 / (1 + np.exp(-(p["W1"] @ X + p["b1"])))
    a2 = 1 / (1 + np.exp(-(p["W2"] @ a1 + p["b2"])))
    np.testing.assert_allclose(network.forward_propagate(X), a2, rtol=1e-14)
    assert network.compute_cost(Y) == pytest.approx(-np.mean(Y * np.log(a2) + (1 - Y) * np.log(1 - a2)), rel=1e-13)
    np.testing.assert_array_equal(network.predict(X), a2 > 0.5)
    assert network.predict(X).dtype == np.int64


def test_initial_weights_are_glorots_and_come_from_the_seed():
    one, same, other = (NeuralNetwork([300, 200, 1], seed=seed).parameters["W1"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, lambda z: z * tg.sigmoid(z), lambda z: z])
def test_derivatives_agree_with_finite_differences(activation):
    network = NeuralNetwork([7, 3, 2, 2], activation, seed=2)
    Y2 = np.vstack([Y, 1 - Y])
    network.forward_propagate(X)
    derivatives = network.compute_derivatives(Y2)

    def cost():
        network.forward_propagate(X)
        return network.compute_cost(Y2)

    for name in ("W1", "b1", "W2", "b2", "W3", "b3"):
        p = network.parameters[name]
        index = tuple(np.array(p.shape) - 1)
        here, step = p[index], 1e-5
        p[index] = here + step
        above = cost()
        p[index] = here - step
        below = cost()
        p[index] = here
        assert derivatives[f"d{name}"][index] == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-9)


def test_derivatives_of_the_same_pass_can_be_asked_for_twice():
    network = NeuralNetwork([7, 2, 1], seed=0)
    network.forward_propagate(X)
    first = {name: d.copy() for name, d in network.compute_derivatives(Y).items()}
    for name, d in network.compute_derivatives(Y).items():
        np.testing.assert_array_equal(d, first[name])


def test_an_activation_without_gradient_gives_zeros():
    network = NeuralNetwork([7, 2, 1], lambda z: (z > 0).astype(float), seed=0)
    network.forward_propagate(X)
    derivatives = network.compute_derivatives(Y)
    assert not derivatives["dW1"].any()
    assert derivatives["dW2"].any()


@pytest.mark.parametrize("widths", [[7, 1], [7, 2, 1], [7, 4, 3, 2]])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, lambda z: tg.tanh(z)])
def test_fit_takes_the_articles_steps(widths, activation):
    """Recorded and repeated or not, whole batches and a rest: the same as the four methods in turn."""
    Y_n = np.vstack([Y] * widths[-1])
    fitted, stepped = (NeuralNetwork(widths, activation, seed=5) for _ in range(2))
    fitted.fit(X, Y_n, alpha=0.1, epochs=2, batch=5)
    for _ in range(2):
        for i in range(0, 12, 5):
            stepped.forward_propagate(X[:, i : i + 5])
            stepped.compute_derivatives(Y_n[:, i : i + 5])
            stepped.update_parameters(alpha=0.1)
    stepped.forward_propagate(X)
    for name, p in stepped.parameters.items():
        np.testing.assert_allclose(fitted.parameters[name], p, rtol=1e-10, atol=1e-12)


def test_fit_reports_cost_and_accuracy_after_each_pass():
    network = NeuralNetwork([7, 2, 1], seed=0)
    shown = []

    def progress(done):
        shown.append(done)
        network.forward_propagate(X)
        assert done.cost == pytest.approx(network.compute_cost(Y), rel=1e-12)
        assert done.accuracy == np.mean(network.predict(X) == Y)

    passes = network.fit(X, Y, alpha=0.05, epochs=3, progress=progress)
    assert passes == shown
    assert [p.epoch for p in passes] == [1, 2, 3]
    assert passes[2].cost < passes[0].cost


def test_fit_of_no_passes_changes_nothing():
    network = NeuralNetwork([7, 2, 1], seed=0)
    before = network.parameters["W1"].copy()
    assert network.fit(X, Y, epochs=0) == []
    np.testing.assert_array_equal(network.parameters["W1"], before)


def test_fit_learns_from_predictions_that_are_wrong_and_saturated():
    network = NeuralNetwork([1, 1], seed=0)
    network.parameters["W1"][:] = 100.0
    network.fit([[1.0]], [[0]], alpha=1.0, epochs=1)
    assert network.parameters["W1"].item() == pytest.approx(99.0)


def test_fit_does_not_touch_the_data_and_does_not_see_later_changes():
    data, targets = X.copy(), Y.copy()
    network = NeuralNetwork([7, 2, 1], seed=0)
    network.fit(data, targets, epochs=1)
    np.testing.assert_array_equal(data, X)
    np.testing.assert_array_equal(targets, Y)
    network.forward_propagate(data)
    expected = NeuralNetwork([7, 2, 1], seed=0)
    expected.parameters |= network.parameters
    expected.forward_propagate(X)
    data[:] = 0
    np.testing.assert_array_equal(network.compute_derivatives(Y)["dW1"], expected.compute_derivatives(Y)["dW1"])


def test_cost_graph_is_the_articles_and_named():
    C = NeuralNetwork([7, 2, 1], seed=0).cost_graph(X, Y)
    names, pending = set(), [C]
    while pending:
        t = pending.pop()
        names.add(t.name)
        pending += [p for p in t.parents if isinstance(p, tg.Tensor)]
    assert names - {None} == {"X", "W1", "b1", "z1", "a1", "W2", "b2", "z2", "a2", "y", "C"}
    assert C.op.name == "binary_cross_entropy"
    C.backward()


def test_parameters_can_be_replaced():
    network = NeuralNetwork([7, 2, 1], seed=0)
    network.parameters["W2"] = np.zeros((1, 2))
    assert np.all(network.forward_propagate(X) == 0.5)
    network.parameters["W2"] = np.zeros((2, 1))
    with pytest.raises(ShapeError, match=r"W2 has shape \(2, 1\).*need \(1, 2\)"):
        network.forward_propagate(X)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ([7], r"got \[7\]"),
        (7, "got 7"),
        ([7, 0, 1], "the width of layer 1 is a whole number from 1 on; got 0"),
        ([7, 2.5, 1], "layer 1.*got 2.5"),
        ([7, True, 1], "layer 1.*got True"),
        ("721", "layer 0.*got '7'"),
    ],
)
def test_refuses_other_architectures(architecture, message):
    with pytest.raises(ArgumentError, match=message):
        NeuralNetwork(architecture)


def test_refuses_other_activations_and_seeds():
    with pytest.raises(ArgumentError, match=r"one of arctan, .*sigmoid, .*tanh, .*got 'sigmoidal'"):
        NeuralNetwork([7, 2, 1], "sigmoidal")
    with pytest.raises(ArgumentError, match="got -1"):
        NeuralNetwork([7, 2, 1], seed=-1)
    for wrong in (lambda z: z.data, lambda z: z.sum()):
        with pytest.raises(ArgumentError, match=r"the activation returned .* a tensor of the same shape"):
            NeuralNetwork([7, 2, 1], wrong).forward_propagate(X)


@pytest.mark.parametrize(
    ("X_", "Y_", "error", "message"),
    [
        (
            X.T,
            Y,
            ShapeError,
            r"X has shape \(12, 7\), expected \(7, m\): .* are columns here. Pass X.T, or .*, rows=True\)",
        ),
        (X[0], Y, ShapeError, r"X has shape \(12,\), expected \(7, m\)"),
        (X, Y[0], ShapeError, r"Y has shape \(12,\), expected \(1, 12\).*reshape\(1, -1\)"),
        (X, Y[:, :5], ShapeError, r"Y has shape \(1, 5\), expected \(1, 12\)"),
        (X, 2 * Y, DataError, "targets are 0 or 1; Y holds .* first 2"),
        (X, np.where(Y, np.nan, 0), DataError, "Y holds .* NaN"),
        (np.where(X > 2, np.inf, X), Y, DataError, "X holds .* infinite"),
        (X.astype(complex), Y, DataError, "got dtype complex128"),
        ([[1.0, 2.0], [3.0]], Y, DataError, "rows differ in length"),
        (X[:, :0], Y[:, :0], DataError, "no example"),
    ],
)
def test_refuses_data_that_does_not_fit(X_, Y_, error, message):
    network = NeuralNetwork([7, 2, 1], seed=0)
    with pytest.raises(error, match=message):
        network.fit(X_, Y_)
    with pytest.raises(error, match=message):
        network.cost_graph(X_, Y_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha is a finite number above 0; got 0.0"),
        ({"alpha": -1}, "got -1"),
        ({"alpha": np.nan}, "got nan"),
        ({"alpha": "fast"}, "got 'fast'"),
        ({"epochs": -1}, "epochs is a whole number from 0 on; got -1"),
        ({"batch": 0}, "batch is a whole number from 1 on; got 0"),
        ({"batch": 1.5}, "got 1.5"),
    ],
)
def test_fit_refuses_other_options(options, message):
    network = NeuralNetwork([7, 2, 1], seed=0)
    with pytest.raises(ArgumentError, match=message):
        network.fit(X, Y, **options)


def test_says_that_training_diverged():
    network = NeuralNetwork([7, 2, 2, 1], "identity", seed=0)
    with pytest.raises(ArgumentError, match=r"diverged. Choose a smaller alpha"):
        network.fit(1e3 * X, Y, alpha=1e300)


def test_says_which_step_comes_first():
    network = NeuralNetwork([7, 2, 1], seed=0)
    with pytest.raises(ArgumentError, match="forward_propagate"):
        network.compute_cost(Y)
    with pytest.raises(ArgumentError, match="compute_derivatives"):
        network.update_parameters(0.1)
    network.forward_propagate(X)
    network.compute_derivatives(Y)
    with pytest.raises(ArgumentError, match="alpha"):
        network.update_parameters(-0.1)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize(("widths", "m"), [((7, 2, 1), 1), ((4, 3, 3, 2), 5)])
def test_the_source_is_the_articles_compute_derivatives(widths, m, activation):
    network = tg.nn.NeuralNetwork(widths, activation=activation, seed=1)
    X, Y = rng.normal(size=(widths[0], m)), rng.integers(0, 2, size=(widths[-1], m)) * 1.0
    space = {}
    exec(network.source(m), space)
    names = [f"{letter}{l}" for l in range(1, len(widths)) for letter in "Wb"]
    C, *derivatives = space["compute_derivatives"](*[network.parameters[name] for name in names], X, Y)
    network.forward_propagate(X)
    np.testing.assert_allclose(C, network.compute_cost(Y), rtol=1e-12)
    expected = network.compute_derivatives(Y)
    for name, d in zip(names, derivatives, strict=True):
        np.testing.assert_allclose(d, expected[f"d{name}"], rtol=1e-10, atol=1e-14)


# --- examples as rows -------------------------------------------------------------------------------------------------


def both(widths, activation="tanh"):
    """The same network, once for columns and once for rows."""
    return [NeuralNetwork(widths, activation, seed=4, rows=rows) for rows in (False, True)]


def assert_transposed(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_allclose(other[name], array.T, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("widths", [(7, 3, 1), (7, 3, 2, 3)])
def test_rows_are_the_columns_turned(widths):
    X, Y = rng.normal(size=(7, 12)), rng.integers(0, 2, size=(widths[-1], 12))
    columns, rows = both(widths)
    assert_transposed(columns.parameters, rows.parameters)
    np.testing.assert_allclose(rows.forward_propagate(X.T), columns.forward_propagate(X).T, rtol=1e-12)
    assert_transposed(columns.parameters, rows.parameters)
    assert rows.compute_cost(Y.T) == pytest.approx(columns.compute_cost(Y), rel=1e-12)
    assert_transposed(columns.compute_derivatives(Y), rows.compute_derivatives(Y.T))
    for network in (columns, rows):
        network.update_parameters(0.1)
    np.testing.assert_array_equal(rows.predict(X.T), columns.predict(X).T)
    assert rows.predict(X.T).shape == (12, widths[-1])
    passes = columns.fit(X, Y, epochs=3, batch=5), rows.fit(X.T, Y.T, epochs=3, batch=5)
    np.testing.assert_allclose(passes[1], passes[0], rtol=1e-10)
    assert_transposed(columns.parameters, rows.parameters)
    assert rows.cost_graph(X.T, Y.T).item() == pytest.approx(columns.cost_graph(X, Y).item(), rel=1e-12)


def test_the_graph_of_rows_has_no_turning_in_it():
    C = NeuralNetwork([7, 2, 1], seed=0, rows=True).cost_graph(X.T, Y.T)
    assert {node.op for node in tg.graph(C).nodes if node.op} == {"matmul", "add", "sigmoid", "binary_cross_entropy"}
    assert [node.shape for node in tg.graph(C).nodes if node.name == "z1"] == [(12, 2)]


@pytest.mark.parametrize("widths", [(7, 3, 1), (4, 3, 2)])
def test_the_source_of_rows(widths):
    network = NeuralNetwork(widths, "tanh", seed=1, rows=True)
    X, Y = rng.normal(size=(5, widths[0])), rng.integers(0, 2, size=(5, widths[-1])) * 1.0
    text = network.source(5)
    assert "X @ W1 + b1" in text
    exec(text, space := {})
    names = ["W1", "b1", "W2", "b2"]
    C, *derivatives = space["compute_derivatives"](*[network.parameters[name] for name in names], X, Y)
    network.forward_propagate(X)
    np.testing.assert_allclose(C, network.compute_cost(Y), rtol=1e-12)
    expected = network.compute_derivatives(Y)
    for name, d in zip(names, derivatives, strict=True):
        np.testing.assert_allclose(d, expected[f"d{name}"], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("rows", "X_", "Y_", "message"),
    [
        (
            True,
            X,
            Y,
            r"X has shape \(7, 12\), expected \(m, 7\): examples are rows here. Pass X.T, or build .* without",
        ),
        (True, X[:3].T, Y.T, r"X has shape \(12, 3\), expected \(m, 7\): examples are rows here\.$"),
        (True, X.T, Y, r"Y has shape \(1, 12\), expected \(12, 1\), a row for each example: .* Pass Y.T"),
        (True, X.T, Y[0], r"expected \(12, 1\), a row for each example: Use Y.reshape\(-1, 1\)"),
        (False, X, Y.T, r"expected \(1, 12\), a column for each example: .* Pass Y.T, or build .* rows=True"),
    ],
)
def test_the_layout_explains_itself(rows, X_, Y_, message):
    with pytest.raises(ShapeError, match=message):
        NeuralNetwork([7, 2, 1], seed=0, rows=rows).fit(X_, Y_)


def test_how_rows_look():
    assert repr(NeuralNetwork([7, 2, 1], rows=True)) == (
        "NeuralNetwork(\n  rows=True\n"
        "  1: W1 (7, 2), b1 (1, 2), activation='sigmoid'\n  2: W2 (2, 1), b2 (1, 1), activation='sigmoid'\n)"
    )


@pytest.mark.parametrize("rows", [False, True])
def test_a_summary_has_every_layer(rows):
    network = NeuralNetwork([7, 2, 1], tg.softplus, seed=0, rows=rows)
    table = network.summary(X.T if rows else X)
    product = "a0·W1" if rows else "W1·a0"
    assert [(row.depth, row.layer) for row in table.rows][1] == (1, f"softplus({product} + b1)")
    shapes = [network.architecture[-1], *network.architecture[1:]]
    assert [row.output for row in table.rows] == [f"(12, {n})" if rows else f"({n}, 12)" for n in shapes]
    assert [row.parameters for row in table.rows] == [0, 16, 3]
    assert (table.parameters, table.bytes) == (19, 152)
    assert network.summary().rows[0].output == ("(m, 1)" if rows else "(1, m)")
    with pytest.raises(ShapeError, match=r"X\.T"):
        network.summary(X if rows else X.T)
