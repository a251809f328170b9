"""Runs that are killed, stopped, refused and continued: the same command ends in the same bits."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import jax
import numpy as np
import pytest

import trueaim
from calling import CHUNK, LEARNER, TINY, call, refused
from trueaim import scenarios
from trueaim.core import failpoints, run
from trueaim.core.errors import DamagedError, MachineError, StoppedError, TrueAimError
from trueaim.core.files import write_toml
from trueaim.core.reading import read_json, read_toml
from trueaim.core.run import Place
from trueaim.training import checkpoint, history, learn, resume
from trueaim.training.chunks import initial_state
from trueaim.training.history import History
from trueaim.training.hyperparameters import PPO
from trueaim.training.plan import Plan

__all__ = ["call"]
CHUNKS = 3
SCENARIO = scenarios.scenario("cheese_corner", size=7)


@pytest.fixture(autouse=True)
def _saving_always(monkeypatch):
    monkeypatch.setenv(history.SECONDS_VARIABLE, "0")


@pytest.fixture(scope="module", autouse=True)
def _source(tmp_path_factory):
    """A copy of the package for the processes below, so that somebody who edits it meanwhile changes nothing."""
    copy = tmp_path_factory.mktemp("source")
    package = Path(trueaim.__file__).parent
    shutil.copytree(package, copy / "trueaim", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(copy))
        yield


def start(folder, *, steps=CHUNKS * CHUNK, seeds="0", **variables):
    """A process that trains the smallest run with one thread and saves after every chunk."""
    variables = {**os.environ, "NPROC": "1", history.SECONDS_VARIABLE: "0", "PYTHONHASHSEED": seeds, **variables}
    words = ["train", "cheese_corner", "--exact", "--steps", str(steps), *TINY]
    words += ["--runs", str(folder.parent), "--name", folder.name]
    command = [sys.executable, "-m", "trueaim", *words]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(folder, **variables):
    """The exit code and standard error of such a process."""
    process = start(folder, **variables)
    _, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    return process.returncode, err


def bits(folder):
    """Everything that a run has come to: the last state's bytes, and every row of its curves."""
    newest = sorted((folder / "checkpoints" / "seed-0").iterdir())[-1]
    manifest = read_json(newest / "manifest.json")
    parts = [checkpoint.Named(**part) for part in manifest["metrics"]]
    tables = [checkpoint.read_part(folder / "metrics" / "seed-0", part) for part in parts]
    assert {path.name for path in (folder / "metrics" / "seed-0").iterdir()} == {part.name for part in parts}
    assert not list(folder.rglob(".tmp-*"))
    rows = {name: np.concatenate([table[name] for table in tables]).tobytes() for name in checkpoint.COLUMNS}
    return newest.name, (newest / "state.safetensors").read_bytes(), rows


def wait_for(condition, process, seconds=240.0):
    ends = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.01)


def saved(folder):
    return checkpoint.saved(folder / "checkpoints" / "seed-0")


# --- killed ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run that nothing happened to, and the fail points that it passed."""
    folder = tmp_path_factory.mktemp("unbroken") / "reference"
    counted = folder.with_name("points")
    code, err = finish(folder, TRUEAIM_COUNT=str(counted))
    assert code == 0, err
    assert len(saved(folder)) == 2
    return bits(folder), counted.read_text().split()


@pytest.mark.slow
def test_a_run_killed_over_and_over_ends_in_the_same_bits(unbroken, tmp_path):
    """One folder, one command; each time it dies at another place and the next one goes on."""
    folder = tmp_path / "killed"
    places = ["replace.rename.done:2", "folder.rename:1", "folder.rename.done:1"]
    for place in places:
        assert finish(folder, TRUEAIM_KILL=place)[0] == -signal.SIGKILL, place
    code, err = finish(folder)
    assert code == 0, err
    assert bits(folder) == unbroken[0]


