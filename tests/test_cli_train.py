"""`train`: the article's job, and any table; what it says, what it writes, and what an interruption leaves."""

import json
import os
import re
import signal
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import RenderError

pytest.importorskip("typer", reason="the command line needs the extra cli")
from tinygrad_bp import cli
from tinygrad_bp.cli import learning, train as command

from .test_cli import refused, run

SVGS = {"forward.svg", "backward.svg", "both.svg"}
CHARTS = {"history.svg", "boundary.svg"}
TWO = ["--epochs", "2"]
RANDOM = np.random.default_rng(0)


class Picture:
    """What `draw` returns, without the work."""

    def __init__(self, passes):
        self.svg = f"<svg><!-- {passes} --></svg>"


@pytest.fixture
def drawn(monkeypatch):
    """The costs that were drawn, with `draw` replaced by something quick."""
    costs = []

    def draw(C, passes, detail):
        assert detail == "named"
        costs.append(C)
        return Picture(passes)

    monkeypatch.setattr(tg, "draw", draw, raising=False)
    return costs


def write(path, columns, names):
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([",".join(names), *rows, ""]), encoding="utf-8")
    return str(path)


@pytest.fixture
def varieties(tmp_path):
    """The seeds data with all three varieties, by their names."""
    X, y = tg.datasets.load_seeds((1, 2, 3))
    names = [tg.datasets.VARIETIES[k + 1] for k in y]
    return write(tmp_path / "seeds.csv", [*X.T, names], [*tg.datasets.FEATURES, "variety"])


@pytest.fixture
def houses(tmp_path):
    """Prices that are a plane over two features."""
    area, age = RANDOM.uniform(50, 200, 150), RANDOM.uniform(0, 80, 150)
    return write(tmp_path / "houses.csv", [area, age, 3000 * area - 500 * age + 1e5], ["area", "age", "price"])


# --- the article's job ------------------------------------------------------------------------------------------------


