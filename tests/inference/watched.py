"""Planted agents and what they were seen to do, shared by the tests of this folder."""

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from trueaim import scenarios
from trueaim.agents.planted import bound_for, mixed, pursuing, uniform
from trueaim.core.keys import root
from trueaim.core.levels import LevelClass, audit_levels
from trueaim.core.model import Cues, Features, Model
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.inference.device import Device, device
from trueaim.inference.likelihood import Decisions, Evidence, decisions, evidence, plans
from trueaim.training.rollout import trace
from trueaim.worlds.grid import tabular

SIZE = 13
PLACES = {
    "top left corner": 0,
    "top right corner": SIZE - 1,
    "bottom left corner": SIZE * (SIZE - 1),
    "bottom right corner": SIZE * SIZE - 1,
}


class Watched(NamedTuple):
    """Levels with all that inference asks for."""

    levels: Any
    model: Model
    cues: Cues
    features: Features


@cache
def scenario_of(layout: str = "blocks") -> Scenario:
    scenario = scenarios.scenario("cheese_corner", size=SIZE, layout=layout)
    assert scenario.map is not None
    return replace(scenario, map=scenario.map._replace(scene=None))  # nobody looks at pictures here


@cache
def watched(kind: str, num: int, layout: str = "blocks") -> Watched:
    """Levels that necessarily tell cheese and corner apart, that do not, of training, or with all corners in reach."""
    scenario = scenario_of(layout)
    setting = scenario.train if kind == "train" else scenario.shifts["anywhere"]
    drawn = audit_levels(scenario, setting, root(3), num * {"same": 48, "corners": 8}.get(kind, 3))
    planner: Any = scenario.planner
    classes = np.asarray(planner.classes(drawn, 1))
    is_kept = {
        "apart": classes == LevelClass.NECESSARILY,
        "same": classes == LevelClass.NON,
        "train": np.ones(len(classes), bool),
        "corners": _all_in_reach(planner, drawn) & (classes != LevelClass.UNSOLVABLE),
    }[kind]
    rows = np.flatnonzero(is_kept)[:num]
    assert len(rows) == num
    levels = jax.tree.map(lambda table: table[rows], drawn)
    return Watched(
        levels,
        tabular.model(planner, levels),
        tabular.cues(planner, levels),
        tabular.features(planner, levels, scenario.world.slots),  # type: ignore[attr-defined]
    )


def _all_in_reach(planner: Any, levels: Any) -> np.ndarray:
    starts = np.asarray(levels.start)
    ways = [np.asarray(planner.towards(levels, place))[np.arange(len(starts)), starts] for place in PLACES.values()]
    return np.all([way.any(-1) for way in ways], 0)


def agents(aim: str, noise: float, num: int, layout: str = "blocks") -> Policy:
    """A group of planted agents: "random", "mixed", a goal's name, or that of a corner."""
    scenario = scenario_of(layout)
    if aim == "random":
        return replace(uniform(scenario), seeds=tuple(range(num)))
    if aim == "mixed":
        return mixed(scenario, "corner", "cheese", 0.65, noise, num)
    if aim in PLACES:
        return bound_for(scenario, PLACES[aim], noise, num)
    return pursuing(scenario, aim, noise, num)


def seen(policy: Policy, where: Watched, layout: str = "blocks", seed: int = 5) -> list[Decisions]:
    """What each agent of the group did on these levels."""
    results, path = trace(scenario_of(layout), policy, where.levels, root(seed))
    places, length = np.asarray(path.places), np.asarray(results.length)
    return [decisions(where.model, *both) for both in zip(places, length, strict=True)]


def weighed(found: Decisions, where: Watched, form: str = "noisy") -> tuple[Evidence, Device]:
    """The evidence for goals and for the device class."""
    return evidence(plans(where.model, form=form), found), device(found, where.cues)
