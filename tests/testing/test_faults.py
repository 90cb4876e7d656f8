"""The checker finds faults of many kinds, each from twenty seeds, and raises no false alarm.

The quick profile (--hypothesis-profile=quick) takes two seeds.
"""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

import tinygrad_bp as tg
from tinygrad_bp import engine
from tinygrad_bp.registry import OPS
from tinygrad_bp.testing import GradientError, check_gradients

SEEDS = min(20, settings.default.max_examples // 10)
CASES = 40
ROUNDS = 5
"""A fault must show within 200 cases, which is what CI tries of each op; true rules are tried with 40 of each seed."""


def wrapped(change):
    """The change around every rule: `change(rule, moving, y, *inputs, **params)`, moving a cotangent or tangent."""

    def around(rule):
        return lambda moving, *values, **params: change(rule, moving, *values, **params)

    return lambda rules: tuple([around(rule) for rule in rules])


def changed_result(f):
    return wrapped(lambda rule, *args, **params: f(rule(*args, **params), *args))


def mutating(rule, g, y, x):
    product = rule(g, y, x)
    if isinstance(g, np.ndarray):
        np.multiply(g, 2.0, out=g)
    return product


def mutating_input(rule, g, y, x):
    product = rule(g, y, x)
    if isinstance(x, np.ndarray):
        x += 1e-3
    return product


def wrong_for(condition):
    """Ten times too much where the condition holds for a cotangent that is a plain array."""

    def change(rule, g, *values, **params):
        wrong = isinstance(g, np.ndarray) and g.size > 1 and condition(g)
        return rule(g, *values, **params) * (10.0 if wrong else 1.0)

    return wrapped(change)


def reusing_a_buffer(rules):
    buffers = {}

    def vjp(g, y, x):
        share = rules[0](g, y, x)
        if not isinstance(share, np.ndarray):
            return share
        buffer = buffers.setdefault(share.shape, np.empty(share.shape))
        buffer[...] = share
        return buffer.astype(share.dtype, copy=False)

    return (vjp,)


def detached(value):
    return value.detach() if isinstance(value, tg.Tensor) else value


def from_memory_order(rule, g, *values, **params):
    """Reads the cotangent's memory, not its elements."""
    if isinstance(g, np.ndarray) and g.base is not None and g.base.size >= g.size:
        g = g.base.ravel()[: g.size].reshape(g.shape)
    return rule(g, *values, **params)


def mirrored(rule, moving, *values, axis, **params):
    """An axis counted from the wrong end."""
    return rule(moving, *values, axis=-1 - axis if isinstance(axis, int) else axis, **params)


def check_all(cases):
    for case in cases:
        case.check()


BOTH, BACK, AHEAD = ("vjps", "jvps"), ("vjps",), ("jvps",)
IN_RULES = {
    "cotangent ignored": ("tanh", BACK, wrapped(lambda rule, g, *values: rule(g * 0 + 1.0, *values))),
    "off by a factor": ("tanh", BOTH, changed_result(lambda share, *_: share * (1 + 3e-4))),
    "off by a factor, checked by differences": ("softplus", BOTH, changed_result(lambda s, *_: s * (1 + 3e-4))),
    "sign": ("softmax", BOTH, changed_result(lambda share, *_: -share)),
    "single precision": ("tanh", BOTH, changed_result(lambda s, *_: s.astype(np.float32).astype(s.dtype))),
    "cotangent written to": ("tanh", BACK, wrapped(mutating)),
    "input written to": ("tanh", BACK, wrapped(mutating_input)),
    "memory used again": ("tanh", BACK, reusing_a_buffer),
    "stride 0": ("exp", BACK, wrong_for(lambda g: 0 in g.strides)),
    "strided": ("exp", BACK, wrong_for(lambda g: not g.flags.contiguous)),
    "memory order": ("exp", BACK, wrapped(from_memory_order)),
    "read-only": ("exp", BACK, wrong_for(lambda g: not g.flags.writeable)),
    "outside the usual range": (
        "sigmoid",
        BOTH,
        wrapped(lambda rule, g, y, x: rule(g, y, x) * (1.0 + 0.5 * (abs(x) > 3.0))),
    ),
    "axis counted from the wrong end": (
        "sum",
        BACK,
        wrapped(mirrored),
    ),
    "axis ignored": (
        "softmax",
        BOTH,
        wrapped(lambda rule, g, y, x, axis: rule(g, y, x, axis=-1)),
    ),
    "permutation not inverted": (
        "transpose",
        BACK,
        (lambda rules: (lambda g, y, x, axes: g.transpose(axes),)),
    ),
    "a tie not shared": (
        "maximum",
        BOTH,
        (lambda _: (lambda m, y, a, b: m * (a >= b), lambda m, y, a, b: m * (b > a))),
    ),
    "a tie shared twice": (
        "maximum",
        BOTH,
        (lambda _: (lambda m, y, a, b: m * (a >= b), lambda m, y, a, b: m * (b >= a))),
    ),
    "NaN at zero": ("absolute", BOTH, (lambda _: (lambda m, y, x: m * (x / abs(x)),))),
    "out of the subdifferential": ("relu", BOTH, (lambda _: (lambda m, y, x: m * ((x > 0) - 1.0 * (x == 0)),))),
    "JVP is not the VJP": ("tanh", AHEAD, changed_result(lambda share, *_: share * (1 + 1e-6))),
    "JVP of one input dropped": ("multiply", AHEAD, (lambda rules: (rules[0], lambda t, *values: t * 0.0))),
    "second order": ("tanh", BOTH, wrapped(lambda rule, g, y, x: rule(g, y, detached(x)))),
    "second order of the JVP": ("tanh", AHEAD, wrapped(lambda rule, g, y, x: rule(g, y, detached(x)))),
    "second order for the cotangent": ("exp", BACK, wrapped(lambda rule, g, y, x: rule(detached(g), y, x))),
    "an operand taken for the other": ("divide", BACK, (lambda rules: rules[::-1])),
    "fails for the empty array": ("exp", BACK, wrapped(lambda rule, g, *values: rule(g, *values) * (g.size / g.size))),
}  # fmt: skip


@pytest.fixture(params=range(SEEDS))
def seed(request):
    return request.param


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("fault", IN_RULES)
def test_a_fault_in_a_rule_is_found(fault, drawn, replaced):
    name, sides, change = IN_RULES[fault]
    record = OPS[name]
    wrong = {side: change(getattr(record, side)) for side in sides}
    for seed in range(SEEDS):
        with replaced(record, **wrong), pytest.raises(GradientError, match=name):
            check_all(case for extra in range(ROUNDS) for case in drawn(name, seed + 1000 * extra, CASES))


@pytest.mark.parametrize("name", sorted({name for name, *_ in IN_RULES.values()}))
def test_true_rules_raise_no_alarm(name, drawn):
    for seed in range(SEEDS):
        check_all(drawn(name, seed, CASES))


# --- faults of the engine, and faults that show only in a program ---


def program(a, b):
    """Fan-out, a chain, broadcasting, a matrix product."""
    h = tg.tanh(a @ b)
    return (h * h + h * a[:, :1]) * a.sum()


def inputs(seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(3, 4)), random.normal(size=(4, 2))


def first_copy(g, shape):
    """A transpose of broadcasting that keeps one copy and forgets the others."""
    g = g[(0,) * (g.ndim - len(shape))]
    return g[tuple([slice(0, n) for n in shape])]


def without_fan_out():
    """The sweep, with the last share in place of the sum."""
    source = inspect.getsource(engine.sweep)
    wrong = source.replace("cotangents[key] + share", "share")
    assert wrong != source
    namespace = dict(vars(engine))
    exec(wrong, namespace)
    return namespace["sweep"]


IN_THE_ENGINE = {
    "shares of a fan-out dropped": lambda: {
        f"tinygrad_bp.{module}.sweep": without_fan_out() for module in ("testing.recording", "transforms.inputs")
    },
    "broadcasting not summed": lambda: {"tinygrad_bp.engine.unbroadcast": first_copy},
    "gradients of the wrong dtype": lambda: {
        "tinygrad_bp.testing.recording.sweep": lambda *args, **kwargs: [
            (node, g if kwargs.get("as_graph") else g.astype(np.float64)) for node, g in engine.sweep(*args, **kwargs)
        ]
    },
    "an edge left out": lambda: {
        "tinygrad_bp.testing.recording.sweep": lambda *args, **kwargs: engine.sweep(*args, **kwargs)[1:]
    },
}


@pytest.mark.parametrize("patches", IN_THE_ENGINE.values(), ids=IN_THE_ENGINE)
def test_a_fault_in_the_engine_is_found(patches, seed, monkeypatch):
    for target, wrong in patches().items():
        monkeypatch.setattr(target, wrong)
    with pytest.raises(GradientError, match="program"):
        check_gradients(program, *inputs(seed))


def test_the_true_engine_raises_no_alarm(seed):
    check_gradients(program, *inputs(seed), analytic=True)
    check_gradients(program, *inputs(seed), scales=(1, 10))


def test_one_wrong_element_of_many_is_found_and_named(seed, replaced):
    random = np.random.default_rng(seed)
    place = tuple(random.integers(32, size=2))
    mask = np.ones((32, 32))
    mask[place] = 0.0
    x = random.normal(size=(32, 32))
    wrong = wrapped(lambda rule, g, *values: rule(g, *values) * (mask if g.size == 1024 else 1.0))
    record = OPS["tanh"]
    with (
        replaced(record, vjps=wrong(record.vjps), jvps=wrong(record.jvps)),
        pytest.raises(GradientError, match=r"tanh: the gradient for input 0 of shape \(32, 32\) at index ") as caught,
    ):
        check_gradients(tg.tanh, x, analytic=True)
    assert str(tuple(map(int, place))) in str(caught.value)


def test_the_wrong_input_is_named(replaced):
    record = OPS["multiply"]
    rules = (record.vjps[0], changed_result(lambda share, *_: share * 2.0)(record.vjps)[1])
    with (
        replaced(record, vjps=rules),
        pytest.raises(GradientError, match=r"multiply: the gradient for input 1 of shape \(2,\) at index \(1,\): ex"),
    ):
        check_gradients(tg.multiply, np.array([0.0, 2.5]), np.array([1.0, 1.0]), seed=1)


def test_a_zero_cotangent_must_win(replaced):
    x = np.array([0.0, 4.0])
    check_gradients(tg.sqrt, x, order=1)
    rules = (lambda m, y, x: m * (0.5 / y),)
    with replaced(OPS["sqrt"], vjps=rules, jvps=rules), pytest.raises(GradientError, match="zero cotangent"):
        check_gradients(tg.sqrt, x, order=1)


def test_scales_look_beyond_the_inputs(replaced):
    wrong = wrapped(lambda rule, g, y, x: rule(g, y, x) * (1.0 + 0.5 * (abs(x) > 3.0)))
    record = OPS["tanh"]
    with replaced(record, vjps=wrong(record.vjps), jvps=wrong(record.jvps)):
        check_gradients(tg.tanh, np.array([0.35]))
        with pytest.raises(GradientError):
            check_gradients(tg.tanh, np.array([0.35]), scales=(1, 10))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: tg.relu(x) - abs(x),
        lambda x: tg.maximum(x, 0.0) + tg.minimum(x, 0.0),
        lambda x: tg.max(x) * tg.sum(x),
        lambda x: tg.sign(x) * x,
    ],
)
def test_kinks_raise_no_alarm(f):
    check_gradients(f, np.array([0.0, 0.0, -1.0, 2.0, 2.0]), order=1)


