"""What the disk refuses, as sentences; and whether there is room."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trueaim.core.errors import MachineError, TrueAimError

_MACHINE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this process may write",
    errno.EIO: "the disk reported an input/output error",
    errno.ENOMEM: "the machine is out of memory",
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
}
_INPUT = {
    errno.EACCES: ("permission is denied", "a place this user may use; change its permissions or choose another"),
    errno.EPERM: ("permission is denied", "a place this user may use; change its permissions or choose another"),
    errno.EROFS: ("it is on a read-only file system", "one that can be written; choose another folder"),
    errno.ENOTDIR: (
        "a file stands where a folder is needed",
        "folders above it; move that file or choose another name",
    ),
    errno.EISDIR: ("it is a folder", "the name of a file; choose another name"),
    errno.EEXIST: ("it already exists", "a new name; choose another or remove it"),
    errno.ENOTEMPTY: ("it already exists", "a new name; choose another or remove it"),
    errno.ENOENT: (
        "it, or the folder above it, does not exist",
        "an existing one; check the path or create the folder",
    ),
    errno.ELOOP: ("it is a symbolic link", "a regular file; give the file itself"),
    errno.ENXIO: ("it is a pipe, socket or device", "a regular file; give another path"),
    errno.ENAMETOOLONG: ("its name is too long", "at most 200 bytes a name; choose a shorter one"),
}


def shown(text: object, limit: int = 100) -> str:
    """The text for an error sentence: its last `limit` characters, with control and direction marks as `?`."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in str(text)[-limit - 1 :])
    return clean if len(clean) <= limit else "..." + clean[-limit + 3 :]


def size(num_bytes: float) -> str:
    """A number of bytes for people: `512 bytes`, `1.5 MB`, `31.0 GB` (powers of 1000)."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}" if unit == "bytes" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


@contextmanager
def sentences(path: str | os.PathLike[str], action: str, needed_bytes: int | None = None) -> Iterator[None]:
    """A block in which an OSError about `path` becomes a MachineError or a TrueAimError.

    Args:
        path: the file or folder that the block is about.
        action: what is being tried, as a participle ("written", "read").
        needed_bytes: the size to name when the disk is full, where it is known.
    """
    try:
        yield
    except OSError as error:
        raise _sentence(error, path, action, needed_bytes) from error


def _sentence(error: OSError, path: object, action: str, needed_bytes: int | None) -> TrueAimError:
    start = f"{shown(path)} could not be {action}: "
    if error.errno in _MACHINE:
        needs = "" if needed_bytes is None else f" and {size(needed_bytes)} are needed"
        todo = "make room or repair it, then give the same command again"
        return MachineError(f"{start}{_MACHINE[error.errno]}{needs}; {todo}.")
    if error.errno in _INPUT:
        problem, todo = _INPUT[error.errno]
        return TrueAimError(f"{start}{problem}, and this needs {todo}.")
    reason = shown(error.strerror or type(error).__name__)
    return TrueAimError(f"{start}{reason}, and this needs an ordinary local disk; check the path and the disk.")


def ensure_room(folder: str | os.PathLike[str], needed_bytes: int) -> None:
    """Returns only if the disk under `folder` (or under the nearest folder above it that exists) has room.

    Raises:
        MachineError: fewer than `needed_bytes` bytes are free for this user.
    """
    place = Path(folder).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    with sentences(folder, "checked for free space"):
        disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    if free < needed_bytes:
        raise MachineError(
            f"{shown(folder)} is on a disk with {size(free)} free, but {size(needed_bytes)} are needed; "
            f"free {size(needed_bytes - free)} more, then give the same command again."
        )
