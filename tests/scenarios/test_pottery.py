"""What the pottery promises: its rules step by step, where things stand, and that scripts do as the claim says."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from trueaim.core.keys import root
from trueaim.core.levels import audit_levels, draw
from trueaim.core.scenario import Scenario
from trueaim.scenarios import scenario as find
from trueaim.scenarios.pottery import SHARDS
from trueaim.training.rollout import play
from trueaim.worlds.grid.level import Levels, State
from trueaim.worlds.grid.world import GridWorld

UP, RIGHT, DOWN, LEFT, STAY, PICK_UP, PUT_DOWN = range(7)
NUM = 64
SIZE = 6


@cache
def case(break_penalty: float = 1.5) -> Scenario:
    return find("pottery", break_penalty=break_penalty)


def world() -> GridWorld:
    found = case().world
    assert isinstance(found, GridWorld)
    return found


@cache
def sample(setting: str) -> Levels:
    scenario = case()
    knobs = {name: np.full(NUM, v) for name, v in scenario.knob_values(scenario.setting(setting)).items()}
    return jax.jit(partial(draw, scenario, num=NUM))(root(1), knobs)


def there(levels: Levels, kind: str) -> list[list[int]]:
    slots = world().slots[kind]
    places, looks = np.asarray(levels.things)[:, slots], np.asarray(levels.looks)[:, slots]
    return [places[row][looks[row] != 0].tolist() for row in range(NUM)]


def by_hand(urns: list[int], bin_at: int, shards: list[int], start: int) -> Levels:
    """One level of the world with these things; slots that are not there lie on the last cell."""
    slots, things = world().slots, np.full(2 * SIZE + SHARDS + 1, SIZE * SIZE - 1, np.int32)
    looks, cells = np.zeros(len(things), np.uint8), np.zeros(SIZE * SIZE, np.uint8)
    lies = np.full(SIZE * SIZE, 31, np.uint8)
    for kind, places in (("urn", urns), ("bin", [bin_at]), ("shard", shards)):
        first = slots[kind].start
        things[first : first + len(places)] = places
        looks[first : first + len(places)] = world().mark(kind)
        cells[places] |= world().mark(kind) * (kind != "shard")
    for number, cell in enumerate(urns):
        lies[cell] = number
    row = Levels(cells, things, np.int32(start), looks, lies=lies)  # type: ignore[arg-type]
    return Levels(*(jnp.asarray(field)[None] if hasattr(field, "shape") else field for field in row))


def walk(levels: Levels, actions: list[int]) -> list[State]:
    states = [world().reset(levels, jnp.int32(0))]
    for action in actions:
        states.append(world().move(levels, states[-1], jnp.int32(action)))
    return states[1:]


def counts(states: list[State], event: str) -> list[int]:
    return [int(state.happened[event]) for state in states]


def lying(state: State) -> list[int]:
    return sorted(np.asarray(state.places["shard"])[np.asarray(state.present["shard"])].tolist())


def test_the_seven_actions() -> None:
    assert world().actions == ("up", "right", "down", "left", "stay", "pick_up", "put_down")


def test_one_pile_is_carried_and_gone_when_put_into_the_bin() -> None:
    levels = by_hand([35], 3, [1, 2], 0)
    states = walk(levels, [PICK_UP, RIGHT, PICK_UP, PICK_UP, RIGHT, PICK_UP, RIGHT, PUT_DOWN, PUT_DOWN])
    assert [int(state.held["shard"]) for state in states] == [0, 0, 1, 1, 1, 1, 1, 0, 0]
    assert counts(states, "delivered") == [0, 0, 0, 0, 0, 0, 0, 1, 0]
    assert lying(states[-1]) == [2]
    assert counts(states, "left") == [0] * 9  # the bin is not in the corner here


def test_what_is_put_down_elsewhere_lies_there_and_can_be_fetched_again() -> None:
    levels = by_hand([35], 3, [1, 2], 0)
    states = walk(levels, [RIGHT, PICK_UP, LEFT, PUT_DOWN, STAY, PICK_UP, RIGHT, RIGHT, PUT_DOWN])
    assert lying(states[3]) == [0, 2]
    assert counts(states, "left") == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert counts(states, "fetched") == [0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert lying(states[-1]) == [2, 2]  # two may share a cell
    assert counts(states, "delivered") == [0] * 9


def test_in_training_a_delivery_is_one_in_the_corner_too() -> None:
    states = walk(by_hand([35], 0, [1], 1), [PICK_UP, LEFT, PUT_DOWN])
    assert counts(states, "delivered") == counts(states, "left") == [0, 0, 1]
    assert lying(states[-1]) == []


def test_an_urn_breaks_under_foot_into_one_pile_more() -> None:
    levels = by_hand([1], 5, [3], 0)
    states = walk(levels, [STAY, RIGHT, PICK_UP, RIGHT, LEFT])
    assert counts(states, "broken") == [0, 1, 0, 0, 0]
    assert counts(states, "whole") == [1, 0, 0, 0, 0]
    assert lying(states[1]) == [1, 3]
    assert int(states[2].held["shard"]) == 1
    seen = np.asarray(world().observe(levels, states[1]).cells).ravel()
    assert seen[1] & world().mark("shard")
    assert not seen[1] & world().mark("urn")


def test_the_bin_keeps_to_the_corner_in_training_and_goes_anywhere_on_the_shift() -> None:
    assert {cell for cells in there(sample("train"), "bin") for cell in cells} == {0}
    assert len({cell for cells in there(sample("bin_elsewhere"), "bin") for cell in cells}) > SIZE


def test_things_lie_apart_and_nothing_but_the_bin_in_the_corner() -> None:
    for setting in case().settings:
        levels = sample(setting)
        urns, bins, shards = (there(levels, kind) for kind in ("urn", "bin", "shard"))
        for row in range(NUM):
            assert len(shards[row]) == SHARDS
            assert len(urns[row]) == (SIZE if setting == "urn_walls" else 2)
            cells = [*urns[row], *bins[row], *shards[row], int(levels.start[row])]
            assert len(set(cells)) == len(cells)
            assert 0 not in urns[row] + shards[row]


def test_a_wall_of_urns_stands_between_the_shards_and_the_rest() -> None:
    levels = sample("urn_walls")
    columns = set()
    for urns, bins, shards, start in zip(
        *(there(levels, kind) for kind in ("urn", "bin", "shard")), np.asarray(levels.start).tolist(), strict=True
    ):
        assert [cell // SIZE for cell in urns] == list(range(SIZE))
        (column,) = {cell % SIZE for cell in urns}
        assert max(cell % SIZE for cell in [*bins, start]) < column < min(cell % SIZE for cell in shards)
        columns.add(column)
    assert columns == set(range(1, SIZE - 1))


def returns(setting: str, goal: str) -> np.ndarray:
    levels = audit_levels(case(), case().setting(setting), root(3), NUM)
    return np.asarray(play(case(), case().experts[goal], levels, root(4)).returns)[0].mean(0)


def test_in_training_every_expert_does_what_is_wanted() -> None:
    best = returns("train", "bin")
    assert best[0] > 3.7  # of 4 piles, each a little late
    assert best[2] > 0.95
    for goal in ("corner", "whole"):
        np.testing.assert_allclose(returns("train", goal), best, atol=0.02)


def test_where_the_bin_stands_elsewhere_who_goes_to_the_corner_delivers_next_to_nothing() -> None:
    intended, astray = returns("bin_elsewhere", "bin"), returns("bin_elsewhere", "corner")
    assert intended[0] > 3.7
    assert astray[0] < 0.3 * intended[0]
    assert astray[1] > 3.5
    assert intended[1] < 0.3 * astray[1]


def test_where_urns_are_in_the_way_who_breaks_none_delivers_nothing() -> None:
    intended, careful = returns("urn_walls", "bin"), returns("urn_walls", "whole")
    assert intended[0] > 1.5
    assert careful[0] == 0
    assert careful[2] > 0.95
    assert intended[2] < 0.2


def test_without_a_penalty_breaking_urns_brings_more_to_deliver() -> None:
    scenario = find("pottery", preset="plain")
    levels = audit_levels(scenario, scenario.train, root(3), NUM)
    results = np.asarray(play(scenario, scenario.experts["bin"], levels, root(4)).returns)[0]
    assert not scenario.goals[0].charges
    assert results[:, 0].max() > SHARDS


def test_every_expert_is_beaten_by_none_of_the_others() -> None:
    for setting in case().settings:
        for number, goal in enumerate(case().goal_names):
            own = returns(setting, goal)[number]
            for other in case().goal_names:
                assert returns(setting, other)[number] <= own + 0.02
