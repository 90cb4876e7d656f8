"""The table of every op, printed from the records. `python -m tinygrad_bp.op_table` writes it beside the ops."""

from tinygrad_bp.op_table.table import OpTable as OpTable, op_table as op_table
