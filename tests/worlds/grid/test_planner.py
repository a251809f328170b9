"""The planner against maps by hand, and against a search in plain Python that shares no code with it."""

import random
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.core.citation import Citation
from trueaim.core.goal import INTENDED, PROXY, Goal
from trueaim.core.keys import root
from trueaim.core.levels import CERTAIN_LOSS, LevelClass
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario, Setting
from trueaim.training.rollout import play
from trueaim.worlds.grid.build import grid_scenario
from trueaim.worlds.grid.events import Happened, Sum, any_of
from trueaim.worlds.grid.layouts import blocks
from trueaim.worlds.grid.level import Levels, thing_bit
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.planner import GridPlanner, plan_for
from trueaim.worlds.grid.rules.taking import Take
from trueaim.worlds.grid.world import GridWorld

NUM = 120
"""Random levels of each case."""


class Case(NamedTuple):
    """A structure of goals, a size, and the time limit and discount under which it is judged."""

    goals: str
    height: int
    width: int
    horizon: int
    discount: float


CASES = (
    Case("corner", 5, 5, 32, 0.9),
    Case("dish", 6, 5, 12, 0.999),
    Case("endless", 4, 6, 6, 0.8),
)


@cache
def scenario_of(case: Case) -> Scenario:
    """`corner`: the first goal ends the episode; `dish`: both do; `endless`: neither does, and both pay once."""
    rival = Thing("dish")
    things = (Thing("cheese"),) if case.goals == "corner" else (rival, Thing("cheese"))
    world = GridWorld(blocks(case.height, case.width), things)
    first, second = world.reached("cheese"), world.reached("top_right" if case.goals == "corner" else "dish")
    ends = {"corner": first, "dish": any_of(first, second), "endless": None}[case.goals]
    return grid_scenario(
        name=case.goals,
        claim="",
        source=Citation("made up"),
        world=world,
        goals=(
            Goal("cheese", first, role=INTENDED, once=case.goals == "endless"),
            Goal("rival", second, role=PROXY, once=case.goals != "dish"),
        ),
        ends=ends,
        train=Setting(),
        shifts={"shift": Setting()},
        options={},
        horizon=case.horizon,
        discount=case.discount,
    )


def planner_of(case: Case) -> GridPlanner:
    planner = scenario_of(case).planner
    assert isinstance(planner, GridPlanner)
    return planner


class Sketch(NamedTuple):
    """A level as plain numbers: its walls, where it starts, the targets of both goals, and what ends an episode."""

    walls: list[bool]
    start: int
    targets: tuple[int, int]
    ends: set[int]


@cache
def sketches(case: Case) -> list[Sketch]:
    """Random levels; things and start lie anywhere free, also on each other; all densities up to one half."""
    chance = random.Random(f"{case}")
    size = case.height * case.width
    found = []
    for _ in range(NUM):
        density = chance.uniform(0, 0.5)
        cheese, dish, start = (chance.randrange(size) for _ in range(3))
        rival = case.width - 1 if case.goals == "corner" else dish
        start = chance.choice([start] * 8 + [cheese, rival])
        walls = [chance.random() < density for _ in range(size)]
        for cell in (cheese, rival, start):
            walls[cell] = False
        ends = {"corner": {cheese}, "dish": {cheese, rival}, "endless": set()}[case.goals]
        found.append(Sketch(walls, start, (cheese, rival), ends))
    return found


@cache
def levels_of(case: Case) -> Levels:
    rows = []
    for sketch in sketches(case):
        cheese, rival = sketch.targets
        things = [cheese] if case.goals == "corner" else [rival, cheese]
        cells = np.array(sketch.walls, np.uint8)
        for number, cell in enumerate(things):
            cells[cell] |= thing_bit(number)
        rows.append(Levels(cells, np.array(things, np.int32), np.int32(sketch.start)))  # type: ignore[arg-type]
    return jax.tree.map(lambda *fields: jnp.asarray(np.stack(fields)), *rows)


