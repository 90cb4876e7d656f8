"""The program as a value: a traced function's NumPy calls, and the passes that make them fewer."""

from tinygrad_bp.program.passes import (
    fuse_elementwise as fuse_elementwise,
    optimized as optimized,
    sums_as_products as sums_as_products,
)
from tinygrad_bp.program.step import Step as Step
from tinygrad_bp.program.trace import NumbersNeeded as NumbersNeeded, Program as Program, traced as traced
