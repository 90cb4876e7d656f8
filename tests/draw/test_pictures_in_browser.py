"""What a reader sees of the pictures, measured where fonts are real: nothing overlaps, and it is read at page width."""

import pytest

from examples.gallery import GRAPHS
from tinygrad_bp.draw import draw
from tinygrad_bp.draw.layered_svg import drawn
from tinygrad_bp.draw.svg import styled

from .faults import SMALLEST, looked_at
from .test_drawing import network, product
from .test_large_and_marked import ladder


# An animation shows one of its texts after the other in the same place.
@pytest.mark.parametrize("name", sorted({path.stem for path in GRAPHS.glob("*.svg")} - {"learning"}))
def test_the_gallery_is_fit_to_print(browser, tmp_path, name):
    faults, smallest = looked_at(browser, tmp_path / "page.html", (GRAPHS / f"{name}.svg").read_text(encoding="utf-8"))
    assert faults == []
    assert smallest >= SMALLEST


@pytest.mark.parametrize(
    ("C", "options"),
    [
        (network(), {}),
        (network(), {"detail": "ops"}),
        (ladder(8, 1e-3, "block"), {"detail": "ops", "heat": True}),
        (product("WWWW MMMM", "iiii llll"), {}),
    ],
    ids=["network", "every op", "heat and scopes", "wide names"],
)
def test_our_own_layout_is_fit_to_print(browser, tmp_path, C, options):
    scene = draw(C, **options)._scene
    faults, _ = looked_at(browser, tmp_path / "page.html", styled(drawn(scene), scene))
    assert faults == []
