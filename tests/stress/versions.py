"""`python -m tests.stress.versions [core] [oldest] [newest]`: the suite with other versions of what it stands on.

core: NumPy and the `graphviz` package alone; what needs an extra is skipped and says so. oldest: the lower bounds of
setup.cfg. newest: the newest of everything. Each in an environment of its own, of wheels only, made by the Python that
runs this (or `--python`), which is left in `--keep`, if that is given, and found there again.
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNERS = ("pytest", "pytest-xdist", "hypothesis")
SUITE = ("--hypothesis-profile=quick", "-q", "-m", "not network and not once", "--ignore-glob=*_in_browser.py")
KINDS = ("core", "oldest", "newest")


def required() -> tuple[list[str], list[str]]:
    """What setup.cfg asks for: the core, and all that its extras `all` and `test` bring along."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]

    def of(extra: str) -> list[str]:
        found: list[str] = []
        for line in extras[extra].split():
            inside = re.fullmatch(r"tinygrad_bp\[(.*)\]", line)
            found += [x for name in inside[1].split(",") for x in of(name)] if inside else [line]
        return found

    return setup["options"]["install_requires"].split(), [*dict.fromkeys([*of("all"), *of("test")])]


def requirements(kind: str) -> list[str]:
    """What is installed for a kind of run."""
    core, extras = required()
    if kind == "core":
        return [*core, *RUNNERS]
    return [line.replace(">=", "==") for line in core + extras] if kind == "oldest" else core + extras


def made(kind: str, python: str, folder: Path) -> Path:
    """The interpreter of an environment for a kind of run, in that folder."""
    interpreter = folder / kind / "bin" / "python"
    if not interpreter.exists():
        subprocess.run([python, "-m", "venv", folder / kind], check=True)
        install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        subprocess.run([*install, *requirements(kind)], check=True)
    return interpreter


def suite(kind: str, interpreter: Path, more: Sequence[str]) -> int:
    """Run the suite; its exit status."""
    plugin = ["-p", "tests.stress._missing_extras"] if kind == "core" else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # for the processes that tests start elsewhere
    command = [interpreter, "-m", "pytest", *plugin, *SUITE, *more]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    """Make the environments, run the suite in each, and print what has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.versions", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], default=[], metavar="|".join(KINDS))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--keep", type=Path)
    options, more = parser.parse_known_args()
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds or KINDS:
            print(f"\n== {kind}: {', '.join(requirements(kind))}", flush=True)
            interpreter = made(kind, options.python, options.keep or Path(folder))
            if suite(kind, interpreter, more):
                failed.append(kind)
    print(f"\nfailed: {', '.join(failed) or 'none'}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
