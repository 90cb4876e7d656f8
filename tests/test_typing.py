"""What type checkers see: stubs that are made of the records, types that users can rely on, mistakes that are found."""

import re
import subprocess
import sys
from inspect import isfunction
from pathlib import Path

import pytest

import tinygrad_bp as tg
from tinygrad_bp.registry import OPS
from tinygrad_bp.stubs import stubs

ROOT = Path(__file__).resolve().parent.parent

PAGES = (tg, tg.linalg, tg.fft, tg.signal, tg.special)


def test_an_op_is_exported_or_says_that_it_is_internal():
    library = [record for record in OPS.values() if record.forward.__module__.startswith("tinygrad_bp.")]
    exported = {(name, f.__module__) for page in PAGES for name, f in vars(page).items() if isfunction(f)}
    wrong = [r.name for r in library if ((r.name, r.forward.__module__) in exported) == r.internal]
    assert not wrong, "name each in functions.py, linalg.py or fft.py, or pass internal=True, not both"


@pytest.mark.parametrize("name", stubs())
def test_a_stub_is_what_the_signatures_make_of_it(name):
    page = ROOT / "tinygrad_bp" / f"{name}.pyi"
    assert page.read_text(encoding="utf-8") == stubs()[name], "run python -m tinygrad_bp.stubs"


@pytest.mark.once
def test_user_code_has_the_types_it_says_and_mistakes_are_found():
    folder = Path("tests", "typing")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--follow-imports=silent",
        folder / "user_code.py",
        folder / "wrong_code.py",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    found = re.findall(r"^(.+?):(\d+): error: .*\[([a-z-]+)\]$", done.stdout, re.MULTILINE)
    lines = (ROOT / folder / "wrong_code.py").read_text(encoding="utf-8").splitlines()
    marked = [re.search("# error: (.+)", line) for line in lines]
    expected = {(str(folder / "wrong_code.py"), str(i), m[1]) for i, m in enumerate(marked, 1) if m}
    assert set(found) == expected, done.stdout + done.stderr
