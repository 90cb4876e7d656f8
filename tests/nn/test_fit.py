"""`fit`: the loop one writes by hand, to the last bit, as a program wherever a program does the same."""

import inspect
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import AnomalyError, ArgumentError, DataError, NonScalarBackwardError, ShapeError
from tinygrad_bp.nn import descent, fitting
from tinygrad_bp.nn.functional import gradients_of, restored
from tinygrad_bp.nn.optim import GradientDescent
from tinygrad_bp.nn.programs import Programs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 7))
Y = (X[:, :1] + X[:, 1:2] > 0).astype(float)
LOSS = tg.binary_cross_entropy_with_logits


def network(dtype=np.float64):
    return tg.nn.Sequential(
        tg.nn.Linear(7, 5, seed=0, dtype=dtype), tg.nn.Tanh(), tg.nn.Linear(5, 1, seed=1, dtype=dtype)
    )


def values(model):
    return [p.numpy() for p in model.parameters()]


def by_hand(model, X, y, loss, optimizer, epochs, batch, seed=None):
    """The loop that `fit` stands for; the order of the examples is theirs without a seed."""
    rng, costs = np.random.default_rng(seed), []
    for _ in range(epochs):
        order = np.arange(len(X)) if seed is None else rng.permutation(len(X))
        total = 0.0
        for i in range(0, len(X), batch):
            rows = order[i : i + batch]
            optimizer.zero_grad()
            C = loss(model(tg.tensor(X[rows])), tg.tensor(y[rows]))
            C.backward()
            optimizer.step()
            total += C.item() * len(rows)
        costs.append(total / len(X))
    return costs


def fitted(model, loss=LOSS, X=X, y=Y, lr=0.5, **options):
    options = {"epochs": 3, "batch": 32, "seed": 0} | options
    return tg.nn.fit(model, X, y, loss, tg.nn.SGD(model.parameters(), lr=lr), **options)


@pytest.fixture
def programs(monkeypatch):
    """The sizes of the batches that programs were made for."""
    sizes = []
    call = Programs.__call__

    def watched(self, generators, x, y, *others):
        if self.f.__name__ == "training_step" and (x.shape, y.shape) not in self.made:
            sizes.append(len(x))
        return call(self, generators, x, y, *others)

    monkeypatch.setattr(Programs, "__call__", watched)
    return sizes


# --- the same as by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["eager", "numpy"])
@pytest.mark.parametrize("batch", [1, 32, 70, 100])
@pytest.mark.parametrize("seed", [None, 0])
def test_equals_the_loop_by_hand_to_the_last_bit(backend, batch, seed, programs):
    model, other = network(), network()
    done = fitted(model, batch=batch, seed=seed, shuffle=seed is not None, backend=backend)
    costs = by_hand(other, X, Y, LOSS, tg.nn.SGD(other.parameters(), lr=0.5), 3, batch, seed)
    assert done.column("cost") == costs
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(p, q)
    assert programs == ([] if backend == "eager" else {32: [32, 6], 100: [70]}.get(batch, [batch]))


def mean_square(prediction, target):
    return tg.mean((prediction - target) ** 2) + 0.01 * tg.sum(tg.abs(prediction))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "y", "outputs"),
    [(tg.mse, Y, 1), (mean_square, Y, 1), (tg.softmax_cross_entropy, (X[:, 0] > 0) + (X[:, 1] > 0) * 1, 3)],
)
def test_losses_dtypes_and_labels(dtype, loss, y, outputs, programs):
    y = y if y.dtype.kind in "iu" else y.astype(dtype)
    model, other = (tg.nn.Sequential(tg.nn.Linear(7, outputs, seed=0, dtype=dtype)) for _ in range(2))
    done = fitted(model, loss, X.astype(dtype), y, backend="numpy", lr=0.1, seed=3)
    costs = by_hand(other, X.astype(dtype), y, loss, tg.nn.SGD(other.parameters(), lr=0.1), 3, 32, 3)
    assert [epoch.cost for epoch in done] == costs
    assert [p.dtype for p in values(model)] == [dtype, dtype]
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(p, q)
    assert programs == [32, 6]


