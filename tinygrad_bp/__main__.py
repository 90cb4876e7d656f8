"""`python -m tinygrad_bp`."""

import sys

from tinygrad_bp.doctor.restart import restart
from tinygrad_bp.errors import MissingExtraError

restart()
try:
    from tinygrad_bp.cli import main
except MissingExtraError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)
sys.exit(main())
