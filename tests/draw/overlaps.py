"""A table of what a reader meets on every picture and page: `python -m tests.draw.overlaps [--details] [NAME …]`.

At 390 and 1280 pixels, light and dark, and in print: texts that overlap, texts that are cut off, how much wider than
the screen the page is, the smallest text in pixels, the smallest contrast. The exit status is 1 if there is one of the
first three.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import tinygrad_bp as tg
from examples.gallery import GRAPHS, article
from tinygrad_bp.derive.page import derivation_page

from .conftest import started

LOOK = Path(__file__).with_name("look.js").read_text(encoding="utf-8")
SCREENS = {
    "390 light": (390, "screen", "light"),
    "390 dark": (390, "screen", "dark"),
    "1280 light": (1280, "screen", "light"),
    "1280 dark": (1280, "screen", "dark"),
    "print": (957, "print", "light"),
}
"""Width in pixels, medium, theme. Chromium lays A4 out at 957 and prints it at three quarters of that."""

HEADING = ("", "screen", "overlaps", "cut off", "too wide", "smallest text", "contrast")
FORMAT = "{:<28} {:<11} {:>8} {:>8} {:>9} {:>14} {:>9}"


def pictures() -> Iterator[tuple[str, str]]:
    """The gallery, each on a page of its own; the animation shows one text after the other in the same place."""
    for path in sorted(GRAPHS.glob("*.svg")):
        if path.stem != "learning":
            head = '<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
            width = '<meta name="viewport" content="width=device-width">'
            yield path.stem, f'{head}{width}<body style="margin: 0">{path.read_text(encoding="utf-8")}'


def pages() -> Iterator[tuple[str, str]]:
    """Every kind of page, of the article's network for one example and, with other activations, for four."""
    rng = np.random.default_rng(0)
    batch = tg.nn.NeuralNetwork((4, 3, 2, 1), "tanh", seed=0)
    costs = {"one": article(), "batch": batch.cost_graph(rng.normal(size=(4, 4)), rng.integers(0, 2, size=(1, 4)))}
    for name, C in costs.items():
        yield f"step_through, {name}", tg.step_through(C).html
        yield f"derive, {name}", derivation_page(C).html
        yield f"play, {name}", tg.play(C).html
        yield f"tutor, {name}", tg.tutor(C).page.html


def looked(browser: Any, path: Path, screen: tuple[int, str, str]) -> dict[str, Any]:
    """What a reader meets there."""
    width, medium, theme = screen
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"media": medium, "features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(path.as_uri())
    found: dict[str, Any] = browser.execute_script(LOOK)
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.draw.overlaps", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of those to look at")
    parser.add_argument("--details", action="store_true", help="say which texts")
    options = parser.parse_args()
    faults = 0
    print(FORMAT.format(*HEADING))
    with TemporaryDirectory() as folder, started(Path(folder) / "profile") as browser:
        path = Path(folder) / "page.html"
        for name, html in [*pictures(), *pages()]:
            if options.names and not any(part in name for part in options.names):
                continue
            path.write_text(html, encoding="utf-8")
            for label, screen in SCREENS.items():
                found = looked(browser, path, screen)
                counts = [len(found["overlaps"]), len(found["cut"]), found["wider"]]
                faults += sum(map(bool, counts))
                (small, _), (contrast, _) = found["smallest"], found["contrast"]
                print(FORMAT.format(name, label, *counts, f"{small:.1f} px", f"{contrast:.1f}"), flush=True)
                if options.details:
                    print(
                        *[f"    {kind}: {found[kind]}" for kind in ("overlaps", "cut", "smallest", "contrast")],
                        sep="\n",
                    )
    print(f"{faults} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
