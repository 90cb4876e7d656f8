"""The tutor's page in a real browser: a right answer, a wrong one with its edge lit, at every width, in both themes."""

import json

import pytest

import tinygrad_bp as tg
from tests.tutor.networks import tutor

pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra `test`)")
pytest.importorskip("sympy", reason="derivations are simplified by the extra derive")
from selenium.webdriver.common.keys import Keys

HOSTILE = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>\u202e"


@pytest.fixture
def opened(browser, tmp_path):
    """opened(tutor): its page, which must neither complain nor ask anything of anyone."""
    path = tmp_path / "tutor.html"

    def open_page(teacher):
        browser.get_log("browser"), browser.get_log("performance")
        browser.get(teacher.save(path).as_uri())
        return Page(browser)

    yield open_page
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith(("about:", "chrome", "data:"))} <= {path.as_uri()}


class Page:
    """The page as its reader meets it."""

    def __init__(self, browser):
        self.browser = browser

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def run(self, script):
        return self.browser.execute_script(script)

    def answer(self, text):
        field = self.find("#answer")
        field.clear()
        field.send_keys(text, Keys.ENTER)
        return self.find("#verdict").get_attribute("class"), self.find("#message").text

    def lit(self):
        """The edges that stand out, as source → target."""
        ids = self.run("return [...document.querySelectorAll('.edge.lit')].map((edge) => edge.id)")
        return [self.run(f"return model.edges[{identity.split('-')[0][1:]}].join(' → ')") for identity in ids]


def test_a_right_answer_and_a_wrong_one(opened):
    page = opened(tutor("batch"))
    assert page.find("#question").text == "∂C/∂z3 ="
    kind, message = page.answer("a3 - y")
    assert (kind, message) == ("wrong", "The cost is the mean over m = 5 examples: 1/m is forgotten.")
    assert page.lit() == ["a3 → C"]
    before = page.find(".edge.lit path").value_of_css_property("stroke-width")
    assert before == "4px"
    assert page.answer("(a3 - y)/m") == ("right", "Right.")
    assert page.lit() == []
    assert page.find("#count").text == "1 of 12 right"
    page.find("#next").click()
    assert page.find("#question").text == "∂C/∂a3 ="
    assert page.find("#message").text == ""
    page.run("document.querySelectorAll('#exercises button')[5].click()")
    assert page.answer("W3 @ dz3 * a2 * (1 - a2)") == ("wrong", "W3 has to be transposed here.")
    assert page.find("#typed u").text == "W3"
    assert page.lit() == ["a2 → z3"]


def test_hint_and_solution_are_pythons(opened):
    page = opened(tutor("batch"))
    page.find("#hint").click()
    assert page.find("#help").text == tutor("batch").hint("z3")
    page.find("#solution").click()
    assert page.find("#help").text == tutor("batch").solution("z3")


def test_a_sign_is_put_in_where_one_writes(opened):
    page = opened(tutor("batch"))
    page.find("#answer").send_keys("W3")
    page.find("#signs button").click()
    assert page.find("#answer").get_attribute("value") == "W3ᵀ"


def test_what_cannot_be_read_is_said(opened):
    page = opened(tutor("batch"))
    kind, message = page.answer("a3 - ")
    assert kind == "wrong"
    assert message == "expected a value, a number or '('; got the end, at character 6."


def test_hostile_names_do_nothing(opened):
    x = tg.tensor([1.0, 2.0], requires_grad=True, name=HOSTILE)
    page = opened(tg.tutor(tg.sum((x * x).named(f"{HOSTILE}h")).named(f"{HOSTILE}C")))
    page.answer(HOSTILE)
    assert page.run("return [window.evil ?? null, document.scripts.length, document.images.length]") == [None, 1, 0]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_fits(opened, browser, width, theme):
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        page = opened(tutor("batch"))
        asked = page.run(
            "const frame = stage.getBoundingClientRect();"
            "const box = document.querySelector('.asked').getBoundingClientRect();"
            "return box.left >= frame.left && box.right <= frame.right;"
        )
        assert asked  # the value is in view, where the picture is wider than the screen too
        page.answer("W3 @ dz3 * a2 * (1 - a2) * (a3 - y) * W3.T * sigmoid(z1)")
        assert page.run("return document.documentElement.scrollWidth") <= width
        smallest = page.run(
            "const k = document.querySelector('#stage svg').getScreenCTM().a;"
            "const texts = [...document.querySelectorAll('#stage [font-size]')];"
            "return k * Math.min(...texts.map((text) => parseFloat(text.getAttribute('font-size'))));"
        )
        assert smallest >= 8
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_in_print_the_exercises_have_room_to_be_answered(opened, browser):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        page = opened(tutor("batch"))
        assert not page.find("#exercise").is_displayed()
        assert page.find("#exercises .plain").is_displayed()
        assert page.find("#exercises .plain").text == "∂C/∂z3 ="
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