@pytest.mark.once
def test_numba_gives_the_same_but_for_rounding(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(tmp_path))
    model, other = network(), network()
    done, wanted = fitted(model, backend="numba", batch=35), fitted(other, backend="eager", batch=35)
    np.testing.assert_allclose([e.cost for e in done], [e.cost for e in wanted], rtol=1e-10)
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-10)


def test_a_function_with_tensors_around_it_is_a_model():
    w = tg.tensor(np.zeros((7, 1)), requires_grad=True)
    b = tg.tensor(0.0, requires_grad=True)
    done = tg.nn.fit(lambda x: x @ w + b, X, Y, LOSS, tg.nn.SGD([w, b], 1.0), epochs=50, backend="numpy", seed=0)
    assert done[-1].cost < 0.25 < done[0].cost
    assert b.item() != 0
    assert w.grad is b.grad is None


class Momentum:
    """An optimizer of one's own."""

    def __init__(self, params):
        self.params = tuple(params)
        self.speed = [np.zeros(p.shape) for p in self.params]

    def step(self):
        for i, p in enumerate(self.params):
            assert type(p.grad) is np.ndarray
            self.speed[i] = 0.9 * self.speed[i] + p.grad
            p.value = p.value - 0.05 * self.speed[i]

    def zero_grad(self):
        for p in self.params:
            p.grad = None


def test_takes_other_optimizers():
    model, other = network(), network()
    tg.nn.fit(model, X, Y, LOSS, Momentum(model.parameters()), epochs=4, seed=0, backend="numpy")
    by_hand(other, X, Y, LOSS, Momentum(other.parameters()), 4, 32, 0)
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(p, q)


