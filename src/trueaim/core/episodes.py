"""Episodes: what came of rolling a policy out, one row for each episode, every goal scored in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from trueaim.core.errors import DamagedError

PER_GOAL = {"returns": "float64", "first": "int64", "optimal": "float64", "uniform": "float64", "classes": "int64"}
PER_EPISODE = {
    "setting": "str",
    "agent": "int64",
    "level": "int64",
    "level_hash": "str",
    "length": "int64",
    "terminated": "bool",
    "place": "int64",
}


@dataclass(frozen=True, eq=False)
class Episodes:
    """A table of episodes. Missing references are NaN, never 0.

    Attributes:
        goals: names of the goals, the intended one first.
        setting: name of the setting the level was drawn from.
        agent: seed of the agent.
        level: number of the level within its setting.
        level_hash: of the level's content.
        length: steps.
        terminated: natural end before the time limit.
        place: where the agent was at the end, or -1.
        returns: discounted return of every goal, as played.
        first: step at which each goal first paid, or -1.
        optimal: what an optimal policy for each goal gets on this level.
        uniform: what uniformly random actions get.
        classes: `LevelClass` of the level for the pair (intended, this goal); 1 (non-distinguishing) for the first.
    """

    goals: tuple[str, ...]
    setting: np.ndarray
    agent: Int[np.ndarray, " episode"]
    level: Int[np.ndarray, " episode"]
    level_hash: np.ndarray
    length: Int[np.ndarray, " episode"]
    terminated: Bool[np.ndarray, " episode"]
    place: Int[np.ndarray, " episode"]
    returns: Float[np.ndarray, "episode goal"]
    first: Int[np.ndarray, "episode goal"]
    optimal: Float[np.ndarray, "episode goal"]
    uniform: Float[np.ndarray, "episode goal"]
    classes: Int[np.ndarray, "episode goal"]

    def __len__(self) -> int:
        return len(self.agent)

    @property
    def agents(self) -> list[int]:
        """The seeds of the agents, in order."""
        return sorted(int(agent) for agent in np.unique(self.agent))

    def where(self, rows: Bool[np.ndarray, " episode"]) -> "Episodes":
        """The episodes of these rows."""
        fields = {name: getattr(self, name)[rows] for name in (*PER_EPISODE, *PER_GOAL)}
        return Episodes(goals=self.goals, **fields)

    def of(self, setting: str) -> "Episodes":
        """The episodes of one setting."""
        return self.where(self.setting == setting)

    def columns(self) -> dict[str, np.ndarray]:
        """The table as flat columns: `returns_cheese` and so on."""
        flat = {name: getattr(self, name) for name in PER_EPISODE}
        for name in PER_GOAL:
            flat |= {f"{name}_{goal}": getattr(self, name)[:, i] for i, goal in enumerate(self.goals)}
        return flat


def schema(goals: tuple[str, ...]) -> dict[str, str]:
    """The columns of a table of episodes and their types."""
    return PER_EPISODE | {f"{name}_{goal}": kind for name, kind in PER_GOAL.items() for goal in goals}


def from_columns(columns: Mapping[str, np.ndarray], goals: tuple[str, ...]) -> Episodes:
    """Episodes from flat columns; raises `DamagedError` where one is missing."""
    missing = set(schema(goals)) - set(columns)
    if missing:
        raise DamagedError(f"episodes: got no column {sorted(missing)[0]!r}, needs it; run the audit again")
    fields: dict[str, Any] = {name: columns[name] for name in PER_EPISODE}
    for name in PER_GOAL:
        fields[name] = np.stack([columns[f"{name}_{goal}"] for goal in goals], -1)
    return Episodes(goals=goals, **fields)


def joined(parts: list[Episodes]) -> Episodes:
    """Several tables of the same goals as one."""
    fields = {name: np.concatenate([getattr(part, name) for part in parts]) for name in (*PER_EPISODE, *PER_GOAL)}
    return Episodes(goals=parts[0].goals, **fields)
