"""The wheel is complete, runs where nothing else is installed, and importing it imports nothing optional."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import tinygrad_bp as tg

ROOT = Path(__file__).resolve().parent.parent

# Distribution names that are not the name one imports.
IMPORT_NAMES = {"scikit-learn": "sklearn", "pytest-cov": "pytest_cov", "pytest-xdist": "xdist"}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout's own settings; its output, or a failure that shows it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def requirements() -> tuple[list[str], list[str]]:
    """What setup.cfg asks for: the core, and all the extras together."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    core = setup["options"]["install_requires"].split()
    extras = "\n".join(setup["options.extras_require"].values()).split()
    return core, [line for line in extras if not line.startswith("tinygrad_bp")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the checkout so that no build folder is left in it."""
    source = tmp_path_factory.mktemp("source")
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tinygrad_bp", source / "tinygrad_bp", ignore=no_caches)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", source / "dist", cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an otherwise empty environment with the wheel and the oldest core it allows."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    interpreter = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    oldest = [line.replace(">=", "==") for line in requirements()[0]]
    if sys.version_info >= (3, 13):  # for which the oldest NumPy has no wheel
        oldest = []
    run(interpreter, "-m", "pip", "install", "--quiet", f"{wheel}[cli,dot]", *oldest, cwd=folder)
    return interpreter


@pytest.mark.network
def test_wheel_is_the_whole_package_and_nothing_else(wheel):
    files = {p.relative_to(ROOT).as_posix() for p in (ROOT / "tinygrad_bp").rglob("*") if p.is_file()}
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {name for name in files if "__pycache__" not in name}, "see package_data in setup.cfg"
    assert wheel.name.split("-")[1] == tg.__version__


@pytest.mark.network
def test_wheel_runs_where_nothing_else_is_installed(python, tmp_path):
    load = "from tinygrad_bp.datasets import load_seeds; print(load_seeds()[0].shape)"
    assert run(python, "-c", load, cwd=tmp_path).strip() == "(140, 7)"

    train = ["-m", "tinygrad_bp", "train", "--quiet", "--epochs", "2", "--out", "out"]
    output = run(python, *train, cwd=tmp_path)
    assert re.search(r"^test accuracy: [01]\.\d{3}$", output, re.MULTILINE), output


def test_import_imports_nothing_optional():
    """NumPy alone: all else comes when it is used, so that importing is quick and an extra stays extra."""
    core, extras = requirements()
    names = {re.split("[=>]", line)[0] for line in core + extras} - {"numpy"}
    modules = {IMPORT_NAMES.get(name, name) for name in names}
    assert {"graphviz", "pygraphviz", "numba", "typer", "rich", "sklearn", "scipy", "sympy"} <= modules
    code = "import sys; old = set(sys.modules); import tinygrad_bp; print(*(set(sys.modules) - old))"
    imported = {name.split(".")[0] for name in run(sys.executable, "-c", code, cwd=ROOT).split()}
    assert "tinygrad_bp" in imported
    assert not imported & modules
