"""Facts and findings as one screen of text, or as JSON."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict

from tinygrad_bp.doctor.accelerators import Jax
from tinygrad_bp.doctor.facts import Extra, Facts
from tinygrad_bp.doctor.findings import Finding, findings, install, where_jax_pays
from tinygrad_bp.doctor.speed import Measured, Speeds

WIDEST = 110


def report(facts: Facts) -> str:
    """The facts, a line each, then what to change."""
    rows = dict(_rows(facts))
    extras = {extra.name: _packages(extra) for extra in facts.extras or ()}
    width = max(map(len, [*rows, *extras]))
    lines = [f"{name:{width}}  {value}" for name, value in rows.items()]
    lines += ["", "extras" if extras else "extras: unknown, for the package is not installed but run from its folder"]
    lines += [f"{name:{width}}  {value}" for name, value in extras.items()]
    return "\n".join([*lines, "", *_advice(findings(facts))])


def report_json(facts: Facts) -> str:
    """The same for programs."""
    told = asdict(facts) | {"findings": [asdict(finding) for finding in findings(facts)]}
    if facts.measured:
        told["measured"]["gains"] = facts.measured.gains
    return json.dumps(told, indent=2, ensure_ascii=False)


def _rows(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "tinygrad_bp", facts.tinygrad_bp
    yield "Python", f"{facts.python} on {facts.platform}"
    yield "NumPy", facts.numpy
    avx512 = {True: "with AVX-512", False: "no AVX-512", None: "AVX-512 unknown"}[facts.avx512]
    yield "processor", f"{facts.processor}; cores to use: {facts.cores or 'unknown'}; {avx512}"
    blas = facts.blas
    yield "BLAS", f"{blas.name} {blas.version}; kernels: {blas.core or 'unknown'}; threads: {blas.threads or 'unknown'}"
    if facts.measured:
        yield "products", _speeds(facts.measured)
    if facts.variables:
        yield "set", " ".join(f"{name}={value}" for name, value in facts.variables.items())
    graphviz = facts.graphviz
    version = graphviz.version or "version unknown"
    yield "Graphviz", f"{version}, {graphviz.source}" if graphviz.source else "none; a layout of our own"
    writable = "writable" if facts.cache.writable else "not writable"
    yield "compiled", f"{facts.cache.folder or 'nowhere'}, {writable}"
    yield "JAX", f"{_devices(facts.jax)}; {where_jax_pays(facts)}"


def _devices(jax: Jax | None) -> str:
    if jax is None:
        return "none"
    if jax.platform is None:
        return f"{jax.version}, which finds no device"
    return f"{jax.version} on {jax.platform}" + (f", {jax.devices} devices" if jax.devices > 1 else "")


def _speeds(measured: Measured) -> str:
    """What was measured, as `float32 120, float64 60 GFLOP/s`."""
    told = f"{_gflops(measured.own)} with the kernels OpenBLAS chooses"
    if measured.core:
        told += f"; {_gflops(measured.other)} with {measured.core}"
    return told


def _gflops(speeds: Speeds | None) -> str:
    if speeds is None:
        return "not measurable"
    return ", ".join(f"{dtype} {speed:.0f}" for dtype, speed in speeds.items()) + " GFLOP/s"


def _packages(extra: Extra) -> str:
    told = ", ".join(f"{name} {found or 'missing'}" for name, found in extra.packages.items())
    return f"{told}  ({install(extra.name)})" if extra.missing else told


def _advice(found: list[Finding]) -> Iterator[str]:
    yield "what to change" if found else "nothing to change"
    for number, finding in enumerate(found, 1):
        text, margin = f"{number}. {finding.what} {finding.why}", "   "
        width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
        yield from textwrap.wrap(text, width, subsequent_indent=margin, break_on_hyphens=False)
        yield f"{margin}{finding.command}"
