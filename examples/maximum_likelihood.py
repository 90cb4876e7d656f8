"""Two varieties of wheat told apart by the area of their kernels alone: a maximum-likelihood fit.

The density of an area x is that of a mixture of two normal distributions,

    p(x) = Σₖ wₖ·N(x; μₖ, σₖ²),  w₁ + w₂ = 1,

and the parameters minimise −Σᵢ log p(xᵢ). They are a dict, and such that every value is allowed: log σₖ for σₖ, and for
the weights logits, whose softmax they are, the first of them 0. `scipy_objective` lays them into a vector for SciPy and
back. At the minimum the second derivative is the observed information; its inverse is the covariance of the estimates.
The labels are only looked at in the end. Needs SciPy (extra `scipy`):

    python -m examples.maximum_likelihood
"""

import numpy as np
from scipy.optimize import minimize

import tinygrad_bp as tg

START = {"logit": 0.0, "mean": np.array([20.0, 10.0]), "log_scale": np.zeros(2)}


def cost(params, x):
    """−Σ log p(x)."""
    logits = tg.stack([0.0, params["logit"]])
    z = (x[:, None] - params["mean"]) * tg.exp(-params["log_scale"])
    log_densities = tg.log_softmax(logits) - params["log_scale"] - 0.5 * z * z - 0.5 * np.log(2.0 * np.pi)
    return -tg.sum(tg.logsumexp(log_densities, axis=1))


def fit(x):
    """The most likely parameters and their standard errors, both built like START."""
    objective = tg.scipy_objective(lambda params: cost(params, x), START)
    fun, jac, hessp = objective
    found = minimize(fun, objective.x0, jac=jac, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-6})
    information = np.array([hessp(found.x, e) for e in np.eye(len(found.x))])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    return objective.unflatten(found.x), objective.unflatten(errors)


def main():
    X, y = tg.datasets.load_seeds(varieties=(2, 3))
    area = X[:, 0]
    found, error = fit(area)
    weights = 1.0 / (1.0 + np.exp([found["logit"], -found["logit"]]))
    print("variety   mean of its kernels   estimated            σ    weight")
    for k in range(2):
        estimate = f"{found['mean'][k]:.2f} ± {error['mean'][k]:.2f}"
        scale = np.exp(found["log_scale"][k])
        print(f"{k + 2:7} {area[y == k].mean():21.2f}   {estimate:15} {scale:6.2f} {weights[k]:9.2f}")
        assert abs(found["mean"][k] - area[y == k].mean()) < 4 * error["mean"][k]


if __name__ == "__main__":
    main()
