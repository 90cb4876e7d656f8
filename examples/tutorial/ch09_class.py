# %% [markdown]
# # 9. The class and its methods
#
# Four functions that hand dictionaries to one another are a class waiting to be written. The article's is called
# `NeuralNetwork`, and so is the one of this library. This chapter goes through its methods in the order in which a
# training step calls them.

# %%
import numpy as np

import tinygrad_bp as tg

network = tg.nn.NeuralNetwork([2, 3, 1], seed=0)
print(network)

# %% [markdown]
# The constructor takes the widths and draws the weights. The seed makes the draw the same each time.
#
# Our data is a small puzzle: four points, and the class is 1 if exactly one of the two inputs is 1. No straight line
# separates the classes, so a hidden layer is needed.

# %%
X = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
Y = np.array([[0.0, 1.0, 1.0, 0.0]])

# %% [markdown]
# **forward_propagate(X)** runs the network. It keeps z and a of every layer in `parameters`, next to the weights.

# %%
print(network.forward_propagate(X).round(3))
print(sorted(network.parameters))

assert network.parameters["a1"].shape == (3, 4)

# %% [markdown]
# **compute_cost(Y)** compares the prediction with the targets. To say ½ to everything would cost log 2 = 0.693, so the
# network knows nothing yet.

# %%
before = network.compute_cost(Y)
print(round(before, 3))

# %% [markdown]
# **compute_derivatives(Y)** runs back. Here the library differs from the article: the class contains none of the four
# equations. It builds the graph of the cost and lets the engine follow it back. So it works for every activation, and
# there is nothing to get wrong.

# %%
derivatives = network.compute_derivatives(Y)
print(sorted(derivatives))
print(derivatives["dW2"])

# %% [markdown]
# **update_parameters(alpha)** takes a step of **gradient descent**. The derivative points to where C grows, so we go
# the other way:
#
# $$W^{[l]} ← W^{[l]} - \alpha \frac{\partial C}{\partial W^{[l]}}$$
#
# α is the **learning rate**: too small, and it takes for ever; too large, and the step leaps over the valley.

# %%
network.update_parameters(alpha=0.5)
network.forward_propagate(X)
after = network.compute_cost(Y)
print(f"{before:.5f} → {after:.5f}")

assert after < before

# %% [markdown]
# A little less. Training is this step, some thousand times. `fit` does that, over all examples (`epochs` times), so
# many at a time (`batch`).

# %%
passes = network.fit(X, Y, alpha=2.0, epochs=3000, batch=4)
for done in passes[99::580]:
    print(f"pass {done.epoch:4}: cost {done.cost:.4f}, {done.accuracy:.0%} right")

assert passes[-1].cost < 0.05

# %% [markdown]
# At pass 100 it still stands at log 2, as if nothing happened. The hidden units have to become different first; then it
# goes fast. Plateaus like this are common.
#
# **predict(X)** gives the class: 1 where the prediction is above ½.

# %%
print(network.predict(X))

assert (network.predict(X) == Y).all()

# %% [markdown]
# What did it learn? The picture has the numbers: of arrays the least, the mean and the largest. The derivatives, in
# red, are nearly zero, and that is what having learned looks like.

# %%
tg.draw(network.cost_graph(X, Y))

# %% [markdown]
# The next picture is alive. Take a new network and the second point; drag a weight, watch the prediction y′ and the
# cost follow, or press the button for a step of gradient descent.

# %%
tg.play(tg.nn.NeuralNetwork([2, 3, 1], seed=0).cost_graph(X[:, 1:2], Y[:, 1:2]))

# %% [markdown]
# ## Exercise
#
# Write the training loop yourself, with the four methods: a function of a network, X, Y, the rate and the number of
# steps, which returns the list of the costs, one before each step.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    mine, yours = (tg.nn.NeuralNetwork([2, 3, 1], seed=0) for _ in range(2))
    costs = answer(yours, X, Y, 2.0, 50)
    passes = mine.fit(X, Y, alpha=2.0, epochs=50, batch=4)
    if costs is None or len(costs) != 50:
        return "Not yet: return a list with the cost before each of the steps."
    if np.ptp(costs) == 0:
        return "Not yet: the cost stays the same. Are the parameters updated, then run forward again?"
    if not np.allclose(costs[1:], [done.cost for done in passes[:-1]]):
        return "Not yet: these are not the costs of gradient descent. Is the order forward, cost, derivatives, update?"
    return "Right. It goes the way that `fit` goes."


answer = ...  # a function (network, X, Y, alpha, steps) → costs
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# ```python
# def answer(network, X, Y, alpha, steps):
#     costs = []
#     for _ in range(steps):
#         network.forward_propagate(X)
#         costs.append(network.compute_cost(Y))
#         network.compute_derivatives(Y)
#         network.update_parameters(alpha)
#     return costs
# ```
#
# </details>
