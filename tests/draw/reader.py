"""The step-through page as its reader meets it: opened in a browser, looked at, typed at."""

import time

import numpy as np

import tinygrad_bp as tg

PATIENCE = 60.0
"""Seconds; a busy machine needs some of them, and nothing waits longer than it has to."""


def network():
    rng = np.random.default_rng(0)
    X, y = tg.tensor(rng.normal(size=(3, 4)), name="X"), tg.tensor(np.ones((1, 4)), name="y")
    W1, b1, W2, b2 = parameters = [
        tg.tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in (("W1", (2, 3)), ("b1", (2, 1)), ("W2", (1, 2)), ("b2", (1, 1)))
    ]
    a1 = tg.sigmoid((W1 @ X + b1).named("z1")).named("a1")
    a2 = tg.sigmoid((W2 @ a1 + b2).named("z2")).named("a2")
    return tg.binary_cross_entropy(a2, y).named("C"), parameters


class Page:
    """The page in the browser, as a reader meets it."""

    def __init__(self, browser, path):
        self.browser, self.path = browser, path
        browser.get_log("browser"), browser.get_log("performance")
        self.open("")

    def open(self, hash):
        self.browser.get("about:blank")
        self.browser.get(self.path.as_uri() + hash)

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def press(self, *keys):
        self.find("body").send_keys(*keys)

    @property
    def now(self):
        return int(self.find(".step.current").get_attribute("id").removeprefix("step-"))

    @property
    def total(self):
        return len(self.browser.find_elements("css selector", ".step"))

    def opacity(self, selector):
        return float(self.find(selector).value_of_css_property("opacity"))

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "the page did not get there"
            time.sleep(0.05)
