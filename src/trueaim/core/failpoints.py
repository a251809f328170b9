"""Places where a test may kill this process, or make the disk fail, on purpose and repeatably.

Every effect on the disk is announced before (`replace.rename`) and after (`replace.rename.done`) it happens.
Three environment variables listen, for tests only:

- `TRUEAIM_KILL=replace.rename:3` sends SIGKILL to this process at the third such place; `*:7` at the seventh of any;
- `TRUEAIM_FAIL=replace.write:2:ENOSPC` raises that OSError there;
- `TRUEAIM_COUNT=FILE` appends each place's name to a file, one a line.
"""

import errno
import os
import signal
from collections import Counter
from collections.abc import Mapping

from trueaim.core.errors import TrueAimError

NAMES = ("TRUEAIM_KILL", "TRUEAIM_FAIL", "TRUEAIM_COUNT")


class Plan:
    """What shall happen where; it counts the places as they are reached."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.kill, self.fail, self.count = (environ.get(name, "") for name in NAMES)
        self.reached: Counter[str] = Counter()

    def reach(self, name: str, path: object) -> None:
        """Counts the place, then kills, fails, or does nothing."""
        self.reached[name] += 1
        self.reached["*"] += 1
        if self.count:
            descriptor = os.open(self.count, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            os.write(descriptor, f"{name}\n".encode())
            os.close(descriptor)
        if self.kill and self._is_here("TRUEAIM_KILL", self.kill, name):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fail:
            where, _, code = self.fail.rpartition(":")
            number = getattr(errno, code, None)
            if not isinstance(number, int):
                raise _bad_plan("TRUEAIM_FAIL", self.fail, "replace.write:2:ENOSPC")
            if self._is_here("TRUEAIM_FAIL", where, name):
                raise OSError(number, os.strerror(number), str(path))

    def _is_here(self, variable: str, plan: str, name: str) -> bool:
        wanted, _, turn = plan.rpartition(":")
        if not wanted or not turn.isdecimal():
            raise _bad_plan(variable, plan, "replace.rename:3")
        return wanted in (name, "*") and self.reached[wanted] == int(turn)


def _bad_plan(variable: str, got: str, example: str) -> TrueAimError:
    return TrueAimError(
        f"{variable}: got {got[:80]!r}, needs a place and a count such as {example}; correct or unset it."
    )


_plan: Plan | None = None


def arm(environ: Mapping[str, str]) -> None:
    """Replaces the plan by what `environ` says; with none of the three names there, nothing will happen anywhere."""
    global _plan
    _plan = Plan(environ) if any(environ.get(name) for name in NAMES) else None


def point(name: str, path: object) -> None:
    """Marks the place `name`, which concerns `path`. Does nothing unless a plan is armed."""
    if _plan is not None:
        _plan.reach(name, path)


arm(os.environ)
