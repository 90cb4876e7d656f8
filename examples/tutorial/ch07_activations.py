# %% [markdown]
# # 7. Other activations
#
# In the equations of chapter 5 the activation stands in one place only: as the factor g′. Another activation changes
# that factor, and nothing else.

# %%
import numpy as np

import tinygrad_bp as tg

X, Y = np.random.default_rng(0).normal(size=(7, 1)), np.array([[1.0]])
for name in ("sigmoid", "tanh", "relu", "leaky_relu"):
    network = tg.nn.NeuralNetwork([7, 3, 2, 1], activation=name, seed=0)
    text = tg.derive(network.cost_graph(X, Y), "W1").text
    (line,) = [line for line in text.splitlines() if line.endswith("(2)")]
    print(f"{name:11}{line.strip()}")
    assert "W[l+1]ᵀ·∂C/∂z[l+1] ⊙" in line

# %% [markdown]
# The last layer keeps its sigmoid, because its result is to be a probability.
#
# ## Four of them

# %%
for name in ("tanh", "relu", "leaky_relu", "gelu"):
    g = getattr(tg, name)
    values = [f"{g(z):7.3f}" for z in (-2.0, -0.5, 0.5, 2.0)]
    slopes = [f"{tg.grad(g)(z):7.3f}" for z in (-2.0, -0.5, 0.5, 2.0)]
    print(f"{name:11}", *values, "   slopes", *slopes)

assert tg.relu(-2.0) == 0
assert tg.grad(tg.relu)(2.0) == 1

# %% [markdown]
# **tanh** runs from −1 to 1, and its slope at 0 is 1, four times that of the sigmoid. It saturates too.
#
# **relu** is max(0, z). For positive sums the factor is exactly 1: it makes nothing vanish, however many layers there
# are. For negative ones it is 0: a unit whose sum is negative for every example learns nothing any more.
#
# **leaky relu** repairs that with a small slope on the left. **gelu** is a smooth relu, usual in today's large
# networks.

# %%
tg.nn.activation_sheet("relu")

# %%
tg.nn.activation_sheet("gelu")

# %% [markdown]
# ## The corner
#
# relu has no derivative at 0: from the left it is 0, from the right 1. A program has to return something. This library
# returns 0, says so in the sheet above, and has a rule for all such points. It hardly matters: a sum is almost never
# exactly 0.

# %%
print(tg.grad(tg.relu)(0.0))

assert tg.grad(tg.relu)(0.0) == 0

# %% [markdown]
# ## Does the activation matter?
#
# The same network of six hidden layers with each of them, for 50 examples: how large is the gradient that arrives at
# the first layer?

# %%
X, Y = np.random.default_rng(0).normal(size=(7, 50)), np.ones((1, 50))
sizes = {}
for name in ("sigmoid", "tanh", "relu"):
    network = tg.nn.NeuralNetwork([7, *[8] * 6, 1], activation=name, seed=0)
    network.forward_propagate(X)
    sizes[name] = np.linalg.norm(network.compute_derivatives(Y)["dW1"])
    print(f"{name:8}{sizes[name]:.1e}")

assert sizes["sigmoid"] < sizes["relu"] / 100

# %% [markdown]
# ## Exercise
#
# softplus is another smooth relu: $g(z) = \log (1 + e^{z})$. Derive it. You have met the result before. Write ∂C/∂z for
# C = Σ g(z), as text; e^z and exp(z) are the exponential function.

# %%
z = tg.tensor(np.linspace(-4, 4, 9), requires_grad=True, name="z")
teacher = tg.tutor(tg.sum(tg.softplus(z).named("g")).named("C"))


def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    return str(teacher.check("z", answer))


answer = ...  # "…", with z
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# The chain rule gives eᶻ/(1 + eᶻ). Divide above and below by eᶻ, and it is 1/(1 + e⁻ᶻ): the sigmoid.
#
# ```python
# answer = "1 / (1 + e^-z)"
# ```
#
# </details>
