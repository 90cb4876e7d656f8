"""Data that comes with the package, and examples from CSV files."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.datasets.seeds import FEATURES as FEATURES, VARIETIES as VARIETIES, load_seeds as load_seeds
from tinygrad_bp.datasets.sheet import Sheet as Sheet, read_sheet as read_sheet
from tinygrad_bp.datasets.table import Table as Table, load_table as load_table, read_table as read_table

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
