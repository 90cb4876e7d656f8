"""The doctor: what it finds out, what it advises, and when the command line starts again with better kernels."""

import json
import os
import runpy
import subprocess
import sys
import types
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.doctor import accelerators, blas, facts, machine, product, report, restart, speed
from tinygrad_bp.doctor.accelerators import Jax
from tinygrad_bp.doctor.blas import Blas
from tinygrad_bp.doctor.facts import Cache, Extra, Facts, Graphviz
from tinygrad_bp.doctor.findings import findings, install, setting
from tinygrad_bp.doctor.speed import Measured

ROOT = Path(__file__).resolve().parent.parent
AVX2 = "fpu sse2 avx avx2 fma"
AVX512 = f"{AVX2} avx512f avx512dq avx512cd avx512bw avx512vl"
CPUINFO = """processor\t: 0
model name\t: AMD EPYC 9R14
flags\t\t: {flags}

processor\t: 1
model name\t: another
flags\t\t: none
"""
CONFIG = b"OpenBLAS 0.3.31 USE64BITINT DYNAMIC_ARCH NO_AFFINITY Zen MAX_THREADS=64"
ZEN = Blas("OpenBLAS", "0.3.31", "Zen", 4, switchable=True)
HEALTHY = Facts(
    tinygrad_bp="1.0",
    python="3.12.0",
    platform="Linux",
    numpy="2.0.0",
    processor="AMD EPYC 9R14",
    cores=4,
    avx512=True,
    blas=replace(ZEN, core="SkylakeX"),
    variables={},
    graphviz=Graphviz("dot on the PATH", "12.0"),
    cache=Cache("/home/a/.cache", True),
    jax=Jax("0.10"),
    nvidia_gpu=False,
    extras=(Extra("jit", {"numba": "0.60"}), Extra("bench", {"torch": None}), Extra("dot", {"pygraphviz": None})),
    measured=None,
)


@pytest.fixture
def processor(monkeypatch, tmp_path):
    """Make the processor one with these flags."""

    def become(flags):
        (tmp_path / "cpuinfo").write_text(CPUINFO.format(flags=flags), encoding="utf-8")
        monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")

    return become


@pytest.fixture
def library(monkeypatch):
    """Make NumPy's BLAS a library with these functions, by what they return."""

    def become(**answers):
        functions = {name: partial(lambda value: value, value) for name, value in answers.items()}
        monkeypatch.setattr(blas, "_libraries", lambda: iter([types.SimpleNamespace(**functions)]))

    return become


@pytest.fixture
def unset(monkeypatch):
    """None of the variables that the doctor looks at."""
    for name in (*facts.VARIABLES, "TINYGRAD_BP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_the_processor_by_proc_cpuinfo(processor):
    processor(AVX512)
    assert machine.processor() == "AMD EPYC 9R14"
    assert machine.has_avx512() is True
    processor(AVX2)
    assert machine.has_avx512() is False
    processor(f"{AVX2} avx512f avx512cd")  # Xeon Phi
    assert machine.has_avx512() is False


@pytest.mark.parametrize(
    ("features", "answer"),
    [({"AVX512_SKX": True}, True), ({"AVX512_SKX": False}, False), ({"X86_V4": True}, True), ({}, None)],
)
def test_without_proc_numpy_knows_the_processor(monkeypatch, tmp_path, features, answer):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(machine, "numpy_extension", lambda: types.SimpleNamespace(__cpu_features__=features))
    assert machine.has_avx512() is answer
    assert machine.processor()


def test_a_numpy_that_hides_its_insides(monkeypatch, tmp_path):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(machine.importlib, "import_module", missing)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    assert machine.numpy_extension() is None
    assert machine.has_avx512() is None


@pytest.mark.parametrize(
    ("quota", "share"), [("max 100000", None), ("150000 100000", 2), ("1000 100000", 1), ("1 0", None), ("", None)]
)
def test_a_container_has_a_share_of_the_cores(monkeypatch, tmp_path, quota, share):
    (tmp_path / "cpu.max").write_text(quota, encoding="utf-8")
    monkeypatch.setattr(machine, "CPU_MAX", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine.usable_cores() == (share or 8)
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.usable_cores() == share


@pytest.mark.parametrize(("prefix", "suffix"), [("scipy_openblas_", "64_"), ("openblas_", ""), ("openblas_", "64_")])
def test_openblas_by_every_name(library, prefix, suffix):
    answers = {"get_config": CONFIG, "get_corename": b"Zen", "get_num_threads": 4, "get_parallel": 1}
    library(**{f"{prefix}{name}{suffix}": answer for name, answer in answers.items()})
    assert blas.blas() == ZEN
    assert blas.openblas().overlooks_avx512


def test_an_openblas_that_says_little(library):
    library(openblas_get_config=b"NO_LAPACK", openblas_get_parallel=2)
    assert blas.openblas() == Blas("OpenBLAS", "unknown", openmp=True)
    assert not blas.openblas().overlooks_avx512


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Build Dependencies": {"blas": {"name": "mkl", "version": "2024.1"}}}, Blas("mkl", "2024.1")),
        ({"Build Dependencies": {"blas": {}}}, Blas("unknown", "unknown")),
        ({}, Blas("unknown", "unknown")),
    ],
)
def test_another_blas_is_named(monkeypatch, library, config, expected):
    library()
    monkeypatch.setattr(np, "show_config", lambda mode: config)
    assert blas.blas() == expected


