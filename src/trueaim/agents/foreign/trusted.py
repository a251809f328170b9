"""Pickled files whose digest the user trusts: opened in a process of their own, which sends back numbers and text.

Opening a pickle runs whatever code its author put there. The digest ties consent to these very bytes; the process
limits accidents. It is no security boundary: for files of people who may want to do harm use a container, or none.
"""

import hashlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trueaim.core.disk import shown, size
from trueaim.core.documents import decode_json
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.tensors import decode_tensors

SECONDS = 60
"""That the process may take."""
GRACE_SECONDS = 5
MEMORY_BYTES = 6 * 1024**3
"""Of address space, beyond four times the file."""
ROOM_BYTES = 64 * 1024**2
"""That an answer may have beyond four times the file."""
MAX_TEXT_BYTES = 4 * 1024**2
_PROGRAM = Path(__file__).with_name("confined.py")


class Answer(NamedTuple):
    """What a confined process sent back.

    Attributes:
        value: JSON.
        tensors: by name.
        remark: a sentence about how it was confined.
    """

    value: dict[str, Any]
    tensors: dict[str, np.ndarray]
    remark: str


def digest_of(data: bytes) -> str:
    """The SHA-256 of a file's content, in hex."""
    return hashlib.sha256(data).hexdigest()


def is_trusted(data: bytes, trusted: str | None) -> bool:
    """Whether the user trusts just these bytes; False where nothing was said.

    Raises:
        TrueAimError: the digest is another one, or none.
    """
    if trusted is None:
        return False
    digest, given = digest_of(data), trusted.strip().lower().removeprefix("sha256:")
    if len(given) != len(digest) or set(given) - set("0123456789abcdef"):
        raise TrueAimError(
            f"trusted: got {shown(trusted, 30)!r}, needs the SHA-256 of the file, 64 digits; this one has {digest}"
        )
    if given != digest:
        raise TrueAimError(
            f"trusted: the file's SHA-256 is {digest}, not the trusted one; check where it came from, or trust this one"
        )
    return True


def opened(kind: str, parts: list[bytes], name: str, seconds: int = SECONDS) -> Answer:
    """What a pickled file holds, found out by a confined process.

    Args:
        kind: "model" or "normalizer".
        parts: the bytes: `data` and `policy.pth` of a model, or a VecNormalize.
        name: of the file, for sentences.
        seconds: that it may take.

    Raises:
        TrueAimError: the file cannot be opened, or takes too long or too much.
        DamagedError: the answer is not what it should be.
    """
    num_bytes = sum(map(len, parts))
    line = f'["{kind}", {", ".join(str(len(part)) for part in parts)}]\n'.encode()
    with tempfile.TemporaryDirectory(prefix="trueaim-") as folder:
        said = _run(b"".join([line, *parts]), folder, seconds, MEMORY_BYTES + 4 * num_bytes, name)
    return _understood(said, name)


def _run(request: bytes, folder: str, seconds: int, memory: int, name: str) -> bytes:
    limit = ROOM_BYTES + 4 * len(request)
    descriptor = os.memfd_create("request", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(request)
        os.lseek(descriptor, 0, os.SEEK_SET)
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_PROGRAM), folder, str(seconds), str(memory)],
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    try:
        return _read(process, time.monotonic() + seconds + GRACE_SECONDS, limit, name, seconds)
    finally:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _environment(folder: str) -> dict[str, str]:
    """All that the process sees of ours."""
    places = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"), folder)
    return places | {"LANG": "C.UTF-8", "PATH": os.defpath, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def _read(process: Any, deadline: float, limit: int, name: str, seconds: int) -> bytes:
    """All that a process says until it ends, if it ends in time and does not say too much."""
    parts, num_bytes = [], 0
    stream, waiting = process.stdout.fileno(), select.poll()
    waiting.register(stream, select.POLLIN)
    while True:
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise _late(name, seconds)
        part = os.read(stream, 1024**2)
        if not part:
            break
        parts.append(part)
        num_bytes += len(part)
        if num_bytes > limit:
            raise DamagedError(
                f"{shown(name, 40)}: opening it gave over {size(limit)}, needs less than that; load it yourself, in a "
                "container, and pass the model"
            )
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _late(name, seconds) from None
    if code and time.monotonic() > deadline - GRACE_SECONDS:
        raise _late(name, seconds)
    return b"".join(parts)


def _late(name: str, seconds: int) -> TrueAimError:
    return TrueAimError(
        f"{shown(name, 40)}: opening it took longer than {seconds} s and was stopped, needs less; load it yourself and "
        "pass what comes back"
    )


def _understood(said: bytes, name: str) -> Answer:
    """The parts of an answer, checked: whoever wrote the file may have written this."""
    line, found, rest = said.partition(b"\n")
    length = int.from_bytes(rest[:8], "big")
    if not found or len(rest) < 8 or not 0 < length <= min(MAX_TEXT_BYTES, len(rest) - 8):
        raise DamagedError(
            f"{shown(name, 40)}: opening it ended without an answer (out of memory, or stopped by what it holds), needs"
            " one; load it yourself and pass what comes back"
        )
    where = f"what {shown(name, 40)} holds"
    apart, value = decode_json(line, where), decode_json(rest[8 : 8 + length], where)
    if not isinstance(value, dict) or not isinstance(apart, list):
        raise DamagedError(f"{where} is no table, and this needs one; load it yourself and pass what comes back")
    if "error" in value:
        raise TrueAimError(
            f"{shown(name, 40)}: opening it raised {shown(value['error'], 90)!r}, needs a file of the Stable-Baselines3"
            " installed here; load it yourself and pass what comes back"
        )
    return Answer(value, decode_tensors(rest[8 + length :], where), _remark(name, apart))


def _remark(name: str, apart: list[Any]) -> str:
    shut = {"network": "network", "files": "writing elsewhere", "processes": "sight of other processes"}
    without = [word for key, word in shut.items() if key in apart]
    kept = [word for key, word in shut.items() if key not in apart]
    said = f"without {', '.join(without)}" if without else "with limits of time and memory"
    but = f", but with {', '.join(kept)}, as this machine allows no namespaces" if kept else ""
    return f"{shown(name, 40)} was unpickled, as its digest is trusted, in a process {said}{but}."
