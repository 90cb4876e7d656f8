"""What `fit` tells: epochs, validation, metrics, the best epoch, callbacks; and how a history looks."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, MissingExtraError
from tinygrad_bp.nn.curves import SHOWN
from tinygrad_bp.nn.interrupts import interruptible

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = (X @ [1.0, -1.0, 0.5] > 0)[:, None] * 1.0
LOSS = tg.binary_cross_entropy_with_logits


def accuracy(z, y):
    return nn.accuracy(z, y, threshold=0.0)


def largest(z, y):
    assert type(z) is type(y) is np.ndarray
    return z.max()


def network():
    return nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 1, seed=1))


def trained(model=None, lr=0.5, **options):
    model = network() if model is None else model
    options = {"epochs": 4, "batch": 16, "seed": 0} | options
    return nn.fit(model, X, Y, LOSS, nn.SGD(model.parameters(), lr), **options)


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_metrics_and_validation(backend):
    model, predictions = network(), []

    def watch(_):
        with tg.no_grad():
            predictions.append(model(X[:10]))

    metrics = {"accuracy": accuracy, "largest": largest}
    history = trained(model, metrics=metrics, validation=(X[:10], Y[:10]), callbacks=[watch], backend=backend)
    for epoch, z in zip(history, predictions, strict=True):
        assert epoch.validation_cost == pytest.approx(LOSS(z, Y[:10]).item(), rel=1e-12)
        assert epoch.validation_metrics == {
            "accuracy": accuracy(z.data, Y[:10]), "largest": pytest.approx(z.data.max(), rel=1e-12)
        }  # fmt: skip
        assert 0.0 <= epoch.metrics["accuracy"] <= 1.0
    assert history.column("accuracy")[-1] > history.column("accuracy")[0]
    assert history.column("lr") == [0.5] * 4
    assert all(seconds > 0 for seconds in history.column("seconds"))
    assert history.best.epoch == 1 + int(np.argmin(history.column("validation cost")))


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_metrics_of_training_are_means_over_the_examples(backend):
    seen = []

    def watch(step):
        seen.append(step)

    history = trained(metrics=[largest], shuffle=False, on_step=watch, epochs=1, lr=1e-300, backend=backend)
    z = network()(X).data
    wanted = sum(len(part) * part.max() for part in (z[:16], z[16:32], z[32:])) / 40
    assert history[0].metrics == {"largest": pytest.approx(wanted)}
    assert [(s.epoch, s.batch, s.step) for s in seen] == [(1, 1, 1), (1, 2, 2), (1, 3, 3)]
    assert np.dot([s.cost for s in seen], [16, 16, 8]) / 40 == pytest.approx(history[0].cost)


def test_predictions_may_be_containers():
    class Both(nn.Layer):
        def __init__(self):
            self.linear = nn.Linear(3, 1, seed=0)

        def forward(self, x):
            z = self.linear(x)
            return {"z": z, "p": (tg.sigmoid(z),)}

    model = Both()
    metrics = {
        "of p": lambda both, y: np.mean((both["p"][0] > 0.5) == y),
        "of z": lambda both, y: accuracy(both["z"], y),
    }
    for backend in ("eager", "numpy"):
        history = nn.fit(
            model, X, Y, lambda both, y: LOSS(both["z"], y), nn.SGD(model.parameters(), 0.1), 2, 16,
            metrics=metrics, validation=(X, Y), backend=backend,
        )  # fmt: skip
        assert history.column("of p") == history.column("of z")
        assert history.column("validation of p") == history.column("validation of z")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": {"m": 3}}, "the metric 'm' is a function of prediction and target, arrays; got 3"),
        ({"metrics": "accuracy"}, r"metrics is a list of functions, or a dict of them; got 'accuracy'. Put it in \[\]"),
        ({"metrics": [lambda z, y: "good"]}, "the metric '<lambda>' returned 'good', expected one number"),
        ({"early_stopping": 0}, "early_stopping is a whole number from 1 on; got 0"),
        ({"early_stopping": nn.EarlyStopping(2, "auc")}, "early stopping goes by 'auc', but fit knows cost"),
        ({"callbacks": print}, "callbacks are a sequence of functions of an Epoch"),
        ({"callbacks": [3]}, "callback 1 is a function of an Epoch; got 3"),
        ({"on_step": 3}, "on_step is a function of a Step; got 3"),
        ({"clip_norm": 0}, "clip_norm is a finite number above 0; got 0"),
        ({"clip_value": -1.0}, "clip_value is a finite number above 0"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ArgumentError, match=message):
        trained(**options)


# --- early stopping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["eager", "numpy"])
@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_puts_the_best_weights_back(backend, restore):
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.BatchNorm(4), nn.Linear(4, 1, seed=1))
    states, wanted = [], {1: 0.5, 2: 0.3, 3: 0.2, 4: 0.4, 5: 0.2, 6: 0.1}

    def score(z, y):
        return -wanted[len(states) // 2 + 1] if len(z) == 10 else 0.0

    history = trained(
        model, epochs=9, metrics=[score], validation=(X[:10], Y[:10]), backend=backend,
        early_stopping=nn.EarlyStopping(2, "score", restore=restore),
        callbacks=[lambda _: states.append(model.state_dict())] * 2,
    )  # fmt: skip
    assert (history.stopped, len(history), history.best.epoch) == ("early stopping", 5, 3)
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, states[4 if restore else -1][name])
    assert not np.array_equal(states[4]["layers.1.running_mean"], states[-1]["layers.1.running_mean"])


def test_the_best_weights_come_back_however_training_ends():
    model, states = network(), []
    history = trained(model, lr=1.0, callbacks=[lambda _: states.append(model.state_dict())], early_stopping=50)
    costs = history.column("cost")
    assert history.best.epoch == 1 + int(np.argmin(costs))
    for name, a in model.state_dict().items():
        np.testing.assert_array_equal(a, states[history.best.epoch - 1][name])


def test_what_counts_as_better():
    def epoch(n, cost, score=0.0):
        return nn.Epoch(n, cost, {"score": score})

    rule = nn.EarlyStopping(3, minimum=0.1)
    assert rule.improves(epoch(1, 1.0), None)
    assert not rule.improves(epoch(2, 0.95), epoch(1, 1.0))
    assert rule.improves(epoch(2, 0.8), epoch(1, 1.0))
    assert not rule.improves(epoch(2, np.nan), epoch(1, 1.0))
    assert rule.improves(epoch(2, 1.0), epoch(1, np.nan))
    by_score = nn.EarlyStopping(3, "score")
    assert by_score.improves(epoch(2, 9.0, 0.2), epoch(1, 1.0, 0.1))
    assert not nn.EarlyStopping(3, "score", better="smaller").improves(epoch(2, 9.0, 0.2), epoch(1, 1.0, 0.1))
    validated = nn.Epoch(2, 0.1, {}, 5.0)
    assert not nn.EarlyStopping(3).improves(validated, nn.Epoch(1, 9.0, {}, 4.0))
    with pytest.raises(ArgumentError, match="better is auto, smaller or larger; got 'up'"):
        nn.EarlyStopping(3, better="up")
    with pytest.raises(ArgumentError, match="patience is a whole number from 1 on"):
        nn.EarlyStopping(0)


# --- callbacks and Ctrl-C ---------------------------------------------------------------------------------------------


def test_callbacks_end_training():
    heard = []
    history = trained(callbacks=[heard.append, lambda epoch: epoch.epoch == 2])
    assert (history.stopped, history.position, heard) == ("callback", (2, 3), [*history])
    history = trained(on_step=lambda step: step.step == 5)
    assert (history.stopped, history.position, len(history)) == ("callback", (2, 2), 1)
    assert trained(callbacks=[lambda _: "yes"], progress=lambda _: True).stopped == "epochs"


@pytest.fixture
def ctrl_c():
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_after_the_step():
    def press(step):
        if step.step == 5:
            signal.raise_signal(signal.SIGINT)

    before, model = signal.getsignal(signal.SIGINT), network()
    history = trained(model, on_step=press)
    assert (history.stopped, history.position, len(history)) == ("interrupted", (2, 2), 1)
    assert signal.getsignal(signal.SIGINT) is before
    assert trained(model, resume=history) == trained()


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("when", ["validating", "at the end of an epoch"])
def test_ctrl_c_between_steps(when):
    pressed = []

    def validating():
        yield X, Y
        if len(pressed) < 2:
            pressed.append(len(pressed) and signal.raise_signal(signal.SIGINT))
        yield X, Y

    def callback(_):
        if not pressed:
            pressed.append(signal.raise_signal(signal.SIGINT))

    options, model = ({"validation": validating} if when == "validating" else {}), network()
    history = trained(model, callbacks=[callback] * (when != "validating"), **options)
    assert (history.stopped, len(history)) == ("interrupted", 1)
    assert history.position == ((2, 3) if when == "validating" else (1, 3))
    assert trained(model, resume=history, **options) == trained(**options)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_twice_raises_and_leaves_the_handler():
    def press(_):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trained(on_step=press)
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_are_the_main_threads_and_may_be_ignored():
    before = signal.getsignal(signal.SIGINT)
    found = []

    def train():
        found.append(trained(on_step=lambda _: found.append(signal.getsignal(signal.SIGINT) is before) or False))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert found[0] is True
    assert found[-1].stopped == "epochs"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as asked:
            signal.raise_signal(signal.SIGINT)
            assert not asked.requested
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="sends a signal to a process")
def test_a_real_ctrl_c():
    code = """
        import signal
        import numpy as np
        import tinygrad_bp as tg
        signal.signal(signal.SIGINT, signal.default_int_handler)
        model = tg.nn.Linear(3, 1, seed=0)
        X = np.ones((64, 3))
        says = lambda step: print(step.step, flush=True) if step.step < 3 else None
        history = tg.nn.fit(model, X, X[:, :1], tg.mse, tg.nn.SGD(model.parameters(), 1e-9), 10**7, 8, on_step=says)
        assert history.stopped == "interrupted"
        assert history.run.steps == 8 * (history.position[0] - 1) + history.position[1]
        print("kept", history.run.steps)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline().strip() == "1"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=100)
    finally:
        child.kill()
    assert child.returncode == 0, err
    assert out.splitlines()[-1].startswith("kept ")


