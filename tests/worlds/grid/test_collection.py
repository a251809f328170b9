"""The planner of keys and chests against maps by hand, and against a search over the world's own states."""

import random
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.core.keys import root
from trueaim.core.levels import LevelClass, audit_levels
from trueaim.core.scenario import Scenario
from trueaim.scenarios import scenario as find
from trueaim.training.rollout import play
from trueaim.worlds.grid.collection import CollectionPlanner, Solved
from trueaim.worlds.grid.collection_plans import Pay, edges, solve
from trueaim.worlds.grid.collection_scripts import following, nearest
from trueaim.worlds.grid.collection_sets import collection, num_sets
from trueaim.worlds.grid.level import WALL, Levels, thing_bit

KEY, CHEST = thing_bit(0), thing_bit(1)
MOST = 10


class Case(NamedTuple):
    """A size of map, counts, a time limit, a discount and a charge under which levels are judged."""

    height: int
    width: int
    keys: int
    chests: int
    limit: int
    discount: float
    penalty: float


CASES = (
    Case(4, 4, 2, 3, 40, 0.95, 0.0),
    Case(4, 4, 3, 2, 40, 0.999, 0.0),
    Case(3, 5, 4, 1, 40, 0.9, 0.3),
    Case(3, 5, 3, 3, 40, 0.95, 0.3),
    Case(4, 4, 3, 2, 8, 0.95, 0.0),
    Case(3, 5, 4, 2, 9, 0.9, 0.3),
    Case(4, 4, 2, 2, 5, 0.999, 0.1),
)
"""The last three have so little time that most plans are cut short."""
LARGEST = CASES[1], CASES[3]
SLOW = pytest.mark.slow
NUM = 40


class Sketch(NamedTuple):
    """A level as plain numbers."""

    walls: list[bool]
    keys: tuple[int, ...]
    chests: tuple[int, ...]
    start: int


def random_sketch(case: Case, chance: random.Random) -> Sketch:
    density = chance.uniform(0, 0.4)
    walls = [chance.random() < density for _ in range(case.height * case.width)]
    cells = chance.sample(range(case.height * case.width), case.keys + case.chests + 1)
    for cell in cells:
        walls[cell] = False
    return Sketch(walls, tuple(cells[: case.keys]), tuple(cells[case.keys : -1]), cells[-1])


def table(sketches: list[Sketch]) -> Levels:
    rows = []
    for sketch in sketches:
        cells, things, looks = np.array(sketch.walls, np.uint8), np.zeros(2 * MOST, np.int32), np.zeros(2 * MOST)
        for first, bit, lie in ((0, KEY, sketch.keys), (MOST, CHEST, sketch.chests)):
            things[first : first + len(lie)] = lie
            looks[first : first + len(lie)] = bit
            cells[list(lie)] |= bit
        rows.append(Levels(cells, things, np.int32(sketch.start), looks.astype(np.uint8)))  # type: ignore[arg-type]
    return jax.tree.map(lambda *fields: jnp.asarray(np.stack(fields)), *rows)


def planner_of(case: Case) -> CollectionPlanner:
    return CollectionPlanner(case.height, case.width, MOST, case.penalty, case.limit, case.discount)


def neighbors(case: Case, sketch: Sketch, cell: int) -> list[int]:
    row, column = divmod(cell, case.width)
    found = []
    for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
        inside = 0 <= row + down < case.height and 0 <= column + right < case.width
        target = (row + down) * case.width + column + right
        found.append(target if inside and not sketch.walls[target] else cell)
    return found


def search(case: Case, sketch: Sketch) -> tuple[float, float, float]:
    """Returns (best for chests, best for keys, best for chests of those best for keys) over all sequences of moves.

    State by state of the world: where the agent is, which keys and chests are there, how much time is left.
    """
    openings = min(len(sketch.keys), len(sketch.chests))

    def step(cell: int, keys: frozenset[int], chests: frozenset[int]):
        held = (len(sketch.keys) - len(keys)) - (len(sketch.chests) - len(chests))
        took = cell in keys
        opened = cell in chests and held + took > 0
        after = (keys - {cell}, chests - {cell} if opened else chests)
        ended = opened and len(sketch.chests) - len(after[1]) == openings
        return after, took, opened, ended

    @cache
    def value(cell: int, keys: frozenset[int], chests: frozenset[int], left: int) -> tuple[float, float, float]:
        if left == 0:
            return 0.0, 0.0, 0.0
        options = []
        for target in neighbors(case, sketch, cell):
            after, took, opened, ended = step(target, keys, chests)
            then = (0.0, 0.0, 0.0) if ended else value(target, *after, left - 1)
            paid = (opened - case.penalty * took, float(took), opened - case.penalty * took)
            options.append(tuple(now + case.discount * later for now, later in zip(paid, then, strict=True)))
        intended, most = max(option[0] for option in options), max(option[1] for option in options)
        if most <= 0:
            return intended, 0.0, intended
        return intended, most, max(option[2] for option in options if option[1] >= most * (1 - 1e-9))

    return value(sketch.start, frozenset(sketch.keys), frozenset(sketch.chests), case.limit)


