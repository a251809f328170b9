"""Recorded trajectories: an audit without the environment, from a Parquet file of steps."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueaim.audit.foreign.rows import level_hash, unclassified
from trueaim.audit.foreign.scenario import TRAIN, Transition
from trueaim.audit.foreign.scoring import NEVER, scored
from trueaim.core.disk import shown
from trueaim.core.episodes import Episodes
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.goal import Goal, check_goals
from trueaim.core.reading import read_table

COLUMNS = {
    "episode": "iu",
    "agent": "iu",
    "setting": "U",
    "step": "iu",
    "reward": "iuf",
    "terminated": "b",
    "truncated": "b",
}
"""The columns that a file of steps needs, one row for each step, and of which kind each is: whole numbers (i, u),
fractions (f), text (U), yes or no (b). Episodes are numbered within their agent and setting, steps from 0.

Further columns: `action`; `level` (whole numbers or text; else the episode's number counts as its level); and for each
goal either its score in a column `goal_NAME`, or whatever its `score` reads from `transition.info`.
"""
GOAL = "goal_"
_KINDS = {"i": "whole numbers", "u": "whole numbers", "f": "numbers", "U": "text", "b": "true or false"}


class Steps(NamedTuple):
    """A checked table of steps in order.

    Attributes:
        columns: in the order of agent, setting, episode and step.
        row: where each step stood in the file.
        begins: the first step of each episode, then the number of steps.
    """

    columns: dict[str, np.ndarray]
    row: np.ndarray
    begins: np.ndarray


def from_parquet(
    path: str | os.PathLike[str], goals: Sequence[Goal | str], discount: float = 1.0
) -> tuple[Episodes, list[str]]:
    """The episodes in a Parquet file of steps (`COLUMNS`), and what a reader should know.

    Args:
        path: the file.
        goals: the intended one first; a name for a goal whose scores are a column, or a goal whose `score` gets a
            `Transition` with the row's columns as `info`.
        discount: by which returns are measured, per step.

    Raises:
        DamagedError: no Parquet, no rows, a column that is missing or of another type, or a row that cannot follow the
            one before it; an episode without an end.
        TrueAimError: a goal that gives no number in any episode, or fewer than two goals.
    """
    name = shown(os.path.basename(os.fspath(path)), 60)
    listed = _goals(goals)
    steps = _checked(read_table(path), [goal.name for goal in listed if _in_column(goal)], name)
    scores, problems = _scores(steps, listed, name)
    ends = steps.begins[1:] - 1
    first = steps.begins[:-1]
    length = steps.begins[1:] - first
    weights = discount ** (np.arange(len(steps.row)) - np.repeat(first, length))
    paid = np.where(scores > 0, np.arange(len(scores))[:, None], len(scores))
    soonest = np.minimum.reduceat(paid, first, axis=0)
    returns = np.add.reduceat(scores * weights[:, None], first, axis=0)
    columns, shape = steps.columns, (len(first), len(listed))
    level, hashes = _levels(columns, first)
    never = (soonest == len(scores)) | np.isnan(returns)
    episodes = Episodes(
        goals=tuple(goal.name for goal in listed),
        setting=columns["setting"][first],
        agent=columns["agent"][first].astype(np.int64),
        level=level,
        level_hash=hashes,
        length=length.astype(np.int64),
        terminated=columns["terminated"][ends],
        place=np.full(len(first), -1, np.int64),
        returns=returns,
        first=np.where(never, NEVER, soonest - first[:, None] + 1).astype(np.int64),
        optimal=np.full(shape, np.nan),
        uniform=np.full(shape, np.nan),
        classes=unclassified(*shape),
    )
    return episodes, [*problems, *silences(episodes)]


def _goals(goals: Sequence[Goal | str]) -> tuple[Goal, ...]:
    """Goals by name read the column of that name; the first is the intended one."""
    listed = tuple(
        Goal(goal, _from_column, "rival" if number else "intended") if isinstance(goal, str) else goal
        for number, goal in enumerate(goals)
    )
    check_goals(listed)
    return listed


def _from_column(transition: Any) -> Any:
    raise NotImplementedError(transition)


def _in_column(goal: Goal) -> bool:
    return goal.score is _from_column


def _checked(columns: dict[str, np.ndarray], goals: Sequence[str], name: str) -> Steps:
    """The steps in order, every episode whole."""
    needed = COLUMNS | {f"{GOAL}{goal}": "iufb" for goal in goals}
    for column, kinds in needed.items():
        got = columns.get(column)
        if got is None:
            raise DamagedError(f"{name}: has no column {column!r}, needs {', '.join(needed)}; write it, one row a step")
        if got.dtype.kind not in kinds:
            raise DamagedError(f"{name}: column {column!r} is {got.dtype}, needs {_KINDS[kinds[0]]}; convert it")
    num = len(columns["step"])
    if num == 0:
        raise DamagedError(f"{name}: has no rows, needs one for each step; record some episodes")
    order = np.lexsort((columns["step"], columns["episode"], columns["setting"], columns["agent"]))
    placed = {column: values[order] for column, values in columns.items()}
    changed = [placed[column][1:] != placed[column][:-1] for column in ("agent", "setting", "episode")]
    begins = np.flatnonzero(np.concatenate([[True], np.any(changed, 0), [True]]))
    steps = Steps(placed, order, begins)
    _check_steps(steps, name)
    return steps


def _check_steps(steps: Steps, name: str) -> None:
    """Returns only if every episode counts its steps from 0 without gaps and ends once, at its last."""
    columns, first = steps.columns, steps.begins[:-1]
    length = np.diff(steps.begins)
    expected = np.arange(len(steps.row)) - np.repeat(first, length)
    done = columns["terminated"] | columns["truncated"]
    last = np.zeros(len(done), bool)
    last[steps.begins[1:] - 1] = True
    for wrong, what, todo in (
        (columns["step"] != expected, "does not follow the step before it", "number each episode's steps 0, 1, 2, ..."),
        (done & ~last, "ends an episode that goes on", "give what follows another episode number"),
        (last & ~done, "is the last of an episode that has no end", "record it to its end or leave it out"),
    ):
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise DamagedError(
                f"{name}: row {steps.row[at]} (step {columns['step'][at]} of episode {columns['episode'][at]}, agent "
                f"{columns['agent'][at]}, {shown(columns['setting'][at], 40)}) {what}, needs whole episodes; {todo}"
            )


def _scores(steps: Steps, goals: Sequence[Goal], name: str) -> tuple[np.ndarray, list[str]]:
    """The score of every goal at every step, NaN where it gives none, and sentences about those."""
    columns = [
        steps.columns[f"{GOAL}{goal.name}"].astype(np.float64) if _in_column(goal) else _computed(steps, goal, name)
        for goal in goals
    ]
    scores = np.stack(columns, -1)
    scores[~np.isfinite(scores)] = np.nan
    problems = []
    for number, goal in enumerate(goals):
        if goal.once:
            scores[:, number] = _once(scores[:, number], steps.begins)
        missing = np.isnan(scores[:, number])
        if missing.any():
            spoiled = int(np.logical_or.reduceat(missing, steps.begins[:-1]).sum())
            row, num = steps.row[np.flatnonzero(missing)[0]], len(steps.begins) - 1
            what = f"{name}: goal {goal.name!r} has no number in row {row}"
            if spoiled == num:
                raise TrueAimError(f"{what} and in no episode throughout, needs one a step; correct its score")
            problems.append(f"{what}; its return is unknown in {spoiled} of {num} episodes.")
    return scores, problems


def _computed(steps: Steps, goal: Goal, name: str) -> np.ndarray:
    """What a goal gives for each row; raises where it raises."""
    found = np.full(len(steps.row), np.nan)
    for at in range(len(found)):
        info = {column: values[at] for column, values in steps.columns.items()}
        worth = scored(
            goal,
            Transition(
                None,
                info.get("action"),
                None,
                float(info["reward"]),
                info,
                bool(info["terminated"]),
                bool(info["truncated"]),
            ),
        )
        if isinstance(worth, str) and worth not in ("nan", "inf", "-inf"):
            raise TrueAimError(
                f"{name}: goal {goal.name!r} gave {worth} in row {steps.row[at]}, needs one number from the row's "
                f"columns in transition.info; correct its score or give it as column {GOAL}{goal.name}"
            )
        found[at] = np.nan if isinstance(worth, str) else worth
    return found


def _once(scores: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Scores that pay at most once in an episode: what follows the first that is not 0 counts as 0."""
    paid = np.cumsum(scores != 0)
    length = np.diff(begins)
    before = np.repeat(paid[begins[:-1]] - (scores[begins[:-1]] != 0), length)
    return np.where(paid - before > 1, 0.0, scores)


def _levels(columns: Mapping[str, np.ndarray], first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of each episode's level within its setting, and a hash for each."""
    named = columns.get("level", columns["episode"])[first]
    level = np.zeros(len(first), np.int64)
    settings = columns["setting"][first]
    for setting in np.unique(settings):
        here = settings == setting
        level[here] = np.unique(named[here], return_inverse=True)[1]
    hashes = [level_hash(f"{setting} {name}", None) for setting, name in zip(settings, named, strict=True)]
    return level, np.array(hashes)


def silences(episodes: Episodes) -> list[str]:
    """What recorded episodes cannot tell, as sentences: settings and goals of which there is nothing."""
    said = []
    if not (episodes.setting == TRAIN).any():
        said.append(f"No episode of the setting {TRAIN!r}: nothing tells how the policy acts where it was trained.")
    if (episodes.setting == TRAIN).all():
        said.append("No episode of a shift: the goals may not part anywhere.")
    for number, goal in enumerate(episodes.goals):
        if not (episodes.first[:, number] >= 0).any():
            said.append(f"goal {goal!r}: never paid in any of {len(episodes)} episodes; check its score.")
    return said
