"""The networks whose programs stand in this folder; `python -m tests.source.expected` writes the programs again."""

from pathlib import Path

import numpy as np

import tinygrad_bp as tg

rng = np.random.default_rng(0)


def network(*widths, m):
    """The article's class: its own program, and the engine's pass over the same numbers."""
    network = tg.nn.NeuralNetwork(widths, seed=0)
    X, Y = rng.normal(size=(widths[0], m)), rng.integers(0, 2, size=(widths[-1], m)) * 1.0
    names = [f"{letter}{l}" for l in range(1, len(widths)) for letter in "Wb"]

    def eager(*args):
        network.forward_propagate(args[-2])
        C, derivatives = network.compute_cost(args[-1]), network.compute_derivatives(args[-1])
        return C, *[derivatives[f"d{name}"] for name in names]

    return network.source(m), eager, [*[network.parameters[name] for name in names], X, Y]


def compiled(f, *args):
    """A function's program, the function, and what it is called with."""
    fast = tg.compile(f, backend="numpy")
    fast(*args)
    return fast.source, f, args


def differentiated(cost, *args, count):
    """The program of a cost and its derivatives for the first arguments, so many."""
    both = tg.value_and_grad(cost, argnums=tuple(range(count)))

    def derivatives(*args):
        return both(*args)

    derivatives.__name__, derivatives.__wrapped__ = cost.__name__, cost
    return compiled(derivatives, *args)


def softmax_classifier(W, b, X, labels):
    return tg.softmax_cross_entropy(X @ W + b, labels)


def tanh_regression(W1, b1, W2, b2, X, Y):
    return tg.mse(tg.tanh(X @ W1 + b1) @ W2 + b2, Y)


def logistic_regression(w, b, X, y):
    return tg.binary_cross_entropy_with_logits(X @ w + b, y) + 0.01 * tg.sum(w * w)


def convolution(W1, b1, W2, images, labels):
    h = tg.max_pool2d(tg.relu(tg.conv2d(images, W1) + b1), 2)
    return tg.softmax_cross_entropy(h.reshape((h.shape[0], -1)) @ W2, labels)


def lstm_cell(W, U, b, x, h, c):
    f, i, o, g = tg.split(x @ W + h @ U + b, 4, axis=1)
    new_c = (tg.sigmoid(f) * c + tg.sigmoid(i) * tg.tanh(g)).named("new_c")
    return tg.mean(tg.sigmoid(o) * tg.tanh(new_c))


def attention(Q, K, V):
    weights = tg.softmax(Q @ K.T / 2.0).named("weights")
    return tg.sum((weights @ V) ** 2.0)


def layer_norm(x, gain, bias, y):
    centered = (x - tg.mean(x, axis=1, keepdims=True)).named("centered")
    deviation = tg.sqrt(tg.mean(centered * centered, axis=1, keepdims=True) + 1e-5).named("deviation")
    return tg.mse(centered / deviation * gain + bias, y)


def rosenbrock(x, y):
    return (1.0 - x) ** 2.0 + 100.0 * (y - x**2.0) ** 2.0


def training_step(W1, b1, W2, b2, X, Y):
    def cost(W1, b1, W2, b2):
        return tg.binary_cross_entropy_with_logits(tg.relu(X @ W1 + b1) @ W2 + b2, Y)

    C, (dW1, db1, dW2, db2) = tg.value_and_grad(cost, argnums=(0, 1, 2, 3))(W1, b1, W2, b2)
    return C, W1 - 0.1 * dW1, b1 - 0.1 * db1, W2 - 0.1 * dW2, b2 - 0.1 * db2


def hessian_vector_product(w, v, X):
    return tg.hvp(lambda w: tg.sum(tg.softplus(X @ w)), (w,), (v,))


def normal(*shape):
    return rng.normal(size=shape)


PROGRAMS = {
    "article_7_2_1": network(7, 2, 1, m=1),
    "article_7_3_2_1": network(7, 3, 2, 1, m=5),
    "layers_alike": network(7, 4, 4, 4, 4, 1, m=5),
    "two_outputs": network(7, 3, 2, m=5),
    "softmax_classifier": differentiated(
        softmax_classifier, normal(4, 3), normal(3), normal(6, 4), np.array([0, 2, 1, 1, 0, 2]), count=2
    ),
    "tanh_regression": differentiated(
        tanh_regression, normal(4, 3), normal(3), normal(3, 1), normal(1), normal(6, 4), normal(6, 1), count=4
    ),
    "logistic_regression": differentiated(
        logistic_regression, normal(4), 0.5, normal(6, 4), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0]), count=2
    ),
    "convolution": differentiated(
        convolution, normal(2, 1, 3, 3), normal(2, 1, 1), normal(8, 3), normal(5, 1, 6, 6), np.arange(5) % 3, count=3
    ),
    "lstm_cell": differentiated(
        lstm_cell, normal(3, 8), normal(2, 8), normal(8), normal(5, 3), normal(5, 2), normal(5, 2), count=3
    ),
    "attention": differentiated(attention, normal(5, 4), normal(6, 4), normal(6, 3), count=3),
    "layer_norm": differentiated(layer_norm, normal(5, 4), normal(4), normal(4), normal(5, 4), count=3),
    "rosenbrock": differentiated(rosenbrock, np.float64(-1.2), np.float64(1.0), count=2),
    "training_step": compiled(
        training_step, normal(4, 3), normal(3), normal(3, 1), normal(1), normal(6, 4), rng.integers(0, 2, (6, 1)) * 1.0
    ),
    "hessian_vector_product": compiled(hessian_vector_product, normal(4), normal(4), normal(6, 4)),
}
"""By name: the text, the function that runs on the engine, and the arguments of both."""

if __name__ == "__main__":
    for name, (text, _, _) in PROGRAMS.items():
        Path(__file__).with_name(f"{name}.py").write_text(text, encoding="utf-8")
