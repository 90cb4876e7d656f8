"""Where one way to compute becomes faster than another, as measured on two cores with NumPy's OpenBLAS."""

from __future__ import annotations

NUMBA_ELEMENTS = 1 << 14
"""Up to this many elements in its largest array a program is Numba's: calls cost more there than numbers do."""

NUMBA_OPERATIONS = 200
"""Up to so many NumPy calls a program is Numba's: its compile time grows faster than the program."""

LOOP_MULTIPLICATIONS = 1 << 14
"""Up to so many multiplications plain loops are as fast as BLAS, which takes Numba long to compile calls of."""

FUSION_ELEMENTS = 1 << 17
"""From this many elements on going through memory costs more than starting threads."""

FUSION_ELEMENT_STEPS = 1 << 22
"""From this many elements times steps on it costs so much more that threads pay, even where BLAS keeps them busy."""

KERNEL_ELEMENTS = 1 << 15
"""The same where groups become machine code: it reads what NumPy writes and reads again for every call."""

KERNEL_ELEMENT_STEPS = 3 << 17
"""From so many elements times steps on calling machine code costs less than that."""

CALL_TILE_ELEMENTS = 1 << 15
"""Elements of a tile for NumPy calls: a few such arrays fit into a core's own cache."""

KERNEL_TILE_ELEMENTS = 1 << 16
"""Elements that a thread does at a time in machine code: some ten thousandths of a second."""

POOLED_ARRAYS = 2
"""Arrays kept for one place in a program: a result that its caller still has, and the one that takes its turn."""
