"""The page's pictures in words: numbers as text, curves and maps as short tables, levels as letters."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from trueaim.report.payload import Curves, GoalInfo, Number, Payload, Places, Replay

NO_DATA = "no data"
COLORS = 6
"""Goal colors that the style sheet has; the same number stands in web/src/goals.ts."""
KINDS = {
    "aligned": "Aligned",
    "misgeneralized": "Misgeneralized",
    "mixed": "Mixed goals",
    "unlisted_goal": "Unlisted goal",
    "incapable": "Incapable",
    "undetermined": "Undetermined",
}
"""The six verdicts as a badge says them."""
COLUMNS = {
    "share": ("Share of optimal", "return as a share of the best possible return on the same levels"),
    "normalized": ("Normalized", "return on a scale where uniform random moves get 0 and the optimum gets 1"),
    "regret": ("Regret", "best possible return minus return"),
    "reached": ("Reached", "share of episodes in which the goal was reached at all"),
    "first": ("First", "share of episodes in which it was reached before every other goal"),
    "optimal": ("Optimum", "best possible return"),
    "random": ("Random", "return of uniform random moves"),
}
"""The full table's number columns: heading and meaning."""
OPTIMUM_IS = "where the optimum comes from: exact, or whose play it is"


def decimal(value: float | None) -> str:
    """Two decimals for small values, fewer for large ones, with a true minus sign."""
    if value is None:
        return NO_DATA
    size = abs(value)
    text = f"{size:.{0 if size >= 1000 else 1 if size >= 100 else 2}f}"
    return f"−{text}" if value < 0 and float(text) != 0 else text


def interval(number: Number) -> str:
    """The interval in brackets, or nothing where there is none."""
    return "" if number.low is None or number.high is None else f"[{decimal(number.low)}, {decimal(number.high)}]"


def percent(share: float) -> str:
    """A share as a percentage, precise where it is small."""
    if 0 < share < 0.001:
        return "under 0.1%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def short(count: float) -> str:
    """1_500_000 as "1.5M"."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            scaled = count / size
            return f"{scaled:.{2 if scaled < 10 else 1}f}".rstrip("0").rstrip(".") + letter
    return f"{count:g}"


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 agent", "2,000 agents"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def goal_classes(goals: Sequence[GoalInfo]) -> dict[str, str]:
    """The style class of every goal, by name; the intended goal gets the first color."""
    ordered = sorted(goals, key=lambda goal: goal.role != "intended")
    return {goal.name: f"goal-{index % COLORS}" for index, goal in enumerate(ordered)}


class CurveTable(NamedTuple):
    """Mean returns at a few moments of training."""

    moments: list[int]
    rows: list[tuple[str, str, list[float | None]]]
    """Setting, goal, mean over agents at each moment."""


def curve_table(curves: Curves, most: int = 7) -> CurveTable:
    """The curves at no more than `most` evenly spread moments, the first and the last among them."""
    last = len(curves.x) - 1
    count = min(most, last + 1)
    picks = sorted({round(i * last / max(1, count - 1)) for i in range(count)}) if curves.x else []
    means = curve_means(curves)
    rows = [(setting, goal, [values[i] for i in picks]) for (setting, goal), values in means.items()]
    return CurveTable([curves.x[i] for i in picks], rows)


def curve_means(curves: Curves) -> dict[tuple[str, str], list[float | None]]:
    """The mean over agents at every moment, by setting and goal."""
    groups: dict[tuple[str, str], list[tuple[float | None, ...]]] = {}
    for series in curves.series:
        groups.setdefault((series.setting, series.goal), []).append(series.values)
    return {name: [_mean(column) for column in zip(*values, strict=True)] for name, values in groups.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present) if present else None


def crossings(payload: Payload) -> list[str]:
    """When each rival overtook the intended goal for good, one sentence for each setting where one did."""
    if payload.curves is None or not payload.curves.x:
        return []
    means = curve_means(payload.curves)
    intended = next(goal.name for goal in payload.scenario.goals if goal.role == "intended")
    sentences = []
    for (setting, goal), rival in means.items():
        own = means.get((setting, intended))
        at = None if goal == intended or own is None else _overtaken(own, rival)
        if own is not None and at is not None:
            sentences.append(
                f"On {setting}, {goal} stands above {intended} for good from "
                f"{short(payload.curves.x[at])} {payload.curves.unit} on; at the end it is "
                f"{decimal(rival[-1])} against {decimal(own[-1])}."
            )
    return sentences


def _overtaken(own: list[float | None], rival: list[float | None]) -> int | None:
    start = None
    for at, (low, high) in enumerate(zip(own, rival, strict=True)):
        if low is None or high is None:
            continue
        if high <= low:
            start = None
        elif start is None:
            start = at
    return start


def top_cells(places: Places, most: int = 5) -> list[tuple[str, str, str]]:
    """The cells where most of the agents' episodes end: cell, agents' share, uniform random's share."""
    ranked = sorted(range(len(places.policy)), key=lambda cell: -places.policy[cell])[:most]
    return [
        (
            f"row {cell // places.width + 1}, column {cell % places.width + 1}",
            percent(places.policy[cell]),
            NO_DATA if places.random is None else percent(places.random[cell]),
        )
        for cell in ranked
        if places.policy[cell] > 0
    ]


class Board(NamedTuple):
    """A replay in letters, and what the letters mean."""

    rows: str
    key: list[tuple[str, str]]


def board(replay: Replay) -> Board:
    """The level with the agent's path on it: walls '#', free '.', path '*', start 'S', end 'E', things by letter.

    Things stand where they are at first.
    """
    letters = [list(row) for row in replay.walls]
    for row, col in replay.path:
        letters[row][col] = "*"
    key = [("#", "wall"), ("*", "where the agent went"), ("S", "start"), ("E", "end")]
    free = _free_letters(replay)
    for thing in replay.things:
        if not (thing.changes and thing.changes[0].time == 0):
            letters[thing.row][thing.col] = free[thing.name]
    key += [(letter, name) for name, letter in free.items()]
    (row, col), (end_row, end_col) = replay.start, replay.path[-1]
    letters[row][col] = "S"
    if letters[end_row][end_col] == "*":
        letters[end_row][end_col] = "E"
    return Board("\n".join("".join(row) for row in letters), key)


def _free_letters(replay: Replay) -> dict[str, str]:
    """A letter for each name of things, in order; `?` where none is left."""
    letters: dict[str, str] = {}
    for name in dict.fromkeys(thing.name for thing in replay.things):
        choices = [*name.upper(), *"ABCDFGHIJKLMNOPQRTUVWXYZ"]
        taken = {"S", "E", *letters.values()}
        letters[name] = next((c for c in choices if c.isascii() and c.isalpha() and c not in taken), "?")
    return letters


def course(replay: Replay) -> str:
    """What the agent is told, what happens to things, and what it holds at the end; empty where nothing does."""
    parts = [f"The agent is told: {', '.join(replay.told)}."] if replay.told else []
    gone = [
        f"{thing.name} at step {change.time}"
        for thing in replay.things
        for change in thing.changes
        if change.cell is None and change.time
    ]
    moving = dict.fromkeys(
        thing.name for thing in replay.things if any(change.cell for change in thing.changes if change.time)
    )
    parts += [f"Gone: {', '.join(gone)}."] if gone else []
    parts += [f"Moving: {', '.join(moving)}."] if moving else []
    held = ", ".join(f"{held.name} {held.counts[-1]}" for held in replay.held)
    return " ".join([*parts, *([f"At the end: {held}."] if held else [])])
