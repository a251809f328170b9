"""Where the processes run that do a study's jobs.

An executor only starts, watches and stops them. Which job is whose is settled in the study's folder, so any number of
them may work on one study, from any host that sees the folder.
"""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import IO, Protocol

ONE_THREAD = {"NPROC": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment of a worker: one thread gives the same bits every time, and two such processes do more than one of two
threads (`docs/studies.md` says how much)."""
LAST_LINES = 20


def new_name(kind: str, slot: int) -> str:
    """A name for a worker in this slot that no other worker has had."""
    return f"{kind} {slot} {token_hex(3)}"


@dataclass(frozen=True)
class Call:
    """What a worker is started with.

    Attributes:
        folder: of the study.
        trusted: scenarios from outside that may be loaded.
        allow_drift: go on although versions or the machine changed.
    """

    folder: Path
    trusted: Sequence[str] = ()
    allow_drift: bool = False

    def words(self, name: str) -> list[str]:
        """What comes after `python` in the command of a worker with this name, which ends with who started it.

        `-P` keeps modules in the current folder from being loaded.
        """
        words = ["-P", "-m", "trueaim.studies.work_command", str(self.folder.absolute()), "--child", "--name", name]
        words += [word for scenario in self.trusted for word in ("--scenario", scenario)]
        return words + (["--allow-drift"] if self.allow_drift else [])


class Worker(Protocol):
    """One worker that was started."""

    @property
    def name(self) -> str:
        """As it signs its claims; no other worker has it."""

    def poll(self) -> int | None:
        """None while it runs, then its exit code; negative for a signal."""

    def said(self) -> str:
        """The last of what it wrote to standard error."""

    def cancel(self, at_once: bool = False) -> None:
        """Ask it to stop where it can go on later, or stop it at once."""


class Executor(Protocol):
    """Starts workers.

    Attributes:
        slots: how many of them at a time.
    """

    slots: int

    def start(self, call: Call, slot: int) -> Worker:
        """A new worker in this slot, of which the last one has ended."""

    def close(self) -> None:
        """Give back what was taken for workers."""


@dataclass
class LocalProcess:
    """A worker that is a process of this host and ends with this one."""

    name: str
    process: subprocess.Popen[bytes]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    reader: threading.Thread | None = None

    def poll(self) -> int | None:
        """None while it runs, then its exit code."""
        code = self.process.poll()
        if code is not None:
            if self.reader is not None:
                self.reader.join(5.0)
            if self.process.stdin is not None:
                self.process.stdin.close()
        return code

    def said(self) -> str:
        """The last lines it wrote to standard error."""
        return "\n".join(self.lines)

    def cancel(self, at_once: bool = False) -> None:
        """SIGTERM, or SIGKILL."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)


class Local:
    """Processes of this host, each on a core of its own with one thread, or each with a GPU of its own.

    Args:
        slots: how many; at least 1.
        gpus: numbers of the GPUs that are shared out; none for work on cores.
        cores: numbers of the cores that are shared out; by default those that this process may use.
        environ: further environment of the workers.
    """

    def __init__(
        self,
        slots: int,
        gpus: Sequence[int] = (),
        cores: Sequence[int] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.slots, self.gpus = slots, tuple(gpus)
        self.cores = tuple(sorted(os.sched_getaffinity(0)) if cores is None else cores)
        self.environ = dict(environ or {})

    def start(self, call: Call, slot: int) -> LocalProcess:
        """A process in this slot."""
        name = new_name("local", slot)
        words, environ = [sys.executable, *call.words(name)], {**os.environ, **self.environ}
        if self.gpus:
            environ |= {"CUDA_VISIBLE_DEVICES": str(self.gpus[slot % len(self.gpus)])}
            environ |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        else:
            environ |= ONE_THREAD
            words += ["--core", str(self.cores[slot % len(self.cores)])] if self.slots <= len(self.cores) else []
        process = subprocess.Popen(
            words,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        worker = LocalProcess(name, process)
        assert process.stderr is not None
        worker.reader = threading.Thread(target=_keep_lines, args=(process.stderr, worker.lines), daemon=True)
        worker.reader.start()
        return worker

    def close(self) -> None:
        """Nothing was taken."""


def _keep_lines(stream: IO[bytes], lines: deque[str]) -> None:
    with stream:
        for line in stream:
            lines.append(line.decode(errors="replace").rstrip())
