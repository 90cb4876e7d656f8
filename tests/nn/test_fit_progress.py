"""Progress: lines on a pipe, a bar by rich in a terminal, one of HTML in a notebook."""

import io
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.nn import progress
from tinygrad_bp.nn.records import RunState

X = np.random.default_rng(0).normal(size=(40, 3))


def trained(**options):
    model = nn.Linear(3, 1, seed=0)
    options = {"epochs": 3, "batch": 16, "seed": 0, "progress": True} | options
    return nn.fit(model, X, X[:, :1], tg.mse, nn.SGD(model.parameters(), 0.1), **options)


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_lines_on_a_pipe(capsys, monkeypatch):
    monkeypatch.setattr(progress.Lines, "every", 1e9)
    history = trained(metrics={"m": lambda z, y: 0.5}, validation=(X, X[:, :1]))
    out, err = capsys.readouterr()
    first, last = err.splitlines()[-2:]
    assert not out
    assert f"epoch 1/3  cost {history[0].cost:.4g}  m 0.5  validation cost " in first
    assert last.startswith(f"epoch 3/3  cost {history[-1].cost:.4g}  m 0.5  validation cost ")
    assert "0:00:00 left" in last


def test_lines_without_rich(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setattr(progress, "find_spec", lambda _: None)
    trained()
    assert "epoch 3/3  cost " in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_a_bar_in_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress.Terminal, "every", 0.0)
    history = trained(metrics={"m [1]": lambda z, y: 0.5})
    shown = screen.getvalue()
    assert "epoch 2/3  cost " in shown
    assert f"cost {history[-1].cost:.4g}  m [1] 0.5" in shown
    assert shown.count("━") > 20
    assert "\x1b[?25h" in shown  # the cursor is back


def test_the_cursor_comes_back_after_an_error(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(ZeroDivisionError):
        trained(callbacks=[lambda _: 1 / 0])
    assert "\x1b[?25h" in screen.getvalue()


def test_a_bar_in_a_notebook(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=shown.append)
    module, display = ModuleType("IPython"), ModuleType("IPython.display")
    module.get_ipython = lambda: SimpleNamespace(kernel=object())
    display.HTML = str
    display.display = lambda bar, display_id: shown.append(bar) or handle
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    trained(metrics={"<m>": lambda z, y: 0.5})
    assert shown[-1].startswith('<progress max="1" value="1.0000"></progress> <code>epoch 3/3  cost ')
    assert "&lt;m&gt; 0.5" in shown[-1]


def test_the_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    shown = []
    display = SimpleNamespace(every=0.0, show=lambda share, text: shown.append((share, text)), close=None)
    bar = progress.Bar(10, 4, RunState(epoch=3, batches=2), display)  # a run that goes on: a quarter is done
    now[0] = 60.0
    bar.step(RunState(epoch=4, batches=2), 0.5)
    assert shown == [(0.35, "epoch 4/10  cost 0.5  0:06:30 left")]
    unknown = progress.Bar(10, None, RunState(), display)
    unknown.step(RunState(epoch=1, batches=2), 0.5)
    unknown.epoch(nn.Epoch(1, 0.25))
    assert shown[1:] == [(None, "epoch 1/10  cost 0.5"), (0.1, "epoch 1/10  cost 0.25  0:00:00 left")]


def test_iterables_of_unknown_length(capsys):
    def batches():
        yield X, X[:, :1]

    model = nn.Linear(3, 1, seed=0)
    nn.fit(model, batches, None, tg.mse, nn.SGD(model.parameters(), 0.1), 2, progress=True)
    assert "epoch 2/2  cost" in capsys.readouterr().err


def test_no_epochs_no_bar(capsys):
    trained(epochs=0)
    assert capsys.readouterr().err == ""
