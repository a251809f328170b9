"""Taking, opening and exhausting, step by step on a map by hand."""

import jax.numpy as jnp
import numpy as np

from trueaim.worlds.grid.layouts import open_field
from trueaim.worlds.grid.level import Levels, State
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.rules.taking import Exhaust, Open, Take
from trueaim.worlds.grid.world import GridWorld

UP, RIGHT, DOWN, LEFT = range(4)


def world_with(held: int, keys: int = 2, chests: int = 2) -> GridWorld:
    return GridWorld(
        open_field(3, 5),
        things=(Thing("key", count=keys), Thing("chest", count=chests, apart=("key",))),
        start=Thing("start", apart=("key", "chest")),
        rules=(Take("key", held=held), Open("chest", "key"), Exhaust("chest", "key")),
    )


def one_level(world: GridWorld, things: list[int], start: int = 0) -> Levels:
    kinds = [kind for kind, slots in world.slots.items() for _ in range(slots.start, slots.stop)]
    looks = np.array([world.mark(kind) for kind in kinds], np.uint8)
    cells, lies = np.zeros(15, np.uint8), np.full(15, 31, np.uint8)
    for number, (cell, look) in enumerate(zip(things, looks, strict=True)):
        cells[cell], lies[cell] = look, number
    row = Levels(cells, np.array(things, np.int32), np.int32(start), looks, lies=lies)  # type: ignore[arg-type]
    return Levels(*(field if not hasattr(field, "shape") else jnp.asarray(field)[None] for field in row))


def walk(world: GridWorld, levels: Levels, actions: list[int]) -> list[State]:
    states = [world.reset(levels, jnp.int32(0))]
    for action in actions:
        states.append(world.move(levels, states[-1], jnp.int32(action)))
    return states[1:]


def counts(states: list[State], event: str) -> list[int]:
    return [int(state.happened[event]) for state in states]


def test_a_chest_opens_for_whoever_has_a_key_and_takes_the_key() -> None:
    """A row: start, chest, key, chest, key. Passed without a key, opened on the way back."""
    world = world_with(held=2)
    levels = one_level(world, [2, 4, 1, 3])
    states = walk(world, levels, [RIGHT, RIGHT, LEFT, RIGHT, RIGHT, RIGHT, LEFT])
    assert counts(states, "key") == [0, 1, 0, 0, 0, 1, 0]
    assert counts(states, "chest") == [0, 0, 1, 0, 0, 0, 1]
    assert counts(states, "finished") == [0, 0, 0, 0, 0, 0, 1]
    assert [int(state.held["key"]) for state in states] == [0, 1, 0, 0, 0, 1, 0]
    assert [bool(state.present["chest"].any()) for state in states][-2:] == [True, False]


def test_what_is_gone_is_not_seen_and_what_is_held_is() -> None:
    world = world_with(held=2)
    levels = one_level(world, [1, 6, 3, 4])
    first = world.observe(levels, world.reset(levels, jnp.int32(0)))
    states = walk(world, levels, [RIGHT, DOWN])
    key = world.mark("key")
    assert np.flatnonzero(np.asarray(first.cells).ravel() & key).tolist() == [1, 6]
    assert np.flatnonzero(np.asarray(world.observe(levels, states[0]).cells).ravel() & key).tolist() == [6]
    assert world.observation.flags == ("key 1", "key 2")
    shown = [np.asarray(world.observe(levels, state).flags).tolist() for state in states]
    assert shown == [[True, False], [True, True]]


def test_full_hands_leave_a_key_where_it_lies() -> None:
    world = world_with(held=1)
    states = walk(world, one_level(world, [1, 2, 3, 14]), [RIGHT, RIGHT, RIGHT, LEFT])
    assert counts(states, "key") == [1, 0, 0, 1]
    assert counts(states, "chest") == [0, 0, 1, 0]


def test_it_is_over_when_all_keys_are_spent_even_with_chests_left() -> None:
    """Not when the last key is taken, but when it is used."""
    world = world_with(held=2, keys=1, chests=2)
    states = walk(world, one_level(world, [1, 2, 3]), [RIGHT, RIGHT, RIGHT])
    assert counts(states, "finished") == [0, 1, 0]
    assert counts(states, "chest") == [0, 1, 0]


def test_it_is_over_when_all_chests_are_open_even_with_keys_left() -> None:
    world = world_with(held=2, keys=2, chests=1)
    states = walk(world, one_level(world, [1, 14, 2]), [RIGHT, RIGHT, RIGHT])
    assert counts(states, "finished") == [0, 1, 0]
