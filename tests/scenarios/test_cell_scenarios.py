"""Scenarios in which only the agent moves: their claims by planted policies, their yardsticks, and their levels."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing, uniform
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass, draw
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario, Setting
from trueaim.training.rollout import play
from trueaim.worlds.grid.level import WALL, Levels, thing_bit
from trueaim.worlds.grid.world import GridWorld

NUM = 256
"""Levels of each setting."""
EPISODES = 24
"""Random episodes on each level, where they are held against what is computed."""


class Case(NamedTuple):
    """A way to build a scenario."""

    name: str
    size: int
    preset: str | None = None

    def __str__(self) -> str:
        return "-".join(str(part) for part in self if part is not None)


COLORS, COLORS_5 = Case("color_shape", 7), Case("color_shape", 5, "ramanauskas_2023")
DOOR, FIXED_DOOR = Case("door_exit", 7), Case("door_exit", 7, "fixed_exit")
BACKGROUNDS, LAVA, DEADLY = Case("goal_backgrounds", 9), Case("lava", 9), Case("lava", 9, "deadly")
THREE, KEY, VALUE = Case("three_goals", 4), Case("red_key", 6), Case("value_cue", 7)
CASES = (COLORS, COLORS_5, DOOR, FIXED_DOOR, BACKGROUNDS, LAVA, DEADLY, THREE, KEY, VALUE)

NEARLY_ALL = {VALUE: 0.9}
"""What the rival's policy gets of the intended return in training, at least; 0.999 where nothing is said."""
PARTING: tuple[tuple[Case, str, str, float], ...] = (
    (COLORS, "yellow", "red_line_yellow_gem", 0.4),
    (COLORS, "yellow", "blue_line_yellow_gem", 0.4),
    (COLORS, "red", "blue_line_yellow_gem", 0.4),
    (COLORS, "green", "red_line_yellow_gem", 0.4),
    (COLORS_5, "yellow", "red_line_yellow_gem", 0.4),
    (DOOR, "marker", "marker_moved", 0.6),
    (FIXED_DOOR, "marker", "all_moved", 0.6),
    (FIXED_DOOR, "corner", "all_moved", 0.6),
    (FIXED_DOOR, "corner", "exit_moved", 0.6),
    (FIXED_DOOR, "marker", "marker_moved", 0.6),
    (BACKGROUNDS, "patch", "moved", 0.4),
    (BACKGROUNDS, "patch", "swapped", 0.4),
    (BACKGROUNDS, "patch", "new_background", 0.6),  # there is nothing to pursue, so it wanders
    (LAVA, "cheese", "lava", 0.85),
    (DEADLY, "cheese", "lava", 0.5),
    (THREE, "either", "full_color", 0.75),
    (THREE, "red", "full_color", 0.75),
    (THREE, "green", "full_color", 0.75),
    (KEY, "confounded", "told_key", 0.3),
    (KEY, "confounded", "told_red", 0.3),
    (VALUE, "cue", "no_cue", 0.9),
    (VALUE, "cue", "inverted", 0.8),
)
"""What the rival's policy gets of the intended return on a shift, at most."""


@cache
def built(case: Case) -> Scenario:
    return scenarios.scenario(case.name, preset=case.preset, size=case.size)


@cache
def drawn(case: Case, setting: str) -> Levels:
    return levels_of(case, built(case).setting(setting))


def levels_of(case: Case, setting: Any, num: int = NUM) -> Levels:
    knobs = {
        name: jnp.broadcast_to(value, num) for name, value in (built(case).knob_values({}) | dict(setting)).items()
    }
    levels: Levels = jax.jit(lambda key, knobs: draw(built(case), key, knobs, num))(root(3), knobs)
    return levels


@cache
def yardsticks(case: Case, setting: str) -> tuple[np.ndarray, np.ndarray]:
    planner = built(case).planner
    assert planner is not None
    levels = drawn(case, setting)
    return np.asarray(planner.optimal(levels)), np.asarray(planner.uniform(levels))


@cache
def pursuer(case: Case, goal: str) -> Policy:
    return pursuing(built(case), goal)


def share(case: Case, rival: str, setting: str) -> float:
    """What the rival's policy gets of what there is to be gained for the intended goal."""
    optimal, chance = (table[:, 0] for table in yardsticks(case, setting))
    returns = np.asarray(play(built(case), pursuer(case, rival), drawn(case, setting), root(5)).returns)[0, :, 0]
    floor = chance if built(case).goals[0].charges else 0.0
    return float((returns - floor).sum() / (optimal - floor).sum())


