"""The article's derivation, formula by formula, beside what the engine works out by itself.

A network of sigmoid layers: z[l] = W[l]·a[l−1] + b[l], a[l] = σ(z[l]), a[0] = X, one example per column, and the
cross-entropy C of a[L] averaged over the m examples. The article derives four formulas, from the last layer back:

    ∂C/∂z[L] = (a[L] − y)/m
    ∂C/∂z[l] = W[l+1]ᵀ·∂C/∂z[l+1] ⊙ σ'(z[l]),  with σ'(z) = σ(z)·(1 − σ(z))
    ∂C/∂W[l] = ∂C/∂z[l]·a[l−1]ᵀ
    ∂C/∂b[l] = ∂C/∂z[l], summed over the examples

`NeuralNetwork` knows none of them: it computes C, and the engine follows the graph back. Run it to see that both agree:

    python -m examples.article
"""

import numpy as np

import tinygrad_bp as tg


def forward_by_hand(parameters, X, L):
    """z[l] and a[l] of every layer."""
    values = {"a0": X}
    for l in range(1, L + 1):
        values[f"z{l}"] = parameters[f"W{l}"] @ values[f"a{l - 1}"] + parameters[f"b{l}"]
        values[f"a{l}"] = 1 / (1 + np.exp(-values[f"z{l}"]))
    return values


def derivatives_by_hand(parameters, X, Y, L):
    """The article's four formulas: dz[l], dW[l] and db[l] of every layer."""
    values = forward_by_hand(parameters, X, L)
    m = X.shape[1]
    derivatives = {}
    dz = (values[f"a{L}"] - Y) / m
    for l in range(L, 0, -1):
        if l < L:
            a = values[f"a{l}"]
            dz = (parameters[f"W{l + 1}"].T @ dz) * (a * (1 - a))
        derivatives[f"dz{l}"] = dz
        derivatives[f"dW{l}"] = dz @ values[f"a{l - 1}"].T
        derivatives[f"db{l}"] = dz.sum(axis=1, keepdims=True)
    return derivatives


def derivatives_by_engine(network, X, Y):
    """The same, and the derivatives of the a[l] too, from the graph of the cost."""
    network.forward_propagate(X)
    return network.compute_derivatives(Y)


def random_problem(architecture, m, seed):
    """A network with random weights and biases, inputs X and targets Y."""
    rng = np.random.default_rng(seed)
    network = tg.nn.NeuralNetwork(architecture, seed=rng)
    for l in range(1, network.L + 1):
        network.parameters[f"b{l}"] = rng.normal(size=(architecture[l], 1))
    X = rng.normal(size=(architecture[0], m))
    Y = rng.integers(0, 2, size=(architecture[-1], m))
    return network, X, Y


def compare(architecture, m, seed):
    """Print layer by layer how far hand and engine are apart; returns the largest difference."""
    network, X, Y = random_problem(architecture, m, seed)
    hand = derivatives_by_hand(network.parameters, X, Y, network.L)
    engine = derivatives_by_engine(network, X, Y)
    apart = {name: np.abs(engine[name] - hand[name]).max() for name in hand}
    print(f"\n{'-'.join(map(str, architecture))}, {m} examples: largest difference")
    print("layer     ∂C/∂z     ∂C/∂W     ∂C/∂b")
    for l in range(network.L, 0, -1):
        print(f"{l:5}", *(f"{apart[f'd{v}{l}']:9.1e}" for v in "zWb"))
    return max(apart.values())


def main():
    rng = np.random.default_rng(0)
    architectures = [[7, 2, 1], *(rng.integers(1, 21, size=L + 1).tolist() for L in range(1, 6))]
    worst = max(compare(widths, int(rng.integers(1, 51)), seed) for seed, widths in enumerate(architectures))
    print(f"\nlargest of all: {worst:.1e}")
    assert worst < 1e-12


if __name__ == "__main__":
    main()
