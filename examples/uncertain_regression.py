"""Regression that knows its noise: 95 % intervals hold 0.95 of the unseen points; mean −log p −0.14, with one σ 0.40.

Points scatter around a curve, little on the left and much on the right. A network gives two numbers for every x, the
mean μ and the logarithm of the deviation σ, so that any number is allowed, and is trained by the mean of

    −log N(y; μ, σ²) = log σ + ((y − μ)/σ)²/2 + log(2π)/2

Where it is wrong it may widen the interval, which costs log σ; where it is right it gains by a narrow one. Beside it
stands a network trained by the squared error, with one σ for all x, the deviation of its residuals: its interval is too
wide on the left and too narrow on the right.

    python -m examples.uncertain_regression
"""

import numpy as np

import tinygrad_bp as tg

EPOCHS, BATCH = 50, 64
QUANTILE = 1.96
"""A normal variable is within so many deviations of its mean with probability 0.95."""


def points(m, rng):
    x = rng.uniform(-2, 2, size=(m, 1))
    deviation = 0.05 + 0.25 * (1 + np.tanh(2 * x))
    return x, np.sin(3 * x) + 0.5 * x + deviation * rng.normal(size=(m, 1))


def negative_log_likelihood(output, y):
    """The mean of −log N(y; μ, σ²) for rows (μ, log σ)."""
    mean, log_deviation = output[:, :1], output[:, 1:]
    z = (y - mean) * tg.exp(-log_deviation)
    return tg.mean(log_deviation + 0.5 * z * z) + 0.5 * np.log(2 * np.pi)


def trained(x, y, outputs, loss, rng):
    model = tg.nn.Sequential(
        tg.nn.Linear(1, 32, seed=rng),
        tg.nn.Tanh(),
        tg.nn.Linear(32, 32, seed=rng),
        tg.nn.Tanh(),
        tg.nn.Linear(32, outputs, seed=rng),
    )
    steps = EPOCHS * -(-len(x) // BATCH)
    optimizer = tg.nn.Adam(model.parameters(), lr=tg.nn.CosineDecay(0.01, steps))
    tg.nn.fit(model, x, y, loss, optimizer, EPOCHS, BATCH, seed=rng)
    return model


def coverage(output, y):
    """The share of points inside of their interval."""
    mean, log_deviation = output[:, :1], output[:, 1:]
    return np.mean(np.abs(y - mean) < QUANTILE * np.exp(log_deviation))


def main():
    rng = np.random.default_rng(0)
    x, y = points(4000, rng)
    x_unseen, y_unseen = points(5000, rng)
    own = trained(x, y, 2, negative_log_likelihood, rng)(x_unseen).data

    curve = trained(x, y, 1, tg.mse, rng)
    residual = np.std(y - curve(x).data)
    mean = curve(x_unseen).data
    one = np.hstack([mean, np.full_like(mean, np.log(residual))])

    print("σ            −log likelihood   in the interval: all   x < −1   x > 1")
    left, right = x_unseen[:, 0] < -1, x_unseen[:, 0] > 1
    for name, output in (("of its own", own), ("one for all", one)):
        shares = [coverage(output[part], y_unseen[part]) for part in (slice(None), left, right)]
        cost = negative_log_likelihood(output, y_unseen)
        print(f"{name:12} {cost:15.3f} {shares[0]:22.3f} {shares[1]:8.3f} {shares[2]:7.3f}")
    return coverage(own, y_unseen), negative_log_likelihood(own, y_unseen), negative_log_likelihood(one, y_unseen)


if __name__ == "__main__":
    main()
