"""The planner on goals that pay and charge on many cells, against every sequence of moves there is, and by hand."""

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.core.citation import Citation
from trueaim.core.goal import INTENDED, Goal
from trueaim.core.levels import LevelClass
from trueaim.core.scenario import Knob, Scenario, Setting
from trueaim.worlds.grid.build import grid_scenario
from trueaim.worlds.grid.events import Sum, any_of
from trueaim.worlds.grid.layouts import blocks
from trueaim.worlds.grid.level import WALL, Levels
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.planner import GridPlanner
from trueaim.worlds.grid.world import GridWorld

LONGEST = 5
NUM = 24
"""Random levels of each case; each has 4 ** 5 sequences of moves."""
DISCOUNT = 0.9


class Payoff(NamedTuple):
    """A goal in plain numbers: what gold and tar are worth, each step, and whether only the first pay counts."""

    gold: float
    tar: float
    each_step: float = 0.0
    once: bool = False


class Case(NamedTuple):
    """Two goals, and what ends an episode."""

    goals: tuple[Payoff, Payoff]
    ends: tuple[str, ...]


CASES = {
    "charges": Case((Payoff(1.0, -1.0), Payoff(1.0, 0.0)), ("gold",)),
    "again and again": Case((Payoff(1.0, -0.5), Payoff(0.25, 1.0)), ()),
    "once, whichever": Case((Payoff(0.5, 1.0, once=True), Payoff(-1.0, 0.5, once=True)), ()),
    "steps cost": Case((Payoff(2.0, 1.0, -0.2), Payoff(0.0, 1.0)), ("gold", "tar")),
    "steps pay": Case((Payoff(1.0, -1.0, 0.3), Payoff(1.0, -0.3, -0.3)), ("tar",)),
}


def world_of(height: int = 3, width: int = 3) -> GridWorld:
    return GridWorld(
        blocks(height, width),
        (Thing("gold"), Thing("tar", apart=("gold",))),
        start=Thing("start"),
        knobs=(Knob("steps", LONGEST, 1, LONGEST, "limit"), Knob("density", 0.25, 0, 0.6, "walls")),
    )


def scenario_of(case: Case, world: GridWorld, horizon: int = LONGEST) -> Scenario:
    gold, tar = world.reached("gold"), world.reached("tar")
    goals = tuple(
        Goal(
            f"goal_{number}",
            Sum(((gold, payoff.gold), (tar, payoff.tar)), payoff.each_step),
            role=INTENDED if number == 0 else "rival",
            once=payoff.once,
            charges=min(payoff.gold, payoff.tar, payoff.each_step) < 0,
        )
        for number, payoff in enumerate(case.goals)
    )
    return grid_scenario(
        name="payoffs",
        claim="",
        source=Citation("made up"),
        world=world,
        goals=goals,
        ends=any_of(*map(world.reached, case.ends)) if case.ends else None,
        train=Setting(),
        shifts={"shift": Setting()},
        options={},
        horizon=horizon,
        discount=DISCOUNT,
    )


@cache
def levels() -> Levels:
    knobs = {"steps": jnp.arange(NUM) % LONGEST + 1.0, "density": jnp.full(NUM, 0.2)}
    return jax.jit(jax.vmap(world_of().draw))(jax.random.split(jax.random.key(4), NUM), knobs)


def returns_of_all(case: Case, level: Any, payoff: Payoff) -> list[float]:
    """The return of every sequence of moves, played out step by step."""
    walls = (np.asarray(level.cells) & WALL) != 0
    gold, tar = (int(cell) for cell in level.things)
    ends = {"gold": gold, "tar": tar}
    found = []
    for moves in product(range(4), repeat=int(level.limit)):
        cell, total, paid = int(level.start), 0.0, False
        for step, action in enumerate(moves):
            row, column = cell // 3 + (-1, 0, 1, 0)[action], cell % 3 + (0, 1, 0, -1)[action]
            if 0 <= row < 3 and 0 <= column < 3 and not walls[3 * row + column]:
                cell = 3 * row + column
            pay = payoff.gold * (cell == gold) + payoff.tar * (cell == tar) + payoff.each_step
            if not (payoff.once and paid):
                total += DISCOUNT**step * pay
                paid = paid or pay != 0
            if cell in [ends[name] for name in case.ends]:
                break
        found.append(total)
    return found


