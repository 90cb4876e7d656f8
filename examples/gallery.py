"""The gallery: every picture of the README and of graphs/, drawn again by `python -m examples.gallery`.

Each figure is a function that returns the value to draw; the DOT text it leads to is compared with graphs/ by a test.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

import tinygrad_bp as tg
from examples.gallery_of_others import graphs

PASSES: tuple[Literal["forward", "backward", "both"], ...] = ("forward", "backward", "both")

GRAPHS = Path(__file__).resolve().parent.parent / "graphs"


def article() -> tg.Tensor:
    """The cost of a network of three layers, 7-3-2-1, for one example: the article's figure."""
    network = tg.nn.NeuralNetwork((7, 3, 2, 1), seed=0)
    return network.cost_graph(np.random.default_rng(0).normal(size=(7, 1)), np.ones((1, 1)))


def trained() -> tg.Tensor:
    """The cost of the article's 7-2-1 network on the seeds data, after 100 passes over the training examples."""
    X, y = tg.datasets.load_seeds()
    trained = tg.nn.train(X, y, seed=0)
    return trained.network.cost_graph(trained.X, trained.Y)


def fan_out() -> tg.Tensor:
    """One value used three times: its gradient is the sum Σ of what each path contributes."""
    x = tg.tensor(3.0, requires_grad=True, name="x")
    h = (x * x).named("h")
    return (h * h + 2.0 * h).named("C")


def deep_network() -> tg.Tensor:
    """Twelve equal hidden layers, each in a scope of its own: scopes built alike roll up."""
    rng = np.random.default_rng(0)
    a = tg.tensor(rng.normal(size=(16, 4)), name="X")
    for l, (n_in, n_out) in enumerate([(4, 8), *[(8, 8)] * 12, (8, 1)]):
        with tg.scope(f"layer {l}"):
            a = tg.tanh(tg.nn.Linear(n_in, n_out, seed=rng)(a))
    return tg.mse(a, tg.tensor(rng.uniform(-1, 1, size=(16, 1)), name="y")).named("C")


def softmax_classifier() -> tg.Tensor:
    """Softmax regression on all three varieties of wheat."""
    X, y = tg.datasets.load_seeds(varieties=(1, 2, 3))
    x = tg.tensor((X - X.mean(axis=0)) / X.std(axis=0), name="X")
    W = tg.tensor(np.random.default_rng(0).normal(size=(7, 3)), requires_grad=True, name="W")
    b = tg.tensor(np.zeros(3), requires_grad=True, name="b")
    z = tg.affine(x, W, b).named("z")
    return tg.softmax_cross_entropy(z, tg.tensor(y, name="labels")).named("C")


def convolutional_network() -> tg.Tensor:
    """Two convolutions with pooling and a linear layer, each step in a scope of its own."""
    rng = np.random.default_rng(0)
    image = tg.tensor(rng.normal(size=(2, 1, 12, 12)), name="image")
    K1 = tg.tensor(rng.normal(size=(4, 1, 3, 3)) / 3, requires_grad=True, name="K1")
    K2 = tg.tensor(rng.normal(size=(8, 4, 3, 3)) / 6, requires_grad=True, name="K2")
    W = tg.tensor(rng.normal(size=(8, 3)) / 3, requires_grad=True, name="W")
    with tg.scope("convolution 1"):
        x = tg.max_pool2d(tg.relu(tg.conv2d(image, K1, padding="same")), 2)
    with tg.scope("convolution 2"):
        x = tg.max_pool2d(tg.relu(tg.conv2d(x, K2, padding="same")), 2)
    with tg.scope("classifier"):
        scores = tg.mean(x, axis=(2, 3)) @ W
    return tg.softmax_cross_entropy(scores, tg.tensor([0, 2], name="labels")).named("C")


def vanishing_gradient() -> tg.Tensor:
    """Four sigmoid layers with small weights: the gradient loses a factor at each."""
    rng = np.random.default_rng(0)
    a = tg.tensor(rng.normal(size=(6, 5)), name="X")
    for l, (n_in, n_out) in enumerate([(6, 5), (5, 4), (4, 3), (3, 2)], 1):
        W = tg.tensor(0.05 * rng.normal(size=(n_out, n_in)), requires_grad=True, name=f"W{l}")
        with tg.scope(f"layer {l}"):
            a = tg.sigmoid(W @ a)
    return tg.mean(a).named("C")


