# %% [markdown]
# # 10. Training on the seeds
#
# Real data: kernels of wheat, x-rayed and measured. Seven numbers for each, area, perimeter, compactness, length,
# width, asymmetry and the length of the groove. Two varieties, Kama and Rosa, 70 kernels of each. Which is which?

# %%
import numpy as np

import tinygrad_bp as tg

X, y = tg.datasets.load_seeds()
print(X.shape, np.bincount(y))
print(X[:2])

assert X.shape == (140, 7)

# %% [markdown]
# ## Keep some back
#
# A network can learn its examples by heart. Whether it has understood anything only examples can tell that it has
# never seen. So 30 % are set aside before anything else happens.

# %%
X_train, X_test, y_train, y_test = tg.nn.split(X, y, share=0.7, seed=0)
print(len(X_train), "to learn from,", len(X_test), "to test with")

# %% [markdown]
# ## One scale
#
# The area is about 16, the compactness about 0.88. The sigmoid would be saturated by the one and hardly notice the
# other. Subtract the mean of each feature and divide by its deviation. Both come from the training examples alone:
# what we know about the test must not leak in.

# %%
A_train, A_test = tg.nn.standardise(X_train, X_test)
print(A_train.mean(axis=0).round(3), A_train.std(axis=0).round(3))

assert np.allclose(A_train.mean(axis=0), 0)

# %% [markdown]
# ## Train
#
# The article's network, 7-2-1. Examples are its columns, so the table is transposed. One example at a time, 100 passes
# through all of them. On one's own computer that is a moment.

# %%
network = tg.nn.NeuralNetwork([7, 2, 1], seed=0)
passes = network.fit(A_train.T, y_train.reshape(1, -1), alpha=0.05, epochs=100)
for done in passes[:3] + passes[9::30]:
    print(f"pass {done.epoch:3}  cost {done.cost:.4f}  right {done.accuracy:.1%}  {'█' * round(60 * done.cost)}")

assert passes[-1].cost < passes[0].cost / 2

# %% [markdown]
# The bars are the cost. It falls steeply at first, then ever more slowly: where nearly all examples are right, there is
# little left to learn from.
#
# ## Test
#
# And the kernels it has not seen?

# %%
predicted = network.predict(A_test.T)[0]
right = np.mean(predicted == y_test)
print(f"{right:.1%} of {len(y_test)} right")
for i in np.flatnonzero(predicted != y_test):
    print(f"wrong: kernel {i} of variety {y_test[i]}, area {X_test[i, 0]}, length {X_test[i, 3]}")

assert right > 0.9

# %% [markdown]
# Variety 1, Rosa, has the larger kernels, about 18 in area. The wrong ones are small for it, almost a Kama's size. Look
# at mistakes one by one: they say more than the percentage.
#
# ## Look inside
#
# The trained network for all its training examples. Look for W1 and its gradient.

# %%
tg.draw(network.cost_graph(A_train.T, y_train.reshape(1, -1)))

# %% [markdown]
# All of this chapter is one command as well: `python -m tinygrad_bp train`. And `python -m tinygrad_bp play` writes a
# page in which you can move the weights by hand and watch the cost.
#
# ## Exercise
#
# Is a network needed? Perhaps a rule of thumb does: *variety 1 if feature number j is above t*. Find a j, from 0 to 6,
# and a t, with which at least 85 % of the test kernels come out right. But choose by looking at the training kernels.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    j, t = answer
    on_train, on_test = (np.mean((A[:, j] > t) == y) for A, y in ((X_train, y_train), (X_test, y_test)))
    if on_train < 0.5:
        return "Not yet: worse than tossing a coin. Does this feature grow from variety 0 to variety 1?"
    if min(on_train, on_test) < 0.85:
        return f"Not yet: {on_train:.0%} of the training kernels are right, {on_test:.0%} of the others."
    return f"Right: {on_test:.1%} of the test kernels. The network has {right:.1%}; compare with such a rule first."


answer = ...  # (j, t)
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Try each feature with the value of each training kernel as the threshold, and keep the best.
#
# ```python
# rules = [(np.mean((X_train[:, j] > t) == y_train), j, t) for j in range(7) for t in X_train[:, j]]
# answer = max(rules)[1:]
# ```
#
# It is a length: the large variety has the longer kernels, and the longer grooves.
#
# </details>
