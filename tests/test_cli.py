"""The command line: what it prints and writes, one line for every mistake, and nothing half done."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import RenderError

pytest.importorskip("typer", reason="the command line needs the extra cli")
from tinygrad_bp import cli

ROOT = Path(__file__).resolve().parent.parent
SVGS = {"forward.svg", "backward.svg", "both.svg"}
TWO = ["--epochs", "2"]


class Picture:
    """What `draw` returns, without the work."""

    def __init__(self, passes):
        self.svg = f"<svg><!-- {passes} --></svg>"

    def save(self, path):
        Path(path).write_text(self.svg, encoding="utf-8")


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


def run(*arguments, **environment):
    command = [sys.executable, "-m", "tinygrad_bp", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300)


def test_trains_draws_and_says_so(tmp_path, capsys, drawn):
    out = tmp_path / "a" / "b"
    assert cli.main(["train", *TWO, "--out", str(out)]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert re.search(r"training .*2/2 cost \d\.\d{4} +accuracy [01]\.\d{3}", printed)
    assert re.search(r"^test accuracy: [01]\.\d{3}$", printed, re.MULTILINE)
    assert str(out) in printed.replace("\n", "")
    assert {p.name for p in out.iterdir()} == SVGS
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


def test_the_default_is_the_articles_job(tmp_path, capsys, drawn, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("test accuracy: 0.9")
    assert {p.name for p in (tmp_path / "tinygrad_bp_output").iterdir()} == SVGS


def test_data_of_ones_own(tmp_path, capsys, drawn):
    table = tmp_path / "t.csv"
    table.write_text("a,b,class\n" + "".join(f"{i},{-i},{i // 10}\n" for i in range(20)), encoding="utf-8")
    options = ["--data", str(table), "--layers", "2,1", "--quiet", "--out", str(tmp_path / "out")]
    assert cli.main(["train", *options]) == 0
    assert cli.main(["train", *options[:2], "--out", str(tmp_path / "other")]) == 2
    assert "this data needs 2 and 1" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing command"),
        (["trian"], "No such command 'trian'"),
        (["train", "--epoch", "3"], "No such option"),
        (["train", "more"], "unexpected extra argument"),
        (["train", "--epochs", "many"], "Invalid value for '--epochs'"),
        (["train", "--epochs", "-1"], "epochs is a whole number from 0 on; got -1"),
        (["train", "--alpha", "0"], "alpha is a finite number above 0; got 0.0"),
        (["train", "--alpha", "nan"], "alpha is a finite number above 0; got nan"),
        (["train", "--alpha", "-1"], "got -1.0"),
        (["train", "--batch", "0"], "batch is a whole number from 1 on; got 0"),
        (["train", "--seed", "-1"], "a seed is a whole number from 0 on"),
        (["train", "--layers", "7,x,1"], "--layers takes widths"),
        (["train", "--layers", ""], "--layers takes widths"),
        (["train", "--layers", "7"], "two or more layers"),
        (["train", "--layers", "7,0,1"], "the width of layer 1"),
        (["train", "--layers", "6,2,1"], "this data needs 7 and 1"),
        (["train", "--layers", "7,2,2"], "this data needs 7 and 1"),
        (["train", "--data", "no/such/file.csv"], "no/such/file.csv cannot be read: No such file"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(tmp_path, capsys, drawn, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert not list(tmp_path.iterdir())


def test_refuses_a_file_as_folder(tmp_path, capsys, drawn):
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")
    for out, message in ((taken, "--out takes a folder"), (taken / "below", "Not a directory")):
        assert cli.main(["train", *TWO, "--quiet", "--out", str(out)]) == 2
        assert message in capsys.readouterr().err


def test_no_picture_is_written_if_one_cannot_be_made(tmp_path, capsys, monkeypatch):
    class Broken(Picture):
        svg = property(lambda self: self.render())

        def __init__(self, passes):
            self.passes = passes

        def render(self):
            if self.passes == "both":
                raise RenderError("no picture\nof both")
            return "<svg/>"

    monkeypatch.setattr(tg, "draw", lambda C, passes, detail: Broken(passes), raising=False)
    out = tmp_path / "out"
    assert cli.main(["train", *TWO, "--quiet", "--out", str(out)]) == 2
    assert capsys.readouterr().err == "error: no picture of both\n"
    assert not out.exists()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, cli.typer.Abort])
def test_an_interruption_is_no_crash(tmp_path, capsys, drawn, monkeypatch, interruption):
    def interrupted(*_, progress):
        progress(tg.nn.Pass(1, 0.5, 0.5))
        raise interruption

    monkeypatch.setattr(tg.nn, "train", interrupted)
    assert cli.main(["train", "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "out").exists()


def test_help_is_no_mistake(capsys):
    assert cli.main(["train", "--help"]) == 0
    printed, errors = capsys.readouterr()
    assert "--epochs" in printed
    assert errors == ""


def test_the_module_runs(tmp_path):
    done = run("train", *TWO, "--quiet", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.match(r"test accuracy: [01]\.\d{3}\n", done.stdout)
    assert {p.name for p in tmp_path.iterdir()} == SVGS
    assert all(p.read_text(encoding="utf-8").rstrip().endswith("</svg>") for p in tmp_path.iterdir())
    done = run("train", "--alpha", "-1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: alpha is a finite number above 0; got -1.0.\n"


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_extra_is_named(tmp_path, package):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError({package!r})", encoding="utf-8")
    done = run("train", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: .*pip install 'tinygrad_bp\[cli\]'\n", done.stderr)


def test_the_step_through_page_comes_with_the_pictures(tmp_path, capsys):
    assert cli.main(["train", *TWO, "--quiet", "--step-through", "--out", str(tmp_path)]) == 0
    assert "step_through.html" in capsys.readouterr().out
    assert (tmp_path / "step_through.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", ["C.svg", "C.dot", "C.html"])
def test_draw_writes_what_the_suffix_says(name, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(
        "import tinygrad_bp as tg\n"
        "def cost():\n"
        "    return tg.sigmoid(tg.tensor(0.5, requires_grad=True, name='x')).named('C')\n"
    )
    monkeypatch.chdir(tmp_path)
    assert cli.main(["draw", "mine:cost", "--out", f"pictures/{name}"]) == 0
    assert (tmp_path / "pictures" / name).stat().st_size
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("target", ["mine", "no_such_module:cost", "tinygrad_bp:no_such_function"])
def test_draw_says_what_cannot_be_loaded(target, tmp_path, capsys):
    assert cli.main(["draw", target, "--out", str(tmp_path / "C.svg")]) == 2
    error = capsys.readouterr().err
    assert target in error
    assert error.count("\n") == 1


def test_source_prints_a_program_that_needs_only_numpy(capsys):
    assert cli.main(["source", "--layers", "7,3,1", "--batch", "4", "--activation", "tanh"]) == 0
    program, errors = capsys.readouterr()
    assert errors == ""
    assert "a1 = np.tanh(z1)" in program
    assert "tinygrad_bp" not in program.replace("Written by tinygrad_bp", "")
    space = {}
    exec(program, space)
    assert callable(space["compute_derivatives"])


@pytest.mark.parametrize("arguments", [["--layers", "7"], ["--batch", "0"], ["--activation", "sigmoidal"]])
def test_source_refuses_in_one_line(arguments, capsys):
    assert cli.main(["source", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error: ")
