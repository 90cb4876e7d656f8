"""The JAX backend: the same numbers in float64, JAX's arrays for JAX's, draws by a key, and NumPy where JAX cannot."""

import warnings

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.domains import Reals
from tinygrad_bp.errors import ArgumentError, DataError, LinearAlgebraError
from tinygrad_bp.nn.functional import gradients_of
from tinygrad_bp.ops.ties import distinct
from tinygrad_bp.trees import flatten

jax = pytest.importorskip("jax", reason="the jax extra is not installed")
jnp = jax.numpy
pytestmark = pytest.mark.once
rng = np.random.default_rng(0)


def cost(p, X, Y):
    a1 = tg.sigmoid(p["W1"] @ X + p["b1"])
    return tg.binary_cross_entropy_with_logits(p["W2"] @ a1 + p["b2"], Y)


def step(p, X, Y, rate):
    C, gradients = tg.value_and_grad(cost)(p, X, Y)
    return C, {name: p[name] - rate * gradients[name] for name in p}


def article():
    p = {"W1": rng.normal(size=(3, 7)), "b1": np.zeros((3, 1)), "W2": rng.normal(size=(1, 3)), "b2": np.zeros((1, 1))}
    return p, rng.normal(size=(7, 5)), np.array([[0.0, 1.0, 0.0, 1.0, 1.0]])


def assert_same(got, expected, tolerance=1e-12):
    for y, value in zip(flatten(got)[0], flatten(expected)[0], strict=True):
        assert np.asarray(y).dtype == np.asarray(value).dtype
        np.testing.assert_allclose(y, value, rtol=tolerance, atol=tolerance)


def test_the_articles_training_step_in_float64_though_jax_is_set_to_float32():
    assert not jax.config.jax_enable_x64
    p, X, Y = article()
    fast, slow = tg.compile(step, backend="jax"), p
    for _ in range(4):
        C, p = fast(p, X, Y, 0.5)
        expected, slow = step(slow, X, Y, 0.5)
        assert_same([C, p], [expected, slow])
        assert isinstance(C, np.float64)
        assert type(p["W1"]) is np.ndarray
    assert not jax.config.jax_enable_x64
    assert fast.plan.backend == "jax"
    assert f"on {jax.default_backend()}" in fast.plan.reason
    assert "W1 (3, 7)" in repr(fast)


def test_jaxs_arrays_give_jaxs_on_their_device():
    p, X, Y = article()
    expected = step(p, X, Y, 0.5)
    fast = tg.compile(step, backend="jax")
    with jax.enable_x64(True):
        own = {name: jnp.asarray(value) for name, value in p.items()}
    for _ in range(3):
        C, new = fast(own, X, Y, 0.5)
        assert_same([C, new], expected)
        assert all(isinstance(y, jax.Array) for y in [C, *new.values()])
    C, new = fast(p, X, Y, 0.5)  # another kind of call
    assert_same([C, new], expected)
    assert type(new["W1"]) is np.ndarray


def test_other_shapes_and_dtypes_are_other_programs():
    fast = tg.compile(lambda x, k: tg.tanh(x) * k, backend="jax")
    for x in (np.ones(3), np.ones((2, 2)), np.ones(3, np.float32), np.ones(3), np.arange(3)):
        for k in (2.0, np.float64(3), np.float32(4)):
            assert_same(fast(x, k), np.tanh(x) * k, 1e-6)


def test_a_result_is_a_view_where_jax_allows():
    y = tg.compile(lambda x: x * 2.0, backend="jax")(np.ones(1000))
    assert not y.flags.writeable


def test_auto_never_takes_it():
    fast = tg.compile(lambda x: tg.sum(x * x))
    fast(np.ones(3))
    assert "jax" not in fast.plan.backend


