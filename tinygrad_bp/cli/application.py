"""The application that all commands belong to: how it is called, what it returns, and how it tells of mistakes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tinygrad_bp as tg
from tinygrad_bp.cli.targets import UserError
from tinygrad_bp.errors import TinygradError, missing_extra

try:
    import typer as typer
    from typer.completion import completion_init  # type: ignore[attr-defined]
except ImportError as error:
    raise missing_extra("typer or rich", "cli") from error

SCRIPT = "tinygrad_bp"
COMPLETE = "_TINYGRAD_BP_COMPLETE"
INTERRUPTED = 130

# Typer brings its own copy of Click or uses Click itself, as its version has it.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=False,
    epilog="`COMMAND --help` shows examples.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def examples(*lines: str) -> str:
    """The last part of a command's help; the mark keeps its lines apart."""
    return "\n".join(["\b", "Examples:", *[f"  {program()} {line}" for line in lines]])


def program() -> str:
    """How the command line was called."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else f"python -m {SCRIPT}"


def tell(told: dict[str, Any], lines: Sequence[str], as_json: bool) -> None:
    """Print a result, for programs or for people."""
    print(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) if as_json else "\n".join(lines))


def _version(asked: bool) -> None:
    if asked:
        print(f"{SCRIPT} {tg.__version__}")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Automatic differentiation that shows its work."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    completion_init()
    command: Any = typer.main.get_command(app)
    try:
        return command.main(arguments, prog_name=program(), complete_var=COMPLETE, standalone_mode=False) or 0
    except UsageError as error:
        where = getattr(error, "ctx", None)  # the command it is about, if it is about one
        return _refused(f"{error.format_message()} ({where.command_path if where else program()} --help)")  # type: ignore[attr-defined]
    except UserError as error:
        print(error, file=sys.stderr, end="")
        return 1
    except TinygradError as error:
        return _refused(str(error))
    except OSError as error:
        return _refused(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except MemoryError as error:
        return _refused(f"there is not enough memory. {error}")
    except (typer.Abort, KeyboardInterrupt):  # Ctrl-C, in versions that do not return the status themselves
        return INTERRUPTED


def _refused(message: str) -> int:
    print("error:", *message.split(), file=sys.stderr)
    return 2
