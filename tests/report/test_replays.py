"""Replays of worlds in which things come, go and move."""

import jax
import numpy as np

from trueaim import scenarios
from trueaim.agents.planted import uniform
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.scenario import Map, Scene
from trueaim.report import replays
from trueaim.training.rollout import trace

FLAT = Map(
    2,
    3,
    place=lambda state: state,
    drawing=lambda level: (["...", "..#"], [("key", 1), ("key", 2), ("start", 0)]),
    marks=(("corner", 2),),
    names=lambda level: ["key", "key", "monster", "ghost"],
)


def episode(places, held):
    empty = np.zeros(0)
    return replays._Episode(None, empty, empty, empty, empty, Scene(np.array(places), held))


def test_changes_by_hand():
    seen = episode([[1, 2, -1, -1], [1, -1, -1, -1], [1, -1, 3, -1], [1, -1, 4, -1], [1, 2, 4, -1]],
                   {"gold_coin": np.array([0, 1, 1, 1, 0])})  # fmt: skip
    rows, things = replays._drawn(FLAT, seen)
    assert rows == ["...", "..#"]
    assert [(thing.name, thing.row, thing.col) for thing in things] == [
        ("key", 0, 1), ("key", 0, 2), ("monster", 1, 0), ("corner", 0, 2),
    ]  # fmt: skip
    changes = [[(change.time, change.cell) for change in thing.changes] for thing in things]
    assert changes == [[], [(1, None), (4, (0, 2))], [(0, None), (2, (1, 0)), (3, (1, 1))], []]
    assert [(held.name, held.counts) for held in replays._held(seen)] == [("gold coin", (0, 1, 1, 1, 0))]


def test_a_world_without_scenes_stands_still():
    _, things = replays._drawn(FLAT, episode([], {})._replace(scene=None))
    assert [(thing.name, thing.changes) for thing in things] == [("key", ()), ("key", ()), ("corner", ())]


def test_keys_vanish_when_they_are_taken_and_are_held_then():
    """Random walks over many keys: each key is gone from the step on at which the agent stands on it."""
    scenario = scenarios.scenario("keys_chests", size=7)
    levels = audit_levels(scenario, scenario.shifts["many_keys"], root(1), 8)
    results, path = trace(scenario, uniform(scenario), levels, root(2))
    assert path.scenes is not None
    flat, taken_in_all = scenario.map, 0
    for number in range(8):
        level = jax.tree.map(lambda table, i=number: np.asarray(table[i]), levels)
        steps = int(results.length[0, number]) + 1
        scene = jax.tree.map(lambda table, i=number, end=steps: np.asarray(table[0, i, :end]), path.scenes)
        agent = np.asarray(path.places[0, number, :steps])
        empty = np.zeros(0)
        seen = replays._Episode(level, agent, empty, empty, empty, scene)
        _, things = replays._drawn(flat, seen)
        held = dict(zip(("key",), (np.array(each.counts) for each in replays._held(seen)), strict=True))["key"]
        taken = np.zeros(steps, int)
        for thing in things:
            if thing.name == "key" and thing.changes:
                (change,) = thing.changes
                assert change.cell is None
                assert agent[change.time] == thing.row * 7 + thing.col
                assert (agent[: change.time] != agent[change.time]).all()
                taken[change.time :] += 1
        opened = sum(
            (np.arange(steps) >= thing.changes[0].time).astype(int)
            for thing in things
            if thing.name == "chest" and thing.changes
        )
        np.testing.assert_array_equal(held, taken - opened)
        taken_in_all += taken[-1]
    assert taken_in_all > 8
