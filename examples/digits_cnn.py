"""Handwritten digits by a small convolutional network: 0.98 of the unseen ones right, after seconds of training.

The images are 8×8 pixels. Each of two convolutions looks at every 3×3 patch with filters that are learned; its maps are
brought to mean 0 and variance 1 over the batch, and pooling keeps the largest of every four neighbours: 16 maps of 4×4,
then 32 of 2×2, whose numbers a linear layer turns into ten scores. Dropout hides a quarter of them at every step, so
that no score rests on few. The learning rate falls along half a cosine wave.

`fit` runs a step as one NumPy program: forward, backward, Adam, and what layers keep from step to step, running means
and random generators. Float32 halves what it moves through memory. The digits come with scikit-learn (extra `sklearn`):

    python -m examples.digits_cnn
"""

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_bp as tg

EPOCHS, BATCH = 10, 32


def network(rng):
    settings = {"seed": rng, "dtype": np.float32}
    return tg.nn.Sequential(
        tg.nn.Conv2d(1, 16, kernel=3, padding="same", **settings),
        tg.nn.BatchNorm(16, dtype=np.float32),
        tg.nn.ReLU(),
        tg.nn.MaxPool2d(2),
        tg.nn.Conv2d(16, 32, kernel=3, padding="same", **settings),
        tg.nn.BatchNorm(32, dtype=np.float32),
        tg.nn.ReLU(),
        tg.nn.MaxPool2d(2),
        tg.nn.Flatten(),
        tg.nn.Dropout(0.25, seed=rng),
        tg.nn.Linear(32 * 2 * 2, 10, **settings),
    )


def main():
    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)  # examples, channels, height, width
    X, X_unseen, y, y_unseen = tg.nn.split(images, labels, share=0.7, seed=rng)

    model = network(rng)
    print(model.summary(X[:BATCH]))
    steps = EPOCHS * -(-len(X) // BATCH)
    optimizer = tg.nn.Adam(model.parameters(), lr=tg.nn.CosineDecay(0.005, steps))
    metrics = [tg.nn.accuracy]
    print(tg.nn.fit(model, X, y, tg.softmax_cross_entropy, optimizer, EPOCHS, BATCH, seed=rng, metrics=metrics))

    model.eval()  # in use: nothing hidden, the running means in the place of the batch's
    right = tg.nn.accuracy(model(X_unseen), y_unseen)
    print(f"{right:.3f} of {len(y_unseen)} unseen digits right")
    return right


if __name__ == "__main__":
    main()
