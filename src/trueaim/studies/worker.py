"""What one process does: jobs of a study, until none is left.

It does not matter who started it, or on which of the hosts that share the folder.
"""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trueaim.core.errors import MachineError, StoppedError, TrueAimError
from trueaim.core.files import hold
from trueaim.studies import claims
from trueaim.studies.claims import Ending, Lease, StaleError, Watcher
from trueaim.studies.folder import StudyFolder, read_record
from trueaim.studies.jobs import Job
from trueaim.studies.results import Produced, kinds, save

BETWEEN_BEATS = 2.0
"""Seconds."""
BETWEEN_LOOKS = 1.0
"""Seconds between two looks for a job when all are under way elsewhere."""
JOB_BROKE = 70
"""Exit code of a process that a job broke in a way that nobody foresaw; another process tries that job once more."""

Told = Callable[[int, int], None]
Do = Callable[[Job, Path, Told], Produced]
"""What doing a job means: from the job, the folder of its training run and somebody to tell about steps."""


def work(
    folder: StudyFolder,
    do: Do,
    name: str = "",
    *,
    patience: float = claims.PATIENCE,
    between_looks: float = BETWEEN_LOOKS,
) -> int:
    """Do jobs until none is left that could be done; gives how many this process finished.

    Args:
        folder: of a study that was begun.
        do: what doing a job means.
        name: of this worker, for people.
        patience: seconds without a heartbeat after which another worker's lease is stale.
        between_looks: seconds to wait when all that is left is under way elsewhere.

    Raises:
        StoppedError: a signal came; the job under way can go on later. MachineError: disk or memory failed.
    """
    record = read_record(folder)
    jobs, axes, keep = {job.name: job for job in record.jobs}, kinds(record.study.vary), record.study.keep
    num = 0
    for lease in claims.leases(folder, jobs, Watcher(folder, patience=patience), name):
        if lease is None:
            time.sleep(between_looks)
            continue
        if _attempt(folder, lease, jobs[lease.job], do, axes):
            num += 1
            tidy(folder, lease.job, keep.agents)
    return num


def _attempt(folder: StudyFolder, lease: Lease, job: Job, do: Do, axes: dict[str, str]) -> bool:
    """Whether this attempt brought the job's result."""
    started = time.monotonic()
    place = folder.work / job.name
    try:
        with _beating(lease) as tell:
            _wait_for(place)
            save(lease, job, axes, do(job, place, tell), started)
    except StaleError:
        return False
    except StoppedError as error:
        claims.end(lease, Ending.RELEASED, str(error))
        raise
    except MachineError as error:
        claims.end(lease, Ending.KILLED, str(error))
        return False
    except TrueAimError as error:
        claims.end(lease, Ending.REFUSED, str(error))
        return False
    except Exception as error:
        claims.end(lease, Ending.KILLED, f"{type(error).__name__}: {error}")
        raise
    return True


def tidy(folder: StudyFolder, job: str, keep_agents: bool) -> None:
    """Remove what a finished job leaves behind beside its result."""
    claims.clear(folder, job)
    if not keep_agents:
        claims.remove(folder.work / job)


@contextmanager
def _beating(lease: Lease) -> Iterator[Told]:
    """Keeps a lease alive while the block runs; gives whom to tell about steps."""
    said = {"done": 0, "total": 0}
    over = threading.Event()

    def keep() -> None:
        number = 0
        while not over.wait(BETWEEN_BEATS if number else 0.0):
            number += 1
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            with suppress(TrueAimError):  # a disk that is full will be said by the work itself
                claims.beat(lease, number, {**said, "peak_bytes": peak})

    def tell(done: int, total: int) -> None:
        said.update(done=done, total=total)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield tell
    finally:
        over.set()
        thread.join()


def _wait_for(place: Path, seconds: float = 30.0) -> None:
    """Return when nobody holds the job's folder: a process that lost its lease may take a moment to end."""
    until = time.monotonic() + seconds
    while place.exists():
        try:
            with hold(place):
                return
        except TrueAimError:
            if time.monotonic() > until:
                raise MachineError(
                    f"{place}: is still held by an earlier attempt after {seconds:.0f} s; it must end first"
                ) from None
            time.sleep(0.1)
