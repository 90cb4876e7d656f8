"""A pytest plugin, `-p tests.stress._missing_extras`: what needs an extra that is not installed is skipped and says so.

Where everything is installed, as in CI, it is not loaded, so nothing can be skipped there by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tinygrad_bp.errors import MissingExtraError

SIMPLIFIED = {"tinygrad_bp.derive.derive": "sympy"}
"""Doctests whose output an extra makes shorter."""

PROOF = re.compile(r"MissingExtraError: .*|No module named '(?!tinygrad_bp|tests|examples)[\w.]+'|needs the extra \w+")


def _reason(error: Any) -> str | None:
    """What a failure says is not installed, itself, by its cause, or by the output of a process."""
    while error is not None:
        if isinstance(error, MissingExtraError):
            return str(error)
        if isinstance(error, ModuleNotFoundError) and error.name and _is_missing(error.name):
            return str(error)
        told = "\n".join([str(getattr(error, part, "") or "") for part in ("stdout", "stderr")]) + str(error)
        if found := PROOF.search(told):
            return found[0]
        inside = getattr(error, "exc_info", None) or [
            None,
            *[f.exc_info[1] for f in getattr(error, "failures", ()) if hasattr(f, "exc_info")],
        ]
        error = inside[1] if len(inside) > 1 else error.__cause__ or error.__context__
    return None


def _is_missing(name: str) -> bool:
    root = name.partition(".")[0]
    return root not in ("tinygrad_bp", "tests", "examples") and find_spec(root) is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skip a test that fails because something is not installed."""
    if _is_missing(SIMPLIFIED.get(item.name, "pytest")):
        pytest.skip(f"the output is simplified by {SIMPLIFIED[item.name]}")
    try:
        return (yield)
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """The same for fixtures."""
    return (yield from pytest_runtest_call(item))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Skip a module that cannot be imported: without extras that is why."""
    report = yield
    if report.outcome == "failed" and (
        found := re.search(r"(Import|ModuleNotFound|MissingExtra)Error: .*", str(report.longrepr))
    ):
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 0, f"Skipped: {found[0]}")
    return report
