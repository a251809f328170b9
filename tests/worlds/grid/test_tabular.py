from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing
from trueaim.core.goal import INTENDED, PROXY, Goal
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.model import check_model
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import trace
from trueaim.worlds.grid.events import Reached
from trueaim.worlds.grid.level import Levels, thing_bit
from trueaim.worlds.grid.planner import GridPlanner, plan_for
from trueaim.worlds.grid.tabular import PLANNING_DISCOUNT, cues, features, model
from trueaim.worlds.grid.world import GridWorld

SIZE = 7


def maze(num: int = 24) -> tuple[Scenario, GridPlanner, Levels]:
    scenario = scenarios.scenario("cheese_corner", size=SIZE)
    assert isinstance(scenario.planner, GridPlanner)
    return scenario, scenario.planner, audit_levels(scenario, scenario.shifts["anywhere"], root(2), num)


def by_hand() -> tuple[GridPlanner, Levels, GridWorld]:
    """Cheese c, a wall #, the start s:  . # .  /  s . c  /  . . ."""
    scenario = scenarios.scenario("cheese_corner", size=SIZE)
    world = scenario.world
    assert isinstance(world, GridWorld)
    ends = Reached(thing=0)
    goals = (
        Goal("cheese", ends, role=INTENDED, description="reach the cheese"),
        Goal("corner", Reached(cell=2), role=PROXY, once=True, description="visit the corner"),
    )
    small = plan_for(goals, ends, 3, 3, 20, 0.9)
    assert small is not None
    cells = np.zeros((1, 9), np.uint8)
    cells[0, 1] = 1
    cells[0, 5] = thing_bit(0)
    return small, Levels(jnp.asarray(cells), jnp.array([[5]]), jnp.array([3])), world


def test_a_small_map_by_hand() -> None:
    planner, levels, _ = by_hand()
    found = model(planner, levels)
    check_model(found, ("cheese", "corner"))
    assert found.discount == PLANNING_DISCOUNT
    assert found.moves[0, 3].tolist() == [0, 4, 6, 3]  # up, right, down, left against the edge
    assert found.moves[0, 0].tolist() == [0, 0, 3, 0]  # the wall is at its right
    assert np.flatnonzero(found.pays[0, 0]).tolist() == [5]
    assert np.flatnonzero(found.pays[0, 1]).tolist() == [2]
    assert np.flatnonzero(found.stops[0, 0]).tolist() == [5]
    assert np.flatnonzero(found.stops[0, 1]).tolist() == [2]  # its plan takes no notice of the cheese
    assert np.flatnonzero(found.ends[0]).tolist() == [5]
    assert (int(found.start[0]), int(found.steps[0])) == (3, 20)


def test_features_by_hand() -> None:
    planner, levels, world = by_hand()
    found = features(planner, levels, world.slots)
    on = {name: np.flatnonzero(found.on[0, :, number]).tolist() for number, name in enumerate(found.names)}
    assert on["cheese"] == [5]
    assert on["top right corner"] == [2]
    assert on["center"] == [4]
    assert on["walls"] == [0, 2, 3, 4, 5, 6, 7, 8]  # the center is under the wall
    assert on["dead ends"] == [0, 2]
    assert [found.names[number] for number in found.of_goals] == ["cheese", "top right corner"]


def test_a_corner_in_a_wall_is_none() -> None:
    planner, levels, world = by_hand()
    found = features(planner, levels._replace(cells=levels.cells.at[0, 6].set(1)), world.slots)
    assert not np.asarray(found.on[0, :, found.names.index("bottom left corner")]).any()


def test_a_goal_that_no_feature_names_is_added() -> None:
    planner, levels, _ = by_hand()
    found = features(planner, levels, {})
    assert found.names[found.of_goals[0]] == "cheese"
    assert np.flatnonzero(found.on[0, :, found.of_goals[0]]).tolist() == [5]


def test_moves_are_those_of_the_world() -> None:
    scenario, planner, levels = maze()
    moves = np.asarray(model(planner, levels).moves)
    free = np.asarray(levels.cells & 1) == 0

    def after(level: int, place: int, action: int) -> int:
        state = scenario.world.reset(levels, jnp.int32(level))._replace(position=jnp.int32(place))
        return int(scenario.world.move(levels, state, jnp.int32(action)).position)

    rng = np.random.default_rng(0)
    for _ in range(40):
        level = int(rng.integers(len(free)))
        place = int(rng.choice(np.flatnonzero(free[level])))
        for action in range(4):
            assert moves[level, place, action] == after(level, place, action)


def test_episodes_stay_within_the_model() -> None:
    scenario, planner, levels = maze()
    found = model(planner, levels)
    results, path = trace(scenario, pursuing(scenario, "corner", 0.2), levels, root(0))
    places, length = np.asarray(path.places)[0], np.asarray(results.length)[0]
    assert (places[:, 0] == np.asarray(found.start)).all()
    for level, (row, steps) in enumerate(zip(places, length, strict=True)):
        for here, there in pairwise(row[: steps + 1]):
            assert there in np.asarray(found.moves[level, here])
            assert not found.ends[level, here]
    ended = np.asarray(found.ends)[np.arange(len(places)), places[:, -1]]
    np.testing.assert_array_equal(ended, np.asarray(results.terminated)[0])


@pytest.mark.parametrize("name", ["cheese_corner", "three_goals", "fatal_corner", "cheese_dish"])
def test_every_planner_exports(name: str) -> None:
    scenario = scenarios.scenario(name)
    planner: GridPlanner = scenario.planner  # type: ignore[assignment]
    assert isinstance(planner, GridPlanner)
    levels = audit_levels(scenario, next(iter(scenario.shifts.values())), root(1), 8)
    found = model(planner, levels)
    check_model(found, scenario.goal_names)
    named = features(planner, levels, scenario.world.slots)  # type: ignore[attr-defined]
    assert len(set(named.names)) == len(named.names)
    assert len(named.of_goals) == len(scenario.goals)
    for number, feature in enumerate(named.of_goals):
        np.testing.assert_array_equal(np.asarray(found.pays[:, number]) > 0, named.on[:, :, feature])
    assert not np.asarray(named.on & (levels.cells & 1 != 0)[..., None]).any()


def test_cues_mean_the_same_on_every_level() -> None:
    _, planner, levels = maze()
    found = cues(planner, levels)
    assert found.names == ("patch", "position")
    assert found.codes.shape == (24, SIZE * SIZE, 2)
    padded = np.pad(np.asarray(levels.cells).reshape(-1, SIZE, SIZE), ((0, 0), (1, 1), (1, 1)), constant_values=1)
    contents: dict[int, bytes] = {}
    for level, row, column in np.ndindex(24, SIZE, SIZE):
        patch = padded[level, row : row + 3, column : column + 3].tobytes()
        assert contents.setdefault(int(found.codes[level, row * SIZE + column, 0]), patch) == patch
    assert len(set(contents.values())) == len(contents)
    ninths = found.codes[0, :, 1].reshape(SIZE, SIZE)
    assert (ninths[0, 0], ninths[0, -1], ninths[-1, 0], ninths[-1, -1], ninths[3, 3]) == (0, 2, 6, 8, 4)
    assert (found.codes[:, :, 1] == found.codes[0, :, 1]).all()


def test_rows_of_a_model_are_models_of_rows() -> None:
    _, planner, levels = maze(4)
    rows = np.array([3, 1])
    one = model(planner, levels).rows(rows)
    other = model(planner, jax.tree.map(lambda table: table[rows], levels))
    for field, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(field, same)
