"""Recordings show what training did."""

import re
from functools import partial
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.errors import ArgumentError, ShapeError
from tinygrad_bp.nn.recording import GRID

SVG = "{http://www.w3.org/2000/svg}"


def recorded(X, y, model, loss, epochs=4, **options):
    recording = tg.nn.Recording(model, X, y, loss, **options.pop("recording", {}))
    optimizer = tg.nn.SGD(model.parameters(), lr=0.1)
    tg.nn.fit(model, X, y, loss, optimizer, epochs, seed=0, callbacks=[recording], **options)
    return recording


@pytest.fixture(scope="module")
def binary():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = (X[:, :1] > 0).astype(float)
    model = tg.nn.Sequential(tg.nn.Linear(3, 2, seed=0), tg.nn.Tanh(), tg.nn.Dropout(0.5), tg.nn.Linear(2, 1, seed=1))
    metrics = {"accuracy": partial(tg.nn.accuracy, threshold=0)}
    loss = tg.binary_cross_entropy_with_logits
    return recorded(X, y, model, loss, metrics=metrics, validation=0.25), model, X, y


def test_a_frame_has_the_norms_of_the_gradients_in_use(binary):
    recording, model, X, y = binary
    model.eval()
    for p in model.parameters():
        p.grad = None
    tg.binary_cross_entropy_with_logits(model(X), y).backward()
    want = {name: np.linalg.norm(p.grad) for name, p in model.named_parameters()}
    model.train()
    assert recording.frames[-1].norms == pytest.approx(want)
    assert [frame.epoch.epoch for frame in recording.frames] == [1, 2, 3, 4]


def test_the_boundary_is_what_the_model_says_there(binary):
    recording, model, _, _ = binary
    low, high = recording.extent
    middle, directions = recording.plane
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-12)
    corner = middle + (np.array([low[0], high[1]]) + (high - low) / (2 * GRID) * [1, -1]) @ directions
    model.eval()
    z = model(corner[None]).item()
    model.train()
    assert recording.frames[-1].classes[0, 0] == pytest.approx(1 / (1 + np.exp(-z)))


def test_the_model_stays_as_it_is(binary):
    recording, model, _, _ = binary
    grads, values = [p.grad for p in model.parameters()], [p.value for p in model.parameters()]
    tg.nn.Recording(model, recording.X, recording.y, recording.loss)(recording.frames[0].epoch)
    assert all(layer.training for _, layer in model.named_layers())
    assert all(p.grad is g and p.value is v for p, g, v in zip(model.parameters(), grads, values, strict=True))


def test_the_animation_has_everything(binary, tmp_path):
    recording, _, X, _ = binary
    path = recording.save(tmp_path / "learning.svg")
    root = ElementTree.parse(path).getroot()
    assert len(root.findall(f".//{SVG}circle")) == len(X)
    assert (
        len(root.findall(f".//{SVG}g/{SVG}path[@stroke-width='2']")) == 4
    )  # cost and accuracy, and those of validation
    texts = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    assert {"layers.0.W", "layers.3.b"} <= {*texts}
    assert sum(t.startswith("epoch ") for t in texts) == 4
    for animation in root.iter(f"{SVG}animate"):
        assert len(animation.get("values").split(";")) == 5
    assert recording._repr_svg_() == recording.svg
    assert not re.search("https?:(?!//www.w3.org)", recording.svg)


def test_several_classes_and_two_features():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(30, 2)), rng.integers(0, 3, 30)
    recording = recorded(X, y, tg.nn.Linear(2, 3, seed=0), tg.softmax_cross_entropy, recording={"every": 2})
    assert [frame.epoch.epoch for frame in recording.frames] == [1, 3]
    assert set(np.unique(recording.frames[0].classes)) <= {0.0, 1.0, 2.0}
    assert repr(recording) == "<Recording of 2 epochs, 2 parameters, 3 classes>"


def test_without_classes_there_is_no_boundary():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 1))
    recording = recorded(X, y, tg.nn.Linear(2, 1, seed=0), tg.mse)
    assert recording.frames[0].classes is None
    assert "<circle" not in recording.svg
    assert repr(recording) == "<Recording of 4 epochs, 2 parameters>"


def test_what_cannot_be_recorded_is_said(tmp_path):
    model = tg.nn.Linear(2, 1)
    with pytest.raises(ShapeError, match="as many rows"):
        tg.nn.Recording(model, np.ones((3, 2)), np.ones(2), tg.mse)
    with pytest.raises(ArgumentError, match="every is"):
        tg.nn.Recording(model, np.ones((3, 2)), np.ones(3), tg.mse, every=0)
    empty = tg.nn.Recording(model, np.ones((3, 2)), np.ones(3), tg.mse)
    with pytest.raises(ArgumentError, match="nothing is recorded"):
        empty.save(tmp_path / "x.svg")
    with pytest.raises(ArgumentError, match="suffix of a recording"):
        empty.save(tmp_path / "x.gif")


def test_images_have_no_plane():
    X, y = np.random.default_rng(0).normal(size=(6, 1, 4, 4)), np.arange(6) % 2
    model = tg.nn.Sequential(tg.nn.Flatten(), tg.nn.Linear(16, 2, seed=0))
    recording = recorded(X, y, model, tg.softmax_cross_entropy, epochs=2)
    assert "<circle" not in recording.svg
    assert recording.svg.count('stroke-width="2"') == 1