def moved(case: Case, sketch: Sketch, cell: int, action: int) -> int:
    row, column = divmod(cell, case.width)
    row += (-1, 0, 1, 0)[action]
    column += (0, 1, 0, -1)[action]
    inside = 0 <= row < case.height and 0 <= column < case.width
    return row * case.width + column if inside and not sketch.walls[row * case.width + column] else cell


def least_steps(case: Case, sketch: Sketch, first: set[int], goal: int, ends: set[int]) -> int | None:
    """Steps to the goal for an agent that may be, after step 1, on any of these cells; None if never in time."""
    places = set(first)
    for step in range(1, case.horizon + 1):
        if goal in places:
            return step
        places = {moved(case, sketch, cell, action) for cell in places - ends for action in range(4)}
    return None


def best_return(case: Case, sketch: Sketch, goal: int) -> float:
    first = {moved(case, sketch, sketch.start, action) for action in range(4)}
    steps = least_steps(case, sketch, first, sketch.targets[goal], sketch.ends)
    return 0.0 if steps is None else case.discount ** (steps - 1)


def random_return(case: Case, sketch: Sketch, goal: int) -> float:
    """The expectation, by following all the chance there is, forward in time."""
    here, total = {sketch.start: 1.0}, 0.0
    for step in range(case.horizon):
        after: dict[int, float] = {}
        for cell, chance in here.items():
            for action in range(4):
                target = moved(case, sketch, cell, action)
                after[target] = after.get(target, 0.0) + chance / 4
        total += case.discount**step * after.pop(sketch.targets[goal], 0.0)
        here = {cell: chance for cell, chance in after.items() if cell not in sketch.ends}
    return total


def shortest_paths(case: Case, sketch: Sketch, goal: int) -> list[tuple[int, ...]]:
    """Every shortest way of at least one step to the goal, as the cells after each step, whatever the horizon."""
    paths: list[tuple[int, ...]] = [()]
    seen = set()
    while paths:
        longer = [
            (*path, moved(case, sketch, path[-1] if path else sketch.start, action))
            for path in paths
            for action in range(4)
        ]
        arrived = [path for path in longer if path[-1] == goal]
        if arrived:
            return arrived
        paths = [path for path in longer if path[-1] not in seen]
        seen |= {path[-1] for path in paths}
    return []


def earned_along(case: Case, sketch: Sketch, pursued: int) -> tuple[float, float]:
    """The best and the worst return of the other goal on shortest ways to one; anything, if there is no way."""
    wanted = sketch.targets[1 - pursued]
    paths = shortest_paths(case, sketch, sketch.targets[pursued])
    earned = [case.discount ** path.index(wanted) if wanted in path else 0.0 for path in paths]
    return (max(earned), min(earned)) if paths else (best_return(case, sketch, 1 - pursued), 0.0)


def class_of(case: Case, sketch: Sketch, pursued: int = 1) -> LevelClass:
    optimum = best_return(case, sketch, 1 - pursued)
    if optimum == 0:
        return LevelClass.UNSOLVABLE
    if not shortest_paths(case, sketch, sketch.targets[pursued]):  # every policy is optimal for what cannot be had
        return LevelClass.POSSIBLY
    earned = earned_along(case, sketch, pursued)
    if optimum - max(earned) > CERTAIN_LOSS * optimum:
        return LevelClass.NECESSARILY
    return LevelClass.NON if optimum - min(earned) <= 1e-5 else LevelClass.POSSIBLY


