"""Backward induction on grid maps: what every cell is worth with so many steps left, for many levels and goals at once.

Arrays have the levels last, so that vector instructions serve many of them; goals, where there are several, come first.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.worlds.grid.level import COLUMN_STEPS, ROW_STEPS, WALL, Levels

Values = Float[Array, "*goal h w level"]
OfAction = tuple[Values, ...]


class Problem(NamedTuple):
    """A Markov decision process on the cells of a map: moves are sure, walls stop them.

    Attributes:
        blocked: by action, the cells that it does not lead out of.
        pays: what it is worth to stand on a cell after a step.
        stops: where nothing comes after that.
    """

    blocked: tuple[Bool[Array, "h w level"], ...]
    pays: Values
    stops: Bool[Array, "*goal h w level"]


def blocked(levels: Levels, height: int, width: int) -> tuple[Bool[Array, "h w level"], ...]:
    """By action, the cells that it does not lead out of: what lies there is wall, or outside."""
    walls = maps((levels.cells & WALL) != 0, height, width)
    rows, columns = np.indices((height, width))
    found = []
    for row, column in zip(ROW_STEPS, COLUMN_STEPS, strict=True):
        outside = (rows + row) // height | (columns + column) // width
        found.append(jnp.roll(walls, (-row, -column), (0, 1)) | (outside != 0)[..., None])
    return tuple(found)


def maps(table: Array, height: int, width: int) -> Array:
    """A table [..., level, cell] as [..., h, w, level]."""
    return jnp.swapaxes(table, -1, -2).reshape(*table.shape[:-2], height, width, table.shape[-2])


def tables(of_cells: Array) -> Array:
    """The way back from `maps`."""
    *rest, height, width, num = of_cells.shape
    return jnp.swapaxes(of_cells.reshape(*rest, height * width, num), -1, -2)


def led_to(problem: Problem, values: Values) -> OfAction:
    """By action, the value of the cell that it leads to from each cell."""
    return tuple(
        jnp.where(stays, values, jnp.roll(values, (-row, -column), (-3, -2)))
        for stays, row, column in zip(problem.blocked, ROW_STEPS, COLUMN_STEPS, strict=True)
    )


def after(problem: Problem, values: Values, discount: float) -> OfAction:
    """By action, what it is worth, if cells are worth these values after it."""
    return led_to(problem, problem.pays + jnp.where(problem.stops, 0.0, discount * values))


def best_of(worth: OfAction) -> Values:
    """The value for whoever chooses well."""
    return jnp.maximum(jnp.maximum(worth[0], worth[1]), jnp.maximum(worth[2], worth[3]))


def mean_of(worth: OfAction) -> Values:
    """The value for uniformly random moves."""
    return 0.25 * ((worth[0] + worth[1]) + (worth[2] + worth[3]))


def iterated(start: Values, steps: Int[Array, " level"] | int, back: Callable[[Values], Values]) -> Values:
    """The values after so many rounds of `back`, which may differ by level.

    It may stop early, where another round would change nothing.
    """
    most = jnp.max(jnp.asarray(steps))

    def under_way(carry: tuple[Array, Array, Values]) -> Array:
        done, changed, _ = carry
        return changed & (done < most)

    def one(carry: tuple[Array, Array, Values]) -> tuple[Array, Array, Values]:
        done, _, values = carry
        new = jnp.where(done < steps, back(values), values)
        return done + 1, jnp.any(new != values), new

    return jax.lax.while_loop(under_way, one, (jnp.int32(0), jnp.array(True), start))[2]


def worth(
    problem: Problem, steps: Int[Array, " level"] | int, discount: float, choice: Callable[[OfAction], Values] = best_of
) -> Values:
    """What each cell is worth with this many steps left; `choice` is how moves are chosen."""
    zeros = jnp.zeros(problem.pays.shape, jnp.float32)
    return iterated(zeros, steps, lambda values: choice(after(problem, values, discount)))


def ties(worth: OfAction) -> tuple[Bool[Array, "*goal h w level"], ...]:
    """By action, whether it is one of the best. Equal ways are equal to the last bit; the rest is for rounding."""
    best = best_of(worth)
    least = best - 1e-6 * jnp.abs(best)
    return tuple(each >= least for each in worth)
