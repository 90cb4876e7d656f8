"""`check`: a right gradient is called right, a wrong one wrong, whichever way the arguments are given."""

import json
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
from tinygrad_bp import cli

from .test_cli import refused

MINE = """\
import numpy as np
import tinygrad_bp as tg
from tinygrad_bp.domains import Reals

inputs = (np.ones((2, 3)), np.arange(3.0) + 1)
one = tg.tensor([1.0, 2.0])
ragged = [[1], [1, 2]],
whole = (1, 2)

def made():
    return inputs

def right(a, b):
    return tg.tanh(a @ b)

def with_defaults(x=np.array([0.5, 1.5]), n=2):
    return tg.sin(x) * n

def wrong(x=np.array([0.5, 1.5])):
    return halved(x)

def raises(x=1.0):
    return tg.sin(x) + [][3]

def raises_sometimes(x=1.0):
    if isinstance(x, tg.Tensor) and x.requires_grad:
        raise RuntimeError("only then")
    return tg.sin(x)

def word(x="a"):
    return x

def nothing():
    return 1.0

def failing():
    raise KeyError("inputs")

@tg.custom_op(derivatives=(lambda y, x: np.cos(x) / 2,), latex="h({0})", domain=Reals())
def halved(x):
    "The sine, with half its derivative."
    return np.sin(x)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine_to_check.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    yield lambda name: f"mine_to_check:{name}"
    sys.modules.pop("mine_to_check", None)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("with_defaults", [], "x (2,), n ()"),
        ("right", ["--at", "mine_to_check:inputs"], "a (2, 3), b (3,)"),
        ("right", ["--at", "mine_to_check:made", "--order", "1"], "a (2, 3), b (3,)"),
        ("right", ["--shape", "3,4", "--shape", "4"], "a (3, 4), b (4,)"),
        ("with_defaults", ["--shape", "()", "--analytic"], "x ()"),
        ("with_defaults", ["--at", "mine_to_check:one"], "x (2,)"),
    ],
)
def test_a_right_gradient(name, options, said, mine, capsys):
    assert cli.main(["check", mine(name), *options]) == 0
    order = "" if "--order" in options else ", and their derivatives,"
    assert capsys.readouterr().out == f"mine_to_check:{name} at {said}: gradients and forward mode{order} are right\n"


def test_a_wrong_gradient_has_status_1(mine, capsys):
    assert cli.main(["check", mine("wrong")]) == 1
    printed, errors = capsys.readouterr()
    assert errors == ""
    first, second = printed.splitlines()
    assert first == "mine_to_check:wrong at x (2,): gradients and forward mode, and their derivatives, are wrong"
    assert re.search(r"the gradient for input 0 .* at index \(0,\): expected .*, got ", second)
    assert cli.main(["check", mine("wrong"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "function": "mine_to_check:wrong", "shapes": [[2]], "order": 2, "right": False, "message": second,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("right", [], "what to call it with? There is no default for a, b. Give one to every parameter, or --at"),
        ("nothing", [], "what to call it with?"),
        ("word", [], "argument 1 is no array of numbers, but a str"),
        ("right", ["--at", "mine_to_check:ragged"], "argument 1 is no array of numbers"),
        ("right", ["--at", "mine_to_check:whole"], "no argument is of floating-point numbers"),
        ("right", ["--at", "mine_to_check:inputs", "--shape", "3"], "from --at or from --shape, not from both"),
        ("right", ["--shape", "3,x"], "--shape takes lengths with commas between, as in 3,4; got '3,x'"),
        ("right", ["--shape", "-3"], "--shape takes lengths"),
        ("right", ["--order", "3"], "order is 1 or 2; got 3"),
        ("right", ["--seed", "-1"], "a seed is a whole number from 0 on"),
        ("right", ["--at", "inputs"], "--at takes module:function"),
        ("inputs", [], "is no function, but a tuple"),
        ("none", [], "cannot be loaded"),
        (
            "right",
            ["--shape", "3,4"],
            "takes a, b; 1 given: missing a required argument: 'b'. Give --shape once for each",
        ),
        ("nothing", ["--shape", "3"], "takes no arguments; 1 given: too many positional arguments"),
    ],
)
def test_a_mistake_is_one_line(name, options, message, mine, capsys):
    assert message in refused(["check", mine(name), *options], capsys)


@pytest.mark.parametrize(
    ("name", "options", "last"),
    [
        ("raises", [], "IndexError: list index out of range\n"),
        ("raises_sometimes", [], "RuntimeError: only then\n"),
        ("right", ["--at", "mine_to_check:failing"], "KeyError: 'inputs'\n"),
        ("right", ["--shape", "2,3", "--shape", "4"], None),
    ],
)
def test_what_the_function_raises_is_theirs(name, options, last, mine, capsys):
    assert cli.main(["check", mine(name), *options]) == 1
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.startswith("Traceback")
    assert last is None or errors.endswith(last)
    assert {Path(frame).name for frame in re.findall(r'File "(.*?)"', errors)} == {"mine_to_check.py"}
