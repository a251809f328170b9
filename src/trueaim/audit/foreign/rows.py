"""One row for each episode played in someone else's environment, and the table that they make."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trueaim.agents.foreign.batches import arrays_in
from trueaim.audit.foreign.scoring import Score, check_scored
from trueaim.core.episodes import Episodes
from trueaim.core.errors import TrueAimError
from trueaim.core.goal import Goal
from trueaim.core.levels import LevelClass


class Played(NamedTuple):
    """What came of one setting.

    Attributes:
        episodes: those that were played to their end.
        notices: what a reader should know: episodes dropped, goals without a number.
        doubts: why the environment's own account of its episodes is not to be trusted.
    """

    episodes: Episodes
    notices: list[str]
    doubts: list[str]


@dataclass
class Row:
    """One episode.

    Attributes:
        agent: its seed.
        level: its number within the setting.
        level_hash: of the level.
        score: of every goal.
        terminated: it came to its natural end.
        fault: why it was not played to its end, or "".
    """

    agent: int
    level: int
    level_hash: str
    score: Score
    terminated: bool = False
    fault: str = ""


def level_hash(name: object, observation: Any) -> str:
    """Of a level: its reset seed (or name) and its first observation, where there is one."""
    parts = [] if observation is None else arrays_in(observation)
    data = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
    return hashlib.blake2b(f"{name} ".encode() + data, digest_size=8).hexdigest()


def table(rows: list[Row], goals: Sequence[Goal], setting: str, doubts: Sequence[str] = ()) -> Played:
    """The episodes of one setting; references are not known yet, nor what the levels can tell.

    Raises:
        TrueAimError: none came to its end, or a goal gave no number in any.
    """
    whole = [row for row in rows if not row.fault]
    dropped = [row for row in rows if row.fault]
    notices = []
    if dropped:
        what = f"setting {setting!r}: the environment {dropped[0].fault} in episode {dropped[0].level}"
        if not whole:
            raise TrueAimError(f"{what} and no episode came to its end, needs at least one; correct the environment")
        notices.append(f"{what}; {len(dropped)} of {len(rows)} episodes were dropped for such reasons.")
    notices += check_scored(goals, [row.score.problems for row in whole], setting)
    num, shape = len(whole), (len(whole), len(goals))
    episodes = Episodes(
        goals=tuple(goal.name for goal in goals),
        setting=np.full(num, setting),
        agent=np.array([row.agent for row in whole], np.int64),
        level=np.array([row.level for row in whole], np.int64),
        level_hash=np.array([row.level_hash for row in whole]),
        length=np.array([row.score.steps for row in whole], np.int64),
        terminated=np.array([row.terminated for row in whole], bool),
        place=np.full(num, -1, np.int64),
        returns=np.stack([row.score.returns for row in whole]),
        first=np.stack([row.score.first for row in whole]),
        optimal=np.full(shape, np.nan),
        uniform=np.full(shape, np.nan),
        classes=unclassified(*shape),
    )
    return Played(episodes, notices, list(doubts))


def unclassified(num: int, num_goals: int) -> np.ndarray:
    """Classes of `num` levels of which nothing is known: they may distinguish any rival from the intended goal."""
    classes = np.full((num, num_goals), int(LevelClass.POSSIBLY), np.int64)
    classes[:, 0] = int(LevelClass.NON)
    return classes
