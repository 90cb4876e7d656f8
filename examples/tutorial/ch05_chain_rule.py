# %% [markdown]
# # 5. The chain rule and the four derivatives
#
# If C depends on a, and a on z, a small change of z is passed on twice, and the factors multiply:
#
# $$\frac{\partial C}{\partial z} = \frac{\partial C}{\partial a} \cdot \frac{\partial a}{\partial z}$$
#
# That is the chain rule. Backpropagation is nothing else, applied along the graph from the right to the left.
#
# ## The last layer
#
# One example, one output. The cost C = −(y log a + (1 − y) log(1 − a)) has the derivative
#
# $$\frac{\partial C}{\partial a} = \frac{1 - y}{1 - a} - \frac{y}{a}$$
#
# and the sigmoid, as the next chapter works out,
#
# $$\frac{\partial a}{\partial z} = a (1 - a)$$
#
# Multiply: in the first term 1 − a cancels, in the second a. (1 − y)·a − y·(1 − a) is left, and that is
#
# $$\frac{\partial C}{\partial z^{[L]}} = a^{[L]} - y$$
#
# Prediction minus truth: a beautiful result, and the reason why cross-entropy and the sigmoid belong together.

# %%
import numpy as np

import tinygrad_bp as tg

network = tg.nn.NeuralNetwork([7, 3, 2, 1], seed=0)
X, Y = np.random.default_rng(0).normal(size=(7, 1)), np.array([[1.0]])
network.forward_propagate(X)
d = network.compute_derivatives(Y)  # dz3 is ∂C/∂z[3], dW3 is ∂C/∂W[3], …
v = network.parameters  # W1, b1, …, and z1, a1, … of the last forward pass

print(v["a3"] - Y, d["dz3"])
assert np.allclose(v["a3"] - Y, d["dz3"])

# %% [markdown]
# ## Through the matrix
#
# Now one step to the left, from z[3] to a[2]. z[3] = W[3]·a[2] + b[3], so unit i of layer 3 sees unit j of layer 2
# with the weight W[3] has in row i and column j. Unit j in turn is seen by all units i, and what comes back from them
# is added up:
#
# $$\frac{\partial C}{\partial a_j} = \sum_i \frac{\partial C}{\partial z_i} W_{ij}$$
#
# The sum goes over the *rows*. As a matrix product it has W transposed: Wᵀ·∂C/∂z.

# %%
print(np.allclose(v["W3"].T @ d["dz3"], d["da2"]))

assert np.allclose(v["W3"].T @ d["dz3"], d["da2"])

# %% [markdown]
# Then through the activation, unit by unit. $\odot$ is the product element by element, NumPy's `*`. With both steps we
# are one layer further to the left:
#
# $$\frac{\partial C}{\partial z^{[l]}} = (W^{[l+1]})^{\top} \frac{\partial C}{\partial z^{[l+1]}} \odot g'(z^{[l]})$$

# %%
for l in (2, 1):
    a, W, dz = v[f"a{l}"], v[f"W{l + 1}"], d[f"dz{l + 1}"]
    assert np.allclose((W.T @ dz) * (a * (1 - a)), d[f"dz{l}"])
    print(f"∂C/∂z[{l}] =", d[f"dz{l}"].ravel().round(4))

# %% [markdown]
# ## To the parameters
#
# Each weight multiplies one number. So its derivative is that number times what comes back to its unit. All at once:
#
# $$\frac{\partial C}{\partial W^{[l]}} = \frac{\partial C}{\partial z^{[l]}} (a^{[l-1]})^{\top}$$
#
# A bias is added as it is, so its derivative is what comes back:
#
# $$\frac{\partial C}{\partial b^{[l]}} = \frac{\partial C}{\partial z^{[l]}}$$

# %%
v["a0"] = X
for l in (3, 2, 1):
    assert np.allclose(d[f"dz{l}"] @ v[f"a{l - 1}"].T, d[f"dW{l}"])
    assert np.allclose(d[f"dz{l}"], d[f"db{l}"])
print("all of them agree with the engine")

# %% [markdown]
# If you forget where the transposed matrix belongs, ask the shapes. ∂C/∂W[1] must be (3, 7). From (3, 1) and (7, 1)
# there is only one way: (3, 1)·(1, 7).
#
# These four equations are all of backpropagation for such networks. Here is their picture; go along the red lines and
# find each of them.

# %%
C = network.cost_graph(X, Y)
tg.draw(C, passes="backward", values="none")

# %% [markdown]
# And here is the calculation as one would write it by hand. `tg.derive` does not look it up: it reads the graph, puts
# the factors together, simplifies, and checks each line against `backward()`. At its end stand the four equations.

# %%
tg.derive(C, "W1")

# %% [markdown]
# ## The tutor
#
# One learns the equations by writing them down. `tg.tutor` reads what you write, in this notation or in NumPy's, and
# evaluates it beside `backward()`; dz3 means ∂C/∂z3. Of a wrong answer it names the first wrong factor, and shows its
# edge in the picture:

# %%
teacher = tg.tutor(C)
teacher.check("z2", "W3 @ dz3 * a2 * (1 - a2)")

# %% [markdown]
# ## Exercise
#
# Write the four equations for this network: ∂C/∂z3, and for layer 2 ∂C/∂z2, ∂C/∂W2 and ∂C/∂b2, each as text. You may
# use the gradients that come before. With `teacher.check("W2", "…")` at the end of a cell you see the edge, too.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    for name in ("z3", "z2", "W2", "b2"):
        verdict = teacher.check(name, answer.get(name, ""))
        if not verdict:
            return f"Not yet, ∂C/∂{name}:\n{verdict}"
    return "Right, all four."


answer = ...  # {"z3": "…", "z2": "…", "W2": "…", "b2": "…"}
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# ```python
# answer = {"z3": "a3 - y", "z2": "W3.T @ dz3 * a2 * (1 - a2)", "W2": "dz2 @ a1.T", "b2": "dz2"}
# ```
#
# </details>