def test_guards_are_looked_at():
    fast = tg.compile(tg.grad(tg.linalg.det), backend="jax")
    for a in (np.diag([1.0, 2.0, 3.0]), np.diag([1.0, 2.0, 4.0]), np.diag([0.0, 2.0, 3.0])):
        assert_same(fast(a), tg.grad(tg.linalg.det)(a))
    labels = tg.compile(tg.softmax_cross_entropy, backend="jax")
    z = np.ones((2, 3))
    for _ in range(3):
        assert_same(labels(z, np.array([0, 2])), tg.softmax_cross_entropy(z, np.array([0, 2])).data)
    with pytest.raises(DataError, match="labels of 3 classes"):
        labels(z, np.array([0, 3]))
    own = jnp.asarray(np.array([0, 2], np.int32)), jnp.asarray(np.array([0, 3], np.int32))
    for _ in range(3):
        labels(z, own[0])
    with pytest.raises(DataError, match="labels of 3 classes"):
        labels(z, own[1])


def test_values_that_an_op_refuses_are_refused():
    fast = tg.compile(lambda x, tied: distinct(x, tied, of="it") * 2.0, backend="jax")
    x = np.ones((2, 3))
    for _ in range(2):
        np.testing.assert_array_equal(fast(x, np.array([False, False])), 2 * x)
    with pytest.raises(LinearAlgebraError, match="Move the equal values apart"):
        fast(x, np.array([False, True]))


def test_an_index_out_of_range_reads_nan():
    fast = tg.compile(lambda x, i: x[i] * 2.0, backend="jax")
    fast(np.arange(3.0), np.array([0, -1]))
    np.testing.assert_array_equal(fast(np.arange(3.0), np.array([-3, 3])), [0.0, np.nan])


def test_the_last_of_several_values_for_one_place_wins():
    def f(x, v, i):
        return tg.sum(tg.index_update(x, i, v) * np.arange(1.0, 4.0))

    given = np.zeros(3), np.array([5.0, 6.0, 7.0]), np.array([1, 1, -1])
    both = tg.value_and_grad(f, argnums=(0, 1))
    assert_same(tg.compile(both, backend="jax")(*given), both(*given))


def test_a_loop_is_a_scan():
    def f(W, x):
        last, ys = tg.scan(lambda h, x: (tg.tanh(h @ W + x),) * 2, np.zeros(4), x)
        return tg.sum(ys * ys) + tg.sum(last)

    given = rng.normal(size=(4, 4)), rng.normal(size=(6, 4))
    both = tg.value_and_grad(f, argnums=(0, 1))
    fast = tg.compile(both, backend="jax")
    for _ in range(2):
        assert_same(fast(*given), both(*given))


