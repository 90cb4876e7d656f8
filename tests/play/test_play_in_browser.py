"""The living page in a real browser: what one changes there, everything follows, and equals NumPy."""

import json
import time

import numpy as np
import pytest

import tinygrad_bp as tg

from .graphs import SHAPES, cost, first, forks, network, unnamed

pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra `test`)")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PATIENCE = 60.0
HOSTILE = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>\u202e"


class Page:
    """The page as its reader meets it."""

    def __init__(self, browser, path):
        self.browser, self.path = browser, path
        browser.get_log("browser"), browser.get_log("performance")
        browser.get("about:blank")
        browser.get(path.as_uri())

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def run(self, script, *args):
        return self.browser.execute_script(script, *args)

    def arrays(self):
        """All numbers of the page, those of the leaves first."""
        found = self.run("living.update(); return living.arrays().map((x) => [x.shape, [...x.data]])")
        return [np.array(data, float).reshape(shape) for shape, data in found]

    def texts(self):
        """What the picture says of values and gradients."""
        return self.run("return [...document.querySelectorAll('#stage text')].map((e) => e.textContent)")

    def press(self, *keys):
        self.find("body").send_keys(*keys)

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "the page did not get there"
            time.sleep(0.02)


@pytest.fixture
def opened(browser, tmp_path):
    """opened(page): in the browser, where it must neither complain nor ask anything of anyone."""
    paths = []

    def open_page(page):
        paths.append(page.save(tmp_path / f"page{len(paths)}.html"))
        return Page(browser, paths[-1])

    yield open_page
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    outside = {url for url in asked if not url.startswith(("about:", "chrome:", "chrome-untrusted:", "data:"))}
    assert outside <= {path.as_uri() for path in paths}


def assert_follows(page, made, graph):
    """Values and gradients in the page are those of a graph built of the numbers that stand there."""
    found = page.arrays()
    numbers = {leaf.name: found[i] for i, leaf in enumerate(made.inputs)}
    fresh = tg.graph(cost(graph, numbers))
    nodes = {node.id: node for node in fresh.nodes}
    for key, place in made.values.items():
        np.testing.assert_allclose(found[place], nodes[key].data, rtol=1e-9, atol=1e-12)
    for key, place in made.gradients.items():
        np.testing.assert_allclose(found[place], nodes[key].gradient_data, rtol=1e-9, atol=1e-12)
    return fresh


@pytest.mark.parametrize("graph", SHAPES)
def test_at_first_the_picture_says_what_it_said(opened, graph):
    C, _ = first(graph)
    page = opened(tg.play(C))
    live = page.texts()
    svg = tg.draw(C).svg
    drawn = page.run(
        "const d = new DOMParser().parseFromString(arguments[0], 'image/svg+xml');"
        "return [...d.querySelectorAll('text')].map((e) => e.textContent)", svg,
    )  # fmt: skip
    assert live == drawn


@pytest.mark.parametrize("graph", [network, forks, unnamed])
def test_when_the_slider_is_dragged_everything_follows(opened, graph):
    C, _ = first(graph)
    living = tg.play(C)
    page = opened(living)
    before = page.texts()
    slider = page.find("#slider")
    for _ in range(5):
        slider.send_keys(Keys.PAGE_UP)
    page.until(lambda: page.texts() != before)
    fresh = assert_follows(page, living.replay, graph)
    numbers = page.arrays()[0]
    assert numbers.ravel()[0] == pytest.approx(float(slider.get_attribute("value")), abs=1e-9)
    svg = tg.draw(fresh).svg
    shown = [text for text in page.texts() if text.startswith(("min", "mean", "max", "Σ", "contributes"))]
    assert shown
    assert all(text in svg for text in shown)


def test_a_number_can_be_typed(opened):
    C, _ = first()
    living = tg.play(C)
    page = opened(living)
    cell = page.find("[aria-label='W1[2, 3]']")
    cell.click()
    cell.send_keys(Keys.CONTROL, "a")
    cell.send_keys("-1.25")
    page.until(lambda: page.arrays()[0][1, 2] == -1.25)
    assert page.find("#name").text == "W1[2, 3] = −1.25"
    cell.send_keys("x")
    assert cell.get_attribute("aria-invalid") == "true"
    cell.send_keys(Keys.BACKSPACE, Keys.ARROW_UP)
    page.until(lambda: page.arrays()[0][1, 2] == -1.15)
    assert_follows(page, living.replay, network)


def test_a_drag_across_a_cell_moves_its_number(opened):
    from selenium.webdriver import ActionChains

    C, numbers = first()
    page = opened(tg.play(C))
    cell = page.find("[aria-label='b1[1, 1]']")
    ActionChains(page.browser).click_and_hold(cell).move_by_offset(20, 0).move_by_offset(30, 0).release().perform()
    wanted = round(numbers["b1"][0, 0] + 0.5, 4)
    page.until(lambda: page.arrays()[1][0, 0] == pytest.approx(wanted, abs=1e-9))


def test_a_step_lowers_the_cost_as_gradient_descent_does(opened):
    C, numbers = first()
    living = tg.play(C)
    page = opened(living)
    before = page.arrays()
    page.find("#step").click()
    after = page.arrays()
    alpha = 0.1
    graph = tg.graph(C)
    for i, leaf in enumerate(living.replay.inputs):
        moved = numbers[leaf.name] - (alpha * graph[leaf.name].gradient_data if leaf.kind == "parameter" else 0)
        np.testing.assert_allclose(after[i], moved, rtol=1e-12)
    place = living.replay.values[graph.root.id]
    assert after[place] < before[place]
    fresh = assert_follows(page, living.replay, network)
    assert page.find("#value").text == f"{float(fresh.root.data):.5g}"
    assert page.find("#counter").text == "step 1"
    page.press("s")
    assert page.find("#counter").text == "step 2"
    page.find("#reset").click()
    np.testing.assert_array_equal(page.arrays()[0], numbers["W1"])
    assert page.find("#counter").text == "step 0"