def test_what_the_function_itself_refuses_is_not_a_gradient_error():
    with pytest.raises(ValueError, match="inner dimensions") as caught:
        check_gradients(tg.matmul, np.ones((2, 3)), np.ones((2, 3)))
    assert not isinstance(caught.value, GradientError)


def test_integers_and_constants_take_part():
    check_gradients(lambda x, k: x * k, np.array([1.0, 2.0]), np.array([3, 4]))
    check_gradients(lambda x: np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    check_gradients(lambda x: x, np.array([1.0, 2.0]))
    check_gradients(lambda x: x > 0, np.array([1.0, 2.0]))
    check_gradients(lambda k: k * 2.0, np.array([3, 4]))


def test_complex_functions_are_checked_by_their_parts(replaced):
    z = np.array([1 + 2j, -0.5 + 1j])
    check_gradients(lambda z: z * z, z)
    check_gradients(lambda z: abs(z) * tg.conjugate(z), z)
    record = OPS["conjugate"]
    with replaced(record, vjps=(lambda g, y, x: g,)), pytest.raises(GradientError):
        check_gradients(tg.conjugate, z)


def test_a_case_prints_shortly(drawn):
    texts = [repr(case) for case in drawn("max", 0, CASES)]
    assert all(text.startswith("<max(") and len(text) < 150 for text in texts)
    printer = SimpleNamespace(text=texts.append)
    drawn("max", 0, CASES)[0]._repr_pretty_(printer, False)
    assert texts[-1] == texts[0]
