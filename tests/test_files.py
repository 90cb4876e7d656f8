"""Files appear whole or not at all, under the name that was asked for, with the permissions they should have."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stress import files as stress
from tinygrad_bp import files
from tinygrad_bp.files import replacing, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.fixture(params=["without a name", "with a name"])
def unnamed(request, monkeypatch):
    """Whether files have no name until they are whole, where the system offers it; both ways."""
    if request.param == "with a name":
        monkeypatch.setattr(files, "_UNNAMED", 0)
    return bool(files._UNNAMED)


def test_nothing_is_there_before_the_end(tmp_path, unnamed):
    path = tmp_path / "a"
    path.write_text("before")
    with replacing(path, "w") as file:
        file.write("after\r\nä")
        file.flush()
        assert path.read_text() == "before"
        assert len([*tmp_path.iterdir()]) == 2 - unnamed
    assert path.read_bytes() == "after\r\nä".encode()
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, OSError("disk")])
def test_an_error_leaves_what_was_there(tmp_path, unnamed, error):
    path = tmp_path / "a"
    path.write_text("before")
    with pytest.raises(error if isinstance(error, type) else OSError), replacing(path) as file:  # noqa: PT012
        file.write(b"half")
        raise error
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_two_names_are_never_the_same(tmp_path, unnamed):
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "a") as other:
        assert one.name != other.name
        assert {Path(one.name).parent, Path(other.name).parent} == {tmp_path}
        one.write(b"one")
        other.write(b"other")
    assert (tmp_path / "a").read_bytes() == b"one"


def test_threads_write_one_path(tmp_path, unnamed):
    path = tmp_path / "a"
    contents = [bytes([i]) * 100_000 for i in range(6)]

    def write(content):
        for _ in range(10):
            write_whole(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, contents))
    assert path.read_bytes() in contents
    assert [*tmp_path.iterdir()] == [path]


@posix
def test_a_new_file_has_the_permissions_that_open_gives(tmp_path, umask, unnamed):
    write_whole(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@posix
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path, umask, unnamed, mode):
    path = tmp_path / "a"
    path.touch()
    path.chmod(mode)
    with replacing(path) as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == mode
    assert path.stat().st_mode & 0o777 == mode


@posix
def test_what_a_link_leads_to_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    link.symlink_to(target)
    for content in (b"new", b"replaced"):
        write_whole(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert [*target.parent.iterdir()] == [target]


@posix
def test_links_in_a_circle_and_devices_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="links"):
        write_whole(tmp_path / "a", b"")
    with pytest.raises(OSError, match="no file, and cannot be replaced"):
        write_whole(Path(os.devnull), b"")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no file"):
        write_whole(tmp_path / "pipe", b"")


def test_mistakes_are_told_of_the_path(tmp_path):
    (tmp_path / "file").touch()
    mistakes = [
        (tmp_path / "no" / "a", FileNotFoundError, f"there is no folder {tmp_path / 'no'} for it; make it first"),
        (tmp_path, IsADirectoryError, "it is a folder; name a file in it"),
        (tmp_path / "file" / "a", NotADirectoryError, ""),
        (tmp_path / ("a" * 300), OSError, ""),
    ]
    for path, error, message in mistakes:
        with pytest.raises(error) as raised:
            write_whole(path, b"")
        assert message in str(raised.value)
        assert raised.value.filename == str(path)
        assert ".part" not in str(raised.value)


def test_no_message_has_the_temporary_name(tmp_path, monkeypatch):
    def fail(source, target):
        raise PermissionError(13, "Permission denied", str(source), None, str(target))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(PermissionError, match="Permission denied") as raised:
        write_whole(tmp_path / "a", b"")
    assert str(tmp_path / "a") in str(raised.value)
    assert ".part" not in str(raised.value)
    assert not [*tmp_path.iterdir()]


def test_errors_of_other_files_are_their_own(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, replacing(tmp_path / "a"):
        (tmp_path / "other").read_bytes()
    assert raised.value.filename == str(tmp_path / "other")


@posix
def test_a_read_only_file_is_not_replaced():
    with tempfile.TemporaryDirectory() as name:  # as a user that is not root, who can write to everything
        os.chmod(name, 0o777)
        path = Path(name, "a")
        path.write_text("before")
        path.chmod(0o444)
        code = (
            "import os, sys; from tinygrad_bp.files import write_whole\n"
            "os.geteuid() or os.setuid(65534)\n"
            f"try: write_whole({str(path)!r}, b'after')\n"
            "except PermissionError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "may not be written to" in done.stdout
        assert path.read_text() == "before"


@posix
def test_file_and_folder_are_brought_to_the_disk(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append(os.stat(descriptor).st_ino))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("replaced") or replace(*paths))
    write_whole(tmp_path / "a", b"content")
    assert done == [(tmp_path / "a").stat().st_ino, "replaced", tmp_path.stat().st_ino]


@posix
def test_a_folder_that_cannot_be_brought_to_the_disk_is_no_error(tmp_path, monkeypatch):
    def fail(descriptor):
        if not os.path.isfile(f"/dev/fd/{descriptor}"):
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    write_whole(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


@posix
def test_a_link_planted_under_the_name_is_not_followed(tmp_path, unnamed):
    assert stress.planted(tmp_path, 3) == 0


@posix
def test_a_writer_that_is_killed_leaves_a_part_only_in_the_moment_it_gets_its_name(tmp_path):
    left = stress.killed(tmp_path)
    assert left["neither old nor new"] == left["failed"] == 0
    assert left["points"] > 10
    if files._UNNAMED:
        assert left["parts left"] <= 3  # between the two calls that name it, of all its points


def test_everything_that_writes_a_file_does_it_here():
    assert stress.other_writers() == []