def test_the_learning_rate_is_logarithmic(opened):
    page = opened(tg.play(first()[0]))
    page.find("#rate").send_keys(Keys.END)
    assert page.find("#alpha").text == "10"
    page.find("#rate").send_keys(Keys.HOME)
    assert page.find("#alpha").text == "0.0001"


def test_examples_come_one_after_another(opened):
    C, numbers = first()
    X = np.random.default_rng(1).normal(size=(4, 3))
    y = np.array([0.0, 1.0, 1.0, 0.0])
    living = tg.play(C, examples=(X, y))
    page = opened(living)
    page.find("#next").click()
    np.testing.assert_array_equal(page.arrays()[4], X[1][:, None])
    assert page.find("#example").text == "example 2 of 4"
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    np.testing.assert_array_equal(page.arrays()[4], X[3][:, None])
    each = [cost(network, {**numbers, "X": x[:, None], "y": np.array([[t]])}).item() for x, t in zip(X, y, strict=True)]
    assert page.find("#mean output").text == f"{np.mean(each):.4g}"
    assert_follows(page, living.replay, network)


def test_playing_trains(opened):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 3))
    living = tg.play(first()[0], examples=(X, (X[:, 0] > 0).astype(float)))
    page = opened(living)

    def mean():
        return float(page.find("#mean output").text)

    page.find("#rate").send_keys(Keys.END)
    page.press("s")
    start = mean()
    page.press(" ")
    assert page.find("#play").text == "Pause"
    page.until(lambda: mean() < start / 2)
    page.press(" ")
    assert page.find("#play").text == "Play"
    steps = page.find("#counter").text
    time.sleep(0.2)
    assert page.find("#counter").text == steps
    assert_follows(page, living.replay, network)


def test_formulas_have_the_numbers_wherever_they_are(opened):
    C, _ = first()
    living = tg.play(C)
    page = opened(living)
    page.find("#step").click()
    numbers = page.arrays()
    page.run("dispatchEvent(new Event('beforeprint'))")
    rows = page.run(
        "return [...document.querySelectorAll('#formulas output')]"
        ".map((e) => [Number(e.dataset.slot), [...e.children].map((span) => span.textContent)])"
    )
    assert len(rows) == 13
    for slot, texts in rows:
        shown = [float(text.replace("−", "-")) for text in texts]
        np.testing.assert_allclose(shown, numbers[slot].ravel(), rtol=1e-3)


def test_a_click_on_the_picture_leads_to_the_numbers(opened):
    page = opened(tg.play(first()[0]))
    page.find("#n2").click()
    assert page.run("return document.activeElement.getAttribute('aria-label')") == "W2[1, 1]"
    assert "lit" in page.find("#n2").get_attribute("class")
    assert "lit" in page.find("#formulas [data-node='n2']").get_attribute("class")


def test_what_the_program_refuses_is_said(opened):
    numbers = {"z": np.zeros((1, 3)), "labels": np.array([1])}
    C = tg.softmax_cross_entropy(
        tg.tensor(numbers["z"], requires_grad=True, name="z"), tg.tensor(numbers["labels"], name="labels")
    )
    page = opened(tg.play(C.named("C")))
    page.run("living.set(1, 0, 7); living.update()")
    assert "written for other values" in page.find("#status").text
    page.run("living.set(1, 0, 2); living.update()")
    assert page.find("#status").text == ""


def test_an_example_that_is_refused_is_said(opened):
    z = tg.tensor(np.zeros((1, 3)), requires_grad=True, name="z")
    C = tg.softmax_cross_entropy(z, tg.tensor(np.array([1]), name="label")).named("C")
    page = opened(tg.play(C, examples=([0, 2],)))
    page.find("#next").click()
    page.until(lambda: page.find("#example").text == "example 2 of 2")
    assert page.arrays()[1].tolist() == [2.0]
    assert page.find("#status").text == ""
    page = opened(tg.play(C, examples=([0, 7],)))
    assert "an example is refused" in page.find("#status").text


def test_hostile_names_do_nothing(opened):
    x = tg.tensor([1.0, 2.0], requires_grad=True, name=HOSTILE)
    page = opened(tg.play(tg.sum((x * x).named(f"{HOSTILE}h")).named(f"{HOSTILE}C"), examples={HOSTILE: np.eye(2)}))
    page.find("#step").click()
    found = page.run("return [window.evil ?? null, document.scripts.length, document.images.length]")
    assert found == [None, 1, 0]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits(opened, browser, width, theme):
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    net = tg.nn.NeuralNetwork([7, 3, 2, 1])
    X, y = tg.datasets.load_seeds()
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        page = opened(tg.play(net.cost_graph(X[:1].T, y[:1, None]), examples=(X, y)))
        assert page.run("return document.documentElement.scrollWidth") <= width
        clipped = page.run(
            "return [...document.querySelectorAll('.cell, .cell *, button, #formulas output span, #name')]"
            ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML)"
        )
        assert clipped == []
        small = page.run(
            "const k = document.querySelector('#stage svg').getScreenCTM().a;"
            "const sizes = [...document.querySelectorAll('#stage text')].map((e) => e.getAttribute('font-size'));"
            "return k * Math.min(...sizes);"
        )
        assert small > 8
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_without_scripts_picture_and_formulas_can_be_read(opened, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page = opened(tg.play(first()[0]))
        assert page.find("#stage svg").is_displayed()
        assert len(browser.find_elements(By.CSS_SELECTOR, "#formulas li math")) == 13
        assert not page.find("#controls").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