@pytest.mark.parametrize("case", [pytest.param(case, marks=SLOW if case in LARGEST else ()) for case in CASES], ids=str)
def test_returns_are_those_of_a_search_over_the_states_of_the_world(case: Case) -> None:
    chance = random.Random(f"{case}")
    sketches = [random_sketch(case, chance) for _ in range(NUM)]
    found = planner_of(case).solved(table(sketches))
    expected = np.array([search(case, sketch) for sketch in sketches])
    np.testing.assert_allclose(found.intended, expected[:, 0], atol=2e-5)
    np.testing.assert_allclose(found.keys, expected[:, 1], atol=2e-5)
    near_ties = case.discount == 0.999  # there, plans whose steps have the same sum differ by less than `TIE`
    np.testing.assert_allclose(found.charitable, expected[:, 2], atol=0.01 if near_ties else 2e-5)
    assert len(set(expected[:, 1].round(3).tolist())) > NUM // 4  # the levels do differ


def test_a_time_limit_cuts_plans_short_in_those_cases() -> None:
    """So that the search above has seen both of the planner's ways of solving."""
    for case in CASES:
        chance = random.Random(f"{case}")
        given = table([random_sketch(case, chance) for _ in range(NUM)])
        walls = (given.cells & WALL).astype(bool).reshape(-1, case.height, case.width)
        things = given.things[:, [*range(case.keys), *range(MOST, MOST + case.chests)]]
        plans = solve((case.keys, case.chests), edges(walls, things, given.start), Pay(1, -case.penalty), case.discount)
        late = (np.maximum(plans.intended_steps, plans.keys_steps) > case.limit).mean()
        assert late == 0 if case.limit == 40 else late > 0.3


def only(text: str, limit: int = 30, penalty: float = 0.0) -> tuple[Solved, CollectionPlanner, Levels]:
    """The planner's answer on a map in letters: # wall, k key, c chest, s start."""
    rows = text.split()
    cells = "".join(rows)
    case = Case(len(rows), len(rows[0]), cells.count("k"), cells.count("c"), limit, 0.5, penalty)
    spots = {letter: tuple(i for i, found in enumerate(cells) if found == letter) for letter in "kc"}
    sketch = Sketch([letter == "#" for letter in cells], spots["k"], spots["c"], cells.index("s"))
    planner, levels = planner_of(case), table([sketch])
    return planner.solved(levels), planner, levels


def test_what_comes_at_step_t_counts_discount_to_the_t_minus_1() -> None:
    found, *_ = only("skc")
    assert found.intended[0] == 0.5
    assert found.keys[0] == 1.0


def test_chests_without_a_key_in_hand_may_be_passed() -> None:
    """Through the chest to the key, and back on the chest: step 3."""
    found, *_ = only("sck")
    assert found.intended[0] == 0.25
    assert found.keys[0] == 0.5


def test_a_chest_on_the_way_is_opened_wanted_or_not() -> None:
    """The only way to the second key is over a chest: that ends the episode, as it is the only one."""
    found, *_ = only("skck")
    assert found.keys[0] == 1.0
    assert found.intended[0] == 0.5
    assert found.charitable[0] == 0.5


def test_keys_first_costs_the_chest_its_delay() -> None:
    """From the key in the middle: two steps to the chest below, or six for the other key and back."""
    found, *_ = only(
        """
        ksk
        .#c
        .#.
        """
    )
    assert found.intended[0] == 0.5  # right, down
    assert found.keys[0] == pytest.approx(1 + 0.5**2)  # either key, then the other two steps on
    assert found.charitable[0] == pytest.approx(0.5**3)  # left, right, right, down


