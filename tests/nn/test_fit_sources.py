"""Where examples come from: arrays, memory maps, iterables, functions, other libraries' loaders."""

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DataError, ShapeError
from tinygrad_bp.nn import batches

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3))
Y = X[:, :1] - X[:, 1:2]
PAIRS = [(X[i : i + 16], Y[i : i + 16]) for i in range(0, 50, 16)]


def trained(X, y=None, **options):
    """Weights and history of a run over these examples, in their order."""
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 1, seed=1))
    options = {"epochs": 2, "batch": 16, "shuffle": False, "backend": "numpy"} | options
    history = nn.fit(model, X, y, tg.mse, nn.SGD(model.parameters(), 0.1), **options)
    return model.state_dict(), history


def assert_same(first, second):
    assert first[1] == second[1]
    for name, a in first[0].items():
        np.testing.assert_array_equal(a, second[0][name])


def pairs():
    yield from PAIRS


class Indexed:
    """Batches by number, as a sequence without `__iter__` has them."""

    def __len__(self):
        return len(PAIRS)

    def __getitem__(self, i):
        return PAIRS[i]


@pytest.mark.parametrize(
    "source",
    [PAIRS, tuple(PAIRS), pairs, Indexed(), [[x.tolist(), y.tolist()] for x, y in PAIRS],
     [(tg.tensor(x), tg.tensor(y)) for x, y in PAIRS]],
    ids=["list", "tuple", "function", "indexed", "lists", "tensors"],
)  # fmt: skip
@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_batches_are_those_of_the_arrays(source, backend):
    assert_same(trained(source, backend=backend), trained(X, Y, backend=backend))
    assert_same(
        trained(X, Y, validation=source if not isinstance(source, tuple) else [*source]),
        trained(X, Y, validation=(X, Y)),
    )


def test_a_loader_of_pytorch():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    assert_same(trained(loader, validation=loader), trained(X, Y, validation=(X, Y)))


def test_an_iterator_serves_one_epoch():
    assert_same(trained(iter(PAIRS), epochs=1), trained(X, Y, epochs=1))
    with pytest.raises(DataError, match=r"no batches in epoch 2. .* a function that returns a new iterator"):
        trained(iter(PAIRS))
    with pytest.raises(DataError, match="no batches in epoch 1"):
        trained([])
    with pytest.raises(DataError, match="the validation has no batches"):
        trained(X, Y, validation=[])


