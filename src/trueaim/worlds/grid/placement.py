"""Where things and agents may be put: corners, distances from them, and a uniform choice among the free cells there."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from trueaim.core.errors import unknown_name

CORNERS = {
    "top_left": (0, 0),
    "top_right": (0, -1),
    "bottom_left": (-1, 0),
    "bottom_right": (-1, -1),
}


def corner_cell(name: str, height: int, width: int) -> int:
    """The number of the cell in that corner; raises with the known names."""
    if name not in CORNERS:
        raise unknown_name("corner", name, CORNERS)
    row, column = CORNERS[name]
    return (row % height) * width + column % width


@dataclass(frozen=True)
class Thing:
    """One thing that lies on the map.

    Attributes:
        name: what goals and pictures call it.
        near: a corner or an earlier thing from which `within` is measured; None for anywhere.
        within: the name of the knob, or the number, that says how far from `near` it may lie, in cells along the
            longer axis (so a square region); None for no limit.
        apart: earlier things and corners on which it never lies.
        copies: how many copies of its channel a network sees.
        sprite: what it looks like in pictures; by default like its name.
    """

    name: str
    near: str | None = None
    within: str | int | None = None
    apart: tuple[str, ...] = ()
    copies: int = 1
    sprite: str = ""


def square_distance(height: int, width: int, cell: Int[Array, ""] | int) -> Int[Array, " cell"]:
    """The distance of every cell from one cell along the longer axis (Chebyshev distance)."""
    cells = np.arange(height * width)
    rows = jnp.abs(cells // width - cell // width)
    columns = jnp.abs(cells % width - cell % width)
    return jnp.maximum(rows, columns)


def scramble(seed: UInt32[Array, ""], cells: int) -> UInt32[Array, " cell"]:
    """A pseudo-random number for every cell from one random word (the 32-bit finalizer of MurmurHash3).

    A level needs one uniform choice for each thing; a full random stream for each cell would cost more than the level.
    """
    word = seed + jnp.arange(cells, dtype=jnp.uint32) * jnp.uint32(0x9E3779B9)
    word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
    word = (word ^ (word >> 13)) * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)


def choose(seed: UInt32[Array, ""], walls: Bool[Array, " cell"], allowed: Bool[Array, " cell"]) -> Int[Array, ""]:
    """A cell drawn uniformly from the allowed ones without wall; where all of those are walled, from the allowed ones.

    The caller carves the wall of a chosen cell, so what `allowed` promises holds on every level.
    """
    order = scramble(seed, walls.shape[0]) >> 2
    wish = allowed.astype(jnp.uint32) * 2 + (allowed & ~walls)
    return jnp.argmax(order + (wish << 30)).astype(jnp.int32)


def within_reach(
    height: int, width: int, origin: Int[Array, ""] | int, limit: Float[Array, ""] | float
) -> Bool[Array, " cell"]:
    """Which cells lie at most `limit` cells from `origin` along the longer axis."""
    return square_distance(height, width, origin) <= limit