def test_a_charge_makes_keys_dear_and_plans_go_round_them() -> None:
    """Straight ahead lies a second key: 0.5^4 - 0.3 * (1 + 0.5) there; the way round costs two steps, not a key."""
    found, *_ = only(
        """
        sk.kc
        .....
        """,
        penalty=0.02,
    )
    direct, round_it = 0.5**3 - 0.02 * (1 + 0.5**2), 0.5**5 - 0.02
    assert found.intended[0] == pytest.approx(max(direct, round_it))


def test_what_cannot_be_reached_or_had_in_time_is_worth_nothing() -> None:
    found, planner, levels = only("s#kc")
    assert (found.intended[0], found.keys[0]) == (0, 0)
    assert planner.classes(levels, 1).tolist() == [LevelClass.UNSOLVABLE]
    found, *_ = only("s.k.c", limit=3)
    assert (found.intended[0], found.keys[0]) == (0, 0.5)
    assert found.keys_events[0][:2].tolist() == [0, -1]


@pytest.mark.parametrize("counts", [(1, 1), (2, 3), (3, 2), (4, 1), (3, 10)])
def test_states_are_all_those_that_an_episode_under_way_can_be_in(counts: tuple[int, int]) -> None:
    keys, chests = counts
    found = collection(keys, chests)
    listed = [int(gone) for layer in found.layers for gone in layer.gone]
    expected = set()
    for gone in range(1 << (keys + chests)):
        taken, opened = (gone & ((1 << keys) - 1)).bit_count(), (gone >> keys).bit_count()
        if taken >= opened and opened < min(keys, chests):
            expected.add(gone)
    assert sorted(listed) == sorted(expected)
    assert num_sets(keys, chests) == len(expected)
    for number, layer in enumerate(found.layers):
        for row, gone in enumerate(layer.gone.tolist()):
            assert gone.bit_count() == number
            for thing in np.flatnonzero(layer.allowed[row]).tolist():
                after = [*found.layers[number + 1].gone, None] if number + 1 < len(found.layers) else [None]
                then = after[layer.following[row, thing]]
                assert then == (gone | 1 << thing if gone | 1 << thing in expected else None)


@cache
def small(preset: str | None = None) -> Scenario:
    return find("keys_chests", preset=preset, size=7)


@pytest.mark.parametrize("setting", ["train", "many_keys"])
def test_whoever_follows_the_plan_has_no_regret(setting: str) -> None:
    """Returns add up in single precision in another order, hence the tolerance."""
    scenario = small()
    planner = scenario.yardstick
    assert isinstance(planner, CollectionPlanner)
    levels = audit_levels(scenario, scenario.setting(setting), root(2), 24)
    optimal = np.asarray(planner.optimal(levels))
    found = planner.solved(levels)
    chests = np.asarray(play(scenario, following(planner, "chests"), levels, root(0)).returns)[0]
    keys = np.asarray(play(scenario, following(planner, "keys"), levels, root(0)).returns)[0]
    np.testing.assert_allclose(chests[:, 0], optimal[:, 0], atol=2e-5)
    np.testing.assert_allclose(keys[:, 1], optimal[:, 1], atol=2e-5)
    np.testing.assert_allclose(keys[:, 0], found.charitable, atol=2e-5)
    for goal in ("chests", "keys", "keys alone"):
        returns = np.asarray(play(scenario, nearest(planner, goal), levels, root(1)).returns)[0]
        assert (returns <= optimal + 2e-5).all()
        number = int(goal != "chests")
        assert returns[:, number].sum() > 0.9 * optimal[:, number].sum()


def test_levels_of_all_counts_are_solved_together_and_large_ones_left_out() -> None:
    chance = random.Random(3)
    cases = [Case(6, 6, keys, chests, 60, 0.9, 0.0) for keys, chests in ((1, 2), (10, 10), (2, 1), (1, 2))]
    levels = table([random_sketch(case, chance) for case in cases])
    planner = planner_of(cases[0])
    optimal = np.asarray(planner.optimal(levels))
    assert np.isnan(optimal).all(-1).tolist() == [False, True, False, False]
    assert planner.classes(levels, 1)[1] == LevelClass.POSSIBLY
    for row in (0, 2, 3):
        one = jax.tree.map(lambda field, row=row: field[row : row + 1], levels)
        np.testing.assert_array_equal(planner_of(cases[0]).optimal(one)[0], optimal[row])
