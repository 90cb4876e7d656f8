# %% [markdown]
# # 1. Notation
#
# Backpropagation is a short calculation with many letters. So the letters come first, and this chapter calculates
# nothing. All letters are those of the article.
#
# A network is a row of **layers**, numbered $l = 1, 2, …, L$. What goes in is called layer 0. Layer $l$ has $n^{[l]}$
# units, and each of them looks at all units of the layer before.
#
# The one in the picture has the widths 7-3-2-1: seven inputs, two hidden layers, one output.

# %%
import numpy as np

import tinygrad_bp as tg

network = tg.nn.NeuralNetwork([7, 3, 2, 1], seed=0)
x = np.random.default_rng(0).normal(size=(7, 1))  # seven measurements of one example
y = np.array([[1.0]])  # what it is
C = network.cost_graph(x, y)
tg.draw(C, passes="forward", values="none")

# %% [markdown]
# Read it from left to right:
#
# | letter | what it is | shape |
# |---|---|---|
# | X, or a[0] | the inputs; one example is one column | (n[0], m) |
# | W[l] | the weights of layer l: one row for each unit, one column for each of its inputs | (n[l], n[l−1]) |
# | b[l] | the biases of layer l | (n[l], 1) |
# | z[l] | the weighted sums, W[l]·a[l−1] + b[l] | (n[l], m) |
# | a[l] | the activations, g(z[l]) | (n[l], m) |
# | y′ | the prediction, another name for the last a[L] | (n[L], m) |
# | y | the targets: what y′ should be | (n[L], m) |
# | C | the cost: how wrong y′ is, one number | () |
#
# The number in brackets says which layer. It is not a power: $a^{[2]}$ is the second $a$, not its square. In Python,
# where there is no writing above the line, the names are `a2`, `W2`, `z2`.
#
# m is the number of examples. Until chapter 8 there is mostly one, so m = 1.
#
# Capital W is a matrix, and two rules of shapes explain most of what follows. A product of an (n, k) and a (k, m)
# matrix is (n, m). And a derivative of C has the shape of what one derives by: ∂C/∂W[l] is as large as W[l].

# %%
for name in ("W1", "b1", "W2", "b2", "W3", "b3"):
    print(name, network.parameters[name].shape)

assert network.parameters["W1"].shape == (3, 7)
assert network.L == 3

# %% [markdown]
# ## Exercise
#
# A network has the widths 4-5-3. What is the shape of $W^{[2]}$, and how many numbers are there to learn in all weights
# and biases together?
#
# Write a pair, the shape first. Then run the cell.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    shape, count = answer
    parameters = tg.nn.NeuralNetwork([4, 5, 3], seed=0).parameters
    if shape == parameters["W2"].shape[::-1]:
        return "Not yet: a row of W[2] belongs to a unit of layer 2, so there are n[2] rows."
    if shape != parameters["W2"].shape:
        return "Not yet: which two layers lie on the two sides of W[2]?"
    if count != sum(array.size for array in parameters.values()):
        return "The shape is right, the count is not. Did you think of the biases, one for each unit?"
    return "Right."


answer = ...  # (shape, count)
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Layer 2 has 3 units with 5 inputs each: (3, 5). The counts are 4·5 + 5 = 25 for layer 1 and 5·3 + 3 = 18 for layer 2.
#
# ```python
# answer = (3, 5), 43
# ```
#
# </details>
