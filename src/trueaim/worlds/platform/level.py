"""Platform levels as read-only tables, the small state that changes in them, and what a step did, as facts.

Cells are numbered by column from the left and by row from the bottom, and cell (row, column) spans the square from
(column, row) to (column + 1, row + 1), so that places of bodies are in cells too. Outside the map is wall.

What never moves is a bit of its cell. Bodies that move are the agent, in the state, and enemies, whose places follow
from the time alone (`trueaim.worlds.platform.motion`).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32, UInt8, UInt32

from trueaim.worlds.platform.motion import HORIZON, WIDEST, motions, track

SIDE = 64
"""Rows and columns of a map."""

WALL, LAVA, CRATE, SAW, BARRIER, SHAM, SHOWN = 1, 2, 4, 8, 16, 32, 64
"""Bits of a cell: solid; deadly; a one-way platform; deadly; turns enemies, unseen; a wall that lets the agent pass; a
coin that is seen."""

_FIRST_FOUR, _SPREAD, _ONES = 15, np.uint32(0x00204081), np.uint32(0x01010101)

START = (1.5, 1.5787)
"""Where the agent's center starts."""
MOST_ENEMIES = 35
"""Five sections of which each is a pit of seven cells."""

COIN, SPOT, END, END_WALL, BY_SAW, BY_ENEMY, BY_LAVA, INSIDE = (1 << bit for bit in range(8))
"""Facts of a step, as bits.

The agent's body overlaps the coin; the cell where a coin at a random place lies or would lie; the cell at the end of
the level where the coin lies otherwise; touches or has passed the near side of the end wall; overlaps a saw, an enemy,
lava; is wholly beyond the near side of the end wall, which only a sham wall allows.
"""
DEADLY = BY_SAW | BY_ENEMY | BY_LAVA

HIDDEN, FATAL = 1, 2
"""Traits of a level, as bits: its coin is not seen; touching the end of the level ends the episode."""


class Levels(NamedTuple):
    """A table of levels: every field has the level as its first axis (a single level has none).

    Attributes:
        cells: what never moves, as bits.
        solid: walls (low 16 bits) and crates (high 16 bits) of a column, by eighth: rows 8k to 8k + 15, upward from
            the lowest bit. What the physics reads.
        deadly: lava and saws, likewise.
        enemies: of each enemy all of `Enemy` in one word, which a step reads faster than five numbers; 0 for one that
            is not there.
        coin, spot, end: (column, row) of the coin, of the random place, and of the end of the level.
        wall: first column of the end wall.
        start: (x, y) of the agent's center.
        traits: what else is special about the level, as bits.
        theme: a random word, from which looks follow.
    """

    cells: UInt8[Array, "*level row column"]
    solid: UInt32[Array, "*level column eighth"]
    deadly: UInt32[Array, "*level column eighth"]
    enemies: UInt32[Array, "*level enemy"]
    coin: Int32[Array, "*level 2"]
    spot: Int32[Array, "*level 2"]
    end: Int32[Array, "*level 2"]
    wall: Int32[Array, "*level"]
    start: Float[Array, "*level 2"]
    traits: UInt8[Array, "*level"]
    theme: UInt32[Array, "*level"]


class State(NamedTuple):
    """What changes while a level is played.

    Attributes:
        level: row of the table.
        x, y: the agent's center, in cells.
        vx, vy: its velocity after collisions, in cells per step.
        on_crate: whether it stood on a crate in the last step.
        time: steps taken.
        facts: what is true after the last step, as bits.
        ever: what was true after any step so far, as bits.
        reach: the largest x so far.
    """

    level: Int32[Array, "*batch"]
    x: Float[Array, "*batch"]
    y: Float[Array, "*batch"]
    vx: Float[Array, "*batch"]
    vy: Float[Array, "*batch"]
    on_crate: Bool[Array, "*batch"]
    time: Int32[Array, "*batch"]
    facts: UInt8[Array, "*batch"]
    ever: UInt8[Array, "*batch"]
    reach: Float[Array, "*batch"]


