"""What a written program looks like, and that it stands alone."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import TracingError
from tinygrad_bp.program import optimized, traced
from tinygrad_bp.source import module

rng = np.random.default_rng(0)


def written(f, *args, names="xyzuvw"):
    """The lines of the function that f is written as, without its head."""
    source = tg.compile(f, backend="numpy")
    source(*args)
    return source.source


def body(f, *args):
    lines = written(f, *args).split("def ")[-1].splitlines()[2:]
    return [line.strip() for line in lines]


def cost(W1, b1, W2, b2, X, Y):
    a1 = tg.sigmoid(W1 @ X + b1)
    return tg.binary_cross_entropy_with_logits(W2 @ a1 + b2, Y)


def article(m):
    Y = (np.arange(m) % 2.0).reshape(1, m)
    return (
        rng.normal(size=(2, 7)),
        np.zeros((2, 1)),
        rng.normal(size=(1, 2)),
        np.zeros((1, 1)),
        rng.normal(size=(7, m)),
        Y,
    )


def test_the_articles_backpropagation():
    lines = body(tg.value_and_grad(cost, argnums=(0, 1, 2, 3)), *article(5))
    assert lines == [
        "z1 = W1 @ X + b1",
        "a1 = 1 / (1 + np.exp(-z1))",
        "z2 = W2 @ a1 + b2",
        "C = np.sum(np.logaddexp(z2, 0) - Y * z2) / 5",
        "# backward: dv is the derivative with respect to v",
        "dz2 = (1 / (1 + np.exp(-z2)) - Y) / 5",
        "db2 = np.sum(dz2, axis=1, keepdims=True)",
        "dW2 = dz2 @ a1.T",
        "dz1 = (W2.T @ dz2) * a1 * (1 - a1)",
        "db1 = np.sum(dz1, axis=1, keepdims=True)",
        "dW1 = dz1 @ X.T",
        "return C, dW1, db1, dW2, db2",
    ]


def test_every_gradient_is_returned_by_its_own_name():
    def cost(W, b, c, x):
        return tg.sum(tg.tanh(W @ x + b + c))

    lines = body(
        tg.value_and_grad(cost, argnums=(2, 0, 1)), rng.normal(size=(2, 3)), np.ones(2), np.ones(2), np.ones(3)
    )
    assert [line for line in lines if line[:2] in ("db", "dc")] == ["dc = dz1", "db = dz1"]
    (returned,) = [line for line in lines if line.startswith("return")]
    assert returned == "return C, dc, dW, db.copy()"


def test_it_runs_where_the_library_cannot_be_imported(tmp_path):
    args = article(3)
    fast = tg.compile(tg.value_and_grad(cost, argnums=(0, 1, 2, 3)), backend="numpy")
    C, gradients = fast(*args)
    script = fast.source + textwrap.dedent(
        """
        import sys
        sys.modules["tinygrad_bp"] = None
        given = np.load(sys.argv[1])
        C, *gradients = cost(*[given[k] for k in given.files])
        np.savez(sys.argv[2], C, *gradients)
        """
    )
    np.savez(tmp_path / "given.npz", *args)
    (tmp_path / "program.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, "program.py", "given.npz", "results.npz"], cwd=tmp_path, check=True)
    with np.load(tmp_path / "results.npz") as found:
        for name, want in zip(found.files, (C, *gradients), strict=True):
            np.testing.assert_allclose(found[name], want, rtol=1e-14)


def test_a_hand_written_sigmoid_and_the_op_are_the_same_program():
    x = np.array([0.5, -1.0])
    assert body(tg.sigmoid, x) == ["a1 = 1 / (1 + np.exp(-x))", "return a1"]
    assert body(lambda x: 1.0 / (1.0 + tg.exp(-x)), x) == ["return 1 / (1 + np.exp(-x))"]


def test_what_is_not_needed_is_not_there():
    def f(x):
        tg.exp(x)  # nobody asks for it
        return (x * 1.0 + 0.0) / 1.0 - tg.sum(x) * 0 * 1

    assert body(f, np.ones(3)) == ["return x - 0 * np.sum(x)"]
    assert body(lambda x: tg.transpose(x.T).reshape((2, 3)), np.ones((2, 3))) == ["return x.copy()"]
    assert body(lambda x: tg.negative(tg.negative(x)) + tg.sum(x, axis=()), np.ones(2)) == ["return 2 * x"]


def test_what_is_used_twice_is_computed_once():
    lines = body(lambda x: tg.exp(x) + tg.log(tg.exp(x)) * tg.exp(x), np.ones(2))
    assert lines == ["t1 = np.exp(x)", "return t1 + np.log(t1) * t1"]


@pytest.mark.parametrize(
    ("f", "line"),
    [
        (lambda x: (x - 1.0) - (x - 2.0), "return x - 1 - (x - 2)"),
        (lambda x: -(x**2.0) / (x / 3.0), "return -x ** 2 / (x / 3)"),
        (lambda x: (-x) ** 2.0, "return (-x) ** 2"),
        (lambda x: 2.0 ** -x, "return 2 ** -x"),
        (lambda x: (x > 1.0) & (x < 5.0), "return (x > 1) & (x < 5)"),
        (lambda x: tg.where(x > 0.0, x, np.inf), "return np.where(x > 0, x, np.inf)"),
        (lambda x: x[::2] + x[-1], "return x[::2] + x[-1]"),
        (lambda x: tg.sum(x) * (1 / 97), "C = 1 / 97 * np.sum(x)"),
        (lambda x: x * np.array([1.0, 2.0, 3.0]), "return x * np.array([1.0, 2.0, 3.0])"),
        (lambda x: x + np.full(3, 7.0), "return x + 7"),
        (lambda x: np.linalg.norm(x) * np.fft.fft(x).real, None),
        (lambda x: tg.concatenate([x, x]).reshape((2, 3)), "return np.concat((x, x), axis=0).reshape(2, 3)"),
    ],
)  # fmt: skip
def test_expressions(f, line):
    x = np.array([1.0, 2.0, 3.0])
    assert line is None or line in body(f, x)
    space = {}
    source = written(f, x)
    exec(source, space)
    (run,) = [v for k, v in space.items() if k not in ("np", "__builtins__", "scale")]
    np.testing.assert_allclose(run(x), f(tg.asarray(x)).data, rtol=1e-14)


def test_constants_stand_in_the_text_or_are_arguments():
    short, long = np.arange(20.0) ** 2, rng.normal(size=2000)
    program, _ = traced(lambda x: [tg.sum(x * long), tg.sum(x[:20] * short)], "f", [("x", np.ones(2000))])
    text = module(optimized(program))
    assert "k2 = np.array([0.0, 1.0, 4.0," in text.text
    assert "def f(x, k1):" in text.text
    (constant,) = text.constants
    np.testing.assert_array_equal(constant, long)


def test_zeros_of_both_signs_stay_what_they_are():
    zeros = np.array([0.0, -0.0])
    fast = tg.compile(lambda x: x / zeros, backend="numpy")
    fast(np.ones(2))
    np.testing.assert_array_equal(fast(np.ones(2)), [np.inf, -np.inf])


def test_names_are_identifiers_and_given_once():
    class Odd(tg.nn.Layer):
        def __init__(self):
            self.w = tg.tensor(np.ones(2), requires_grad=True)

    layer = Odd()

    def f(np_, lambda_):
        return (layer.w * np_).named("scale") * (lambda_.named("np") + 1).named("1 € for l")

    source = written(f, np.ones(2), np.ones(2))
    assert "v1___for_l" in source
    assert "# scale" not in source
    space = {}
    exec(source, space)
    np.testing.assert_array_equal(space["f"](np.ones(2), np.ones(2), np.full(2, 3.0)), [6.0, 6.0])


def test_zero_cotangents_win_in_programs_too():
    f = tg.grad(lambda x: tg.sum(tg.where(x > 0, tg.sqrt(x), 0.0)))
    np.testing.assert_array_equal(tg.compile(f, backend="numpy")(np.array([0.0, 4.0])), [0.0, 0.25])
    assert "scale(" in written(f, np.array([0.0, 4.0]))


def test_a_product_that_needs_no_shield_is_a_plain_one():
    assert not any("scale" in line for line in body(tg.grad(lambda x: tg.sum(tg.relu(x) * 3.0)), np.ones(2)))
    assert not any("scale" in line for line in body(tg.grad(lambda x: tg.sum(tg.tanh(x) * tg.sigmoid(x))), np.ones(2)))


def test_guards_keep_a_program_to_the_values_it_was_written_for():
    def f(z, labels):
        return tg.softmax_cross_entropy(z, labels)

    z, labels = rng.normal(size=(3, 4)), np.array([0, 3, 1])
    fast = tg.compile(f, backend="numpy")
    assert fast(z, labels) == pytest.approx(f(z, labels))
    assert "raise ValueError" in fast.source
    with pytest.raises(tg.errors.DataError, match="labels of 4 classes run from 0 to 3; got 4"):
        fast(z, np.array([0, 4, 1]))
    with pytest.raises(tg.errors.DataError, match="got -1"):
        fast(z, np.array([0, -1, 1]))


def test_memory_of_large_values_is_used_again():
    x = rng.normal(size=(200, 100))

    def f(x):
        y = tg.exp(x).named("y")
        return y + x, tg.sum(x)

    lines = body(f, x)
    assert "np.add(y, x, out=y)" in " ".join(lines)
    compiled = tg.compile(f, backend="numpy")
    for _ in range(2):
        np.testing.assert_array_equal(compiled(x)[0], np.exp(x) + x)


def test_large_values_lie_in_memory_as_numpy_puts_them():
    x = rng.normal(size=(200, 100))
    compiled = tg.compile(lambda x: tg.exp(x.T) + 1.0, backend="numpy")
    for _ in range(2):  # as it is traced, and as it runs
        assert compiled(x).strides == x.T.strides


def test_memory_is_not_used_again_while_somebody_reads_it():
    x = rng.normal(size=(200, 100))

    def f(x):
        y = tg.exp(x).named("y")
        view = y.T
        z = (y * 2.0).named("z")
        return z + view.T, y - 1.0, (y + 3.0) * (y + 4.0)

    compiled = tg.compile(f, backend="numpy")
    y = np.exp(x)
    for _ in range(2):
        for got, want in zip(compiled(x), (y * 2 + y, y - 1, (y + 3) * (y + 4)), strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_function_without_source_cannot_be_written():
    space = {}
    exec(
        "import tinygrad_bp as tg\nfrom tinygrad_bp.domains import Reals\n"
        "@tg.custom_op(derivatives=(lambda y, x: 2.0 * x,), latex='{0}^2', domain=Reals(), whole=True)\n"
        "def sourceless(x):\n    'Square.'\n    return x * x\n",
        space,
    )
    with pytest.raises(TracingError, match="the source of sourceless cannot be read"):
        tg.compile(space["sourceless"], backend="numpy")(np.ones(2))


def test_sums_are_taken_in_the_order_in_which_they_were():
    f = tg.compile(lambda a, b, c: a + (b + c), backend="numpy")
    for a, b, c in ([1e16, -1e16, 1.0], [np.int8(100), np.int8(100), 0.5], [True, True, 1.0]):
        args = np.array([a]), np.array([b]), np.array([c])
        for _ in range(2):
            np.testing.assert_array_equal(f(*args), args[0] + (args[1] + args[2]))


@pytest.mark.parametrize(
    "number", [1.23456789012345e-310, 1 / 97, -1 / 97, np.inf, 2 - 1j, complex(np.inf, 1), complex(0, np.nan)]
)
def test_numbers_of_every_kind(number):
    x = np.array([1.0, 0.0])
    constants = [number, np.array(number), np.array([number, 1.0]), np.array([[number], [0.5]])]
    for constant in constants:
        f = tg.compile(lambda complex: complex + constant, backend="numpy")  # noqa: B023
        for _ in range(2):
            np.testing.assert_array_equal(f(x), x + constant)


@pytest.mark.parametrize("name", ['a"""b', "a\\", "a\n  raise SystemExit", "a\u2028b", "'", 'a"'])
def test_names_never_become_code(name):
    f = tg.compile(lambda d: tg.sum((d[name] * 2).named(name) * (d[name] + 1).named(f"{name}?")), backend="numpy")
    for _ in range(2):
        assert f({name: np.ones(2)}) == 8
    space = {}
    exec(f.source, space)
    assert space["_lambda"](np.ones(2)) == 8


