# %% [markdown]
# # 12. From PyTorch, JAX, autograd, micrograd, MyGrad
#
# The same ten lines in each: one layer, the cross-entropy of its prediction, and the derivatives by the weights and the
# bias. If you know one of the libraries, this is your dictionary.
#
# The data, for all of them:

# %%
import numpy as np

import tinygrad_bp as tg

rng = np.random.default_rng(0)
X, y = rng.normal(size=(7, 5)), np.array([[0.0, 1.0, 1.0, 0.0, 1.0]])  # five examples, as columns
W0, b0 = rng.normal(size=(1, 7)), np.array([[0.5]])

# %% [markdown]
# ## tinygrad_bp
#
# With tensors, as in PyTorch:

# %%
W = tg.tensor(W0, requires_grad=True, name="W")
b = tg.tensor(b0, requires_grad=True, name="b")
z = W @ X + b
C = tg.binary_cross_entropy_with_logits(z, y)
C.backward()
dW, db = W.grad, b.grad
print(C.item(), dW.round(3), db)

# %% [markdown]
# With functions, as in JAX. Both give the same numbers:


# %%
def cost(W, b):
    return tg.binary_cross_entropy_with_logits(W @ X + b, y)


by_function = tg.grad(cost, argnums=(0, 1))(W0, b0)

assert np.array_equal(by_function[0], dW)
assert np.array_equal(by_function[1], db)

# %% [markdown]
# ## PyTorch
#
# ```python
# import torch
#
# W = torch.tensor(W0, requires_grad=True)
# b = torch.tensor(b0, requires_grad=True)
# z = W @ torch.tensor(X) + b
# C = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(y))
# C.backward()
# dW, db = W.grad, b.grad
# ```
#
# The words are nearly the same. `.grad` adds up in both, until it is set to zero: `W.zero_grad()` here, for a whole
# model `optimizer.zero_grad()` in both. Here `.grad` is a NumPy array, and NumPy's functions work on tensors. PyTorch
# keeps the weights of `Linear` transposed; `tg.nn.from_torch` takes care of that.
#
# ## JAX
#
# ```python
# import jax
# import jax.numpy as jnp
#
# def cost(W, b):
#     z = W @ X + b
#     return jnp.mean(jnp.logaddexp(z, 0) - y * z)
#
# gradient = jax.jit(jax.grad(cost, argnums=(0, 1)))
# dW, db = gradient(W0, b0)
# ```
#
# `grad`, `value_and_grad`, `vjp`, `jvp`, `hessian` and their arguments are the same here. `tg.compile` stands for
# `jax.jit`, and what it made can be read: `.source`. JAX computes in 32 bits until told otherwise, this library in the
# type of the inputs.
#
# ## autograd
#
# ```python
# import autograd.numpy as anp
# from autograd import grad
#
# def cost(W, b):
#     z = anp.dot(W, X) + b
#     return anp.mean(anp.logaddexp(z, 0) - y * z)
#
# dW, db = grad(cost, 0)(W0, b0), grad(cost, 1)(W0, b0)
# ```
#
# autograd has a NumPy of its own to import. Here it is NumPy itself: inside of a function that is differentiated,
# `np.mean` and `np.logaddexp` meet tensors and record.
#
# ## MyGrad
#
# ```python
# import mygrad as mg
#
# W, b = mg.tensor(W0), mg.tensor(b0)
# z = W @ X + b
# C = mg.mean(mg.logaddexp(z, 0) - y * z)
# C.backward()
# dW, db = W.grad, b.grad
# ```
#
# There every tensor of floats wants a gradient unless it is told not to. Here none does until it is told to, with
# `requires_grad=True`.
#
# ## micrograd
#
# ```python
# from micrograd.engine import Value
#
# W, b = [Value(w) for w in W0[0]], Value(b0[0, 0])
# C = Value(0.0)
# for x, target in zip(X.T, y[0]):
#     z = sum((w * float(v) for w, v in zip(W, x)), b)
#     e = z - float(target)
#     C = C + e * e / len(y[0])
# C.backward()
# dW, db = np.array([[w.grad for w in W]]), np.array([[b.grad]])
# ```
#
# micrograd knows numbers and no arrays, and no logarithm either, so this is the squared error of z. As a first look at
# an engine nothing is shorter. A tensor here does for arrays what a `Value` does for numbers; `tinygrad_bp/engine.py`
# is the page to read after it.


# %%
def squares(W, b):
    return tg.mean((W @ X + b - y) ** 2)


print(tg.grad(squares)(W0, b0).round(3))

# %% [markdown]
# ## Exercise
#
# To get the slope of a curve at many points JAX users write `jax.vmap(jax.grad(f))(xs)`. Here is no `vmap`, and none is
# needed: functions work on arrays, and the derivative of a *sum* of f over the points has one entry for each point.
#
# Compute the slopes of f at all `xs` with one call of `tg.grad`.

# %%
xs = np.linspace(-2, 2, 9)


def f(x):
    return x * tg.tanh(x)


def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    wanted = [tg.grad(f)(float(x)) for x in xs]
    if np.shape(answer) != xs.shape:
        return f"Not yet: there should be {len(xs)} slopes; the answer has the shape {np.shape(answer)}."
    if np.allclose(answer, np.divide(wanted, len(xs))):
        return f"Not yet: all of them are {len(xs)} times too small. The sum, not the mean."
    return "Right." if np.allclose(answer, wanted) else "Not yet: the number of slopes is right, the slopes are not."


answer = ...  # an array with the slope at each of xs
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# f at one point does not depend on the other points. So in the sum each point has its own slope.
#
# ```python
# answer = tg.grad(lambda x: tg.sum(f(x)))(xs)
# ```
#
# </details>
#
# That was the last exercise. Where to go from here: the gallery in `graphs/`, the other `examples/`, and the engine
# itself, `tinygrad_bp/engine.py`, which fits on one page.
