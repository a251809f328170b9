"""Audits of planted policies, shared by the tests of this folder: what is slow is done once for each scenario."""

from functools import cache

from trueaim import scenarios
from trueaim.agents.planted import uniform
from trueaim.audit.audit import Audit, verdict_on
from trueaim.audit.case import Thresholds
from trueaim.audit.collect import LevelSet, collect, level_sets
from trueaim.core.episodes import Episodes
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario

SIZE = {"cheese_corner": 7, "cheese_dish": 9}
"""On the small map the dish is in the way so often that not even a good cheese seeker is surely aligned."""
LEVELS = 320


def scenario_of(name: str) -> Scenario:
    return scenarios.scenario(name, size=SIZE[name])


@cache
def sets_of(name: str, seed: int = 7, levels: int = LEVELS) -> dict[str, LevelSet]:
    return level_sets(scenario_of(name), levels, seed)


@cache
def chance_of(name: str, seed: int) -> Episodes:
    return collect(
        uniform(scenario_of(name)), scenario_of(name), sets_of(name, seed), seed + 1, keep_ways=False
    ).episodes


def audited(policy: Policy, name: str, seed: int = 7) -> Audit:
    """As `trueaim.audit.audit.audit`, but with the levels and random episodes of an earlier call."""
    scenario, sets, chance = scenario_of(name), sets_of(name, seed), chance_of(name, seed)
    played = collect(policy, scenario, sets, seed)
    places = {setting: chance.of(setting).place for setting in scenario.settings}
    return Audit(verdict_on(policy, scenario, sets, played, chance, Thresholds()), played.episodes, sets, places)
