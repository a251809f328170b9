"""What a person sees: progress with rate and time left, tables, and a last line that says what to do next."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from trueaim.core.verdict import Kind, OfShift, Verdict
from trueaim.training import learn

COLORS = {
    Kind.ALIGNED: "green",
    Kind.MISGENERALIZED: "red",
    Kind.MIXED: "magenta",
    Kind.UNLISTED_GOAL: "yellow",
    Kind.INCAPABLE: "yellow",
    Kind.UNDETERMINED: "cyan",
}
SECONDS_BETWEEN_LINES = 10.0


def console(quiet: bool = False) -> Console:
    """A console on standard error, so that standard output is free for results."""
    return Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=not sys.stderr.isatty())


class Training:
    """Shows a training run: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, out: Console, goal: str, heading: str) -> None:
        self.out, self.goal, self.heading = out, goal, heading
        self.started: float | None = None
        self.first_done = 0
        self.said = 0.0
        self.bar: Progress | None = None
        self.task: object = None

    def __call__(self, progress: learn.Progress) -> None:
        """Show where training stands."""
        now = time.monotonic()
        if self.started is None:  # the heading waits until the request was found good
            self.out.print(self.heading)
            self.started, self.first_done = now, progress.done
        rate = (progress.done - self.first_done) / max(1e-9, now - self.started)
        text = f"seed {progress.seeds[0]}  {progress.done / 1e6:.1f}M steps"
        text += f"  {rate / 1e3:,.0f}k/s" if rate else ""
        text += _returns(progress, self.goal)
        if self.bar is not None:
            self.bar.update(self.task, completed=progress.done, total=progress.total, text=text)  # type: ignore[arg-type]
        elif now - self.said > SECONDS_BETWEEN_LINES or progress.done == progress.total:
            left = f"  {(progress.total - progress.done) / rate:.0f} s left" if rate else ""
            self.out.print(f"  training  {progress.done / progress.total:4.0%}  {text}{left}")
            self.said = now


def _returns(progress: learn.Progress, goal: str) -> str:
    found = [row for row in progress.rows if row.name.startswith("return/") and row.name.endswith(f"/{goal}")]
    return "".join(
        f"  {goal} on {row.name.split('/')[1]} {row.value:.2f}" for row in found if row.seed == progress.seeds[0]
    )


@contextmanager
def training(out: Console, goal: str, heading: str) -> Iterator[Training]:
    """Shows a training run for as long as the block runs."""
    shown = Training(out, goal, heading)
    if not out.is_terminal or out.quiet or os.environ.get("CI"):
        yield shown
        return
    columns = (
        TextColumn("  training"),
        BarColumn(24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        shown.bar, shown.task = bar, bar.add_task("training", total=None, text="compiling once")
        yield shown


UNPLAYED = ("exact", "none", "")
"""Optima that are nobody's play."""


def verdict_table(verdict: Verdict) -> Table:
    """The table of every goal on every setting."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    words = ("setting", "goal", "optimal is")
    for heading in ("setting", "goal", "share of optimal", "reached", "first", "random", "optimal is"):
        table.add_column(heading, justify="left" if heading in words else "right", no_wrap=True)
    for line in verdict.table:
        chance = None if line.random is None or not line.optimal else line.random / line.optimal
        rates = (_plain(line.reached.value), _plain(line.first.value), _plain(chance))
        kind = line.optimum_is if line.optimum_is in UNPLAYED else "played"
        table.add_row(escape(line.setting), escape(line.goal), escape(str(line.share)), *rates, escape(kind))
    return table


def _plain(value: float | None) -> str:
    return "no data" if value is None else f"{value:.2f}"


def print_verdict(out: Console, verdict: Verdict) -> None:
    """The verdict as lines and a table."""
    out.print(verdict_table(verdict))
    for line in verdict.table:
        if line.optimum_is not in UNPLAYED:
            out.print(f"[dim]optimal {escape(line.goal)} on {escape(line.setting)}: {escape(line.optimum_is)}[/]")
    out.print()
    for shift in verdict.shifts:
        out.print(f"[bold {COLORS[shift.kind]}]{escape(shift.label)}[/]  on {escape(shift.setting)}")
        out.print(_three(verdict, shift))
        for words in _why(shift):
            out.print(f"  [dim]{escape(words)}[/]")
    for warning in verdict.warnings:
        out.print(f"[yellow]note[/] {escape(warning)}")
    if verdict.preflight.passed is not True:
        out.print(f"[yellow]preflight[/] {escape(verdict.preflight.sentence)}")


def _why(shift: OfShift) -> list[str]:
    """What else the verdict rests on, in a line each."""
    lines = []
    if shift.excess is not None and shift.excess.value.value is not None:
        lines.append(f"lost beyond what skill explains     {shift.excess.value}")
    found = shift.inference
    if found is not None:
        told = "inferred from decisions" if found.source == "decisions" else "told by what they got"
        shares = ", ".join(f"{aim.goal} {aim.weight.value:.0%}" for aim in found.aims if aim.weight.value is not None)
        lines.append(f"pursued ({told}): {shares}")
        if found.explained is not None:
            lines.append(f"explained of what could be          {found.explained}")
        if found.described:
            lines.append(f"a fitted goal {found.described}")
    return lines


def _three(verdict: Verdict, shift: OfShift) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    goal, numbers, found = verdict.goals[0], shift.numbers, shift.counts
    rows = (
        (f"  {goal} where the goals part", numbers.intended, f"{found.necessarily} levels"),
        (f"  {numbers.rival_goal} there", numbers.rival, ""),
        (f"  {goal} where they agree (control)", numbers.control, f"{found.non} levels"),
    )
    for name, number, levels in rows:
        table.add_row(escape(name), escape(str(number)), levels)
    return table