def test_a_library_that_cannot_be_opened_is_passed_over(monkeypatch):
    def refuse(path):
        raise OSError(path)

    monkeypatch.setattr(blas.ctypes, "CDLL", refuse)
    assert blas.openblas() is None


def test_the_blas_that_is_here():
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = blas.blas()
    if "openblas" in built["name"]:
        assert found.name == "OpenBLAS"
        assert built["version"].startswith(found.version)
        assert found.core
        assert found.threads >= 1


def test_graphviz_on_the_path(monkeypatch):
    said = types.SimpleNamespace(stderr="dot - graphviz version 2.43.0 (0)\n")
    monkeypatch.setattr(facts.shutil, "which", lambda _: "/usr/bin/dot")
    monkeypatch.setattr(facts.subprocess, "run", lambda *_, **__: said)
    assert facts.graphviz() == Graphviz("dot on the PATH", "2.43.0")
    said.stderr = "something else"
    assert facts.graphviz() == Graphviz("dot on the PATH", None)

    def broken(*_, **__):
        raise subprocess.TimeoutExpired("dot", 10)

    monkeypatch.setattr(facts.subprocess, "run", broken)
    assert facts.graphviz() == Graphviz("dot on the PATH", None)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (types.SimpleNamespace(__graphviz_version__="14.1"), Graphviz("inside pygraphviz", "14.1")),
        (types.SimpleNamespace(), Graphviz(None)),
        (None, Graphviz(None)),
    ],
)
def test_graphviz_inside_pygraphviz_or_none(monkeypatch, module, expected):
    monkeypatch.setattr(facts.shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "pygraphviz", module)
    assert facts.graphviz() == expected


def test_extras_by_the_installed_metadata(monkeypatch):
    requirements = [
        "numpy>=2.0",
        'numba; extra == "jit"',
        "typer>=0.1; extra == 'cli'",
        'scikit-learn; extra == "cli"',
        'tinygrad_bp[cli,jit]; extra == "all"',
        'tinygrad-bp[cli]; extra == "all"',
    ]
    versions = {"numba": "0.60", "typer": "0.12"}

    def version(package):
        if package not in versions:
            raise facts.PackageNotFoundError(package)
        return versions[package]

    monkeypatch.setattr(facts, "requires", lambda _: requirements)
    monkeypatch.setattr(facts, "version", version)
    jit, cli = facts.extras()
    assert jit == Extra("jit", {"numba": "0.60"})
    assert cli == Extra("cli", {"typer": "0.12", "scikit-learn": None})
    assert (jit.missing, cli.missing) == ([], ["scikit-learn"])


