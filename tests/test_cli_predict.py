"""`predict`: every example of a file gets its prediction, by the columns that the network was trained on."""

import csv
import io
import json

import numpy as np
import pytest

import tinygrad_bp as tg

pytest.importorskip("typer", reason="the command line needs the extra cli")
from tinygrad_bp import cli

from .test_cli import refused
from .test_cli_train import Picture, write

RANDOM = np.random.default_rng(0)
NAMES = [*tg.datasets.FEATURES, "variety"]


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """Train on a table; returns the network's file and what the training said."""
    monkeypatch.setattr(tg, "draw", lambda C, passes, detail: Picture(passes), raising=False)

    def train(*options):
        out = tmp_path / "out"
        assert cli.main(["train", *options, "--json", "--out", str(out)]) == 0
        return str(out / "network.npz"), json.loads(capsys.readouterr().out)

    return train


def predicted(arguments, capsys):
    assert cli.main(["predict", *map(str, arguments)]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    return [*csv.reader(io.StringIO(printed))]


def seeds(path, varieties=(1, 2)):
    X, y = tg.datasets.load_seeds(varieties)
    names = [tg.datasets.VARIETIES[varieties[k]] for k in y]
    return write(path, [*X.T, names], NAMES), X, names


def test_the_articles_network(trained, tmp_path, capsys):
    network, told = trained()
    path, _, names = seeds(tmp_path / "t.csv")
    head, *rows = predicted([network, path], capsys)
    assert head == ["class", "P(Kama)", "P(Rosa)"]
    right = sum(row[0] == name for row, name in zip(rows, names, strict=True))
    assert right == sum(np.trace(told[part]["confusion"]) for part in ("train", "test"))
    p = np.array([row[1:] for row in rows], dtype=float)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    training = tg.nn.train(*tg.datasets.load_seeds(), seed=0)
    order = np.random.default_rng(0).permutation(140)[:98]
    np.testing.assert_allclose(p[order, 1], training.network.forward_propagate(training.X)[0], rtol=1e-9)


def test_several_classes_to_a_file(trained, tmp_path, capsys):
    path, _, names = seeds(tmp_path / "t.csv", (1, 2, 3))
    network, told = trained("--data", path, "--epochs", "20")
    out = tmp_path / "new" / "p.csv"
    assert cli.main(["predict", network, path, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"210 predictions in {out}\n"
    head, *rows = csv.reader(io.StringIO(out.read_text(encoding="utf-8")))
    assert head == ["class", "P(Canadian)", "P(Kama)", "P(Rosa)"]
    p = np.array([row[1:] for row in rows], dtype=float)
    assert [row[0] for row in rows] == [head[1 + k][2:-1] for k in p.argmax(axis=1)]
    right = sum(row[0] == name for row, name in zip(rows, names, strict=True))
    assert right == sum(np.trace(told[part]["confusion"]) for part in ("train", "test"))
    assert cli.main(["predict", network, path, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"examples": 210, "written": [str(out)]}


def test_numbers(trained, tmp_path, capsys):
    x = RANDOM.normal(size=(80, 2))
    y = 1000 + 50 * x[:, 0]
    path = write(tmp_path / "t.csv", [*x.T, y], ["a", "b", "y"])
    network, told = trained("--data", path, "--epochs", "50", "--batch", "8")
    head, *rows = predicted([network, path], capsys)
    assert head == ["prediction"]
    error = np.array(rows, dtype=float)[:, 0] - y
    rmse = [told[part]["rmse"] ** 2 * told["examples"][part] for part in ("train", "test")]
    assert np.sum(error**2) == pytest.approx(sum(rmse))
    assert cli.main(["predict", network, path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["columns"] == ["prediction"]
    assert found["predictions"] == [[float(row[0])] for row in rows]


def test_columns_go_by_name_in_any_order(trained, tmp_path, capsys):
    network, _ = trained()
    path, X, _ = seeds(tmp_path / "t.csv")
    expected = predicted([network, path], capsys)
    mixed = write(tmp_path / "m.csv", [["?"] * 140, *X.T[::-1]], ["note", *NAMES[6::-1]])
    assert predicted([network, mixed], capsys) == expected
    without = write(tmp_path / "w.csv", X.T, NAMES[:7])
    assert predicted([network, without], capsys) == expected
    (tmp_path / "n.csv").write_text((tmp_path / "w.csv").read_text().partition("\n")[2])
    assert predicted([network, tmp_path / "n.csv"], capsys) == expected
    (tmp_path / "n.csv").write_text((tmp_path / "t.csv").read_text().partition("\n")[2])
    assert predicted([network, tmp_path / "n.csv"], capsys) == expected
    lacking = write(tmp_path / "l.csv", X.T[1:6], NAMES[1:6])
    assert f"{lacking} lacks area, groove_length; its columns are perimeter," in refused(
        ["predict", network, lacking], capsys
    )
    (tmp_path / "n.csv").write_text("1,2,3\n")
    assert "has 3 columns; the network takes 7, area," in refused(["predict", network, str(tmp_path / "n.csv")], capsys)


def test_a_network_of_a_file_without_names(trained, tmp_path, capsys):
    x = RANDOM.normal(size=(40, 2))
    rows = [f"{a},{'pq'[int(a > b)]},{b}\n" for a, b in x]
    (tmp_path / "t.csv").write_text("".join(rows))
    network, _ = trained("--data", str(tmp_path / "t.csv"), "--target", "2", "--epochs", "5")
    expected = predicted([network, tmp_path / "t.csv"], capsys)
    (tmp_path / "n.csv").write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in x))
    assert predicted([network, tmp_path / "n.csv"], capsys) == expected
    assert expected[0] == ["class", "P(p)", "P(q)"]


def test_faults_in_the_examples_are_named(trained, tmp_path, capsys):
    network, _ = trained("--epochs", "1")
    path, _, _ = seeds(tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text().splitlines()
    text[2] = text[2].replace(",", ",x", 1)
    (tmp_path / "t.csv").write_text("\n".join(text))
    assert "line 3, column 2 (perimeter): 'x" in refused(["predict", network, path], capsys)
    assert "cannot be read" in refused(["predict", network, str(tmp_path / "none.csv")], capsys)


def test_files_that_train_did_not_write_are_refused(trained, tmp_path, capsys):
    path, _, _ = seeds(tmp_path / "t.csv")
    other = str(tmp_path / "other.npz")
    (tmp_path / "other.npz").write_bytes(b"PK nothing")
    assert "other.npz" in refused(["predict", other, path], capsys)
    model = tg.nn.Sequential(tg.nn.Linear(7, 2, seed=0), tg.nn.Tanh(), tg.nn.Linear(2, 1, seed=0))
    good = {"scaling": (np.zeros(7), np.ones(7)), "classes": ["a", "b"], "task": "binary", "activation": "tanh"}
    good |= {"target_scaling": [0, 1], "columns": NAMES, "target": "variety", "has_header": True}
    tg.nn.save(other, model, **good)
    assert len(predicted([other, path], capsys)) == 141
    wrong = [
        {"task": "other"},
        {"task": None},
        {"task": "multi-class"},
        {"activation": "other"},
        {"activation": ["tanh"]},
        {"target_scaling": ["x", 1]},
        {"target_scaling": 0},
        {"columns": NAMES[1:]},
        {"columns": 3},
        {"classes": None},
        {"classes": ["a"]},
        {"classes": ["a", "b", "c"]},
        {"scaling": (np.zeros(6), np.ones(6))},
        {"scaling": (np.zeros(7), np.ones(6))},
        {"scaling": None},
    ]
    for change in wrong:
        tg.nn.save(other, model, **good | change)
        assert "holds no network that `train` wrote" in refused(["predict", other, path], capsys), change
    for name in ("task", "activation", "target_scaling", "columns", "target", "has_header"):
        tg.nn.save(other, model, **{key: value for key, value in good.items() if key != name})
        assert "holds no network that `train` wrote" in refused(["predict", other, path], capsys), name
    for layers in (tg.nn.Linear(7, 1), tg.nn.Sequential(tg.nn.Linear(7, 3), tg.nn.Tanh(), tg.nn.Linear(2, 1))):
        tg.nn.save(other, layers, **good)
        assert "holds no network that `train` wrote" in refused(["predict", other, path], capsys)