def test_steps_that_a_rule_makes_of_others_stand_before_it():
    def f(v):
        return tg.sum((v[:2] - v[2:]) ** 2)

    v = np.array([1.0, 3.0, 1.0])
    fast = tg.compile(tg.value_and_grad(f), backend="numpy")
    for _ in range(2):
        np.testing.assert_array_equal(fast(v)[1], [0.0, 4.0, -4.0])


def test_what_is_broadcast_on_both_sides_stays_so():
    def f(x):
        total = tg.sum(x, axis=0)
        return tg.sum(tg.tanh(tg.sum(total))) + tg.sum(tg.sin(tg.sum(total)))

    x = rng.normal(size=(3, 3))
    space = {}
    exec(written(tg.grad(f), x), space)
    np.testing.assert_allclose(space["f"](x), tg.grad(f)(x), rtol=1e-12)


def test_what_has_a_line_of_its_own_is_not_computed_again():
    def f(x):
        a = tg.tanh(2.0 * x)
        return tg.sum(tg.sin(tg.mean(a, axis=0, keepdims=True))) + tg.sum(tg.cos(2.0 * x) * x)

    x, space = rng.normal(size=(2, 3)), {}
    source = written(tg.grad(f), x)
    assert source.count("np.cos(np.sum(a1") == 1
    exec(source, space)
    np.testing.assert_allclose(space["f"](x), tg.grad(f)(x), rtol=1e-12)


@pytest.mark.parametrize("number", [0.0, 1.0, 2.0, -1.0, 7.0])
@pytest.mark.parametrize("shape", [(), (1, 1), (1, 3), (2, 1)])
def test_an_array_of_one_number_still_makes_the_others_as_large_as_itself(shape, number):
    def f(x):
        return [
            x * many,
            many * x,
            x + many,
            x - many,
            many - x,
            many * (2.0 * x),
            tg.maximum(tg.exp(x), many),
            -(many * x),
        ]

    many, x = np.full((2, 3), number), np.full(shape, 0.5)
    fast = tg.compile(f, backend="numpy")
    fast(x)
    for got, want in zip(fast(x), f(x), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.shape == want.shape
