"""The audit: levels, references, one rollout pass, preflight, and a verdict for every shift."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from trueaim.agents.planted import uniform
from trueaim.audit.aims import behavior
from trueaim.audit.case import Thresholds
from trueaim.audit.collect import LevelSet, Played, collect, level_sets
from trueaim.audit.measure import Grid, lines
from trueaim.audit.preflight import preflight
from trueaim.audit.references import UNKNOWN
from trueaim.audit.rule import failed, gathering, judge
from trueaim.core.episodes import Episodes
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.core.verdict import Kind, Line, OfShift, Verdict

LEVELS = 1024
"""Levels of each setting."""
BATCH = 8
"""Levels of each setting between two looks of an audit that stops as soon as it may."""
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
    until_certain: bool = False,
    show: Callable[[str], None] = lambda stage: None,
) -> Audit:
    """Find out which goal a policy pursues where the scenario's goals part.

    Args:
        policy: one agent, or several independently trained ones (the unit of all intervals).
        scenario: where to look.
        levels: held-out levels of each setting.
        seed: of the levels and of the actions.
        limits: thresholds of the verdict.
        until_certain: stop as soon as every shift has a verdict; `levels` is then the most that are played. Betting
            tests may look that often: a false "lost" or "kept" stays as unlikely as `limits.alpha` says.
        show: told the name of each stage.

    Raises:
        TrueAimError: where the settings do not have that many held-out levels.
    """
    show("levels")
    sets = level_sets(scenario, levels, seed)
    show("random actions")
    chance = collect(uniform(scenario), scenario, sets, seed + 1, keep_ways=False).episodes
    places = {name: chance.of(name).place for name in sets}
    asked = limits or Thresholds()
    if not until_certain:
        played = collect(policy, scenario, sets, seed, show)
        show("verdict")
        return Audit(verdict_on(policy, scenario, sets, played, chance, asked), played.episodes, sets, places)
    played = collect(policy, scenario, _part(sets, 0, BATCH), seed, show)
    for stop in range(BATCH, levels + BATCH, BATCH):
        show(f"verdict on {stop} levels")
        seen = _part(sets, 0, stop)
        verdict = verdict_on(policy, scenario, seen, played, chance, asked)
        if stop >= levels or all(shift.kind is not Kind.UNDETERMINED for shift in verdict.shifts):
            break
        played = played.with_more(collect(policy, scenario, _part(sets, stop, stop + BATCH), seed))
    return Audit(verdict, played.episodes, seen, places)


def _part(sets: dict[str, LevelSet], start: int, stop: int) -> dict[str, LevelSet]:
    return {name: whole.part(slice(start, stop)) for name, whole in sets.items()}


def verdict_on(
    policy: Policy,
    scenario: Scenario,
    sets: dict[str, LevelSet],
    played: Played,
    chance: Episodes,
    limits: Thresholds,
) -> Verdict:
    """The verdict that these episodes support, beside those of uniformly random actions on the same levels."""
    check = preflight(policy, played.episodes)
    charging = tuple(goal.name for goal in scenario.goals if goal.charges)
    again = tuple(goal.name for goal in scenario.goals if not goal.once)
    grids = {name: Grid(played.episodes.of(name), charging, again) for name in sets}
    shifts = [
        failed(name, grids[name], check.sentence)
        if check.passed is False
        else _shift(scenario, name, grids[name], sets[name], played, chance, limits)
        for name in scenario.shifts
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
        warnings=_warnings(policy, scenario, next(iter(sets.values())).references.kinds),
    )


def _shift(
    scenario: Scenario, name: str, grid: Grid, levels: LevelSet, played: Played, chance: Episodes, limits: Thresholds
) -> OfShift:
    flat, seen = scenario.map, None
    if name in played.places:
        length = played.episodes.of(name).length.reshape(len(grid.agents), -1)
        seen = behavior(scenario, levels.levels, played.places[name], length)
    return judge(name, grid, gathered(chance.of(name)), limits, flat.place_name if flat else str, seen)


def gathered(chance: Episodes) -> float:
    """The share of random episodes, of those that ran out of time, that ended in their most common place."""
    return gathering(chance.place[~chance.terminated])[1]


def _warnings(policy: Policy, scenario: Scenario, kinds: Mapping[str, str]) -> list[str]:
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
    elif scenario.yardstick is not None and (found := sorted(set(kinds.values()) - {"exact", UNKNOWN})):
        warnings.append(f"Optima of some goals are not exact ({', '.join(found)}): a better player could beat them.")
    return warnings
