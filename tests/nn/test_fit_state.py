"""What layers keep, running statistics and random generators, goes through the programs of `fit`."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.nn.programs import Programs

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2, 6)) * 3.0 + 1.0
Y = rng.integers(0, 3, 40)
LOSS = tg.softmax_cross_entropy


def network(dtype=np.float64, shared=False):
    generator = np.random.default_rng(5) if shared else None
    return nn.Sequential(
        nn.Conv1d(2, 4, 3, seed=0, dtype=dtype),
        nn.BatchNorm(4, momentum=0.3, dtype=dtype),
        nn.ReLU(),
        nn.Dropout(0.2, generator if shared else 1),
        nn.Flatten(),
        nn.Residual(nn.Linear(16, 16, seed=2, dtype=dtype), nn.Dropout(0.4, generator if shared else 2)),
        nn.Linear(16, 3, seed=3, dtype=dtype),
    )


@pytest.fixture
def calls(monkeypatch):
    """The names of the functions that ran as programs, a call each."""
    seen, call = [], Programs.__call__

    def watched(self, *args, **settings):
        result = call(self, *args, **settings)
        seen.append(self.f.__name__)
        assert {program.plan.backend for program in self.made.values()} == {"numpy"}
        return result

    monkeypatch.setattr(Programs, "__call__", watched)
    return seen


def trained(model, backend, loss=LOSS, x=X, **options):
    optimizer = nn.SGD(model.parameters(), 0.05, momentum=0.9)
    options = {"epochs": 3, "batch": 15, "seed": 0} | options
    return nn.fit(model, x, Y, loss, optimizer, backend=backend, **options)


def assert_like(model, other, rtol):
    for (name, a), b in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=name)
        assert a.dtype == b.dtype
    for (_, g), (_, h) in zip(model.named_generators(), other.named_generators(), strict=True):
        assert g.bit_generator.state == h.bit_generator.state


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_steps_are_the_eager_ones(dtype, shared, calls, recwarn):
    model, other, x = network(dtype, shared), network(dtype, shared), X.astype(dtype)
    done, wanted = trained(model, "numpy", x=x), trained(other, "eager", x=x)
    rtol = 1e-10 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(done.column("cost"), wanted.column("cost"), rtol=rtol)
    assert_like(model, other, rtol)
    assert calls == ["training_step"] * 9
    assert not recwarn.list
    assert model.layers[1].running_mean.is_leaf
    assert not np.array_equal(model.layers[1].running_mean.data, np.zeros(4))


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_validation_leaves_no_trace(backend, calls):
    model, other = network(), network()
    options = {"validation": (X[:10], Y[:10]), "metrics": [nn.accuracy]}
    done = trained(model, backend, **options)
    trained(other, backend)
    assert_like(model, other, 0)
    assert all(layer.training for _, layer in model.named_layers())
    assert calls.count("_as_function") == (3 if backend == "numpy" else 0)
    model.eval()
    with tg.no_grad():
        z = model(X[:10])
    assert done[-1].validation_cost == pytest.approx(LOSS(z, Y[:10]).item(), rel=1e-12)
    assert done[-1].validation_metrics["accuracy"] == np.mean(np.argmax(z.data, axis=1) == Y[:10])


@pytest.mark.once
def test_statistics_and_clipping_by_numba(tmp_path, monkeypatch, recwarn):
    pytest.importorskip("numba")
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(tmp_path))
    models = [nn.Sequential(nn.Flatten(), nn.Linear(12, 3, seed=0), nn.BatchNorm(3)) for _ in range(2)]
    for model, backend in zip(models, ("numba", "eager"), strict=True):
        trained(model, backend, batch=40, clip_value=0.1, clip_norm=0.15)
    assert_like(*models, 1e-10)
    assert not [str(w.message) for w in recwarn if w.category is RuntimeWarning]


def test_statistics_of_layers_in_use_stay(calls):
    model = network()
    model.layers[1].eval()
    trained(model, "numpy")
    np.testing.assert_array_equal(model.layers[1].running_mean.data, np.zeros(4))
    assert calls == ["training_step"] * 9


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_a_model_changed_between_epochs_is_looked_at_anew(backend):
    model, means = network(), []

    def freeze(epoch):
        means.append(model.layers[1].running_mean.numpy())
        if epoch.epoch == 1:
            model.layers[1].eval()
            model.layers[3].p = 0.0

    trained(model, backend, callbacks=[freeze])
    assert not np.array_equal(means[0], np.zeros(4))
    np.testing.assert_array_equal(means[0], means[2])
    generator = np.random.default_rng(1)
    for n in (15, 15, 10):
        generator.random((n, 4, 4), np.float32)
    assert model.layers[3].generator.bit_generator.state == generator.bit_generator.state


def test_a_call_while_learning_between_epochs_counts():
    models = network(), network()
    for model, backend in zip(models, ("numpy", "eager"), strict=True):
        trained(model, backend, progress=lambda _, model=model: model(X))
    assert_like(*models, 1e-10)


def test_buffers_in_lists_dicts_and_numbers():
    class Keeps(nn.Layer):
        def __init__(self):
            self.linear, self.seen = (
                nn.Linear(12, 3, seed=0),
                {"sums": [tg.tensor(0.0)], "last": tg.tensor(np.zeros(12))},
            )

        def forward(self, x):
            x = x.reshape(len(x), -1)
            self.seen["sums"][0] = self.seen["sums"][0] + x.detach().sum()
            self.seen["last"] = x.detach().mean(axis=0)
            return self.linear(x)

    models = Keeps(), Keeps()
    for model, backend in zip(models, ("numpy", "eager"), strict=True):
        trained(model, backend)
    assert_like(*models, 1e-10)
    assert models[0].seen["sums"][0].item() == pytest.approx(3 * X.sum())


def test_what_is_kept_in_a_tuple_or_changes_shape_runs_eagerly():
    class Keeps(nn.Layer):
        def __init__(self, kept):
            self.linear, self.kept, self.calls = nn.Linear(12, 3, seed=0), kept, 0

        def forward(self, x):
            self.kept = (x.mean().detach(),) if isinstance(self.kept, tuple) else x.mean(axis=(1, 2)).detach()
            return self.linear(x.reshape(len(x), -1))

    for kept, path in (((tg.tensor(0.0),), r"model.kept.0"), (tg.tensor(0.0), r"model.kept")):
        with pytest.warns(RuntimeWarning, match=f"{path} changes while the cost is computed"):
            trained(Keeps(kept), "numpy")


def test_a_generator_in_a_loss():
    class Noisy:
        def __init__(self):
            self.generator = np.random.default_rng(4)

        def __call__(self, prediction, target):
            return LOSS(prediction + self.generator.normal(size=prediction.shape), target)

    losses, models = (Noisy(), Noisy()), (network(), network())
    for loss, model, backend in zip(losses, models, ("numpy", "eager"), strict=True):
        trained(model, backend, loss)
    assert_like(*models, 1e-10)
    assert losses[0].generator.bit_generator.state == losses[1].generator.bit_generator.state


def test_a_branch_after_a_draw_takes_the_draw_back():
    class Skips(nn.Layer):
        def __init__(self):
            self.linear, self.generator = nn.Linear(12, 3, seed=0), np.random.default_rng(0)

        def forward(self, x):
            x = x.reshape(len(x), -1)
            return self.linear(x) * (1.0 if self.generator.random(1) > 0.5 else 0.5)

    models = Skips(), Skips()
    with pytest.warns(RuntimeWarning, match="a branch needs a number|needs the number"):
        trained(models[0], "numpy")
    trained(models[1], "eager")
    assert_like(*models, 0)


@pytest.mark.parametrize("options", [{"clip_norm": 0.05}, {"clip_value": 0.01}, {"clip_norm": 0.05, "clip_value": 0.1}])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_clipping_is_part_of_the_step(options, dtype, calls):
    models = [network(dtype) for _ in range(3)]
    x = X.astype(dtype)
    trained(models[0], "numpy", x=x, **options)
    trained(models[1], "eager", x=x, **options)
    assert_like(models[0], models[1], 1e-10 if dtype is np.float64 else 1e-4)
    assert calls == ["training_step"] * 9
    rng_order, optimizer = np.random.default_rng(0), nn.SGD(models[2].parameters(), 0.05, momentum=0.9)
    for _ in range(3):
        order = rng_order.permutation(40)
        for i in range(0, 40, 15):
            optimizer.zero_grad()
            LOSS(models[2](x[order[i : i + 15]]), Y[order[i : i + 15]]).backward()
            if "clip_value" in options:
                nn.clip_grad_value(models[2].parameters(), options["clip_value"])
            if "clip_norm" in options:
                nn.clip_grad_norm(models[2].parameters(), options["clip_norm"])
            optimizer.step()
    assert_like(models[1], models[2], 1e-10 if dtype is np.float64 else 1e-4)
