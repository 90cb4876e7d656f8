"""`completion`: what makes a shell complete commands and options."""

from __future__ import annotations

from typing import Annotated

from typer.completion import get_completion_script  # type: ignore[attr-defined]

from tinygrad_bp.cli.application import COMPLETE, SCRIPT, app, examples, typer
from tinygrad_bp.cli.options import choices
from tinygrad_bp.errors import ArgumentError

SHELLS = ("bash", "zsh", "fish", "powershell")


@app.command(
    short_help="Print the script that completes commands.",
    epilog=examples("completion bash >> ~/.bashrc", "completion fish > ~/.config/fish/completions/tinygrad_bp.fish"),
)
def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh, fish or powershell.", autocompletion=choices(SHELLS))],
) -> None:
    """Print the script with which a shell completes commands and options of `tinygrad_bp`."""
    if shell not in SHELLS:
        raise ArgumentError(f"completion takes one of {', '.join(SHELLS)}; got {shell!r}.")
    print(get_completion_script(prog_name=SCRIPT, complete_var=COMPLETE, shell=shell))
