"""The cycle of goals and the leader: by hand on one small map, and on many drawn ones."""

from collections import deque
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom, chisquare

from trueaim.core.scenario import Knob
from trueaim.scenarios.follow_leader import follow_leader
from trueaim.worlds.grid.layouts import blocks
from trueaim.worlds.grid.level import COLUMN_STEPS, ROW_STEPS, WALL, Levels, State
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.rule import Drawn
from trueaim.worlds.grid.rules.cycle import HERE, NEAREST, OPEN, Cycle, ways_to
from trueaim.worlds.grid.rules.leading import Lead
from trueaim.worlds.grid.world import GridWorld

ALARM = 1e-6
"""How often a test of frequencies may fail although nothing is wrong."""
UP, RIGHT, DOWN, LEFT = range(4)
KNOBS = tuple(Knob(name, 0, 0, 1, name) for name in ("error", "leaders", "dropout"))
RING = "1...2 .###. L.A.3"
"""Goals by their number in the cycle, the leader, the agent."""


def world_of(restart: bool = True, again: bool = False, goals: int = 3) -> GridWorld:
    things = (Thing("goal", count=goals), Thing("leader", apart=("goal",)))
    rules = (Lead(restart=restart), Cycle("goal", restart, again))
    return GridWorld(blocks(3, 5), things, Thing("start", apart=("goal", "leader")), knobs=KNOBS, rules=rules)


def board(world: GridWorld, text: str, error: float = 0, leaders: int = 1, dropout: float = 0) -> Levels:
    letters = text.replace(" ", "")
    walls = np.array([letter == "#" for letter in letters])
    things = np.array([letters.index(letter) for letter in "1234L" if letter in letters])
    looks = np.full(len(things), 4, np.uint8)
    looks[-1] = 8 * leaders
    knobs = {"error": jnp.float32(error), "leaders": jnp.float32(leaders), "dropout": jnp.float32(dropout)}
    drawn = Drawn(jnp.asarray(walls), jnp.asarray(things), jnp.uint32(0), knobs, jnp.int32(letters.index("A")))
    tables = {name: table for rule in world.rules for name, table in rule.tables(world, drawn).items()}
    level = Levels(walls.astype(np.uint8), things, jnp.int32(letters.index("A")), looks, luck=jnp.uint32(9))
    return jax.tree.map(lambda field: jnp.asarray(field)[None], level._replace(tables=tables))


def played(world: GridWorld, levels: Levels, actions: list[int]) -> State:
    """The states after each action, one after the other."""

    def step(state: State, action: jax.Array) -> tuple[State, State]:
        state = world.move(levels, state, action)
        return state, state

    return jax.tree.map(np.asarray, jax.lax.scan(step, world.reset(levels, 0), jnp.array(actions))[1])


def times(states: State, event: str) -> list[int]:
    """In which steps an event happened, counted from 1."""
    return [time for time, happened in enumerate(states.happened[event].tolist(), start=1) if happened]


EXPERT = [10, 5, 0, 1, 2, 3, 4, 9, 14, 13, 12, 11, 10, 5, 0, 1, 2]
ANTI = [10, 5, 0, 5, 10, 11, 12, 13, 14, 9, 4, 3, 2, 1, 0, 5, 10]
"""Where the leader is after each step: it rests once, goes to the nearest goal, and then along the cycle or against it;
from goal 3 it takes the longer way to goal 1, since goal 2 lies on the shorter one."""
WALK = [LEFT, LEFT, UP, UP, DOWN, UP, UP, *[RIGHT] * 4, DOWN, DOWN, UP, UP, DOWN, DOWN]
"""The agent enters goal 1 in step 4, again in step 6, bumps into the edge there, enters 2 in step 11, 3 in 13, 2 in 15
(a mistake), 3 in 17."""


@pytest.mark.parametrize(("error", "path"), [(0, EXPERT), (1, ANTI)])
def test_a_leader_by_hand(error: float, path: list[int]) -> None:
    world = world_of()
    states = played(world, board(world, RING, error), [UP] * len(path))
    assert states.places["leader"][:, 0].tolist() == path
    assert states.present["leader"].all()


@pytest.mark.parametrize(
    ("restart", "again", "right", "wrong"),
    [
        (True, False, [4, 11, 13, 17], [15]),
        (True, True, [4, 11, 13, 17], [6, 15]),
        (False, False, [4, 11, 13], [15]),
        (False, True, [4, 11, 13], [6, 15, 17]),
    ],
)
def test_visits_by_hand(restart: bool, again: bool, right: list[int], wrong: list[int]) -> None:
    world = world_of(restart, again)
    states = played(world, board(world, RING), WALK)
    assert times(states, "right") == right
    assert times(states, "wrong") == wrong


