"""The step-through page in a real browser: Chromium without a window, where there is one."""

import numpy as np
import pytest

from .reader import network

webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra `test`)")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

PICTURE = "#stage > svg:first-child"
"""The picture itself, not the small one of the whole in a corner of it."""

CENTRE_IN_VIEW = """
    const node = document.querySelector(".node.at").getBoundingClientRect();
    const stage = document.getElementById("stage").getBoundingClientRect();
    const x = (node.left + node.right) / 2, y = (node.top + node.bottom) / 2;
    return x > stage.left && x < stage.right && y > stage.top && y < stage.bottom;
"""


def test_at_the_end_stand_the_gradients_of_backward(browser, tmp_path, page):
    C, parameters = network()
    C.backward()
    for _ in range(page.total - 1):
        page.press(Keys.ARROW_RIGHT)
    assert page.now == page.total
    items = page.browser.find_elements(By.CSS_SELECTOR, ".step.current .arrays li")
    assert len(items) == len(parameters)
    for item, parameter in zip(items, parameters, strict=True):
        cells = item.find_elements(By.CSS_SELECTOR, "mtd, math > mrow:last-child")
        shown = [float(cell.text.replace("−", "-").replace("\n", "")) for cell in cells]
        np.testing.assert_allclose(shown, parameter.grad.ravel(), rtol=1e-3)


def test_gradients_appear_when_they_are_known(page):
    page.press(Keys.END)
    nodes = len(page.browser.find_elements(By.CSS_SELECTOR, f"{PICTURE} .node.differentiated"))
    assert nodes == len(page.browser.find_elements(By.CSS_SELECTOR, f"{PICTURE} .node"))
    page.press(Keys.HOME)
    page.until(lambda: page.opacity(".node.op text.gradient") == page.opacity(".node.op text.value") == 0)
    page.press(Keys.ARROW_RIGHT)
    page.until(lambda: page.opacity(".node.at text.value") == 1)
    assert len(page.browser.find_elements(By.CSS_SELECTOR, f"{PICTURE} .node.read")) == 3
    assert len(page.browser.find_elements(By.CSS_SELECTOR, f"{PICTURE} .edge.along")) == 3


def test_the_keyboard_steps_plays_and_pauses(page):
    assert page.now == 1
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert page.now == 2
    page.press(Keys.END)
    assert page.now == page.total
    page.press(Keys.ARROW_RIGHT)
    assert page.now == page.total
    page.press(Keys.HOME, Keys.SPACE)
    assert page.find("#play").text == "Pause"
    page.until(lambda: page.now == 2)
    page.press(Keys.SPACE)
    assert page.find("#play").text == "Play"


def test_buttons_slider_and_the_picture_step_too(page):
    page.find("#next").click()
    assert page.now == 2
    page.find("#back").click()
    assert page.now == 1
    assert not page.find("#back").is_enabled()
    page.find("#slider").send_keys(Keys.END)
    assert page.now == page.total
    page.find("#slider").send_keys(Keys.ARROW_LEFT)
    assert page.now == page.total - 1
    page.find("#whole").click()
    page.find("#n7.node.op").click()
    assert page.now == 2
    page.find("#play").send_keys(Keys.SPACE)
    assert page.find("#play").text == "Pause"


def test_the_caption_speaks(page):
    page.press(Keys.ARROW_RIGHT)
    caption = page.find("#caption")
    assert caption.get_attribute("aria-live") == "polite"
    assert caption.text == "z1 is computed from W1, X, b1."
    assert page.find("#slider").get_attribute("aria-valuetext") == f"2 of {page.total}: Forward z1 = W1·X + b1"
    assert page.find("#counter").text == f"2 / {page.total}"


def test_a_link_leads_to_a_step(page):
    page.open("#step-5")
    assert page.now == 5
    page.press(Keys.ARROW_RIGHT)
    assert page.browser.current_url.endswith("#step-6")
    page.browser.execute_script("location.hash = '#step-3'")
    page.until(lambda: page.now == 3)
    for wrong in ("#step-999", "#step-0", "#<script>"):
        page.open(wrong)
        assert 1 <= page.now <= page.total


