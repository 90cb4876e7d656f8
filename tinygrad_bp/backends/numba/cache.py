"""Machine code on disk for the next process: a file for each program, of the user's own, checked before it is read."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, final

from tinygrad_bp.backends.numba.functions import OWN_SOURCES
from tinygrad_bp.files import write_whole

DIGEST = sha256().digest_size
"""Bytes at the start of a file that are the digest of the others."""


def cache_folder() -> Path:
    """Where compiled programs are kept: $TINYGRAD_BP_CACHE, else a folder of the user's cache."""
    chosen = os.environ.get("TINYGRAD_BP_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinygrad_bp"


def program_name(text: str) -> str:
    """A name for a program, of its text and of the library's own functions, which become part of its machine code."""
    parts = [text.encode(), *[path.read_bytes() for path in OWN_SOURCES]]
    return f"program_{sha256(b''.join(parts)).hexdigest()[:32]}"


@final
class StoredCode:
    """The machine code of a function for such arguments, in a file named after all that it depends on.

    Numba has a cache too. It prepares everything that compiling could need before it looks there, which takes longer
    than all else, and it believes what it reads.
    """

    def __init__(self, fill: Any, arguments: Sequence[Any]) -> None:
        import numba

        self.fill = fill
        self.signature = tuple(map(numba.typeof, arguments))
        processor = fill.targetctx.codegen().magic_tuple()
        depends = fill.__module__, fill.__name__, self.signature, processor, numba.__version__, sys.version
        self.name = f"{sha256(repr(depends).encode()).hexdigest()[:32]}.code"

    def restore(self) -> bool:
        """Whether the file was there and whole; then the function has its code."""
        folder = _folder()
        try:
            content = _own(folder / self.name) if folder else b""
        except OSError:
            return False
        digest, code = content[:DIGEST], content[DIGEST:]
        return sha256(code).digest() == digest and self._load(code)

    def _load(self, code: bytes) -> bool:
        try:
            from numba.core.compiler_lock import global_compiler_lock
            from numba.core.runtime.nrt import rtsys

            compiler = import_module("numba.core.compiler")
            context = self.fill.targetctx
            with global_compiler_lock:
                rtsys.initialize(context)
                found = compiler.CompileResult._rebuild(context, *pickle.loads(code))
                context.insert_user_function(found.entry_point, found.fndesc, [found.library])
                self.fill.add_overload(found)
        except Exception:  # a Numba whose ways in are others: it compiles
            return False
        return True

    def keep(self) -> None:
        """Write the code that the function has got, beside the file first."""
        try:
            serialize = import_module("numba.core.serialize")
            compiled = self.fill.overloads[self.signature]
            code = b"" if compiled.library.has_dynamic_globals else serialize.dumps(compiled._reduce())
        except Exception:  # as above
            return
        folder = _folder() if code else None
        if folder is None:
            return
        try:
            write_whole(folder / self.name, sha256(code).digest() + code)
        except OSError as error:
            _say(f"{folder} cannot be written to ({error.strerror}).")


def _own(path: Path) -> bytes:
    """What is in a file, if it is the user's own and no link: others may have put it there while they could."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        if os.name == "posix" and os.fstat(descriptor).st_uid != os.geteuid():
            return b""
        return file.read()


def _folder() -> Path | None:
    """The folder for compiled programs, None where it is not the user's alone: what is read there is run."""
    try:
        folder = cache_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except (OSError, RuntimeError) as error:  # there may be no home
        _say(f"there is no folder for it ({error}).")
        return None
    if os.name == "posix" and about.st_uid != os.geteuid():
        _say(f"{folder} belongs to another user.")
        return None
    if os.name == "posix" and about.st_mode & 0o022:
        _say(f"{folder} can be written to by others (chmod go-w).")
        return None
    return folder


@cache
def _say(reason: str) -> None:
    """Say once that machine code is lost with the process."""
    message = f"Compiled programs are not kept for the next process: {reason} TINYGRAD_BP_CACHE names another folder."
    warnings.warn(message, RuntimeWarning, stacklevel=2)
