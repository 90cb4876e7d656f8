"""A Gaussian process by marginal likelihood: the length is found to be 0.67 ± 0.05 where 0.70 made the data.

Values of f at any points x are jointly normal, with covariances that fall off with the distance, and y is f with noise:

    K = s²·exp(−(xᵢ − xⱼ)²/2l²) + n²·1,  −log p(y) = Σ log Lᵢᵢ + ‖L⁻¹y‖²/2 + m·log(2π)/2,  K = L·Lᵀ

The length l, the signal s and the noise n are those that make y most likely. SciPy minimises over their logarithms, so
that all three stay positive, with the gradient through the Cholesky decomposition. The inverse of the second derivative
at the minimum is the covariance of the estimates. Needs SciPy (extra `scipy`):

    python -m examples.gaussian_process
"""

import numpy as np
from scipy.optimize import minimize

import tinygrad_bp as tg

TRUE = {"length": np.log(0.7), "signal": np.log(1.5), "noise": np.log(0.2)}
START = {"length": 0.0, "signal": 0.0, "noise": 0.0}


def kernel(logs, a, b):
    """Covariances of f between the points a and the points b."""
    z = (a[:, None] - b) * tg.exp(-logs["length"])
    return tg.exp(2.0 * logs["signal"] - 0.5 * z * z)


def covariance(logs, x):
    """Of the values y, which are noisy, at the points x."""
    return kernel(logs, x, x) + tg.exp(2.0 * logs["noise"]) * np.eye(len(x))


def cost(logs, x, y):
    """−log p(y)."""
    L = tg.linalg.cholesky(covariance(logs, x))
    z = tg.linalg.solve(L, y)
    return tg.sum(tg.log(tg.diagonal(L))) + 0.5 * tg.sum(z * z) + 0.5 * len(y) * np.log(2.0 * np.pi)


def fit(x, y):
    """The most likely logarithms, and their standard errors."""
    objective = tg.scipy_objective(lambda logs: cost(logs, x, y), START)
    fun, jac, hessp = objective
    found = minimize(fun, objective.x0, jac=jac, method="L-BFGS-B")
    information = np.array([hessp(found.x, e) for e in np.eye(len(found.x))])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    return objective.unflatten(found.x), objective.unflatten(errors)


def score(logs, x, y, x_unseen, y_unseen):
    """The mean log density of unseen values, given those seen: of y | y_seen, point by point."""
    weights = np.linalg.solve(covariance(logs, x), kernel(logs, x, x_unseen))
    variance = np.exp(2.0 * logs["signal"]) + np.exp(2.0 * logs["noise"])
    variance = variance - np.sum(weights * kernel(logs, x, x_unseen), axis=0)
    return -0.5 * np.mean(np.log(2.0 * np.pi * variance) + (y_unseen - weights.T @ y) ** 2 / variance)


def main():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 20, size=240)
    y = np.linalg.cholesky(covariance(TRUE, x)) @ rng.normal(size=len(x))
    x, x_unseen, y, y_unseen = tg.nn.split(x, y, share=0.5, seed=rng)

    found, error = fit(x, y)
    print("parameter   true   found")
    for name, log in found.items():
        print(f"{name:9} {np.exp(TRUE[name]):6.2f}   {np.exp(log):.2f} ± {np.exp(log) * error[name]:.2f}")
    print("mean log density of unseen values")
    for name, logs in (("true", TRUE), ("found", found), ("start", START)):
        print(f"{name:9} {score(logs, x, y, x_unseen, y_unseen):6.2f}")
    length = np.exp(found["length"])
    return length, length * error["length"]


if __name__ == "__main__":
    main()
