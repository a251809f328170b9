"""Which jobs are open, under way, done or failed; who may do one; and whose work still counts.

There is no database: everything is a folder that appears whole and under one name once, which holds on a local disk as
on one that many hosts share. `claims/JOB.2` is the second attempt at a job, made by whoever does it. `results/JOB` is
what came of it: the first one to be there counts, and a job that has one is done. A lease is kept alive by a number
that its holder raises; who sees no change for `PATIENCE` seconds of an own monotonic clock, or finds on the same host
that the process is gone, may claim the next attempt. Whoever wakes up later finds that attempt and gives up.
"""

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.failpoints import point
from trueaim.core.files import new_folder, write_json
from trueaim.core.reading import read_json
from trueaim.studies.folder import StudyFolder
from trueaim.studies.processes import here, is_gone

PATIENCE = 60.0
"""Seconds without a heartbeat after which a lease is stale."""
MOST_KILLED = 2
"""So many attempts that were killed, or that the machine failed, end a job."""
MOST_ATTEMPTS = 10
"""So many attempts of any kind end it too."""
LOOK_AGAIN = 1.0
"""Seconds for which one look at all claims is good."""
HOLDER, BEAT, ENDED = "holder.json", "beat.json", "ended.json"


class State(StrEnum):
    """Where a job stands."""

    OPEN = "open"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Ending(StrEnum):
    """How an attempt ended without a result."""

    REFUSED = "refused"
    """What was asked cannot be done: no further attempt would help."""
    KILLED = "killed"
    """The process was killed, or disk or memory failed."""
    RELEASED = "released"
    """It was asked to stop; this does not count against the job."""


class StaleError(TrueAimError):
    """Another attempt took over, or has brought the result already; this one must not write."""


class Lease(NamedTuple):
    """The right to do a job, as long as no later attempt is claimed."""

    folder: StudyFolder
    job: str
    attempt: int

    @property
    def path(self) -> Path:
        """The folder of the claim."""
        return self.folder.claims / f"{self.job}.{self.attempt}"


class Attempts(NamedTuple):
    """What is known of a job that is not done: its newest claim and how the others ended.

    Attributes:
        last: number of the newest attempt; 0 for none.
        ended: (how, in which words) of each attempt that said so.
        beat: what the newest one last said of itself.
        holder: who holds the newest one.
    """

    last: int
    ended: Mapping[int, tuple[Ending, str]]
    beat: Mapping[str, Any]
    holder: Mapping[str, Any]


def claim(folder: StudyFolder, job: str, worker: str = "") -> Lease | None:
    """A lease on the job's next attempt; None if somebody else was quicker, or the job is done.

    Whether the attempt before it is over is for the caller to know (`Watcher.state`).
    """
    return claim_after(folder, job, _newest(folder, job), worker)


def _newest(folder: StudyFolder, job: str) -> int:
    """The number of a job's newest attempt; 0 for none."""
    attempt = 0
    while os.path.lexists(folder.claims / f"{job}.{attempt + 1}"):
        attempt += 1
    return attempt


def claim_after(folder: StudyFolder, job: str, last: int, worker: str = "") -> Lease | None:
    """As `claim`, for the attempt that follows `last`, and no other."""
    lease = Lease(folder, job, last + 1)
    return lease if _claimed(lease, worker) else None


def _claimed(lease: Lease, worker: str) -> bool:
    try:
        with new_folder(lease.path) as temporary:
            write_json(temporary / HOLDER, {**here(), "worker": worker})
    except TrueAimError:
        if os.path.lexists(lease.path) or is_done(lease.folder, lease.job):
            return False
        raise
    point("study.claimed", lease.path)
    if is_done(lease.folder, lease.job):  # results appear before claims are cleared away, so this look is late enough
        clear(lease.folder, lease.job)
        return False
    return True


def is_done(folder: StudyFolder, job: str) -> bool:
    """Whether the job has its result."""
    return os.path.lexists(folder.results / job)


def beat(lease: Lease, number: int, said: Mapping[str, Any]) -> None:
    """Raise the lease's number and say how far the work is; no error if the claim was cleared away.

    Args:
        lease: whose holder is alive.
        number: another one than last time.
        said: `done` and `total` steps, and whatever else a person may want to know.
    """
    try:
        write_json(lease.path / BEAT, {**said, "beat": number})
    except TrueAimError:
        if lease.path.exists():
            raise


def check(lease: Lease) -> None:
    """Return only if this lease's holder may still publish.

    Raises:
        StaleError: a later attempt is claimed, or there is a result.
    """
    later = Lease(lease.folder, lease.job, lease.attempt + 1)
    if is_done(lease.folder, lease.job) or os.path.lexists(later.path) or not lease.path.exists():
        raise StaleError(
            f"{lease.job}: attempt {lease.attempt} was taken over, needs to be the newest; its work is dropped"
        )


def publish(lease: Lease, write: Callable[[Path], None]) -> None:
    """Put what `write` makes in a temporary folder under the job's name; then the job is done.

    Raises:
        StaleError: this attempt no longer counts; nothing is changed.
    """
    check(lease)
    point("study.publish", lease.path)
    try:
        with new_folder(lease.folder.results / lease.job) as temporary:
            write(temporary)
            check(lease)
    except StaleError:
        raise
    except TrueAimError:
        check(lease)
        raise
    point("study.published", lease.path)


