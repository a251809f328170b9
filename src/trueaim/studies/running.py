"""Running a study: workers are started and watched until every job is done or failed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trueaim.core.disk import shown
from trueaim.core.errors import MachineError, TrueAimError
from trueaim.core.files import sweep
from trueaim.studies import claims
from trueaim.studies.claims import Ending, State, Watcher
from trueaim.studies.executors import Call, Executor, Worker
from trueaim.studies.file import Study
from trueaim.studies.folder import Record, StudyFolder
from trueaim.studies.jobs import Job, total_steps
from trueaim.studies.results import read_result
from trueaim.studies.worker import JOB_BROKE, tidy
from trueaim.training.signals import Stop

BETWEEN_LOOKS = 0.5
"""Seconds between two looks at the workers."""
MOST_IDLE_DEATHS = 3
"""So many workers in turn that end badly without a job in hand stop the study: it is not the jobs."""
SECONDS_TO_STOP = 60.0
"""Longest that workers are waited for when the study is asked to stop."""


class Standing(NamedTuple):
    """How far a study is.

    Attributes:
        states: how many jobs are in each state.
        done_steps, total_steps: environment steps, those of jobs under way included.
        seconds: that finished jobs took together.
        running: of each job under way: its name, who does it, its steps done and to do.
        failed: of each failed job, why.
    """

    states: dict[State, int]
    done_steps: int
    total_steps: int
    seconds: float
    running: list[tuple[str, str, int, int]]
    failed: dict[str, str]


@dataclass
class Tally:
    """Steps and seconds of the jobs that are known to be done, so that each record is read once."""

    folder: StudyFolder
    jobs: Sequence[Job]

    def __post_init__(self) -> None:
        self._steps = {job.name: total_steps_of(job) for job in self.jobs}
        self._seconds: dict[str, float] = {}

    def standing(self, watcher: Watcher, with_seconds: bool = True) -> Standing:
        """How far the study is now; reading how long jobs took costs a look at each finished one, once."""
        done, newest = claims.finished(self.folder), claims.claimed(self.folder)
        counts, running, failed, steps = dict.fromkeys(State, 0), [], {}, 0
        for name, total in self._steps.items():
            if name in done:
                counts[State.DONE] += 1
                steps += total
                continue
            state, found = watcher.state(name, newest.get(name, 0))
            counts[state] += 1
            if state is State.RUNNING:
                so_far = _share(found.beat) * total
                steps += int(so_far)
                running.append((name, str(found.holder.get("worker", "")), int(so_far), total))
            if state is State.FAILED:
                failed[name] = claims.reason_to_fail(found)
        if with_seconds:
            self._learn(done)
        return Standing(counts, steps, sum(self._steps.values()), sum(self._seconds.values()), running, failed)

    def _learn(self, done: set[str]) -> None:
        for name in self._steps:
            if name in done and name not in self._seconds:
                try:
                    self._seconds[name] = read_result(self.folder, name).seconds
                except TrueAimError:
                    self._seconds[name] = 0.0

    def hours_in_all(self) -> float | None:
        """What all jobs will take together, as the finished ones took it by step; None while none is finished."""
        known = {name for name, seconds in self._seconds.items() if seconds > 0}
        steps = sum(self._steps[name] for name in known)
        if not steps:
            return None
        return sum(self._seconds.values()) / steps * sum(self._steps.values()) / 3600


def total_steps_of(job: Job) -> int:
    """Environment steps that a job asks for."""
    return int(job.cell.asked["train"]["steps"]) * len(job.seeds)


def _share(beat: object) -> float:
    done, total = (beat.get(name) if isinstance(beat, dict) else None for name in ("done", "total"))
    if isinstance(done, int) and isinstance(total, int) and total > 0:
        return min(max(done / total, 0.0), 1.0)
    return 0.0


def refuse_steps(study: Study, jobs: Sequence[Job]) -> None:
    """Raise if the jobs ask for more environment steps than the study's budget has."""
    wanted, allowed = total_steps(study, jobs), study.budget.steps
    if allowed and wanted > allowed:
        raise TrueAimError(
            f"budget.steps: got a study of {wanted:,} steps, needs at most {allowed:,}; ask for less, raise the "
            "budget before the study begins, or repeat with --over-budget"
        )


