"""Handwritten digits by a small convolutional network: 0.98 of the unseen ones right, after seconds of training.

The images are 8×8 pixels. Each of two convolutions looks at every 3×3 patch with filters that are learned, and pooling
keeps the largest of every four neighbours: 16 maps of 4×4, then 32 of 2×2, whose numbers a linear layer turns into ten
scores. The learning rate falls along half a cosine wave. `fit` takes the first step as the model is written, and the
others as one NumPy program: forward, backward, and Adam's step. Float32 halves what it moves through memory.

The digits come with scikit-learn (extra `sklearn`):

    python -m examples.digits_cnn
"""

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_bp as tg

EPOCHS, BATCH = 20, 32


def network(rng):
    settings = {"seed": rng, "dtype": np.float32}
    return tg.nn.Sequential(
        tg.nn.Conv2d(1, 16, kernel=3, padding="same", **settings),
        tg.nn.ReLU(),
        tg.nn.MaxPool2d(2),
        tg.nn.Conv2d(16, 32, kernel=3, padding="same", **settings),
        tg.nn.ReLU(),
        tg.nn.MaxPool2d(2),
        tg.nn.Flatten(),
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

    def report(epoch):
        if epoch.epoch % 5 == 0:
            print(f"epoch {epoch.epoch:2}: mean cost {epoch.cost:.3f}")

    tg.nn.fit(model, X, y, tg.softmax_cross_entropy, optimizer, EPOCHS, BATCH, seed=rng, progress=report)
    right = tg.nn.accuracy(np.argmax(model(X_unseen), axis=1), y_unseen)
    print(f"{right:.3f} of {len(y_unseen)} unseen digits right")
    return right


if __name__ == "__main__":
    main()
