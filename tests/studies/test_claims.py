"""One job is done once, whoever dies, sleeps or wakes up in between."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up import begun, lease, study

from trueaim.core import failpoints
from trueaim.core.files import write_json
from trueaim.studies import claims
from trueaim.studies.claims import Ending, StaleError, State, Watcher
from trueaim.studies.folder import StudyFolder


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def publish(held: claims.Lease, text: str = "result") -> None:
    claims.publish(held, lambda folder: write_json(folder / "record.json", {"by": text}) and None)


def state(folder: StudyFolder, job: str, watcher: Watcher | None = None) -> State:
    return (watcher or Watcher(folder)).states([job])[job]


def of_another_host(held: claims.Lease) -> None:
    """Make a claim look as if a process of another host held it, so that only its heartbeat tells of its life."""
    write_json(held.path / "holder.json", {"place": "elsewhere", "pid": 1, "begun": 1, "worker": "far"})


def test_a_job_goes_from_open_to_running_to_done(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    assert state(folder, job) is State.OPEN
    held = lease(folder, job)
    assert held.attempt == 1
    assert state(folder, job) is State.RUNNING
    assert claims.claim_after(folder, job, 0) is None
    publish(held)
    assert state(folder, job) is State.DONE
    assert claims.claim(folder, job) is None
    assert not list(folder.claims.glob(f"{job}.2"))


def test_a_zombie_that_wakes_up_may_not_write(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    zombie = lease(folder, job)
    successor = lease(folder, job)
    with pytest.raises(StaleError, match="attempt 1 was taken over"):
        publish(zombie, "zombie")
    publish(successor, "successor")
    with pytest.raises(StaleError):
        publish(zombie, "zombie")
    assert json.loads((folder.results / job / "record.json").read_text()) == {"by": "successor"}
    assert [path.name for path in folder.results.iterdir()] == [job]


def test_whoever_is_overtaken_while_writing_leaves_nothing(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    slow = lease(folder, job)

    def write(temporary: Path) -> None:
        write_json(temporary / "record.json", {})
        publish(lease(folder, job), "quick")

    with pytest.raises(StaleError):
        claims.publish(slow, write)
    assert json.loads((folder.results / job / "record.json").read_text()) == {"by": "quick"}
    assert len(list(folder.results.iterdir())) == 1


def test_a_lease_is_stale_by_the_observers_own_clock_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    held = lease(folder, job)
    of_another_host(held)
    clock = Clock()
    watcher = Watcher(folder, clock, patience=60)
    for number in range(5):
        claims.beat(held, number, {})
        for days in (-1, 1):  # the wall clock jumps, which must not matter
            monkeypatch.setattr(time, "time", lambda days=days: 1.7e9 + days * 86_400)
            assert state(folder, job, watcher) is State.RUNNING
        clock.now += 59
    assert state(folder, job, watcher) is State.RUNNING
    clock.now += 2
    assert state(folder, job, watcher) is State.OPEN
    assert state(folder, job, Watcher(folder, clock, patience=60)) is State.RUNNING


def test_a_process_that_is_gone_frees_its_job_at_once(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    script = "import sys; from trueaim.studies import claims; from trueaim.studies.folder import StudyFolder\n"
    script += "assert claims.claim(StudyFolder(sys.argv[1]), sys.argv[2], 'other')\n"
    script += "print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(folder.path), job]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert state(folder, job) is State.RUNNING
        assert [held.job for held in claims.held_by(folder, "other")] == [job]
        process.kill()
    assert state(folder, job) is State.OPEN


def test_a_job_that_is_killed_twice_has_failed_and_says_why(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    for words in ("killed (signal 9)", "killed (signal 9), peak 3 GB"):
        assert state(folder, job) is State.OPEN
        claims.end(lease(folder, job), Ending.KILLED, words)
    found = Watcher(folder).state(job, 2)
    assert found[0] is State.FAILED
    assert claims.reason_to_fail(found[1]) == "killed (signal 9), peak 3 GB"


def test_stops_do_not_count_against_a_job_and_a_refusal_counts_at_once(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    stopped, refused = record.jobs[0].name, record.jobs[1].name
    for _ in range(claims.MOST_ATTEMPTS + 2):
        claims.end(lease(folder, stopped), Ending.RELEASED, "stopped by SIGTERM")
    assert state(folder, stopped) is State.OPEN
    claims.end(lease(folder, refused), Ending.REFUSED, "levels: got too few")
    assert state(folder, refused) is State.FAILED
    publish(lease(folder, stopped))
    claims.clear(folder, stopped)
    assert claims.claimed(folder) == {refused: 1}


def test_attempts_that_end_without_a_word_come_to_an_end(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    for _ in range(claims.MOST_ATTEMPTS):
        lease(folder, job)
    assert state(folder, job) is State.FAILED


def test_damaged_records_of_a_claim_stop_nothing(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0].name
    held = lease(folder, job)
    for name in ("holder.json", "beat.json"):
        (held.path / name).write_bytes(b"\xff{")
    clock = Clock()
    watcher = Watcher(folder, clock, patience=60)
    assert state(folder, job, watcher) is State.RUNNING
    clock.now = 61
    assert state(folder, job, watcher) is State.OPEN
    (held.path / "ended.json").write_text('{"how": "burned"}')
    assert claims.attempts(folder, job, 1).ended[1][0] is Ending.KILLED


def test_leases_are_given_until_all_jobs_are_done(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    names = [job.name for job in record.jobs]
    elsewhere = lease(folder, names[1])
    got = []
    for held in claims.leases(folder, names, Watcher(folder)):
        if held is None:
            publish(elsewhere)
        else:
            got.append(held.job)
            publish(held)
    assert got == [names[0], *names[2:]]
    assert set(claims.finished(folder)) == set(names)


WORKER = """
import sys
from trueaim.core.files import write_json
from trueaim.studies import claims
from trueaim.studies.folder import StudyFolder, read_record
folder = StudyFolder(sys.argv[1])
names = [job.name for job in read_record(folder).jobs]
for lease in claims.leases(folder, names, claims.Watcher(folder)):
    if lease is not None:
        claims.publish(lease, lambda path: write_json(path / "record.json", {"by": lease.attempt}) and None)
        claims.clear(folder, lease.job)
        print(lease.job, flush=True)
