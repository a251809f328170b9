"""Workers are started, watched and replaced; what they do is made up here, so that nothing is trained."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import begun, lease, produced, study

from trueaim.core.errors import MachineError, StoppedError, TrueAimError
from trueaim.core.files import hold
from trueaim.studies import claims, running, worker
from trueaim.studies.claims import State, Watcher
from trueaim.studies.executors import Call
from trueaim.studies.folder import Record, StudyFolder, read_record
from trueaim.studies.jobs import Job, jobs
from trueaim.studies.results import Produced, save
from trueaim.studies.running import Standing, Tally, refuse_steps, run
from trueaim.studies.worker import work
from trueaim.training.signals import Stop


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BETWEEN_LOOKS", 0.0)


def bring(job: Job, place: Path, tell: Callable[[int, int], None]) -> Produced:
    tell(500, 1000)
    return produced(job)


class Made:
    """A worker that did what it does when it was started, and then ended with a code."""

    def __init__(self, code: int, name: str = "made", words: str = "") -> None:
        self.name, self.code, self.words = name, code, words
        self.cancelled = False

    def poll(self) -> int | None:
        return self.code

    def said(self) -> str:
        return self.words

    def cancel(self, at_once: bool = False) -> None:
        self.cancelled = True


class Pretended:
    """An executor whose workers do as a list of functions says, the last one again and again."""

    def __init__(self, *acts: Callable[[Path], Made], slots: int = 1) -> None:
        self.acts, self.slots, self.started, self.closed = acts, slots, 0, False

    def start(self, call: Call, slot: int) -> Made:
        act = self.acts[min(self.started, len(self.acts) - 1)]
        self.started += 1
        return act(call.folder)

    def close(self) -> None:
        self.closed = True


def good(path: Path) -> Made:
    work(StudyFolder(path), bring)
    return Made(0)


def killed_in_a_job(path: Path) -> Made:
    """Claims the first open job as another process and is killed."""
    folder = StudyFolder(path)
    names = [job.name for job in read_record(folder).jobs]
    name = f"victim {len(list(folder.claims.iterdir()))}"
    next(claims.leases(folder, names, Watcher(folder), name))
    return Made(-9, name, "last words")


def ran(folder: StudyFolder, record: Record, executor: Pretended, **more: Any) -> Standing:
    return run(folder, record, executor, Call(folder.path), more.pop("stop", Stop()), **more)


def test_a_study_runs_to_its_end(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    shown: list[Standing] = []
    executor = Pretended(good)
    standing = ran(folder, record, executor, show=shown.append)
    assert standing.states[State.DONE] == 4
    assert (standing.done_steps, standing.total_steps) == (4000, 4000)
    assert (executor.started, executor.closed) == (1, True)
    assert shown[0].states[State.OPEN] == 4
    assert claims.claimed(folder) == {}
    again = Pretended(good)
    ran(folder, record, again)
    assert again.started == 0


def test_a_killed_worker_is_replaced_and_its_job_done_once_more(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    executor = Pretended(killed_in_a_job, good)
    assert ran(folder, record, executor).states[State.DONE] == 4
    assert executor.started == 2


def test_a_job_that_kills_its_workers_fails_and_the_others_are_done(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    standing = ran(folder, record, Pretended(killed_in_a_job, killed_in_a_job, good))
    assert standing.states[State.DONE] == 3
    assert standing.failed == {
        record.jobs[0].name: "killed (signal 9, perhaps out of memory): last words",
    }


def test_workers_that_cannot_start_stop_the_study(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    executor = Pretended(lambda path: Made(1, words="Traceback\nNo module named jax"))
    with pytest.raises(MachineError, match=r"3 in turn that ended without a job.*No module named jax"):
        ran(folder, record, executor)
    assert executor.closed


def test_a_signal_stops_the_workers_and_frees_their_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, record = begun(tmp_path)
    stop, crew = Stop(), []

    def start(path: Path) -> Made:
        crew.append(killed_in_a_job(path))
        crew[-1].code = None  # type: ignore[assignment]
        stop.number = 15
        return crew[-1]

    monkeypatch.setattr(running, "SECONDS_TO_STOP", 0.05)
    with pytest.raises(StoppedError, match=r"SIGTERM.*give the same command again") as error:
        ran(folder, record, Pretended(start), stop=stop)
    assert error.value.exit_code == 143
    assert crew[0].cancelled
    assert Watcher(folder).states([record.jobs[0].name]) == {record.jobs[0].name: State.OPEN}
    assert ran(folder, record, Pretended(good)).states[State.DONE] == 4


def test_a_job_that_cannot_be_done_fails_at_once_and_stops_no_other(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    tried = []

    def picky(job: Job, place: Path, tell: Any) -> Produced:
        tried.append(job.name)
        if job.seeds == (1,):
            raise TrueAimError("levels: got 3 of 64")
        return produced(job)

    assert work(folder, picky) == 2
    assert Watcher(folder).states(tried) == {
        job.name: State.FAILED if job.seeds == (1,) else State.DONE for job in record.jobs
    }
    assert len(tried) == 4


def test_what_the_machine_refuses_is_tried_once_more(tmp_path: Path) -> None:
    folder, record = begun(tmp_path, study(seeds=1, vary={"alpha": [0]}))
    tries = itertools.count(1)

    def full(job: Job, place: Path, tell: Any) -> Produced:
        if next(tries) < 2:
            raise MachineError("memory: got too little")
        return produced(job)

    assert work(folder, full) == 1

    def always(job: Job, place: Path, tell: Any) -> Produced:
        raise MachineError("memory: got too little")

    (tmp_path / "b").mkdir()
    folder, record = begun(tmp_path / "b", study(seeds=1, vary={"alpha": [0]}))
    assert work(folder, always) == 0
    assert Tally(folder, record.jobs).standing(Watcher(folder)).failed == {
        record.jobs[0].name: "memory: got too little"
    }


def test_a_bug_ends_the_process_and_counts_against_the_job(tmp_path: Path) -> None:
    folder, record = begun(tmp_path, study(seeds=1, vary={"alpha": [0]}))

    def broken(job: Job, place: Path, tell: Any) -> Produced:
        raise ZeroDivisionError("division by zero")

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            work(folder, broken)
    assert work(folder, bring) == 0
    _, found = Watcher(folder).state(record.jobs[0].name, 2)
    assert claims.reason_to_fail(found) == "ZeroDivisionError: division by zero"


def test_a_worker_that_was_overtaken_goes_on_with_another_job(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    first = record.jobs[0].name

    def slow(job: Job, place: Path, tell: Any) -> Produced:
        if job.name == first and not claims.is_done(folder, first):
            taken = claims.claim(folder, first)
            assert taken is not None
            claims.publish(taken, lambda path: (path / "x").mkdir())
        return produced(job)

    assert work(folder, slow) == 3
    assert [path.name for path in (folder.results / first).iterdir()] == ["x"]


def test_the_folder_of_a_job_is_waited_for(tmp_path: Path) -> None:
    folder, _ = begun(tmp_path)
    with hold(folder.path), pytest.raises(MachineError, match="still held by an earlier attempt after 0 s"):
        worker._wait_for(folder.path, seconds=0.2)
    worker._wait_for(folder.path, seconds=0.2)


def test_agents_are_removed_where_they_are_not_wanted(tmp_path: Path) -> None:
    def trains(job: Job, place: Path, tell: Any) -> Produced:
        place.mkdir()
        (place / "checkpoint").write_text("")
        return produced(job)

    for keep, left in ((True, 4), (False, 0)):
        (tmp_path / str(keep)).mkdir()
        folder, _ = begun(tmp_path / str(keep), study(keep={"agents": keep}))
        work(folder, trains)
        assert len(list(folder.work.iterdir())) == left


def test_leftovers_are_swept_when_a_study_goes_on(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    (folder.results / ".tmp-1-00000000-x").mkdir()
    (folder.path / ".tmp-1-00000000-study.json").write_text("")
    work(folder, bring)
    ran(folder, record, Pretended(good))
    assert not list(folder.path.rglob(".tmp-*"))


def test_too_many_steps_are_refused_before_anything_is_done() -> None:
    asked = study(budget={"steps": 3999})
    with pytest.raises(TrueAimError, match=r"got a study of 4,000 steps, needs at most 3,999.*--over-budget"):
        refuse_steps(asked, jobs(asked, 1, [[0, 1]]))
    refuse_steps(study(budget={"steps": 4000}), jobs(asked, 1, [[0, 1]]))


def test_too_many_hours_are_refused_once_they_can_be_foreseen(tmp_path: Path) -> None:
    """One job of four that took an hour makes a study of four hours."""
    folder, record = begun(tmp_path, study(budget={"hours": 3.9}))
    job = record.jobs[0]
    save(lease(folder, job.name), job, {"alpha": "float64"}, produced(job), time.monotonic() - 3600)
    with pytest.raises(TrueAimError, match=r"takes 4\.0 h of one process.*at most 3\.9 h"):
        ran(folder, record, Pretended(good))
    assert ran(folder, record, Pretended(good), over_budget=True).states[State.DONE] == 4