def test_trains_draws_and_says_so(tmp_path, capsys, drawn):
    out = tmp_path / "a" / "b"
    assert cli.main(["train", *TWO, "--out", str(out)]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert "binary, 140 examples (98 train, 42 test), 7 features, classes of variety: Kama, Rosa\n" in printed
    assert "network 7-2-1, sigmoid, sgd, learning rate 0.01, batches of 1, seed 0\n" in printed
    assert re.search(r"training .*2/2 cost \d\.\d{4} +accuracy [01]\.\d{3}", printed)
    assert re.search(r"^train cost: 0\.\d{4}, test cost: 0\.\d{4}\ntrain accuracy: [01]\.\d{3}$", printed, re.MULTILINE)
    assert re.search(r"^true \\ predicted  Kama Rosa\nKama +\d+ +\d+\nRosa +\d+ +\d+$", printed, re.MULTILINE)
    assert re.search(r"^test accuracy: [01]\.\d{3}$", printed, re.MULTILINE)
    assert str(out) in printed.replace("\n", "")
    assert {p.name for p in out.iterdir()} == SVGS | CHARTS | {"network.npz"}
    assert "both" in (out / "both.svg").read_text(encoding="utf-8")
    assert drawn[0].name == "C"


def test_quiet_prints_results_only(tmp_path, capsys, drawn):
    assert cli.main(["train", *TWO, "--quiet", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["test accuracy", f"pictures in {tmp_path}"]


def test_options_reach_the_training(tmp_path, capsys, drawn):
    options = ["--layers", "7,4,3,1", "--alpha", "0.5", "--epochs", "30", "--batch", "7", "--seed", "3", "--quiet"]
    assert cli.main(["train", *options, "--out", str(tmp_path)]) == 0
    expected = tg.nn.train(*tg.datasets.load_seeds(), (7, 4, 3, 1), alpha=0.5, epochs=30, batch=7, seed=3)
    assert f"test accuracy: {expected.test_accuracy:.3f}\n" in capsys.readouterr().out
    assert drawn[0].item() == pytest.approx(expected.passes[-1].cost, rel=1e-12)


def test_the_default_is_the_articles_job(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("test accuracy: 0.952\n")
    out = tmp_path / "tinygrad_bp_output"
    assert {p.name for p in out.iterdir()} == SVGS | CHARTS | {"network.npz"}
    trained = tg.nn.train(*tg.datasets.load_seeds(), seed=0)
    C = trained.network.cost_graph(trained.X, trained.Y)
    assert (out / "both.svg").read_text(encoding="utf-8") == tg.draw(C, passes="both", detail="named").svg


def test_fit_learns_what_the_article_does(tmp_path, capsys, drawn, monkeypatch):
    """The same steps by `nn.fit`, in the examples' order."""
    monkeypatch.setattr(tg.nn, "fit", lambda *args, fit=tg.nn.fit, **kwargs: fit(*args, shuffle=False, **kwargs))
    results = []
    for articles in (True, False):
        monkeypatch.setattr(learning.Plan, "is_the_articles", lambda self, task, articles=articles: articles)
        assert cli.main(["train", "--json", "--out", str(tmp_path)]) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert results[0]["test"]["accuracy"] == results[1]["test"]["accuracy"]
    assert results[1]["test"]["cost"] == pytest.approx(results[0]["test"]["cost"], rel=1e-9)


def test_the_step_through_page_comes_with_the_pictures(tmp_path, capsys):
    assert cli.main(["train", *TWO, "--quiet", "--step-through", "--out", str(tmp_path)]) == 0
    assert "step_through.html" in capsys.readouterr().out
    assert (tmp_path / "step_through.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_trained_network_lives_in_a_page(tmp_path, capsys, drawn):
    assert cli.main(["train", *TWO, "--quiet", "--play", "--out", str(tmp_path)]) == 0
    assert "play.html" in capsys.readouterr().out
    model = living(tmp_path)
    trained = tg.nn.load(tmp_path / "network.npz").model
    given = {each["name"]: each for each in model["inputs"]}
    np.testing.assert_array_equal(given["W1"]["data"], trained["layers.0.W"].T.ravel())
    np.testing.assert_array_equal(given["b2"]["data"], trained["layers.2.b"])
    assert [given[name]["trained"] for name in ("W1", "b1", "X", "y")] == [True, True, False, False]
    assert model["examples"]["count"] == 98
    X, y = (np.array(each["data"]) for each in model["examples"]["inputs"])
    np.testing.assert_array_equal(given["X"]["data"], X[0])
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert set(y.ravel()) == {0.0, 1.0}


@pytest.mark.parametrize(("file", "target", "labels"), [("varieties", "variety", {0, 1, 2}), ("houses", "price", None)])
def test_any_trained_network_can_live_in_a_page(file, target, labels, tmp_path, drawn, request):
    data = request.getfixturevalue(file)
    table = ["--data", data, "--target", target, "--epochs", "1", "--layers"]
    widths = "7,3,3" if labels else "2,3,1"
    assert cli.main(["train", *table, widths, "--quiet", "--play", "--out", str(tmp_path / "out")]) == 0
    y = np.array(living(tmp_path / "out")["examples"]["inputs"][1]["data"])
    assert set(y.ravel()) == labels if labels else abs(y.mean()) < 1e-9


def living(folder):
    """What the page of a folder knows of its network."""
    page = (folder / "play.html").read_text(encoding="utf-8")
    return json.loads(re.search(r"const model = (.*);\n", page)[1])


def test_the_module_runs(tmp_path):
    done = run("train", *TWO, "--quiet", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.match(r"test accuracy: [01]\.\d{3}\n", done.stdout)
    assert {p.name for p in tmp_path.iterdir()} == SVGS | CHARTS | {"network.npz"}
    assert all(p.read_text(encoding="utf-8").rstrip().endswith("</svg>") for p in tmp_path.glob("*.svg"))
    done = run("train", "--alpha", "-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: alpha is a finite number above 0; got -1.0.\n"


# --- any table --------------------------------------------------------------------------------------------------------


def test_several_classes(varieties, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["train", "--data", varieties, "--epochs", "30", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "delimiter comma, column names in the first line\nmulti-class, 210 examples (147 train, 63 test)"
    )
    assert "7 features, classes of variety: Canadian, Kama, Rosa\n" in printed
    assert "network 7-16-3, tanh, adam, learning rate 0.01, batches of 32, seed 0\n" in printed
    assert float(re.search(r"^test accuracy: (.*)$", printed, re.MULTILINE)[1]) > 0.9
    rows = re.findall(r"^(?:Canadian|Kama|Rosa) +(\d+) +(\d+) +(\d+)$", printed, re.MULTILINE)
    assert np.sum(np.array(rows, dtype=int)) == 63
    assert {p.name for p in out.iterdir()} == SVGS | CHARTS | {"network.npz"}
    forward = (out / "forward.svg").read_text(encoding="utf-8")
    assert all(name in forward for name in ("W1", "z1", "a1", "W2", "z2", "softmax"))


def test_numbers_to_learn(houses, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--data", houses, "--layers", "2,16,1", "--epochs", "60", "--batch", "8", "--json", "--out", str(out)]
    assert cli.main(["train", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["task"], told["classes"], told["examples"]) == ("regression", None, {"train": 105, "test": 45})
    assert told["test"]["r2"] > 0.98
    assert told["test"]["rmse"] == pytest.approx(
        np.sqrt(told["test"]["cost"]) * told["train"]["rmse"] / np.sqrt(told["train"]["cost"])
    )
    assert "accuracy" not in told["test"]
    assert {p.name for p in out.iterdir()} == SVGS | CHARTS | {"network.npz"}
    assert cli.main(["train", *options[:2], *TWO, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^test RMSE: .*, R²: .*$", printed, re.MULTILINE)
    assert "2 features, target: price\n" in printed


def test_a_file_without_names_loses_no_example(tmp_path, capsys, drawn):
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{i};{-i};{'ab'[i // 10]}\n" for i in range(20)), encoding="utf-8")
    assert cli.main(["train", *TWO, "--data", str(path), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "delimiter semicolon, no column names, so columns are numbered\nbinary, 20 examples (14 train, 6 test)"
    )


def test_the_target_and_the_task_can_be_said(varieties, tmp_path, capsys, drawn):
    options = ["train", "--data", varieties, *TWO, "--json", "--out", str(tmp_path / "out")]
    assert "column 8 (variety): 'Kama' is not a finite number" in refused([*options, "--target", "area"], capsys)
    assert "task is one of binary, multi-class, regression; got 'classes'" in refused(
        [*options, "--task", "classes"], capsys
    )
    assert "there is no column 'x'" in refused([*options, "--target", "x"], capsys)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n2,1\n" * 10, encoding="utf-8")
    options[2] = str(path)
    assert cli.main([*options, "--target", "1", "--task", "regression"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["target"], told["features"], told["task"]) == ("a", ["b"], "regression")
    assert cli.main([*options, "--no-header"]) == 2
    assert "line 1, column 1: 'a' is not a finite number" in capsys.readouterr().err


def test_layers_must_fit_the_table(varieties, tmp_path, capsys):
    options = ["train", "--data", varieties, "--layers", "7,4,2", "--out", str(tmp_path / "out")]
    assert "layers 7,4,2 lead from 7 features to 2 outputs; this data needs 7 and 3" in refused(options, capsys)
    assert not (tmp_path / "out").exists()


def test_huge_numbers_are_scaled_like_any_other(tmp_path, capsys, drawn):
    x, others = RANDOM.normal(size=(2, 60))
    told = []
    for size in (1.0, 1e300):
        path = write(tmp_path / "t.csv", [size * x, others, 0 * x, size * (3 * x + 1)], ["a", "b", "c", "y"])
        assert cli.main(["train", "--data", path, "--epochs", "30", "--json", "--out", str(tmp_path / "out")]) == 0
        printed, errors = capsys.readouterr()
        assert errors == ""
        told.append(json.loads(printed)["test"])
    assert told[0]["r2"] > 0.5
    assert told[1]["r2"] == pytest.approx(told[0]["r2"], rel=1e-6)
    assert told[1]["rmse"] == pytest.approx(1e300 * told[0]["rmse"], rel=1e-6)


def test_one_example_is_not_enough(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,0.5\n", encoding="utf-8")
    assert "there is one example only" in refused(["train", "--data", str(path), "--out", str(tmp_path / "o")], capsys)


def test_validation_and_early_stopping(varieties, tmp_path, capsys, drawn):
    options = ["--validation", "0.2", "--early-stopping", "3", "--alpha", "0.3", "--epochs", "500"]
    assert cli.main(["train", "--data", varieties, *options, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "(118 train, 29 validation, 63 test)" in printed
    best = re.search(
        r"^stopped early after epoch (\d+); the best weights are those of epoch (\d+)$", printed, re.MULTILINE
    )
    assert int(best[1]) == int(best[2]) + 3
    kept = tg.nn.load(tmp_path / "out" / "network.npz")
    history = tg.nn.History.from_state(kept.history)
    assert (history.stopped, len(history)) == ("early stopping", int(best[1]))
    assert kept.optimizer_class == "Adam"
    assert history[0].validation_metrics["accuracy"] <= 1


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adam", "adamw"])
def test_every_optimizer(optimizer, tmp_path, capsys, drawn):
    options = ["--optimizer", optimizer, "--activation", "relu", "--batch", "16", "--epochs", "5", "--json"]
    assert cli.main(["train", *options, "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["optimizer"], told["activation"], told["epochs"]) == (optimizer, "relu", 5)


def test_json_is_one_object(tmp_path, capsys, drawn):
    assert cli.main(["train", *TWO, "--json", "--out", str(tmp_path)]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    told = json.loads(printed)
    assert told["examples"] == {"train": 98, "test": 42}
    assert told["classes"] == ["Kama", "Rosa"]
    assert np.sum(told["test"]["confusion"]) == 42
    pictures = ["forward.svg", "backward.svg", "both.svg", "history.svg", "boundary.svg"]
    assert [Path(path).name for path in told["written"]] == ["network.npz", *pictures]


def test_no_epochs_leave_the_initial_network(tmp_path, capsys, drawn):
    assert cli.main(["train", "--epochs", "0", "--quiet", "--out", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == SVGS | {"boundary.svg", "network.npz"}


# --- places and interruptions -----------------------------------------------------------------------------------------


def test_places_are_looked_at_before_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "learn", None)
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")
    for out in (taken, taken / "below"):
        assert "--out takes a folder; " in refused(["train", "--out", str(out)], capsys)
    for name in ("picture.svg", "network.npz", "page.HTML"):
        assert f"{name} is the name of a file" in refused(["train", "--out", str(tmp_path / name)], capsys)
        assert not (tmp_path / name).exists()
    (tmp_path / "out" / "history.svg").mkdir(parents=True)
    assert "history.svg is a folder" in refused(["train", "--out", str(tmp_path / "out")], capsys)


def test_charts_need_no_extra(tmp_path, capsys, drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["train", *TWO, "--out", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == SVGS | CHARTS | {"network.npz"}


def test_a_picture_that_cannot_be_made_costs_no_network_and_leaves_no_other(tmp_path, capsys, monkeypatch):
    class Broken(Picture):
        svg = property(lambda self: self.render())

        def __init__(self, passes):
            self.passes = passes

        def render(self):
            if self.passes == "both":
                raise RenderError("no picture\nof both")
            return "<svg/>"

    monkeypatch.setattr(tg, "draw", lambda C, passes, detail: Broken(passes), raising=False)
    assert cli.main(["train", *TWO, "--quiet", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: no picture of both\n"
    assert {p.name for p in tmp_path.iterdir()} == {"network.npz"}


@pytest.mark.skipif(os.name != "posix", reason="a signal to a process")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("at", "files"), [(3, SVGS | CHARTS | {"network.npz"}), (0, set())])
def test_ctrl_c_keeps_what_was_reached(at, files, optimizer, tmp_path, capsys, drawn, monkeypatch):
    def show(epoch):
        if epoch.epoch == at:
            os.kill(os.getpid(), signal.SIGINT)

    def pressed_at_once(plan, ready, progress, learn=command.learn):
        task, presses = ready.network.task, iter([signal.SIGINT])

        def loss(z, y):
            for press in presses:
                os.kill(os.getpid(), press)
            return task.loss(z, y)

        object.__setattr__(ready.network, "task", replace(task, loss=loss))
        return learn(plan, ready, progress)

    if at:
        monkeypatch.setattr(command, "bar", lambda *_: nullcontext(show))
    elif optimizer == "adam":
        monkeypatch.setattr(command, "learn", pressed_at_once)
    else:
        monkeypatch.setattr(tg.nn.NeuralNetwork, "fit", lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
    out = tmp_path / "out"
    assert cli.main(["train", "--optimizer", optimizer, "--out", str(out)]) == 130
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert {p.name for p in out.glob("*")} == files
    if at:
        assert f"interrupted after epoch {at}\n" in printed
        assert "test accuracy: " in printed
        history = tg.nn.History.from_state(tg.nn.load(out / "network.npz").history)
        assert (len(history), history.stopped) == (at, "interrupted")
    else:
        assert "interrupted before the first epoch was over; nothing is written" in printed


def test_an_interruption_elsewhere_is_no_crash(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise cli.typer.Abort

    monkeypatch.setattr(command, "prepared", interrupted)
    assert cli.main(["train", "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "out").exists()


# --- charts -----------------------------------------------------------------------------------------------------------


def test_charts_show_names_as_they_are(tmp_path, capsys, drawn):
    x = np.repeat([0.0, 1.0], 20)
    names = ["_a$<b>" if x_ else "語" for x_ in x]
    path = write(tmp_path / "t.csv", [x, RANDOM.normal(size=40), names], ["$x^", "<script>", "k"])
    assert cli.main(["train", "--data", path, *TWO, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == ""
    chart = (tmp_path / "out" / "boundary.svg").read_text(encoding="utf-8")
    for text in ("$x^", "&lt;script&gt;", "_a$&lt;b&gt;", "語", "k"):
        assert re.search(rf">\s*{re.escape(text)}</text>", chart), text
    assert "<script" not in chart
    again = tmp_path / "again"
    assert cli.main(["train", "--data", path, *TWO, "--out", str(again)]) == 0
    for name in ("boundary.svg", "history.svg"):
        assert (again / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize("features", [1, 2, 3])
def test_the_boundary_takes_two_features_or_two_components(features, tmp_path, capsys, drawn):
    X = RANDOM.normal(size=(30, features))
    names = [f"f{k}" for k in range(features)]
    path = write(tmp_path / "t.csv", [*X.T, (X[:, 0] > 0).astype(int)], [*names, "k"])
    assert cli.main(["train", "--data", path, "--epochs", "1", "--quiet", "--out", str(tmp_path / "out")]) == 0
    chart = tmp_path / "out" / "boundary.svg"
    assert chart.exists() == (features > 1)
    if features > 1:
        assert ("principal component 2" in chart.read_text(encoding="utf-8")) == (features > 2)


def test_a_constant_feature_and_many_classes_are_no_trouble(tmp_path, capsys, drawn):
    y = np.repeat(range(25), 6)
    path = write(
        tmp_path / "t.csv", [y + 0.1 * RANDOM.normal(size=150), np.ones(150), [f"k{k}" for k in y]], ["a", "b", "k"]
    )
    assert cli.main(["train", "--data", path, *TWO, "--out", str(tmp_path / "out")]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert "confusion: 25 classes, too many to show; --json has them" in printed


def shapes(path, kind, css=""):
    """The shapes of a kind in a picture, in groups of a class if one is named."""
    root = ElementTree.parse(path).getroot()
    groups = [g for g in root.iter() if g.get("class") == css] if css else [root]
    return [shape for group in groups for shape in group.iter(f"{{http://www.w3.org/2000/svg}}{kind}")]


def test_the_boundary_shows_the_examples_and_which_are_misclassified(varieties, tmp_path, capsys, drawn):
    assert cli.main(["train", "--data", varieties, *TWO, "--json", "--out", str(tmp_path)]) == 0
    told, chart = json.loads(capsys.readouterr().out), tmp_path / "boundary.svg"
    tables = [np.array(told[part]["confusion"]) for part in ("train", "test")]
    wrong = int(sum(table.sum() - np.trace(table) for table in tables))
    said = [circle[0].text for circle in shapes(chart, "circle", "swatch") if len(circle)]
    assert len(said) == wrong > 0
    assert all(re.fullmatch(r"(train|test): \w+, taken for \w+", text) for text in said)
    for k in range(3):  # the examples of the class, and its mark in the legend
        assert len(shapes(chart, "circle", f"k{k}")) == sum(table[k].sum() for table in tables) + 1
    assert f">misclassified: {wrong}</text>" in chart.read_text(encoding="utf-8")


def test_the_boundary_of_numbers_has_a_scale(houses, tmp_path, capsys, drawn):
    options = ["--validation", "0.2", "--quiet", "--out", str(tmp_path)]
    assert cli.main(["train", "--data", houses, *TWO, *options]) == 0
    marks = [mark for mark in shapes(tmp_path / "boundary.svg", "rect") if "swatch" in mark.get("class", "")]
    assert len(marks) == 105 - 21 + 45 + 2  # train, test, and both in the legend
    assert len(shapes(tmp_path / "boundary.svg", "rect")) == len(marks) + 9
    curves = [path for k in "01" for path in shapes(tmp_path / "history.svg", "path", f"k{k}")]
    assert len(curves) == 4  # cost and its validation, each with its sample


def test_charts_of_a_network_that_diverged(tmp_path, capsys, drawn):
    X = RANDOM.normal(size=(30, 3)) * [1.0, 1e200, 1.0]
    path = write(tmp_path / "t.csv", [*X.T, 1e3 * X[:, 0]], ["a", "b", "c", "y"])
    options = ["--optimizer", "sgd", "--alpha", "1e70", "--out", str(tmp_path / "out")]
    with np.errstate(all="ignore"):
        status = cli.main(["train", "--data", path, "--task", "regression", *TWO, *options])
    printed, errors = capsys.readouterr()
    assert (status, errors) == (0, ""), printed
    for name in CHARTS:
        chart = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert not re.search(r'[" ,]-?(nan|inf)[" ,]', chart)