def test_a_real_kill_at_some_moment_and_another_hash_seed_change_no_bit(unbroken, tmp_path):
    folder = tmp_path / "elsewhere"
    process = start(folder, seeds="1")
    wait_for(lambda: saved(folder), process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    code, err = finish(folder, seeds="2")
    assert code == 0, err
    assert bits(folder) == unbroken[0]


def all_places(points):
    turns = Counter()
    for name in points:
        turns[name] += 1
        yield f"{name}:{turns[name]}"


@pytest.mark.slow
def test_a_kill_at_every_place_changes_no_bit(unbroken, tmp_path):
    reference, points = unbroken
    assert len(points) > 40
    for number, place in enumerate(all_places(points)):
        folder = tmp_path / f"run-{number}"
        assert finish(folder, TRUEAIM_KILL=place)[0] == -signal.SIGKILL, place
        code, err = finish(folder)
        assert code == 0, (place, err)
        assert bits(folder) == reference, place


@pytest.mark.slow
def test_kills_at_random_moments_change_no_bit(unbroken, tmp_path):
    chance = random.Random(20261121)
    for number in range(12):
        folder, delay = tmp_path / f"run-{number}", chance.uniform(0.2, 4)
        process = start(folder)
        time.sleep(delay)
        process.kill()
        process.communicate()
        code, err = finish(folder)
        assert code == 0, (delay, err)
        assert bits(folder) == unbroken[0], delay


# --- stopped by signals ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    return tmp_path_factory.mktemp("long") / "run"


LONG = 4_000_000


@pytest.mark.parametrize(
    ("number", "times", "code", "seconds"),
    [(signal.SIGINT, 1, 130, 5.0), (signal.SIGTERM, 1, 143, 5.0), (signal.SIGINT, 2, 130, 1.5)],
)
def test_a_signal_stops_a_run_soon_and_so_that_it_can_go_on(long_run, number, times, code, seconds):
    """The three cases follow one another in the same folder, so each also shows that the one before can go on."""
    before = [path.name for path in saved(long_run)]
    process = start(long_run, steps=LONG)
    wait_for(lambda: len(saved(long_run)) == 2 and not set(before) & {path.name for path in saved(long_run)}, process)
    if times == 1:
        _held(long_run, process.pid)
    begun = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.002)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - begun < seconds
    assert process.returncode == code
    last = err.splitlines()[-1] if err else ""
    assert "Traceback" not in err
    if times == 1:
        assert last == (f"trueaim: stopped by {number.name}; the run is saved; give the same command again to continue")
    asked = run.read_record(Place(long_run)).asked
    found = History(asked, (0,), Place(long_run), drifted=False)
    assert found.restore(initial_state(resume.plan_of(asked), (0,))) is not None
    assert found.notices == []


def _held(folder, pid):
    """Nobody else gets the folder, and is told who has it."""
    asked = run.read_record(Place(folder)).asked
    with (
        pytest.raises(TrueAimError, match=f"process {pid} on host {socket.gethostname()}") as caught,
        run.opened(Place(folder), asked),
    ):
        pass
    assert caught.value.exit_code == 2


