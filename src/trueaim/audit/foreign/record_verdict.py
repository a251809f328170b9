"""The verdict on recorded episodes: an audit without the environment."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from trueaim.audit.case import Thresholds
from trueaim.audit.foreign.collect import FEWEST
from trueaim.audit.foreign.scenario import Recorded
from trueaim.audit.foreign.trajectories import from_parquet
from trueaim.audit.foreign.verdict import ForeignAudit, verdict_on_episodes
from trueaim.core.episodes import Episodes, joined
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.levels import LevelClass
from trueaim.core.verdict import Preflight

NO_RANDOM = (
    "What random actions get is not in a record: nothing is said about how much better than they the agents are."
)
UNCHECKED = Preflight(passed=None, sentence="A record cannot be played again: nothing was checked against training.")


def recorded_audit(
    source: str | os.PathLike[str] | Episodes, scenario: Recorded, limits: Thresholds | None = None
) -> ForeignAudit:
    """Find out which goal the agents of a record pursued.

    Args:
        source: a Parquet file of steps (see `trueaim.audit.foreign.trajectories`), or episodes made of one or of Minari
            datasets.
        scenario: goals and settings.
        limits: thresholds of the verdict.

    Raises:
        TrueAimError: the record lacks a setting, or agents have fewer than two levels in common.
        DamagedError: the file is not such a record.
    """
    if isinstance(source, Episodes):
        episodes, notices, name = source, list[str](), scenario.name
    else:
        episodes, notices = from_parquet(source, scenario.goals, scenario.discount)
        name = Path(source).name
    whole = joined([_common(episodes, setting) for setting in scenario.settings])
    known = _with_references(whole, scenario)
    verdict = verdict_on_episodes(
        name, known.agents, scenario, known, None, [*notices, NO_RANDOM], UNCHECKED, limits or Thresholds()
    )
    return ForeignAudit(verdict, known, None)


def _common(episodes: Episodes, setting: str) -> Episodes:
    """The first episode of every agent on each level that all of them played, numbered anew."""
    if setting not in episodes.setting:
        raise unknown_name("setting of the record", setting, sorted(set(episodes.setting.tolist())))
    rows = episodes.of(setting)
    sets = [set(rows.level[rows.agent == agent].tolist()) for agent in episodes.agents]
    shared = sorted(set.intersection(*sets))
    if len(shared) < FEWEST:
        raise TrueAimError(
            f"setting {setting!r}: got {len(shared)} levels that all {len(sets)} agents played, needs at least "
            f"{FEWEST}; record more, or give levels the same numbers for all agents"
        )
    _, first = np.unique(np.stack([rows.agent, rows.level]), axis=1, return_index=True)
    kept = rows.where(np.isin(np.arange(len(rows)), first) & np.isin(rows.level, shared))
    return replace(kept, level=np.searchsorted(shared, kept.level).astype(np.int64))


def _with_references(episodes: Episodes, scenario: Recorded) -> Episodes:
    optimal, classes = episodes.optimal.copy(), episodes.classes.copy()
    for number, goal in enumerate(episodes.goals):
        given = (scenario.references or {}).get(goal)
        if given is None:
            continue
        for setting in scenario.settings:
            value = given if isinstance(given, int | float) else given.get(setting, np.nan)
            optimal[episodes.setting == setting, number] = value
    for setting, rivals in scenario.parting.items():
        for rival in rivals:
            classes[episodes.setting == setting, episodes.goals.index(rival)] = int(LevelClass.NECESSARILY)
    return replace(episodes, optimal=optimal, classes=classes)
