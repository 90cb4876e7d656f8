# %% [markdown]
# # 3. The cost
#
# The prediction is y′, the truth is y. To make the network better we need one number that says how bad it is. It is
# called the cost, C, and learning means: make C smaller.
#
# With two classes, y is 0 or 1, and y′ is the probability that the network gives to class 1. So it gave the
# probability y′ to the truth if y = 1, and 1 − y′ if y = 0.
#
# The cost of an example is the negative logarithm of that probability. It is 0 for one who was sure and right, and
# grows without bound for one who was sure and wrong.

# %%
import numpy as np

import tinygrad_bp as tg

for probability in (0.99, 0.9, 0.5, 0.1, 0.01):
    print(f"the truth was given {probability:4}: cost {-np.log(probability):.3f}")

# %% [markdown]
# One formula says both cases. Of its two terms one is always 0, because y is 0 or 1:
#
# $$C = -(y \log y' + (1 - y) \log (1 - y'))$$
#
# Its name is **binary cross-entropy**. Over m examples C is the mean of their costs.


# %%
def cost(a, y):
    return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))


a = np.array([[0.9, 0.2, 0.7]])
y = np.array([[1.0, 0.0, 0.0]])
print(round(cost(a, y), 4))

assert np.isclose(cost(a, y), -(np.log(0.9) + np.log(0.8) + np.log(0.3)) / 3)

# %% [markdown]
# The library computes the same. Its result is a tensor: a number that also knows where it came from, of which chapter
# 4 makes use.

# %%
C = tg.binary_cross_entropy(tg.tensor(a), tg.tensor(y))
print(C.item())

assert np.isclose(C.item(), cost(a, y))

# %% [markdown]
# ## Why not the square?
#
# (y′ − y)² measures an error too. But look at a network that is sure and wrong: y = 1, y′ = 0.001. The square cannot
# be larger than 1 however wrong one is. And its slope in z, which the network learns by, is nearly 0 just where there
# is most to learn. Cross-entropy has the slope y′ − y there, about −1. Chapter 5 shows where that comes from.

# %%
z = float(np.log(0.001 / 0.999))  # σ(z) = 0.001
square = tg.grad(lambda z: (tg.sigmoid(z) - 1.0) ** 2)(z)
entropy = tg.grad(lambda z: tg.binary_cross_entropy(tg.sigmoid(z), 1.0))(z)
print(f"slope of the square {square:.4f}, of the cross-entropy {entropy:.4f}")

assert abs(square) < 0.01 < 0.99 < abs(entropy)

# %% [markdown]
# ## Exercise
#
# Three of ten examples belong to class 1, seven to class 0. A lazy network does not look at its inputs: it says the
# same q for each of them. With which q is its cost smallest?
#
# Try some, or set the derivative of C with respect to q to zero.


# %%
def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    if not 0 < answer < 1:
        return "Not yet: q is a probability, above 0 and below 1."
    y = np.array([1.0] * 3 + [0.0] * 7)
    here, left, right = (cost(np.full(10, answer * factor), y) for factor in (1, 0.999, 1.001))
    if left < here:
        return f"Not yet: the cost is {here:.4f}, and a smaller q costs less."
    if right < here:
        return f"Not yet: the cost is {here:.4f}, and a larger q costs less."
    return f"Right, with a cost of {here:.4f}. Any network worth its name must come below that."


answer = ...  # a number q
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# C(q) = −0.3·log q − 0.7·log(1 − q). Its derivative −0.3/q + 0.7/(1 − q) is zero where 0.3·(1 − q) = 0.7·q. So q is
# the share of class 1.
#
# ```python
# answer = 0.3
# ```
#
# </details>
