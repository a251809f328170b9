"""The flat map of the platform world: its cells, row by row from the top, are the places."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from trueaim.core.scenario import Map
from trueaim.worlds.platform.level import CRATE, LAVA, SAW, SHAM, SIDE, WALL, Levels, State, unpacked_enemies

THINGS = (("lava", LAVA), ("crate", CRATE), ("saw", SAW), ("sham_wall", SHAM))


def map_of() -> Map:
    """The map of `trueaim.worlds.platform.world.PlatformWorld`."""
    return Map(SIDE, SIDE, place, drawing)


def place(state: State) -> Int[Array, ""]:
    """The number of the cell in which the agent's center is."""
    row, column = (jnp.clip(jnp.floor(at), 0, SIDE - 1).astype(jnp.int32) for at in (state.y, state.x))
    return (SIDE - 1 - row) * SIDE + column


def drawing(level: Levels) -> tuple[list[str], list[tuple[str, int]]]:
    """One level in words: its walls as rows of `#` and `.`, and what else lies in it, enemies where they start."""
    cells = np.asarray(level.cells)[::-1]
    rows = ["".join("#" if wall else "." for wall in row) for row in (cells & WALL) != 0]
    found = [(name, int(at)) for name, bit in THINGS for at in np.flatnonzero((cells & bit) != 0)]
    enemies = unpacked_enemies(jnp.asarray(level.enemies))
    for there, row, column in zip(
        *(np.asarray(part) for part in (enemies.there, enemies.row, enemies.last)), strict=True
    ):
        if there:
            found.append(("enemy", _place(column, row)))
    found += [("end", _place(*level.end)), ("coin", _place(*level.coin))]
    return rows, [*found, ("start", _place(*np.floor(level.start)))]


def _place(column: float, row: float) -> int:
    return (SIDE - 1 - int(row)) * SIDE + int(column)
