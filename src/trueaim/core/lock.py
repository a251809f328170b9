"""One writer per folder: a kernel lock that ends with its process, even by kill -9."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trueaim.core.disk import sentences, shown
from trueaim.core.errors import TrueAimError
from trueaim.core.failpoints import point

LOCK_NAME = "run.lock"


@contextmanager
def hold(folder: str | os.PathLike[str]) -> Iterator[None]:
    """A block during which this process alone holds `folder`.

    The lock is `flock` on `run.lock`, so the kernel frees it however the process ends. The file stays: removing it
    would let two processes hold two files of that name. Host, process number and start stand inside for the message
    only. Not to be trusted on network file systems mounted without locks.

    Raises:
        TrueAimError: another process, or another block of this one, holds the folder; names its host and process.
    """
    path = Path(folder) / LOCK_NAME
    with sentences(path, "locked"):
        point("hold.open", path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    try:
        with sentences(path, "locked"):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TrueAimError(f"{shown(folder)} {_holder(descriptor)}") from None
            _sign(descriptor)
            point("hold.open.done", path)
        yield
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": started}) + "\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _holder(descriptor: int) -> str:
    """The rest of the sentence that names who holds the lock, as far as the file can be understood."""
    todo = "and one writer at a time is allowed; wait for it, stop it, or choose another folder."
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        host, pid, started = (shown(found[key], 60) for key in ("host", "pid", "started"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"is held by another process, {todo}"
    return f"is held by process {pid} on host {host} since {started}, {todo}"
