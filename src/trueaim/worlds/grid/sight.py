"""What an agent sees that sees only what is around it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt8

from trueaim.worlds.grid.level import WALL


def around(cells: UInt8[Array, "h w"], position: Int[Array, ""], sight: int) -> UInt8[Array, "side side"]:
    """The square of cells up to `sight` from a position, in its middle; beyond the map is wall."""
    side, width = 2 * sight + 1, cells.shape[1]
    padded = jnp.pad(cells, sight, constant_values=WALL)
    return jax.lax.dynamic_slice(padded, (position // width, position % width), (side, side))