def test_what_jax_lacks_runs_on_numpy_and_is_named_once(monkeypatch):
    monkeypatch.setattr("tinygrad_bp.registry._ops", {})
    ascending = tg.custom_op(vjps=(None,), jvp=(None,), latex="{0}", domain=Reals(), whole=True)(sorted_by_python)
    fast = tg.compile(lambda x: ascending(x) * 2.0, backend="jax")
    with pytest.warns(RuntimeWarning, match="runs on NumPy, not on JAX: ConcretizationTypeError"):
        fast(np.array([2.0, 1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(fast(np.array([3.0, 1.0])), [2.0, 6.0])
    assert fast.plan.backend == "numpy"


def sorted_by_python(x):
    """The elements in ascending order."""
    return np.asarray(sorted(x.tolist()))


# --- draws ------------------------------------------------------------------------------------------------------------


def test_draws_come_from_the_generator_and_are_of_the_distribution():
    def f(generator, x):
        return x + generator.standard_normal(x.shape), generator.uniform(2.0, 4.0, x.shape), generator.random(x.shape)

    fast, x = tg.compile(f, backend="jax"), np.zeros(20_000)
    first, second = [[fast(generator, x) for _ in range(3)] for generator in map(np.random.default_rng, (1, 1))]
    for a, b in zip(flatten(first)[0], flatten(second)[0], strict=True):
        np.testing.assert_array_equal(a, b)
    for normal, uniform, unit in first:
        assert abs(np.mean(normal)) < 0.04
        assert abs(np.std(normal) - 1) < 0.03
        assert abs(np.mean(uniform) - 3) < 0.03
        assert (np.min(uniform) >= 2, np.max(uniform) < 4) == (True, True)
        assert abs(np.corrcoef((uniform - 2) / 2, unit)[0, 1]) < 0.04
    assert abs(np.corrcoef(first[0][0], first[1][0])[0, 1]) < 0.04


def test_dropout_keeps_its_share_and_fit_repeats_itself():
    def trained():
        model = nn.Sequential(nn.Linear(4, 64, seed=0), nn.Dropout(0.3, seed=1), nn.Linear(64, 1, seed=2))
        X = np.random.default_rng(0).normal(size=(64, 4))
        history = nn.fit(
            model, X, X[:, :1], tg.mse, nn.SGD(model.parameters(), 0.01), epochs=2, batch=32, seed=0, backend="jax"
        )
        return model, [epoch.cost for epoch in history]

    (model, costs), (_, again) = trained(), trained()
    assert costs == again
    masked = tg.compile(lambda g, x: tg.where(g.random(x.shape) < 0.7, x, 0.0), backend="jax")
    kept = np.mean(masked(np.random.default_rng(0), np.ones(50_000)))
    assert abs(kept - 0.7) < 0.01
    assert all(type(p.value) is np.ndarray for p in model.parameters())


def test_fit_on_a_mesh_is_fit_on_numpy():
    def trained(**options):
        model = nn.Sequential(nn.Linear(4, 8, seed=0), nn.BatchNorm(8), nn.Tanh(), nn.Linear(8, 1, seed=2))
        seen = []
        X = np.random.default_rng(0).normal(size=(40, 4))
        history = nn.fit(
            model, X, X[:, :1], tg.mse, nn.SGD(model.parameters(), 0.01, momentum=0.9), epochs=2, batch=16, seed=0,
            validation=0.2, on_step=lambda _: seen.append(type(model.parameters()[0].value)), **options,
        )  # fmt: skip
        assert set(seen) == {np.ndarray}
        return model.state_dict(), [(epoch.cost, epoch.validation_cost) for epoch in history]

    (weights, costs), (expected, wanted) = trained(backend="jax", mesh=jax.make_mesh((1,), ("data",))), trained()
    np.testing.assert_allclose(costs, wanted, rtol=1e-10)
    for name, value in weights.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-10)
    with pytest.raises(ArgumentError, match="a mesh of devices is for backend='jax'"):
        trained(mesh=jax.make_mesh((1,), ("data",)))
    with pytest.raises(ArgumentError, match=r"Pass mesh=jax\.make_mesh"):
        trained(backend="jax", sharded={"layers.0.W": "data"})


@pytest.mark.parametrize(
    ("sharded", "message"),
    [
        ({"layers.0.w": "model"}, "no parameter 'layers.0.w' of the model. The nearest is 'layers.0.W'"),
        ({"layers.0.W": "model"}, "the mesh has the axes data; got 'model'"),
        ({"layers.0.b": (None, "data")}, r"axis 1 of layers.0.b \(1,\) cannot be split into 1 parts"),
    ],
)
def test_fit_names_what_cannot_be_split(sharded, message):
    model, X, mesh = nn.Sequential(nn.Linear(3, 1, seed=0)), np.ones((4, 3)), jax.make_mesh((1,), ("data",))
    optimizer, before = nn.SGD(model.parameters(), 0.1), model.state_dict()
    with pytest.raises(ArgumentError, match=message):
        nn.fit(model, X, X[:, :1], tg.mse, optimizer, backend="jax", mesh=mesh, sharded=sharded)
    with pytest.raises(ArgumentError, match="Pass a layer as the model"):
        nn.fit(lambda x: model(x), X, X[:, :1], tg.mse, optimizer, backend="jax", mesh=mesh, sharded={"W": "data"})
    for path, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[path])


def test_lbfgs_computes_with_gradients_of_its_own():
    def trained(backend):
        model, X = nn.Linear(3, 1, seed=0), np.random.default_rng(0).normal(size=(20, 3))
        optimizer = nn.LBFGS(model.parameters())
        return nn.fit(model, X, X[:, :1], tg.mse, optimizer, epochs=2, batch=20, backend=backend)[-1].cost

    pytest.importorskip("scipy", reason="L-BFGS is SciPy's")
    np.testing.assert_allclose(trained("jax"), trained("numpy"), rtol=1e-6, atol=1e-12)


# --- nn ---------------------------------------------------------------------------------------------------------------


def first(y):
    return y[0]


NETS = {
    "linear": (nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 2, seed=1)), (5, 3)),
    "conv1d": (nn.Sequential(nn.Conv1d(2, 4, 3, padding=1, groups=2, seed=0), nn.ReLU(), nn.AvgPool1d(2)), (2, 2, 6)),
    "conv2d": (
        nn.Sequential(nn.Conv2d(1, 2, 3, seed=0), nn.MaxPool2d(2), nn.Conv2d(2, 2, 2, seed=1), nn.Flatten()),
        (2, 1, 6, 6),
    ),
    "pooling": (nn.Sequential(nn.MaxPool1d(3, stride=2), nn.Conv1d(2, 1, 1, seed=0)), (2, 2, 7)),
    "means": (nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(2, 1, 1, seed=0)), (2, 2, 4, 4)),
    "residual": (nn.Sequential(nn.Residual(nn.Linear(3, 3, seed=0), nn.Sigmoid()), nn.LayerNorm(3)), (5, 3)),
    "rnn": (nn.Sequential(nn.RNN(3, 2, seed=0), first), (2, 4, 3)),
    "lstm": (nn.Sequential(nn.LSTM(3, 2, seed=0), first), (2, 4, 3)),
    "gru": (nn.Sequential(nn.GRU(3, 2, seed=0), first), (2, 4, 3)),
    "attention": (nn.MultiHeadAttention(4, 2, seed=0), (2, 3, 4)),
}


