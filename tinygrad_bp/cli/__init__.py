"""The command line, `python -m tinygrad_bp COMMAND`, with a file for each command.

A mistake of the user's is one line and status 2; what their own function raises is their traceback and status 1.
"""

from tinygrad_bp.cli.application import INTERRUPTED as INTERRUPTED, app as app, main as main, typer as typer

# Each of these adds its command, in the order in which --help shows them.
from tinygrad_bp.cli import train, predict, draw, derive, tutor, play, activations, source, check, doctor, completion  # isort: skip # noqa: F401
