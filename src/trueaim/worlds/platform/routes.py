"""Finding a way to a cell of a level by simulation: a search that keeps the states that came nearest.

Nothing in a level is random and enemies do not react, so a way is a list of actions that works each time. The search
goes on in time with a few states at once: each tries six actions for a few steps, what dies is dropped, of states in
the same half cell with the same coarse velocity one is kept, and of those the nearest. What it finds can be done, since
it was done; that it finds nothing does not say that there is no way, nor is a way that it finds surely the shortest.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int32, UInt8

from trueaim.worlds.platform.level import DEADLY, END, FATAL, SIDE, Levels, State, started
from trueaim.worlds.platform.physics import CLOSE, HALF_HEIGHT, HALF_WIDTH, step

TRIED = (4, 1, 7, 5, 2, 8)
"""Of the fifteen actions: stay, left, right, and the same with a jump."""
JUMPS = (5, 2, 8)
"""Those with a jump: who does nothing else is in the air most of the time."""
HOLD = 3
"""Steps for which an action is held."""
KEPT = 32
"""States that are kept."""
LONGEST = 133
"""Actions of a way; with `HOLD`, four hundred steps."""
TOGETHER = 16
"""Levels that are searched at once; those that take long would keep others waiting."""
BUCKETS = 4096


class Routes(NamedTuple):
    """Ways through a table of levels.

    Attributes:
        actions: of the fifteen, each held for `HOLD` steps.
        length: how many there are; where none was found, as far as the search came.
        found: whether the way leads to the cell.
    """

    actions: UInt8[Array, "level time"]
    length: Int32[Array, " level"]
    found: Bool[Array, " level"]


class _Search(NamedTuple):
    """A search on one level: the states that are kept, how each came about, and whether one has arrived."""

    states: State
    alive: Bool[Array, " kept"]
    parents: UInt8[Array, "time kept"]
    tried: UInt8[Array, "time kept"]
    time: Int32[Array, ""]
    found: Bool[Array, ""]


class Way(NamedTuple):
    """How a way is searched.

    Attributes:
        tried: the actions, of the fifteen.
        minds_the_end: whether the end of a level is kept clear of where touching it ends the episode.
    """

    tried: tuple[int, ...] = TRIED
    minds_the_end: bool = False


@partial(jax.jit, static_argnums=2)
def routes(levels: Levels, goals: Int[Array, "level 2"], way: Way = Way()) -> Routes:  # noqa: B008
    """A way to one cell of each level.

    Args:
        levels: the table.
        goals: (column, row) of the cells.
        way: how it is searched.
    """
    num = goals.shape[0]
    order = jnp.argsort(jnp.abs(goals[:, 0] - levels.start[:, 0]))
    found = jax.lax.map(lambda row: _route(levels, row, goals[row], way), order, batch_size=min(TOGETHER, num))
    return jax.tree.map(lambda field: jnp.zeros_like(field).at[order].set(field), found)


def _route(levels: Levels, row: Int[Array, ""], goal: Int[Array, " 2"], way: Way) -> Routes:
    start = started(levels, row)
    states = jax.tree.map(lambda field: jnp.broadcast_to(field, (KEPT,)), start)
    none = jnp.zeros((LONGEST, KEPT), jnp.uint8)
    begun = _Search(states, jnp.arange(KEPT) == 0, none, none, jnp.int32(0), jnp.bool_(False))
    done = jax.lax.while_loop(
        lambda search: ~search.found & search.alive.any() & (search.time < LONGEST),
        partial(_further, levels, goal, way),
        begun,
    )
    return _traced_back(done, way)


def _further(levels: Levels, goal: Int[Array, " 2"], way: Way, search: _Search) -> _Search:
    """One action more. Slot 0 holds whoever has arrived, else the nearest."""
    states, alive, arrived = jax.vmap(lambda state: _tries(levels, goal, way, state))(search.states)
    alive, arrived = alive & search.alive[:, None], arrived & search.alive[:, None]
    flat = jax.tree.map(lambda field: field.reshape(-1), states)
    nearness = _nearness(flat, goal)
    # The number of a candidate is part of its rank, so that no two have the same.
    rank = jnp.round(nearness * 32).astype(jnp.int32) * 256 + jnp.arange(nearness.size)
    rank = jnp.where(arrived.reshape(-1), rank + (1 << 24), jnp.where(alive.reshape(-1), rank, -1))
    bucket = _bucket(flat)
    first = jnp.full(BUCKETS, -1, jnp.int32).at[bucket].max(rank)[bucket] == rank
    best, chosen = jax.lax.top_k(jnp.where(first, rank, -1), KEPT)
    time, found = search.time, arrived.any()
    moved_on = best >= 0
    goes_on = moved_on.any()
    return _Search(
        jax.tree.map(lambda field: field[chosen], flat),
        moved_on,
        search.parents.at[time].set((chosen // len(way.tried)).astype(jnp.uint8)),
        search.tried.at[time].set((chosen % len(way.tried)).astype(jnp.uint8)),
        time + goes_on,
        found,
    )


def _tries(
    levels: Levels, goal: Int[Array, " 2"], way: Way, state: State
) -> tuple[State, Bool[Array, " action"], Bool[Array, " action"]]:
    """The states after each action, whether the agent lives, and whether it arrived on the way."""

    def one(action: Int[Array, ""]) -> tuple[State, Bool[Array, ""], Bool[Array, ""]]:
        def body(_: int, carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
            before, alive, arrived = carry
            after = step(levels, before, action)
            arrived |= alive & _touches(after, goal)
            deadly = (after.facts & DEADLY) != 0
            if way.minds_the_end:
                is_fatal = (levels.traits[after.level] & FATAL) != 0
                deadly |= is_fatal & ((after.facts & END) != 0)
            return after, alive & ~deadly, arrived

        return jax.lax.fori_loop(0, HOLD, body, (state, jnp.bool_(True), jnp.bool_(False)))

    return jax.vmap(one)(jnp.array(way.tried))


def _touches(state: State, cell: Int[Array, " 2"]) -> Bool[Array, ""]:
    across, down = jnp.abs(cell[0] + 0.5 - state.x), jnp.abs(cell[1] + 0.5 - state.y)
    return (across < 0.5 + HALF_WIDTH - CLOSE) & (down < 0.5 + HALF_HEIGHT - CLOSE)


def _nearness(state: State, goal: Int[Array, " 2"]) -> Float[Array, " candidate"]:
    """From 0 to 2 * SIDE: more for states nearer to the cell, to the side above all."""
    across, down = jnp.abs(goal[0] + 0.5 - state.x), jnp.abs(goal[1] + 0.5 - state.y)
    return 2 * SIDE - across - 0.1 * down


def _bucket(state: State) -> Int[Array, " candidate"]:
    """Equal for states in the same half cell with the same coarse velocity, and now and then for others."""
    half_x, row = jnp.floor(2 * state.x).astype(jnp.int32), jnp.floor(state.y).astype(jnp.int32)
    pace = jnp.round(state.vx * 4).astype(jnp.int32) + 2
    rise = jnp.round(state.vy * 1.5).astype(jnp.int32) + 3
    word = ((half_x * SIDE + row) * 5 + pace) * 7 + rise
    return (word.astype(jnp.uint32) * jnp.uint32(2654435761) >> 20).astype(jnp.int32)


def _traced_back(search: _Search, way: Way) -> Routes:
    """The actions that led to slot 0."""

    def back(carry: Int[Array, ""], number: Int[Array, ""]) -> tuple[Int[Array, ""], UInt8[Array, ""]]:
        is_on = number < search.time
        action = jnp.where(is_on, search.tried[number, carry], 0)
        return jnp.where(is_on, search.parents[number, carry].astype(jnp.int32), carry), action

    _, tried = jax.lax.scan(back, jnp.int32(0), jnp.arange(LONGEST), reverse=True)
    return Routes(jnp.array(way.tried, jnp.uint8)[tried], search.time, search.found)
