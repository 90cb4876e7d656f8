"""A checkpoint as `.safetensors`, by the library of that name; the header is the file's metadata.

What the file says is checked here before the library sees it. Complex numbers are pairs of floats on a last axis, as
the format knows one kind only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.errors import CheckpointError, missing_extra
from tinygrad_bp.nn.checkpoints.content import Spec, once_each, require_names

HEADER, METADATA = "checkpoint", "__metadata__"
LENGTH = 8
"""Bytes at the start, which are the length of the JSON after them."""

NAMES = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
         "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64"}  # fmt: skip
"""NumPy's names of the format's dtypes."""


def write(file: IO[bytes], header: str, arrays: Mapping[str, Array]) -> None:
    """Write the file; MissingExtraError without the library."""
    stored = {name: np.asarray(_real(array), order="C") for name, array in arrays.items()}
    file.write(_library().save(stored, {HEADER: header}))


def header(content: bytes) -> str:
    """The header of a file with this content; raises CheckpointError and others."""
    said, _ = _said(content)
    metadata = said.get(METADATA)
    if not isinstance(metadata, dict) or [*metadata] != [HEADER]:
        raise CheckpointError(f"it is no checkpoint of tinygrad_bp: its metadata lacks {HEADER!r}")
    return str(metadata[HEADER])


def read(content: bytes, specs: Mapping[str, Spec]) -> dict[str, Array]:
    """The arrays, after names, shapes, dtypes and sizes have been checked; raises CheckpointError and others."""
    said, start = _said(content)
    del said[METADATA]
    require_names({*said}, {*specs})
    for name, spec in specs.items():
        _require(name, said[name], spec)
    end = 0
    for begin, after in sorted(entry["data_offsets"] for entry in said.values()):
        if begin != end:
            raise CheckpointError("its arrays overlap, or leave a gap")
        end = after
    if start + end != len(content):
        raise CheckpointError("it is cut short, or has more at its end than its header says")
    loaded = _library().load(content)
    return {name: _as_was(loaded[name], spec) for name, spec in specs.items()}


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra("safetensors", "checkpoint") from error
    return safetensors.numpy


def _said(content: bytes) -> tuple[dict[str, Any], int]:
    """The JSON at the start of the file, and where the arrays begin."""
    start = LENGTH + int.from_bytes(content[:LENGTH], "little")
    if not LENGTH < start <= len(content):
        raise CheckpointError("it is no checkpoint, or cut short: its header is longer than the file")
    said = json.loads(content[LENGTH:start], object_pairs_hook=once_each)
    if not isinstance(said, dict):
        raise CheckpointError("its header is no JSON object")
    return said, start


def _require(name: str, said: Any, spec: Spec) -> None:
    dtype, shape = spec.dtype, list(spec.shape)
    if dtype.kind == "c":
        dtype, shape = np.dtype(f"f{dtype.itemsize // 2}"), [*shape, 2]
    if not isinstance(said, dict) or said.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{name} is described as {str(said)[:200]}")
    if NAMES.get(said["dtype"]) != dtype.name or said["shape"] != shape:
        raise CheckpointError(f"{name} is {said['dtype']} {said['shape']}, the header says {spec.dtype} {spec.shape}")
    begin, end = said["data_offsets"]
    if type(begin) is not int or type(end) is not int or begin < 0 or end - begin != spec.bytes:
        raise CheckpointError(f"{name} has another size than the header says")


def _real(array: Array) -> Array:
    if array.dtype.kind != "c":
        return array
    pairs: Array = np.asarray(array, order="C").reshape(*array.shape, 1)
    return pairs.view(np.dtype(f"f{array.dtype.itemsize // 2}"))


def _as_was(array: Array, spec: Spec) -> Array:
    whole = array.view(spec.dtype).reshape(spec.shape) if spec.dtype.kind == "c" else array
    return np.asfortranarray(whole.copy()) if spec.order == "F" else whole.copy()
