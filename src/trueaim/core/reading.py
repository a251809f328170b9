"""The only place that reads what may be damaged or foreign: it checks first, and refuses in one sentence.

Nothing here runs anything it reads, follows a symbolic link at the end of a path, or waits for a pipe.
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from trueaim.core import documents, tables, tensors
from trueaim.core.disk import sentences, shown, size
from trueaim.core.errors import DamagedError, MachineError, TrueAimError
from trueaim.core.files import Stamp
from trueaim.core.names import check_name, refuse_globs

__all__ = ["check_name", "read_bytes", "read_json", "read_table", "read_tensors", "read_toml", "verify"]

MAX_JSON_BYTES = 16 * 1024**2
MAX_TENSORS_BYTES = 4 * 1024**3
_Path = str | os.PathLike[str]


@contextmanager
def _opened(path: _Path) -> Iterator[io.BufferedReader]:
    """The regular file at `path`, open for reading; what it is was asked of the open file, not of its name."""
    with sentences(path, "read"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except ValueError:
            raise TrueAimError(f"{shown(path)} could not be read: it is no path; give the path of a file.") from None
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise TrueAimError(f"{shown(path)} is a folder, pipe or device, and this needs a regular file.")
            yield file


def read_bytes(path: _Path, limit: int, stamp: Stamp | None = None) -> bytes:
    """The whole content of a regular file of at most `limit` bytes.

    Args:
        path: the file.
        limit: the largest size allowed, in bytes.
        stamp: what a record says of the file, if one does.

    Raises:
        DamagedError: the file is larger than `limit`, or is not what `stamp` says.
        TrueAimError: it is missing, or is no regular file.
        MachineError: the disk or the memory fails.
    """
    with _opened(path) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > limit:
            raise DamagedError(
                f"{shown(path)} has {size(num_bytes)}, needs at most {size(limit)}; give a smaller file, or check "
                "that it is the right one."
            )
        try:
            data = file.read(num_bytes + 1)
        except MemoryError:
            raise MachineError(f"{shown(path)} needs {size(num_bytes)} of memory; free some and try again.") from None
    if len(data) > num_bytes:
        raise DamagedError(f"{shown(path)} grew while it was read, needs to be at rest; wait and try again.")
    if stamp is not None:
        _compare(Stamp(len(data), hashlib.sha256(data).hexdigest()), stamp, shown(path), "its record")
    return data


def verify(path: _Path, stamp: Stamp, record: _Path | None = None) -> None:
    """Returns only if the file at `path` is, by size and SHA-256, what `stamp` says.

    Args:
        path: the file.
        stamp: what the record says of it.
        record: the file that holds the stamp; the sentence names both, and `path` relative to it.

    Raises:
        DamagedError: the file is missing, cut, or changed.
    """
    name = shown(path if record is None else os.path.relpath(path, Path(record).parent))
    source = "its record" if record is None else shown(Path(record).name, 60)
    if not os.path.lexists(path):
        raise DamagedError(f"{name} is missing, and {source} names it; restore the file or make it again.")
    with _opened(path) as file:
        _check(file, stamp, name, source)


def _check(file: io.BufferedReader, stamp: Stamp, name: str, source: str) -> None:
    num_bytes = os.fstat(file.fileno()).st_size
    same_size = num_bytes == stamp.size
    digest = hashlib.file_digest(file, "sha256").hexdigest() if same_size else ""
    _compare(Stamp(num_bytes, digest), stamp, name, source)


def _compare(found: Stamp, stamp: Stamp, name: str, source: str) -> None:
    todo = "restore the file or make it again"
    if found.size != stamp.size:
        raise DamagedError(f"{name} has {found.size} bytes, but {source} says {stamp.size}; {todo}.")
    if found.sha256 != stamp.sha256:
        raise DamagedError(f"{name} is damaged: its SHA-256 is not the one in {source}; {todo}.")


def read_json(path: _Path, limit: int = MAX_JSON_BYTES, stamp: Stamp | None = None) -> Any:
    """The value in a JSON file: finite numbers within 64 bits, no key twice, at most 64 levels.

    Raises:
        DamagedError: anything else, over `limit` bytes, or not what `stamp` says.
        TrueAimError: missing, or no regular file.
    """
    return documents.decode_json(read_bytes(path, limit, stamp), str(path))


def read_toml(path: _Path, stamp: Stamp | None = None) -> dict[str, Any]:
    """The table in a TOML file of at most 64 KiB, 4 KiB a line, 8 parts a key; finite numbers.

    Raises:
        DamagedError: anything else, or not what `stamp` says.
        TrueAimError: missing, or no regular file.
    """
    return documents.decode_toml(read_bytes(path, documents.MAX_TOML_BYTES, stamp), str(path))


def read_tensors(path: _Path, stamp: Stamp | None, limit: int = MAX_TENSORS_BYTES) -> dict[str, np.ndarray]:
    """The arrays in a safetensors file, sorted by name.

    Args:
        path: the file.
        stamp: what its record says of it. None says openly that nothing vouches for the numbers.
        limit: the largest size allowed, in bytes.

    Raises:
        DamagedError: not what `stamp` says, not safetensors, over 10,000 arrays, or of a type not allowed.
        TrueAimError: missing, or no regular file.
    """
    return tensors.decode_tensors(read_bytes(path, limit, stamp), str(path))


def read_table(
    path: _Path, stamp: Stamp | None = None, schema: Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """The columns of a Parquet file: numbers, bools, and text as numpy text.

    Args:
        path: the file.
        stamp: what its record says of it. Without one, damage may show as other numbers.
        schema: the type of every column ("int32", "float64", "bool", "str", ...); the file must hold just these.

    Raises:
        DamagedError: not what `stamp` or `schema` says, or not Parquet.
        TrueAimError: missing, no regular file, or a path with `*`, `?`, `[` or `]`.
    """
    refuse_globs(path)
    with _opened(path) as file:
        if stamp is not None:
            _check(file, stamp, shown(path), "its record")
        return tables.read_parquet(file.fileno(), str(path), schema)
