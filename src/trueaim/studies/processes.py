"""Whether the process that holds something still runs, as far as that can be seen from here."""

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def place() -> str:
    """The host since it was started, and what process numbers mean on it."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:
        started = numbers = "unknown"
    return f"{socket.gethostname()} {started} {numbers}"


def _begun(pid: int) -> int | None:
    """When the process began, in ticks since the host did; None if there is no such process, or a dead one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    rest = text.rpartition(")")[2].split()
    return None if rest[0] in "ZX" else int(rest[19])


def here() -> dict[str, Any]:
    """What others need to find out later whether this process still runs: `place`, `pid` and `begun`."""
    return {"place": place(), "pid": os.getpid(), "begun": _begun(os.getpid())}


def is_gone(holder: Mapping[str, Any]) -> bool:
    """Whether the process that holds a claim certainly no longer runs; False where that cannot be seen from here."""
    pid = holder.get("pid")
    if holder.get("place") != place() or "unknown" in place() or not isinstance(pid, int):
        return False
    return _begun(pid) != holder.get("begun")