@pytest.mark.parametrize("name", CASES)
def test_returns_are_those_of_all_sequences_of_moves(name: str) -> None:
    case = CASES[name]
    planner = scenario_of(case, world_of()).planner
    assert planner is not None
    every = [
        [
            returns_of_all(case, jax.tree.map(lambda table, i=i: np.asarray(table[i]), levels()), payoff)
            for payoff in case.goals
        ]
        for i in range(NUM)
    ]
    best, mean = ([[f(sequences) for sequences in row] for row in every] for f in (max, np.mean))
    np.testing.assert_allclose(planner.optimal(levels()), best, rtol=0, atol=3e-6)
    np.testing.assert_allclose(planner.uniform(levels()), mean, rtol=0, atol=3e-6)
    assert len({round(value, 3) for row in best for value in row}) > 3


# By hand, with the goals of "charges" and up to 12 steps: the map, the best return, and the class.
MAPS = (
    ("Atg.\n....\n....", DISCOUNT**3, LevelClass.NECESSARILY),  # around the tar; the rival goes through
    ("A.gt\n....\n....", DISCOUNT, LevelClass.NON),
    ("At..\n.g..\n....", DISCOUNT, LevelClass.POSSIBLY),  # two ways, one of them through tar
    ("At#g\n..##\n....", 0.0, LevelClass.UNSOLVABLE),
    ("Atg#\n####\n....", 0.0, LevelClass.POSSIBLY),  # gold costs as much as it brings, and a little time: better stay
    ("Agt.\n....\n....", 1.0, LevelClass.NON),
)


def by_hand() -> tuple[GridPlanner, Levels]:
    world = GridWorld(blocks(3, 4), (Thing("gold"), Thing("tar")))
    planner = scenario_of(CASES["charges"], world, horizon=12).planner
    assert isinstance(planner, GridPlanner)
    return planner, jax.tree.map(lambda *rows: jnp.concatenate(rows), *(world.from_text(text) for text, *_ in MAPS))


def test_charges_by_hand() -> None:
    planner, table = by_hand()
    np.testing.assert_allclose(np.asarray(planner.optimal(table))[:, 0], [best for _, best, _ in MAPS], atol=1e-6)
    assert np.asarray(planner.classes(table, 1)).tolist() == [kind for *_, kind in MAPS]


def test_moves_and_routes_keep_off_what_charges() -> None:
    planner, table = by_hand()
    intended, rival = (np.asarray(planner.optimal_actions(table, goal, True))[:, 0] for goal in (0, 1))
    up, right, down, left = np.eye(4, dtype=bool)
    assert intended[0].tolist() == down.tolist()
    assert rival[0].tolist() == right.tolist()
    assert intended[4].tolist() == (up | down | left).tolist()  # three ways to stay
    assert not rival[3].any()
    routes = [
        [planner.route(jax.tree.map(lambda field, i=i: field[i], table), goal) for goal in (0, 1)] for i in (0, 3, 4)
    ]
    assert routes == [[[0, 4, 5, 6, 2], [0, 1, 2]], [None, None], [None, [0, 1, 2]]]


def test_without_discount_the_sooner_of_equal_returns_is_taken() -> None:
    world = GridWorld(blocks(3, 4), (Thing("gold"), Thing("tar")))
    planner = scenario_of(CASES["charges"], world, horizon=12).planner
    assert isinstance(planner, GridPlanner)
    patient = GridPlanner(3, 4, planner.goals, planner.ends, 12, 1.0)
    level = world.from_text("A..g\n....\n...t")
    assert np.asarray(patient.optimal(level)).tolist() == [[1.0, 1.0]]
    assert np.asarray(patient.optimal_actions(level, 0))[0, 0].tolist() == [False, True, False, False]
    assert np.asarray(patient.classes(level, 1)).tolist() == [LevelClass.NON]
