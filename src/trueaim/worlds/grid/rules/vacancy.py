"""Uniform choices among the cells on which nothing lies, in work that grows with the things and not with the cells."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, UInt32

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.chance import share

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld


def vacant_cell(
    word: UInt32[Array, ""], taken: Int[Array, " thing"], counts: Bool[Array, " thing"], num_cells: int
) -> Int[Array, ""]:
    """One of the cells 0 to below `num_cells` that are not taken, each equally often to one part in 10,000.

    With the taken cells in order, t_0 < t_1 < ..., the vacant cell number r is r plus how many i have t_i - i <= r.

    Args:
        word: a random word.
        taken: cells, no two of those that count the same, and fewer than there are.
        counts: which of them are taken.
        num_cells: how many cells there are.
    """
    taken = jnp.where(counts, taken, 2 * num_cells)
    num_vacant = num_cells - jnp.sum(counts)
    rank = jnp.minimum((share(word) * num_vacant.astype(jnp.float32)).astype(jnp.int32), num_vacant - 1)
    order = jnp.sum(taken[None] < taken[:, None], -1)
    return rank + jnp.sum(taken - order <= rank, dtype=jnp.int32)


def check_open(world: "GridWorld", what: str) -> None:
    """Raise for maps that may have walls."""
    if world.layout.name != "open":
        raise TrueAimError(f"layout: got {world.layout.name!r}, needs one without walls for {what}; take 'open'")
