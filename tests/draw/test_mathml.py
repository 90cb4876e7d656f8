"""Formulas as MathML: well-formed whatever is in them."""

from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg  # noqa: F401 - registers the ops
from tinygrad_bp.formula.mathml import mathml, name_mathml
from tinygrad_bp.formula.notation import SLOT, template
from tinygrad_bp.registry import OPS

A = {"a": "<mi>a</mi>", "b": "<mi>b</mi>"}


def text(latex):
    return "".join(ElementTree.fromstring(f"<math>{mathml(latex, A)}</math>").itertext())


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"‹a› \cdot ‹b› + 1.5", "a·b+1.5"),
        (r"\frac{1}{‹a›} \odot (1 - ‹b›)", "1a⊙(1−b)"),
        (r"-\overline{\log ‹a›}", "−mean(loga)"),
        (r"\operatorname{hard\sigma}(‹a›)", "hardσ(a)"),
        (r"\lVert ‹a› \rVert \le \lceil ‹b› \rceil", "‖a‖≤⌈b⌉"),
        (r"(‹a› \text{ if } ‹b› \text{ else } 0)", "(a\xa0if\xa0b\xa0else\xa00)"),
        (r"\mathcal{F}_{\mathbb{R}}^{-1}(‹a›)", "FR−1(a)"),
        (r"‹a› \cdot \mathbf{1}", "a·𝟏"),
        (r"\sum ‹a› < \prod\, ‹b›", "∑a<∏b"),
        (r"\frac12 \sqrt{‹a›}", "12a"),
    ],
)
def test_formulas(latex, shown):
    assert text(latex) == shown


def test_scripts_belong_to_what_they_follow():
    assert mathml("‹a›_{i}^{2}", A) == "<msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup>"
    assert mathml("(‹a›)^{2}", A).startswith("<msup><mrow>")


def test_a_minus_is_a_sign_or_an_operation():
    assert 'form="prefix"' in mathml(r"‹a› \cdot -‹b›", A)
    assert 'form="prefix"' not in mathml("‹a› - ‹b›", A)


@pytest.mark.parametrize("record", OPS.values(), ids=lambda record: record.name)
def test_the_formula_of_every_op_can_be_set(record):
    latex = template(record.latex)
    shown = mathml(latex, dict.fromkeys(SLOT.findall(latex), "<mi>x</mi>"))
    assert "\\" not in "".join(ElementTree.fromstring(f"<math>{shown}</math>").itertext())


@given(st.text(alphabet=r"\{}()[]^_ ‹›ab12fracsqtoveline&<>", max_size=30))
def test_anything_is_well_formed(latex):
    ElementTree.fromstring(f"<math>{mathml(latex, A)}</math>")


def test_names():
    assert name_mathml("W1") == "<msub><mi>W</mi><mn>1</mn></msub>"
    assert name_mathml("x") == "<mi>x</mi>"
    assert name_mathml('a"<i>') == "<mtext>a&quot;&lt;i&gt;</mtext>"
