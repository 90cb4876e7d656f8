"""Linear algebra under NumPy's and SciPy's names: `tg.linalg.inv` for `np.linalg.inv`."""

from typing import TYPE_CHECKING

from tinygrad_bp import errors
from tinygrad_bp.ops import diagonals, products
from tinygrad_bp.ops.decompositions import QRResult as QRResult, cholesky as cholesky, qr as qr
from tinygrad_bp.ops.eigenvalues import EigResult as EigResult, eig as eig, eigvals as eigvals
from tinygrad_bp.ops.linear_algebra import matmul as matmul
from tinygrad_bp.ops.matrix_functions import (
    expm as expm,
    logm as logm,
    solve_sylvester as solve_sylvester,
    sqrtm as sqrtm,
)
from tinygrad_bp.ops.norms import matrix_norm as matrix_norm, norm as norm, vector_norm as vector_norm
from tinygrad_bp.ops.products import (
    multi_dot as multi_dot,
    outer as outer,
    tensordot as tensordot,
    vecdot as vecdot,
)
from tinygrad_bp.ops.pseudoinverse import lstsq as lstsq, pinv as pinv
from tinygrad_bp.ops.shaping import matrix_transpose as matrix_transpose
from tinygrad_bp.ops.spectral import (
    EighResult as EighResult,
    SVDResult as SVDResult,
    eigh as eigh,
    eigvalsh as eigvalsh,
    svd as svd,
    svdvals as svdvals,
)
from tinygrad_bp.ops.structured_systems import (
    block_diag as block_diag,
    cho_solve as cho_solve,
    solve_banded as solve_banded,
    solve_triangular as solve_triangular,
)
from tinygrad_bp.ops.systems import (
    SlogdetResult as SlogdetResult,
    det as det,
    inv as inv,
    matrix_power as matrix_power,
    slogdet as slogdet,
    solve as solve,
)
from tinygrad_bp.ops.tensor_systems import tensorinv as tensorinv, tensorsolve as tensorsolve

cross = products.vector_cross
diagonal = diagonals.matrix_diagonal
trace = diagonals.matrix_trace

if not TYPE_CHECKING:  # to a type checker it would say that there is every name
    __getattr__ = errors.naming_the_nearest(__name__, globals())
