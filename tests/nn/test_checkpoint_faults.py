"""Files that are damaged, made up or unfinished: all are noticed, with one exception, and nothing in them runs."""

import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import pytest

from tests.stress.checkpoints import flips, outcomes, save_small, truncations
from tinygrad_bp import nn
from tinygrad_bp.errors import ArgumentError, CheckpointError
from tinygrad_bp.nn.checkpoints import npz
from tinygrad_bp.nn.checkpoints.content import Spec, digest, opened, sealed

SUFFIXES = (".npz", ".safetensors")
suffixes = pytest.mark.parametrize("suffix", SUFFIXES)
ROOT = Path(__file__).resolve().parents[2]


# --- damage -----------------------------------------------------------------------------------------------------------


@suffixes
def test_bits_turned_over_are_noticed(tmp_path, suffix):
    content = save_small(tmp_path / f"a{suffix}").read_bytes()
    assert outcomes(tmp_path / f"b{suffix}", flips(content, 400, seed=1)) == {"CheckpointError": 400}


@suffixes
def test_every_truncation_is_noticed(tmp_path, suffix):
    nn.save(path := tmp_path / f"a{suffix}", nn.Linear(1, 1, seed=0))
    content = path.read_bytes()
    assert outcomes(tmp_path / f"b{suffix}", truncations(content)) == {"CheckpointError": len(content)}


@suffixes
def test_what_stands_before_or_after_is_noticed(tmp_path, suffix):
    content = save_small(tmp_path / f"a{suffix}").read_bytes()
    longer = [content + b"\0", b"\0" + content, content + content, b"", b"PK", bytes(100), b"\xff" * 100]
    assert outcomes(tmp_path / f"b{suffix}", iter(longer)) == {"CheckpointError": len(longer)}


