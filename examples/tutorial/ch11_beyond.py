# %% [markdown]
# # 11. Beyond: any graph
#
# The four equations are for one kind of network. The graph is for everything: a value has parents, each parent has a
# local derivative, and the chain rule does the rest. This chapter shows what follows from that.
#
# ## Used more than once
#
# h goes three ways here, and what comes back on them is added up, as chapter 4 counted. In the picture Σ marks the
# place.

# %%
import numpy as np

import tinygrad_bp as tg

x = tg.tensor(3.0, requires_grad=True, name="x")
h = (x * x).named("h")
C = (h * h + 2.0 * h).named("C")
C.backward(retain_graph=True)
print(x.grad)

assert x.grad == 4 * 3**3 + 4 * 3  # of x⁴ + 2x²
tg.draw(C)

# %% [markdown]
# ## Derivatives of derivatives
#
# The backward pass is made of products and sums, so it has a graph too, and can be gone through backward in its turn.
# `tg.grad` takes a function and returns its derivative as a function. Apply it twice:


# %%
def f(x):
    return x**4 - 3 * x


print(tg.grad(f)(2.0), tg.grad(tg.grad(f))(2.0))

assert tg.grad(f)(2.0) == 29
assert tg.grad(tg.grad(f))(2.0) == 48

# %% [markdown]
# For a function of many variables the second derivatives are a matrix, the Hessian. Here of a cost with three weights.


# %%
A = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 3.0]])


def cost(w):
    return tg.sum(tg.softplus(A @ w))


H = tg.hessian(cost)(np.array([0.1, -0.2, 0.3]))
print(H.round(3))

assert np.allclose(H, H.T)
assert (np.linalg.eigvalsh(H) > -1e-12).all()  # the cost is convex

# %% [markdown]
# ## A program from a graph
#
# In chapter 8 we wrote backpropagation down by hand. For any function `tg.compile` does that: it watches the function
# once, then writes the NumPy program for value and gradient, and runs that from then on.


# %%
def step(W, b, X, y):
    def cost(W, b):
        return tg.binary_cross_entropy_with_logits(W @ X + b, y)

    C, (dW, db) = tg.value_and_grad(cost, argnums=(0, 1))(W, b)
    return C, W - 0.5 * dW, b - 0.5 * db


fast = tg.compile(step, backend="numpy")
rng = np.random.default_rng(0)
W, b, X = np.zeros((1, 7)), np.zeros((1, 1)), rng.normal(size=(7, 40))
y = (X[:1] + X[1:2] > 0).astype(float)
costs = []
for _ in range(100):
    C, W, b = fast(W, b, X, y)
    costs.append(float(C))
print(f"{costs[0]:.3f} → {costs[-1]:.3f}\n")
print(fast.source)

assert costs[-1] < 0.3

# %% [markdown]
# ## Layers and optimizers
#
# Larger models are put together from layers. In `tg.nn` examples are rows, as in most libraries, and `fit` trains
# anything that is made of layers. Here a softmax on all three varieties of wheat, with Adam, an optimizer that adapts
# the rate of each parameter.

# %%
X, y = tg.datasets.load_seeds(varieties=(1, 2, 3))
(X,) = tg.nn.standardise(X)
model = tg.nn.Sequential(tg.nn.Linear(7, 8, seed=0), tg.tanh, tg.nn.Linear(8, 3, seed=1))
optimizer = tg.nn.Adam(model.parameters(), lr=0.02)
history = tg.nn.fit(model, X, y, tg.softmax_cross_entropy, optimizer, epochs=10, seed=0, validation=0.2)
history

# %%
assert history.column("validation cost")[-1] < history.column("validation cost")[0] / 2

# %% [markdown]
# From here on: convolution, recurrent layers and attention are in `tg.nn`, and the examples in the repository train
# networks with each of them. Their backpropagation is the walk of chapter 4.
#
# ## Exercise
#
# Newton's method finds where a function g is zero: go from x to x − g(x)/g′(x), and again. At the minimum of f the
# derivative f′ is zero. So find the minimum of f(x) = x⁴ − 3x with first and second derivative, starting at x = 1.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    slope = tg.grad(f)(float(answer))
    if abs(f(float(answer))) < 1e-6:
        return "Not yet: that is where f is zero. Its derivative has to be."
    if abs(slope) > 1e-9:
        return f"Not yet: the slope there is {slope:.2g}. Some more steps?"
    return "Right, to nine digits, and you did not derive anything by hand."


answer = ...  # the x where f is smallest
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# ```python
# slope, curvature = tg.grad(f), tg.grad(tg.grad(f))
# answer = 1.0
# for _ in range(6):
#     answer = answer - slope(answer) / curvature(answer)
# ```
#
# By hand: 4x³ = 3, so x is the cube root of ¾.
#
# </details>
