"""Formulas of values and of derivatives, printed from the op records themselves."""

from tinygrad_bp.formula.local import LocalDerivative as LocalDerivative
from tinygrad_bp.formula.notation import (
    SLOT as SLOT,
    binding as binding,
    enclosed as enclosed,
    fill as fill,
    latex_name as latex_name,
    length as length,
    slot as slot,
    symbol as symbol,
    terms as terms,
    with_names as with_names,
)
from tinygrad_bp.formula.plain import plain as plain
from tinygrad_bp.formula.trace import (
    COTANGENT as COTANGENT,
    apply_latex as apply_latex,
    constant as constant,
    derivative as derivative,
    derivatives as derivatives,
    expression as expression,
)
