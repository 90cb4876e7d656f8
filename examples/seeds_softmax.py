"""Three varieties of wheat by softmax: 0.95 of the unseen kernels right, in a second.

Seven measurements x of a kernel become three scores z, one for each variety, and the scores become probabilities:

    z = tanh(x·W₁ + b₁)·W₂ + b₂,  p = softmax(z),  pₖ = exp(zₖ)/Σⱼ exp(zⱼ)

The cost is the mean of −log p of the right variety. `softmax_cross_entropy` takes the scores themselves, since the
logarithm of a softmax is more exact than the logarithm of what it returns. The labels are integers, 0 to 2.

210 kernels are too few to set some aside for one test: five networks are trained, each on four fifths of the kernels,
and each tells the varieties of the fifth that it has not seen.

    python -m examples.seeds_softmax
"""

import numpy as np

import tinygrad_bp as tg

FOLDS = 5


def trained(X, y, rng):
    """A 7-16-3 network after a hundred passes over these examples."""
    model = tg.nn.Sequential(tg.nn.Linear(7, 16, seed=rng), tg.nn.Tanh(), tg.nn.Linear(16, 3, seed=rng))
    optimizer = tg.nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    tg.nn.fit(model, X, y, tg.softmax_cross_entropy, optimizer, epochs=100, seed=rng)
    return model


def predicted_unseen(X, y, rng):
    """For every kernel the variety that a network says which was trained without it."""
    predicted = np.empty_like(y)
    fold = rng.permutation(len(X)) % FOLDS
    for k in range(FOLDS):
        seen, unseen = fold != k, fold == k
        X_seen, X_unseen = tg.nn.standardise(X[seen], X[unseen])
        model = trained(X_seen, y[seen], rng)
        predicted[unseen] = np.argmax(model(X_unseen), axis=1)
    return predicted


def main():
    X, y = tg.datasets.load_seeds(varieties=(1, 2, 3))
    predicted = predicted_unseen(X, y, np.random.default_rng(0))
    print("variety    kernels   taken for 1   for 2   for 3")
    for k, name in enumerate(["Kama", "Rosa", "Canadian"]):
        counts = np.bincount(predicted[y == k], minlength=3)
        print(f"{name:10} {counts.sum():7} {counts[0]:13} {counts[1]:7} {counts[2]:7}")
    right = tg.nn.accuracy(predicted, y)
    print(f"right: {right:.3f}")
    return right


if __name__ == "__main__":
    main()