def test_other_files_are_no_checkpoints(tmp_path):
    np.savez(tmp_path / "a.npz", W=np.ones(3))
    (tmp_path / "b.npz").write_bytes(pickle.dumps({"W": 1}))
    pytest.importorskip("safetensors.numpy").save_file({"W": np.ones(3)}, tmp_path / "c.safetensors")
    (tmp_path / "d.npz").mkdir()
    messages = {"a.npz": "no checkpoint of tinygrad_bp, or its end", "b.npz": "no checkpoint of tinygrad_bp",
                "c.safetensors": "metadata lacks 'checkpoint'", "d.npz": "no file, but a folder"}  # fmt: skip
    for name, message in messages.items():
        with pytest.raises(CheckpointError, match=message) as raised:
            nn.load(tmp_path / name)
        assert str(tmp_path / name) in str(raised.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")
@suffixes
def test_killed_writers_and_full_disks_leave_a_whole_file(tmp_path, suffix):
    """In a process of its own, as it patches `os` and forks."""
    code = f"import pathlib; from tests.stress.checkpoints import quickly; print(*quickly(pathlib.Path(), {suffix!r}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not killed" not in done.stdout
    assert "'old file whole'" in done.stdout
    assert "'new file whole'" in done.stdout
    assert "'refused, the path is named, old file whole, nothing left'" in done.stdout
    assert "'saved, new file whole, nothing left': 1" in done.stdout
    assert "a part left" not in done.stdout


# --- files made up, whose checksums are right -------------------------------------------------------------------------


def sealed_archive(members):
    """An archive of (name, bytes, compression), with the checksum of a checkpoint at its end."""
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for name, data, *compression in members:
            archive.writestr(name, data, *compression or [ZIP_STORED])
        archive.comment = npz.MARK + b"0" * npz.DIGITS
    content = file.getvalue()[: -npz.DIGITS]
    return content + digest(content).encode()


def resealed(content):
    """An archive whose bytes were changed, with the right checksum again."""
    return content[: -npz.DIGITS] + digest(content[: -npz.DIGITS]).encode()


def parts(tmp_path):
    """The members of a small checkpoint."""
    with ZipFile(save_small(tmp_path / "parts.npz")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def header_of(members):
    return opened(members["checkpoint"].decode())


def with_header(members, header):
    return [("checkpoint", sealed(header)), *[(n, data) for n, data in members.items() if n != "checkpoint"]]


def refused(tmp_path, content, message, suffix=".npz"):
    (path := tmp_path / f"made{suffix}").write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as raised:
        nn.load(path)
    assert str(path) in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_the_helpers_make_files_that_load(tmp_path):
    members = parts(tmp_path)
    (tmp_path / "a.npz").write_bytes(sealed_archive(with_header(members, header_of(members))))
    assert nn.load(tmp_path / "a.npz").notes == {"of": 0}


def changed(path, value):
    """A change of the header: the value at a path of keys."""

    def change(header):
        *outer, last = path
        part = header
        for key in outer:
            part = part[key]
        part[last] = value

    return change


W = ["model", "layers.0.W"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(["format"], 2), "of format 2, this version reads 1. Update"),
        (changed(["format"], "1"), "of format '1'"),
        (changed(["notes"], 3), "its parts are others: notes"),
        (changed(["more"], 3), "its parts are others"),
        (lambda header: header.pop("notes"), "its parts are others: notes"),
        (lambda header: header["scaling"].append(1), "damaged or no checkpoint"),
        (changed(["classes"], {"$texts": [1]}), "array of texts"),
        (changed(["classes"], {"$texts": "ab"}), "array of texts"),
        (changed([*W, "dtype"], "object"), "an array is described as"),
        (changed([*W, "dtype"], ["float64"]), "an array is described as"),
        (changed([*W, "order"], "A"), "an array is described as"),
        (changed([*W, "shape"], [-2, -3]), "an array is described as"),
        (changed([*W, "shape"], [True, 6]), "an array is described as"),
        (changed([*W, "shape"], [2.0, 3]), "an array is described as"),
        (changed([*W, "shape"], [1] * 65), "an array is described as"),
        (changed([*W, "shape"], 6), "an array is described as"),
        (changed([*W, "shape"], [3, 2]), r"is float64 \(2, 3\), the header says float64 \(3, 2\)"),
        (changed([*W, "shape"], [10**12]), "another size than the header says"),
        (changed([*W, "dtype"], "int64"), "is float64"),
        (changed([*W, "dtype"], "float32"), r"the header says float32 \(2, 3\)"),
        (changed([*W, "order"], "F"), "is float64"),
        (changed([*W, "blake2b"], "0" * 64), "its checksum differs"),
        (changed([*W, "$array"], "model/layers.0.b"), "there twice"),
        (changed([*W, "$array"], 3), "there twice, or has no name"),
        (changed([*W, "$array"], "elsewhere"), "lacks the arrays elsewhere"),
        (changed([*W, "more"], 1), "an array is described as"),
        (changed(W, None), "has besides the arrays"),
    ],
)
def test_headers_made_up_are_refused(tmp_path, change, message):
    members = parts(tmp_path)
    header = header_of(members)
    change(header)
    refused(tmp_path, sealed_archive(with_header(members, header)), message)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"format": 1, "format": 1}', "9" * 5000, "[" * 100_000])
def test_headers_that_are_no_json_object(tmp_path, text):
    header = f"{digest(text.encode())}\n{text}"
    refused(tmp_path, sealed_archive([("checkpoint", header)]), "cannot be loaded")
    said = json.dumps({"__metadata__": {"checkpoint": header}}).encode()
    refused(tmp_path, struct.pack("<Q", len(said)) + said, "cannot be loaded", ".safetensors")


def with_member(members, data):
    name = "model/layers.0.W.npy"
    return sealed_archive([(n, data if n == name else content) for n, content in members.items()])


def npy(header, data=b""):
    text = header.encode().ljust(118 - 1 - 10) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", bytes(48)), "the header says"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}", bytes(47)), "another size"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}", bytes(49)), "another size"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}", bytes(48)), "checksum differs"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}", bytes(48)), "the header says"),
        (npy("{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (2, 3)}", bytes(48)), "the header says"),
        (npy("__import__('os').mkdir('ran')", bytes(48)), "cannot be loaded"),
        (npy("(" * 90, bytes(48)), "cannot be loaded"),
        (b"\x93NUMPY\x02\x00" + bytes(80), "another version"),
        (b"\x93NUMPY\x01\x00\xff\xff" + bytes(80), "cannot be loaded"),
        (b"", "another size"),
        (bytes(20_000), "another size"),
    ],
)
def test_arrays_made_up_are_refused(tmp_path, member, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, with_member(parts(tmp_path), member), message)
    assert not (tmp_path / "ran").exists()


