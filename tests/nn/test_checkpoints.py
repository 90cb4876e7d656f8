"""What is saved comes back, every bit of it; a model takes it up whole or not at all, and goes on where it was."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

import tinygrad_bp as tg
from tests.stress.checkpoints import Costs, save_small, small_model
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, DTypeError, MissingExtraError, ShapeError
from tinygrad_bp.nn.checkpoints.content import DTYPES

rng = np.random.default_rng(0)

suffixes = pytest.mark.parametrize("suffix", [".npz", ".safetensors"])


@pytest.fixture
def linear():
    return nn.Linear(2, 3, seed=0)


def same_bits(a, b):
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert np.asarray(a, order="C").tobytes() == np.asarray(b, order="C").tobytes()


NUMBERS = {
    "float16": np.array([1.5, -0.0, np.nan, np.inf], np.float16),
    "complex64": np.array([1 + 2j, complex(-0.0, np.nan)], np.complex64),
    "complex128": rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)),
    "a NaN with a payload": np.array([0x7FF8000000000123, 0xFFF0000000000001], np.uint64).view(np.float64),
    "0-d": np.array(2.5),
    "0-d complex": np.array(2.5j),
    "0-d bool": np.array(True),
    "empty": np.ones((0, 3), np.float32),
    "empty complex": np.ones((3, 0), complex),
    "Fortran": np.asfortranarray(rng.normal(size=(3, 4))),
    "Fortran complex": np.asfortranarray(rng.normal(size=(3, 4)) + 1j),
    "strided": rng.normal(size=(6, 4))[::2, ::-1],
    "transposed": rng.normal(size=(2, 3, 4)).transpose(1, 0, 2),
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "read-only": tg.tensor([1.0, 2.0]).data,
    "int8": np.array([-128, 127], np.int8),
    "uint64": np.array([2**64 - 1], np.uint64),
    "bool": np.array([[True], [False]]),
}


@suffixes
def test_every_bit_comes_back(tmp_path, linear, suffix):
    nn.save(path := tmp_path / f"a{suffix}", linear, **NUMBERS)
    for name, array in nn.load(path).notes.items():
        same_bits(array, NUMBERS[name])
        assert array.flags.writeable
        assert array.flags.f_contiguous or not name.startswith("Fortran")


@suffixes
@settings(max_examples=50)
@given(array=arrays.arrays(st.sampled_from(sorted(DTYPES)), arrays.array_shapes(min_dims=0, min_side=0)))
def test_arrays_of_any_kind_come_back(tmp_path_factory, suffix, array):
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    nn.save(path, nn.Linear(1, 1, seed=0), array=array, columns=np.array(array, order="F"))
    same_bits(nn.load(path).notes["array"], array)
    same_bits(nn.load(path).notes["columns"], array)


@suffixes
def test_the_byte_order_is_the_machines(tmp_path, linear, suffix):
    nn.save(path := tmp_path / f"a{suffix}", linear, big=np.array([1.0, 256.0], ">f8"))
    same_bits(nn.load(path).notes["big"], np.array([1.0, 256.0]))


@suffixes
def test_all_parts_come_back(tmp_path, suffix):
    checkpoint = nn.load(save_small(tmp_path / f"a{suffix}", seed=5))
    assert checkpoint.format == 1
    for name, array in small_model(5).state_dict().items():
        same_bits(checkpoint.model[name], array)
    assert checkpoint.optimizer.keys() == nn.Adam(small_model(5).parameters()).state_dict().keys()
    assert repr(checkpoint.history) == repr({**Costs().state_dict(), "order": np.arange(4)})
    assert [part.tolist() for part in checkpoint.scaling] == [[0.0, 0.0], [1.0, 1.0]]
    assert checkpoint.classes == ["a", "é"]
    assert checkpoint.notes == {"of": 5}
    assert checkpoint.generators == {"shuffle": np.random.default_rng(5).bit_generator.state}
    assert repr(checkpoint) == "Checkpoint(6 arrays of 21 numbers, with optimizer, history, scaling, classes, notes)"


@suffixes
@pytest.mark.parametrize(
    "classes", [["rye", "wheat"], [0, 1, 2], [True, False], [1.5, -0.0], ["ё", "日本", "", "a\nb", "\ud800"]]
)
def test_classes_keep_their_kind(tmp_path, linear, suffix, classes):
    nn.save(path := tmp_path / f"a{suffix}", linear, classes=classes)
    found = nn.load(path).classes
    assert (found, [*map(type, found)]) == (classes, [*map(type, classes)])
    nn.save(path, linear, classes=np.array(classes))
    same_bits(nn.load(path).classes, np.array(classes))
    nn.save(path, linear, classes=np.array(classes, dtype=object))
    assert nn.load(path).classes == classes


@suffixes
def test_small_dtypes_of_classes_stay(tmp_path, linear, suffix):
    nn.save(path := tmp_path / f"a{suffix}", linear, classes=np.array([1, 2], np.int8))
    same_bits(nn.load(path).classes, np.array([1, 2], np.int8))


@suffixes
def test_notes_are_json(tmp_path, linear, suffix):
    notes = {"none": None, "big": 2**200, "nested": {"a": [1, 2.5, {"b": "c"}], "": []}, "text": "\x00\u2028\ud800"}
    nn.save(path := tmp_path / f"a{suffix}", linear, **notes, pair=(1, 2), one=np.float32(0.5), text_=np.str_("s"))
    assert nn.load(path).notes == {**notes, "pair": [1, 2], "one": 0.5, "text_": "s"}


@suffixes
def test_the_same_content_gives_the_same_bytes(tmp_path, suffix):
    one, other = save_small(tmp_path / f"a{suffix}"), save_small(tmp_path / f"b{suffix}")
    assert one.read_bytes() == other.read_bytes()


def test_other_readers_find_the_arrays(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    W = small_model().state_dict()["layers.0.W"]
    with np.load(save_small(tmp_path / "a.npz")) as found:
        np.testing.assert_array_equal(found["model/layers.0.W"], W)
    found = library.load_file(save_small(tmp_path / "a.safetensors"))
    np.testing.assert_array_equal(found["model/layers.0.W"], W)


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    path = save_small(tmp_path / "a.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for do in (save_small, nn.load):
        with pytest.raises(MissingExtraError, match=r"tinygrad_bp\[checkpoint\]"):
            do(path)
    monkeypatch.undo()
    assert nn.load(path).notes == {"of": 0}


# --- taken up ---------------------------------------------------------------------------------------------------------


def test_a_model_takes_up_its_state(tmp_path):
    path = save_small(tmp_path / "a.npz", seed=5)
    model, drawing = small_model(6), np.random.default_rng(6)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    nn.load(path, model, optimizer, generators={"shuffle": drawing})
    for name, array in small_model(5).state_dict().items():
        same_bits(model.state_dict()[name], array)
    assert drawing.random() == np.random.default_rng(5).random()
    assert model.layers[2].generator.random() == np.random.Generator(np.random.MT19937(5)).random()


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox,
                                  np.random.SFC64])  # fmt: skip
@suffixes
def test_generators_of_every_kind_go_on(tmp_path, linear, suffix, kind):
    drawing = np.random.Generator(kind(3))
    drawing.integers(0, 9, 5, dtype=np.int32)
    nn.save(path := tmp_path / f"a{suffix}", linear, generators={"g": drawing})
    expected = drawing.normal(size=700), drawing.integers(0, 9, 3, dtype=np.int32)
    other = np.random.Generator(kind(4))
    nn.load(path, generators={"g": other})
    same_bits(other.normal(size=700), expected[0])
    same_bits(other.integers(0, 9, 3, dtype=np.int32), expected[1])


def wrong_model(kind):
    if kind == "names":
        return nn.Sequential(*small_model().layers, nn.Linear(3, 1)), ArgumentError, "layers.3.W"
    if kind == "shapes":
        model = small_model()
        model.layers[1].weight.value = np.ones(4)
        return model, ShapeError, r"layers.1.weight is \(4,\), got \(3,\)"
    if kind == "dtypes":
        model = small_model()
        model.layers[1].bias.value = np.ones(3, np.float32)
        return model, DTypeError, "layers.1.bias is float32, got float64"
    model = small_model()
    model.layers[2].generator = np.random.default_rng(0)
    return model, ArgumentError, "the model: layers.2.generator is a PCG64, the checkpoint's a MT19937"


@pytest.mark.parametrize("kind", ["names", "shapes", "dtypes", "generators"])
def test_what_does_not_fit_changes_nothing(tmp_path, kind):
    path = save_small(tmp_path / "a.npz", seed=5)
    model, error, message = wrong_model(kind)
    fitting = small_model(7)
    optimizer, drawing = nn.Adam(fitting.parameters(), lr=0.1), np.random.default_rng(7)
    optimizer.load_state_dict({name: value + 1 for name, value in optimizer.state_dict().items()})
    before = [model.state_dict(), optimizer.state_dict(), drawing.bit_generator.state]
    drawn = model.layers[2].generator.bit_generator.state
    with pytest.raises(error, match=message):
        nn.load(path, model, optimizer, generators={"shuffle": drawing})
    assert repr([model.state_dict(), optimizer.state_dict(), drawing.bit_generator.state]) == repr(before)
    assert repr(model.layers[2].generator.bit_generator.state) == repr(drawn)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda model: {"optimizer": nn.AdamW(model.parameters())}, "is of Adam, the optimizer given is AdamW"),
        (lambda model: {"optimizer": nn.Adam(model.parameters()[1:])}, "the state"),
        (lambda _: {"generators": {"other": np.random.default_rng()}}, "no generator other; it has shuffle"),
        (lambda _: {"generators": {"shuffle": np.random.Generator(np.random.SFC64())}}, "is a SFC64"),
    ],
)
def test_other_optimizers_and_generators_are_refused(tmp_path, given, message):
    path, model = save_small(tmp_path / "a.npz", seed=5), small_model(7)
    before = repr(model.state_dict())
    with pytest.raises(ArgumentError, match=message):
        nn.load(path, model, **given(model))
    assert repr(model.state_dict()) == before


def test_an_optimizer_that_was_not_saved_is_missed(tmp_path, linear):
    nn.save(path := tmp_path / "a.npz", linear)
    with pytest.raises(ArgumentError, match="the checkpoint has no optimizer"):
        nn.load(path, optimizer=nn.SGD(linear.parameters(), lr=1.0))


@suffixes
@pytest.mark.parametrize("rows", [False, True])
def test_the_articles_class_is_built_again(tmp_path, suffix, rows):
    network = nn.NeuralNetwork([2, 3, 1], "tanh", seed=0, rows=rows)
    X = rng.normal(size=(5, 2) if rows else (2, 5))
    network.forward_propagate(X)
    nn.save(path := tmp_path / f"a{suffix}", network)
    again = nn.load(path).network()
    same_bits(again.forward_propagate(X), network.forward_propagate(X))
    assert repr(again) == repr(network)
    other, Y = nn.NeuralNetwork([2, 3, 1], seed=1, rows=rows), np.ones((5, 1) if rows else (1, 5))
    other.forward_propagate(X)
    other.compute_derivatives(Y)
    nn.load(path, other)
    same_bits(other.parameters["W1"], network.parameters["W1"])
    assert not other.derivatives
    with pytest.raises(ArgumentError, match="forward_propagate"):
        other.compute_cost(Y)
    with pytest.raises(ShapeError):
        nn.load(path, nn.NeuralNetwork([2, 4, 1]))


def test_a_network_with_a_function_of_ones_own_is_not_built_but_filled(tmp_path):
    network = nn.NeuralNetwork([2, 3, 1], tg.softplus, seed=0)
    nn.save(path := tmp_path / "a.npz", network)
    with pytest.raises(ArgumentError, match="Build the model and pass it to load"):
        nn.load(path).network()
    other = nn.NeuralNetwork([2, 3, 1], tg.softplus, seed=1)
    nn.load(path, other)
    same_bits(other.parameters["W2"], network.parameters["W2"])


def deep():
    layers = nn.Linear(3, 8, seed=0), nn.BatchNorm(8), nn.Tanh(), nn.Dropout(0.3, seed=1), nn.Linear(8, 1, seed=2)
    model = nn.Sequential(*layers)
    return model, nn.Adam(model.parameters(), lr=nn.CosineDecay(0.1, 40))


class Stop:
    """Ends a run of `fit` after so many steps."""

    def __init__(self, steps):
        self.steps = steps

    def __call__(self, _):
        self.steps -= 1
        return not self.steps


@suffixes
@pytest.mark.parametrize("backend", ["eager", "numpy"])
@pytest.mark.parametrize("steps", [6, 7])
def test_training_goes_on_bit_for_bit(tmp_path, suffix, backend, steps):
    """Whether it was kept after an epoch, of three batches, or in the middle of one."""
    X, y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))

    def fit(model, optimizer, **options):
        return nn.fit(model, X, y, tg.mse, optimizer, epochs=5, batch=4, seed=3, backend=backend, **options)

    whole, optimizer = deep()
    history = fit(whole, optimizer)
    half, half_optimizer = deep()
    begun = fit(half, half_optimizer, on_step=Stop(steps))
    nn.save(path := tmp_path / f"a{suffix}", half, half_optimizer, begun)

    again, again_optimizer = deep()
    checkpoint = nn.load(path, again, again_optimizer)
    resumed = fit(again, again_optimizer, resume=nn.History.from_state(checkpoint.history))
    for (name, one), other in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert one.tobytes() == other.tobytes(), name
    states = optimizer.state_dict(), again_optimizer.state_dict()
    assert repr(states[0]) == repr(states[1])
    assert resumed == history


# --- mistakes ---------------------------------------------------------------------------------------------------------


class Named(nn.Layer):
    def __init__(self, name):
        self.held = {name: tg.tensor(1.0, requires_grad=True)}


@pytest.mark.parametrize(
    ("notes", "error", "message"),
    [
        ({"a": {1: 2}}, ArgumentError, "notes/a has the key 1. Keys are texts"),
        ({"a": {"$array": 2}}, ArgumentError, "has the key '\\$array'"),
        ({"a": [object()]}, ArgumentError, "notes/a/0 is an object. A checkpoint holds numbers, texts"),
        ({"a": b"bytes"}, ArgumentError, "notes/a is a bytes"),
        ({"a": {1, 2}}, ArgumentError, "notes/a is a set"),
        ({"a": np.array([None])}, DTypeError, "notes/a has dtype object"),
        ({"a": np.array(["2020"], "M8[Y]")}, DTypeError, "notes/a has dtype datetime64"),
        ({"a": np.longdouble(1)}, DTypeError, "notes/a has dtype"),
        ({"a": np.zeros(2, [("x", "f8")])}, DTypeError, "notes/a has dtype"),
        ({"a": 10**5000}, ArgumentError, "cannot be written as JSON"),
        ({"scaling": 3.0}, ArgumentError, "scaling is a pair"),
        ({"history": 3.0}, ArgumentError, "a float has no state_dict"),
    ],
)
def test_what_a_checkpoint_cannot_hold(tmp_path, linear, notes, error, message):
    with pytest.raises(error, match=message):
        nn.save(tmp_path / "a.npz", linear, **notes)
    assert not [*tmp_path.iterdir()]


def test_what_holds_itself_is_refused(tmp_path, linear):
    circle = []
    circle.append(circle)
    with pytest.raises(ArgumentError, match="holds itself"):
        nn.save(tmp_path / "a.npz", linear, circle=circle)


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "\ud800", "a\\b"])
def test_names_that_an_archive_would_change_are_refused(tmp_path, name):
    with pytest.raises(ArgumentError, match="no name for an array"):
        nn.save(tmp_path / "a.npz", Named(name))


@suffixes
@pytest.mark.parametrize("name", ["../../up", "/root", "C:x", "checkpoint", "ä 日", "a.npy", ""])
def test_other_names_come_back(tmp_path, suffix, name):
    model = Named(name)
    nn.save(path := tmp_path / f"a{suffix}", model)
    assert [*nn.load(path).model] == [*model.state_dict()]
    assert [*tmp_path.iterdir()] == [path]


def test_other_suffixes_are_refused(tmp_path, linear):
    for do in (lambda path: nn.save(path, linear), nn.load):
        with pytest.raises(ArgumentError, match=r"suffix is one of \.npz, \.safetensors; got 'a.pkl'"):
            do(tmp_path / "a.pkl")


def test_a_file_that_is_not_there(tmp_path, linear):
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        nn.save(tmp_path / "no" / "a.npz", linear)


@suffixes
def test_six_threads_save_one_path(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save_small(path)

    def saved(seed):
        for _ in range(5):
            save_small(path, seed)
            yield nn.load(path).notes["of"]

    with ThreadPoolExecutor(6) as threads:
        found = [*chain(*threads.map(lambda seed: [*saved(seed)], range(6)))]
    assert set(found) <= set(range(6))
    assert nn.load(path).notes["of"] in range(6)
    assert os.listdir(tmp_path) == [path.name]


def test_nothing_is_pickled(tmp_path):
    with np.load(save_small(tmp_path / "a.npz"), allow_pickle=False) as found:
        header = found["checkpoint"].decode().partition("\n")[2]
        assert all(found[name].dtype != object for name in found.files if name != "checkpoint")
    assert json.loads(header)["format"] == 1