def test_a_package_that_is_not_installed_has_no_extras(monkeypatch):
    def requires(package):
        raise facts.PackageNotFoundError(package)

    monkeypatch.setattr(facts, "requires", requires)
    assert facts.extras() is None
    assert "extras: unknown" in report.report(replace(HEALTHY, extras=None))


def test_where_compiled_programs_are_kept(monkeypatch, tmp_path):
    folder = tmp_path / "a" / "b"
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(folder))
    assert facts.cache() == Cache(str(folder), True)
    assert not folder.exists()
    (tmp_path / "a").write_text("a file", encoding="utf-8")
    assert facts.cache() == Cache(str(folder), False)


def test_there_may_be_no_home(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(facts, "cache_folder", homeless)
    assert facts.cache() == Cache(None, False)


@pytest.fixture
def installed_jax(monkeypatch):
    """Make JAX installed, with these modules beside it, and a child process that says so much of its devices."""

    def become(modules=(), said="", code=0):
        ran = []

        def run(command, env, timeout, **_):
            ran.append((command[-1], env["XLA_PYTHON_CLIENT_PREALLOCATE"], timeout))
            if code:
                raise subprocess.CalledProcessError(code, command)
            return types.SimpleNamespace(stdout=said)

        monkeypatch.setattr(accelerators, "version", lambda _: "0.10")
        monkeypatch.setattr(accelerators, "find_spec", lambda name: name in modules or None)
        monkeypatch.setattr(accelerators, "entry_points", lambda group: [])
        monkeypatch.setattr(accelerators.subprocess, "run", run)
        return ran

    return become


def test_jax_without_a_plugin_is_not_asked(installed_jax):
    ran = installed_jax()
    assert accelerators.jax() == Jax("0.10", "cpu", 1)
    assert not ran


@pytest.mark.parametrize("module", ["jax_plugins", "libtpu"])
@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        ("a warning\ngpu 2\n", 0, Jax("0.10", "gpu", 2, plugin=True)),
        ("cpu 1\n", 0, Jax("0.10", "cpu", 1, plugin=True)),
        ("", 1, Jax("0.10", None, 0, plugin=True)),
        ("nothing", 0, Jax("0.10", None, 0, plugin=True)),
    ],
)
def test_jax_with_a_plugin_is_asked_in_a_child_process(installed_jax, module, said, code, expected):
    ran = installed_jax([module], said, code)
    assert accelerators.jax() == expected
    assert ran == [(accelerators.ASKED, "false", accelerators.LIMIT)]


def test_jax_that_is_not_installed(monkeypatch):
    def version(package):
        raise accelerators.PackageNotFoundError(package)

    monkeypatch.setattr(accelerators, "version", version)
    assert accelerators.jax() is None


def test_a_child_process_asks_the_jax_that_is_here(monkeypatch):
    jax = pytest.importorskip("jax", reason="the jax extra is not installed")
    monkeypatch.setattr(accelerators, "has_plugin", lambda: True)
    found = accelerators.jax()
    assert (found.version, found.platform, found.plugin) == (jax.__version__, jax.default_backend(), True)
    assert found.devices >= 1


def test_the_doctor_itself_does_not_import_jax():
    code = "import sys, tinygrad_bp.doctor.facts as f; f.examine(); f.has_nvidia_gpu(); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("jax", "cores", "told"),
    [
        (None, 2, 'none; backend="jax" would pay for loops over time, transformer blocks and large float32 steps, not'),
        (Jax("0.10"), None, '0.10 on cpu; backend="jax" pays for loops over time, transformer blocks and large'),
        (Jax("0.10"), 16, "large float32 steps, elementwise work on all 16 cores"),
        (Jax("0.10", "gpu", 2, plugin=True), 2, '0.10 on gpu, 2 devices; backend="jax" pays for all but small arrays'),
        (Jax("0.10", "tpu", 1, plugin=True), 2, '0.10 on tpu; backend="jax" pays for all but small arrays'),
        (Jax("0.10", None, 0, plugin=True), 2, "0.10, which finds no device; "),
    ],
)
def test_where_jax_would_pay(jax, cores, told):
    lines = report.report(replace(HEALTHY, jax=jax, cores=cores)).splitlines()
    (line,) = [line for line in lines if line.startswith("JAX ")]
    assert told in line