def run(
    folder: StudyFolder,
    record: Record,
    executor: Executor,
    call: Call,
    stop: Stop,
    show: Callable[[Standing], None] = lambda standing: None,
    over_budget: bool = False,
) -> Standing:
    """Have all jobs done; gives how the study stands in the end. Call it while holding the folder.

    Args:
        folder: of the study, with its record.
        record: what it holds.
        executor: where workers run.
        call: what they are started with.
        stop: whether a signal came: workers are then asked to stop, and can go on later.
        show: told how far the study is, now and then.
        over_budget: go on although the study takes longer than its budget.

    Raises:
        StoppedError: a signal came. MachineError: workers die without a job in hand.
        TrueAimError: the study would take longer than its budget.
    """
    jobs, watcher = record.jobs, Watcher(folder)
    tally = Tally(folder, jobs)
    _clean(folder, record, watcher)
    crew = Crew(folder, executor, call)
    try:
        while True:
            standing = tally.standing(watcher)
            show(standing)
            stop.check("workers keep what they did; give the same command again to continue")
            if not over_budget:
                _refuse_hours(record.study, tally)
            if not standing.states[State.OPEN] + standing.states[State.RUNNING]:
                return standing
            crew.keep(standing.states[State.OPEN])
            time.sleep(BETWEEN_LOOKS)
    finally:
        crew.dismiss()
        executor.close()


def _refuse_hours(study: Study, tally: Tally) -> None:
    hours = tally.hours_in_all()
    if study.budget.hours and hours is not None and hours > study.budget.hours:
        raise TrueAimError(
            f"budget.hours: got a study that takes {hours:.1f} h of one process by what its finished jobs took, needs "
            f"at most {study.budget.hours:g} h; what is done stays: repeat with --over-budget to go on"
        )


def _clean(folder: StudyFolder, record: Record, watcher: Watcher) -> None:
    """Remove what interrupted writes and finished jobs left behind."""
    done, newest = claims.finished(folder), claims.claimed(folder)
    keep = record.study.keep.agents
    for job in record.jobs:
        if job.name in done and (job.name in newest or not keep):
            tidy(folder, job.name, keep)
    alive = [name for name, last in newest.items() if watcher.state(name, last)[0] is State.RUNNING]
    if not alive:
        sweep(folder.path)


class Crew:
    """The workers of a study, as many as the executor has slots and there is work for."""

    def __init__(self, folder: StudyFolder, executor: Executor, call: Call) -> None:
        self.folder, self.executor, self.call = folder, executor, call
        self.workers: dict[int, Worker] = {}
        self.idle_deaths = 0

    def keep(self, open_jobs: int) -> None:
        """Take note of workers that ended, and start new ones while there are open jobs."""
        for slot, worker in list(self.workers.items()):
            code = worker.poll()
            if code is not None:
                del self.workers[slot]
                self._ended(worker, code)
        free = [slot for slot in range(self.executor.slots) if slot not in self.workers]
        for slot in free[:open_jobs]:
            self.workers[slot] = self.executor.start(self.call, slot)

    def _ended(self, worker: Worker, code: int) -> None:
        """Free the job of a worker that died, and stop where workers die without one."""
        held = claims.held_by(self.folder, worker.name)
        for lease in held:
            claims.end(lease, Ending.KILLED, _cause(worker, code))
        if code in (0, JOB_BROKE) or held:
            self.idle_deaths = 0
            return
        self.idle_deaths += 1
        if self.idle_deaths >= MOST_IDLE_DEATHS:
            raise MachineError(
                f"workers: got {self.idle_deaths} in turn that ended without a job in hand ({_cause(worker, code)}), "
                "needs workers that start; mend that and give the same command again"
            )

    def dismiss(self) -> None:
        """Ask all workers to stop, wait for them, and stop those at once that do not."""
        for worker in self.workers.values():
            worker.cancel()
        until = time.monotonic() + SECONDS_TO_STOP
        while any(worker.poll() is None for worker in self.workers.values()) and time.monotonic() < until:
            time.sleep(0.05)
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.cancel(at_once=True)
            for lease in claims.held_by(self.folder, worker.name):
                claims.end(lease, Ending.RELEASED, "the study was asked to stop")
        self.workers.clear()


def _cause(worker: Worker, code: int) -> str:
    last = shown(worker.said().strip().splitlines()[-1], 300) if worker.said().strip() else ""
    if code == -9:
        return f"killed (signal 9, perhaps out of memory){': ' + last if last else ''}"
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{how}{': ' + last if last else ''}"
