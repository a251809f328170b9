"""The study commands as a person and as a program see them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from typer.testing import CliRunner

from trueaim.app.study_command import app
from trueaim.app.study_running import Wanted, words
from trueaim.app.studying import lines
from trueaim.core.errors import TrueAimError
from trueaim.studies import worker
from trueaim.studies.claims import State
from trueaim.studies.folder import StudyFolder, read_record
from trueaim.studies.running import Standing

LEARNER = {"network": "flat", "width": 16, "envs": 16, "rollout": 8, "minibatches": 2, "chunk": 2}


def file(path: Path, **changes: Any) -> Path:
    content = {
        "name": "tiny",
        "question": "Does it run?",
        "seeds": 2,
        "scenario": {"name": "cheese_corner", "options": {"size": 7}},
        "train": {"steps": 512, "learner": LEARNER},
        "vary": {"alpha": [0, 1]},
        "audit": {"levels": 16},
        "analysis": {"numbers": ["anywhere/cheese/got"]},
        **changes,
    }
    made = path / "tiny.toml"
    made.write_bytes(tomli_w.dumps(content).encode())
    return made


def asked(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def test_a_plan_says_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    found = asked("run", file(tmp_path), "--plan", "--json", "--runs", tmp_path / "runs")
    assert json.loads(found.stdout) == {"study": "tiny", "cells": 2, "jobs": 4, "steps": 2048}
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"sedes": 1}, (), "did you mean 'seeds'"),
        ({"vary": {"anywhere.spred": [1]}}, (), "did you mean 'spread'"),
        ({"budget": {"steps": 1}}, (), "--over-budget"),
        ({}, ("--workers", 0), "--workers: got 0"),
        ({}, ("--gpus", "a"), "--gpus: got 'a'"),
        ({"scenario": {"name": "evil:NAME"}}, (), "--scenario if you trust it"),
    ],
)
def test_what_is_wrong_is_said_before_a_folder_is_made(
    tmp_path: Path, changes: dict[str, Any], options: tuple[object, ...], words: str
) -> None:
    with pytest.raises(TrueAimError) as error:
        asked("run", file(tmp_path, **changes), "--runs", tmp_path / "runs", *options)
    assert words in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_a_study_that_is_not_there_is_said(tmp_path: Path) -> None:
    for command in ("status", "report"):
        with pytest.raises(TrueAimError, match="got no study there"):
            asked(command, tmp_path)


def standing(done: int, running: int, failed: int) -> Standing:
    states = {State.OPEN: 0, State.RUNNING: running, State.DONE: done, State.FAILED: failed}
    under_way = [(f"job-{n}", "local 0", 250, 1000) for n in range(running)]
    return Standing(states, 1000 * done, 10_000, 60.0, under_way, {f"bad-{n}": "killed" for n in range(failed)})


def test_time_left_follows_from_what_was_done() -> None:
    assert words(standing(5, 0, 0), 10.0, 5000) == "5 of 5 jobs  0k steps/s  10 s left"
    assert words(standing(5, 0, 1), 0.0, 0) == "5 of 6 jobs, 1 failed"
    assert words(standing(5, 0, 0), 10.0 * 3600, 5000).endswith("10.0 h left")
    assert words(standing(5, 0, 0), 600.0, 5000).endswith("10 min left")


def test_a_person_sees_what_is_under_way_and_what_failed() -> None:
    said = lines(StudyFolder("runs/tiny"), standing(5, 10, 1))
    assert said[0] == "runs/tiny: 16 jobs: 10 running, 5 done, 1 failed; 50% of 10,000 steps"
    assert said[1] == "  running  job-0  25%  local 0"
    assert said[-2:] == ["  failed   bad-0: killed", "  and 2 more"]


def trueaim(*arguments: object, **environ: str) -> subprocess.Popen[str]:
    script = "import sys; from trueaim.app import cli, study_command\n"
    script += "cli.app.add_typer(study_command.app, name='study'); cli.main()"
    command = [sys.executable, "-c", script, "study", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env={**os.environ, "TRUEAIM_CHECKPOINT_SECONDS": "0", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=550)
    assert process.returncode == 0, err
    return out, err


def bits(folder: Path) -> dict[str, bytes]:
    """The tables of all results, by the name of the job."""
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("results/*/results.parquet"))}


@pytest.mark.slow
def test_a_study_from_file_to_page_and_more_seeds_later(tmp_path: Path) -> None:
    """Two processes give the same bits as one; the same command does nothing twice; added seeds are all that runs."""
    path = file(tmp_path)
    two, one = tmp_path / "two", tmp_path / "one"
    out, _ = finish(trueaim("run", path, "--runs", two, "--workers", 2, "--json"))
    assert json.loads(out)["jobs"] == {"open": 0, "running": 0, "done": 4, "failed": 0}
    finish(trueaim("run", path, "--runs", one, "--workers", 1))
    assert bits(one / "tiny") == bits(two / "tiny")
    before = {name: (two / "tiny/results" / name / "record.json").stat().st_mtime_ns for name in bits(two / "tiny")}
    finish(trueaim("run", path, "--runs", two))
    more = file(tmp_path, seeds=3)
    finish(trueaim("run", more, "--runs", two))
    after = {name: (two / "tiny/results" / name / "record.json").stat().st_mtime_ns for name in bits(two / "tiny")}
    assert len(after) == 6
    assert {name: after[name] for name in before} == before
    found = asked("report", two / "tiny")
    assert "| alpha | agents | anywhere/cheese/got |" in found.stdout
    assert json.loads(asked("status", more, "--runs", two, "--jobs", "--json").stdout)["list"][0]["state"] == "done"
    assert asked("export", two / "tiny", tmp_path / "all.csv").stdout == f"{tmp_path}/all.csv: 24 rows\n"


@pytest.mark.slow
def test_kill_9_at_any_time_changes_no_number(tmp_path: Path) -> None:
    """The parent, then a worker, then both are killed at moments in between; the study ends as one that never was."""
    path = file(tmp_path, train={"steps": 4096, "learner": LEARNER})
    finish(trueaim("run", path, "--runs", tmp_path / "whole", "--workers", 2))
    runs = tmp_path / "killed"
    for seconds in (9.0, 14.0):
        process = trueaim("run", path, "--runs", runs, "--workers", 2)
        time.sleep(seconds)
        process.kill()
        process.communicate()
    process = trueaim("run", path, "--runs", runs, "--workers", 2)
    victim, until = None, time.monotonic() + 120
    while victim is None and time.monotonic() < until and process.poll() is None:
        for holder in (runs / "tiny/claims").glob("*/holder.json"):
            victim = json.loads(holder.read_text())["pid"]
        time.sleep(0.05)
    if victim is not None:
        os.kill(victim, signal.SIGKILL)
    finish(process)
    assert bits(runs / "tiny") == bits(tmp_path / "whole/tiny")
    assert len(bits(runs / "tiny")) == 4
    assert not list((runs / "tiny").rglob(".tmp-*"))
    assert not list((runs / "tiny/claims").iterdir())


@pytest.mark.slow
def test_a_signal_stops_a_study_resumably(tmp_path: Path) -> None:
    path = file(tmp_path, train={"steps": 50_000_000, "learner": LEARNER}, seeds=1, vary={"alpha": [0]})
    process = trueaim("run", path, "--runs", tmp_path / "runs", "--workers", 1)
    work = tmp_path / "runs/tiny/work"
    until = time.monotonic() + 120
    while not list(work.glob("*/checkpoints/*/*/manifest.json")) and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "give the same command again to continue" in err
    folder = StudyFolder(tmp_path / "runs/tiny")
    name = read_record(folder).jobs[0].name
    assert json.loads((folder.claims / f"{name}.1" / "ended.json").read_text())["how"] == "released"


def test_the_defaults_of_a_run_are_careful() -> None:
    assert not any((Wanted().allow_drift, Wanted().over_budget, Wanted().again))
    assert worker.JOB_BROKE not in (0, 1, 2, 3)