def test_search_finds_steps(page):
    search = page.find("#search")
    search.send_keys("w2", Keys.SPACE, Keys.BACKSPACE)
    hits = [a for a in page.browser.find_elements(By.CSS_SELECTOR, "#outline a") if a.is_displayed()]
    assert 0 < len(hits) < page.total
    assert all("W2" in a.text for a in hits)
    assert page.find("#found").text == f"{len(hits)} of {page.total} steps"
    search.send_keys(Keys.ENTER)
    first = page.now
    search.send_keys(Keys.ENTER)
    assert page.now > first
    hits[0].click()
    assert hits[0].get_dom_attribute("href") == f"#step-{page.now}"


def test_pan_and_zoom(page):
    def box():
        rectangle = page.find("#stage svg").rect
        return [rectangle[key] for key in ("x", "y", "width", "height")]

    page.find("#whole").click()
    before = box()
    for _ in range(3):
        page.find("#closer").click()
    assert box()[2] > before[2] * 2
    near = box()
    webdriver.ActionChains(page.browser).drag_and_drop_by_offset(page.find("#stage"), 80, 0).perform()
    assert box()[0] > near[0]
    assert box()[2] == pytest.approx(near[2])
    page.find("#whole").click()
    assert box() == pytest.approx(before)
    page.find("#farther").click()
    assert box() == pytest.approx(before)


def test_the_current_node_comes_into_view(page):
    page.browser.set_window_size(500, 900)
    try:
        page.open("")
        for _ in range(2, page.total):
            page.press(Keys.ARROW_RIGHT)
            page.until(lambda: page.browser.execute_script(CENTRE_IN_VIEW))
        assert page.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.browser.set_window_size(1280, 900)


def test_a_step_is_read_at_its_own_size_and_the_whole_stays_in_a_corner(page):
    page.browser.set_window_size(500, 900)
    size = "return document.querySelector('.node text').getScreenCTM().a * 13"
    try:
        page.open("")
        assert page.browser.execute_script(size) < 9
        assert not page.find("#overview").is_displayed()
        page.press(Keys.ARROW_RIGHT)
        page.until(lambda: page.browser.execute_script(size) >= 9)
        page.until(lambda: page.browser.execute_script(CENTRE_IN_VIEW))
        assert page.find("#overview").is_displayed()
        assert len(page.browser.find_elements("css selector", "#overview .node.at")) == 1
        page.find("#whole").click()
        assert page.browser.execute_script(size) < 9
        page.press(Keys.ARROW_RIGHT)
        assert not page.find("#overview").is_displayed()  # who has asked for the whole keeps it
    finally:
        page.browser.set_window_size(1280, 900)


def test_a_step_is_seen_without_scrolling(page):
    hidden = "return arguments[0].scrollHeight - arguments[0].clientHeight"
    for _ in range(2, page.total):
        page.press(Keys.ARROW_RIGHT)
        assert page.browser.execute_script(hidden, page.find("#steps")) <= 0, page.find("#caption").text


def test_whoever_wants_less_motion_gets_none(page):
    media = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        assert page.find(".node").value_of_css_property("transition-duration") in ("0s", "0.3s")
        assert page.find(".node").value_of_css_property("transition-property") == "none"
    finally:
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def nodes(page):
    return page.browser.find_elements(By.CSS_SELECTOR, ".node > path")


def test_in_print_every_step_is_there(page):
    page.press(Keys.ARROW_RIGHT)
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert all(step.is_displayed() for step in page.browser.find_elements(By.CSS_SELECTOR, ".step"))
        assert not page.find("#controls").is_displayed()
        page.until(lambda: page.opacity(".node.op text.gradient") == 1)
        strokes = {node.value_of_css_property("stroke-width") for node in nodes(page)}
        assert strokes == {"1px"}  # nothing stands out
    finally:
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("width", [390, 900, 1280])
def test_it_opens_with_the_whole_picture_in_view_and_keeps_it_when_the_window_changes(page, width):
    inside = """
        const frame = document.getElementById("stage").getBoundingClientRect();
        const nodes = [...document.querySelectorAll("#stage > svg:first-child .node")];
        return nodes.map((node) => node.getBoundingClientRect()).every((box) =>
            box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.top >= frame.top - 1
            && box.bottom <= frame.bottom + 1);
    """
    page.browser.set_window_size(width, 800)
    page.until(lambda: page.browser.execute_script(inside))
    page.open("")
    assert page.browser.execute_script(inside)
    page.browser.set_window_size(1280, 800)
