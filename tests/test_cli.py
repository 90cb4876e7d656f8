"""The command line: what it prints and writes, one line for every mistake, and nothing half done."""

import configparser
import gc
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

import tinygrad_bp as tg

pytest.importorskip("typer", reason="the command line needs the extra cli")
from tinygrad_bp import cli

ROOT = Path(__file__).resolve().parent.parent
SVGS = ["forward.svg", "backward.svg", "both.svg", "history.svg", "boundary.svg"]
COMMANDS = ["train", "predict", "draw", "derive", "tutor", "play", "activations", "source", "check", "doctor"]
COMMANDS += ["completion"]

MINE = """\
import numpy as np
import tinygrad_bp as tg

number = 3

def cost():
    return tg.sigmoid(tg.tensor(0.5, requires_grad=True, name="x")).named("C")

def with_default(x=2.0):
    return (tg.tensor(x, requires_grad=True) ** 2).named("C")

def of(x, y, *rest, z=1, **more):
    return cost()

def broken():
    return {}["missing"]

def deeper():
    try:
        broken()
    except KeyError as error:
        raise ValueError("no such key") from error

def shapes():
    return tg.tensor(np.ones((2, 3)), requires_grad=True) @ np.ones((2, 3))

def no_tensor():
    return 3
"""


def run(*arguments, **environment):
    command = [sys.executable, "-m", "tinygrad_bp", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of the user's in the folder that the command line is called from."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("mine", None)


def refused(arguments, capsys):
    """The one line that a mistake gets."""
    assert cli.main(arguments) == 2
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    return errors


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
        (["train", "--optimizer", "adams"], "optimizer is one of sgd, rmsprop, adagrad, adam, adamw; got 'adams'"),
        (["train", "--activation", "sigmoidal"], "activation is a function or one of"),
        (["train", "--validation", "1"], "validation is a share between 0 and 1; got 1.0"),
        (["train", "--validation", "0.001"], "leaves a part empty"),
        (["train", "--early-stopping", "0"], "early-stopping is a whole number from 1 on; got 0"),
        (["train", "--target", "area"], "--target, --task and --header are for a file: name it with --data"),
        (["derive", "--batch", "0"], "batch is a whole number from 1 on; got 0"),
        (["derive", "--out", "x.pdf"], "--out takes a page, .html or .htm, or a folder; got x.pdf"),
        (["play", "--out", "x.pdf"], "or a folder; got x.pdf"),
        (["tutor", "--out", "x.pdf"], "or a folder; got x.pdf"),
        (["tutor", "--json"], "--json is for a page: name it with --out"),
        (["play", "--layers", "6,1"], "--layers begins with 7, the features of the seeds, and ends with 1; got 6,1"),
        (["draw", "mine:f", "--out", "x.jpg"], "--out takes a file with the suffix .svg, .png,"),
        (["draw", "mine:f", "--out", "x"], "got x."),
        (["source", "--layers", "7,999999999999,1"], "there is not enough memory"),
        (["source", "--layers", "7"], "two or more layers"),
        (["source", "--batch", "0"], "from 1 on"),
        (["source", "--activation", "sigmoidal"], "activation is"),
        (["predict", "none.npz", "none.csv"], "none.npz: No such file or directory"),
        (["predict", "none.txt", "none.csv"], "the suffix is one of .npz, .safetensors; got 'none.txt'"),
        (
            ["predict", "none.npz", "none.csv", "--out", "p.txt"],
            "--out takes a file with the suffix .csv; got p.txt. Pass p.csv, say.",
        ),
        (
            ["predict", "none.npz", "none.csv", "--out", "."],
            "--out takes a file with the suffix .csv; . is a folder. Pass name.csv, say.",
        ),
        (["draw", "mine:f", "--out", ".."], "; .. is a folder. Pass ../name.svg, say."),
        (["check"], "Missing argument 'target'. (python -m tinygrad_bp check --help)"),
        (["completion", "tcsh"], "completion takes one of bash, zsh, fish, powershell; got 'tcsh'"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    said = refused(arguments, capsys).replace("'TARGET'", "'target'")  # as older Typers write it
    assert message in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command, capsys):
    assert cli.main([command, "--help"]) == 0
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert "Usage: python -m tinygrad_bp" in printed
    examples = printed.partition("Examples:\n")[2].splitlines()
    assert examples
    assert all(line.startswith(f"    python -m tinygrad_bp {command}") for line in examples)


def test_help_lists_every_command_and_no_more_than_it_has(capsys):
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert re.findall(r"^  (\w+)  +[A-Z]", printed.partition("Commands:")[2], re.MULTILINE) == COMMANDS
    assert re.findall(r"--[\w-]+", printed) == ["--version", "--help", "--help"]


def test_the_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tinygrad_bp {tg.__version__}\n"


def test_the_script_is_called_by_its_own_name(capsys, monkeypatch):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    name, _, place = setup["options.entry_points"]["console_scripts"].strip().partition(" = ")
    module, _, function = place.partition(":")
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)  # which is for a process of its own
    monkeypatch.setattr(sys, "argv", [f"/bin/{name}", "check", "--help"])
    assert getattr(importlib.import_module(module), function)() == 0
    assert "Usage: tinygrad_bp check" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_prints_a_script_for_the_command(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "tinygrad_bp" in script
    assert "_TINYGRAD_BP_COMPLETE" in script


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("tinygrad_bp pr", ["predict"]),
        ("tinygrad_bp train --optimizer ada", ["adagrad", "adam", "adamw"]),
        ("tinygrad_bp derive --activation softp", ["softplus"]),
        ("tinygrad_bp completion z", ["zsh"]),
    ],
)
def test_completion_answers_the_shell(words, offered, capsys, monkeypatch):
    monkeypatch.setenv("_TINYGRAD_BP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit, match="0"):
        cli.main([])
    assert capsys.readouterr().out.split() == offered


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_extra_is_named(tmp_path, package):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError({package!r})", encoding="utf-8")
    done = run("train", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: .*pip install 'tinygrad_bp\[cli\]'\n", done.stderr)


# --- what a function returns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["C.svg", "C.dot", "C.html"])
def test_draw_writes_what_the_suffix_says(name, mine, capsys):
    assert cli.main(["draw", "mine:cost", "--out", f"pictures/{name}"]) == 0
    assert (mine / "pictures" / name).stat().st_size
    assert capsys.readouterr().out == f"pictures/{name}\n"


def test_draw_calls_with_defaults_and_tells_programs(mine, capsys):
    assert cli.main(["draw", "mine:with_default", "--out", "C.svg", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"written": ["C.svg"]}


@pytest.mark.parametrize("target", ["mine", "no_such_module:cost", "tinygrad_bp:no_such_function", ":f", "mine:"])
def test_draw_says_what_cannot_be_loaded(target, mine, capsys):
    assert target in refused(["draw", target, "--out", "C.svg"], capsys)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine:of", "mine:of needs x, y, and is called without arguments. Give x a default"),
        ("mine:number", "mine:number is no function, but an int"),
        ("mine:no_tensor", "expected a tensor; got int"),
        ("mine.py:cost", "a module by its name, mine:f for f in mine.py here; got 'mine.py:cost'"),
        ("./mine:cost", "a module by its name"),
    ],
)
def test_draw_says_what_it_cannot_call(target, message, mine, capsys):
    assert message in refused(["draw", target, "--out", "C.svg"], capsys)
    assert not (mine / "C.svg").exists()


@pytest.mark.parametrize(
    ("name", "kinds", "last"),
    [
        ("broken", ["KeyError"], "KeyError: 'missing'\n"),
        ("deeper", ["KeyError", "ValueError"], "ValueError: no such key\n"),
        ("shapes", ["ShapeError"], None),
    ],
)
def test_an_exception_of_theirs_is_shown_without_frames_of_ours(name, kinds, last, mine, capsys):
    assert cli.main(["draw", f"mine:{name}", "--out", "C.svg"]) == 1
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.count("Traceback") == len(kinds)
    frames = re.findall(r'File "(.*?)"', errors)
    assert {Path(frame).name for frame in frames} == {"mine.py"}
    assert kinds[-1] in errors.splitlines()[-1]
    assert last is None or errors.endswith(last)


def test_a_function_that_python_knows_no_parameters_of(tmp_path, capsys):
    assert cli.main(["draw", "builtins:max", "--out", str(tmp_path / "C.svg")]) == 1
    assert capsys.readouterr().err == "TypeError: max expected at least 1 argument, got 0\n"


def test_an_exception_while_their_module_is_imported_is_theirs_too(tmp_path, monkeypatch, capsys):
    (tmp_path / "breaks.py").write_text("x = 1 / 0\n")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["draw", "breaks:f", "--out", "C.svg"]) == 1
    errors = capsys.readouterr().err
    assert errors.endswith("ZeroDivisionError: division by zero\n")
    assert {Path(frame).name for frame in re.findall(r'File "(.*?)"', errors)} == {"breaks.py"}


