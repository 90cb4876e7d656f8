"""A checkpoint as `.npz`: NumPy's archive of arrays, which `np.load` reads too, and the header as one more member.

Members are stored as they are, so that none can be larger than the file that promises it. The archive's comment is the
checksum of all that stands before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.errors import CheckpointError
from tinygrad_bp.nn.checkpoints.content import Spec, digest, require_names

HEADER = "checkpoint"
MARK = b"blake2b:"
DIGITS = 64
BLOCK = 1 << 20
MOST_NPY_HEADER = 10_000
"""Bytes before the elements of an array; NumPy itself reads no more."""


def write(file: IO[bytes], header: str, arrays: Mapping[str, Array]) -> None:
    """Write the archive to an empty file, which must be readable too."""
    with ZipFile(file, "w", ZIP_STORED) as archive:
        archive.comment = MARK + b"0" * DIGITS
        archive.writestr(ZipInfo(HEADER), header)
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=array.nbytes >= 1 << 31) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
    end = file.seek(-DIGITS, 2)
    file.seek(0)
    checksum = digest(*_blocks(file, end))
    file.seek(end)
    file.write(checksum.encode())


def _blocks(file: IO[bytes], end: int) -> Any:
    return (file.read(min(BLOCK, end - start)) for start in range(0, end, BLOCK))


def header(content: bytes) -> str:
    """The header of a file with this content, the whole of which is checked; raises CheckpointError and others."""
    before, checksum = memoryview(content)[:-DIGITS], content[-DIGITS:]
    if bytes(before[-len(MARK) :]) != MARK:
        raise CheckpointError("it is no checkpoint of tinygrad_bp, or its end is missing")
    if digest(before).encode() != checksum:
        raise CheckpointError("it is damaged: the checksum of the whole file differs")
    with ZipFile(BytesIO(content)) as archive:
        members = _members(archive, len(content))
        return archive.read(members[HEADER]).decode()


def read(content: bytes, specs: Mapping[str, Spec]) -> dict[str, Array]:
    """The arrays, after names, shapes, dtypes and sizes have been checked; raises CheckpointError and others."""
    with ZipFile(BytesIO(content)) as archive:
        members = _members(archive, len(content))
        require_names({*members} - {HEADER}, {f"{name}.npy" for name in specs})
        for name, spec in specs.items():
            if not 0 < members[f"{name}.npy"].file_size - spec.bytes <= MOST_NPY_HEADER:
                raise CheckpointError(f"{name} has another size than the header says")
        return {name: _array(name, archive.read(members[f"{name}.npy"]), spec) for name, spec in specs.items()}


def _members(archive: ZipFile, size: int) -> dict[str, ZipInfo]:
    """The members by name, each there once and stored, together no larger than the file."""
    members = {info.filename: info for info in archive.infolist()}
    if len(members) < len(archive.infolist()):
        raise CheckpointError("a member of the archive is there twice")
    if any(info.compress_type != ZIP_STORED or info.file_size != info.compress_size for info in members.values()):
        raise CheckpointError("a member of the archive is compressed; checkpoints are written without")
    if sum(info.file_size for info in members.values()) > size:
        raise CheckpointError("its members are larger than the file")
    if HEADER not in members:
        raise CheckpointError(f"it is no checkpoint: the archive has no {HEADER!r}")
    return members


def _array(name: str, data: bytes, spec: Spec) -> Array:
    file = BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise CheckpointError(f"{name} is in another version of NumPy's format")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=MOST_NPY_HEADER)
    little = spec.dtype.newbyteorder("<")
    if (shape, fortran, dtype.newbyteorder("<")) != (spec.shape, spec.order == "F", little):
        raise CheckpointError(f"{name} is {dtype} {shape}, the header says {spec.dtype} {spec.shape}")
    if len(data) != file.tell() + spec.bytes:
        raise CheckpointError(f"{name} has another size than the header says")
    array = np.ndarray(shape, dtype, data, file.tell(), order=spec.order)  # type: ignore[arg-type]
    return array.astype(spec.dtype)
