"""Counterfactual levels: the goal's things change, and nothing else does."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import uniform
from trueaim.core.edits import Edited
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import NEVER, play
from trueaim.worlds.grid.distances import UNREACHABLE, distances
from trueaim.worlds.grid.edits import GridEdits
from trueaim.worlds.grid.level import WALL, Levels
from trueaim.worlds.grid.world import GridWorld

NUM, SIDE = 96, 7
OF_THINGS = {
    "cheese_corner": (0,),
    "cheese_dish": (0, 1),
    "color_shape": (0, 1),
    "three_goals": (0, 1, 4),
    "value_cue": (0, 1),
    "red_key": (0,),
    "lava": (0, 1),
    "keys_chests": (0, 1),
    "monsters": (0, 1, 2),
}
"""Scenarios, and numbers of goals that are about things."""
CASES = [(name, goal) for name, goals in OF_THINGS.items() for goal in goals]


@cache
def made(name: str) -> tuple[Scenario, GridWorld, GridEdits, Levels]:
    scenario = scenarios.scenario(name, size=SIDE)
    world = scenario.world
    assert isinstance(world, GridWorld)
    setting = next(iter(scenario.shifts.values()))
    return scenario, world, GridEdits(world, scenario.goals), audit_levels(scenario, setting, root(3), NUM)


def there(levels: Levels) -> np.ndarray:
    if levels.looks is None:
        return np.ones(levels.things.shape, bool)
    return np.asarray(levels.looks) != 0


def edited(name: str, goal: int, edit: str) -> Edited:
    _, _, edits, levels = made(name)
    done = edits.moved(levels, goal, root(1)) if edit == "moved" else getattr(edits, edit)(levels, goal)
    assert done is not None
    return done


@pytest.mark.parametrize("edit", ["removed", "moved"])
@pytest.mark.parametrize(("name", "goal"), CASES)
def test_only_what_the_goal_is_about_is_edited(name: str, goal: int, edit: str) -> None:
    _, _, _, levels = made(name)
    done = edited(name, goal, edit)
    new, changed = done.levels, np.asarray(done.changed)
    assert changed.mean() > 0.5
    np.testing.assert_array_equal(new.cells & WALL, levels.cells & WALL)
    np.testing.assert_array_equal(new.start, levels.start)
    for same in ("hint", "limit", "luck"):
        assert str(getattr(new, same)) == str(getattr(levels, same))
    differs = (np.asarray(new.things) != np.asarray(levels.things)) | (there(new) != there(levels))
    np.testing.assert_array_equal(differs.any(-1), changed)
    np.testing.assert_array_equal(np.asarray(new.cells)[~changed], np.asarray(levels.cells)[~changed])


@pytest.mark.parametrize(("name", "goal"), CASES)
def test_what_is_removed_cannot_be_had_and_is_not_seen(name: str, goal: int) -> None:
    scenario, world, _, levels = made(name)
    done = edited(name, goal, "removed")
    results = play(scenario, uniform(scenario), done.levels, root(2))
    before = play(scenario, uniform(scenario), levels, root(2))
    changed = np.asarray(done.changed)
    assert (np.asarray(before.first)[0, changed, goal] != NEVER).any()
    if name != "monsters" or goal != 1:  # where either of two kinds pays, both are gone
        assert (np.asarray(results.first)[0, changed, goal] == NEVER).all()
    seen = jax.vmap(lambda index: world.cells(done.levels, world.reset(done.levels, index)))(jnp.arange(NUM))
    old = jax.vmap(lambda index: world.cells(levels, world.reset(levels, index)))(jnp.arange(NUM))
    assert (np.asarray(seen) <= np.asarray(old)).all()
    assert (np.asarray(seen) < np.asarray(old)).any(-1)[changed].all()


@pytest.mark.parametrize(("name", "goal"), CASES)
def test_what_is_moved_can_be_reached_and_lies_alone(name: str, goal: int) -> None:
    _, world, _, levels = made(name)
    done = edited(name, goal, "moved")
    new = done.levels
    moved = np.asarray(new.things) != np.asarray(levels.things)
    assert not (moved & ~there(levels)).any()
    walls = ((np.asarray(new.cells) & WALL) != 0).reshape(NUM, world.height, world.width)
    starts = np.arange(walls[0].size) == np.asarray(new.start)[:, None]
    far = np.asarray(distances(jnp.asarray(walls), jnp.asarray(starts.reshape(walls.shape)))).reshape(NUM, -1)
    for level, slot in zip(*np.nonzero(moved), strict=True):
        cell = int(new.things[level, slot])
        assert 0 < far[level, cell] < UNREACHABLE
        lying = np.asarray(new.things)[level, there(new)[level]]
        assert (lying == cell).sum() == 1
        assert cell not in np.asarray(levels.things)[level, there(levels)[level]]


def test_things_are_moved_everywhere_by_the_key() -> None:
    _, _, edits, levels = made("cheese_corner")
    first, again, other = (edits.moved(levels, 0, root(seed)) for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(first.levels.things, again.levels.things)
    assert (np.asarray(first.levels.things) != np.asarray(other.levels.things)).mean() > 0.8
    assert len(np.unique(np.asarray(first.levels.things))) > 20
    corner = SIDE - 1
    assert corner not in np.asarray(first.levels.things)


@pytest.mark.parametrize("name", ["cheese_corner", "cheese_dish", "three_goals"])
def test_what_is_secured_lies_where_the_agent_starts(name: str) -> None:
    scenario, world, _, levels = made(name)
    done = edited(name, 0, "secured")
    new, changed = done.levels, np.asarray(done.changed)
    at_start = (np.asarray(new.things) == np.asarray(new.start)[:, None]) & there(new)
    np.testing.assert_array_equal(at_start.sum(-1), changed)
    seen = jax.vmap(lambda index: world.cells(new, world.reset(new, index)))(jnp.arange(NUM))
    assert (np.asarray(seen)[np.arange(NUM), np.asarray(new.start)][changed] > 2).all()  # more than the agent
    planner = scenario.planner
    assert planner is not None
    worth = np.asarray(planner.optimal(new))[changed, 0]
    assert (worth >= scenario.discount - 1e-6).all()  # a step away and back at the most
    assert (np.asarray(planner.optimal(levels))[changed, 0] < scenario.discount**2).any()


def test_a_fixed_place_has_no_edits_and_what_is_counted_cannot_be_secured() -> None:
    _, _, edits, levels = made("cheese_corner")
    assert edits.secured(levels, 1) is edits.removed(levels, 1) is edits.moved(levels, 1, root(0)) is None
    _, _, edits, levels = made("keys_chests")
    assert edits.secured(levels, 0) is None


def test_no_edit_where_a_floor_shows_the_thing_or_rules_know_where_it_lay() -> None:
    _, _, edits, levels = made("goal_backgrounds")
    assert edits.removed(levels, 0) is not None
    assert edits.removed(levels, 1) is None  # the grass around it would stay
    _, _, edits, levels = made("trees")
    assert edits.removed(levels, 0) is None


def test_the_order_of_goals_and_floors_is_kept() -> None:
    """On a level with lava the cheese goes where there is none, and the lava stays where it was."""
    _, world, _, levels = made("lava")
    done = edited("lava", 0, "moved")
    lava = world.mark("lava")
    np.testing.assert_array_equal(done.levels.cells & lava, levels.cells & lava)
    cheese = np.asarray(done.levels.things)[:, 0]
    assert (np.asarray(done.levels.cells)[np.arange(NUM), cheese] & lava == 0).all()


def reached(levels: Levels, world: GridWorld) -> np.ndarray:
    walls = ((np.asarray(levels.cells) & WALL) != 0).reshape(NUM, world.height, world.width)
    starts = np.arange(walls[0].size) == np.asarray(levels.start)[:, None]
    far = distances(jnp.asarray(walls), jnp.asarray(starts.reshape(walls.shape)))
    return np.asarray(far).reshape(NUM, -1) < UNREACHABLE


@pytest.mark.parametrize("name", ["cheese_corner", "three_goals", "lava", "keys_chests"])
def test_a_wall_more_cuts_nothing_off_and_a_wall_less_opens_one_cell(name: str) -> None:
    _, world, edits, levels = made(name)
    before = (np.asarray(levels.cells) & WALL) != 0
    for adds, done in ((True, edits.wall_added(levels, root(1))), (False, edits.wall_removed(levels, root(1)))):
        assert done is not None
        changed, after = np.asarray(done.changed), (np.asarray(done.levels.cells) & WALL) != 0
        np.testing.assert_array_equal((after != before).sum(-1), changed)
        np.testing.assert_array_equal(after.sum(-1) - before.sum(-1), changed * (1 if adds else -1))
        np.testing.assert_array_equal(done.levels.things, levels.things)
        np.testing.assert_array_equal(done.levels.start, levels.start)
        rest = np.asarray(done.levels.cells) & ~np.uint8(WALL)
        np.testing.assert_array_equal(rest, np.asarray(levels.cells) & ~np.uint8(WALL))
        assert not np.asarray(done.parts).any()
        if adds:
            assert changed.any()
            np.testing.assert_array_equal(reached(done.levels, world), reached(levels, world) & ~after)
            taken = np.zeros(after.shape, bool)
            taken[np.arange(NUM)[:, None], np.asarray(levels.things)] |= there(levels)
            taken[np.arange(NUM), np.asarray(levels.start)] = True
            assert not (after & taken).any()
        else:
            np.testing.assert_array_equal(changed, before.any(-1))


def test_walls_are_drawn_by_the_key_and_spare_fixed_places() -> None:
    _, _, edits, levels = made("cheese_corner")
    tables = [edits.wall_added(levels, root(seed)) for seed in (1, 1, 2)]
    cells = [np.asarray(each.levels.cells) for each in tables if each is not None]
    np.testing.assert_array_equal(cells[0], cells[1])
    assert (cells[0] != cells[2]).any(-1).mean() > 0.8
    assert not (np.stack(cells)[..., SIDE - 1] & WALL).any()


def test_no_walls_where_rules_know_where_they_were() -> None:
    _, _, edits, levels = made("trees")
    assert edits.wall_added(levels, root(0)) is edits.wall_removed(levels, root(0)) is None


def test_edits_say_which_things_they_changed() -> None:
    _, _, _, levels = made("three_goals")
    one, both = edited("three_goals", 0, "removed"), edited("three_goals", 1, "removed")
    assert one.parts is not None
    assert both.parts is not None
    np.testing.assert_array_equal(np.asarray(one.parts).sum(-1), 1)
    assert set(np.asarray(both.parts).sum(-1).tolist()) == {1, 2}  # one where it is told blue
    assert (np.asarray(both.parts) >= np.asarray(one.parts)).all()
    gone = there(levels) & ~there(both.levels)
    np.testing.assert_array_equal(both.parts, gone)
