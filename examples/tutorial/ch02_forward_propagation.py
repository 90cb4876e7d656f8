# %% [markdown]
# # 2. Forward propagation
#
# Forward propagation is what the network does with an input: it computes from left to right until a prediction comes
# out.
#
# Each layer does the same two things. It takes a weighted sum of what came before, and it bends the result:
#
# $$z^{[l]} = W^{[l]} a^{[l-1]} + b^{[l]}$$
#
# $$a^{[l]} = g(z^{[l]})$$
#
# $g$ is the **activation function**. Without it all layers together would be one matrix product, and a network of ten
# layers could do no more than one of a single layer.
#
# The article takes the sigmoid, which brings any number to between 0 and 1:
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}}$$

# %%
import numpy as np

import tinygrad_bp as tg


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


for z in (-5.0, -1.0, 0.0, 1.0, 5.0):
    print(f"σ({z:4}) = {sigmoid(z):.3f}")

assert sigmoid(0.0) == 0.5
assert np.isclose(sigmoid(-2.0), 1 - sigmoid(2.0))

# %% [markdown]
# Large sums become nearly 1, very negative ones nearly 0, and 0 becomes ½. That is why the last activation can be
# read as a probability: how sure the network is that the example belongs to class 1.
#
# ## One layer with numbers
#
# Two inputs and three units: $W$ has three rows, and `@` is NumPy's matrix product.

# %%
W = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]])
b = np.array([[0.0], [1.0], [-2.0]])
a0 = np.array([[1.0], [0.5]])

z1 = W @ a0 + b
a1 = sigmoid(z1)
print(z1.ravel())
print(a1.ravel().round(3))

assert np.allclose(z1, [[2.0], [0.5], [1.5]])

# %% [markdown]
# The first unit computed 1·1 + 2·0.5 + 0 = 2, then σ(2) = 0.881. Check one of the others by hand; it is the last time
# that you have to.
#
# ## Many examples at once
#
# Put the examples beside one another, as columns. The formula stays as it is: $W$ meets every column, and NumPy adds
# $b$ to each of them.

# %%
X = np.array([[1.0, 0.0, -1.0, 2.0], [0.5, 0.0, 1.0, -2.0]])  # four examples
A1 = sigmoid(W @ X + b)
print(A1.shape)

assert np.allclose(A1[:, :1], a1)

# %% [markdown]
# ## Exercise
#
# Write a function of `parameters`, a dictionary with W1, b1, W2, b2, …, and of inputs X. It runs through all layers,
# however many there are, and returns the last activation. `len(parameters) // 2` is the number of layers.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    for widths in ([7, 1], [7, 2, 1], [7, 5, 4, 3, 2]):
        network = tg.nn.NeuralNetwork(widths, seed=1)
        for l in range(1, network.L + 1):
            network.parameters[f"b{l}"] += l  # so that a forgotten bias is noticed
        X = np.random.default_rng(0).normal(size=(7, 6))
        parameters = {name: p.copy() for name, p in network.parameters.items()}
        found, wanted = answer(parameters, X), network.forward_propagate(X)
        if np.shape(found) != wanted.shape:
            return f"Not yet: with the widths {widths} the result is {np.shape(found)} instead of {wanted.shape}."
        if not np.allclose(found, wanted):
            return f"Not yet: the shapes are right, the numbers are not, with the widths {widths}."
    return "Right. It does what `NeuralNetwork.forward_propagate` does."


answer = ...  # a function (parameters, X) → a[L]
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# The name `a` is used again and again: at the start it is the input, after the loop it is the prediction.
#
# ```python
# def answer(parameters, X):
#     a = X
#     for l in range(1, len(parameters) // 2 + 1):
#         a = sigmoid(parameters[f"W{l}"] @ a + parameters[f"b{l}"])
#     return a
# ```
#
# </details>