def test_a_gpu_that_jax_cannot_see():
    for jax in (None, Jax("0.10")):
        (found,) = findings(replace(HEALTHY, jax=jax, nvidia_gpu=True))
        assert found.command == "pip install 'jax[cuda12]'"
    for platform in ("gpu", "cpu", None):  # the last two as JAX_PLATFORMS has it, or a driver that is too old
        assert not findings(replace(HEALTHY, jax=Jax("0.10", platform, 1, plugin=True), nvidia_gpu=True))


@pytest.mark.parametrize(
    ("flags", "core", "asked", "measured"),
    [
        (AVX512, "Zen", False, ["SkylakeX"]),
        (AVX512, "SkylakeX", False, []),
        (AVX512, "SkylakeX", True, ["SkylakeX"]),
        (AVX2, "Zen", False, []),
        (AVX2, "Zen", True, [None]),
    ],
)
def test_measures_where_it_matters_or_is_asked(monkeypatch, processor, flags, core, asked, measured):
    cores = []
    processor(flags)
    monkeypatch.setattr(facts, "blas", lambda: replace(ZEN, core=core))
    monkeypatch.setattr(facts, "measure", cores.append)
    found = facts.examine(asked)
    assert cores == measured
    assert (found.tinygrad_bp, found.numpy, found.avx512) == (tg.__version__, np.__version__, flags == AVX512)


def test_nothing_to_change():
    assert findings(HEALTHY) == []
    assert report.report(HEALTHY).endswith("\n\nnothing to change")


@pytest.mark.parametrize("core", ["Zen", "Haswell"])
def test_kernels_that_overlook_avx512(core):
    speeds = Measured({"float32": 100.0, "float64": 50.0}, "SkylakeX", {"float32": 210.0, "float64": 95.0})
    (found,) = findings(replace(HEALTHY, blas=replace(ZEN, core=core), measured=speeds))
    assert found.command == "export OPENBLAS_CORETYPE=SkylakeX"
    assert f"OpenBLAS chose {core} kernels" in found.why
    assert "2.10 times as fast in float32 and 1.90 times as fast in float64" in found.why


def test_kernels_whose_gain_is_unknown_or_none():
    overlooked = replace(HEALTHY, blas=ZEN)
    for measured in (None, Measured(None, "SkylakeX", None)):
        (found,) = findings(replace(overlooked, measured=measured))
        assert "could not be measured" in found.why
    even = {"float32": 100.0, "float64": 50.0}
    assert not findings(replace(overlooked, measured=Measured(even, "SkylakeX", even)))


def test_kernels_that_cannot_be_changed():
    assert not findings(replace(HEALTHY, blas=replace(ZEN, switchable=False)))
    assert not findings(replace(HEALTHY, avx512=None, blas=ZEN))


@pytest.mark.parametrize(
    ("avx512", "core", "chosen", "why"),
    [
        (False, "SkylakeX", "SkylakeX", "the first matrix product ends the process"),
        (True, "SkylakeX", "Bogus", "no kernels named 'Bogus' and uses SkylakeX"),
        (True, "SkylakeX", "cooperlake", None),
        (False, "Haswell", "Zen", None),
        (False, "Haswell", "", None),
        (False, None, "Zen", None),
    ],
)
def test_kernels_by_the_variable(avx512, core, chosen, why):
    variables = {"OPENBLAS_CORETYPE": chosen}
    found = findings(replace(HEALTHY, avx512=avx512, blas=replace(ZEN, core=core), variables=variables))
    assert [finding.command for finding in found] == (["unset OPENBLAS_CORETYPE"] if why else [])
    assert not why or why in found[0].why


@pytest.mark.parametrize("openmp", [False, True])
def test_more_threads_than_cores(openmp):
    (found,) = findings(replace(HEALTHY, cores=1, blas=replace(HEALTHY.blas, openmp=openmp)))
    assert found.command == f"export {'OMP' if openmp else 'OPENBLAS'}_NUM_THREADS=1"
    assert "runs 4 threads where this process may use 1 core:" in found.why
    assert not findings(replace(HEALTHY, cores=None))


