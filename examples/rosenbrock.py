"""Rosenbrock's valley in 100 dimensions, by SciPy's minimizers with derivatives that nobody wrote down.

    f(x) = Σᵢ 100·(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²

has its minimum, 0, at x = (1, …, 1), at the end of a long bent valley. `scipy_objective` makes of f what
`scipy.optimize.minimize` takes: the value, the gradient for L-BFGS-B, and for Newton-CG products with the second
derivative. Needs SciPy (extra `scipy`):

    python -m examples.rosenbrock
"""

import numpy as np
from scipy.optimize import minimize

import tinygrad_bp as tg

START = np.tile([-1.2, 1.0], 50)


def rosenbrock(x):
    return tg.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def main():
    fun, jac, hessp = tg.scipy_objective(rosenbrock, START)
    print("method      iterations   values      f(x)   largest |x − 1|")
    for method, second in (("L-BFGS-B", None), ("Newton-CG", hessp)):
        found = minimize(fun, START, jac=jac, hessp=second, method=method, tol=1e-10)
        apart = np.abs(found.x - 1.0).max()
        print(f"{method:10} {found.nit:11} {found.nfev:8} {found.fun:9.1e} {apart:17.1e}")
        assert found.success
        assert apart < 1e-5


if __name__ == "__main__":
    main()
