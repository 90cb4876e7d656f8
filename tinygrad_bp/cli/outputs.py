"""Places for results, found fit before the work instead of after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from tinygrad_bp.errors import ArgumentError

PAGES = (".html", ".htm")

FILES = frozenset({*PAGES, ".svg", ".png", ".pdf", ".dot", ".npz", ".safetensors", ".csv", ".json", ".txt"})
"""Suffixes that no folder is meant to have."""


def require_folder(out: Path, names: Iterable[str] = ()) -> None:
    """A folder that is there or can be made, and files in it that can be written."""
    there = next(path for path in (out, *out.absolute().parents) if os.path.lexists(path))
    if out.suffix.lower() in FILES and not out.is_dir():
        raise ArgumentError(f"--out takes a folder; {out} is the name of a file. Leave {out.suffix} away.")
    if not there.is_dir():
        raise ArgumentError(f"--out takes a folder; {there} is a file. Name another one.")
    if not _takes_files(there):
        raise ArgumentError(f"--out: the folder {there} may not be written to. Name another one.")
    for name in names:
        _require_free(out / name)


def require_file(out: Path, suffixes: Sequence[str]) -> None:
    """A file of one of these suffixes, any if there are none, in a folder that is there or can be made."""
    if suffixes and out.suffix.lower() not in suffixes:
        is_folder = out.is_dir()
        got = f"{out} is a folder" if is_folder else f"got {out}"
        instead = out / f"name{suffixes[0]}" if is_folder else out.with_suffix(suffixes[0])
        raise ArgumentError(f"--out takes a file with the suffix {', '.join(suffixes)}; {got}. Pass {instead}, say.")
    _require_free(out)
    require_folder(out.parent)


def page_path(out: Path, name: str) -> Path:
    """The page that --out stands for, itself or in its folder."""
    if out.suffix.lower() in PAGES:
        require_file(out, PAGES)
        return out
    if out.suffix and not out.is_dir():
        raise ArgumentError(f"--out takes a page, {' or '.join(PAGES)}, or a folder; got {out}.")
    require_folder(out, [name])
    return out / name


def _takes_files(folder: Path) -> bool:
    """Whether a file can be made there, which permissions alone do not tell: by making one without a name."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _require_free(path: Path) -> None:
    if path.is_dir():
        raise ArgumentError(f"--out: {path} is a folder, where a file is to be written. Name another place.")
    if path.exists() and not os.access(path, os.W_OK):
        raise ArgumentError(f"--out: the file {path} may not be written to. Name another place.")
