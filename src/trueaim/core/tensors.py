"""Named arrays to and from safetensors bytes.

Ours is the encoder: the library's writes its metadata in a random order, and the values of a transposed array in
the order of memory, so that they come back elsewhere in the array. The library's is the decoder.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from trueaim.core.disk import shown
from trueaim.core.documents import decode_json
from trueaim.core.errors import DamagedError, TrueAimError

MAX_HEADER_BYTES = 8 * 1024 * 1024
MAX_TENSORS = 10_000
_CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
_ALLOWED = frozenset(_CODES.values())


def encode_tensors(arrays: Mapping[str, Any], metadata: Mapping[str, str] | None, name: str) -> bytes:
    """The arrays as safetensors, the same bytes for equal arrays: ordered by item size, then by name.

    Raises:
        TrueAimError: a type that is not a plain number or bool, more than 10,000 arrays, or a header over 8 MiB.
    """
    ready = {key: _plain(key, value, name) for key, value in arrays.items()}
    order = sorted(ready, key=lambda key: (-ready[key].itemsize, key))
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    start = 0
    for key in order:
        array = ready[key]
        stop = start + array.nbytes
        header[key] = {"dtype": _CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    text += b" " * (-len(text) % 8)
    if len(ready) > MAX_TENSORS or len(text) > MAX_HEADER_BYTES:
        raise TrueAimError(
            f"{shown(name)}: got {len(ready)} arrays and a header of {len(text)} bytes, needs at most {MAX_TENSORS} "
            "arrays and 8 MiB; write several files."
        )
    return b"".join([len(text).to_bytes(8, "little"), text, *(ready[key].tobytes() for key in order)])


def _plain(key: str, value: Any, name: str) -> np.ndarray:
    array = np.asarray(value)
    if not isinstance(key, str) or key == "__metadata__" or array.dtype.name not in _CODES:
        raise TrueAimError(
            f"{shown(name)}: got array {shown(repr(key), 60)} of type {array.dtype.name}, needs a text name and one of "
            f"{', '.join(_CODES)}; convert it first."
        )
    return array.astype(array.dtype.newbyteorder("<"), copy=False) if sys.byteorder == "little" else array


def decode_tensors(data: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays in safetensors bytes, by name, sorted.

    Raises:
        DamagedError: not safetensors, a header over 8 MiB, over 10,000 arrays, or a type that is not allowed.
    """
    from safetensors.numpy import load

    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise _damage(name, f"has no whole header of at most {MAX_HEADER_BYTES // 2**20} MiB")
    header = decode_json(data[8 : 8 + length], f"the header of {shown(name, 80)}")
    if not isinstance(header, dict) or not all(isinstance(entry, dict) for entry in header.values()):
        raise _damage(name, "has a header that is not a table of arrays")
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise _damage(name, f"holds {len(header)} arrays, more than {MAX_TENSORS}")
    for entry in header.values():
        if str(entry.get("dtype")) not in _ALLOWED:
            raise _damage(name, f"holds an array of type {shown(entry.get('dtype'), 20)}")
    try:
        arrays = load(data)
    except Exception as error:  # SafetensorError, and whatever numpy makes of false shapes
        raise _damage(name, "holds arrays that do not fit its header") from error
    return dict(sorted(arrays.items()))


def _damage(name: str, problem: str) -> DamagedError:
    return DamagedError(
        f"{shown(name)} {problem}, and this needs safetensors of numbers; restore the file or make it again."
    )
