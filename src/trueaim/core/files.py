"""The only place that writes: to a temporary name beside, flushed to disk, renamed, and named by its SHA-256.

After a kill at any moment a file is the old one or the new one, whole. What may stay behind are files and folders
called `.tmp-...`, which `sweep` removes.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from trueaim.core import documents
from trueaim.core.disk import ensure_room, sentences, shown
from trueaim.core.errors import TrueAimError
from trueaim.core.failpoints import point
from trueaim.core.lock import hold
from trueaim.core.names import refuse_globs
from trueaim.core.tables import encode_columns, write_parquet
from trueaim.core.tensors import encode_tensors

__all__ = [
    "Stamp",
    "ensure_room",
    "hold",
    "new_folder",
    "replace",
    "stamp",
    "sweep",
    "write_json",
    "write_table",
    "write_tensors",
    "write_toml",
]

_Path = str | os.PathLike[str]
_TEMPORARY = re.compile(r"\.tmp-\d+-[0-9a-f]{8}-.*", re.DOTALL)


class Stamp(NamedTuple):
    """What a record says of a file, so that damage is noticed: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


def stamp(path: _Path) -> Stamp:
    """The stamp of the file at `path` as it is now."""
    with sentences(path, "read"), open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stamp(file.tell(), digest)


def replace(path: _Path, content: bytes | Callable[[Path], None]) -> Stamp:
    """The stamp of what now stands at `path`, safely on disk; whatever was there is gone.

    Args:
        path: the file; its folder must exist.
        content: the bytes, or a function that writes them to the path it is given.

    Raises:
        MachineError: the disk is full or broken. The old file is untouched, unless the flush of the folder failed.
        TrueAimError: the path cannot be written.
    """
    path = Path(path)
    needed = len(content) if isinstance(content, bytes) else None
    with sentences(path, "written", needed):
        temporary = _temporary(path)
        try:
            made = _fill(temporary, content)
            point("replace.rename", path)
            os.replace(temporary, path)
            point("replace.rename.done", path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _flush_folder("replace.folder", path.parent)
    return made


def _temporary(path: Path) -> Path:
    return path.with_name(f".tmp-{os.getpid()}-{os.urandom(4).hex()}-{path.name}")


def _fill(temporary: Path, content: bytes | Callable[[Path], None]) -> Stamp:
    """Writes and flushes the temporary file, and returns its stamp."""
    point("replace.create", temporary)
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        point("replace.create.done", temporary)
        if isinstance(content, bytes):
            point("replace.write", temporary)
            file.write(content)
            file.flush()
            point("replace.write.done", temporary)
            _flush_file("replace.fsync", temporary, descriptor)
            return Stamp(len(content), hashlib.sha256(content).hexdigest())
    point("replace.write", temporary)
    content(temporary)
    point("replace.write.done", temporary)
    with open(os.open(temporary, flags), "rb") as file:
        _flush_file("replace.fsync", temporary, file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Stamp(file.tell(), digest)


def _flush_file(name: str, path: Path, descriptor: int) -> None:
    os.fchmod(descriptor, 0o666 & ~_umask())
    point(name, path)
    os.fsync(descriptor)  # a failure is final: the system marks the lost pages as clean, a second try would lie
    point(f"{name}.done", path)


def _flush_folder(name: str, folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        point(name, folder)
        os.fsync(descriptor)
        point(f"{name}.done", folder)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """The umask of this process, read where reading does not mean setting it under other threads."""
    with open("/proc/self/status", "rb") as file:
        return next((int(line.split()[1], 8) for line in file if line.startswith(b"Umask:")), 0o077)


@contextmanager
def new_folder(path: _Path) -> Iterator[Path]:
    """A block that fills a temporary folder; at its end the folder, safely on disk, is called `path`.

    After an error in the block nothing stays. What the block wrote is flushed by us, whoever wrote it.

    Raises:
        TrueAimError: `path` exists, at the start or at the end.
        MachineError: the disk is full or broken.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with sentences(path, "made"):
            _refuse_existing(path)
            point("folder.create", temporary)
            os.mkdir(temporary, 0o700)
            point("folder.create.done", temporary)
        yield temporary
        with sentences(path, "made"):
            _flush_tree(temporary)
            _refuse_existing(path)
            point("folder.rename", path)
            os.rename(temporary, path)
            point("folder.rename.done", path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    with sentences(path, "made"):
        _flush_folder("folder.parent", path.parent)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise TrueAimError(f"{shown(path)} exists already, and this needs a new name; choose another or remove it.")


def _flush_tree(folder: Path) -> None:
    """Flushes every file and folder below `folder`, then itself, in a fixed order."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            _flush_tree(Path(entry))
        else:
            descriptor = os.open(entry, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                _flush_file("folder.fsync", Path(entry), descriptor)
            finally:
                os.close(descriptor)
    os.chmod(folder, 0o777 & ~_umask())
    _flush_folder("folder.folder", folder)


def write_json(path: _Path, value: Any) -> Stamp:
    """The stamp of `value` written as JSON with sorted keys. NaN and infinities are refused: say None instead."""
    return replace(path, documents.encode_json(value, str(path)))


def write_toml(path: _Path, value: dict[str, Any]) -> Stamp:
    """The stamp of `value` written as TOML, in its own order; at most 64 KiB."""
    return replace(path, documents.encode_toml(value, str(path)))


def write_tensors(path: _Path, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> Stamp:
    """The stamp of the arrays written as safetensors."""
    return replace(path, encode_tensors(arrays, metadata, str(path)))


def write_table(path: _Path, columns: Mapping[str, Any]) -> Stamp:
    """The stamp of the columns written as Parquet. NaN becomes a missing value, which reads back as NaN."""
    refuse_globs(path)
    ready = encode_columns(columns, str(path))
    return replace(path, lambda temporary: write_parquet(temporary, ready))


def sweep(folder: _Path) -> int:
    """How many leftovers of interrupted writes were found below `folder`, and removed.

    Call it while holding the folder: it cannot tell a leftover from a write under way.
    """
    removed = 0
    with sentences(folder, "swept"):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            is_folder = entry.is_dir(follow_symlinks=False)
            if _TEMPORARY.fullmatch(entry.name):
                point("sweep.remove", entry.path)
                shutil.rmtree(entry.path) if is_folder else os.unlink(entry.path)
                point("sweep.remove.done", entry.path)
                removed += 1
            elif is_folder:
                removed += sweep(entry.path)
    return removed