class Runs:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_nothing_that_was_pickled_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = BytesIO()
    np.save(file, np.array([Runs()], dtype=object), allow_pickle=True)
    members = parts(tmp_path)
    refused(tmp_path, with_member(members, file.getvalue()), "cannot be loaded")
    header = header_of(members)
    header["model"]["layers.0.W"].update(dtype="object", shape=[1])
    changed_members = {**members, "model/layers.0.W.npy": file.getvalue()}
    refused(tmp_path, sealed_archive(with_header(changed_members, header)), "an array is described as")
    assert not (tmp_path / "ran").exists()


def test_bools_that_are_none_are_refused(tmp_path):
    wrong = np.array([0, 1, 2], np.uint8).view(bool)
    (path := tmp_path / "a.npz").touch()
    nn.save(path, nn.Linear(1, 1), mask=wrong)
    with pytest.raises(CheckpointError, match="neither 0 nor 1"):
        nn.load(path)


def test_archives_made_up_are_refused(tmp_path):
    members = [*parts(tmp_path).items()]
    (name, data), others = members[0], members[1:]
    with pytest.warns(UserWarning, match="Duplicate"):
        refused(tmp_path, sealed_archive([*members, members[1]]), "there twice")
    refused(tmp_path, sealed_archive([(name, data, ZIP_DEFLATED), *others]), "is compressed")
    refused(tmp_path, sealed_archive([*members, ("bomb.npy", bytes(10_000_000), ZIP_DEFLATED)]), "is compressed")
    refused(tmp_path, sealed_archive([*members, ("../up.npy", b"")]), r"has besides the arrays ../up.npy")
    refused(tmp_path, sealed_archive(others), "has no 'checkpoint'")
    refused(tmp_path, sealed_archive([]), "has no 'checkpoint'")
    encrypted = bytearray(sealed_archive(members))
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    refused(tmp_path, resealed(bytes(encrypted)), "cannot be loaded")


def central(content, member):
    """Where the archive's directory speaks of a member."""
    return content.rindex(b"PK\x01\x02", 0, content.rindex(member))


def test_a_member_of_the_same_size_that_is_compressed_is_refused(tmp_path):
    content = bytearray(sealed_archive([*parts(tmp_path).items()]))
    struct.pack_into("<H", content, central(content, b"model/layers.0.W.npy") + 10, ZIP_DEFLATED)
    refused(tmp_path, resealed(bytes(content)), "is compressed")


def test_members_larger_than_the_file_are_refused(tmp_path):
    content = bytearray(sealed_archive([*parts(tmp_path).items()]))
    place = central(content, b"model/layers.0.W.npy")
    struct.pack_into("<II", content, place + 20, 0x7FFFFFF0, 0x7FFFFFF0)  # both sizes
    refused(tmp_path, resealed(bytes(content)), "larger than the file")


def test_members_that_share_their_bytes_are_refused(tmp_path):
    """Thousands of names for the same bytes would take thousands of times the file."""
    content = bytearray(sealed_archive([("checkpoint", b"x" * 3000), ("a.npy", b"y"), ("b.npy", b"z")]))
    for name in (b"a.npy", b"b.npy"):
        place = central(content, name)
        struct.pack_into("<II", content, place + 20, 3000, 3000)
        struct.pack_into("<I", content, place + 42, 0)  # at the first member
    refused(tmp_path, resealed(bytes(content)), "larger than the file")


def tensors_file(said, data=b"", length=None):
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def described(array, **others):
    spec = Spec.of(array).written("model/w")
    content = {"format": 1, "model": {"w": {**spec, **others}}, "settings": None, "model_generators": {}}
    rest = ("optimizer_class", "optimizer", "history", "scaling", "classes")
    return sealed({**content, **dict.fromkeys(rest), "generators": {}, "notes": {}})


ARRAY = np.arange(4.0)


