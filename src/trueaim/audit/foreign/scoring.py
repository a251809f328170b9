"""Goals of others, scored step by step: what is no number is counted, never taken for 0."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trueaim.audit.foreign.scenario import Transition
from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError
from trueaim.core.goal import Goal

NEVER = -1
"""The step at which a goal that never paid first paid."""


@dataclass
class Score:
    """The goals of one episode under way.

    Attributes:
        returns: discounted so far; NaN from the step on at which a goal gave no number.
        first: the step at which each goal first paid, counted from 1, or `NEVER`.
        problems: by goal, what it gave instead of a number, and when.
    """

    returns: np.ndarray
    first: np.ndarray
    weight: float = 1.0
    steps: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def unscored(num_goals: int) -> Score:
    """The score at the start of an episode."""
    return Score(np.zeros(num_goals), np.full(num_goals, NEVER, np.int64))


def add(score: Score, goals: Sequence[Goal], transition: Transition, discount: float) -> None:
    """Adds one step to the score of an episode."""
    score.steps += 1
    for number, goal in enumerate(goals):
        if goal.name in score.problems or (goal.once and score.first[number] != NEVER):
            continue
        worth = scored(goal, transition)
        if isinstance(worth, str):
            score.problems[goal.name] = f"{worth} at step {score.steps}"
            score.returns[number], score.first[number] = np.nan, NEVER
            continue
        score.returns[number] += score.weight * worth
        if score.first[number] == NEVER and worth > 0:
            score.first[number] = score.steps
    score.weight *= discount


def scored(goal: Goal, transition: Transition) -> float | str:
    """What a transition is worth for a goal, or what the goal gave instead of a number."""
    try:
        worth = np.asarray(goal.score(transition))
    except Exception as error:  # the goal is someone else's code
        return f"{type(error).__name__} ({shown(str(error), 60)})"
    if worth.size != 1 or worth.dtype.kind not in "biuf":
        return f"a value of shape {worth.shape} and type {worth.dtype}"
    value = float(worth.reshape(()))
    return value if np.isfinite(value) else f"{value}"


def check_scored(goals: Sequence[Goal], problems: Sequence[dict[str, str]], setting: str) -> list[str]:
    """Sentences about goals that gave no number in some episodes of a setting.

    Args:
        goals: all of them.
        problems: of each episode, as in `Score`.
        setting: for the sentences.

    Raises:
        TrueAimError: a goal gave no number in any episode.
    """
    said = []
    for goal in goals:
        rows = [number for number, found in enumerate(problems) if goal.name in found]
        if not rows:
            continue
        what = f"goal {goal.name!r}: gave {problems[rows[0]][goal.name]} of episode {rows[0]} in setting {setting!r}"
        if len(rows) == len(problems):
            raise TrueAimError(f"{what} and no number in any other, needs one finite number a step; correct its score")
        said.append(f"{what}, and no number in {len(rows)} of {len(problems)} episodes, which are left out.")
    return said
