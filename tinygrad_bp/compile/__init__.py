"""Functions made fast: traced once, written as a NumPy program, and run as that from then on."""

from tinygrad_bp.compile.compiled import Compiled as Compiled, compile as compile