def test_outputs_are_looked_at_before_the_work(mine, capsys):
    (mine / "folder.svg").mkdir()
    (mine / "file").write_text("")
    (mine / "out").mkdir()
    (mine / "out" / "derivation.html").mkdir()
    cases = [
        (["draw", "mine:broken", "--out", "folder.svg"], "folder.svg is a folder"),
        (["draw", "mine:broken", "--out", "file/C.svg"], "file is a file"),
        (["derive", "--out", "file"], "file is a file"),
        (["derive", "--out", "out"], "derivation.html is a folder"),
        (["derive", "--out", "out/derivation.html"], "derivation.html is a folder"),
    ]
    for arguments, message in cases:
        assert message in refused(arguments, capsys)


@pytest.mark.parametrize("closed", ["C.svg", "closed"])
def test_places_that_may_not_be_written_to(closed, mine, capsys, monkeypatch):
    (mine / "closed").mkdir()
    (mine / "closed" / "C.svg").write_text("")
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode & os.W_OK and Path(path).name == closed))
    assert f"{closed} may not be written to" in refused(["draw", "mine:cost", "--out", "closed/C.svg"], capsys)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no folder that refuses whoever asks")
def test_a_folder_in_which_no_file_can_be_made(mine, capsys):
    assert "/proc may not be written to" in refused(["draw", "mine:broken", "--out", "/proc/C.svg"], capsys)
    assert "/proc may not be written to" in refused(["train", "--out", "/proc/new"], capsys)


