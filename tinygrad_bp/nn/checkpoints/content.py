"""What a checkpoint says, as JSON and arrays: containers, numbers and texts stand in the JSON, arrays beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import prod
from typing import Any, Self, final

import numpy as np

from tinygrad_bp.annotations import Array
from tinygrad_bp.errors import ArgumentError, CheckpointError, DTypeError, kind_of

DTYPES = {
    np.dtype(name).name: np.dtype(name)
    for name in ("?", "b", "B", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
}
"""The dtypes that a file may hold, the same on every machine."""

ARRAY, TEXTS = "$array", "$texts"
"""The first keys of the JSON objects that stand for an array, and for an array of texts."""

MOST_AXES = 64


def digest(*parts: Any) -> str:
    """The BLAKE2b checksum of bytes and buffers, 256 bits in hexadecimal."""
    total = blake2b(digest_size=32)
    for part in parts:
        total.update(part)
    return total.hexdigest()


@final
@dataclass(frozen=True)
class Spec:
    """What the JSON says of an array. order: "F" where the first axis lies closest in memory. checksum: of dtype, shape
    and elements."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    checksum: str

    @property
    def bytes(self) -> int:
        """What its elements take, worked out without an array."""
        return prod(self.shape) * self.dtype.itemsize

    @classmethod
    def of(cls, array: Array) -> Self:
        """The description of an array."""
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        return cls(array.dtype, array.shape, order, _checksum(array))

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """The description in a file, which may say anything."""
        dtype, shape, order, checksum = [said.get(key) for key in ("dtype", "shape", "order", "blake2b")]
        axes = isinstance(shape, list) and len(shape) <= MOST_AXES and all(type(n) is int and n >= 0 for n in shape)
        if not axes or not isinstance(dtype, str) or dtype not in DTYPES or order not in ("C", "F") or len(said) != 5:
            raise CheckpointError(f"an array is described as {str(said)[:200]}")
        return cls(DTYPES[dtype], tuple(said["shape"]), str(order), str(checksum))

    def written(self, name: str) -> dict[str, Any]:
        """The description as JSON."""
        said = {"dtype": self.dtype.name, "shape": list(self.shape), "order": self.order, "blake2b": self.checksum}
        return {ARRAY: name, **said}

    def require(self, name: str, array: Array) -> None:
        """CheckpointError unless the array that was read is the one that was written."""
        if _checksum(array) != self.checksum:
            raise CheckpointError(f"{name} is damaged: its checksum differs")
        if array.dtype == bool and np.any(array.view(np.uint8) > 1):
            raise CheckpointError(f"{name} holds bools that are neither 0 nor 1")


def _checksum(array: Array) -> str:
    little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    return digest(f"{array.dtype.name}{array.shape}".encode(), little.reshape(-1).view(np.uint8))


# --- writing ----------------------------------------------------------------------------------------------------------


def packed(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """The JSON for a value; the arrays in it are put in `arrays`, under the paths that lead to them.

    Raises ArgumentError for what is neither a number, a text, an array nor a container of them, DTypeError.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.ndim == 1:
        return {TEXTS: value.tolist()}
    if isinstance(value, np.generic) and value.dtype.name in DTYPES and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, np.ndarray | np.generic):
        arrays[path] = array = _plain(path, np.asarray(value))
        return Spec.of(array).written(path)
    if isinstance(value, Mapping):
        return {_key(path, key): packed(part, f"{path}/{key}", arrays) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [packed(part, f"{path}/{i}", arrays) for i, part in enumerate(value)]
    raise ArgumentError(
        f"save: {path} is {kind_of(value)}. A checkpoint holds numbers, texts, arrays, and lists and dicts of "
        "them; convert it."
    )


def _plain(path: str, array: Array) -> Array:
    """The array in one piece of memory, in the byte order of this machine."""
    if not path.isprintable() or "\\" in path:
        raise ArgumentError(f"save: {path!r} is no name for an array in a file. Name the part with plain characters.")
    if array.dtype.name not in DTYPES:
        raise DTypeError(f"save: {path} has dtype {array.dtype}. A checkpoint holds bools and numbers; convert it.")
    one_piece = array.flags.c_contiguous or array.flags.f_contiguous
    return np.array(array, dtype=DTYPES[array.dtype.name], order="K" if one_piece else "C", copy=None)


def _key(path: str, key: Any) -> str:
    if not isinstance(key, str) or key in (ARRAY, TEXTS):
        raise ArgumentError(f"save: {path} has the key {key!r}. Keys are texts, other than {ARRAY} and {TEXTS}.")
    return key


def sealed(content: Mapping[str, Any]) -> str:
    """The JSON as text, after a line with its checksum."""
    try:
        text = json.dumps(content)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a list in itself
        raise ArgumentError(f"save: the notes cannot be written as JSON: {error}.") from error
    return f"{digest(text.encode())}\n{text}"


# --- reading ----------------------------------------------------------------------------------------------------------


def opened(text: str) -> dict[str, Any]:
    """The JSON that `sealed` wrote; CheckpointError if it is another."""
    checksum, _, written = text.partition("\n")
    if digest(written.encode()) != checksum:
        raise CheckpointError("its header is damaged: the checksum differs")
    content = json.loads(written, object_pairs_hook=once_each)
    if not isinstance(content, dict):
        raise CheckpointError("its header is no JSON object")
    return content


def once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of JSON's pairs, which must not name anything twice: who reads the file would choose."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise CheckpointError("its header has a name twice")
    return found


def specs(content: Any) -> dict[str, Spec]:
    """The arrays that the JSON speaks of, by their names."""
    found: dict[str, Spec] = {}
    pending = [content]
    while pending:
        part = pending.pop()
        if isinstance(part, dict) and ARRAY in part:
            name = part[ARRAY]
            if not isinstance(name, str) or name in found:
                raise CheckpointError(f"the array {str(name)[:200]} is there twice, or has no name")
            found[name] = Spec.read(part)
        elif isinstance(part, dict | list):
            pending += part.values() if isinstance(part, dict) else part
    return found


def unpacked(content: Any, arrays: Mapping[str, Array]) -> Any:
    """The value that `packed` was given, lists for tuples."""
    if isinstance(content, list):
        return [unpacked(part, arrays) for part in content]
    if not isinstance(content, dict):
        return content
    if ARRAY in content:
        return arrays[content[ARRAY]]
    if TEXTS in content:
        return _texts(content[TEXTS])
    return {key: unpacked(part, arrays) for key, part in content.items()}


def _texts(texts: Any) -> Array:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise CheckpointError(f"an array of texts is described as {str(texts)[:200]}")
    return np.array(texts, dtype=np.str_)


def require_names(found: set[str], wanted: set[str]) -> None:
    """CheckpointError unless the file has the arrays that its header speaks of, and no others."""
    for what, names in (("lacks", wanted - found), ("has besides", found - wanted)):
        if names:
            raise CheckpointError(f"it {what} the arrays {', '.join(sorted(names))[:200]}")
