"""From a traced function to the NumPy program a person would write for it."""

from tinygrad_bp.codegen.program import Program as Program, traced as traced
