"""The activation sheet says what the functions do."""

from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError
from tinygrad_bp.registry import OPS

SHEET = tg.nn.activation_sheet()


def test_every_activation_is_on_it():
    assert SHEET.names == tuple(tg.nn.ACTIVATIONS)
    assert [line.split()[0] for line in SHEET.text.splitlines()[1:]] == list(tg.nn.ACTIVATIONS)
    titles = [t.text for t in ElementTree.fromstring(SHEET.svg).iter() if t.get("class") == "name"]
    assert titles == list(tg.nn.ACTIVATIONS)
    assert repr(SHEET) == f"<ActivationSheet of {len(titles)} activations>"
    assert SHEET._repr_svg_() == SHEET.svg


def test_the_formula_says_what_is_computed():
    formulas = {entry.name: entry.formula for entry in SHEET.entries}
    assert [name for name, formula in formulas.items() if formula == f"{name}(z)"] == ["arctan", "tanh"]
    assert formulas["relu"] == "max(z, 0)"
    assert formulas["silu"] == "z/(1 + e^(−z))"
    assert formulas["leaky_relu"] == "(z if z > 0 else 0.01z)"
    texts = [t.text for t in ElementTree.fromstring(SHEET.svg).iter() if t.get("class") in ("value", "gradient")]
    assert not [text for text in texts if "…" in text]


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.4, 1.0, 1.7])
def test_the_slope_of_elu_at_its_kink_is_that_of_smaller_norm(alpha):
    slope = tg.grad(lambda z: tg.sum(tg.elu(z, alpha=alpha)))(np.array([-1.0, 0.0, 2.0]))
    np.testing.assert_allclose(slope, [alpha * np.exp(-1), min(max(alpha, 0.0), 1.0), 1.0], rtol=1e-15)


@pytest.mark.parametrize("entry", SHEET.entries, ids=lambda entry: entry.name)
def test_the_range_holds_all_values_and_nothing_smaller_does(entry):
    values = tg.nn.ACTIVATIONS[entry.name](tg.tensor(np.linspace(-14, 14, 4001))).data
    if entry.range.startswith("{"):
        assert {f"{x:g}" for x in values} == {*entry.range[1:-1].split(", ")}
        return
    texts = entry.range[1:-1].replace("−", "-").replace("∞", "inf").split(", ")
    low, high = map(float, texts)
    room = 0.005 * np.array([abs(low) if np.isfinite(low) else 1, abs(high) if np.isfinite(high) else 1])
    assert low - room[0] <= values.min()
    assert values.max() <= high + room[1]
    if np.isfinite(low):
        assert values.min() < low + 0.1
    if np.isfinite(high):
        assert values.max() > high - 0.1
    only_tends = entry.name in ("arctan", "celu", "elu", "selu", "sigmoid", "softplus", "softsign", "tanh")
    assert (entry.range[0] == "[") == (np.isfinite(low) and not only_tends)


def test_conventions_are_those_of_the_records():
    assert {entry.convention for entry in SHEET.entries} == {OPS[name].convention for name in SHEET.names}


def test_a_sheet_is_saved_as_svg_only(tmp_path):
    one = tg.nn.activation_sheet("relu")
    assert one.save(tmp_path / "relu.svg").read_text(encoding="utf-8") == one.svg
    with pytest.raises(ArgumentError, match="suffix of a sheet"):
        one.save(tmp_path / "relu.png")
    with pytest.raises(ArgumentError, match="names are of"):
        tg.nn.activation_sheet("cubic")
