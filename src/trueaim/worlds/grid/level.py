"""Grid levels as read-only tables, and the small state that changes inside them.

A map of height h and width w has h * w cells, numbered row by row from the top left. It has no border: outside is
wall.
A cell is a small integer whose bits say what is in it, so a row of the table *is* the observation but for the agent
and for what rules change.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Int8, UInt8, UInt32

WALL = 1
"""Bit of a cell that cannot be entered."""
AGENT = 2
"""Bit of the cell where the agent stands; never in a table, only in observations."""
FIRST_THING = 2
"""Shift of the first mark's bit; mark number i has the value `1 << (FIRST_THING + i)`."""
MOST_THINGS = 8 - FIRST_THING
"""Cells are one byte, so at most this many marks by which things can be told apart."""

NO_THING = 31
"""The highest bit of a word, which is always set where the others say which things are there."""
NOTHING: dict[str, Any] = {}


class Levels(NamedTuple):
    """A table of levels: every field has the level as its first axis (a single level has none).

    Fields that a world does not need are None, or empty.

    Attributes:
        cells: what each cell holds at the start, as bits; things that rules move are not in it.
        things: the cell in which each thing lies at the start, all slots of the first kind first.
        start: the cell in which the agent starts.
        looks: the marks that each thing shows, as bits; 0 for one that is not there. None: each shows its kind's mark.
        hint: what the agent is told about this level, as bits.
        lies: for each cell, the number of the thing there among those that vanish but never move; `NO_THING` for none.
        limit: time limit, in steps.
        luck: from which all chance in the level's episodes follows.
        tables: what rules precompute, by name.
    """

    cells: UInt8[Array, "*level cell"]
    things: Int[Array, "*level thing"]
    start: Int[Array, "*level"]
    looks: UInt8[Array, "*level thing"] | None = None
    hint: UInt8[Array, "*level"] | None = None
    lies: UInt8[Array, "*level cell"] | None = None
    limit: Int[Array, "*level"] | None = None
    luck: UInt32[Array, "*level"] | None = None
    tables: dict[str, Array] = NOTHING


class State(NamedTuple):
    """What changes while a level is played: which row of the table, where the agent stands, and what rules change.

    Attributes:
        level: number of the level.
        position: the agent's cell.
        places: by kind, the cell of each of its things, for kinds that move.
        present: by kind, whether each of its things is there, for kinds that come and go.
        held: by name, small counters: what the agent carries, what it visited last.
        happened: by name, how often each event happened in the last step.
        luck: random numbers of the next step follow from it.
    """

    level: Int[Array, "*batch"]
    position: Int[Array, "*batch"]
    places: dict[str, Int[Array, "*batch slot"]] = NOTHING
    present: dict[str, Bool[Array, "*batch slot"]] = NOTHING
    held: dict[str, Int8[Array, "*batch"]] = NOTHING
    happened: dict[str, Int8[Array, "*batch"]] = NOTHING
    luck: UInt32[Array, "*batch"] | None = None


class Transition(NamedTuple):
    """One step as goals see it: the table, the state before, the action, the state after."""

    levels: Levels
    before: State
    action: Int[Array, "*batch"]
    after: State


MOVES = ("up", "right", "down", "left")
"""The four moves, in order; a move against a wall or the edge stays in place."""
ROW_STEPS = (-1, 0, 1, 0)
COLUMN_STEPS = (0, 1, 0, -1)


def landings(
    height: int, width: int, free: Bool[Array, " cell"], position: Int[Array, ""], more: int = 0
) -> Int[Array, " action"]:
    """Where each move leads, and `more` further actions, which lead nowhere."""
    row = jnp.clip(position // width + jnp.array(ROW_STEPS + (0,) * more), 0, height - 1)
    column = jnp.clip(position % width + jnp.array(COLUMN_STEPS + (0,) * more), 0, width - 1)
    cells = row * width + column
    return jnp.where(free[cells], cells, position)


def thing_bit(index: int) -> int:
    """The bit of mark number `index`; where nothing is said of marks, that of kind number `index`."""
    return 1 << (FIRST_THING + index)
