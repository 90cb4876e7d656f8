# %% [markdown]
# # 8. An implementation by hand
#
# All that was derived, as a program: NumPy and nothing else. Parameters and intermediate values live in dictionaries,
# and the names are those of chapter 1.

# %%
import numpy as np

import tinygrad_bp as tg


def initialise(widths, seed=0):
    rng = np.random.default_rng(seed)
    parameters = {}
    for l in range(1, len(widths)):
        parameters[f"W{l}"] = rng.normal(size=(widths[l], widths[l - 1])) / np.sqrt(widths[l - 1])
        parameters[f"b{l}"] = np.zeros((widths[l], 1))
    return parameters


# %% [markdown]
# The weights start at random. If they were all equal, all units of a layer would compute the same, get the same
# derivative and stay equal for ever. The square root keeps the sums from growing with the number of inputs.
#
# Forward, chapter 2. Everything is kept, because the way back needs it:


# %%
def forward(parameters, x):
    values = {"a0": x}
    for l in range(1, len(parameters) // 2 + 1):
        values[f"z{l}"] = parameters[f"W{l}"] @ values[f"a{l - 1}"] + parameters[f"b{l}"]
        values[f"a{l}"] = 1 / (1 + np.exp(-values[f"z{l}"]))
    return values


# %% [markdown]
# The cost, chapter 3:


# %%
def cost(a, y):
    return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))


# %% [markdown]
# Backward, chapter 5. Equation by equation, from the last layer to the first:


# %%
def backward(parameters, values, y):
    L = len(parameters) // 2
    derivatives = {}
    dz = values[f"a{L}"] - y
    for l in range(L, 0, -1):
        derivatives[f"dW{l}"] = dz @ values[f"a{l - 1}"].T
        derivatives[f"db{l}"] = dz
        if l > 1:
            a = values[f"a{l - 1}"]
            dz = (parameters[f"W{l}"].T @ dz) * a * (1 - a)
    return derivatives


# %% [markdown]
# Ten lines. Are they right? First against numbers: change one weight a little, and see how the cost changes.

# %%
parameters = initialise([7, 3, 2, 1])
x, y = np.random.default_rng(1).normal(size=(7, 1)), np.array([[1.0]])
derivatives = backward(parameters, forward(parameters, x), y)


def cost_with(name, i, change):
    changed = {key: value.copy() for key, value in parameters.items()}
    changed[name][i] += change
    return cost(forward(changed, x)["a3"], y)


largest = 0.0
for name, array in parameters.items():
    for i in np.ndindex(array.shape):
        slope = (cost_with(name, i, 1e-5) - cost_with(name, i, -1e-5)) / 2e-5
        largest = max(largest, abs(slope - derivatives["d" + name][i]))
print(f"largest difference: {largest:.1e}")

assert largest < 1e-8

# %% [markdown]
# Two runs of the network for every single parameter: as a test that is good, to learn by it is hopeless. A million
# parameters would need two million runs for one step. Backpropagation needs one run forward and one back.
#
# Then against the engine, which was told nothing but the forward pass:

# %%
network = tg.nn.NeuralNetwork([7, 3, 2, 1])
network.parameters.update(parameters)
network.forward_propagate(x)
by_engine = network.compute_derivatives(y)
for name, derivative in derivatives.items():
    assert np.allclose(derivative, by_engine[name], rtol=1e-12)
print("equal")

# %% [markdown]
# And the engine can write such a program itself. Compare it with ours: it works with z where that is more exact, and
# the rest is line by line the same.

# %%
print(network.source(m=1))

# %% [markdown]
# ## Exercise
#
# Our `backward` is for one example. Make it fit for m of them: the inputs are (7, m), the targets (1, m), and the cost
# is the mean over all. Two lines have to change. Which?
#
# First on paper, as text for the tutor: ∂C/∂z3 and ∂C/∂b2.

# %%
X, Y = np.random.default_rng(2).normal(size=(7, 5)), np.array([[0.0, 1.0, 1.0, 0.0, 1.0]])
teacher = tg.tutor(network.cost_graph(X, Y))


def check_equations(equations):
    if equations is ...:
        return "Replace the dots with your equations and run the cell again."
    for name in ("z3", "b2"):
        verdict = teacher.check(name, equations.get(name, ""))
        if not verdict:
            return f"Not yet, ∂C/∂{name}:\n{verdict}"
    return "Right. Now the program."


equations = ...  # {"z3": "…", "b2": "…"}
print(check_equations(equations))

# %% [markdown]
# Then the program:


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    network.forward_propagate(X)
    wanted, found = network.compute_derivatives(Y), answer(parameters, forward(parameters, X), Y)
    for name in derivatives:
        if found[name].shape != wanted[name].shape:
            return f"Not yet: {name} is {found[name].shape}, and has to be {wanted[name].shape}."
        if np.allclose(found[name], 5 * wanted[name]):
            return f"Not yet: {name} is 5 times too large. The cost is a mean over 5 examples."
        if not np.allclose(found[name], wanted[name]):
            return f"Not yet: {name} has the right shape and wrong numbers."
    return "Right."


answer = ...  # a function (parameters, values, y) → derivatives
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# The mean brings the factor 1/m, once, at the beginning. And every example shares the biases, so what comes back from
# the examples is added up. The product for dW adds up over the examples already.
#
# ```python
# equations = {"z3": "(a3 - y) / m", "b2": "np.sum(dz2, axis=1, keepdims=True)"}
#
#
# def answer(parameters, values, y):
#     L = len(parameters) // 2
#     derivatives = {}
#     dz = (values[f"a{L}"] - y) / y.shape[1]
#     for l in range(L, 0, -1):
#         derivatives[f"dW{l}"] = dz @ values[f"a{l - 1}"].T
#         derivatives[f"db{l}"] = dz.sum(axis=1, keepdims=True)
#         if l > 1:
#             a = values[f"a{l - 1}"]
#             dz = (parameters[f"W{l}"].T @ dz) * a * (1 - a)
#     return derivatives
# ```
#
# </details>