def test_derive_writes_a_page_or_into_a_folder(tmp_path, capsys):
    folder = tmp_path / "v1.2"
    folder.mkdir()
    for out, page in (
        (tmp_path / "n.htm", "n.htm"),
        (folder, "v1.2/derivation.html"),
        (tmp_path / "a", "a/derivation.html"),
    ):
        assert cli.main(["derive", "--layers", "2,1", "--out", str(out)]) == 0
        assert capsys.readouterr().out == f"{tmp_path / page}\n"
        assert (tmp_path / page).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_play_writes_a_page(tmp_path, capsys):
    assert cli.main(["play", "--layers", "7,1", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'play.html'}\n"
    assert (tmp_path / "play.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_source_prints_a_program_that_needs_only_numpy(capsys):
    assert cli.main(["source", "--layers", "7,3,1", "--batch", "4", "--activation", "tanh"]) == 0
    program, errors = capsys.readouterr()
    assert errors == ""
    assert "a1 = np.tanh(z1)" in program
    assert "tinygrad_bp" not in program.replace("Written by tinygrad_bp", "")
    space = {}
    exec(program, space)
    assert callable(space["compute_derivatives"])


@pytest.mark.skipif(os.name != "posix", reason="a signal to a process")
def test_ctrl_c_in_a_process(tmp_path):
    command = [sys.executable, "-u", "-m", "tinygrad_bp", "train", "--epochs", "1000000", "--out", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("network 7-2-1"):
                break
        sleep(2)  # it is training, and imports nothing more
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert errors == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"network.npz", *SVGS}  # all, or none before the first epoch


def test_activations_are_printed_and_drawn(tmp_path, capsys):
    assert cli.main(["activations", "relu", "tanh"]) == 0
    assert capsys.readouterr().out == tg.nn.activation_sheet("relu", "tanh").text + "\n"
    out = tmp_path / "new" / "sheet.svg"
    assert cli.main(["activations", "--json", "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] == [str(out)]
    assert [entry["name"] for entry in told["entries"]] == list(tg.nn.ACTIVATIONS)
    assert out.read_text(encoding="utf-8") == tg.nn.activation_sheet().svg
    assert cli.main(["activations", "--out", str(tmp_path / "sheet.png")]) == 2
    assert "--out takes a file with the suffix .svg; got" in capsys.readouterr().err


def test_the_tutor_writes_a_page(tmp_path, capsys):
    pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")
    assert cli.main(["tutor", "--layers", "2,1", "--out", str(tmp_path / "new"), "--json"]) == 0
    path = tmp_path / "new" / "tutor.html"
    assert json.loads(capsys.readouterr().out) == {"written": [str(path)]}
    assert "gradients to write down" in path.read_text(encoding="utf-8")


def test_the_tutor_judges_answers(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y - a2\n(a2 - y)/m\nq\n"))
    assert cli.main(["tutor", "--layers", "2,2,1", "--seed", "1"]) == 0
    told = capsys.readouterr().out
    assert "z1 (2, 4)" in told
    assert "sign" in told
    assert cli.main(["tutor", "--batch", "0"]) == 2
    assert "whole number from 1 on; got 0" in capsys.readouterr().err