def nan_hunt() -> tg.Tensor:
    """A logarithm of a number that became negative: where the first NaN was made."""
    x = tg.tensor([0.5, 1.5], requires_grad=True, name="x")
    with np.errstate(invalid="ignore"):
        return tg.sum(tg.log((1.0 - x).named("rest")).named("information") * x).named("C")


def second_derivative() -> tg.Tensor:
    """The backward pass of u³ is a graph like any other: g = 3u², and drawn with its own backward pass, 6u."""
    x = tg.tensor(2.0, requires_grad=True, name="x")
    return tg.grad(lambda x: x.named("u") ** 3)(x).named("g")


def difference() -> tg.GraphDifference:
    """What changes from one network to another: a layer more, and another activation."""
    x = tg.tensor(np.ones((7, 1)), name="X")

    def network(widths: tuple[int, ...], activation: Callable[[tg.Tensor], tg.Tensor]) -> tg.Tensor:
        a = x
        for l, (inputs, outputs) in enumerate(pairwise(widths), 1):
            W = tg.tensor(np.ones((outputs, inputs)), requires_grad=True, name=f"W{l}")
            z = (W @ a).named(f"z{l}")
            a = (tg.sigmoid if outputs == 1 else activation)(z).named(f"a{l}")
        return tg.binary_cross_entropy(a, tg.tensor(np.ones((1, 1)), name="y")).named("C")

    return tg.graph.diff(network((7, 2, 1), tg.sigmoid), network((7, 2, 2, 1), tg.tanh))


def figures() -> dict[str, tg.Drawing]:
    """The drawings by file name."""
    C, numbers = article(), trained()
    return {
        **{f"article_{passes}": tg.draw(C, passes=passes, values="none") for passes in PASSES},
        **{f"trained_{passes}": tg.draw(numbers, passes=passes) for passes in PASSES},
        "fan_out": tg.draw(fan_out()),
        "deep_network": tg.draw(deep_network(), detail="scopes"),
        "softmax_classifier": tg.draw(softmax_classifier()),
        "convolutional_network": tg.draw(convolutional_network(), detail="scopes"),
        "vanishing_gradient": tg.draw(vanishing_gradient(), detail="scopes", heat=True, values="none"),
        "nan_hunt": tg.draw(nan_hunt()),
        "second_derivative": tg.draw(second_derivative(), detail="ops"),
        **{name: tg.draw(graph, values="none", detail=detail) for name, (graph, detail) in graphs().items()},
    }


def sheets() -> dict[str, tg.nn.ActivationSheet]:
    """The activation sheets by file name: all of them, and one for each."""
    each = {f"activations/{name}": tg.nn.activation_sheet(name) for name in tg.nn.ACTIVATIONS}
    return {"activations": tg.nn.activation_sheet(), **each}


def learning() -> tg.nn.Recording:
    """The article's 7-2-1 network while it learns: every second of 60 epochs."""
    X, y = tg.datasets.load_seeds()
    (X,), y = tg.nn.standardise(X), y.reshape(-1, 1)
    model = tg.nn.Sequential(tg.nn.Linear(7, 2, seed=0), tg.nn.Sigmoid(), tg.nn.Linear(2, 1, seed=1))
    loss, optimizer = tg.binary_cross_entropy_with_logits, tg.nn.SGD(model.parameters(), lr=0.05)
    recording = tg.nn.Recording(model, X, y, loss, every=2)
    metrics = {"accuracy": partial(tg.nn.accuracy, threshold=0)}
    tg.nn.fit(model, X, y, loss, optimizer, 60, batch=8, seed=0, metrics=metrics, callbacks=[recording])
    return recording


def main(folder: Path = GRAPHS, report: Callable[[str], None] = print) -> None:
    """Draw everything into a folder, as .dot and .svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in figures().items():
        drawing.save(folder / f"{name}.dot")
        drawing.save(folder / f"{name}.svg")
        report(f"{name}: .dot, .svg")
    (folder / "activations").mkdir(exist_ok=True)
    for name, sheet in sheets().items():
        sheet.save(folder / f"{name}.svg")
    learning().save(folder / "learning.svg")
    difference().save(folder / "difference.svg")
    report("learning, difference: .svg")
    report(f"activations: .svg, and one for each of {len(tg.nn.ACTIVATIONS)}")


if __name__ == "__main__":
    main()
