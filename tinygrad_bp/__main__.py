"""`python -m tinygrad_bp`, and the script `tinygrad_bp`."""

import gc
import sys

from tinygrad_bp.doctor.restart import restart
from tinygrad_bp.errors import MissingExtraError

OBJECTS = 50_000
"""So many new objects between two looks for garbage: imports make many and no garbage, and are a tenth quicker."""


def run() -> int:
    """Run the command line in the best setting there is; returns the exit status."""
    restart()
    gc.set_threshold(OBJECTS)
    try:
        from tinygrad_bp.cli import main
    except MissingExtraError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return main()


if __name__ == "__main__":
    sys.exit(run())
