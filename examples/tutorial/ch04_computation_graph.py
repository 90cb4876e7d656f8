# %% [markdown]
# # 4. The computation graph
#
# A long formula is a row of short ones. Write down each short one as a point, and draw a line from what it uses to
# what it makes. The picture is called the **computation graph**.
#
# Take a model with one weight, one bias and the square as its cost.

# %%
import numpy as np

import tinygrad_bp as tg

x, y = tg.tensor(2.0, name="x"), tg.tensor(1.0, name="y")
w = tg.tensor(1.5, requires_grad=True, name="w")
b = tg.tensor(-0.5, requires_grad=True, name="b")

z = (w * x + b).named("z")
e = (z - y).named("e")
C = tg.square(e).named("C")
tg.draw(C, passes="forward")

# %% [markdown]
# Nobody wrote the graph down. Each tensor remembers the tensors it was made from, its **parents**, and the picture
# follows them back from C.

# %%
print([parent.name for parent in C.parents])
print([parent.name for parent in e.parents])

assert [parent.name for parent in e.parents] == ["z", "y"]

# %% [markdown]
# `requires_grad=True` marks what we want derivatives for: what can be learned. x and y are data, nobody will change
# them.
#
# ## There and back
#
# Each line can be walked in both directions. Forward it carries a value. Backward it carries a derivative: how much C
# changes if the value does.

# %%
tg.draw(C)

# %% [markdown]
# Start on the right, at ∂C/∂C = 1, and go left along the red lines. Each of them says what to multiply with. At e it is
# 2e = 3, and ∂C/∂e = 1·3. At z it is 1, and ∂C/∂z = 3. At w it is x = 2, and ∂C/∂w = 3·2 = 6.
#
# `backward()` is that walk.

# %%
C.backward()
print(w.grad, b.grad)

assert w.grad == 2 * (1.5 * 2 - 0.5 - 1) * 2
assert b.grad == 3

# %% [markdown]
# Does it hold? A derivative says how much C changes for a tiny change of w. Make one:


# %%
def cost(w, b=-0.5):
    return (w * 2.0 + b - 1.0) ** 2


step = 1e-6
print((cost(1.5 + step) - cost(1.5 - step)) / (2 * step))

assert np.isclose((cost(1.5 + step) - cost(1.5 - step)) / (2 * step), w.grad)

# %% [markdown]
# ## The network's graph
#
# This is the graph of the article's network, in letters only. The parameters stand above and below the line to the
# cost. Each red line carries a product of two: the derivative that arrives from the right, and the one of this line.

# %%
network = tg.nn.NeuralNetwork([7, 3, 2, 1], seed=0)
X, Y = np.random.default_rng(0).normal(size=(7, 1)), np.array([[1.0]])
tg.draw(network.cost_graph(X, Y), values="none")

# %% [markdown]
# ## Exercise
#
# A value may be used more than once. Then more than one way leads from it to the cost, and the derivative is the sum
# over all ways.
#
# Here h is used three times and x twice. How many ways lead from x to C? Draw it on paper first: every use is a line.

# %%
x = tg.tensor(3.0, requires_grad=True, name="x")
h = (x * x).named("h")
C = (h * h + h).named("C")


def ways(t):
    """The number of ways from x to t."""
    return 1 if t is x else sum(ways(parent) for parent in t.parents)


def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    if answer == 3:
        return "Not yet: three ways lead from h to C. How many from x to h?"
    if answer != ways(C):
        return f"Not yet: there are {ways(h)} ways from x to h."
    return "Right."


answer = ...  # a number
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# Two lines from x to h, since h = x·x uses it twice, and three from h to C: two to h·h, and one straight to the sum.
# Each of the two can go on along each of the three.
#
# ```python
# answer = 6
# ```
#
# A deep network has more ways than anybody could count. Backpropagation never counts them: it adds up what arrives at
# each point, once, before it goes on.
#
# </details>
