"""Grid levels as read-only tables, and the small state that changes inside them.

A map of height h and width w has h * w cells, numbered row by row from the top left. It has no border: outside is
wall.
A cell is a small integer whose bits say what is in it, so a row of the table *is* the observation but for the agent.
"""

from typing import NamedTuple

from jaxtyping import Array, Int, UInt8

WALL = 1
"""Bit of a cell that cannot be entered."""
AGENT = 2
"""Bit of the cell where the agent stands; never in a table, only in observations."""
FIRST_THING = 2
"""Shift of the first thing's bit; thing number i has the value `1 << (FIRST_THING + i)`."""
MOST_THINGS = 8 - FIRST_THING
"""Cells are one byte, so at most this many kinds of things."""


class Levels(NamedTuple):
    """A table of levels: every field has the level as its first axis (a single level has none).

    Attributes:
        cells: what each cell holds, as bits.
        things: the cell in which each thing lies.
        start: the cell in which the agent starts.
    """

    cells: UInt8[Array, "*level cell"]
    things: Int[Array, "*level thing"]
    start: Int[Array, "*level"]


class State(NamedTuple):
    """What changes while a level is played: which row of the table, and where the agent stands."""

    level: Int[Array, "*batch"]
    position: Int[Array, "*batch"]


class Transition(NamedTuple):
    """One step as goals see it: the table, the state before, the action, the state after."""

    levels: Levels
    before: State
    action: Int[Array, "*batch"]
    after: State


MOVES = ("up", "right", "down", "left")
"""The four actions, in order; a move against a wall or the edge stays in place."""
ROW_STEPS = (-1, 0, 1, 0)
COLUMN_STEPS = (0, 1, 0, -1)


def thing_bit(index: int) -> int:
    """The bit of thing number `index`."""
    return 1 << (FIRST_THING + index)