def test_a_signal_during_compilation_waits_for_the_first_chunk_and_loses_nothing(unbroken, tmp_path):
    folder = tmp_path / "early"
    process = start(folder)
    wait_for((folder / "run.toml").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert [path.name for path in saved(folder)] == ["000000002"]
    code, err = finish(folder)
    assert code == 0, err
    assert bits(folder) == unbroken[0]


# --- in this process ---------------------------------------------------------------------------------------------


def plan(chunks=CHUNKS, seeds=(0,), network="window", **more):
    return Plan(SCENARIO, chunks * CHUNK, seeds, config=PPO(network=network, **LEARNER), **more)


def stopping_after(chunks):
    """Watches training and sends this process a SIGINT."""
    told = []

    def show(progress):
        told.append(progress)
        if len(told) == chunks + 1:
            os.kill(os.getpid(), signal.SIGINT)

    return show


def stopped(place, chunks, **more):
    with pytest.raises(StoppedError) as caught:
        learn.train(plan(**more), place, show=stopping_after(chunks))
    assert caught.value.exit_code == 130


def same(first, second):
    leaves = zip(jax.tree.leaves(first.parameters), jax.tree.leaves(second.parameters), strict=True)
    return all(np.array_equal(one, other) for one, other in leaves)


@pytest.fixture(scope="module")
def whole():
    """What the smallest run comes to when nothing is kept on disk."""
    return learn.train(plan())


def test_a_stopped_run_goes_on_to_the_same_agent_and_the_same_curves(whole, tmp_path):
    place = Place(tmp_path / "run")
    stopped(place, 1)
    with pytest.raises(TrueAimError, match="training is not finished"):
        resume.load(place)
    found = learn.train(plan(), place)
    assert same(found, whole)
    assert str(found.record["curves"].rows) == str(whole.record["curves"].rows)  # NaN is NaN in words
    assert not found.record["drifted"]
    scenario, loaded = resume.load(place)
    assert same(loaded, whole)
    assert scenario.goal_names == SCENARIO.goal_names
    assert str(loaded.record["curves"].rows) == str(whole.record["curves"].rows)


def test_a_memory_is_kept_with_a_stopped_run(tmp_path):
    place = Place(tmp_path / "run")
    stopped(place, 1, network="gru", seeds=(0, 1), group=2)
    before = initial_state(plan(network="gru", seeds=(0, 1), group=2), (0, 1))
    found = History(plan().asked(), (0, 1), place, drifted=False).restore(before)
    assert found.memory.shape == (2, LEARNER["envs"], LEARNER["width"])
    assert (found.memory != 0).any()
    ended, unbroken = (learn.train(plan(network="gru", seeds=(0, 1), group=2), where) for where in (place, None))
    assert same(ended, unbroken)
    assert str(ended.record["curves"].rows) == str(unbroken.record["curves"].rows)
    assert same(resume.load(place)[1], unbroken)


def test_a_network_that_cannot_see_the_scenario_is_refused_before_anything_is_written(tmp_path, call):
    words = ["train", "cheese_corner", *TINY, "--network", "pixels", "--runs", tmp_path, "--name", "run"]
    refused(call(*words), "got 'pixels' where maps of cells are seen", "window, flat, conv, gru")
    assert not list(tmp_path.iterdir())


def test_a_finished_run_trains_no_further(whole, tmp_path, monkeypatch):
    place = Place(tmp_path / "run")
    learn.train(plan(), place)
    monkeypatch.setattr(learn, "chunk", None)
    assert same(learn.train(plan(), place), whole)


def test_training_goes_on_from_an_older_checkpoint_where_the_newest_is_damaged(whole, tmp_path, call):
    place = Place(tmp_path / "run")
    stopped(place, 2)
    newest = saved(place.folder)[-1] / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError, match="Give the train command again"):
        resume.load(place)
    assert newest.exists()
    words = ["train", "cheese_corner", "--steps", CHUNKS * CHUNK, *TINY, "--runs", tmp_path, "--name", "run"]
    answer = call(*words, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["seeds"] == [0]
    assert same(resume.load(place)[1], whole)


def test_the_command_line_tells_what_damage_was_passed_over(tmp_path, call):
    place = Place(tmp_path / "run")
    stopped(place, 2)
    (saved(place.folder)[-1] / "manifest.json").write_text("{")
    words = ["train", "cheese_corner", "--steps", CHUNKS * CHUNK, *TINY, "--runs", tmp_path, "--name", "run"]
    answer = call(*words)
    assert answer.code == 0
    assert answer.out == ""
    assert "note" in answer.err
    assert "manifest.json" in answer.err


def test_reading_a_run_changes_nothing_while_another_trains_it(tmp_path):
    """An audit of a run that is being trained once removed the part of the curves that was just written."""
    place = Place(tmp_path / "run")
    stopped(place, 1)
    stray = place.metrics / "seed-0" / "000000099.parquet"
    stray.write_bytes(b"being written")
    with pytest.raises(TrueAimError, match="not finished"):
        resume.load(place)
    assert stray.exists()
    learn.train(plan(), place)
    assert not stray.exists()


def test_where_no_checkpoint_verifies_one_sentence_says_what_to_do(whole, tmp_path):
    place = Place(tmp_path / "run")
    learn.train(plan(), place)
    for path in saved(place.folder):
        (path / "manifest.json").unlink()
    with pytest.raises(DamagedError, match="start again with --fresh"):
        learn.train(plan(), place)
    assert same(learn.train(plan(), place, fresh=True), whole)
    assert (tmp_path / "run.old-1" / "run.toml").exists()


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--set", "anywhere.spread=3"], "settings.anywhere.spread"),
        (["--set", "knob.density=0.1"], "settings.anywhere.density"),
        (["--set", "scenario.layout=open"], "options.layout"),
        (["--set", "learner.entropy=0.02"], "learner.entropy"),
        (["--alpha", "0.5"], "alpha"),
        (["--seed", "1"], "seeds"),
        (["--steps", "99999"], "steps"),
        (["--group", "2"], "group"),
    ],
)
def test_another_request_in_the_same_folder_is_refused_with_what_differs(tmp_path, call, words, key):
    folder = tmp_path / "run"
    with run.opened(Place(folder), plan().asked()):
        pass
    base = ["train", "cheese_corner", "--steps", CHUNKS * CHUNK, *TINY, "--runs", tmp_path, "--name", "run"]
    refused(call(*base, *words), f"{key} = ", "--fresh")


