# %% [markdown]
# # 6. The derivative of the sigmoid
#
# One factor was only claimed so far: σ′(z) = σ(z)·(1 − σ(z)). Here is why.
#
# Write σ as a power, and use the chain rule. The outer function is $u^{-1}$ with the derivative $-u^{-2}$. The inner
# one is $u = 1 + e^{-z}$ with the derivative $-e^{-z}$:
#
# $$\sigma(z) = (1 + e^{-z})^{-1}$$
#
# $$\sigma'(z) = \frac{e^{-z}}{(1 + e^{-z})^{2}}$$
#
# Two minus signs have cancelled. Now split the fraction in two factors:
#
# $$\sigma'(z) = \frac{1}{1 + e^{-z}} \cdot \frac{e^{-z}}{1 + e^{-z}}$$
#
# The first is σ(z). The second is what the first lacks to 1: add them up and see. So
#
# $$\sigma'(z) = \sigma(z) (1 - \sigma(z))$$

# %%
import numpy as np

import tinygrad_bp as tg

z = np.linspace(-6, 6, 13)
a = 1 / (1 + np.exp(-z))
step = 1e-5
by_steps = (1 / (1 + np.exp(-(z + step))) - 1 / (1 + np.exp(-(z - step)))) / (2 * step)
print(np.abs(by_steps - a * (1 - a)).max())

assert np.allclose(by_steps, a * (1 - a))

# %% [markdown]
# The pleasant part: a is known from the forward pass. Going back, the derivative costs one subtraction and one product,
# and no exponential.
#
# Both curves, and what else the library knows about its sigmoid:

# %%
tg.nn.activation_sheet("sigmoid")

# %% [markdown]
# ## What the curve says about learning
#
# The derivative is never larger than ¼, which it reaches at z = 0. A unit whose sum is far from zero hardly learns,
# because the factor nearly vanishes: it is **saturated**.
#
# And each sigmoid layer multiplies by such a factor. Five layers: at most (¼)⁵, about a thousandth. This is the
# **vanishing gradient**. In the picture the colour of a layer is the size of the gradient that arrives there, and the
# learning signal comes from the right.

# %%
assert np.isclose((a * (1 - a)).max(), 0.25)

rng = np.random.default_rng(0)
x = tg.tensor(rng.normal(size=(6, 5)), name="X")
for l, (n_in, n_out) in enumerate([(6, 5), (5, 4), (4, 3), (3, 2)], 1):
    W = tg.tensor(0.05 * rng.normal(size=(n_out, n_in)), requires_grad=True, name=f"W{l}")
    with tg.scope(f"layer {l}"):
        x = tg.sigmoid(W @ x)
C = tg.mean(x).named("C")
tg.draw(C, detail="scopes", heat=True, values="none")

# %% [markdown]
# ## Never trust a derivative
#
# Test it. `tg.testing.check_gradients` compares the derivatives of a function with ones from tiny steps, in several
# ways, and says where they part. If nothing happens, all is well.

# %%
tg.testing.check_gradients(tg.sigmoid, np.array([-2.0, 0.0, 3.0]))

# %% [markdown]
# ## Exercise
#
# The hyperbolic tangent, tanh z, is a sigmoid in another dress: it runs from −1 to 1. Its derivative, too, can be
# written with the function's own value a = tanh z. How? From tanh z = 2σ(2z) − 1 you get it with this chapter's result.
#
# With C = Σ a it is ∂C/∂z, and the tutor of chapter 5 judges it. Write it as text.

# %%
z = tg.tensor(np.linspace(-3, 3, 7), requires_grad=True, name="z")
a = tg.tanh(z).named("a")
teacher = tg.tutor(tg.sum(a).named("C"))


def check(answer):
    if answer is ...:
        return "Replace the dots with your answer and run the cell again."
    return str(teacher.check("z", answer))


answer = ...  # "…", with a
print(check(answer))

# %% [markdown]
# <details><summary>Answer</summary>
#
# The derivative of 2σ(2z) − 1 is 4·σ(2z)·(1 − σ(2z)). With σ(2z) = (1 + a)/2 this is (1 + a)·(1 − a).
#
# ```python
# answer = "1 - a**2"
# ```
#
# </details>
