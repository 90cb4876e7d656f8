"""Each optimizer takes the step of its formula, torch's to the last digits, and leaves everything else alone."""

import copy
import math
import pickle

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_bp.nn import SGD, Adagrad, Adam, AdamW, RMSprop, optim

OPTIONS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.1}),
    (RMSprop, {}),
    (RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    (RMSprop, {"centered": True, "alpha": 0.8}),
    (RMSprop, {"momentum": 0.9}),
    (RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2, "eps": 1e-3}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (Adam, {"lr": 0.1, "amsgrad": True}),
    (AdamW, {}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True, "betas": (0.7, 0.8)}),
]
EVERY = pytest.mark.parametrize(("make", "options"), OPTIONS)
SHAPES = [(), (3,), (2, 3)]


def parameters(dtype=np.float64, shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [tg.tensor(rng.normal(size=shape), dtype=dtype, requires_grad=True) for shape in shapes]


def gradients(steps, dtype=np.float64, shapes=SHAPES):
    """Gradients of every size for every step; now and then the last parameter has none."""
    rng = np.random.default_rng(1)
    return [
        [
            None
            if k % 7 < 2 and shape == shapes[-1]
            else np.asarray(rng.normal(size=shape) * 10 ** rng.uniform(-3, 1), dtype)
            for shape in shapes
        ]
        for k in range(steps)
    ]


def descend(params, optimizer, given):
    """Take a step down each of the gradients; returns where the parameters came by."""
    places = []
    for row in given:
        for p, g in zip(params, row, strict=True):
            p.grad = g
        optimizer.step()
        places.append([p.numpy() for p in params])
    return places


# --- the formulas -----------------------------------------------------------------------------------------------------


@EVERY
def test_torch_takes_the_same_steps(make, options):
    torch = pytest.importorskip("torch")
    params = parameters()
    theirs = [torch.tensor(p.numpy(), requires_grad=True) for p in params]
    other = getattr(torch.optim, make.__name__)(theirs, **options)
    given = gradients(50)
    for row, places in zip(given, descend(params, make(params, **options), given), strict=True):
        for t, g in zip(theirs, row, strict=True):
            t.grad = None if g is None else torch.tensor(g)
        other.step()
        for place, t in zip(places, theirs, strict=True):
            np.testing.assert_allclose(place, t.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_torch_has_the_same_defaults():
    torch = pytest.importorskip("torch")
    params, theirs = parameters(), [torch.zeros(1, requires_grad=True)]
    for make in (SGD, RMSprop, Adagrad, Adam, AdamW):
        ours = make(params, lr=0.5)
        defaults = getattr(torch.optim, make.__name__)(theirs, lr=0.5).defaults
        names = [name for name in make.__init__.__annotations__ if name != "params"]
        assert {name: getattr(ours, name) for name in names} == {name: defaults[name] for name in names}


def sgd(p, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    v = None
    while True:
        g = (yield p) + weight_decay * p
        v = g if v is None else momentum * v + (1 - dampening) * g
        p -= lr * (g + momentum * v if nesterov else v if momentum else g)


def rmsprop(p, lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    s = m = v = 0.0
    while True:
        g = (yield p) + weight_decay * p
        s, m = alpha * s + (1 - alpha) * g**2, alpha * m + (1 - alpha) * g
        v = momentum * v + g / (math.sqrt(s - m**2 if centered else s) + eps)
        p -= lr * v


def adagrad(p, lr=0.01, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    s, n = initial_accumulator_value, 0
    while True:
        g = (yield p) + weight_decay * p
        s += g**2
        p -= lr / (1 + n * lr_decay) * g / (math.sqrt(s) + eps)
        n += 1


def adam(p, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, decoupled=False):
    m = v = largest = 0.0
    n = 0
    while True:
        g = yield p
        n += 1
        if decoupled:
            p -= lr * weight_decay * p
        else:
            g += weight_decay * p
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        largest = max(largest, v)
        root = math.sqrt((largest if amsgrad else v) / (1 - betas[1] ** n))
        p -= lr * m / (1 - betas[0] ** n) / (root + eps)


def adamw(p, weight_decay=0.01, **options):
    return adam(p, weight_decay=weight_decay, decoupled=True, **options)


@EVERY
def test_the_formula_number_by_number(make, options):
    rule = {SGD: sgd, RMSprop: rmsprop, Adagrad: adagrad, Adam: adam, AdamW: adamw}[make]
    params = parameters()
    elements = [[rule(x, **options) for x in p.numpy().flat] for p in params]
    expected = [[next(element) for element in row] for row in elements]
    given = gradients(20)
    for row, places in zip(given, descend(params, make(params, **options), given), strict=True):
        for i, g in enumerate(row):
            if g is not None:
                expected[i] = [e.send(x) for e, x in zip(elements[i], g.flat, strict=True)]
        for place, numbers in zip(places, expected, strict=True):
            np.testing.assert_allclose(place.ravel(), numbers, rtol=1e-11, atol=1e-12)


@EVERY
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_parameter_keeps_its_dtype(make, options, dtype):
    if dtype == np.float16 and make is not SGD:
        options = {**options, "eps": 1e-3}  # which does not vanish
    params = parameters(dtype)
    optimizer = make(params, **options)
    exact = parameters(np.float64)
    for p, q in zip(params, exact, strict=True):
        q.value = p.value.astype(np.float64)
    given = gradients(5, dtype)
    descend(params, optimizer, given)
    descend(exact, make(exact, **options), [[None if g is None else g.astype(float) for g in row] for row in given])
    for p, q in zip(params, exact, strict=True):
        assert p.dtype == dtype
        if dtype == np.float32:
            np.testing.assert_allclose(p.data, q.data, rtol=1e-4, atol=1e-5)
    assert {a.dtype for a in optimizer.state_dict().values() if isinstance(a, np.ndarray)} <= {np.dtype(dtype)}


@EVERY
def test_a_large_parameter_takes_the_same_steps_block_by_block(make, options, monkeypatch):
    shapes = [(120, 110), (9000,)]
    given = gradients(4, shapes=shapes)
    given[1][0] = np.asfortranarray(given[1][0])
    whole, blocks = parameters(shapes=shapes), parameters(shapes=shapes)
    monkeypatch.setattr(optim, "REUSED_BYTES", 1 << 30)
    wanted = descend(whole, make(whole, **options), given)
    monkeypatch.setattr(optim, "REUSED_BYTES", 1 << 16)
    monkeypatch.setattr(optim, "BLOCK", 1 << 12)
    optimizer = make(blocks, **options)
    old = blocks[0].data
    before = old.copy()
    have = descend(blocks, optimizer, given)
    np.testing.assert_array_equal(old, before)
    for row, other in zip(have, wanted, strict=True):
        for a, b in zip(row, other, strict=True):
            np.testing.assert_array_equal(a, b)


@EVERY
def test_no_gradient_and_no_old_array_is_written_to(make, options):
    params = parameters()
    given = gradients(6)
    kept = copy.deepcopy(given)
    optimizer = make(params, **options)
    for k in range(6):
        before = [p.data for p in params]
        numbers = [b.copy() for b in before]
        descend(params, optimizer, given[k : k + 1])
        for b, n in zip(before, numbers, strict=True):
            np.testing.assert_array_equal(b, n)
    for row, other in zip(given, kept, strict=True):
        for a, b in zip(row, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_variance_is_never_below_zero():
    p = tg.tensor(0.0, requires_grad=True)
    places = descend([p], RMSprop([p], alpha=0.5, centered=True), [[np.array(0.1)]] * 200)
    assert np.isfinite(places).all()


# --- the learning rate ------------------------------------------------------------------------------------------------


def test_the_rate_may_be_a_function_of_the_steps_taken():
    asked = []

    def rate(step):
        asked.append(step)
        return np.float64(2.0**-step)

    p = tg.tensor(np.float32(0.0), requires_grad=True)
    places = descend([p], SGD([p], rate), [[np.float32(1.0)]] * 3)
    assert asked == [0, 1, 2]
    assert [float(place) for (place,) in places] == [-1.0, -1.5, -1.75]
    assert p.dtype == np.float32


@pytest.mark.parametrize("rate", [-1.0, np.inf, np.nan, "much", None])
def test_a_function_that_gives_no_rate_is_named(rate):
    p = tg.tensor(1.0, requires_grad=True)
    optimizer = Adam([p], lambda step: rate)
    p.grad = np.array(1.0)
    with pytest.raises(ArgumentError, match=r"lr is .* at step 0; it must be a finite number from 0 on"):
        optimizer.step()
    assert p.item() == 1.0


# --- the state --------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_goes_on_from_its_state_to_the_last_bit(make, options, dtype):
    options = {**options, "lr": tg.nn.StepDecay(0.1, 3, 0.5)}
    params, others = parameters(dtype), parameters(dtype)
    given = gradients(9, dtype)
    wanted = descend(params, make(params, **options), given)
    first = make(others, **options)
    descend(others, first, given[:4])
    second = make(others, **options)
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    have = descend(others, second, given[4:])
    for a, b in zip(have[-1], wanted[-1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_is_a_plain_dict_of_numbers_and_copies():
    params = parameters()
    optimizer = Adam(params)
    descend(params, optimizer, gradients(3))
    state = optimizer.state_dict()
    assert list(state) == ["steps", *[f"{i}.{name}" for i in range(3) for name in ("steps", "m", "v")]]
    assert [state[name] for name in ("steps", "0.steps", "2.steps")] == [3, 3, 1]
    assert all(type(x) in (int, np.ndarray) for x in state.values())
    kept = copy.deepcopy(state)
    optimizer.load_state_dict(state)
    for x in state.values():
        if isinstance(x, np.ndarray):
            x[...] = np.nan
    for name, x in optimizer.state_dict().items():
        np.testing.assert_array_equal(x, kept[name])
    assert SGD(params, 0.1).state_dict() == {"steps": 0}


def test_a_state_that_does_not_fit_changes_nothing():
    params = parameters()
    optimizer = Adam(params)
    descend(params, optimizer, gradients(3))
    before = optimizer.state_dict()
    for change, kind, message in [
        ({"1.m": None}, ArgumentError, r"the state lacks 1\.m\. Load"),
        ({"3.m": np.ones(2), "2.v": None}, ArgumentError, r"lacks 2\.v and has besides 3\.m"),
        ({"2.v": np.ones((3, 2))}, ShapeError, r"2\.v has shape \(3, 2\), its parameter \(2, 3\)"),
        ({"2.v": np.ones((2, 3), np.float32)}, DTypeError, r"2\.v has dtype float32, its parameter float64"),
        ({"0.steps": -1}, ArgumentError, r"0\.steps is a whole number from 0 on; got -1"),
    ]:
        other = {name: x for name, x in (before | change | {"steps": 7}).items() if x is not None}
        with pytest.raises(kind, match=message):
            optimizer.load_state_dict(other)
        for name, x in optimizer.state_dict().items():
            np.testing.assert_array_equal(x, before[name])


def test_a_copy_goes_its_own_way():
    params = parameters()
    optimizer = Adam(params)
    twin = copy.deepcopy(optimizer)
    given = gradients(3)
    wanted = descend(params, optimizer, given)
    assert twin.steps == 0
    have = descend(twin.params, twin, given)
    for a, b in zip(have[-1], wanted[-1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_says_its_settings():
    p = parameters()
    assert repr(SGD(p, 1)) == (
        "SGD(3 parameters; lr=1.0, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False)"
    )
    optimizer = Adam(p)
    optimizer.lr = 0.5
    assert repr(optimizer) == (
        "Adam(3 parameters; lr=0.5, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False)"
    )


def test_names_its_parameters():
    layers = [tg.nn.Linear(2, 2) for _ in range(4)]
    assert repr(SGD(layers[0].parameters(), 1)).startswith("SGD(2 parameters: W, b; lr=1.0")
    many = repr(SGD(tg.nn.Sequential(*layers).parameters(), 1))
    assert many.startswith(
        "SGD(8 parameters: layers.0.W, layers.0.b, layers.1.W, layers.1.b, layers.2.W, …, layers.3.b; lr=1.0"
    )


def test_a_summary_has_every_parameter_and_what_is_kept_for_it():
    params = [tg.tensor(np.ones((2, 3), np.float32), requires_grad=True, name="W"), tg.tensor(1.0, requires_grad=True)]
    optimizer = Adam(params, 0.5, amsgrad=True)
    params[0].grad = np.ones((2, 3), np.float32)
    optimizer.step()
    table = optimizer.summary()
    assert table.title == "Adam(lr=0.5, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=True), 1 steps"
    assert table.rows == (
        ("W", "(2, 3)", "float32", "m, v, v_max", "72"), ("1", "()", "float64", "m, v, v_max", "24")
    )  # fmt: skip
    assert table.foot == "total: 7 numbers in 2 parameters, 96 bytes of state"
    assert SGD(params, 1).summary().rows[0] == ("W", "(2, 3)", "float32", "–", "0")


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (SGD, {"lr": 1, "momentum": -0.1}, "momentum is a finite number from 0 on; got -0.1"),
        (SGD, {"lr": 1, "weight_decay": np.inf}, "weight_decay is a finite number from 0 on; got inf"),
        (SGD, {"lr": 1, "nesterov": True}, "nesterov needs a momentum above 0 and no dampening"),
        (SGD, {"lr": 1, "nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs"),
        (RMSprop, {"alpha": 1.0}, "alpha is a number from 0 to below 1; got 1.0"),
        (Adagrad, {"lr_decay": "0.1"}, "lr_decay is a finite number from 0 on; got '0.1'"),
        (Adam, {"betas": (0.9, 1)}, r"betas\[1\] is a number from 0 to below 1; got 1"),
        (AdamW, {"eps": True}, "eps is a finite number from 0 on; got True"),
        (Adam, {"lr": 0}, "lr is a finite number above 0; got 0"),
    ],
)
def test_refuses_settings_out_of_range(make, options, message):
    with pytest.raises(ArgumentError, match=message):
        make(parameters(), **options)


# --- SGD and what it leaves alone -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.5, np.float64(0.5), 1 / 2])
def test_step(shape, dtype, rate):
    p = tg.tensor(np.full(shape, 2), dtype=dtype, requires_grad=True)
    optimizer = SGD([p], rate)
    (p * p).sum().backward()
    old, gradient = p.value, p.grad
    optimizer.step()
    np.testing.assert_array_equal(p.data, np.zeros(shape))
    assert p.dtype == dtype
    assert p.shape == shape
    np.testing.assert_array_equal(old, np.full(shape, 2))
    np.testing.assert_array_equal(gradient, np.full(shape, 4))
    optimizer.zero_grad()
    assert p.grad is None


def test_a_graph_recorded_before_the_step_keeps_its_values():
    p = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (p * p).sum()
    y.backward(retain_graph=True)
    optimizer = SGD([p], 0.1)
    optimizer.step()
    optimizer.zero_grad()
    y.backward()
    np.testing.assert_array_equal(p.grad, [2.0, 4.0])


def test_parameters_without_gradient_stay():
    p, q = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    (3 * p).sum().backward()
    SGD([p, q], 1.0).step()
    assert (p.item(), q.item()) == (-2.0, 1.0)


def test_the_rate_can_be_changed():
    p = tg.tensor(1.0, requires_grad=True)
    optimizer = SGD([p], 1.0)
    p.grad = np.array(1.0)
    optimizer.lr = np.float64(0.25)
    optimizer.step()
    assert p.item() == 0.75


def test_refuses_what_cannot_be_trained():
    p = tg.tensor([1.0], requires_grad=True, name="w")
    for params, message in [
        (tg.nn.Linear(2, 3), r"params is a Linear. Pass its tensors: parameters\(\)"),
        ([p, np.ones(2)], "parameter 1 is a ndarray, not a tensor"),
        ([tg.tensor([1.0], name="c")], r"c \(1,\), requires no gradient"),
        ([p * 2], "was computed from others"),
        ([p, p], r"w \(1,\), is there twice"),
        ([], "no parameters"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            SGD(params, 0.1)
    for rate in (0, -1.0, np.inf, np.nan, "0.1", True, None):
        with pytest.raises(ArgumentError, match="lr is a finite number above 0"):
            SGD([p], rate)


def test_takes_one_tensor_as_well():
    p = tg.tensor([1.0], requires_grad=True)
    assert SGD(p, 1).params == [p]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_gradient_of_ones_own_may_be_of_another_dtype(dtype):
    w = tg.tensor(np.ones((200, 100)), dtype=dtype, requires_grad=True)
    w.grad = np.full((200, 100), 2)
    SGD([w], lr=0.25).step()
    assert w.dtype == dtype
    np.testing.assert_array_equal(w.data, np.full((200, 100), 0.5))


def test_large_parameters_take_turns_in_memory_that_nobody_has():
    rng = np.random.default_rng(0)
    w = tg.tensor(rng.normal(size=(200, 100)), requires_grad=True)
    optimizer, expected, seen = SGD([w], lr=0.1), [w.numpy()], [w.data]
    for i in range(6):
        cost = (w * w).sum()
        cost.backward(retain_graph=i == 2)
        optimizer.step()
        optimizer.zero_grad()
        expected.append(expected[-1] - 0.1 * 2 * expected[-1])
        seen.append(w.data)
        if i == 2:
            kept = cost
    for have, want in zip(seen, expected, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-12)
    w.grad = None
    kept.backward()
    np.testing.assert_allclose(w.grad, 2 * expected[2], rtol=1e-12)
    del seen, kept, cost
    places = set()
    for _ in range(6):
        (w * w).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        places.add(w.value.__array_interface__["data"][0])
    assert len(places) <= 3
