"""A real browser for all tests that need one, Chromium without a window, where there is one; and a page in it."""

import json
import shutil
from contextlib import contextmanager

import pytest

from tinygrad_bp.draw.page import step_through

from .reader import Page, network

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with started(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@contextmanager
def started(profile):
    """The browser, with a folder for its profile; skips the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra `test`)")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no Chromium with its driver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


@pytest.fixture
def page(browser, tmp_path):
    """A page that must neither complain nor ask anything of anyone."""
    C, _ = network()
    opened = Page(browser, step_through(C).save(tmp_path / "page.html"))
    yield opened
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    stopped = {m["params"]["requestId"] for m in messages if m["params"].get("blockedReason") == "csp"}
    asked = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    left = {request["request"]["url"].partition("#")[0] for request in asked if request["requestId"] not in stopped}
    outside = {
        url for url in left if not url.startswith(("about:", "chrome:", "chrome-untrusted:", "data:"))
    }  # the browser's own pages
    assert outside <= {opened.path.as_uri()}
