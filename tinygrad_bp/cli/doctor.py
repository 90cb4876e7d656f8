"""`doctor`: the installation's health."""

from __future__ import annotations

from typing import Annotated

from tinygrad_bp.cli.application import Json, app, examples, typer


@app.command(
    short_help="Report on the installation and its speed.", epilog=examples("doctor", "doctor --measure --json")
)
def doctor(
    measure: Annotated[bool, typer.Option("--measure", help="Measure matrix products in any case.")] = False,
    as_json: Json = False,
) -> None:
    """Report versions, extras, Graphviz and BLAS with its kernels and threads, and what to change."""
    from tinygrad_bp.doctor.facts import examine  # here, so that the other commands start without waiting for it
    from tinygrad_bp.doctor.report import report, report_json

    facts = examine(measure)
    print(report_json(facts) if as_json else report(facts))
