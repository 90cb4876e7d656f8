"""Loops over time: a step recorded once and repeated, with derivatives that are loops."""

from tinygrad_bp.loops.scanning import scan as scan
