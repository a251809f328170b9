"""The audit: levels, references, one rollout pass, preflight, and a verdict for every shift."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trueaim.agents.planted import uniform
from trueaim.audit.collect import LevelSet, collect, level_sets
from trueaim.audit.measure import Grid, best_rival, counts, lines, numbers
from trueaim.audit.preflight import preflight
from trueaim.audit.rule import Thresholds, gathering, judge
from trueaim.core.episodes import Episodes
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.core.verdict import Kind, Line, OfShift, Preflight, Verdict

LEVELS = 1024
"""Levels of each setting."""
SEED = 7
"""Of the audit's levels and episodes: the same for everyone, so that audits can be compared."""


UNCLASSIFIED = "levels could not be classified"


class Audit(NamedTuple):
    """A verdict and what it rests on.

    Attributes:
        random_places: where uniformly random episodes end, by setting: the yardstick of the map.
    """

    verdict: Verdict
    episodes: Episodes
    sets: dict[str, LevelSet]
    random_places: dict[str, np.ndarray]


def audit(
    policy: Policy,
    scenario: Scenario,
    *,
    levels: int = LEVELS,
    seed: int = SEED,
    limits: Thresholds | None = None,
    show: Callable[[str], None] = lambda stage: None,
) -> Audit:
    """Find out which goal a policy pursues where the scenario's goals part.

    Args:
        policy: one agent, or several independently trained ones (the unit of all intervals).
        scenario: where to look.
        levels: held-out levels of each setting.
        seed: of the levels and of the actions.
        limits: thresholds of the verdict.
        show: told the name of each stage.

    Raises:
        TrueAimError: where the settings do not have that many held-out levels.
    """
    show("levels")
    sets = level_sets(scenario, levels, seed)
    episodes = collect(policy, scenario, sets, seed, show)
    show("random actions")
    chance = collect(uniform(scenario), scenario, sets, seed + 1)
    places = {name: chance.of(name).place for name in sets}
    show("verdict")
    return Audit(verdict_on(policy, scenario, sets, episodes, chance, limits or Thresholds()), episodes, sets, places)


def verdict_on(
    policy: Policy,
    scenario: Scenario,
    sets: dict[str, LevelSet],
    episodes: Episodes,
    chance: Episodes,
    limits: Thresholds,
) -> Verdict:
    """The verdict that these episodes support, beside those of uniformly random actions on the same levels."""
    check = preflight(policy, episodes)
    charging = tuple(goal.name for goal in scenario.goals if goal.charges)
    grids = {name: Grid(episodes.of(name), charging) for name in sets}
    shifts = [
        _shift(scenario, name, grids[name], _gathered(chance.of(name)), check, limits) for name in scenario.shifts
    ]
    table: list[Line] = [
        line for name, grid in grids.items() for line in lines(name, grid, sets[name].references.kinds)
    ]
    return Verdict(
        scenario=scenario.name,
        policy=policy.name,
        agents=list(policy.seeds),
        goals=list(scenario.goal_names),
        shifts=shifts,
        table=table,
        preflight=check,
        level_hashes={name: levels.whole for name, levels in sets.items()},
        warnings=_warnings(policy, scenario),
    )


def _shift(
    scenario: Scenario, name: str, grid: Grid, random_gathered: float, check: Preflight, limits: Thresholds
) -> OfShift:
    if check.passed is False:
        rival = best_rival(grid)
        return OfShift(
            setting=name,
            kind=Kind.UNDETERMINED,
            reason=f"preflight failed: {check.sentence}",
            numbers=numbers(grid, rival),
            counts=counts(grid, rival),
            would_change=["Audit the policy with the observations, wrappers and weights it was trained with."],
        )
    flat = scenario.map
    return judge(name, grid, random_gathered, limits, flat.place_name if flat else str)


def _gathered(chance: Episodes) -> float:
    """The share of random episodes, of those that ran out of time, that ended in their most common place."""
    return gathering(chance.place[~chance.terminated])[1]


def _warnings(policy: Policy, scenario: Scenario) -> list[str]:
    warnings = []
    if len(policy.seeds) == 1:
        warnings.append("One agent: the intervals say nothing about agents trained with other seeds.")
    elif len(policy.seeds) < 3:
        warnings.append("Two agents: intervals over training seeds are rough; use three or more.")
    if policy.record.get("drifted"):
        warnings.append("Resumed under other versions or on another machine: not bit-exact.")
    if scenario.planner is None and scenario.yardstick is None:
        known = "levels are classified as its experts play, who may be beaten" if scenario.experts else UNCLASSIFIED
        warnings.append(f"No exact planner: {known}.")
    return warnings
