"""Pictures of an arena from above: the field, towers, spheres, the partner as a square and the agent as an arrow."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from trueaim.worlds.arena.level import BODY_RADIUS, SPHERE_RADIUS, Levels, State

GROUND, OUTSIDE, TOWER, AGENT, PARTNER = (236, 236, 230), (60, 60, 66), (120, 120, 126), (0, 114, 178), (200, 60, 20)
SPHERES = ((240, 228, 66), (86, 180, 233), (0, 158, 115), (204, 121, 167), (230, 159, 0), (120, 80, 40))
"""Colors that color-blind people tell apart, in the order of `trueaim.worlds.arena.level.COLORS`."""
LIT = 0.1
"""The share of a picture's side that the white or black square takes, at the upper left."""


def picture(levels: Levels, state: State, pixels: int, side: int) -> UInt8[Array, "row column rgb"]:
    """One state of a table of levels, as a person may see it who looks on.

    Args:
        levels: the table.
        state: which names its row.
        pixels: across a meter.
        side: of the picture, in meters.
    """
    middle = ((np.arange(side * pixels) + 0.5) / pixels - side / 2).astype(np.float32)
    x, y = jnp.asarray(middle)[None, :], -jnp.asarray(middle)[:, None]
    level = state.level
    drawn = jnp.broadcast_to(jnp.array(GROUND, jnp.uint8), (side * pixels, side * pixels, 3))
    outside = (jnp.abs(x) > levels.half[level]) | (jnp.abs(y) > levels.half[level])
    drawn = _painted(drawn, outside, OUTSIDE)
    for number in range(levels.spheres.shape[1]):
        center = levels.spheres[level, number]
        drawn = _painted(drawn, _disc(x, y, center[0], center[1], SPHERE_RADIUS), SPHERES[number])
    for number in range(levels.towers.shape[1]):
        tower = levels.towers[level, number]
        drawn = _painted(drawn, _disc(x, y, tower[0], tower[1], tower[2]), TOWER)
    partner, body = state.partner, state.body
    there = jnp.maximum(jnp.abs(x - partner.x), jnp.abs(y - partner.y)) < BODY_RADIUS
    drawn = _painted(drawn, there & partner.present, PARTNER)
    ahead = (x - body.x) * body.facing_x + (y - body.y) * body.facing_y
    aside = (y - body.y) * body.facing_x - (x - body.x) * body.facing_y
    arrow = (ahead > -BODY_RADIUS) & (jnp.abs(aside) < 0.5 * (1.5 * BODY_RADIUS - ahead))
    drawn = _painted(drawn, arrow, AGENT)
    corner = (x < side * (LIT - 0.5)) & (y > side * (0.5 - LIT))
    shade = jnp.where(state.square > 0, 255, 0).astype(jnp.uint8)
    return jnp.where((corner & (state.square != 0))[..., None], shade, drawn)


def _painted(
    drawn: UInt8[Array, "row column rgb"], where: Bool[Array, "row column"], color: tuple[int, int, int]
) -> UInt8[Array, "row column rgb"]:
    return jnp.where(where[..., None], jnp.array(color, jnp.uint8), drawn)


def _disc(
    x: Float[Array, "1 column"],
    y: Float[Array, "row 1"],
    center_x: Float[Array, ""],
    center_y: Float[Array, ""],
    radius: Float[Array, ""] | float,
) -> Bool[Array, "row column"]:
    return (x - center_x) ** 2 + (y - center_y) ** 2 < radius * radius
