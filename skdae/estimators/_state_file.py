"""Files of nested states: numbers, texts and arrays, in lists and dicts; no code, no pickle.

A file is a line that names the format, the CRC-32 of the rest, and the rest: the length of a JSON
text, this text, and the bytes of the arrays that it tells of. Equal arrays are there once.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from types import NoneType
from typing import Any

import numpy as np

from skdae.estimators._files import write_whole

__all__ = ["read_state", "write_state"]

_FORMAT = b"skdae checkpoint 1\n"
_CHECKSUM = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_KINDS = "biufc"
_ATOMS = (NoneType, bool, int, float, str)


def write_state(path: str, state: dict[str, Any]) -> None:
    """Write a state whole, in the place of a file that was there, or not at all.

    Raises
    ------
    OSError
        If that is not possible.
    TypeError
        If something in the state is no number, text, array, list, tuple or dict.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_packed(state, arrays, {})).encode()
    parts: list[bytes | memoryview] = [_LENGTH.pack(len(text)), text]
    parts += [_bytes_of(array).data for array in arrays]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    write_whole(path, [_FORMAT, _CHECKSUM.pack(checksum), *parts])


def read_state(path: str) -> dict[str, Any]:
    """Return the state that ``write_state`` wrote; its arrays are read-only.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such file, or a damaged one.
    """
    with open(path, "rb") as file:
        if file.read(len(_FORMAT)) != _FORMAT:  # before the rest, which may have no end
            raise ValueError("it is no checkpoint of this version of skdae")
        rest = memoryview(file.read())
    begin = _CHECKSUM.size + _LENGTH.size
    if len(rest) < begin:
        raise ValueError("it is damaged: its end is missing")
    (checksum,) = _CHECKSUM.unpack_from(rest)
    if zlib.crc32(rest[_CHECKSUM.size :]) != checksum:
        raise ValueError("it is damaged: its checksum is not that of its values")
    (length,) = _LENGTH.unpack_from(rest, _CHECKSUM.size)
    end = begin + length
    return _unpacked(json.loads(bytes(rest[begin:end])), rest[end:])


def _packed(value: Any, arrays: list[np.ndarray], places: dict[tuple, tuple[int, int]]) -> Any:
    """Return a value as JSON has it, and append its arrays to those of the file."""
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return {"array": [value.dtype.str, value.shape, _place(value, arrays, places)]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_packed(part, arrays, places) for part in value]}
    if isinstance(value, dict) and all(isinstance(key, _ATOMS) for key in value):
        # Keys may be numbers, as those of an optimizer are.
        pairs = [[key, _packed(part, arrays, places)] for key, part in value.items()]
        return {"dict": pairs}
    raise TypeError(
        f"A checkpoint holds numbers, texts, arrays, and lists and dicts of them. Got {value!r} of "
        f"{type(value).__name__}, in what the module, the optimizer or a callback keeps."
    )


def _place(
    array: np.ndarray, arrays: list[np.ndarray], places: dict[tuple, tuple[int, int]]
) -> int:
    """Return where the bytes of an array start, which may be those of one that is there."""
    key = (array.dtype.str, array.shape, zlib.crc32(_bytes_of(array).data))
    if key in places:
        start, index = places[key]
        if np.array_equal(_bytes_of(arrays[index]), _bytes_of(array)):
            return start
    start = sum(part.nbytes for part in arrays)
    places[key] = start, len(arrays)
    arrays.append(array)
    return start


def _bytes_of(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _unpacked(value: Any, data: memoryview) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        dtype, shape, start = content
        count = math.prod(shape)
        array = np.frombuffer(data, dtype=dtype, count=count, offset=start if count else 0)
        return array.reshape(shape)
    if kind == "dict":
        return {key: _unpacked(part, data) for key, part in content}
    parts = [_unpacked(part, data) for part in content]
    return tuple(parts) if kind == "tuple" else parts
