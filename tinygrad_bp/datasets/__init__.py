"""Data that comes with the package."""

from tinygrad_bp.datasets.seeds import FEATURES as FEATURES, VARIETIES as VARIETIES, load_seeds as load_seeds
from tinygrad_bp.datasets.table import load_table as load_table
