"""The chapters as notebooks with their outputs, and as one HTML page that asks nothing of a network."""

import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from string import Template
from typing import Any

from tinygrad_bp.errors import missing_extra
from tinygrad_bp.formula.mathml import mathml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHAPTERS = sorted(HERE.glob("ch*.py"))
TITLE = "Backpropagation, derived and implemented"


def tools() -> tuple[Any, Any, Any]:
    """The modules that read, run and print notebooks."""
    try:
        import ipykernel  # noqa: F401, only the kernels that nbclient starts import it
        import jupytext
        import nbclient
        import nbconvert
    except ImportError as error:
        raise missing_extra("jupytext, nbconvert or ipykernel", "tutorial") from error
    return jupytext, nbclient, nbconvert


def notebook(chapter: Path) -> Any:
    """A chapter as a notebook with its outputs, run by a kernel of its own."""
    jupytext, nbclient, _ = tools()
    nb = jupytext.read(chapter)
    nb.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for i, cell in enumerate(nb.cells):
        cell["id"] = f"{chapter.stem}-{i}"  # a new one at random otherwise
    quiet = ["--log-level=40"]  # it warns of its own transport
    resources = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(nb, extra_arguments=quiet, resources=resources, timeout=120).execute()
    for cell in nb.cells:
        cell.metadata.pop("execution", None)  # times of the day
    return nb


def with_mathml(text: str) -> str:
    """Markdown whose formulas, between dollars in LaTeX, have become MathML, for which a browser needs no script."""
    display = re.sub(r"\$\$(.+?)\$\$", lambda m: f'<math display="block">{mathml(m[1], {})}</math>', text)
    return re.sub(r"\$(.+?)\$", lambda m: f"<math>{mathml(m[1], {})}</math>", display)


def title(nb: Any) -> str:
    """The heading of a chapter."""
    return str(nb.cells[0].source.splitlines()[0].removeprefix("# "))


def section(name: str, nb: Any) -> str:
    """A notebook as a part of the page; headings get ids that no other chapter has."""
    nb = deepcopy(nb)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)  # needs a live notebook
            if svg := output.get("data", {}).get("image/svg+xml"):
                output.data = {"text/html": svg}  # as a part of the page, with tooltips, in the page's colours
    options = {"exclude_input_prompt": True, "exclude_output_prompt": True, "exclude_anchor_links": True}
    body, _ = tools()[2].HTMLExporter(template_name="basic", **options).from_notebook_node(nb)
    body = re.sub(r'<(h\d) id="([^"]*)"', rf'<\1 id="{name}-\2"', body)
    return f'<section id="{name}">\n{body}\n</section>'


def page(notebooks: dict[str, Any]) -> str:
    """All chapters as one HTML page."""
    contents = [f'<li><a href="#{name}">{title(nb).partition(" ")[2]}</a></li>' for name, nb in notebooks.items()]
    return Template((HERE / "book.html").read_text(encoding="utf-8")).substitute(
        title=TITLE,
        css=(HERE / "book.css").read_text(encoding="utf-8"),
        contents="\n".join(contents),
        chapters="\n".join(section(name, nb) for name, nb in notebooks.items()),
    )


def build(folder: Path, report: Callable[[str], None] = print) -> None:
    """Write a notebook for each chapter and book.html into the folder."""
    tools()
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = {}
    for chapter in CHAPTERS:
        nb = notebooks[chapter.stem] = notebook(chapter)
        tools()[0].write(nb, folder / f"{chapter.stem}.ipynb")
        report(f"{chapter.stem}.ipynb: {title(nb)}")
    (folder / "book.html").write_text(page(notebooks), encoding="utf-8")
    report(f"book.html: {len(notebooks)} chapters")
