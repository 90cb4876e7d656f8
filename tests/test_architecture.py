"""House rules a machine can check: a file imports only from rooms above it, in no circle, and is short."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tinygrad_bp.registry import OPS

FILE_LINES = 330
FUNCTION_LINES = 40

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tinygrad_bp"

MAP = (PACKAGE / "README.md").read_text(encoding="utf-8")
ROWS = tuple(
    set(re.findall(r"`(\w+)(?:\.py|/)`", line.split("|")[1])) for line in MAP.splitlines() if line[:3] == "| `"
)
"""The rooms from top to bottom, as the package's own README has them; those of one row may import each other."""


def module_name(path: Path) -> str:
    """`tinygrad_bp/ops/losses.py` is tinygrad_bp.ops.losses; `__init__.py` beside it is tinygrad_bp.ops."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def room(module: str) -> str:
    """`tinygrad_bp.ops.losses` lives in ops; the package itself in __init__."""
    return [*module.split("."), "__init__"][1]


def row(module: str) -> int:
    """The number of a module's row from the top, −1 if it has none."""
    return next((i for i, rooms in enumerate(ROWS) if room(module) in rooms), -1)


def running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of the tree but those that only a type checker sees."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for alternative in child.orelse:
                yield from running_nodes(alternative)
        else:
            yield from running_nodes(child)


def imports(path: Path, modules: set[str]) -> set[str]:
    """The package's own modules that a file imports, at its top or late."""
    folder = path.parent.relative_to(ROOT).parts
    found = set()
    for node in running_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) + 1 - node.level] if node.level else ()
            source = ".".join([*start, *filter(None, [node.module])])
            submodules = {f"{source}.{alias.name}" for alias in node.names}
            found |= submodules & modules or {source}
    return {name for name in found if name.split(".")[0] == PACKAGE.name}


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    assert PACKAGE.name in found, f"no package at {PACKAGE}"
    return found


@pytest.fixture(scope="module")
def dag(files: dict[str, Path]) -> dict[str, set[str]]:
    """What each module imports. The package's own `__init__` imports what it likes."""
    return {name: imports(path, set(files)) for name, path in files.items() if name != PACKAGE.name}


def test_every_file_has_a_room(files):
    homeless = sorted({room(name) for name in files if row(name) < 0})
    assert not homeless, f"no row for {homeless} in {PACKAGE.name}/README.md: add each, below everything it imports"


def test_every_room_of_the_map_is_there_once(files):
    named = [each for rooms in ROWS for each in rooms]  # `room` is a function
    assert sorted(named) == sorted({room(name) for name in files})


def test_files_import_only_from_rows_above(dag):
    wrong = [
        f"{name} (row {row(name)}) imports {other} (row {row(other)})"
        for name, others in dag.items()
        for other in sorted(others)
        if row(other) > row(name)
    ]
    assert not wrong, "imports from a row below:\n" + "\n".join(wrong)


def test_no_files_import_each_other_in_a_circle(dag):
    try:
        TopologicalSorter(dag).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " ← ".join(error.args[1]))


def test_files_are_short(files):
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in files.items()}
    long = {name: length for name, length in lengths.items() if length > FILE_LINES}
    assert not long, f"files over {FILE_LINES} lines, split them by job: {long}"


# --- no room keeps a list of ops --------------------------------------------------------------------------------------

NUMPYS = {"protocols", "arguments", "program", "source", "backends", "export"}
"""Rooms that go by the names of NumPy's functions and methods, many of which are ops' names too."""

OTHER_MEANINGS = {
    "draw": {"sum"}, "testing": {"special"}, "doctor": {"products"}, "stubs": {"fft", "special"},
    "tutor": {"sum", "mean", "matmul", "multiply", "transpose", "where", "outer"},
}  # fmt: skip
"""Words that are an op or a page of ops elsewhere: a step of the page, a kind of test case, a measurement, a module,
words of the language that answers are typed in."""


def literals(node: ast.AST) -> Iterator[str]:
    """The strings that an expression consists of: itself, its elements, its keys."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield from literals(element)
    elif isinstance(node, ast.Dict):
        for key in filter(None, node.keys):
            yield from literals(key)


def is_op_name(node: ast.AST) -> bool:
    """Whether an expression is `….op.name`, `op.name` or `record.name`."""
    if not isinstance(node, ast.Attribute) or node.attr != "name":
        return False
    return (node.value.attr if isinstance(node.value, ast.Attribute) else ast.unparse(node.value)) in ("op", "record")


def test_no_room_goes_by_the_name_of_an_op(files):
    """What a reader needs to know about an op is a trait of its record."""
    wrong = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name, path in files.items()
        if room(name) != "ops"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Compare) and any(map(is_op_name, (node.left, *node.comparators))))
        or (isinstance(node, ast.Subscript) and is_op_name(node.slice) and ast.unparse(node.value) != "OPS")
    ]
    assert not wrong, "an op is looked at by its name; give its record a trait:\n" + "\n".join(wrong)


def test_no_room_lists_ops(files):
    """Neither by their names nor by the pages they stand on: not in a comparison, a table or a look-up."""
    pages = [name for name in files if name.startswith("tinygrad_bp.ops.")]
    words = {name for name, op in OPS.items() if op.forward.__module__ in files}
    words |= {page.rpartition(".")[2] for page in pages}
    wrong = []
    for name, path in files.items():
        if room(name) in {"ops", "reading", *NUMPYS}:  # which has the dictionaries of other libraries
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts: list[ast.AST] = [node] if isinstance(node, ast.Dict | ast.Set | ast.Tuple | ast.List) else []
            parts += [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            parts += [node.slice] if isinstance(node, ast.Subscript) else []
            found = {word for part in parts for word in literals(part)} & words
            if found - OTHER_MEANINGS.get(room(name), set()):
                wrong.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, "ops by name; give their records a trait:\n" + "\n".join(wrong)


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` to its end, without its docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= function.body[0].end_lineno - function.body[0].lineno + 1
    return lines


def test_functions_are_short(files):
    long = {
        f"{name}.{node.name}": body_length(node)
        for name, path in files.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_length(node) > FUNCTION_LINES
    }
    assert not long, f"functions over {FUNCTION_LINES} lines without their docstring: {long}"