"""


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from made_up import begun, study
from trueaim.core import failpoints
from trueaim.core.files import write_json
from trueaim.studies import claims

def done_in_a_process(folder, names, **environ):
    said, tell = os.pipe()
    if (child := os.fork()) == 0:
        failpoints.arm(environ)
        for lease in claims.leases(folder, names, claims.Watcher(folder)):
            claims.publish(lease, lambda path: write_json(path / "record.json", {"by": lease.attempt}) and None)
            claims.clear(folder, lease.job)
            os.write(tell, lease.job.encode())
        os._exit(0)
    os.close(tell)
    with open(said) as heard:
        words = heard.read()
    return words, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

home, number, count = Path(sys.argv[1]), 0, Path(sys.argv[1]) / "count"
asked = study(seeds=1, vary={"alpha": [0]})
while True:
    number += 1
    (home / str(number)).mkdir()
    folder, record = begun(home / str(number), asked)
    names = [job.name for job in record.jobs]
    _, code = done_in_a_process(folder, names, TRUEAIM_KILL=f"*:{number}", TRUEAIM_COUNT=str(count))
    was_done = claims.finished(folder) != set()
    was_claimed = bool(claims.claimed(folder))
    said, then = done_in_a_process(folder, names)
    made = (folder.results / names[0] / "record.json").read_text()
    print(number, code, was_done, was_claimed, said or "-", then, claims.finished(folder) == set(names), *made.split())
    if code == 0:
        break
"""


def test_a_worker_killed_at_every_place_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Killed at one effect on the disk after the other; the next process always ends the study, and does it once."""
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    lines = [line.split() for line in found.stdout.splitlines()]
    assert {"study.claimed", "study.publish", "study.published"} <= set((tmp_path / "count").read_text().split())
    assert len(lines) > 30
    for _, code, was_done, was_claimed, said, then, whole, *made in lines:
        assert (then, whole) == ("0", "True")
        assert (said == "-") is (was_done == "True")
        if code == "-9" and was_done == "False":
            assert made == ["{", '"by":', "2" if was_claimed == "True" else "1", "}"]
    assert [line[1] for line in lines] == ["-9"] * (len(lines) - 1) + ["0"]


@pytest.mark.slow
def test_sixteen_workers_share_many_jobs_without_doing_one_twice(tmp_path: Path) -> None:
    folder, record = begun(tmp_path, study(seeds=50, vary={"alpha": [n / 16 for n in range(16)]}))
    started = time.monotonic()
    command = [sys.executable, "-c", WORKER, str(folder.path)]
    crew = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(16)]
    said = [process.communicate()[0].split() for process in crew]
    seconds = time.monotonic() - started
    assert all(process.returncode == 0 for process in crew)
    done = [name for lines in said for name in lines]
    assert sorted(done) == sorted(job.name for job in record.jobs)
    assert claims.claimed(folder) == {}
    print(f"{len(done) / seconds:.0f} jobs claimed and published a second")
    assert len(done) / seconds > 1