@pytest.mark.parametrize(
    ("error", "leaders", "followed", "strayed"),
    [
        (0, 1, [11, 13, 17], [15]),  # shown: 1 to 2 in step 7, 2 to 3 in step 9, 3 to 1 in step 15
        (1, 1, [15], [11, 17]),  # shown: 1 to 3 in step 9, 3 to 2 in step 11, 2 to 1 in step 15, after the visit in 13
        (0, 0, [], []),
    ],
)
def test_what_the_leader_showed_by_hand(error: float, leaders: int, followed: list[int], strayed: list[int]) -> None:
    world = world_of()
    states = played(world, board(world, RING, error, leaders), WALK)
    assert times(states, "followed") == followed
    assert times(states, "strayed") == strayed
    assert states.present["leader"].all() == bool(leaders)
    assert bool(times(states, "near")) == bool(leaders)


def test_near_is_within_two_cells_along_the_longer_axis() -> None:
    world = world_of()
    states = played(world, board(world, RING), [RIGHT, LEFT, *[RIGHT] * 4])
    # The agent at 13, 12, 13, 14, 14, 14; the leader at 10, 5, 0, 1, 2, 3: columns apart 3, 2, 3, 3, 2, 1.
    assert times(states, "near") == [2, 5, 6]


def test_where_a_goal_cannot_be_reached_the_leader_rests() -> None:
    world = world_of()
    states = played(world, board(world, "1.#.2 .##.. L.A#3"), [UP] * 20)
    assert (states.places["leader"] == 10).all()


def test_a_goal_in_the_only_way_is_crossed() -> None:
    world = world_of()
    states = played(world, board(world, "L1.2. ###.# A...3"), [UP] * 12)
    # The way from 3 back to 1 leads over 2, which the leader does not take for a visit.
    assert states.places["leader"][:, 0].tolist() == [0, 1, 2, 3, 8, 13, 14, 13, 8, 3, 2, 1]
    assert states.held["stands"].tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 1]


def steps_by_search(walls: np.ndarray, target: int) -> np.ndarray:
    """Breadth-first search, the plain way."""
    height, width = walls.shape
    found = np.full(walls.size, -1)
    found[target] = 0
    queue = deque([target])
    while queue:
        cell = queue.popleft()
        for row, column in zip(ROW_STEPS, COLUMN_STEPS, strict=True):
            down, across = cell // width + row, cell % width + column
            if 0 <= down < height and 0 <= across < width and not walls[down, across]:
                neighbor = down * width + across
                if found[neighbor] < 0:
                    found[neighbor] = found[cell] + 1
                    queue.append(neighbor)
    return found


def test_ways_are_shortest_and_go_around_other_goals() -> None:
    rng, (height, width) = np.random.default_rng(0), (6, 7)
    make = jax.jit(ways_to)
    crossed = 0
    for _ in range(60):
        walls = rng.random((height, width)) < 0.25
        goals = rng.choice(height * width, 4, replace=False)
        walls.ravel()[goals] = False
        ways = np.asarray(make(jnp.asarray(walls), jnp.asarray(goals))).astype(int)
        plain = np.array([steps_by_search(walls, goal) for goal in goals])
        assert ((ways >> HERE) == [np.isin(cell, goals) * (1 + np.argmax(goals == cell)) for cell in range(42)]).all()
        for cell in np.flatnonzero(~walls.ravel()):
            neighbors = [
                after if 0 <= after // width < height and abs(after % width - cell % width) < 2 else -1
                for after in (cell - width, cell + 1, cell + width, cell - 1)
            ]
            if (plain[:, cell] >= 0).all() and cell not in goals:
                assert plain[(ways[cell] >> NEAREST) & 3, cell] == plain[:, cell].min()
                assert (ways[cell] >> OPEN) & 1
            for number, goal in enumerate(goals):
                closed = walls.copy()
                closed.ravel()[[other for other in goals if other not in (goal, cell)]] = True
                around = steps_by_search(closed, goal)
                after = neighbors[(ways[cell] >> (2 * number)) & 3]
                if cell == goal or plain[number, cell] < 0:
                    continue
                if around[cell] > 0:
                    assert around[after] == around[cell] - 1
                else:
                    assert plain[number, after] == plain[number, cell] - 1
                    crossed += 1
    assert crossed > 20


def visits(num: int, steps: int, goals: int, restart: bool = True, **knobs: float) -> list[list[int]]:
    """The goals that leaders visit on drawn levels without a wall, in order."""
    case = follow_leader(7, "open", goals, after_mistake="restart" if restart else "keep")
    values = {name: jnp.float32(value) for name, value in case.knob_values(knobs).items()}
    levels = jax.vmap(lambda key: case.world.draw(key, values))(jax.random.split(jax.random.key(0), num))

    def run(index: jax.Array) -> jax.Array:
        def step(state: State, _: None) -> tuple[State, jax.Array]:
            state = case.world.move(levels, state, jnp.int32(0))
            return state, state.held["stands"]

        return jax.lax.scan(step, case.world.reset(levels, index), None, steps)[1]

    found = np.asarray(jax.jit(jax.vmap(run))(jnp.arange(num)))
    return [[int(goal) for before, goal in zip([0, *row], row, strict=False) if goal != before] for row in found]


