"""A program of its own, run by `trusted.py`: it opens pickled files in a process that can do little else.

It reads a request from standard input and answers on standard output: one line of JSON that says how it is confined,
then 8 bytes with the length of a JSON value, that value, and safetensors. It imports nothing of TrueAim, and is started
without the user's environment, current folder and start-up files.
"""

import ctypes
import io
import json
import math
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

NO_NEW_PRIVS, PARENT_DEATH, SUBREAPER = 38, 1, 36
MOUNTS, USERS, PROCESSES, NETWORK, MESSAGES = 0x20000, 0x10000000, 0x20000000, 0x40000000, 0x08000000
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, READ_ONLY = 442, -100, 0x8000, 1
FILE_BYTES = 1024**2
DESCRIPTORS = 128
LIBC = ctypes.CDLL(None, use_errno=True)


class Attributes(ctypes.Structure):
    """`struct mount_attr` of Linux."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "users")]


def supervise(folder: str, seconds: int, memory: int) -> int:
    """Runs the work in a process below this one, and leaves nothing of it behind."""
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    LIBC.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
    LIBC.prctl(SUBREAPER, 1, 0, 0, 0)
    apart = _separate()
    worker = os.fork()
    if worker == 0:
        with suppress(BaseException):
            LIBC.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
            _work(answer, folder, seconds, memory, apart)
        os._exit(1)
    os.close(answer)
    signal.signal(signal.SIGALRM, lambda number, frame: os.kill(worker, signal.SIGKILL))
    signal.alarm(seconds)
    _, status = os.waitpid(worker, 0)
    signal.alarm(0)
    _reap()
    return 0 if os.waitstatus_to_exitcode(status) == 0 else 1


def _separate() -> list[str]:
    """Namespaces of its own, as many as this machine allows; gives back their names."""
    user, group = os.getuid(), os.getgid()
    for flags, names in (
        (USERS | MOUNTS | PROCESSES | NETWORK | MESSAGES, ["network", "processes", "files"]),
        (MOUNTS | PROCESSES | NETWORK | MESSAGES, ["network", "processes", "files"]),
        (USERS | NETWORK, ["network"]),
        (NETWORK, ["network"]),
    ):
        if LIBC.unshare(flags) == 0:
            if flags & USERS:
                for name, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
                    with suppress(OSError), io.FileIO(f"/proc/self/{name}", "r+") as setting:
                        setting.write(line.encode())
            return names
    return []


def _shut(folder: bytes, apart: list[str]) -> list[str]:
    """Hides other processes, and lets all files but those in one folder only be read; gives back what it achieved."""
    if "files" not in apart or LIBC.mount(None, b"/", None, RECURSIVE | PRIVATE, None):
        return [name for name in apart if name == "network"]
    ways = ((b"proc", b"proc"), (b"none", b"tmpfs"))
    hidden = any(LIBC.mount(source, b"/proc", kind, 0, None) == 0 for source, kind in ways)
    shut, opened = Attributes(READ_ONLY, 0, 0, 0), Attributes(0, READ_ONLY, 0, 0)
    size = ctypes.sizeof(Attributes)
    read_only = (
        LIBC.mount(folder, folder, None, BIND, None) == 0
        and LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(shut), size) == 0
        and LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, folder, 0, ctypes.byref(opened), size) == 0
    )
    done = {"network": True, "processes": hidden, "files": read_only}
    return [name for name in apart if done[name]]


def _reap() -> None:
    """Ends every process that the work left behind; they have become children of this one."""
    while True:
        with suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children") as file:
            for child in file.read().split():
                with suppress(OSError):
                    os.kill(int(child), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _work(answer: int, folder: str, seconds: int, memory: int, apart: list[str]) -> None:
    """Confines itself, opens what it is given, and answers."""
    apart = _shut(folder.encode(), apart)
    os.chdir(folder)
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    with os.fdopen(answer, "wb") as out:
        out.write(json.dumps(apart).encode() + b"\n")
        out.flush()
        tensors: dict[str, Any] = {}
        try:
            found = _opened(sys.stdin.buffer.read(), tensors)
        except BaseException as error:
            tensors, found = {}, {"error": f"{type(error).__name__}: {error}"[:200]}
        text = json.dumps(found).encode()
        out.write(len(text).to_bytes(8, "big") + text + _packed(tensors))
    os._exit(0)


def _packed(tensors: dict[str, Any]) -> bytes:
    import numpy as np
    from safetensors.numpy import save

    return bytes(save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))


def _opened(request: bytes, tensors: dict[str, Any]) -> dict[str, Any]:
    """What a file holds, in plain values and tensors. The request: a line (kind, lengths of its parts), then those."""
    line, rest = request.split(b"\n", 1)
    kind, *lengths = json.loads(line)
    parts = []
    for length in lengths:
        parts.append(rest[:length])
        rest = rest[length:]
    return _statistics(parts[0], tensors) if kind == "normalizer" else _model(parts[0], parts[1], tensors)


def _statistics(data: bytes, tensors: dict[str, Any]) -> dict[str, Any]:
    """The statistics of a VecNormalize."""
    from stable_baselines3.common.save_util import load_from_pkl

    given = load_from_pkl(io.BytesIO(data))
    kept = vars(given).get("obs_rms") if given.norm_obs else {}
    many = kept if isinstance(kept, dict) else {"": kept}
    names = [name for name in many if name == "" or name in (vars(given).get("norm_obs_keys") or many)]
    for name in names:
        tensors[f"mean/{name}"], tensors[f"var/{name}"] = many[name].mean, many[name].var
    counts = {name: float(many[name].count) for name in names}
    return {"clip": float(given.clip_obs), "epsilon": float(given.epsilon), "counts": counts}


def _model(data: bytes, weights: bytes, tensors: dict[str, Any]) -> dict[str, Any]:
    """A Stable-Baselines3 model: its spaces, the arguments of its policy, and its weights."""
    import torch
    from stable_baselines3.common.save_util import json_to_data

    fields = json_to_data(data.decode())
    for name, tensor in torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True).items():
        tensors[f"weights/{name}"] = tensor.detach().numpy()
    return {
        "module": str(fields["policy_class"].__module__),
        "arguments": {name: _plain(value) for name, value in fields.get("policy_kwargs", {}).items()},
        "fields": {name: value for name, value in fields.items() if _is_plain(value)},
        "observation": _space(fields["observation_space"], "observation/", tensors),
        "action": _space(fields["action_space"], "action/", tensors),
    }


def _plain(value: Any) -> Any:
    """Plain values as they are; everything else as the text that Python prints for it."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if _is_plain(value) or isinstance(value, str) else str(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | None) or (isinstance(value, float) and math.isfinite(value))


def _space(space: Any, path: str, tensors: dict[str, Any]) -> dict[str, Any]:
    """A space as plain values, its arrays as tensors under `path`."""
    import numpy as np

    kind = type(space).__name__
    if kind == "Dict":
        return {"kind": kind, "spaces": {name: _space(part, f"{path}{name}/", tensors) for name, part in space.items()}}
    for name in ("low", "high", "nvec", "start"):
        value = getattr(space, name, None)
        if isinstance(value, np.ndarray):
            tensors[f"{path}{name}"] = value
    whole = {name: int(getattr(space, name)) for name in ("n", "start") if np.ndim(getattr(space, name, ())) == 0}
    return {"kind": kind, "dtype": str(space.dtype), **(whole if kind in ("Discrete", "MultiBinary") else {})}


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