@pytest.mark.parametrize(
    ("value", "odd"), [("many", True), ("0", True), ("-1", True), ("", True), ("2", False), ("4, 2", False)]
)
def test_no_number_of_threads(value, odd):
    found = findings(replace(HEALTHY, variables={"OMP_NUM_THREADS": value}))
    assert [finding.command for finding in found] == ["export OMP_NUM_THREADS=4"] * odd


def test_missing_graphviz():
    (found,) = findings(replace(HEALTHY, graphviz=Graphviz(None)))
    assert found.command == "pip install 'tinygrad_bp[dot]'"
    assert "none; a layout of our own" in report.report(replace(HEALTHY, graphviz=Graphviz(None)))


def test_missing_extras():
    missing = tuple(Extra(name, {name: None}) for name in ("dot", "jit", "scipy", "test"))
    (found,) = findings(replace(HEALTHY, extras=missing))
    assert found.command == "pip install 'tinygrad_bp[jit,scipy]'"
    assert "jit: compiled functions as machine code; scipy:" in found.why


@pytest.mark.parametrize(
    ("folder", "why"), [("/read/only", "/read/only cannot be written to"), (None, "There is no home folder")]
)
def test_a_cache_that_cannot_be_written(folder, why):
    (found,) = findings(replace(HEALTHY, cache=Cache(folder, False)))
    assert found.why.startswith(why)
    assert found.command == "export TINYGRAD_BP_CACHE=/a/folder"


def test_commands_for_windows(monkeypatch):
    monkeypatch.setattr("tinygrad_bp.doctor.findings.os", types.SimpleNamespace(name="nt"))
    assert install("jit", "dot") == 'pip install "tinygrad_bp[jit,dot]"'
    assert setting("A", "1") == "set A=1"
    assert setting("A") == "set A="


def test_the_report_is_one_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    ill = replace(
        HEALTHY,
        blas=ZEN,
        cores=2,
        variables={"OPENBLAS_NUM_THREADS": "4"},
        graphviz=Graphviz("dot on the PATH"),
        measured=Measured({"float32": 100.0}, "SkylakeX", {"float32": 200.0}),
        extras=(Extra("jit", {"numba": None}), Extra("cli", {"typer": "0.12", "rich": "14"})),
    )
    lines = report.report(ill).splitlines()
    assert "processor    AMD EPYC 9R14; cores to use: 2; with AVX-512" in lines
    assert "BLAS         OpenBLAS 0.3.31; kernels: Zen; threads: 4" in lines
    assert any(
        line.endswith("100 GFLOP/s with the kernels OpenBLAS chooses; float32 200 GFLOP/s with SkylakeX")
        for line in lines
    )
    assert "set          OPENBLAS_NUM_THREADS=4" in lines
    assert "Graphviz     version unknown, dot on the PATH" in lines
    assert "jit          numba missing  (pip install 'tinygrad_bp[jit]')" in lines
    assert "cli          typer 0.12, rich 14" in lines
    advice = lines[lines.index("what to change") + 1 :]
    assert [line[:2] for line in advice if line[0] != " "] == ["1.", "2.", "3."]
    assert max(map(len, advice)) <= 90
    assert len(lines) <= 40


def test_what_is_unknown_is_said_to_be():
    blank = Blas("mkl", "unknown")
    told = report.report(replace(HEALTHY, cores=None, avx512=None, blas=blank, cache=Cache(None, False)))
    assert "cores to use: unknown; AVX-512 unknown" in told
    assert "mkl unknown; kernels: unknown; threads: unknown" in told
    assert "nowhere, not writable" in told
    assert "not measurable with" in report.report(replace(HEALTHY, measured=Measured(None)))


