"""Machine code on disk: read only where it is whole and the user's own, and nothing left anywhere else."""

import os
import stat
import sys
import tempfile
import warnings

import numpy as np
import pytest

import tinygrad_bp as tg
from tinygrad_bp.backends.numba import cache

numba = pytest.importorskip("numba", reason="the jit extra is not installed")
rng = np.random.default_rng(0)
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_BP_CACHE", str(tmp_path / "programs"))
    cache._say.cache_clear()
    return tmp_path / "programs"


def triple(x):
    return x * 3.0


def stored(x=2.0):
    """The function as another process finds it, and its place on disk."""
    return cache.StoredCode(numba.njit(triple), [x])


def kept():
    first = stored()
    first.fill(2.0)
    first.keep()
    return first


def test_code_comes_back(folder):
    kept()
    [path] = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 or os.name != "posix"
    assert path.suffix == ".code"
    again = stored()
    assert again.restore()
    again.fill.disable_compile()
    assert again.fill(5.0) == 15.0
    assert not stored(2).restore()  # an integer is another signature


def damages(content):
    yield b""
    yield from (content[:n] for n in (1, cache.DIGEST - 1, cache.DIGEST, len(content) // 2, len(content) - 1))
    yield from (rng.bytes(n) for n in (1, 40, 4000, len(content)))
    for place in rng.integers(len(content), size=30):
        yield content[:place] + bytes([content[place] ^ rng.integers(1, 256)]) + content[place + 1 :]
    yield content + b"\0"


def test_no_damage_is_read(folder):
    kept()
    [path] = folder.iterdir()
    whole = path.read_bytes()
    for damaged in damages(whole):
        path.write_bytes(damaged)
        found = stored()
        assert not found.restore()
        assert not found.fill.overloads
    path.write_bytes(whole)
    assert stored().restore()


def test_a_damaged_program_is_compiled_again_without_a_word(folder):
    def code():
        fast = tg.compile(lambda x: x * 4.0 - 9.0, backend="numba")
        np.testing.assert_array_equal([fast(np.ones(2)), fast(np.zeros(2))], [[-5.0, -5.0], [-9.0, -9.0]])
        assert fast.plan.backend == "numba"
        [path] = folder.iterdir()
        return path, path.read_bytes()

    path, _ = code()
    path.write_bytes(noise := rng.bytes(5000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, whole = code()
    assert whole != noise
    assert code()[1] == whole


def test_a_numba_whose_ways_in_are_others_compiles(monkeypatch):
    monkeypatch.delattr("numba.core.compiler.CompileResult._rebuild")
    monkeypatch.delattr("numba.core.compiler.CompileResult._reduce")
    for _ in range(2):
        fast = tg.compile(lambda x: x * 5.0 - 7.0, backend="numba")
        np.testing.assert_array_equal([fast(np.ones(2)), fast(np.zeros(2))], [[-2.0, -2.0], [-7.0, -7.0]])
        assert fast.plan.backend == "numba"


def compiled_with(warning):
    """Programs compiled while there is no cache to use; the warning comes once."""
    with pytest.warns(RuntimeWarning, match=warning) as said:
        compile_two()
    assert len(said) == 1


def compile_two():
    for k in (3.0, 4.0):
        fast = tg.compile(lambda x, k=k: x * k + 7.0, backend="numba")
        np.testing.assert_array_equal([fast(np.ones(2)), fast(np.zeros(2))], [[k + 7.0] * 2, [7.0, 7.0]])
        assert fast.plan.backend == "numba"


@posix
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_can_write_to_is_not_used(mode, folder):
    folder.mkdir()
    folder.chmod(mode)
    compiled_with("can be written to by others")
    assert not [*folder.iterdir()]


@posix
def test_a_folder_of_somebody_else_is_not_used(folder, monkeypatch):
    kept()
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert not stored().restore()


@posix
def test_a_file_of_somebody_else_and_a_link_are_not_read(folder, tmp_path, monkeypatch):
    kept()
    [path] = folder.iterdir()
    about, read = os.fstat, os.geteuid()

    def foreign(descriptor):
        fields = [*about(descriptor)]
        fields[stat.ST_UID] = read + 1
        return os.stat_result(fields)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", foreign)
        assert not stored().restore()
    assert stored().restore()
    elsewhere = path.rename(tmp_path / "elsewhere")
    path.symlink_to(elsewhere)
    assert not stored().restore()


def test_a_cache_that_cannot_be_written_leaves_nothing_behind(folder, tmp_path, monkeypatch):
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder.write_text("a file")
    compiled_with("there is no folder for it")
    assert not [*temporary.iterdir()]
    assert not [name for name in sys.modules if name.startswith("program_")]


def test_a_file_that_cannot_be_written_leaves_nothing_beside_it(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match="cannot be written to"):
        kept()
    assert not [*folder.iterdir()]


def test_there_may_be_no_home(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "cache_folder", homeless)
    with pytest.warns(RuntimeWarning, match="no folder"):
        assert not stored().restore()
