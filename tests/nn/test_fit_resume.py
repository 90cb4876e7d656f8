"""A run that goes on from a history ends where one run would have ended, to the last bit."""

import json
import warnings

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4))
Y = (X[:, :1] * X[:, 1:2] > 0) * 1.0
LOSS = tg.binary_cross_entropy_with_logits


def accuracy(z, y):
    return nn.accuracy(z, y, threshold=0.0)


def network():
    model = nn.Sequential(
        nn.Linear(4, 6, seed=0), nn.BatchNorm(6), nn.Tanh(), nn.Dropout(0.3, seed=1), nn.Linear(6, 1, seed=2)
    )
    return model, nn.Adam(model.parameters(), nn.CosineDecay(0.05, 40))


def fitted(model, optimizer, epochs=7, **options):
    options = {"batch": 16, "seed": 3} | options
    return nn.fit(model, X, Y, LOSS, optimizer, epochs=epochs, **options)


def state_of(model, optimizer):
    arrays = model.state_dict() | {f"optimizer {name}": a for name, a in optimizer.state_dict().items()}
    return arrays | {path: g.bit_generator.state for path, g in model.named_generators()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, a in first.items():
        assert a == second[name] if isinstance(a, dict | int) else np.array_equal(a, second[name]), name


def kept(model, optimizer, history):
    """Another model and optimizer, and a history, made of what can be written to a file."""
    other, its_optimizer = network()
    other.load_state_dict(model.state_dict())
    its_optimizer.load_state_dict(optimizer.state_dict())
    state = history.state_dict()
    assert {type(value) for value in state.values()} <= {int, str, np.ndarray}
    return other, its_optimizer, nn.History.from_state(state)


@pytest.mark.parametrize("backend", ["eager", "numpy"])
@pytest.mark.parametrize("steps", [1, 4, 6, 11, 13])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False, "clip_norm": 0.1},
        {"validation": 0.2, "metrics": [accuracy]},
        {"validation": (X[:20], Y[:20]), "metrics": {"right": accuracy}, "early_stopping": 2},
        {"validation": 0.2, "early_stopping": nn.EarlyStopping(2, minimum=0.01)},
    ],
    ids=["plain", "in order", "share", "early", "early share"],
)
def test_stopped_after_any_step(backend, steps, options):
    model, optimizer = network()
    whole = fitted(model, optimizer, backend=backend, **options)
    part, its_optimizer = network()
    first = fitted(part, its_optimizer, backend=backend, on_step=lambda step: step.step == steps, **options)
    assert first.run.steps == min(steps, whole.run.steps)
    part, its_optimizer, first = kept(part, its_optimizer, first)
    again = fitted(part, its_optimizer, backend=backend, resume=first, **options)
    assert again == whole
    assert (again.stopped, again.best, again.position) == (whole.stopped, whole.best, whole.position)
    assert_same(state_of(part, its_optimizer), state_of(model, optimizer))


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_a_chain_of_runs_over_epochs(backend):
    options = {"backend": backend, "validation": 0.2, "early_stopping": 5}
    model, optimizer = network()
    whole = fitted(model, optimizer, 6, **options)
    part, its_optimizer = network()
    history = fitted(part, its_optimizer, 1, **options)
    for epochs in (1, 2, 5, 6):
        part, its_optimizer, history = kept(part, its_optimizer, history)
        history = fitted(part, its_optimizer, epochs, resume=history, **options)
    assert history == whole
    assert_same(state_of(part, its_optimizer), state_of(model, optimizer))


@pytest.mark.once
def test_programs_of_numba(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(tmp_path))
    runs = []
    for steps in (0, 3):
        model = nn.Linear(4, 1, seed=0)
        optimizer, history = nn.SGD(model.parameters(), 0.1, momentum=0.9), None
        if steps:
            stop = {"on_step": lambda step: step.step == 3}
            history = fitted(model, optimizer, 3, batch=25, backend="numba", **stop)
        runs.append(
            (fitted(model, optimizer, 3, batch=25, backend="numba", resume=history), state_of(model, optimizer))
        )
    assert runs[0][0] == runs[1][0]
    assert_same(runs[0][1], runs[1][1])


def test_a_generator_shared_by_orders_and_layers():
    states = []
    for steps in (0, 5):
        shared = np.random.default_rng(8)
        model = nn.Sequential(nn.Linear(4, 5, seed=0), nn.Dropout(0.5, shared), nn.Linear(5, 1, seed=1))
        optimizer, history = nn.SGD(model.parameters(), 0.1), None
        if steps:
            stop = {"on_step": lambda step: step.step == 5}
            history = fitted(model, optimizer, 3, seed=shared, backend="numpy", **stop)
            shared.random(100)
        history = fitted(model, optimizer, 3, seed=shared, backend="numpy", resume=history)
        states.append(state_of(model, optimizer))
    assert_same(*states)