def test_json_holds_facts_and_findings():
    speeds = Measured({"float32": 100.0}, "SkylakeX", {"float32": 200.0})
    told = json.loads(report.report_json(replace(HEALTHY, blas=ZEN, measured=speeds)))
    assert told["blas"]["core"] == "Zen"
    assert told["measured"]["gains"] == {"float32": 2.0}
    assert told["findings"][0]["command"] == "export OPENBLAS_CORETYPE=SkylakeX"
    assert json.loads(report.report_json(HEALTHY))["measured"] is None


def test_products_take_time(monkeypatch, capsys):
    monkeypatch.setattr(product, "speed", lambda dtype: product.DTYPES.index(dtype) + 1.0)
    assert product.main() == 0
    assert json.loads(capsys.readouterr().out) == {"float32": 1.0, "float64": 2.0}


def test_speeds_of_this_machine():
    assert 0 < product.speed("float64", size=16, seconds=0.001) < 1e5
    speeds = speed.speeds_in_child(None)
    assert set(speeds) == {"float32", "float64"}
    assert min(speeds.values()) > 0


def test_the_best_of_rounds_in_turn(monkeypatch):
    asked = []

    def speeds_in_child(core):
        asked.append(core)
        return {"float32": 10.0 * len(asked), "float64": 1.0} if len(asked) != 1 else None

    monkeypatch.setattr(speed, "speeds_in_child", speeds_in_child)
    measured = speed.measure("SkylakeX")
    assert asked == [None, "SkylakeX", None, "SkylakeX"]
    assert measured.own == {"float32": 30.0, "float64": 1.0}
    assert measured.gains == {"float32": 40 / 30, "float64": 1.0}
    assert speed.measure().gains is None


def test_a_child_measures_with_and_without_the_variable(monkeypatch):
    seen = []

    def run(command, env, **_):
        seen.append(env.get("OPENBLAS_CORETYPE"))
        return types.SimpleNamespace(stdout=b'{"float32": 1.0}')

    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setattr(speed.subprocess, "run", run)
    assert speed.speeds_in_child("SkylakeX") == speed.speeds_in_child(None) == {"float32": 1.0}
    assert seen == ["SkylakeX", None]


@pytest.mark.parametrize("executable", ["/no/such/python", "-c 1/0"])
def test_a_child_may_come_to_grief(monkeypatch, tmp_path, executable):
    if executable.startswith("-c"):
        failing = tmp_path / "product.py"
        failing.write_text("import os; os.abort()", encoding="utf-8")
        monkeypatch.setattr(product, "__file__", str(failing))
    else:
        monkeypatch.setattr(sys, "executable", executable)
    assert speed.speeds_in_child(None) is None