@pytest.mark.parametrize("goals", [3, 4])
def test_experts_go_along_the_cycle_and_anti_experts_never_do(goals: int) -> None:
    for error, allowed in ((0, {1}), (1, set(range(2, goals)))):
        rows = visits(200, 80, goals, error=error)
        ahead = [(after - before) % goals for row in rows for before, after in pairwise(row)]
        assert len(ahead) > 200 * 5
        assert set(ahead) == allowed


def test_a_phase_that_stays_is_the_one_that_errors_go_by() -> None:
    for goals in (3, 4):
        for row in visits(100, 80, goals, restart=False, error=1):
            phase = row[0]
            assert len(row) > 5
            for before, after in pairwise(row):
                assert after not in (before, phase % goals + 1)
    mixed = [len(set(row)) for row in visits(100, 80, 3, restart=False, error=0.3)]
    assert np.mean(np.array(mixed) == 3) > 0.9


def test_errors_are_as_frequent_as_the_knob_says_and_of_either_kind() -> None:
    for error in (0.25, 2 / 3):
        rows = visits(400, 120, 4, error=error)
        ahead = [(after - before) % 4 for row in rows for before, after in pairwise(row)]
        wrong = sum(each != 1 for each in ahead)
        low, high = binom.interval(1 - ALARM, len(ahead), error)
        # The last choice of a row is seen only if it is reached in time, which errors hardly change in an open field.
        assert low - 0.02 * len(ahead) <= wrong <= high + 0.02 * len(ahead)
        assert chisquare([ahead.count(2), ahead.count(3)]).pvalue > ALARM or abs(ahead.count(2) / wrong - 0.5) < 0.05


def test_a_leader_that_drops_out_comes_back_and_shows_nothing_meanwhile() -> None:
    case = follow_leader(7, "open")
    world = case.world
    values = {name: jnp.float32(value) for name, value in case.knob_values({"dropout": 0.1}).items()}
    levels = jax.vmap(lambda key: world.draw(key, values))(jax.random.split(jax.random.key(1), 300))

    def run(index: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def step(state: State, _: None) -> tuple[State, tuple[jax.Array, ...]]:
            state = world.move(levels, state, jnp.int32(0))
            sees = (world.cells(levels, state) & world.mark("leader")).any()
            return state, (state.present["leader"][0], sees, state.held["shown"])

        return jax.lax.scan(step, world.reset(levels, index), None, 100)[1]

    present, sees, shown = map(np.asarray, jax.jit(jax.vmap(run))(jnp.arange(300)))
    np.testing.assert_array_equal(present, sees)
    flips = np.diff(present.astype(int), axis=1) != 0
    low, high = binom.interval(1 - ALARM, flips.size, 0.1)
    assert low <= flips.sum() <= high
    assert not (np.diff(shown, axis=1) != 0)[~present[:, 1:]].any()
    assert (np.diff(shown, axis=1) != 0).any()


def test_the_order_cannot_be_seen() -> None:
    """Each of the orders is as frequent, whatever the goals look like and wherever they lie."""
    case = follow_leader(7, goals=4)
    values = {name: jnp.float32(value) for name, value in case.knob_values({}).items()}
    levels = jax.vmap(lambda key: case.world.draw(key, values))(jax.random.split(jax.random.key(2), 6000))
    levels = jax.tree.map(np.asarray, levels)
    marks = np.log2(levels.looks[:, :4]).astype(int) - 2
    assert (np.sort(marks, 1) == range(4)).all()
    successor = np.empty_like(marks)
    np.put_along_axis(successor, marks, np.roll(marks, -1, 1), 1)
    nearest_first = np.argsort(np.argsort(levels.things[:, :4], 1), 1)  # goals by their place, row by row
    by_place = np.empty_like(marks)
    np.put_along_axis(by_place, nearest_first, np.roll(nearest_first, -1, 1), 1)
    for table in (successor, by_place):
        counts = np.unique(table, axis=0, return_counts=True)[1]
        assert len(counts) == 6
        assert chisquare(counts).pvalue > ALARM
    rows = np.arange(6000)[:, None]
    np.testing.assert_array_equal(levels.cells[rows, levels.things[:, :4]], levels.looks[:, :4])
    assert not (levels.cells & case.world.mark("leader")).any()
    assert not (levels.cells[rows, levels.things] & WALL).any()
