"""What to change: each finding says what, why, and the command that does it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from tinygrad_bp.doctor.blas import AVX2_CORES, AVX512_CORES
from tinygrad_bp.doctor.facts import THREAD_VARIABLES, Facts
from tinygrad_bp.doctor.restart import BETTER, CORETYPE, PACKAGE

WORTH_IT = 1.1
MANY_CORES = 8

PURPOSES = {
    "dot": "pictures laid out by Graphviz",
    "jit": "compiled functions as machine code",
    "jax": 'compiled functions on GPUs and many devices, backend="jax"',
    "onnx": "functions and their gradients as ONNX models",
    "cli": "the command line",
    "scipy": "some special functions, L-BFGS",
    "derive": "derivations simplified",
    "graph": "graphs for NetworkX",
}
"""What each extra brings its user; without the others nothing is missed."""


@dataclass(frozen=True)
class Finding:
    """One thing to change."""

    what: str
    why: str
    command: str


def findings(facts: Facts) -> list[Finding]:
    """Everything to change, what costs most first."""
    return [*_kernels(facts), *_threads(facts), *_gpu(facts), *_pictures(facts), *_cache(facts), *_extras(facts)]


def where_jax_pays(facts: Facts) -> str:
    """For what `backend="jax"` is faster than NumPy and Numba: by its devices, else as measured on few cores.

    There an LSTM takes half the time or less; on small arrays a call of JAX's costs more than the numbers.
    """
    pays = f'backend="jax" {"pays" if facts.jax else "would pay"} for'
    if facts.jax and facts.jax.platform not in ("cpu", None):
        return f"{pays} all but small arrays"
    programs = "loops over time, transformer blocks and large float32 steps"
    if (facts.cores or 1) >= MANY_CORES:
        return f"{pays} {programs}, elementwise work on all {facts.cores} cores"
    return f"{pays} {programs}, not for small arrays"


def _kernels(facts: Facts) -> Iterator[Finding]:
    core, chosen = facts.blas.core or "", facts.variables.get(CORETYPE, "")
    if facts.avx512 and facts.blas.overlooks_avx512:
        gains = facts.measured.gains if facts.measured else None
        if gains is None or max(gains.values()) >= WORTH_IT:
            yield _overlooked(core, gains)
    elif facts.avx512 is False and core.lower() in AVX512_CORES:
        why = f"The processor has no AVX-512: with {core} kernels the first matrix product ends the process."
        yield Finding(f"Do without {CORETYPE}.", why, setting(CORETYPE))
    elif chosen and core and not _same_kernels(chosen, core):
        why = f"This OpenBLAS has no kernels named {chosen!r} and uses {core}."
        yield Finding(f"Do without {CORETYPE}.", why, setting(CORETYPE))


def _overlooked(core: str, gains: dict[str, float] | None) -> Finding:
    why = f"OpenBLAS chose {core} kernels, which are AVX2, on a processor with AVX-512."
    if gains is None:
        why += " What others would gain could not be measured here."
    else:
        times = " and ".join(f"{gain:.2f} times as fast in {dtype}" for dtype, gain in gains.items())
        why += f" With those for {BETTER} matrix products are {times}."
    why += " This command line does so for its own process; set it for your programs, before NumPy is imported."
    return Finding(f"Set {CORETYPE}.", why, setting(CORETYPE, BETTER))


def _same_kernels(chosen: str, core: str) -> bool:
    """Builds that leave a processor's kernels out use those of its kin."""
    names = {chosen.lower(), core.lower()}
    return len(names) == 1 or any(names <= kin for kin in (AVX2_CORES, AVX512_CORES))


def _threads(facts: Facts) -> Iterator[Finding]:
    for variable in THREAD_VARIABLES:
        value = facts.variables.get(variable)
        if value is not None and not _is_a_number_of_threads(value):
            why = f"{value!r} is no number of threads; BLAS takes a whole number from 1 on."
            yield Finding(f"Mend {variable}.", why, setting(variable, str(facts.cores or 1)))
    threads, cores = facts.blas.threads, facts.cores
    if threads is not None and cores is not None and threads > cores:
        why = f"{facts.blas.name} runs {threads} threads where this process may use {_count(cores, 'core')}: they wait."
        variable = "OMP_NUM_THREADS" if facts.blas.openmp else "OPENBLAS_NUM_THREADS"
        yield Finding("Give BLAS no more threads than cores.", why, setting(variable, str(cores)))


def _is_a_number_of_threads(value: str) -> bool:
    """One number; OpenMP has lists too, one for each level of nesting."""
    return all(number.strip().isdecimal() and int(number) > 0 for number in value.split(","))


def _gpu(facts: Facts) -> Iterator[Finding]:
    if facts.nvidia_gpu and not (facts.jax and facts.jax.plugin):
        why = 'There is an NVIDIA GPU, and no JAX for it. On it backend="jax" pays for all but small arrays.'
        yield Finding("Install JAX for the GPU.", why, pip("jax[cuda12]"))


def _pictures(facts: Facts) -> Iterator[Finding]:
    if facts.graphviz.source is None:
        why = "Without it pictures come from a plainer layout of our own, and none as .png or .pdf."
        yield Finding("Install Graphviz.", why, install("dot"))


def _cache(facts: Facts) -> Iterator[Finding]:
    if not facts.cache.writable:
        where = f"{facts.cache.folder} cannot be written to" if facts.cache.folder else "There is no home folder"
        why = f"{where}: what Numba has compiled is lost with the process."
        yield Finding("Name a folder for compiled programs.", why, setting("TINYGRAD_BP_CACHE", "/a/folder"))


def _extras(facts: Facts) -> Iterator[Finding]:
    missing = [extra.name for extra in facts.extras or () if extra.missing and extra.name in PURPOSES]
    missing = [name for name in missing if name != "dot"]  # any Graphviz will do
    if missing:
        why = "; ".join(f"{name}: {PURPOSES[name]}" for name in missing) + "."
        yield Finding("Install what you need of the extras.", why, install(*missing))


def install(*extras: str) -> str:
    """The command that installs extras."""
    return pip(f"{PACKAGE}[{','.join(extras)}]")


def pip(requirement: str) -> str:
    """The command that installs a package with extras."""
    quote = '"' if os.name == "nt" else "'"
    return f"pip install {quote}{requirement}{quote}"


def setting(variable: str, value: str = "") -> str:
    """The command that sets an environment variable, or takes it away."""
    if os.name == "nt":
        return f"set {variable}={value}"
    return f"export {variable}={value}" if value else f"unset {variable}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