@pytest.fixture
def command_line(monkeypatch, processor, unset):
    """`python -W error -m tinygrad_bp train --quiet` where OpenBLAS overlooks AVX-512, and what replaces it."""
    replaced = []
    processor(AVX512)
    monkeypatch.setattr(restart, "openblas", lambda: ZEN)
    monkeypatch.setattr(sys, "argv", ["/a/tinygrad_bp/__main__.py", "train", "--quiet"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-W", "error", "-m", "tinygrad_bp", "train", "--quiet"])
    monkeypatch.setattr(os, "execve", lambda *call: replaced.append(call))
    return replaced


def test_the_command_line_starts_again_with_better_kernels(command_line):
    restart.restart()
    ((path, arguments, environment),) = command_line
    assert path == sys.executable
    assert arguments == [sys.executable, "-W", "error", "-m", "tinygrad_bp", "train", "--quiet"]
    assert environment == {**os.environ, "OPENBLAS_CORETYPE": "SkylakeX"}


def test_it_starts_again_once_only(command_line, monkeypatch):
    restart.restart()
    monkeypatch.setattr(os, "environ", command_line[0][2])
    restart.restart()
    assert len(command_line) == 1


@pytest.mark.parametrize("chosen", ["Haswell", ""])
def test_the_users_choice_stands(command_line, monkeypatch, chosen):
    monkeypatch.setenv("OPENBLAS_CORETYPE", chosen)
    restart.restart()
    assert not command_line


@pytest.mark.parametrize("found", [None, replace(ZEN, core="SkylakeX"), replace(ZEN, switchable=False)])
def test_no_start_for_nothing(command_line, monkeypatch, found):
    monkeypatch.setattr(restart, "openblas", lambda: found)
    restart.restart()
    assert not command_line


def test_no_start_without_avx512(command_line, monkeypatch, processor):
    processor(AVX2)
    monkeypatch.setattr(restart, "openblas", lambda: pytest.fail("asked for nothing"))
    restart.restart()
    assert not command_line


@pytest.mark.parametrize(
    ("original", "arguments"),
    [
        (["python", "-m", "tinygrad_bp", "doctor"], ["doctor"]),
        (["python", "-m", "pytest", "tests"], ["train"]),
        (["python", "-m", "pytest"], []),
        (["python"], []),
        ([], []),
    ],
)
def test_no_start_of_the_doctor_or_another_program(command_line, monkeypatch, original, arguments):
    monkeypatch.setattr(sys, "argv", ["", *arguments])
    monkeypatch.setattr(sys, "orig_argv", original)
    restart.restart()
    assert not command_line


def test_windows_cannot_replace_a_process(command_line, monkeypatch):
    monkeypatch.setattr(restart, "os", types.SimpleNamespace(name="nt", environ={}, execve=os.execve))
    restart.restart()
    assert not command_line


def test_if_it_cannot_start_again_it_goes_on(command_line, monkeypatch):
    def refuse(*_):
        raise OSError("no such interpreter")

    monkeypatch.setattr(os, "execve", refuse)
    restart.restart()


def test_only_the_process_of_the_command_line_starts_again(command_line, monkeypatch, capsys):
    pytest.importorskip("typer", reason="the command line needs the extra cli")
    cli = pytest.importorskip("tinygrad_bp.cli", reason="the command line needs the extra cli")
    assert cli.main(["train", "--help"]) == 0
    assert not command_line
    monkeypatch.setattr(cli, "main", lambda: 5)
    monkeypatch.delitem(sys.modules, "tinygrad_bp.__main__", raising=False)  # a doctest run imports it
    with pytest.raises(SystemExit, match="5"):
        runpy.run_module("tinygrad_bp.__main__", run_name="__main__")
    assert len(command_line) == 1


OVERLOOKED = """
import os, sys
from pathlib import Path
from tinygrad_bp.doctor import blas, machine

folder = Path(__file__).parent
machine.CPUINFO = folder / "cpuinfo"
blas.openblas = lambda: blas.Blas("OpenBLAS", "0.3.31", "Zen", 4, switchable=True)
with open(folder / "starts", "a", encoding="utf-8") as starts:
    print(os.environ.get("OPENBLAS_CORETYPE"), *sys.orig_argv[1:], file=starts)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a system that can replace a process")
def test_a_process_really_starts_again(tmp_path, processor, unset):
    pytest.importorskip("typer", reason="the command line needs the extra cli")
    processor(AVX512)
    (tmp_path / "sitecustomize.py").write_text(OVERLOOKED, encoding="utf-8")
    arguments = ["-X", "utf8", "-m", "tinygrad_bp", "train", "--help"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("--epochs") == 1
    starts = (tmp_path / "starts").read_text(encoding="utf-8").splitlines()
    assert starts == [" ".join([choice, *arguments]) for choice in ("None", "SkylakeX")]


def test_the_command_reports(monkeypatch, capsys, unset):
    pytest.importorskip("typer", reason="the command line needs the extra cli")
    cli = pytest.importorskip("tinygrad_bp.cli", reason="the command line needs the extra cli")
    monkeypatch.setattr(facts, "measure", lambda core: Measured({"float32": 1.0}))
    assert cli.main(["doctor", "--measure"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"tinygrad_bp  {tg.__version__}\n")
    assert "float32 1 GFLOP/s with the kernels OpenBLAS chooses" in printed
    assert cli.main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["numpy"] == np.__version__


def test_the_doctor_runs():
    pytest.importorskip("typer", reason="the command line needs the extra cli")
    command = [sys.executable, "-m", "tinygrad_bp", "doctor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    assert "NumPy" in done.stdout
