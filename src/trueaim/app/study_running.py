"""Begin or continue a study, and show how far it is."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from trueaim.app.studying import MOST_SHOWN, summary
from trueaim.core.files import hold
from trueaim.core.machine import facts
from trueaim.core.names import check_name
from trueaim.studies.claims import State, Watcher
from trueaim.studies.doing import check
from trueaim.studies.executors import Call, Executor
from trueaim.studies.file import Study
from trueaim.studies.folder import Record, StudyFolder, enter
from trueaim.studies.gathering import gather
from trueaim.studies.jobs import cells, jobs, total_steps
from trueaim.studies.results import kinds
from trueaim.studies.running import Standing, refuse_steps, run
from trueaim.studies.worker import tidy
from trueaim.training.signals import listening

SECONDS_BETWEEN_LINES = 20.0
ONE_THREAD = {"threads": "1"}
"""What workers have, whatever this process has."""


class Wanted(NamedTuple):
    """How a study is to be run.

    Attributes:
        group: agents in one program where the file does not say.
        trusted: scenarios from outside that may be loaded.
        allow_drift: go on although versions or the machine changed.
        over_budget: go on although the budget is too small.
        again: try failed jobs again.
    """

    group: int = 1
    trusted: Sequence[str] = ()
    allow_drift: bool = False
    over_budget: bool = False
    again: bool = False


def folder_of(study: Study, runs: Path) -> StudyFolder:
    """Where the study lies."""
    return StudyFolder(runs / check_name("study", study.name))


def plan(study: Study, trusted: Sequence[str], group: int) -> dict[str, Any]:
    """What a study would do, checked: its cells, jobs and steps.

    Raises:
        TrueAimError: with the first cell that cannot be trained or audited.
    """
    size = study.train.group or group
    made = cells(study, size)
    check(study, made, trusted)
    todo = jobs(study, size, [study.seed_list])
    return {"study": study.name, "cells": len(made), "jobs": len(todo), "steps": total_steps(study, todo)}


def run_study(
    file: Path, study: Study, folder: StudyFolder, executor: Executor, wanted: Wanted, out: Console
) -> dict[str, Any]:
    """Begin or continue a study until every job is done or failed; gives how it stands then."""
    group = study.train.group or wanted.group
    plan(study, wanted.trusted, group)
    if not wanted.over_budget:
        refuse_steps(study, jobs(study, group, [study.seed_list]))
    folder.make()
    with hold(folder.path), listening() as stop:
        record = enter(folder, file, study, group, facts() | ONE_THREAD, list(wanted.trusted), wanted.allow_drift)
        todo = record.jobs
        if wanted.again:
            try_again(folder, record)
        out.print(
            f"[bold]study[/] {study.name}  {len(todo):,} jobs  {total_steps(study, todo):,} steps  "
            f"{executor.slots} at a time  -> {escape(str(folder.path))}"
        )
        call = Call(folder.path, record.trusted, wanted.allow_drift)
        with showing(out) as show:
            standing = run(folder, record, executor, call, stop, show, wanted.over_budget)
        gather(folder, todo, kinds(record.study.vary))  # so that the first report is as quick as any other
    for name, why in list(standing.failed.items())[:MOST_SHOWN]:
        out.print(f"[yellow]failed[/] {name}: {escape(why)}")
    return summary(folder, standing)


def try_again(folder: StudyFolder, record: Record) -> None:
    """Forget the attempts at failed jobs, so that they are tried again."""
    for job, state in Watcher(folder).states(job.name for job in record.jobs).items():
        if state is State.FAILED:
            tidy(folder, job, keep_agents=True)


class Shown:
    """Shows how far a study is: in a bar where there is one, else as a line now and then."""

    def __init__(self, out: Console, bar: Progress | None) -> None:
        self.out, self.bar = out, bar
        self.task = bar.add_task("study", total=None, text="") if bar is not None else None
        self.begun: tuple[float, int] | None = None
        self.said = 0.0

    def __call__(self, standing: Standing) -> None:
        """Show where the study stands."""
        now = time.monotonic()
        if self.begun is None:
            self.begun = (now, standing.done_steps)
        text = words(standing, now - self.begun[0], standing.done_steps - self.begun[1])
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=standing.done_steps, total=standing.total_steps, text=text)
        elif now - self.said > SECONDS_BETWEEN_LINES or standing.done_steps == standing.total_steps:
            self.out.print(f"  study  {standing.done_steps / max(1, standing.total_steps):4.0%}  {text}")
            self.said = now


@contextmanager
def showing(out: Console) -> Iterator[Shown]:
    """Shows how far a study is for as long as the block runs."""
    if not out.is_terminal or out.quiet:
        yield Shown(out, None)
        return
    columns = (TextColumn("  study"), BarColumn(24), TaskProgressColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=out, transient=True) as bar:
        yield Shown(out, bar)


def words(standing: Standing, seconds: float, steps: int) -> str:
    """Jobs, rate and time left, from the steps that were done in these seconds."""
    counts = standing.states
    text = f"{counts[State.DONE]:,} of {sum(counts.values()):,} jobs"
    text += f", {counts[State.FAILED]} failed" if counts[State.FAILED] else ""
    if steps <= 0 or seconds <= 0:
        return text
    rate = steps / seconds
    return f"{text}  {rate / 1e3:,.0f}k steps/s  {_duration((standing.total_steps - standing.done_steps) / rate)} left"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 100 else f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"
