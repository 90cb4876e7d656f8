"""The step-through widget in a real browser, with the model that a notebook would give it."""

import json

import pytest

import tinygrad_bp as tg

from .reader import network

pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra `test`)")
pytest.importorskip("anywidget", reason="widgets are made by the extra notebook")
from selenium.webdriver.common.keys import Keys

RENDER = """
    const [code, values, done] = arguments, heard = {};
    window.model = {
      get: (name) => values[name],
      set: (name, value) => { values[name] = value; },
      save_changes: () => { model.saved = (model.saved ?? 0) + 1; },
      on: (name, f) => { heard[name] = f; },
      off: (name) => { delete heard[name]; },
      told: (name, value) => { values[name] = value; heard[`change:${name}`]?.(); },
    };
    const el = document.body.appendChild(document.createElement("div"));
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    import(address).then((module) => {
      window.made = module;
      window.dispose = module.default.render({ model, el });
      window.tree = el.shadowRoot;
      requestAnimationFrame(() => requestAnimationFrame(() => done(null)));
    }).catch((error) => done(String(error)));
"""


@pytest.fixture
def run(browser, tmp_path):
    """run(script): what a script returns in a notebook with the widget."""
    made = tg.step_through(network()[0]).widget
    path = tmp_path / "notebook.html"
    path.write_text('<!DOCTYPE html><meta charset="utf-8"><body><input id="cell">', encoding="utf-8")
    browser.get_log("browser")
    browser.get(path.as_uri())
    values = {name: getattr(made, name) for name in ("page", "count", "step")}
    assert browser.execute_async_script(RENDER, made._esm, values) is None
    yield browser.execute_script
    assert browser.get_log("browser") == []


FITS = """
    const stage = tree.getElementById("stage").getBoundingClientRect();
    const svg = tree.querySelector("#stage svg").getBoundingClientRect();
    return svg.left >= stage.left - 1 && svg.right <= stage.right + 1 && svg.top >= stage.top - 1
      && svg.bottom <= stage.bottom + 1 && svg.width > 300 && stage.height > 100;
"""

CURRENT = "return tree.querySelector('.step.current').id"


def test_steps_go_both_ways(run):
    assert run(CURRENT) == "step-1"
    run("tree.getElementById('next').click()")
    assert run(CURRENT) == "step-2"
    assert run("return [model.get('step'), model.saved > 0]") == [2, True]
    run("model.told('step', 5)")
    assert run(CURRENT) == "step-5"
    assert run("return tree.querySelectorAll('.node.at').length") > 0
    assert run("return [location.hash, document.documentElement.className]") == ["", ""]


def test_keys_are_the_notebooks_outside_of_the_widget(run, browser):
    browser.find_element("id", "cell").send_keys(Keys.ARROW_RIGHT, " ")
    assert run(CURRENT) == "step-1"
    assert browser.find_element("id", "cell").get_attribute("value") == " "
    run("tree.querySelector('.body').focus()")
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert run(CURRENT) == "step-2"


def test_the_picture_is_fitted_and_styled(run):
    assert run(FITS)
    styles = run(
        "const { backgroundColor, display } = getComputedStyle(tree.querySelector('.body'));"
        "return [backgroundColor, display, getComputedStyle(document.body).margin]"
    )
    assert styles == ["rgb(255, 255, 255)", "grid", "8px"]


def test_a_picture_that_comes_on_the_page_later_is_fitted_then(run):
    run(
        "dispose(); const el = document.createElement('div'); const { default: widget } = window.made;"
        "widget.render({ model, el }); window.tree = el.shadowRoot; window.late = el;"
    )
    run("document.body.append(late)")
    run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert run(FITS)


def test_a_view_that_is_closed_listens_no_more(run):
    run("dispose(); model.told('step', 3)")
    assert run(CURRENT) == "step-1"
    assert json.loads(run("return JSON.stringify(model.get('step'))")) == 3