@pytest.mark.parametrize("name", NETS)
def test_nets_of_every_layer(name):
    net, shape = NETS[name]
    params = net.parameters()
    both = gradients_of(lambda x: (net(x) ** 2).mean(), params)
    values, x = tuple([p.value for p in params]), rng.normal(size=shape)
    assert_same(tg.compile(both, backend="jax")(values, x), both(values, x))


def test_embeddings_and_masks():
    embedding, attention = nn.Embedding(5, 4, seed=0), nn.MultiHeadAttention(4, 2, seed=1)
    params, mask = [*embedding.parameters(), *attention.parameters()], np.array([True, True, False])
    both = gradients_of(lambda words: (attention(embedding(words), mask=mask[None], causal=True) ** 2).mean(), params)
    given = tuple([p.value for p in params]), np.array([[1, 4, 1], [0, 2, 3]])
    assert_same(tg.compile(both, backend="jax")(*given), both(*given))


def test_optimizers_of_optax_take_the_gradients():
    optax = pytest.importorskip("optax", reason="Optax is not installed")
    p, X, Y = article()
    with jax.enable_x64(True):
        p = jax.tree.map(jnp.asarray, p)
        both = tg.compile(tg.value_and_grad(cost), backend="jax")
        optimizer = optax.adam(0.1)
        state = optimizer.init(p)
        costs = []
        for _ in range(20):
            C, gradients = both(p, X, Y)
            updates, state = optimizer.update(gradients, state, p)
            p = optax.apply_updates(p, updates)
            costs.append(float(C))
    assert costs[-1] < costs[0] / 2


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "numpy", "mesh": 1}, "mesh and sharded are for backend='jax'"),
        ({"backend": "jax", "sharded": {"x": "data"}}, "Pass mesh=jax.make_mesh"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(ArgumentError, match=message):
        tg.compile(lambda x: x, **options)


def test_mistakes_of_names_and_lengths():
    mesh = jax.make_mesh((1,), ("data",))
    for sharded, message in (
        ({"X": "data"}, "<lambda> has no argument 'X'; it has x"),
        ({"x": "model"}, "the mesh has the axes data; got 'model'"),
        ({"x": (None, "data")}, r"axis 1 of x \(3,\) cannot be split into 1 parts"),
    ):
        with pytest.raises(ArgumentError, match=message):
            tg.compile(lambda x: x * 2.0, backend="jax", mesh=mesh, sharded=sharded)(np.ones(3))
