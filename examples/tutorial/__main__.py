"""Run the tutorial's chapters and write them as notebooks and as one HTML book: `python -m examples.tutorial`."""

import argparse
import sys
from pathlib import Path

from examples.tutorial.book import build
from tinygrad_bp.errors import MissingExtraError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.tutorial", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("tutorial_output"), help="the folder to write to")
    try:
        build(parser.parse_args().out)
    except MissingExtraError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
