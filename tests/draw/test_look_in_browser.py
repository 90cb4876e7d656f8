"""What `tests.draw.overlaps` measures: it finds what is wrong, and on the pages nothing is."""

import pytest

from .overlaps import SCREENS, looked, pages

FAULTY = """<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0; background: #ffffff">
<p style="position: absolute; top: 0; margin: 0; color: #767676">first words</p>
<p style="position: absolute; top: 4px; left: 9px; margin: 0">second words</p>
<p style="position: absolute; top: 60px; width: 60px; overflow: hidden; white-space: nowrap">a long line</p>
<p style="position: absolute; top: 120px; width: 60px; overflow: auto; white-space: nowrap">a line that scrolls</p>
<p style="position: absolute; top: 180px; width: 1400px; font-size: 7px">small</p>
<p style="position: absolute; top: 1px; opacity: 0">not to be seen</p>
"""


@pytest.fixture
def look(browser, tmp_path):
    """look(html, screen): what a reader meets there."""
    path = tmp_path / "page.html"

    def look(html, screen):
        path.write_text(html, encoding="utf-8")
        return looked(browser, path, SCREENS[screen])

    yield look
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_what_is_wrong_is_found(look):
    found = look(FAULTY, "1280 light")
    assert found["overlaps"] == ["first words | second words"]
    assert found["cut"] == ["a long line"]
    assert found["wider"] == 120
    assert found["smallest"] == [7, "small"]
    assert found["contrast"] == [pytest.approx(4.54, abs=0.01), "first words"]


@pytest.mark.once
def test_on_the_pages_nothing_is_wrong(look):
    for name, html in pages():
        for screen in ("print",) if "batch" in name else ("390 dark", "1280 light", "print"):
            found = look(html, screen)
            assert (found["overlaps"], found["cut"], found["wider"]) == ([], [], 0), (name, screen)
            assert found["contrast"][0] >= 4, (name, screen, found["contrast"])
