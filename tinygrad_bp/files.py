"""Files that appear whole: written beside their place, brought to the disk, renamed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

_EXCLUSIVE = os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_BY_DESCRIPTOR = os.chmod in os.supports_fd
_UNNAMED = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0


@contextmanager
def replacing(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """A file to write to that takes the place of `path` at the end of the block, whole; on any error it is removed.

    mode: "wb", "w" (UTF-8, lines end as they are written), or either with "+". Until then it has no name where Linux
    offers that, so that a process that is killed leaves nothing, else one that nobody can foresee. A new file has the
    permissions that `open` gives, one that replaces another has the other's; a link stays, and what it leads to is
    replaced. Raises OSError with `path` in it: FileNotFoundError without the folder, IsADirectoryError for a folder,
    PermissionError for a file that may not be written to.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "numbers.txt")
    >>> with replacing(path, "w") as file:
    ...     _ = file.write("1, 2, 3")
    >>> path.read_text()
    '1, 2, 3'
    """
    place, permissions = _place(path)
    beside = place.with_name(f".{token_hex(16)}.part")
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        with _told_of(path, beside):
            with open(beside, mode, opener=_new, **text) as file:
                descriptor = file.fileno()
                if permissions is not None:
                    os.chmod(descriptor if _BY_DESCRIPTOR else beside, permissions)
                yield file
                file.flush()
                os.fsync(descriptor)
                if not os.fstat(descriptor).st_nlink:
                    os.link(f"/proc/self/fd/{descriptor}", beside, src_dir_fd=descriptor)  # so that it follows the link
            os.replace(beside, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _to_disk(place.parent)


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file by `replacing`; returns its path."""
    with replacing(path) as file:
        file.write(content)
    return path


def _new(name: str, flags: int) -> int:
    """Open a file without a name in the folder, or if that is not to be had a new one of that name."""
    if _UNNAMED:
        with suppress(OSError):
            return os.open(os.path.dirname(name), flags & ~(os.O_CREAT | os.O_TRUNC) | _UNNAMED, 0o666)
    return os.open(name, flags | _EXCLUSIVE, 0o666)


def _place(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Where a path leads to, and the permissions of the file there, if there is one."""
    place = Path(os.path.realpath(path))
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if not place.parent.is_dir():
            raise _error(errno.ENOENT, f"there is no folder {place.parent} for it; make it first", path) from None
        return place, None
    if stat.S_ISDIR(mode):
        raise _error(errno.EISDIR, "it is a folder; name a file in it", path)
    if not stat.S_ISREG(mode):
        raise _error(errno.EINVAL, "it is no file, and cannot be replaced by one; choose another name", path)
    if not os.access(path, os.W_OK):
        raise _error(errno.EACCES, "the file there may not be written to; choose another name, or chmod u+w", path)
    return place, stat.S_IMODE(mode) & 0o777


def _error(number: int, message: str, path: str | os.PathLike[str]) -> OSError:
    return OSError(number, message, str(path))


@contextmanager
def _told_of(path: str | os.PathLike[str], beside: Path) -> Iterator[None]:
    """Errors of the file beside are told of the one that was asked for."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(beside)):
            raise
        raise _error(error.errno, error.strerror or "", path) from None


def _to_disk(folder: Path) -> None:
    """Bring a folder's new entry to the disk where that can be asked for; the file is whole in any case."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