def entry(**changes):
    return {"dtype": "F64", "shape": [4], "data_offsets": [0, 32], **changes}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (entry(shape=[5]), "the header says"),
        (entry(dtype="I64"), "the header says"),
        (entry(dtype="BF16"), "the header says"),
        (entry(data_offsets=[0, 33]), "another size"),
        (entry(data_offsets=[-32, 0]), "another size"),
        (entry(data_offsets=[8, 40]), "overlap, or leave a gap"),
        (entry(data_offsets=[0.0, 32]), "another size"),
        (entry(data_offsets=[0, 16, 32]), "cannot be loaded"),
        (entry(data_offsets="ab"), "another size"),
        (entry(more=1), "is described as"),
        ([], "is described as"),
        (None, "is described as"),
    ],
)
def test_entries_made_up_are_refused(tmp_path, said, message):
    good = {"__metadata__": {"checkpoint": described(ARRAY)}, "model/w": entry()}
    (path := tmp_path / "good.safetensors").write_bytes(tensors_file(good, ARRAY.tobytes()))
    np.testing.assert_array_equal(nn.load(path).model["w"], ARRAY)
    content = tensors_file({**good, "model/w": said}, ARRAY.tobytes())
    refused(tmp_path, content, message, ".safetensors")


def test_tensor_files_made_up_are_refused(tmp_path):
    metadata = {"__metadata__": {"checkpoint": described(ARRAY)}}
    good, data = {**metadata, "model/w": entry()}, ARRAY.tobytes()
    made_up = [
        (tensors_file(good, data, length=2**63), "longer than the file"),
        (tensors_file(good, data, length=0), "longer than the file"),
        (tensors_file(b"[]"), "no JSON object"),
        (tensors_file({"model/w": entry()}, data), "metadata lacks"),
        (tensors_file({**good, "__metadata__": {}}, data), "metadata lacks"),
        (tensors_file(metadata), "lacks the arrays model/w"),
        (tensors_file({**good, "x": entry(data_offsets=[32, 64])}, data * 2), "has besides the arrays x"),
        (tensors_file(good, data + b"\0"), "cut short, or has more"),
        (tensors_file(b'{"a": 1, "a": 2}'), "has a name twice"),
        (tensors_file({**good, "model/w": entry(data_offsets=[0, 32])}, data[::-1]), "checksum differs"),
    ]
    for content, message in made_up:
        refused(tmp_path, content, message, ".safetensors")


@suffixes
def test_eight_terabytes_that_are_promised_take_no_memory(tmp_path, suffix):
    promised = {"shape": [10**12], "blake2b": "0" * 64}
    header = described(ARRAY, **promised)
    if suffix == ".npz":
        member = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", bytes(32))
        content = sealed_archive([("checkpoint", header), ("model/w.npy", member)])
    else:
        said = entry(shape=[10**12], data_offsets=[0, 8 * 10**12])
        content = tensors_file({"__metadata__": {"checkpoint": header}, "model/w": said}, bytes(32))
    tracemalloc.start()
    try:
        refused(tmp_path, content, "another size|cut short", suffix)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


# --- generators -------------------------------------------------------------------------------------------------------


def forged_generator(tmp_path, kind, path, value):
    """A checkpoint whose generator has a state with another value in one place."""
    drawing = np.random.Generator(kind(1))
    saved = nn.save(tmp_path / "g.npz", nn.Linear(1, 1, seed=0), generators={"g": drawing})
    with ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = header_of(members)
    changed(["generators", "g", *path], value)(header)
    (tmp_path / "forged.npz").write_bytes(sealed_archive(with_header(members, header)))
    return tmp_path / "forged.npz", np.random.Generator(kind(2))


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (np.random.MT19937, ["state", "pos"], 10**6),
        (np.random.MT19937, ["state", "pos"], -1),
        (np.random.Philox, ["buffer_pos"], 2**31 - 1),
        (np.random.Philox, ["buffer_pos"], -5),
        (np.random.PCG64, ["state", "state"], 2**200),
        (np.random.PCG64, ["state", "inc"], -1),
        (np.random.PCG64, ["state"], None),
        (np.random.PCG64, ["has_uint32"], 0.5),
        (np.random.PCG64, ["uinteger"], 2**70),
        (np.random.PCG64, ["more"], 1),
    ],
)
def test_states_made_up_are_refused(tmp_path, kind, path, value):
    """NumPy reads the buffer at the place that a state names without a look."""
    forged, drawing = forged_generator(tmp_path, kind, path, value)
    before = repr(drawing.bit_generator.state)
    with pytest.raises(ArgumentError, match=f"generators: g: the checkpoint's state is none of a {kind.__name__}"):
        nn.load(forged, generators={"g": drawing})
    assert repr(drawing.bit_generator.state) == before
