"""In a real browser nothing runs or leaves but the page's own code, whatever names say and wherever it stands."""

import pytest

import tinygrad_bp as tg
from tinygrad_bp.draw.page import step_through

from .reader import Page, network

pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra `test`)")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

HOSTILE = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>\u202e\x00"


def test_hostile_names_do_nothing(browser, tmp_path):
    x = tg.tensor(1.0, requires_grad=True, name=HOSTILE)
    page = Page(browser, step_through((x * 2.0).named(f"{HOSTILE}C")).save(tmp_path / "page.html"))
    page.press(Keys.END)
    assert page.now == page.total
    assert browser.execute_script("return [window.evil ?? null, document.scripts.length, document.images.length]") == [
        None, 1, 0,
    ]  # fmt: skip
    assert browser.get_log("browser") == []


def refusals(log):
    """What the policy has stopped, by the words of the browser's complaints."""
    words = {"inline script": "inline script", "inline event handler": "inline event handler",
             "connect": "127.0.0.1:9/'", "image": "x.png"}  # fmt: skip
    said = " ".join([entry["message"] for entry in log if "Content Security Policy" in entry["message"]])
    return [kind for kind, word in words.items() if word in said]


def test_the_policy_stops_other_code(page, browser):
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.evil = 1'; document.body.append(s);"
        "document.body.setAttribute('onclick', 'window.evil = 1'); document.body.click();"
        "fetch('http://127.0.0.1:9/').catch(() => {}); new Image().src = 'http://127.0.0.1:9/x.png';"
    )
    kinds = {"inline script", "inline event handler", "connect", "image"}
    refused = []
    page.until(lambda: refused.extend(browser.get_log("browser")) or kinds <= set(refusals(refused)))
    assert browser.execute_script("return window.evil ?? null") is None
    page.open("")
    browser.get_log("browser")


def test_without_scripts_everything_can_be_read(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.open("")
        assert all(step.is_displayed() for step in browser.find_elements(By.CSS_SELECTOR, ".step"))
        assert not page.find("#controls").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_in_the_frame_of_a_notebook(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8>{step_through(network()[0])._repr_html_()}", encoding="utf-8")
    browser.get_log("browser")
    browser.get(path.as_uri())
    browser.switch_to.frame(0)
    try:
        browser.find_element(By.ID, "next").click()
        browser.find_elements(By.CSS_SELECTOR, "#outline a")[4].click()
        assert browser.find_element(By.CSS_SELECTOR, ".step.current").get_attribute("id") == "step-5"
    finally:
        browser.switch_to.default_content()
    assert browser.get_log("browser") == []
