"""Run the test suite of the Array API standard on tensors: python -m tests.array_api FOLDER [--module numpy].

FOLDER is a clone of https://github.com/data-apis/array-api-tests with its submodule; it is no part of this repository.
    git clone --recurse-submodules https://github.com/data-apis/array-api-tests
    pip install -r array-api-tests/requirements.txt
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

OURS = "tinygrad_bp.array_api"
HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.array_api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("array-api-tests"))
    parser.add_argument("--module", default=OURS, help=f"the namespace that is tested; {OURS} by default")
    parser.add_argument("--examples", type=int, default=20, help="of every test; 20 by default")
    parser.add_argument("-k", default="", help="only tests with this in their name")
    options = parser.parse_args()
    if not all((options.folder / part).is_dir() for part in ("array_api_tests", "array-api/src")):
        print(f"skipped: no array-api-tests in {options.folder}, with its submodule.\n\n{__doc__.split(chr(10), 2)[2]}")
        return 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "array_api_tests", "-k", options.k]
    command += [f"--max-examples={options.examples}", "--disable-deadline", "--derandomize"]
    if options.module == OURS:
        command += [f"--xfails-file={HERE / 'xfails.txt'}"]
    paths = [str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        "ARRAY_API_TESTS_MODULE": options.module,
        "ARRAY_API_TESTS_VERSION": "2024.12",
        "ARRAY_API_TESTS_MAX_ARRAY_SIZE": "64",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    return subprocess.run(command, cwd=options.folder, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
