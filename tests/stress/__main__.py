"""`python -m tests.stress [NAME …]`: run the long tests, all or some, and print their figures; `--list` names them."""

import ast
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def summaries() -> dict[str, str]:
    """Each script by name, with the first line of its docstring."""
    paths = [path for path in sorted(FOLDER.glob("*.py")) if not path.name.startswith(("_", "test_"))]
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}
    return {name: (text or "").splitlines()[0] for name, text in docstrings.items()}


def main(arguments) -> int:
    """The status is the number of scripts that found something wrong."""
    known, failed = summaries(), 0
    if arguments == ["--list"]:
        print("\n".join(known.values()))
        return 0
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"there is no {', '.join(unknown)}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    for name in arguments or known:
        print(f"== {known[name]}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"tests.stress.{name}"], check=False).returncode != 0
    print(f"{failed} of {len(arguments or known)} found something wrong")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
