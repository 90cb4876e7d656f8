"""A damped oscillation from its differential equation alone: within 1e-4 of the exact solution everywhere.

    u″ + 2γ·u′ + ω²·u = 0,  u(0) = 1,  u′(0) = 0

No value of the solution is given but its start. With u(t) = 1 + t²·N(t) a network N meets the start whatever its
weights are, and is trained until the left side is small at sixty times t. That needs derivatives of three kinds: u′ and
u″ by t, in forward mode, one `jvp` inside of another; and the gradient of the cost by the weights, backwards through
both. `scipy_objective` traces all that once and runs it as one NumPy program. Needs SciPy (extra `scipy`):

    python -m examples.physics_informed
"""

import numpy as np
from scipy.optimize import minimize

import tinygrad_bp as tg

DAMPING, FREQUENCY, END = 0.2, 2.0, 6.0
"""γ, ω, and the time up to which the equation holds."""


def solution(weights, t):
    """u(t) = 1 + t²·N(t), for N with a hidden layer."""
    hidden = tg.tanh(t[:, None] * weights["W1"] + weights["b1"])
    return 1.0 + t * t * (hidden @ weights["w2"] + weights["b2"])


def with_two_derivatives(u, t):
    """u, u′ and u″ at the times t, each of which only its own u depends on."""
    one = np.ones_like(t)

    def with_one(t):
        return tg.jvp(u, (t,), (one,))

    (value, first), (_, second) = tg.jvp(with_one, (t,), (one,))
    return value, first, second


def residual(weights, t):
    """The left side of the equation."""
    u, du, ddu = with_two_derivatives(lambda t: solution(weights, t), t)
    return ddu + 2.0 * DAMPING * du + FREQUENCY**2 * u


def exact(t):
    w = np.sqrt(FREQUENCY**2 - DAMPING**2)
    return np.exp(-DAMPING * t) * (np.cos(w * t) + DAMPING / w * np.sin(w * t))


def initial(width, rng):
    """Hidden units that bend at different times."""
    return {
        "W1": rng.normal(size=width),
        "b1": rng.uniform(-END, END, size=width),
        "w2": rng.normal(size=width) / width,
        "b2": 0.0,
    }


def main():
    t = np.linspace(0.0, END, 60)
    objective = tg.scipy_objective(
        lambda weights: tg.mean(residual(weights, t) ** 2), initial(32, np.random.default_rng(0))
    )
    fun, jac, _ = objective
    found = minimize(fun, objective.x0, jac=jac, method="BFGS", options={"maxiter": 1000, "gtol": 1e-9})
    weights = objective.unflatten(found.x)
    print(f"mean square of the left side: {found.fun:.1e} after {found.nfev} evaluations")

    print("   t   network     exact")
    for time in np.linspace(0.0, END, 7):
        print(f"{time:4.1f} {solution(weights, np.array([time]))[0]:9.5f} {exact(time):9.5f}")
    dense = np.linspace(0.0, END, 1000)
    error = np.abs(solution(weights, dense) - exact(dense)).max()
    print(f"largest error: {error:.1e}")
    return error


if __name__ == "__main__":
    main()