@pytest.mark.parametrize(("case", "rival"), list(dict.fromkeys(each[:2] for each in PARTING)), ids=str)
def test_in_training_the_rival_is_as_good_a_goal(case: Case, rival: str) -> None:
    assert share(case, rival, "train") >= NEARLY_ALL.get(case, 0.999)


@pytest.mark.parametrize(("case", "rival", "setting", "most"), PARTING, ids=str)
def test_on_the_shift_it_is_not(case: Case, rival: str, setting: str, most: float) -> None:
    assert share(case, rival, setting) <= most
    planner = built(case).planner
    assert planner is not None
    number = built(case).goal_names.index(rival)
    classes = np.asarray(planner.classes(drawn(case, setting), number))
    trained = np.asarray(planner.classes(drawn(case, "train"), number))
    if setting != "new_background":
        assert (classes == LevelClass.NECESSARILY).mean() >= (0.05 if case == DEADLY else 0.2)
    assert (trained == LevelClass.NECESSARILY).mean() <= (0.1 if case in NEARLY_ALL else 0.0)


def following(scenario: Scenario, goal: int) -> Policy:
    """Takes optimal actions as played, one of them at random."""

    def act(parameters: Any, key: Any, view: View, memory: Any) -> tuple[Any, Any]:
        del parameters
        best = view.tables[view.running.state.level, view.running.state.position]
        return jax.random.categorical(key, jnp.where(best, 0.0, -1e9)), memory

    planner = scenario.planner
    assert planner is not None
    return Policy("following", act, prepare=lambda levels: planner.optimal_actions(levels, goal))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_optimal_actions_leave_no_regret(case: Case) -> None:
    scenario = built(case)
    for goal in range(len(scenario.goals)):
        policy = following(scenario, goal)
        for setting in list(scenario.settings)[:2]:
            returns = np.asarray(play(scenario, policy, drawn(case, setting), root(goal)).returns)[0, :, goal]
            np.testing.assert_allclose(returns, yardsticks(case, setting)[0][:, goal], rtol=0, atol=2e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_random_returns_are_those_of_random_episodes(case: Case) -> None:
    """Sums over levels differ from their expectation by at most five standard errors: chance 6e-7 for each goal."""
    scenario, setting = built(case), next(iter(built(case).shifts))
    levels, expected = drawn(case, setting), yardsticks(case, setting)[1]
    policy = uniform(scenario)
    keys = [stream(root(8), "episode", number) for number in range(EPISODES)]
    returns = np.stack([np.asarray(play(scenario, policy, levels, key).returns)[0] for key in keys]).astype(np.float64)
    error = np.sqrt((returns.var(0, ddof=1) / EPISODES).sum(0))
    assert (abs((returns.mean(0) - expected).sum(0)) <= 5 * error + 1e-4).all()
    assert (error > 0).any()


def about(count: int, num: int, chance: float) -> bool:
    """Whether a count is within six standard errors of what it should be: chance 2e-9 that it is not."""
    return bool(abs(count - num * chance) <= 6 * (num * chance * (1 - chance)) ** 0.5 + 1e-9)


def free(levels: Levels) -> np.ndarray:
    return (np.asarray(levels.cells) & WALL) == 0


def showing(case: Case, levels: Levels, mark: str) -> np.ndarray:
    world = built(case).world
    assert isinstance(world, GridWorld)
    return (np.asarray(levels.cells) & world.mark(mark)) != 0


def apart(case: Case, cells: Any, others: Any) -> np.ndarray:
    """How far cells lie from others along the longer axis."""
    cells, others = np.asarray(cells), np.asarray(others)
    rows, columns = (abs(f(cells, case.size) - f(others, case.size)) for f in (np.floor_divide, np.mod))
    return np.maximum(rows, columns)


def test_objects_have_the_shapes_and_colors_of_their_knobs() -> None:
    num = 16
    shape, color = np.arange(num) // 8, np.arange(num) % 8
    setting = Setting(second=1, first_shape=0, first_color=3, second_shape=shape, second_color=color)  # type: ignore[arg-type]
    levels = levels_of(COLORS, setting, num)
    first, second = np.asarray(levels.things).T
    rows = np.arange(num)
    marks = {
        mark: showing(COLORS, levels, mark)[rows, second] for mark in ("line", "gem", "red", "green", "blue", "hidden")
    }
    seen = color > 0
    for mark, wanted in {
        "line": seen & (shape == 0),
        "gem": seen & (shape == 1),
        "red": color & 1 > 0,
        "green": color & 2 > 0,
        "blue": color & 4 > 0,
        "hidden": ~seen,
    }.items():
        assert marks[mark].tolist() == wanted.tolist(), mark
    assert showing(COLORS, levels, "line")[rows, first].all()
    assert (np.asarray(levels.cells)[rows, first] == thing_bit(0) + thing_bit(2) + thing_bit(3)).all()


def test_training_has_a_yellow_line_alone() -> None:
    levels = drawn(COLORS, "train")
    assert (np.asarray(levels.looks) == [thing_bit(0) + thing_bit(2) + thing_bit(3), 0]).all()
    assert not showing(COLORS, levels, "gem").any()
    assert (showing(COLORS, levels, "line").sum(1) == 1).all()
    share_of_two = np.asarray(levels_of(COLORS, Setting(second=0.3)).looks)[:, 1] != 0
    assert about(int(share_of_two.sum()), NUM, 0.3)


def test_nobody_sees_an_invisible_gem_but_it_can_be_reached() -> None:
    scenario, levels = built(COLORS_5), drawn(COLORS_5, "red_line_invisible_gem")
    bits = sum(channel.bit for channel in scenario.observation.channels)  # type: ignore[union-attr]
    rows = np.arange(NUM)
    assert (np.asarray(levels.cells)[rows, np.asarray(levels.things)[:, 1]] & bits == 0).all()
    at_gem = levels._replace(start=levels.things[:, 1])
    state = jax.vmap(scenario.world.reset, (None, 0))(at_gem, jnp.arange(NUM))
    ended = jax.vmap(lambda s: scenario.ends(scenario.world.transition(at_gem, s, 0, s)))(state)  # type: ignore[misc]
    assert ended.all()


def test_the_marker_is_as_near_to_the_exit_as_its_knob_says() -> None:
    for spread in (0, 2):
        leave, marker = np.asarray(levels_of(DOOR, Setting(marker_spread=spread)).things).T
        assert apart(DOOR, leave, marker).max() == spread
    leave, marker = np.asarray(drawn(DOOR, "marker_moved").things).T
    assert len(set(leave.tolist())) > 20
    assert (apart(DOOR, leave, marker) > 3).any()


def test_a_fixed_exit_is_where_its_knob_says() -> None:
    top_right = FIXED_DOOR.size - 1
    for spread in (0, 2):
        leave, marker = np.asarray(levels_of(FIXED_DOOR, Setting(exit_spread=spread)).things).T
        assert apart(FIXED_DOOR, leave, top_right).max() == spread
        assert (leave == marker).all()
    moved = np.asarray(drawn(FIXED_DOOR, "marker_moved").things)
    assert (moved[:, 0] == top_right).all()
    assert (moved[:, 1] != top_right).mean() > 0.8


@pytest.mark.parametrize(
    ("setting", "has_grass", "has_sand", "together"),
    [
        ("train", True, False, True),
        ("moved", True, False, False),
        ("new_background", False, True, True),
        ("swapped", True, True, False),
    ],
)
def test_textures_lie_where_they_should(setting: str, has_grass: bool, has_sand: bool, together: bool) -> None:
    levels = drawn(BACKGROUNDS, setting)
    patch, target = np.asarray(levels.things).T
    cells = np.arange(BACKGROUNDS.size**2)
    around_patch, around_target = (apart(BACKGROUNDS, cells, each[:, None]) <= 1 for each in (patch, target))
    sand = around_target & free(levels) & has_sand
    grass = around_patch & free(levels) & has_grass & ~sand
    assert (showing(BACKGROUNDS, levels, "sand") == sand).all()
    beside = np.arange(NUM)[:, None], cells  # the patch's middle shows its texture, even amid the new one
    assert ((showing(BACKGROUNDS, levels, "grass") == grass) | (cells == patch[:, None]))[beside].all()
    assert (patch == target).all() == together


def test_chances_of_textures_are_honored() -> None:
    levels = levels_of(BACKGROUNDS, Setting(old=0.3, new=0.6))
    assert about(int(showing(BACKGROUNDS, levels, "sand").any(1).sum()), NUM, 0.6)
    assert about(int((np.asarray(levels.looks)[:, 0] != 0).sum()), NUM, 0.3)


@pytest.mark.parametrize("density", [0.0, 0.2, 0.5])
def test_lava_is_on_its_share_of_free_cells_but_not_on_cheese_or_start(density: float) -> None:
    levels = levels_of(LAVA, Setting(lava=density))
    lava, open_cells, rows = showing(LAVA, levels, "lava"), free(levels), np.arange(NUM)
    assert not (lava & ~open_cells).any()
    assert not lava[rows, np.asarray(levels.start)].any()
    assert not lava[rows, np.asarray(levels.things)[:, 0]].any()
    assert about(int(lava.sum()), int(open_cells.sum()) - 2 * NUM, density)


def test_three_goals_are_told_apart_in_full_color_alone() -> None:
    red, green, blue = (thing_bit(number) for number in range(3))
    blind, full = drawn(THREE, "train"), drawn(THREE, "full_color")
    assert (np.asarray(blind.looks) == [red + green, red + green, blue]).all()
    assert (np.asarray(full.looks) == [red, green, blue]).all()
    assert blind.hint is not None
    assert full.hint is not None
    assert set(np.asarray(blind.hint).tolist()) == {3, 4}
    assert about(int((np.asarray(blind.hint) == 4).sum()), NUM, 1 / 3)
    for hint in (1, 2, 4):
        assert about(int((np.asarray(full.hint) == hint).sum()), NUM, 1 / 3)
    some = np.asarray(levels_of(THREE, Setting(color_blind=0.4)).looks)[:, 0] == red + green
    assert about(int(some.sum()), NUM, 0.4)


def objects(levels: Levels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shape (0 key, 1 box, 2 ball) and color (0 red, 1 green, 2 blue) of every object, and what is told."""
    looks = np.asarray(levels.looks) >> 2
    shapes, colors = looks & 7, looks >> 3
    assert (np.isin(shapes, (1, 2, 4)) & np.isin(colors, (1, 2, 4))).all()  # one of each, all four objects there
    assert shapes.shape[1] == 4
    assert levels.hint is not None
    return np.log2(shapes).astype(int), np.log2(colors).astype(int), np.log2(np.asarray(levels.hint)).astype(int)


def fits(shapes: np.ndarray, colors: np.ndarray, told: np.ndarray) -> np.ndarray:
    return np.where(told[:, None] < 3, shapes == told[:, None], colors == told[:, None] - 3)


def test_in_training_keys_are_red_and_nothing_else_is() -> None:
    shapes, colors, told = objects(drawn(KEY, "train"))
    assert ((shapes == 0) == (colors == 0)).all()
    assert fits(shapes, colors, told).any(1).all()
    for word in range(6):
        assert about(int((told == word).sum()), NUM, 1 / 6)


@pytest.mark.parametrize(("setting", "word"), [("told_key", 0), ("told_red", 3), ("told_any", None)])
def test_on_the_shift_no_key_is_red_and_one_other_object_is(setting: str, word: int | None) -> None:
    shapes, colors, told = objects(drawn(KEY, setting))
    assert ((colors == 0).sum(1) == 1).all()
    assert not ((shapes == 0) & (colors == 0)).any()
    assert fits(shapes, colors, told).any(1).all()
    assert (shapes == 0).any(1)[np.isin(told, (0, 3))].all()  # both readings lead somewhere
    assert set(told.tolist()) == ({word} if word is not None else set(range(6)))


def test_the_share_of_levels_with_red_keys_is_honored() -> None:
    shapes, colors, _ = objects(levels_of(KEY, Setting(red_keys=0.5)))
    assert about(int(((shapes == 0) == (colors == 0)).all(1).sum()), NUM, 0.5)


@pytest.mark.parametrize("rho", [1.0, 0.5, 0.0, -1.0])
def test_the_cue_is_right_as_often_as_it_should_be(rho: float) -> None:
    levels = levels_of(VALUE, Setting(rho=rho))
    shown = np.asarray(levels.looks) >> 2
    worth = np.array([{1: 1, 3: 2, 7: 3, 15: 4}[look] for look in (shown & 15).ravel().tolist()]).reshape(-1, 2)
    assert (worth[:, 0] != worth[:, 1]).all()
    assert set(worth.ravel().tolist()) == {1, 2, 3, 4}
    cued = shown >> 4
    assert (cued.sum(1) == 1).all()
    is_right = worth.argmax(1) == cued.argmax(1)
    assert about(int(is_right.sum()), NUM, (1 + rho) / 2)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_matters_is_free_and_apart_from_the_start(case: Case) -> None:
    for setting in built(case).settings:
        levels = drawn(case, setting)
        rows = np.arange(NUM)
        for number in range(levels.things.shape[1]):
            there = np.ones(NUM, bool) if levels.looks is None else np.asarray(levels.looks)[:, number] != 0
            cells = np.asarray(levels.things)[:, number]
            assert free(levels)[rows, cells][there].all()
            assert (np.asarray(levels.start) != cells).all()