OPTIMIZERS = [
    lambda params: tg.nn.SGD(params, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda params: tg.nn.SGD(params, 0.1, momentum=0.9, dampening=0.5),
    lambda params: tg.nn.RMSprop(params, momentum=0.9, centered=True),
    lambda params: tg.nn.Adagrad(params, lr_decay=0.1),
    lambda params: tg.nn.Adam(params, tg.nn.OneCycle(0.1, 12), amsgrad=True),
    lambda params: tg.nn.AdamW(params, tg.nn.WarmUp(0.05, 5)),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_optimizers_step_in_a_program_is_the_same_to_the_last_bit(make, dtype, programs):
    model, other = network(dtype), network(dtype)
    x, y = X.astype(dtype), Y.astype(dtype)
    optimizer, eager = make(model.parameters()), make(other.parameters())
    tg.nn.fit(model, x, y, LOSS, optimizer, epochs=4, seed=0, backend="numpy")
    by_hand(other, x, y, LOSS, eager, 4, 32, 0)
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(p, q)
    state = eager.state_dict()
    assert state["steps"] == 12
    assert state["0.steps"] == 12
    for name, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert programs == [32, 6]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_training_goes_on_where_it_stopped_to_the_last_bit(make):
    model, other = network(), network()
    tg.nn.fit(model, X, Y, LOSS, make(model.parameters()), epochs=7, batch=35, seed=0, backend="numpy")
    first, second, rng = make(other.parameters()), make(other.parameters()), np.random.default_rng(0)
    tg.nn.fit(other, X, Y, LOSS, first, epochs=3, batch=35, seed=rng, backend="numpy")
    second.load_state_dict(first.state_dict())
    tg.nn.fit(other, X, Y, LOSS, second, epochs=4, batch=35, seed=rng, backend="numpy")
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(p, q)


def counted(optimizer, method):
    """A list that grows with every call of a method of the optimizer."""
    calls, f = [], getattr(optimizer, method)

    def call(*args):
        calls.append(method)
        return f(*args)

    setattr(optimizer, method, call)
    return calls


def test_the_rule_is_traced_once_whatever_the_step_and_the_rate():
    model = network()
    optimizer = tg.nn.Adam(model.parameters(), tg.nn.CosineDecay(0.1, 50))
    calls = counted(optimizer, "update")
    tg.nn.fit(model, X, Y, LOSS, optimizer, epochs=30, batch=70, backend="numpy")
    assert len(calls) == len(optimizer.params)
    assert optimizer.steps == 30


def test_a_step_of_ones_own_is_taken():
    model, other = network(), network()
    optimizer, plain = tg.nn.Adam(model.parameters()), tg.nn.Adam(other.parameters())
    calls = counted(optimizer, "step")
    for m, o in ((model, optimizer), (other, plain)):
        tg.nn.fit(m, X, Y, LOSS, o, epochs=3, seed=0, backend="numpy")
    assert len(calls) == 9
    for p, q in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(p, q)


class SignDescent(GradientDescent):
    """A rule of one's own: every element moves by the rate."""

    def update(self, p, g, state, rates):
        return p - rates[0] * np.sign(g), ()


def test_a_rule_of_ones_own_is_part_of_the_program():
    models = network(), network()
    for model, backend in zip(models, ("numpy", "eager"), strict=True):
        optimizer = SignDescent(model.parameters(), tg.nn.StepDecay(0.01, 3))
        calls = counted(optimizer, "update")
        tg.nn.fit(model, X, Y, LOSS, optimizer, epochs=5, batch=70, seed=0, backend=backend)
        assert optimizer.steps == 5
        assert len(calls) == {"numpy": 4, "eager": 20}[backend]
    for p, q in zip(*map(values, models), strict=True):
        np.testing.assert_array_equal(p, q)
    with pytest.raises(NotImplementedError, match="GradientDescent has no rule"):
        GradientDescent([tg.tensor(1.0, requires_grad=True)], 0.1).update(1.0, 1.0, (), (0.1,))


def test_parameters_that_have_taken_different_numbers_of_steps(programs):
    models = network(), network()
    for model, backend in zip(models, ("numpy", "eager"), strict=True):
        optimizer = tg.nn.Adam(model.parameters(), 0.1)
        for p in model.layers[0].parameters():
            p.grad = np.ones(p.shape)
        optimizer.step()
        tg.nn.fit(model, X, Y, LOSS, optimizer, epochs=2, batch=70, seed=0, backend=backend)
        assert [optimizer.state_dict()[f"{i}.steps"] for i in range(4)] == [3, 3, 2, 2]
    for p, q in zip(*map(values, models), strict=True):
        np.testing.assert_array_equal(p, q)
    assert programs == [70]


def test_numbers_for_parameters_are_moved_by_programs():
    w, b = (tg.tensor(0.0, requires_grad=True) for _ in range(2))
    optimizer = tg.nn.Adam([w, b], 0.1)
    calls = counted(optimizer, "update")
    tg.nn.fit(lambda x: w * x + b, X[:, 0], X[:, 0] * 2 + 1, tg.mse, optimizer, epochs=500, batch=70, backend="numpy")
    assert (w.item(), b.item()) == (pytest.approx(2.0, abs=1e-3), pytest.approx(1.0, abs=1e-3))
    assert len(calls) == 2


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_parameters_without_a_part_in_the_cost_have_no_gradient(backend):
    model = network()
    apart = tg.tensor([1.0], requires_grad=True)
    optimizer = tg.nn.SGD([*model.parameters(), apart], 0.1)
    gradients = []
    tg.nn.fit(model, X, Y, LOSS, optimizer, epochs=2, backend=backend, progress=lambda _: gradients.append(apart.grad))
    assert gradients == [None, None]
    assert apart.item() == 1.0


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_layers_that_are_not_trained_stay_as_they_are(backend):
    model = network()
    first, last = model.layers[0].W, model.layers[2].W
    first.grad = mark = np.ones(first.shape)
    before = first.numpy()
    tg.nn.fit(model, X, Y, LOSS, tg.nn.SGD(model.layers[2].parameters(), 0.5), epochs=2, seed=0, backend=backend)
    np.testing.assert_array_equal(first.data, before)
    assert first.grad is mark
    assert model.layers[0].b.grad is last.grad is None


def test_layers_that_are_not_trained_may_change_between_epochs():
    w, c = (tg.tensor(1.0, requires_grad=True) for _ in range(2))
    seen = []

    def progress(epoch):
        seen.append(epoch.cost)
        c.value = np.float64(0.0)

    tg.nn.fit(
        lambda x: x * 0 + c + w * 0,
        [[1.0]],
        [[0.0]],
        tg.mse,
        tg.nn.SGD([w], 0.1),
        2,
        progress=progress,
        backend="numpy",
    )
    assert seen == [1.0, 0.0]


# --- order, progress --------------------------------------------------------------------------------------------------


def test_the_seed_settles_the_order():
    runs = [fitted(network(), seed=seed) for seed in (1, 1, np.random.default_rng(1), 2)]
    assert runs[0] == runs[1] == runs[2] != runs[3]
    assert fitted(network(), seed=None) != fitted(network(), seed=None)
    assert fitted(network(), seed=1, shuffle=False) == fitted(network(), seed=2, shuffle=False)


def test_every_epoch_takes_each_example_once():
    seen = []

    def loss(prediction, target):
        seen.append(target.data.ravel())
        return tg.mean(prediction * 0)

    y = np.arange(10.0).reshape(-1, 1)
    w = tg.tensor(1.0, requires_grad=True)
    tg.nn.fit(lambda x: w * x, y, y, loss, tg.nn.SGD([w], 1.0), epochs=2, batch=4, seed=0)
    assert [len(rows) for rows in seen] == [4, 4, 2] * 2
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert {*first} == {*second} == {*y.ravel()}
    assert [*first] != [*second]


def test_progress_hears_of_every_epoch_and_sees_its_gradients():
    model, heard = network(), []

    def progress(epoch):
        heard.append(epoch)
        assert model.layers[0].W.grad is not None

    for backend in ("numpy", "eager"):
        heard.clear()
        assert [*fitted(model, progress=progress, backend=backend)] == heard
        assert [epoch.epoch for epoch in heard] == [1, 2, 3]
    assert all(p.grad is None for p in model.parameters())


def test_the_rate_may_change_on_the_way():
    model = network()
    optimizer = tg.nn.SGD(model.parameters(), 0.5)
    at = []

    def progress(epoch):
        optimizer.lr = 1e-300
        at.append(values(model))

    tg.nn.fit(model, X, Y, LOSS, optimizer, epochs=2, progress=progress, backend="numpy")
    for p, q in zip(*at, strict=True):
        np.testing.assert_array_equal(p, q)


def test_no_epochs():
    model = network()
    before = values(model)
    assert [*fitted(model, epochs=0)] == []
    for p, q in zip(values(model), before, strict=True):
        np.testing.assert_array_equal(p, q)


# --- programs where they help -----------------------------------------------------------------------------------------


def test_auto_makes_programs_when_they_pay(programs, monkeypatch):
    fitted(network(), epochs=2)
    assert programs == []
    monkeypatch.setattr(fitting, "FEW", 5)
    fitted(network(), epochs=2)
    assert programs == [32, 6]
    assert [fitting._chosen("auto", 1, n, "") for n in (5, 6, descent.MANY)] == ["eager", "numpy", "settled"]
    assert [fitting._chosen(name, 1, 1, "") for name in ("numba", "numpy", "eager")] == ["numba", "numpy", "eager"]


class Net(tg.nn.Layer):
    """A layer that calls a function of its own in between."""

    def __init__(self, between):
        self.first, self.between, self.last = tg.nn.Linear(7, 5, seed=0), between, tg.nn.Linear(5, 1, seed=1)

    def forward(self, x):
        return self.last(self.between(tg.tanh(self.first(x))))


def halve_if_large(h):
    if h.max() > 0.9:
        return h * 0.5
    return h


def warned(model, loss=LOSS):
    """The only warning of a fit that asks for programs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = fitted(model, loss, backend="numpy", epochs=4)
    [warning] = caught
    assert warning.category is RuntimeWarning
    assert "fit takes its steps eagerly" in str(warning.message)
    assert "backend='eager'" in str(warning.message)
    return warning, done


def test_a_branch_on_a_value_runs_eagerly_and_is_named(programs):
    model, other = Net(halve_if_large), Net(halve_if_large)
    warning, done = warned(model)
    assert (Path(warning.filename), warning.lineno) == (Path(__file__), halve_if_large.__code__.co_firstlineno + 1)
    assert "a branch needs a number" in str(warning.message)
    assert [e.cost for e in done] == by_hand(other, X, Y, LOSS, tg.nn.SGD(other.parameters(), lr=0.5), 4, 32, 0)
    assert programs == [32]


def test_a_branch_in_the_loss_runs_eagerly():
    def loss(prediction, target):
        return LOSS(prediction, target) * (2.0 if prediction.data.max() > 0 else 1.0)

    warning, done = warned(network(), loss)
    assert warning.lineno == loss.__code__.co_firstlineno + 1
    assert done == fitted(network(), loss, backend="eager", epochs=4)


def test_a_branch_that_only_the_last_batch_takes():
    def loss(prediction, target):
        if len(prediction) == 6 and prediction.max() > 0:
            return 2.0 * LOSS(prediction, target)
        return LOSS(prediction, target)

    warning, done = warned(network(), loss)
    assert warning.lineno == loss.__code__.co_firstlineno + 1
    assert done == fitted(network(), loss, backend="eager", epochs=4)


def test_dropout_draws_at_every_step():
    def model(seed):
        rng = np.random.default_rng(seed)
        return Net(lambda h: tg.dropout(h, 0.5, rng))

    warning, done = warned(model(0))
    assert "dropout" in str(warning.message)
    assert Path(warning.filename) == Path(__file__)
    assert [e.cost for e in done] == pytest.approx(
        [e.cost for e in fitted(model(1), epochs=4, backend="eager")], rel=0.5
    )
    assert done == warned(model(0))[1]


def test_random_numbers_of_the_models_own(programs):
    class Noisy(Net):
        def __init__(self):
            super().__init__(self.noise)
            self.rng = np.random.default_rng(0)

        def noise(self, h):
            return h * self.rng.choice([1.0, 1.5], h.shape)

    model, other = Noisy(), Noisy()
    done = fitted(model, backend="numpy", epochs=4)
    assert done.column("cost") == pytest.approx(fitted(other, backend="eager", epochs=4).column("cost"), rel=1e-12)
    assert model.rng.bit_generator.state == other.rng.bit_generator.state
    assert programs == [32, 6]


def test_what_changes_is_named_at_the_call_of_fit():
    warning, _ = warned(Counting(_count))
    assert Path(warning.filename) == Path(__file__)
    assert warning.lineno in range(*_lines_of(fitted))


def _lines_of(function):
    lines, first = inspect.getsourcelines(function)
    return first, first + len(lines)


def test_random_numbers_from_elsewhere():
    rng = np.random.default_rng(0)
    warning, _ = warned(Net(lambda h: h * (rng.random(h.shape) > 0.5)))
    assert "random numbers" in str(warning.message)


class Counting(Net):
    """Keeps the mean of what comes by, and counts."""

    def __init__(self, keep):
        super().__init__(self.watch)
        self.mean, self.count, self.kept, self.keep = tg.tensor(np.zeros(5)), 0, [], keep

    def watch(self, h):
        self.keep(self, h)
        return h


def _mean(layer, h):
    layer.mean = 0.9 * layer.mean + 0.1 * tg.mean(h.detach(), axis=0)


def _mean_in_place(layer, h):
    layer.mean.value = 0.9 * layer.mean.value + 0.1 * h.value.mean(axis=0)


def _count(layer, h):
    layer.count += 1


def _keep(layer, h):
    layer.kept.append(h)


@pytest.mark.parametrize("keep", [_mean, _mean_in_place])
def test_a_tensor_that_a_layer_keeps_goes_through_the_programs(keep, programs):
    model, other = Counting(keep), Counting(keep)
    assert fitted(model, backend="numpy", epochs=4) == fitted(other, backend="eager", epochs=4)
    np.testing.assert_allclose(model.mean.data, other.mean.data, rtol=1e-12)
    assert programs == [32, 6]


@pytest.mark.parametrize(("keep", "part"), [(_count, "count"), (_keep, r"kept.0")])
def test_a_layer_that_changes_itself_runs_eagerly(keep, part):
    model, other = Counting(keep), Counting(keep)
    warning, done = warned(model)
    assert f"model.{part} changes" in str(warning.message)
    assert done == fitted(other, backend="eager", epochs=4)
    assert model.count == other.count
    assert len(model.kept) == len(other.kept)


def test_a_loss_that_changes_itself_runs_eagerly():
    class Loss:
        count = 0

        def __call__(self, prediction, target):
            self.count += 1
            return LOSS(prediction, target)

    loss = Loss()
    warning, _ = warned(network(), loss)
    assert "loss.count changes" in str(warning.message)
    assert loss.count == 12


def test_what_is_computed_anew_and_stays_equal_is_no_change(programs):
    class Scaled(Net):
        def __init__(self):
            super().__init__(self.scaled)

        def scaled(self, h):
            self.scale = 1.0 / np.sqrt(len(h.T)).item()
            return h * self.scale

    model = Scaled()
    model(tg.tensor(X))
    fitted(model, backend="numpy")
    assert programs == [32, 6]


def test_a_hook_is_called_at_every_step():
    model, seen = network(), []
    model.layers[0].W.register_hook(seen.append)
    warning, _ = warned(model)
    assert "hook" in str(warning.message)
    assert len(seen) == 12


def test_eager_steps_are_no_warning():
    fitted(Net(halve_if_large), backend="eager")
    fitted(Net(halve_if_large))


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_refuses_examples_that_do_not_fit():
    for x, y, kind, message in [
        (X, Y[:-1], ShapeError, r"X \(70, 7\) and y \(69, 1\) must have as many rows"),
        (X.T, Y, ShapeError, "Transpose X"),
        (1.0, Y, ShapeError, "as many rows"),
        (X, 1.0, ShapeError, "as many rows"),
        (X[:0], Y[:0], DataError, "no example"),
        (np.where(X > 1, np.nan, X), Y, DataError, "X holds .* NaN"),
        (X, np.full_like(Y, np.inf), DataError, "y holds 70 NaN or infinite"),
        ([[1.0], [1.0, 2.0]], Y, DataError, "the rows differ in length"),
        (X.astype(str), Y, DataError, "real numbers"),
    ]:
        with pytest.raises(kind, match=message):
            fitted(network(), X=x, y=y)
    with pytest.raises(ShapeError, match="same shape"):
        fitted(network(), y=Y.ravel())
    with pytest.raises(ShapeError, match=r"layers.0.W \(7, 5\)"):
        fitted(network(), X=X[:, :3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs is a whole number from 0 on; got -1"),
        ({"batch": 0}, "batch is a whole number from 1 on; got 0"),
        ({"seed": "x"}, "a seed is"),
        ({"backend": "cuda"}, "backend is one of auto, numpy, numba, jax, eager; got 'cuda'"),
        ({"progress": 3}, "progress is True, or a function of an Epoch; got 3"),
        ({"loss": "mse"}, "loss is a function of prediction and target; got 'mse'"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ArgumentError, match=message):
        fitted(network(), **options)


def test_refuses_what_is_no_model_and_no_optimizer():
    optimizer = tg.nn.SGD(network().parameters(), 0.1)
    with pytest.raises(ArgumentError, match="model is a layer, or a function of a tensor; got None"):
        tg.nn.fit(None, X, Y, LOSS, optimizer)
    with pytest.raises(ArgumentError, match="float lacks params, step, zero_grad"):
        tg.nn.fit(network(), X, Y, LOSS, 0.1)
    with pytest.raises(ArgumentError, match="depends on none of the optimizer's parameters"):
        tg.nn.fit(network(), X, Y, LOSS, optimizer)
    optimizer.params = [tg.tensor([1.0])]
    with pytest.raises(ArgumentError, match="requires no gradient"):
        tg.nn.fit(network(), X, Y, LOSS, optimizer)


@pytest.mark.parametrize("loss", [lambda p, t: p - t, lambda p, t: 1.0, lambda p, t: (p - t).data, lambda p, t: None])
def test_refuses_a_loss_that_is_no_number(loss):
    with pytest.raises(ArgumentError, match=r"the loss returned .*, expected a tensor of one number"):
        fitted(network(), loss)


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_a_cost_that_is_not_finite_ends_it(backend):
    model = tg.nn.Sequential(tg.nn.Linear(7, 1, seed=0))
    with pytest.raises(ArgumentError, match=r"the cost is (inf|nan) in epoch \d+: training diverged"):
        fitted(model, tg.mse, lr=1e10, epochs=100, backend=backend)
    assert all(np.isfinite(p).all() for p in values(model))


def test_anomalies_are_found_in_programs_too(programs):
    w = tg.tensor(1.0, requires_grad=True)

    def progress(epoch):
        w.value = np.float64(-1.0)

    optimizer = tg.nn.SGD([w], 0.1)
    with tg.detect_anomaly(), pytest.raises(AnomalyError, match="sqrt"):
        tg.nn.fit(lambda x: tg.sqrt(w) * x, X, X, tg.mse, optimizer, 2, batch=70, progress=progress, backend="numpy")
    assert programs == [70]


# --- parameters with other values -------------------------------------------------------------------------------------


def test_gradients_of_a_cost_for_the_values_of_its_parameters():
    model = network()
    params, before = model.parameters(), values(model)
    f = gradients_of(lambda x, y: LOSS(model(x), y), params)
    other = tuple(v + 1 for v in before)
    cost, gradients = f(other, tg.tensor(X), Y)
    assert [p.number for p in params] == sorted({p.number for p in params})
    for p, v in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.data, v)
        p.value = p.value + 1
    C = LOSS(model(tg.tensor(X)), Y)
    C.backward()
    assert cost.item() == C.item()
    for p, g in zip(params, gradients, strict=True):
        np.testing.assert_array_equal(p.grad, g.data)


def test_parameters_are_restored_after_an_error():
    w = tg.tensor(2.0, requires_grad=True)
    before = w.value, w.number
    with pytest.raises(NonScalarBackwardError):
        gradients_of(lambda: w * np.ones(2), [w])((np.array(1.0),))
    assert (w.value, w.number) == before
    with restored([w]):
        w.value = np.float64(3.0)
    assert w.value == 2.0


def test_graphs_from_before_keep_their_parameters():
    w = tg.tensor(2.0, requires_grad=True)
    y = w * w
    gradients_of(lambda: w * 3.0, [w])((np.array(1.0),))
    y.backward()
    assert w.grad == 4.0