def end(lease: Lease, how: Ending, words: str) -> None:
    """Say that this attempt is over without a result."""
    try:
        write_json(lease.path / ENDED, {"how": str(how), "words": words[:2000]})
    except TrueAimError:
        if lease.path.exists():
            raise


def clear(folder: StudyFolder, job: str) -> None:
    """Remove the claims of a job that is done, the newest first, so that none is ever missing in between."""
    for attempt in range(_newest(folder, job), 0, -1):
        remove(folder.claims / f"{job}.{attempt}")


def remove(path: Path) -> None:
    """Remove a folder and what is in it; another process may be doing the same.

    A claim that somebody else makes just now in place of the empty folder stays: they see that the job is done.
    """
    try:
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            with suppress(FileNotFoundError):
                remove(Path(entry)) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
            raise


def finished(folder: StudyFolder) -> set[str]:
    """The names of all jobs with a result."""
    return set(_names(folder.results))


def claimed(folder: StudyFolder) -> dict[str, int]:
    """The number of the newest attempt at each job that has a claim."""
    newest: dict[str, int] = {}
    for name in _names(folder.claims):
        job, _, number = name.rpartition(".")
        if number.isdigit() and job:
            newest[job] = max(newest.get(job, 0), int(number))
    return newest


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if not entry.name.startswith("."))  # not what is half written
    except FileNotFoundError:
        return


def attempts(folder: StudyFolder, job: str, last: int) -> Attempts:
    """What the claims of a job say; `last` is the number of the newest."""
    ended = {}
    for number in range(1, last + 1):
        found = _read(folder.claims / f"{job}.{number}" / ENDED)
        if found:
            how = found.get("how")
            ended[number] = (Ending(how) if how in list(Ending) else Ending.KILLED, str(found.get("words", "")))
    path = folder.claims / f"{job}.{last}"
    return Attempts(last, ended, _read(path / BEAT), _read(path / HOLDER))


def _read(path: Path) -> dict[str, Any]:
    """What a small record says; nothing where it is not there, or damaged, which is no reason to stop a study."""
    try:
        found = read_json(path, 64 * 1024)
    except (TrueAimError, DamagedError):
        return {}
    return found if isinstance(found, dict) else {}


class Watcher:
    """Sees which leases are alive. Each process has its own, with its own monotonic clock.

    Args:
        folder: of the study.
        clock: seconds that never go back.
        patience: seconds without a change after which a lease is stale.
    """

    def __init__(
        self, folder: StudyFolder, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE
    ) -> None:
        self.folder, self.clock, self.patience = folder, clock, patience
        self._seen: dict[str, tuple[object, float]] = {}

    def state(self, job: str, last: int) -> tuple[State, Attempts]:
        """Where a job without a result stands, and what its claims say; `last` is the newest attempt, 0 for none."""
        if not last:
            return State.OPEN, Attempts(0, {}, {}, {})
        found = attempts(self.folder, job, last)
        if reason_to_fail(found):
            return State.FAILED, found
        over = last in found.ended or is_gone(found.holder) or self._is_silent(job, found)
        return (State.OPEN if over else State.RUNNING), found

    def _is_silent(self, job: str, found: Attempts) -> bool:
        sign = (found.last, found.beat.get("beat"))
        before, since = self._seen.get(job, (None, 0.0))
        if before != sign:
            self._seen[job] = (sign, self.clock())
            return False
        return self.clock() - since >= self.patience

    def states(self, jobs: Iterable[str]) -> dict[str, State]:
        """Where every job stands."""
        done, newest = finished(self.folder), claimed(self.folder)
        return {job: State.DONE if job in done else self.state(job, newest.get(job, 0))[0] for job in jobs}


def reason_to_fail(found: Attempts) -> str:
    """Why no further attempt will be made, or "" if one will."""
    for how, words in found.ended.values():
        if how is Ending.REFUSED:
            return words
    killed = [words for how, words in found.ended.values() if how is Ending.KILLED]
    if len(killed) >= MOST_KILLED:
        return killed[-1]
    counted = found.last - sum(how is Ending.RELEASED for how, _ in found.ended.values())
    return f"{counted} attempts ended without a word" if counted >= MOST_ATTEMPTS else ""


def leases(folder: StudyFolder, jobs: Iterable[str], watcher: Watcher, worker: str = "") -> Iterator[Lease | None]:
    """Leases on jobs that nobody does, one after the other, until there is nothing left to wait for.

    None is given when all that is left is under way elsewhere: wait a little and go on.
    """
    order = list(jobs)
    while True:
        looked, done, newest = watcher.clock(), finished(folder), claimed(folder)
        running = moved = False
        for job in order:
            if job in done or is_done(folder, job):
                continue
            state, found = watcher.state(job, newest.get(job, 0))
            running |= state is State.RUNNING
            if state is State.OPEN:
                moved = True
                lease = claim_after(folder, job, found.last, worker)
                if lease is not None:
                    yield lease
                    if watcher.clock() - looked > LOOK_AGAIN:
                        break
        if not moved:
            if not running:
                return
            yield None


def held_by(folder: StudyFolder, worker: str) -> list[Lease]:
    """The newest claims, without an end, of the worker with this name."""
    found = []
    done = finished(folder)
    for job, last in claimed(folder).items():
        lease = Lease(folder, job, last)
        holder = _read(lease.path / HOLDER)
        if holder.get("worker") == worker and job not in done and not (lease.path / ENDED).exists():
            found.append(lease)
    return found