@pytest.mark.parametrize(("fact", "value"), [("threads", "64"), ("jax", "0.0.1"), ("code", "0123456789abcdef")])
def test_another_machine_or_version_is_refused_unless_drift_is_allowed_and_then_marked(tmp_path, call, fact, value):
    place = Place(tmp_path / "run")
    stopped(place, 1)
    record = read_toml(place.record)
    record["machine"][fact] = value
    write_toml(place.record, record)
    words = ["train", "cheese_corner", "--steps", CHUNKS * CHUNK, *TINY, "--runs", tmp_path, "--name", "run"]
    refused(call(*words), f"({fact}: {value} -> ", "--allow-drift")
    policy = learn.train(plan(), place, allow_drift=True)
    assert policy.record["drifted"]
    assert resume.load(place)[1].record["drifted"]
    assert read_json(saved(place.folder)[-1] / "manifest.json")["drifted"]


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path, call, monkeypatch):
    monkeypatch.setattr(learn, "_train_group", None)
    words = ["train", "cheese_corner", *TINY, "--name", "run", "--runs"]
    (tmp_path / "file").write_text("")
    refused(call(*words, tmp_path / "file"), "file/run", "cannot be made")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "run").write_text("")
    refused(call(*words, tmp_path / "runs"), "cannot be made")
    monkeypatch.setattr(run.os, "access", lambda path, mode: False)
    refused(call(*words, tmp_path / "other"), "cannot be written to")


@pytest.fixture
def failing():
    yield lambda text: failpoints.arm({"TRUEAIM_FAIL": text})
    failpoints.arm({})


@pytest.mark.parametrize("place_of_failure", ["replace.write:1", "replace.fsync:2", "folder.create:1"])
def test_a_full_disk_is_one_sentence_and_the_earlier_checkpoint_stays(whole, tmp_path, call, failing, place_of_failure):
    place = Place(tmp_path / "run")
    stopped(place, 1)
    before = {path: path.read_bytes() for path in saved(place.folder)[0].iterdir()}
    failing(f"{place_of_failure}:ENOSPC")
    words = ["train", "cheese_corner", "--steps", CHUNKS * CHUNK, *TINY, "--runs", tmp_path, "--name", "run"]
    answer = call(*words)
    assert answer.code == 3
    assert answer.out == ""
    sentence = answer.err.splitlines()[-1]
    assert sentence.startswith("trueaim: ")
    assert "the disk is full" in sentence
    assert "Traceback" not in answer.err
    assert {path: path.read_bytes() for path in before} == before
    assert not list(place.folder.rglob(".tmp-*"))
    failing("")
    assert same(learn.train(plan(), place), whole)


def test_too_little_room_is_said_before_a_checkpoint_is_begun(tmp_path, monkeypatch):
    def no_room(folder, needed):
        raise MachineError(f"{folder} is on a disk with 0 bytes free, but {needed} are needed.")

    monkeypatch.setattr(checkpoint, "ensure_room", no_room)
    with pytest.raises(MachineError, match="are needed"):
        learn.train(plan(), Place(tmp_path / "run"))


@pytest.mark.parametrize("group", [1, 2])
def test_an_agent_is_the_same_alone_and_among_others(whole, group):
    alone, both = (learn.train(plan(1, seeds, group=group)) for seeds in ((1,), (0, 1)))
    assert both.seeds == (0, 1)
    second = jax.tree.map(lambda leaf: leaf[1:], both.parameters)
    assert all(
        np.array_equal(one, two) for one, two in zip(*map(jax.tree.leaves, (alone.parameters, second)), strict=True)
    )
    assert str(alone.record["curves"].rows) == str([row for row in both.record["curves"].rows if row.seed == 1])


@pytest.mark.parametrize("value", ["soon", "-1", "nan"])
def test_the_time_between_checkpoints_is_a_number_of_seconds(monkeypatch, value):
    monkeypatch.setenv(history.SECONDS_VARIABLE, value)
    with pytest.raises(TrueAimError, match=history.SECONDS_VARIABLE):
        history.seconds_between_checkpoints()


def test_the_time_between_checkpoints_is_honored(tmp_path, monkeypatch):
    monkeypatch.setenv(history.SECONDS_VARIABLE, "1000")
    learn.train(plan(), Place(tmp_path / "run"))
    assert [path.name for path in saved(tmp_path / "run")] == ["000000006"]
    monkeypatch.delenv(history.SECONDS_VARIABLE)
    assert history.seconds_between_checkpoints() == 15
