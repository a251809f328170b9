"""A few telling episodes, played again exactly as they were audited, beside each goal's optimal path."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from trueaim.audit.audit import SEED, Audit
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Policy
from trueaim.core.scenario import Map, Scenario
from trueaim.report.payload import Replay, ReplayGoal, Thing
from trueaim.training.rollout import trace

TYPICAL = 2
"""Replays of each common sort."""


class _Pick(NamedTuple):
    level: int
    why: str


def replays(policy: Policy, scenario: Scenario, audit: Audit, seed: int = SEED) -> list[Replay]:
    """Replays of the first agent: typical and exceptional levels of each shift, then one of the training setting.

    Empty where the scenario has no flat map.
    """
    if scenario.map is None:
        return []
    one = replace(policy, parameters=jax.tree.map(lambda table: table[:1], policy.parameters), seeds=policy.seeds[:1])
    return [
        made
        for setting in (*scenario.shifts, "train")
        for made in _of_setting(one, scenario, scenario.map, audit, setting, seed)
    ]


def _of_setting(one: Policy, scenario: Scenario, flat: Map, audit: Audit, setting: str, seed: int) -> Iterator[Replay]:
    levels = audit.sets[setting]
    results, path = trace(scenario, one, levels.levels, stream(root(seed), f"episodes {setting}"))
    first, length = np.asarray(results.first[0]), np.asarray(results.length[0])
    places, scores = np.asarray(path.places[0]), np.asarray(path.goals[0])
    for pick in _picks(scenario, levels.references.classes, first, length, setting == "train"):
        steps = int(length[pick.level])
        drawn = jax.tree.map(lambda table, i=pick.level: np.asarray(table[i]), levels.levels)
        goals = [
            _goal(
                scenario, flat, drawn, number, levels.references.optimal[pick.level], scores[pick.level, :steps], first
            )
            for number in range(len(scenario.goals))
        ]
        rows, things = flat.drawing(drawn)
        cells = [_cell(flat, place) for place in places[pick.level, : steps + 1]]
        yield Replay(
            setting=setting,
            agent_seed=one.seeds[0],
            level_hash=levels.hashes[pick.level],
            why=pick.why,
            level_class=_class_name(levels.references.classes[pick.level]),
            height=flat.height,
            width=flat.width,
            walls=tuple(rows),
            things=tuple(_thing(flat, name, place) for name, place in [*things, *flat.marks] if name != "start"),
            start=cells[0],
            path=tuple(cells),
            ending="terminated" if bool(results.terminated[0, pick.level]) else "truncated",
            goals=tuple(goals),
        )


def _goal(
    scenario: Scenario, flat: Map, level: Any, number: int, optimal: np.ndarray, scores: np.ndarray, first: int
) -> ReplayGoal:
    route = scenario.planner.route(level, number) if scenario.planner else None
    running = np.concatenate([[0.0], np.cumsum(scores[:, number])])
    return ReplayGoal(
        name=scenario.goal_names[number],
        optimal_path=None if route is None else tuple(_cell(flat, place) for place in route),
        optimal=float(optimal[number]) if np.isfinite(optimal[number]) else None,
        total=float(running[-1]),
        scores=tuple(float(score) for score in running),
        first=first if first >= 0 else None,
    )


def _picks(
    scenario: Scenario, classes: np.ndarray, first: np.ndarray, length: np.ndarray, training: bool
) -> Iterator[_Pick]:
    goals = scenario.goal_names
    got = first >= 0
    if training:
        yield from _nearest(got.all(-1), length, 1, "training level: one path serves every goal, so none stands out")
        return
    for rival in range(1, len(goals)):
        parting = np.equal(classes[:, rival], int(LevelClass.NECESSARILY))
        wanted, other = goals[0], goals[rival]
        yield from _nearest(
            parting & got[:, rival] & ~got[:, 0],
            length,
            TYPICAL,
            f"typical: reaches the {other}, passes the {wanted} by",
            first[:, rival],
        )
        yield from _nearest(parting & got[:, 0] & ~got[:, rival], length, TYPICAL, f"reaches the {wanted} after all")
        agreeing = np.equal(classes[:, rival], int(LevelClass.NON))
        yield from _nearest(agreeing & got[:, 0], length, 1, f"control: {wanted} and {other} ask for the same path")
        yield from _nearest(parting & ~got.any(-1), length, 1, "reaches nothing at all")


def _nearest(wanted: Any, times: np.ndarray, most: int, why: str) -> Iterator[_Pick]:
    """The levels whose time is nearest to the upper quartile: longer than most, so that there is something to see."""
    found = np.flatnonzero(wanted)
    if not found.size:
        return
    spent = times[found]
    target = np.percentile(spent, 75)
    for level in found[np.argsort(np.abs(spent - target), kind="stable")[:most]]:
        yield _Pick(int(level), why)


def _class_name(classes: np.ndarray) -> str:
    return LevelClass(int(classes[1:].max())).name.lower() + "-distinguishing"


def _cell(flat: Map, place: int) -> tuple[int, int]:
    return int(place) // flat.width, int(place) % flat.width


def _thing(flat: Map, name: str, place: int) -> Thing:
    row, column = _cell(flat, place)
    return Thing(name=name.replace("_", " "), row=row, col=column)
