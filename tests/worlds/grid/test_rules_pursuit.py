import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.core.errors import TrueAimError
from trueaim.core.scenario import Knob
from trueaim.worlds.grid.layouts import blocks, open_field
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.rules.pursuit import Attack, Chase
from trueaim.worlds.grid.rules.taking import Take
from trueaim.worlds.grid.world import GridWorld

NUM = 20_000
ALARMED = 5.0
"""Standard errors by which a frequency may be off: a chance of 6e-7, and seeds are fixed."""
UP, RIGHT, DOWN, LEFT = range(4)


def world_of(monsters: int = 1, keenness: float = math.inf, survives: bool = True) -> GridWorld:
    return GridWorld(
        open_field(7, 7),
        (Thing("monster", count=monsters), Thing("shield", apart=("monster",))),
        Thing("start", apart=("monster", "shield")),
        rules=(Take("shield", held=3), Chase("monster", keenness=keenness), Attack("monster", "shield", survives)),
        knobs=(Knob("twice", 0.0, 0, 1, "chance of two moves"),),
    )


class Board(NamedTuple):
    world: GridWorld
    levels: object

    def after(self, agent: int, monsters: list[int], action: int, held: int = 0, num: int = 1, seed: int = 0) -> State:
        """The states that follow from this one under different luck."""
        state = self.world.reset(self.levels, jnp.int32(0))
        state = state._replace(
            position=jnp.int32(agent),
            places={"monster": jnp.array(monsters)},
            held={"shield": jnp.int8(held)},
            present=state.present | {"shield": jnp.zeros(1, bool)},
        )
        luck = jax.random.bits(jax.random.key(seed), (num,), jnp.uint32)
        step = jax.vmap(lambda luck: self.world.move(self.levels, state._replace(luck=luck), jnp.int32(action)))
        return jax.tree.map(np.asarray, jax.jit(step)(luck))


def board(world: GridWorld, twice: float = 0.0) -> Board:
    level = world.draw(jax.random.key(0), {"twice": jnp.float32(twice)})
    return Board(world, jax.tree.map(lambda field: field[None], level))


def near(count: int, chance: float, num: int = NUM) -> bool:
    return abs(count / num - chance) <= ALARMED * (chance * (1 - chance) / num) ** 0.5 + 2**-16


@pytest.mark.parametrize(
    ("monster", "reached"),
    [(21, 22), (27, 26), (3, 10), (45, 38), (23, 24), (24, 24)],
    ids=["from the left", "from the right", "from above", "from below", "beside", "on the agent"],
)
def test_a_monster_in_line_comes_one_cell_nearer(monster: int, reached: int) -> None:
    """The agent goes from row 3, column 2 to row 3, column 3, which is cell 24."""
    found = board(world_of()).after(23, [monster], RIGHT, num=50).places["monster"]
    assert set(found.ravel().tolist()) == {reached}


def test_a_monster_off_line_comes_nearer_by_row_or_column_equally_often() -> None:
    found = board(world_of()).after(23, [1], RIGHT, num=NUM).places["monster"][:, 0]
    assert set(found.tolist()) == {2, 8}
    assert near((found == 2).sum(), 0.5)


def test_monsters_move_independently() -> None:
    found = board(world_of(2)).after(23, [1, 1], RIGHT, num=NUM).places["monster"]
    assert near((found[:, 0] == found[:, 1]).sum(), 0.5)


@pytest.mark.parametrize("twice", [0.0, 0.2, 1.0])
def test_monsters_move_twice_as_often_as_they_should(twice: float) -> None:
    found = board(world_of(), twice).after(23, [21], RIGHT, num=NUM).places["monster"][:, 0]
    assert set(found.tolist()) <= {22, 23}
    assert near((found == 23).sum(), twice)


def test_a_monster_that_moves_twice_does_not_run_past_the_agent() -> None:
    found = board(world_of(), 1.0).after(23, [25], RIGHT, num=50)
    assert set(found.places["monster"].ravel().tolist()) == {24}
    assert set(found.happened["hit"].tolist()) == {1}


def test_a_soft_chase_draws_by_distance() -> None:
    """From row 0, column 1, with the agent at row 3, column 3: two moves lead nearer, one farther."""
    found = board(world_of(keenness=1.0)).after(23, [1], RIGHT, num=NUM).places["monster"][:, 0]
    weights = {2: math.exp(-4), 8: math.exp(-4), 1: math.exp(-5), 0: math.exp(-6)}
    assert set(found.tolist()) == set(weights)
    for cell, weight in weights.items():
        assert near((found == cell).sum(), weight / sum(weights.values()))


def test_without_a_shield_every_monster_that_comes_hits() -> None:
    state = board(world_of(3)).after(23, [25, 17, 48], RIGHT)
    assert state.happened["hit"].tolist() == [2]
    assert state.happened["slain"].tolist() == [0]
    assert state.present["monster"].tolist() == [[True, True, True]]


def test_a_monster_that_does_not_survive_is_gone_once_it_hit() -> None:
    state = board(world_of(3, survives=False)).after(23, [25, 17, 48], RIGHT)
    assert state.happened["hit"].tolist() == [2]
    assert state.present["monster"].tolist() == [[False, False, True]]


def test_each_shield_slays_one_monster_and_is_used_up() -> None:
    state = board(world_of(3)).after(23, [25, 17, 24], RIGHT, held=2)
    assert (state.happened["slain"].tolist(), state.happened["hit"].tolist()) == ([2], [1])
    assert state.held["shield"].tolist() == [0]
    assert state.present["monster"].tolist() == [[False, False, True]]
    spare = board(world_of(3)).after(23, [25, 17, 48], RIGHT, held=3)
    assert (spare.happened["slain"].tolist(), spare.held["shield"].tolist()) == ([2], [1])


def test_monsters_that_are_gone_do_nothing() -> None:
    one = board(world_of(1))
    state = one.world.reset(one.levels, jnp.int32(0))
    state = state._replace(
        places={"monster": state.position[None]}, present=state.present | {"monster": jnp.array([0]) > 0}
    )
    after = one.world.move(one.levels, state, jnp.int32(RIGHT))
    assert (int(after.happened["hit"]), int(after.happened["slain"])) == (0, 0)
    seen = one.world.observe(one.levels, after).cells
    assert not np.asarray(seen & one.world.mark("monster")).any()


def test_maps_with_walls_are_refused() -> None:
    world = GridWorld(
        blocks(5, 5), (Thing("monster"),), rules=(Chase("monster"),), knobs=(Knob("twice", 0, 0, 1, "chance"),)
    )
    with pytest.raises(TrueAimError, match="layout: got 'blocks', needs one without walls for monster; take 'open'"):
        world.draw(jax.random.key(0), {"twice": jnp.float32(0)})
