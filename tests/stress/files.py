"""`python -m tests.stress.files [COUNT]`: threads that save one path, planted links, writers that are killed."""

import ast
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import tinygrad_bp
from tests.stress import checkpoints
from tinygrad_bp import files
from tinygrad_bp.files import write_whole

COUNT = 1200
THREADS = 6
SIZE = 20_000


def raced(folder: Path, count: int) -> Counter[str]:
    """Save one path from six threads, so often in all: what each saw."""
    path = folder / "one"
    contents = [bytes([65 + i]) * SIZE for i in range(THREADS)]

    def save(content: bytes) -> Counter[str]:
        seen: Counter[str] = Counter()
        for _ in range(count // THREADS):
            try:
                write_whole(path, content)
                seen["whole" if path.read_bytes() in contents else "torn"] += 1
            except OSError as error:
                seen[type(error).__name__] += 1
        return seen

    with ThreadPoolExecutor(THREADS) as threads:
        found = sum(threads.map(save, contents), Counter())
    found["parts left"] = len([*folder.glob(".*.part")])
    return found


def planted(folder: Path, count: int) -> int:
    """Plant a link under the very name that the next part will have: how often what it leads to was changed."""
    target, changed, token_hex = folder / "precious", 0, files.token_hex
    for i in range(count):
        target.write_text("precious")
        files.token_hex = lambda _, i=i: f"foreseen{i}"
        (link := folder / f".foreseen{i}.part").symlink_to(target)
        try:
            write_whole(folder / "saved", b"new")
        except FileExistsError:
            pass
        finally:
            files.token_hex = token_hex
            link.unlink(missing_ok=True)
        changed += target.read_text() != "precious" or (folder / "saved").is_symlink()
    return changed


def killed(folder: Path) -> Counter[str]:
    """Kill a writer at each of its points: whether the file is whole, and how many parts are left."""
    path, found, n = folder / "killed", Counter({"parts left": 0, "neither old nor new": 0}), 0
    while True:
        path.write_bytes(b"old")
        if (child := os.fork()) == 0:
            with suppress(BaseException):
                checkpoints.watched(checkpoints.Points(n))
                write_whole(path, b"new")
                os._exit(0)
            os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        parts = [*folder.glob(".*.part")]
        found["parts left"] += len(parts)
        for part in parts:
            part.unlink()
        found["neither old nor new"] += path.read_bytes() not in (b"old", b"new")
        if status != checkpoints.KILLED:
            found["failed"] = status
            return found
        n += 1
        found["points"] = n


def other_writers() -> list[str]:
    """Places in the package that write a file without `files`, as "module:line"."""
    root, found = Path(tinygrad_bp.__file__).parent, []
    for path in sorted(root.rglob("*.py")):
        if path.name == "files.py" and path.parent == root:
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _writes(call):
                found.append(f"{path.relative_to(root)}:{call.lineno}")
    return found


def _writes(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name == "open":
        owner = getattr(getattr(call.func, "value", None), "id", "")
        modes = [a.value for a in [*call.args, *[k.value for k in call.keywords]] if isinstance(a, ast.Constant)]
        return owner != "archive" and any(isinstance(m, str) and set(m) & set("wax+") and len(m) < 4 for m in modes)
    of_numpy = getattr(getattr(call.func, "value", None), "id", "") in ("np", "numpy")
    writers = {"write_text", "write_bytes", "mkstemp", "NamedTemporaryFile", "tofile"}
    if name == "savefig":  # which may be given a file that is written to by `replacing`, or memory
        return not isinstance(call.args[0], ast.Name)
    return name in writers or (of_numpy and name in ("save", "savez", "savez_compressed", "savetxt"))


def main(arguments) -> int:
    """Print the figures; the status is the number of faults."""
    count = int(arguments[0]) if arguments else COUNT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{THREADS} threads save one path {count:,} times: {dict(race := raced(folder, count))}")
        print(f"planted links that were followed: {(links := planted(folder, 100))} of 100")
        kills = killed(folder)
        print(f"killed at each of {kills['points']} points: {kills['parts left']} parts left, ", end="")
        print(f"{kills['neither old nor new']} files neither old nor new")
    print(f"places that write a file in another way: {(others := other_writers())}")
    return count - race["whole"] + links + kills["neither old nor new"] + kills["failed"] + len(others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
