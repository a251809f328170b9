"""Scripts for keys and chests: one follows an exact plan, one goes to whatever it wants that is nearest."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int16, Key

from trueaim.core.policy import Policy, View
from trueaim.worlds.grid.collection import CollectionPlanner
from trueaim.worlds.grid.distances import UNREACHABLE, distances
from trueaim.worlds.grid.level import WALL, Levels, State, landings


class Legs(NamedTuple):
    """Where to go between two events.

    Attributes:
        ahead: [level, event, cell] steps from each cell to the next thing of the plan.
        things: how many things there are at the start.
        events: how many of them are in the plan.
        free: [level, cell] where there is no wall.
        bare: [level, cell] where nothing lies at the start.
    """

    ahead: Int16[Array, "level event cell"]
    things: Int[Array, " level"]
    events: Int[Array, " level"]
    free: Bool[Array, "level cell"]
    bare: Bool[Array, "level cell"]


def following(planner: CollectionPlanner, goal: Literal["chests", "keys"]) -> Policy:
    """Follows one optimal plan, and touches nothing more when it is done.

    The plan for keys is, of all that are best for keys, the best for chests: when no key is left, it goes on to them.
    It counts events, so one that is not in the plan (as noise would bring) makes it lose its way.
    """

    def legs(levels: Levels) -> Legs:
        found = planner.solved(levels)
        return _legs(planner, levels, found.intended_events if goal == "chests" else found.keys_events)

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters, key
        return jax.vmap(lambda state: _stride(planner, view.tables, state))(view.running.state), memory

    return Policy(f"plan for {goal}", act, prepare=legs)


def _legs(planner: CollectionPlanner, levels: Levels, events: Int[np.ndarray, "level event"]) -> Legs:
    assert levels.looks is not None
    cells, things, there = np.asarray(levels.cells), np.asarray(levels.things), np.asarray(levels.looks) != 0
    walls = (cells & WALL) != 0
    rows, slots = np.arange(len(cells)), np.arange(things.shape[1])
    is_chest = slots >= planner.most_keys
    left, hand = there.copy(), np.zeros(len(cells), np.int64)
    ahead = []
    for event in events.T[: int((events >= 0).sum(-1).max(initial=0))]:
        is_next = (slots == event[:, None]) & there
        shuns = left & ~is_next & (~is_chest | (hand[:, None] > 0))
        blocked, target = walls.copy(), np.zeros_like(walls)
        blocked[np.nonzero(shuns)[0], things[shuns]] = True
        target[np.nonzero(is_next)[0], things[is_next]] = True
        shape = (-1, planner.height, planner.width)
        ahead.append(jax.jit(distances)(jnp.asarray(blocked.reshape(shape)), jnp.asarray(target.reshape(shape))))
        hand += np.where(event < 0, 0, np.where(is_chest[event], -1, 1))
        left &= ~is_next
    bare = np.ones_like(walls)
    bare[np.nonzero(there)[0], things[there]] = False
    maps = jnp.stack(ahead, 1).reshape(len(rows), len(ahead), -1) if ahead else jnp.zeros((*walls.shape[:1], 0, 1))
    return Legs(
        maps.astype(jnp.int16),
        jnp.asarray(there.sum(-1)),
        jnp.asarray((events >= 0).sum(-1)),
        jnp.asarray(~walls),
        jnp.asarray(bare & ~walls),
    )


def _stride(planner: CollectionPlanner, legs: Legs, state: State) -> Int[Array, ""]:
    """The move that begins the way to the next event; past the last, one onto a cell where nothing ever lay."""
    level = state.level
    done = legs.things[level] - state.present["key"].sum() - state.present["chest"].sum()
    spots = landings(planner.height, planner.width, legs.free[level], state.position)
    ahead = jnp.where(spots == state.position, UNREACHABLE, legs.ahead[level, done, spots])  # never bump on the way
    rest = jnp.where(legs.bare[level, spots] | (spots == state.position), 0, 1)
    return jnp.argmin(jnp.where(done < legs.events[level], ahead, rest))


class Maps(NamedTuple):
    """Steps from every cell to every thing, and where there is no wall."""

    ahead: Int16[Array, "level thing cell"]
    free: Bool[Array, "level cell"]


def nearest(
    planner: CollectionPlanner,
    goal: Literal["chests", "keys", "keys alone"],
    noise: float = 0.0,
    agents: int = 1,
) -> Policy:
    """Goes to the nearest thing that it wants; with probability `noise`, or where there is none, moves at random.

    Args:
        planner: of the world.
        goal: chests: a chest with a key in hand, else a key. keys: a key; where none is left, a chest. keys alone: a
            key; where none is left it wants nothing.
        noise: 0 to 1.
        agents: how many of them.
    """

    def maps(levels: Levels) -> Maps:
        free = (levels.cells & WALL) == 0
        targets = jnp.arange(free.shape[1]) == levels.things[..., None]
        shape = (*targets.shape[:2], planner.height, planner.width)
        walls = jnp.broadcast_to(~free[:, None], targets.shape).reshape(shape)
        return Maps(jax.jit(distances)(walls, targets.reshape(shape)).reshape(targets.shape), free)

    def move(tables: Maps, state: State, key: Key[Array, ""], chance: Float[Array, ""]) -> Int[Array, ""]:
        level = state.level
        spots = landings(planner.height, planner.width, tables.free[level], state.position)
        steps = tables.ahead[level][:, spots]
        keys, chests = jnp.split(steps, [planner.most_keys])
        near_key = jnp.where(state.present["key"][:, None], keys, UNREACHABLE).min(0)
        near_chest = jnp.where(state.present["chest"][:, None], chests, UNREACHABLE).min(0)
        has_key, key_left = state.held["key"] > 0, near_key.min() < UNREACHABLE
        chest_next = {"chests": has_key, "keys": ~key_left & has_key, "keys alone": jnp.zeros((), bool)}[goal]
        ahead = jnp.where(chest_next, near_chest, near_key)
        lost = (ahead.min() >= UNREACHABLE) | (jax.random.uniform(key) < chance)
        return jnp.where(lost, jax.random.randint(key, (), 0, 4), jnp.argmin(ahead))

    def act(chance: Float[Array, ""], key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        keys = jax.random.split(key, view.running.time.shape[0])
        return jax.vmap(move, (None, 0, 0, None))(view.tables, view.running.state, keys, chance), memory

    return Policy(f"nearest for {goal}", act, jnp.full(agents, noise), tuple(range(agents)), prepare=maps)