@pytest.mark.parametrize("case", CASES, ids=str)
def test_optimal_returns_are_those_of_a_plain_search(case: Case) -> None:
    expected = [[best_return(case, sketch, goal) for goal in (0, 1)] for sketch in sketches(case)]
    assert 0 < sum(best == 0 for best, _ in expected) < NUM  # some cannot be solved, within the horizon or at all
    np.testing.assert_allclose(planner_of(case).optimal(levels_of(case)), expected, rtol=2e-6)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_random_returns_are_the_exact_expectation(case: Case) -> None:
    expected = [[random_return(case, sketch, goal) for goal in (0, 1)] for sketch in sketches(case)]
    np.testing.assert_allclose(planner_of(case).uniform(levels_of(case)), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_classes_are_those_of_all_shortest_paths(case: Case) -> None:
    expected = [class_of(case, sketch) for sketch in sketches(case)]
    assert set(expected) == set(LevelClass)
    assert np.asarray(planner_of(case).classes(levels_of(case), 1)).tolist() == expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pairs_are_judged_both_ways(case: Case) -> None:
    found = planner_of(case).pairs(levels_of(case))
    classes, best, worst = map(np.asarray, found)
    for pursued in (0, 1):
        judged = 1 - pursued
        expected = [class_of(case, sketch, pursued) for sketch in sketches(case)]
        assert len(set(expected)) > 1
        assert classes[:, pursued, judged].tolist() == expected
        solvable = np.array(expected) != LevelClass.UNSOLVABLE
        earned = np.array([earned_along(case, sketch, pursued) for sketch in sketches(case)])[solvable]
        np.testing.assert_allclose(best[solvable, pursued, judged], earned[:, 0], rtol=2e-6)
        np.testing.assert_allclose(worst[solvable, pursued, judged], earned[:, 1], rtol=2e-6)
        optimal = planner_of(case).optimal(levels_of(case))[:, pursued]
        np.testing.assert_array_equal(best[:, pursued, pursued], optimal)
        np.testing.assert_array_equal(worst[:, pursued, pursued], optimal)
    assert (classes[:, [0, 1], [0, 1]] == LevelClass.NON).all()


def test_pairs_of_more_goals_are_those_of_two() -> None:
    """With three goals each pair is as if the third were not there, but for what ends an episode."""
    world = GridWorld(blocks(5, 5), (Thing("dish"), Thing("cheese")))
    cheese, dish, corner = (
        Goal(name, world.reached(place), role=INTENDED if name == "cheese" else PROXY, once=True)
        for name, place in (("cheese", "cheese"), ("dish", "dish"), ("corner", "top_right"))
    )
    levels = levels_of(Case("endless", 5, 5, 12, 0.9))
    three = plan_for((cheese, dish, corner), None, 5, 5, 12, 0.9)
    assert three is not None
    found = three.pairs(levels)
    for numbers in ((0, 1), (1, 2), (2, 0)):
        goals = tuple((cheese, dish, corner)[number] for number in numbers)
        two = plan_for(goals, None, 5, 5, 12, 0.9)
        assert two is not None
        for all_pairs, one_pair in zip(found, two.pairs(levels), strict=True):
            np.testing.assert_array_equal(all_pairs[:, numbers[0], numbers[1]], one_pair[:, 0, 1])
            np.testing.assert_array_equal(all_pairs[:, numbers[1], numbers[0]], one_pair[:, 1, 0])
    np.testing.assert_array_equal(found.classes[:, 2, 0], three.classes(levels, 2))


@pytest.mark.parametrize("alone", [False, True], ids=["as played", "alone"])
@pytest.mark.parametrize("goal", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_optimal_actions_begin_a_fastest_way(case: Case, goal: int, alone: bool) -> None:
    found = np.asarray(planner_of(case).optimal_actions(levels_of(case), goal, alone))
    for number, sketch in enumerate(sketches(case)[::3]):
        ends = set() if alone else sketch.ends
        for cell, is_wall in enumerate(sketch.walls):
            if is_wall:
                continue
            steps = [
                least_steps(case, sketch, {moved(case, sketch, cell, action)}, sketch.targets[goal], ends)
                for action in range(4)
            ]
            fastest = min((each for each in steps if each is not None), default=-1)
            assert found[3 * number, cell].tolist() == [each == fastest for each in steps]


@pytest.mark.parametrize("goal", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_route_is_a_fastest_way(case: Case, goal: int) -> None:
    for number, sketch in enumerate(sketches(case)[:30]):
        level = jax.tree.map(lambda table, number=number: table[number], levels_of(case))
        route = planner_of(case).route(level, goal)
        best = best_return(case, sketch, goal)
        if best == 0:
            assert route is None
            continue
        assert route is not None
        assert route[0] == sketch.start
        assert route[-1] == sketch.targets[goal]
        assert not set(route[1:-1]) & sketch.ends
        assert case.discount ** (len(route) - 2) == pytest.approx(best)
        for before, after in pairwise(route):
            assert after in [moved(case, sketch, before, action) for action in range(4)]


def following(planner: GridPlanner, goal: int) -> Policy:
    """Takes optimal actions as played, one of them at random."""

    def act(parameters: Any, key: Any, view: View, memory: Any) -> tuple[Any, Any]:
        del parameters
        best = view.tables[view.running.state.level, view.running.state.position]
        return jax.random.categorical(key, jnp.where(best, 0.0, -1e9)), memory

    return Policy("following", act, prepare=lambda levels: planner.optimal_actions(levels, goal))


@pytest.mark.parametrize("goal", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_optimal_actions_lose_nothing_when_they_are_played(case: Case, goal: int) -> None:
    levels, planner = levels_of(case), planner_of(case)
    results = play(scenario_of(case), following(planner, goal), levels, root(goal))
    optimal = np.asarray(planner.optimal(levels))[:, goal]
    assert (optimal > 0).sum() > NUM // 4
    np.testing.assert_allclose(np.asarray(results.returns)[0, :, goal], optimal, rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", CASES[:2], ids=str)
def test_towards_is_the_way_to_any_cell(case: Case) -> None:
    place = 7
    found = np.asarray(planner_of(case).towards(levels_of(case), place))
    for number, sketch in enumerate(sketches(case)[:40]):
        for cell, is_wall in enumerate(sketch.walls):
            if is_wall:
                continue
            steps = [
                None if sketch.walls[place] else least_steps(case, sketch, {target}, place, set())
                for target in (moved(case, sketch, cell, action) for action in range(4))
            ]
            fastest = min((each for each in steps if each is not None), default=-1)
            assert found[number, cell].tolist() == [each == fastest for each in steps]


# By hand: map, returns of cheese and dish with both ending the episode (discount 1/2, horizon 10), and the class.
MAPS: tuple[tuple[str, float, float, LevelClass], ...] = (
    ("c.A.d\n.....\n.....", 0.5, 0.5, LevelClass.NECESSARILY),
    ("A.c..\n.....\n....d", 0.5, 0.5**5, LevelClass.POSSIBLY),  # the dish by way of the cheese, or not
    ("A.c..\n.###.\n....d", 0.5, 0.5**5, LevelClass.POSSIBLY),  # around by the left, six steps as well
    ("A.c..\n###..\n....d", 0.5, 0.0, LevelClass.NON),  # the dish lies behind the cheese
    ("A#c..\n.##..\n..#.d", 0.0, 0.0, LevelClass.UNSOLVABLE),
    ("A.d.c\n###..\n.....", 0.0, 0.5, LevelClass.UNSOLVABLE),  # as played, no way leads past the dish
    ("A.c#d\n...##\n.....", 0.5, 0.0, LevelClass.POSSIBLY),  # the dish cannot be had, so any plan will do
    (".....\n.....\n...A1\n1: dish cheese", 1.0, 1.0, LevelClass.NON),
    ("1.c..\n.....\n.....\n1: agent dish", 0.5, 1.0, LevelClass.NECESSARILY),  # a bump into the edge pays
    ("c....\n..1..\n.....\n1: agent dish", 0.5**2, 0.5, LevelClass.NECESSARILY),  # out and back again
    ("..c..\n..1..\n.....\n1: agent dish", 1.0, 0.5, LevelClass.POSSIBLY),  # out may be to the cheese
    ("1....\n.....\n.....\n1: agent dish cheese", 1.0, 1.0, LevelClass.NON),
)


def table_of(world: GridWorld, maps: list[str]) -> Levels:
    return jax.tree.map(lambda *rows: jnp.concatenate(rows), *(world.from_text(text) for text in maps))


def test_maps_by_hand() -> None:
    scenario = scenario_of(Case("dish", 3, 5, 10, 0.5))
    planner = scenario.planner
    assert isinstance(scenario.world, GridWorld)
    assert planner is not None
    levels = table_of(scenario.world, [text for text, *_ in MAPS])
    np.testing.assert_allclose(planner.optimal(levels), [[cheese, dish] for _, cheese, dish, _ in MAPS])
    assert np.asarray(planner.classes(levels, 1)).tolist() == [kind for *_, kind in MAPS]


def test_a_way_longer_than_the_horizon_is_none() -> None:
    text = "A#c#.\n.#.#.\n...#d"  # six steps to the cheese
    for horizon, best in ((5, 0.0), (6, 0.5**5)):
        scenario = scenario_of(Case("dish", 3, 5, horizon, 0.5))
        assert isinstance(scenario.world, GridWorld)
        assert scenario.planner is not None
        level = scenario.world.from_text(text)
        assert np.asarray(scenario.planner.optimal(level)).tolist() == [[best, 0.0]]
        assert np.asarray(scenario.planner.optimal_actions(level, 0))[0, 0].any() == bool(best)


def test_random_actions_by_hand() -> None:
    # One move in four leads to the cheese, the others nowhere: 1/4 (1 + 3/4 / 2 + (3/4 / 2)^2) in three steps.
    scenario = scenario_of(Case("corner", 3, 3, 3, 0.5))
    assert isinstance(scenario.world, GridWorld)
    assert scenario.planner is not None
    level = scenario.world.from_text("A#.\nc##\n###")
    np.testing.assert_allclose(scenario.planner.uniform(level), [[0.25 * (1 + 0.375 + 0.375**2), 0.0]])


def test_only_goals_of_cells_have_a_planner() -> None:
    world = GridWorld(blocks(3, 3), (Thing("cheese"),))
    cheese, corner = world.reached("cheese"), world.reached("top_left")

    def planner(ends: Any, *goals: Goal) -> GridPlanner | None:
        return plan_for(goals, ends, 3, 3, 9, 0.9)

    first = Goal("cheese", cheese, role=INTENDED)
    assert planner(cheese, first, Goal("corner", corner)) is not None
    assert planner(None, first, Goal("both", Sum(((cheese, 1.0), (any_of(cheese, corner), -0.5)), -0.1))) is not None
    assert planner(cheese, first, Goal("busy", lambda transition: transition.action > 0, once=True)) is None
    assert planner(cheese, first, Goal("counted", Sum(((Happened("key"), 1.0), (cheese, 1.0))))) is None
    assert planner(Happened("key"), first, Goal("corner", corner)) is None
    assert planner(any_of(cheese, corner), first, Goal("corner", corner)) is not None


def test_worlds_with_rules_have_no_such_planner() -> None:
    plain, ruled = (
        GridWorld(blocks(3, 3), (Thing("cheese"), Thing("key", apart=("cheese",))), rules=rules)
        for rules in ((), (Take("key"),))
    )
    for world, has_one in ((plain, True), (ruled, False)):
        scenario = grid_scenario(
            name="made_up",
            claim="",
            source=Citation("made up"),
            world=world,
            goals=(
                Goal("cheese", world.reached("cheese"), role=INTENDED),
                Goal("corner", world.reached("top_left"), once=True),
            ),
            ends=world.reached("cheese"),
            train=Setting(),
            shifts={"shift": Setting()},
            options={},
        )
        assert (scenario.planner is not None) == has_one