@pytest.fixture
def maps(tmp_path):
    """X and Y on disk, as memory maps that cannot be written to."""
    for name, a in (("x", X), ("y", Y)):
        np.save(tmp_path / name, a)
    return [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy"]


@pytest.mark.parametrize("shuffle", [True, False])
def test_memory_maps_are_read_batch_by_batch(maps, shuffle, monkeypatch):
    sizes, look = [], batches.require_finite

    def watched(name, array, where=""):
        sizes.append(len(array))
        look(name, array, where)

    monkeypatch.setattr(batches, "require_finite", watched)
    source = batches.Examples(*maps, 16)
    assert np.shares_memory(source.X, maps[0])
    assert not sizes
    options = {"shuffle": shuffle, "seed": 1, "validation": 0.2}
    assert_same(trained(*maps, **options), trained(X, Y, **options))
    assert {*sizes} == {16, 8, 10, 50}  # 50: of the arrays in memory


def test_a_bad_number_in_a_later_batch_is_found(maps, tmp_path, monkeypatch):
    bad = X.copy()
    bad[37, 1] = np.nan
    np.save(tmp_path / "bad", bad)
    with pytest.raises(DataError, match=r"X holds 1 NaN or infinite values in rows 32, 33, 34, 35, …\. Remove those"):
        trained(np.load(tmp_path / "bad.npy", mmap_mode="r"), maps[1])
    steps = []
    with pytest.raises(DataError, match="X holds 1 NaN or infinite values in batch 3"):
        trained([(bad[i : i + 16], Y[i : i + 16]) for i in range(0, 50, 16)], on_step=steps.append)
    assert len(steps) == 2
    with pytest.raises(DataError, match="y holds 50 NaN"):
        trained(X, np.full_like(Y, np.nan))
    monkeypatch.setattr(batches, "LARGE", 1)
    with pytest.raises(DataError, match="the validation's X holds 1 NaN or infinite values in rows"):
        trained(X, Y, validation=(bad, Y))


def test_batches_of_any_size_and_shape():
    sizes = [(4, 3), (9, 3), (4, 3), (1, 3)]
    source = [(rng.normal(size=shape), rng.normal(size=(shape[0], 1))) for shape in sizes]
    _, history = trained(source)
    assert history[0].cost == pytest.approx(trained(source, backend="eager")[1][0].cost)
    model = nn.Sequential(nn.RNN(2, 3, seed=0), lambda y: y[1], nn.Linear(3, 1, seed=0))
    sequences = [(rng.normal(size=(5, length, 2)), rng.normal(size=(5, 1))) for length in (3, 4, 3)]
    history = nn.fit(model, sequences, None, tg.mse, nn.SGD(model.parameters(), 0.1), 3, backend="numpy")
    assert history[-1].cost < history[0].cost


def test_a_share_is_drawn_once_and_kept_out():
    seen = []

    def loss(prediction, target):
        seen.append(np.array(target.data))
        return tg.mse(prediction, target)

    model = nn.Linear(1, 1, seed=0)
    y = np.arange(20.0)[:, None]
    options = {"epochs": 2, "batch": 8, "seed": 0, "validation": 0.25, "backend": "eager"}
    nn.fit(model, y, y, loss, nn.SGD(model.parameters(), 1e-4), **options)
    rows = [np.concatenate(part).ravel() for part in (seen[0:2], seen[2:3], seen[3:5], seen[5:6])]
    assert [len(part) for part in rows] == [15, 5, 15, 5]
    assert {*rows[0]} == {*rows[2]} == {*y.ravel()} - {*rows[1]}
    np.testing.assert_array_equal(rows[1], rows[3])
    assert not np.array_equal(rows[0], rows[2])


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ((X, None), ArgumentError, "X is an array, but y is missing"),
        ((3, None), ArgumentError, r"an iterable of batches \(x, y\), or a function that returns one; got int"),
        (([X, X, X], None), DataError, r"a batch is a pair \(x, y\) in batch 1 is a ndarray|a batch is a pair"),
        (([(X, Y[:3])], None), ShapeError, r"X \(50, 3\) and y \(3, 1\) in batch 1 must have as many rows"),
        (([(X[:0], Y[:0])], None), DataError, r"X has shape \(0, 3\) in batch 1: there is no example"),
        (([(X.astype(str), Y)], None), DataError, "X in batch 1 holds real numbers"),
        (([([[1.0], [1.0, 2.0]], Y)], None), DataError, "X in batch 1: the rows differ in length"),
    ],
)
def test_refuses(given, kind, message):
    with pytest.raises(kind, match=message):
        trained(*given)


def test_refuses_validations():
    for validation, kind, message in [
        (0.001, ArgumentError, "a validation share of 0.001 of 50 examples leaves a part empty"),
        (1.5, ArgumentError, "a validation share of 1.5"),
        (3, ArgumentError, "the validation's X is an array with the validation's y"),
        (X, ArgumentError, "the validation's X is an array, but the validation's y is missing"),
        ((X, Y[:3]), ShapeError, r"the validation's X \(50, 3\) and the validation's y \(3, 1\)"),
    ]:
        with pytest.raises(kind, match=message):
            trained(X, Y, validation=validation)
    with pytest.raises(ArgumentError, match="a validation share is taken from arrays"):
        trained(PAIRS, validation=0.2)
