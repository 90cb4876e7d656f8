"""Programs for the Array API standard: the same text on any conforming module gives NumPy's numbers."""

from importlib import import_module

import numpy as np
import pytest

import tinygrad_bp as tg
from tests.engines.cases import difference, largest, program_of
from tests.engines.engines import ENGINES
from tinygrad_bp.backends import Unsupported
from tinygrad_bp.errors import ArgumentError, TracingError
from tinygrad_bp.registry import OPS

RNG = np.random.default_rng(3)


def article(W1, b1, W2, b2, X, Y):
    h = tg.sigmoid(W1 @ X + b1)
    return tg.sum(tg.binary_cross_entropy_with_logits(W2 @ h + b2, Y))


def of_article():
    shapes = [(2, 7), (2, 1), (1, 2), (1, 1), (7, 5)]
    return article, 4, [*[RNG.normal(size=shape) for shape in shapes], np.ones((1, 5))]


def classifier(W1, b1, W2, b2, X, labels):
    return tg.softmax_cross_entropy(tg.relu(X @ W1 + b1) @ W2 + b2, labels)


def of_classifier():
    arrays = [RNG.normal(size=shape) for shape in [(4, 8), (8,), (8, 3), (3,), (6, 4)]]
    return classifier, 4, [*arrays, RNG.integers(0, 3, 6)]


def step(W1, W2, X, Y):
    """A step of gradient descent, from parameters to parameters."""

    def cost(W1, W2):
        return tg.mse(tg.tanh(X @ W1) @ W2, Y) + 0.01 * tg.sum(W1**2)

    grads = tg.grad(cost, argnums=(0, 1))(W1, W2)
    return [W - 0.1 * g for W, g in zip((W1, W2), grads, strict=True)]


def of_step():
    return step, None, [RNG.normal(size=shape) for shape in [(3, 5), (5, 1), (9, 3), (9, 1)]]


NETWORKS = {"article": of_article, "classifier": of_classifier, "step": of_step}


def compiled(made):
    function, count, args = made()
    if count is not None:
        function = tg.value_and_grad(function, argnums=tuple(range(count)))
    fast = tg.compile(function, backend="numpy")
    return fast, args, fast(*args)


def leaves(tree):
    return [y for part in tree for y in leaves(part)] if isinstance(tree, tuple | list) else [tree]


MODULES = {
    "numpy": np.asarray,
    "array_api_strict": lambda x: import_module("array_api_strict").asarray(x),
    "array_api_compat.torch": lambda x: import_module("torch").asarray(np.ascontiguousarray(x).reshape(x.shape)),
    "tinygrad_bp": tg.asarray,
}
"""How each makes arrays of NumPy's."""


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("module", MODULES)
def test_networks_give_numpys_numbers_on_every_module(network, module):
    pytest.importorskip(module.split(".")[0], reason=f"{module} is not installed")
    if "torch" in module:
        pytest.importorskip("torch", reason="torch is not installed")
        if network == "classifier":
            pytest.skip("torch has no maximum of the unsigned integers that its guard looks at")
    fast, args, expected = compiled(NETWORKS[network])
    text = fast.source_for("array_api", module)
    if module == "tinygrad_bp":
        text = text.replace("import tinygrad_bp as xp", "from tinygrad_bp import array_api as xp")
    space = {}
    exec(text, space)
    results = space[fast.f.__name__](*[MODULES[module](x) for x in args])
    for got, want in zip(leaves(results), leaves(expected), strict=True):
        assert "tinygrad" not in module or isinstance(got, tg.Tensor)
        np.testing.assert_allclose(np.asarray(got), want, rtol=1e-12, atol=1e-14)


def test_the_text_names_its_module_once_and_uses_the_standards_names():
    fast, _, _ = compiled(of_article)
    text = fast.source_for("array_api")
    assert text.startswith("import array_api_strict as xp\n")
    assert "np." not in text
    assert ".copy()" not in text
    assert "xp.exp(-z1)" in text
    assert "xp.sum(" in text
    assert fast.source_for("array_api", "cupy").startswith("import cupy as xp\n")


def test_kinds_of_numbers_do_not_mix():
    fast = tg.compile(tg.grad(lambda x, k: tg.sum(x * k * (x > 0))), backend="numpy")
    fast(np.ones(3), np.arange(3))
    text = fast.source_for("array_api")
    assert "xp.astype(k, xp.float64)" in text
    assert "xp.astype(x > 0, xp.float64)" in text


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: tg.special.erf(x), "erf"),
        (lambda x: tg.median(x), r"np\.median"),
        (lambda x: tg.einsum("i,i", x, x * 2), "einsum"),
        (lambda x: x[np.array([[0, 1]]), ...], "index"),
    ],
)
def test_what_the_standard_lacks_is_named(function, named):
    pytest.importorskip("scipy", reason="the scipy extra is not installed")
    fast = tg.compile(function, backend="numpy")
    fast(np.ones(4))
    with pytest.raises(TracingError, match=f"the Array API standard has no .*{named}.*Write the function without"):
        fast.source_for("array_api")


def test_a_users_name_is_not_the_modules():
    fast = tg.compile(lambda xp: tg.exp(xp) * xp, backend="numpy")
    expected, space = fast(np.ones(2)), {}
    text = fast.source_for("array_api", "numpy")
    exec(text, space)
    np.testing.assert_array_equal(space["_lambda"](np.ones(2)), expected)


def test_there_is_one_standard():
    fast = tg.compile(tg.exp, backend="numpy")
    with pytest.raises(ArgumentError, match="Call it first"):
        fast.source_for("array_api")
    fast(np.ones(2))
    with pytest.raises(ArgumentError, match="there is 'array_api'; got 'numpy'"):
        fast.source_for("numpy")


ENOUGH = {"Array API": 155, "PyTorch": 170}
"""So many ops each has; the rest is not in the standard, or not in PyTorch."""


@pytest.mark.once
@pytest.mark.parametrize("engine", ENOUGH)
def test_programs_of_ops_run_or_say_what_is_missing(engine):
    for package in ENGINES[engine][0]:
        pytest.importorskip(package.replace("-", "_"), reason=f"{package} is not installed")
    equal, refused = [], []
    for name in sorted(OPS):
        case = largest(name)
        if case is None:
            continue
        with np.errstate(all="ignore"):
            program, inputs, values = program_of(case)
            try:
                found = difference(
                    ENGINES[engine][1](program, inputs, values), values, of_largest=not case.op.derivatives
                )
                assert not found, f"{name}: {found}"
                equal.append(name)
            except Unsupported as error:
                refused.append((name, str(error)))
    missing = ("the Array API standard has no", *["UInt64", "float correction in torch"] * (engine == "PyTorch"))
    assert all(any(part in why for part in missing) for _, why in refused)
    print(f"{len(equal)} of {len(equal) + len(refused)} on {engine}; without: {dict(refused)}")
    assert len(equal) >= ENOUGH[engine]
