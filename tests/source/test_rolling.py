"""Layers that are alike are printed as a loop, and the loop computes what the lines did."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_bp as tg
from tinygrad_bp.source.rolling import rolled

rng = np.random.default_rng(0)


def roll(text, arguments=""):
    return rolled(text.strip().splitlines(), arguments.split(), lambda name: name)


def test_a_layers_number_becomes_the_loops():
    lines = ["a1 = x", *[f"a{l} = np.tanh(W{l} @ a{l - 1} + c1)" for l in range(2, 6)], "return a5"]
    assert roll("\n".join(lines), "x W2 W3 W4 W5 c1") == [
        "W = {2: W2, 3: W3, 4: W4, 5: W5}",
        "a = {}",
        "a[1] = x",
        "for l in range(2, 6):",
        "    a[l] = np.tanh(W[l] @ a[l - 1] + c1)",
        "return a[5]",
    ]


def test_what_a_layer_makes_for_itself_keeps_its_name():
    lines = [
        f"t{3 * l} = v{l} + 1\nt{3 * l + 1} = t{3 * l} * t{3 * l}\nv{l + 1} = t{3 * l + 1} - 1" for l in range(1, 5)
    ]
    assert roll("\n".join(["v1 = x", *lines, "return v5"]), "x")[2:6] == [
        "for l in range(2, 6):",
        "    t3 = v[l - 1] + 1",
        "    t4 = t3 * t3",
        "    v[l] = t4 - 1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a1 = x\na2 = a1 + 1\na3 = a2 + 1\nreturn a3",  # two
        "a2 = x\na3 = x + 1\na5 = x + 1\na8 = x + 1\nreturn a2, a3, a5, a8",  # no step from one to the next
        "a1 = np.sin(x)\na2 = np.cos(x)\na3 = np.exp(x)\nreturn a1, a2, a3",
    ],
)
def test_what_is_not_alike_stays_as_it_is(text):
    assert roll(text, "x") == text.splitlines()


ACTIVATIONS = [tg.sigmoid, tg.tanh, tg.relu, tg.softplus, tg.silu]


@given(
    pattern=st.lists(st.sampled_from(range(len(ACTIVATIONS))), min_size=1, max_size=3),
    repeats=st.integers(1, 6),
    skips=st.booleans(),
    style=st.sampled_from(["W{}", "layers.{}.W", "W_{}_2"]),
    stride=st.integers(1, 3),
)
def test_a_rolled_program_computes_what_the_engine_does(pattern, repeats, skips, style, stride):
    layers = pattern * repeats
    parameters = {style.format(stride * i): rng.normal(size=(4, 4)) for i in range(len(layers))}

    def cost(parameters, x):
        a = first = x
        for i, k in enumerate(layers):
            a = ACTIVATIONS[k](a @ parameters[style.format(stride * i)])
            a = a + first if skips else a
        return tg.mean(a * a)

    x = rng.normal(size=(3, 4))
    both = tg.value_and_grad(cost)
    fast = tg.compile(both, backend="numpy")
    want, gradient = fast(parameters, x)
    space: dict[str, object] = {}
    exec(fast.source, space)
    got = space["cost"](*parameters.values(), x)
    np.testing.assert_allclose(got[0], want, rtol=1e-12)
    for a, b in zip(got[1:], gradient.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)
    if len(layers) >= 6 and len(pattern) == 1 and style != "W_{}_2":  # which has two numbers
        assert fast.source.count("for l in range") == 2