# --- how it looks -----------------------------------------------------------------------------------------------------


def history_of(n):
    epochs = [nn.Epoch(i, 1.0 / i, {"<b>": i / 2}, 2.0 / i, {}, 0.1, 0.5) for i in range(1, n + 1)]
    return nn.History(epochs)


def test_a_history_is_a_sequence():
    history = history_of(3)
    assert (len(history), history[-1].epoch, [e.epoch for e in history[:2]], history[1] in history) == (
        3,
        3,
        [1, 2],
        True,
    )
    assert history.column("validation cost") == [2.0, 1.0, pytest.approx(2 / 3)]
    assert history.best is history[2]
    assert history != history_of(2)
    assert history == nn.History.from_state(history.state_dict())
    assert nn.History().best is None
    assert nn.History().column("cost") == []
    with pytest.raises(ArgumentError, match="the epochs have no 'accuracy'; they have cost, <b>, validation cost, lr"):
        history.column("accuracy")
    mixed = nn.History([nn.Epoch(1, 1.0), nn.Epoch(2, np.nan, {"m": 1.0})])
    assert np.isnan(mixed.column("m")[0])
    assert mixed.best.epoch == 1


def test_tables():
    assert repr(history_of(2)).splitlines() == [
        "epoch  cost  <b>  validation cost   lr  seconds",
        "    1     1  0.5                2  0.1      0.5",
        "    2   0.5    1                1  0.1      0.5",
        "ended after 2 epochs; best: epoch 2",
    ]
    assert repr(history_of(1)).endswith("ended after 1 epoch; best: epoch 1")
    lines = repr(history_of(100)).splitlines()
    assert len(lines) == SHOWN + 3
    assert lines[SHOWN // 2 + 1].split() == ["…"] * 6
    html = history_of(2)._repr_html_()
    assert html.count("<tr>") == 4
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    partial = trained(on_step=lambda step: step.step == 2)
    assert repr(partial).splitlines() == ["epoch", "ended after batch 2 of epoch 1: callback"]


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    figure = history_of(3).plot(tmp_path / "history.svg")
    assert (tmp_path / "history.svg").read_text(encoding="utf-8").count("<svg") == 1
    costs, metrics = figure.axes
    lines = {line.get_label(): line for line in costs.get_lines()}
    assert [*lines] == ["cost", "validation cost", "best, epoch 3"]
    np.testing.assert_allclose(lines["cost"].get_ydata(), [1, 1 / 2, 1 / 3])
    assert metrics.get_lines()[0].get_label() == "<b>"
    assert len(nn.History().plot().axes) == 0
    assert len(nn.History([nn.Epoch(1, 1.0)]).plot().axes) == 1


@pytest.mark.parametrize(
    ("costs", "validated", "early", "marked"),
    [
        ([3.0, 2.0, 1.0], False, 0, 0),  # it learned: the last is the best, as anyone sees
        ([3.0, 1.0, 2.0], False, 0, 2),
        ([3.0, 2.0, 1.0], True, 0, 3),
        ([3.0, 2.0, 1.0], False, 3, 3),
        ([3.0, 2.0, 1.0], False, 1, 1),
        ([1.0], True, 1, 0),
        ([], False, 0, 0),
    ],
)
def test_pictures_mark_the_best_epoch_where_it_tells_something(costs, validated, early, marked):
    epochs = [nn.Epoch(i, cost, validation_cost=cost if validated else None) for i, cost in enumerate(costs, 1)]
    history = nn.History(epochs, best=early)
    marks = [f"best, epoch {marked}"] if marked else []
    if epochs:
        pytest.importorskip("typer", reason="the command line needs the extra cli")
        from tinygrad_bp.cli import charts

        chart = charts.history_chart(history).decode()
        assert chart.count("best: epoch") == len(marks)
        assert chart.count(f"best: epoch {marked}<") == len(marks)
    pytest.importorskip("matplotlib")
    lines = [line for axes in history.plot().axes for line in axes.get_lines()]
    assert [line.get_label() for line in lines if "best" in line.get_label()] == marks


def test_pictures_need_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[plot\]"):
        history_of(2).plot()