class Enemy(NamedTuple):
    """What decides where an enemy is.

    Attributes:
        there: whether there is one.
        row: the row in which it walks.
        last: the free cell that is the end of its stretch behind it, when it starts.
        right: whether it first walks to the right.
        track: its row of `motions`.
    """

    there: Bool[Array, "*enemy"]
    row: Int32[Array, "*enemy"]
    last: Int32[Array, "*enemy"]
    right: Bool[Array, "*enemy"]
    track: Int32[Array, "*enemy"]


_FIELDS = (1, 6, 6, 1, 10)
"""Bits of each field of an enemy, from the lowest."""


class Transition(NamedTuple):
    """One step as goals see it: the table, the state before, the action, the state after."""

    levels: Levels
    before: State
    action: Int[Array, "*batch"]
    after: State


def packed(
    cells: UInt8[Array, "row column"],
) -> tuple[UInt32[Array, "column eighth"], UInt32[Array, "column eighth"]]:
    """`Levels.solid` and `Levels.deadly` of a map; rows above it are empty."""
    row = jnp.arange(8, dtype=jnp.uint32)
    bits = (cells.T & _FIRST_FOUR).astype(jnp.uint32).reshape(SIDE, SIDE // 8, 8)
    # The multiplication brings the four bits into four bytes: one sum packs four layers.
    four = jnp.sum((bits * _SPREAD & _ONES) << row, -1, dtype=jnp.uint32)
    above = jnp.concatenate([four[:, 1:], jnp.zeros((SIDE, 1), jnp.uint32)], -1)
    wall, lava, crate, saw = ((four >> 8 * byte & 255) | (above >> 8 * byte & 255) << 8 for byte in range(4))
    return wall | crate << 16, lava | saw << 16


def enemy_rows(
    cells: UInt8[Array, "row column"], starts: Int[Array, "enemy 3"], together: int = 1
) -> UInt32[Array, " enemy"]:
    """What `Levels.enemies` holds of enemies that start in these cells.

    An enemy that could walk further than `WIDEST` cells is left out; no level that is drawn here has one.

    Args:
        cells: the map.
        starts: (row, column, direction) of each enemy; direction 0 for one that is not there.
        together: this many enemies after one another share a stretch, if they are there; so drawing is faster.
    """
    row, column, direction = starts.T
    left, right, ends = (
        jnp.repeat(part, together, -1) for part in _stretches(cells, row[::together], column[::together])
    )
    width, ahead = right - left - 1, direction > 0
    number = track(
        width,
        jnp.where(ahead, column - left - 1, right - 1 - column),
        jnp.where(ahead, ends[0], ends[1]),
        jnp.where(ahead, ends[1], ends[0]),
    )
    there = (direction != 0) & (width <= WIDEST)
    return packed_enemies(Enemy(there, row, jnp.where(ahead, left + 1, right - 1), ahead, number))


def packed_enemies(enemies: Enemy) -> UInt32[Array, "*enemy"]:
    """Enemies as `Levels.enemies` holds them."""
    word, shift = jnp.zeros(enemies.there.shape, jnp.uint32), 0
    for field, width in zip(enemies, _FIELDS, strict=True):
        word, shift = word | field.astype(jnp.uint32) << shift, shift + width
    return jnp.where(enemies.there, word, 0)


def unpacked_enemies(words: UInt32[Array, "*enemy"]) -> Enemy:
    """What `packed_enemies` has packed."""
    fields, shift = [], 0
    for width in _FIELDS:
        fields.append((words >> shift & ((1 << width) - 1)).astype(jnp.int32))
        shift += width
    there, row, last, right, number = fields
    return Enemy(there != 0, row, last, right != 0, number)


def _stretches(
    cells: UInt8[Array, "row column"], row: Int[Array, " enemy"], column: Int[Array, " enemy"]
) -> tuple[Int[Array, " enemy"], Int[Array, " enemy"], Bool[Array, "2 enemy"]]:
    """The columns between which an enemy can walk, both exclusive, and whether a wall two cells high is there."""
    columns, wall = jnp.arange(SIDE), WALL | SHAM
    line, above = cells[row], cells[(row + 1) % SIDE]
    stops = (line & (wall | BARRIER)) != 0
    left = jnp.max(jnp.where(stops & (columns < column[:, None]), columns, -1), -1)
    right = jnp.min(jnp.where(stops & (columns > column[:, None]), columns, SIDE), -1)
    high = ((line & wall) != 0) & ((above & wall) != 0)
    ends = [jnp.take_along_axis(high, at[:, None] % SIDE, 1)[:, 0] for at in (left, right)]
    return left, right, jnp.stack(ends)


def built(
    cells: UInt8[Array, "row column"],
    starts: Int[Array, "enemy 3"],
    coin: Int[Array, " 2"],
    spot: Int[Array, " 2"],
    end: Int[Array, " 2"],
    theme: UInt32[Array, ""] | int = 0,
    together: int = 1,
    traits: UInt8[Array, ""] | int = 0,
) -> Levels:
    """One level from its map, whose outermost cells become wall: what the physics reads is worked out here alone.

    Args:
        cells: bits of what never moves; row 0 is the lowest. What is `SHAM` becomes `WALL` as well, to look at, and a
            coin that is not hidden is marked.
        starts: (row, column, direction) of each enemy; direction 0 for one that is not there.
        coin: cell of the coin, as (column, row).
        spot: cell of the random place.
        end: cell of the end of the level; its wall begins one column further.
        theme: a random word, from which looks follow.
        together: this many enemies after one another share a stretch.
        traits: `HIDDEN` and `FATAL`, as bits.
    """
    border = np.pad(np.zeros((SIDE - 2, SIDE - 2), np.uint8), 1, constant_values=WALL)
    is_sham = (cells & SHAM) != 0
    solid, deadly = packed((cells & jnp.where(is_sham, jnp.uint8(255 - WALL), jnp.uint8(255))) | border)
    cells = cells | jnp.where(is_sham, jnp.uint8(WALL), jnp.uint8(border))
    line = jnp.arange(SIDE)
    is_coin = (line[:, None] == coin[1]) & (line == coin[0]) & (traits & HIDDEN == 0)
    cells = cells | jnp.where(is_coin, jnp.uint8(SHOWN), jnp.uint8(0))
    return Levels(
        cells=cells,
        solid=solid,
        deadly=deadly,
        enemies=enemy_rows(cells, starts, together),
        coin=coin.astype(jnp.int32),
        spot=spot.astype(jnp.int32),
        end=end.astype(jnp.int32),
        wall=end[0].astype(jnp.int32) + 1,
        start=jnp.array(START, jnp.float32),
        traits=jnp.asarray(traits, jnp.uint8),
        theme=jnp.asarray(theme, jnp.uint32),
    )


def started(levels: Levels, index: Int[Array, ""]) -> State:
    """The state at the start of level number `index`."""
    x, y = levels.start[index, 0], levels.start[index, 1]
    zero, none = jnp.float32(0), jnp.uint8(0)
    return State(jnp.asarray(index, jnp.int32), x, y, zero, zero, jnp.bool_(False), jnp.int32(0), none, none, x)


def enemy_places(levels: Levels, state: State) -> tuple[Float[Array, " enemy"], Int32[Array, " enemy"]]:
    """The x of every enemy's center and its row; its y is half a cell higher. x is -9 for one that is not there."""
    enemies = unpacked_enemies(levels.enemies[state.level])
    gone = jnp.asarray(motions())[enemies.track, state.time]
    x = enemies.last + 0.5 + jnp.where(enemies.right, gone, -gone)
    return jnp.where(enemies.there, x, -9.0), enemies.row


def enemy_headings(levels: Levels, state: State) -> Int32[Array, " enemy"]:
    """1 for every enemy that goes on to the right, -1 for one that goes on to the left."""
    enemies = unpacked_enemies(levels.enemies[state.level])
    table, time = jnp.asarray(motions()), jnp.clip(state.time, 0, HORIZON - 1)
    is_ahead = table[enemies.track, time + 1] > table[enemies.track, time]
    return jnp.where(enemies.right == is_ahead, 1, -1).astype(jnp.int32)
