"""Replays of worlds in which things come, go and move."""

import jax
import numpy as np

from trueaim import scenarios
from trueaim.agents.planted import uniform
from trueaim.audit.audit import audit
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.scenario import Map, Scene
from trueaim.report import replays
from trueaim.report.payload import Change, Replay, ReplayGoal, Thing
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


def wide(*things, path=((40, 50), (40, 51), (41, 51)), way=None, height=64):
    rows = tuple("#" * 64 if row in (0, height - 1) else "." * 64 for row in range(height))
    goal = ReplayGoal(name="coin", total=1, scores=(0, 0, 1), optimal_path=way)
    return Replay(
        setting="random", agent_seed=0, level_hash="", why="", level_class="", height=height, width=64, walls=rows,
        things=tuple(things), start=path[0], path=path, ending="terminated", goals=(goal,),
    )  # fmt: skip


def test_a_large_map_is_cut_down_to_what_happens():
    moving = Thing(name="enemy", row=42, col=52, changes=(Change(time=1, cell=None), Change(time=2, cell=(45, 55))))
    whole = wide(Thing(name="coin", row=41, col=51), moving, way=((40, 50), (38, 50)))
    part = replays.cropped(whole)
    assert (part.height, part.width) == (45 + 1 - 38 + 2 * replays.MARGIN, 55 + 1 - 50 + 2 * replays.MARGIN)
    down, across = 38 - replays.MARGIN, 50 - replays.MARGIN
    assert part.path == tuple((row - down, col - across) for row, col in whole.path)
    assert part.start == part.path[0]
    assert [(thing.row + down, thing.col + across) for thing in part.things] == [(41, 51), (42, 52)]
    assert part.things[1].changes == (Change(time=1, cell=None), Change(time=2, cell=(45 - down, 55 - across)))
    assert part.goals[0].optimal_path == ((40 - down, 50 - across), (38 - down, 50 - across))
    assert set("".join(part.walls)) == {"."}
    assert Replay.model_validate(part.model_dump()) == part
    edge = replays.cropped(wide(path=((62, 1), (62, 2), (61, 2))))
    assert edge.walls[-1] == "#" * edge.width
    assert (edge.path[0], edge.width) == ((62 - 61 + replays.MARGIN, 1), 2 + 1 + replays.MARGIN)


def test_what_fills_a_map_does_not_keep_it_large():
    wall = [Thing(name="sham wall", row=row, col=col) for row in range(1, 63) for col in (53, 54, 63)]
    part = replays.cropped(wide(*wall))
    inside = [thing for thing in wall if 40 - 3 <= thing.row <= 41 + 3 and thing.col <= 51 + 3]
    assert len(part.things) == len(inside) == 8 * 2
    assert (part.height, part.width) == (8, 8)


def test_a_page_holds_no_more_steps_than_it_can(monkeypatch):
    """Of long episodes there are fewer; short ones still find their place."""
    scenario = scenarios.scenario("cheese_dish", size=7, layout="open")
    policy = uniform(scenario)
    found = audit(policy, scenario, levels=24)
    whole = replays.replays(policy, scenario, found)
    monkeypatch.setattr(replays, "MOST_STEPS", 40 * len(scenario.settings))
    few = replays.replays(policy, scenario, found)
    assert 0 < len(few) < len(whole)
    for setting in scenario.settings:
        assert sum(len(replay.path) - 1 for replay in few if replay.setting == setting) <= 40
    assert {replay.height for replay in whole} == {7}
