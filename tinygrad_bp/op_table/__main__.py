"""`python -m tinygrad_bp.op_table`: write the table to the page that is shown with the ops."""

from pathlib import Path

from tinygrad_bp import ops
from tinygrad_bp.files import write_whole
from tinygrad_bp.op_table import op_table

page = Path(ops.__path__[0]) / "README.md"
print(write_whole(page, op_table().markdown.encode()))