def test_batches_of_others_go_on_in_the_middle_of_an_epoch():
    def batches():
        for i in range(0, 50, 20):
            yield X[i : i + 20], Y[i : i + 20]

    states = []
    for steps in (0, 4):
        model, optimizer = network()
        history = None
        if steps:
            history = nn.fit(model, batches, None, LOSS, optimizer, 3, on_step=lambda step: step.step == 4)
            assert history.position == (2, 1)
        history = nn.fit(model, batches, None, LOSS, optimizer, 3, resume=history)
        states.append((history, state_of(model, optimizer)))
    assert states[0][0] == states[1][0]
    assert_same(states[0][1], states[1][1])


def test_the_first_step_is_a_programs_too(monkeypatch):
    """Else a run that goes on would begin with a step that is other in its last bit."""
    models = []
    for _ in range(2):
        model, optimizer = network()
        models.append((model, optimizer))
        fitted(model, optimizer, 1, batch=50, backend="numpy")
    from tinygrad_bp.nn.training_step import TrainingStep

    def accept(self, result):
        accepted.append(result)
        return original(self, result)

    accepted, original = [], TrainingStep._accept
    monkeypatch.setattr(TrainingStep, "_accept", accept)
    model, optimizer = network()
    fitted(model, optimizer, 1, batch=50, backend="numpy")
    assert len(accepted) == 1
    assert_same(state_of(model, optimizer), state_of(*models[0]))


def test_auto_stays_with_what_it_began_with():
    model, optimizer = network()
    history = fitted(model, optimizer, 2)
    assert history.run.backend == "eager"
    assert fitted(model, optimizer, 100, resume=history, on_step=lambda step: True).run.backend == "eager"


def test_nothing_is_left_to_do():
    model, optimizer = network()
    history = fitted(model, optimizer, 2)
    before = state_of(model, optimizer)
    assert fitted(model, optimizer, 2, resume=history) == history
    assert_same(state_of(model, optimizer), before)
    early = fitted(model, optimizer, 50, resume=history, early_stopping=1, seed=1)
    assert early.stopped == "early stopping"
    assert len(fitted(model, optimizer, 50, resume=early, early_stopping=1)) == len(early)
    assert len(history) == 2


def test_histories_of_other_runs_are_refused():
    model, optimizer = network()
    history = fitted(model, optimizer, 2, early_stopping=1)
    for options, message in [
        ({"resume": 3}, "resume is the History of an earlier call; got int"),
        ({"resume": history, "batch": 10}, r"\(examples, batch\) = \(50, 16\); this call has \(50, 10\)"),
        ({"resume": history, "validation": 0.1}, r"this call has \(45, 16\)"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            fitted(model, optimizer, 3, **options)
    other = nn.Sequential(nn.Linear(4, 1))
    with pytest.raises(ArgumentError, match="another model"):
        fitted(other, nn.SGD(other.parameters(), 0.1), 3, resume=history)
    history.run.latest = {"layers.0.W": np.ones(3)}
    with pytest.raises(ArgumentError, match=r"another model: layers.0.W \(3,\)"):
        fitted(model, optimizer, 3, resume=history)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("run"),
        lambda s: s.update(format=7),
        lambda s: s.update(epochs="[1"),
        lambda s: s.update(epochs="[" * 100_000),
        lambda s: s.update(epochs='[{"epoch": 1}]'),
        lambda s: s.update(epochs='[{"epoch": 1, "cost": "x"}]'),
        lambda s: s.update(run="[]"),
        lambda s: s.update(run='{"others": 1}'),
        lambda s: s.update(run='{"generators": 1}'),
        lambda s: s.update(stopped="by itself"),
        lambda s: s.update(best_epoch="x"),
    ],
)
def test_states_of_no_history_are_refused(change):
    state = nn.History([nn.Epoch(1, 0.5)]).state_dict()
    change(state)
    with pytest.raises(ArgumentError, match=r"hist|run ends by"):
        nn.History.from_state(state)


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
def test_every_kind_of_generator_goes_on(kind):
    from tinygrad_bp.nn.generators import generator_of, set_state, state_of

    generator = np.random.Generator(getattr(np.random, kind)(5))
    generator.integers(0, 9, 3, dtype=np.int32)
    text = state_of(generator)
    json.loads(text)
    again = generator_of(text)
    assert np.array_equal(again.random(9), generator.random(9))
    for wrong, message in [
        ('{"bit_generator": "Other"}', f"the checkpoint's a Other|{kind}"),
        ("[" * 100_000, "is none of a generator's"),
        (text.replace('"state"', '"others"'), "state is none of a"),
        (text.replace(": ", ": -"), "none of a"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            set_state(generator, wrong)
    assert np.array_equal(again.random(9), generator.random(9))
    with pytest.raises(ArgumentError, match="is none of a NumPy generator's"):
        generator_of("{}")


def test_no_warning_on_the_way():
    model, optimizer = network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(model, optimizer, 2, backend="numpy", validation=0.2, early_stopping=1)
