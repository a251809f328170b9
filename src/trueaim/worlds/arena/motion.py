"""How bodies move: thrust and drag, the edge of the field, towers; and how one walks around discs.

Towers and spheres stand so far apart, and from the edge, that a body touches one thing at a time: so a single push
brings it out of what it is in.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from trueaim.worlds.arena.level import BODY_RADIUS, Body

THRUST, DRAG, TURN = 0.1, 0.8, 0.3
"""Speed gained in a step at full throttle; the share of its speed that a body keeps; radians of a full turn."""
TOP_SPEED = THRUST / (1 - DRAG)
"""To which a body comes near at full throttle, in meters per step."""
SMALL = 1e-6


def moved(
    body: Body,
    half: Float[Array, ""],
    towers: Float[Array, "tower 3"],
    throttle: Float[Array, ""],
    turn: Float[Array, ""],
) -> Body:
    """The body after one step: it turns, then v' = drag v + thrust throttle facing, then x' = x + v'.

    At the edge and at towers it loses the part of its velocity that leads into them.

    Args:
        body: before.
        half: of the field.
        towers: around which it has to go.
        throttle: 0 to 1.
        turn: -1 (to the right) to 1 (to the left).
    """
    facing_x, facing_y = turned(body.facing_x, body.facing_y, TURN * turn)
    vx = DRAG * body.vx + THRUST * throttle * facing_x
    vy = DRAG * body.vy + THRUST * throttle * facing_y
    edge = half - BODY_RADIUS
    x, y = body.x + vx, body.y + vy
    vx, vy = jnp.where(jnp.abs(x) > edge, 0.0, vx), jnp.where(jnp.abs(y) > edge, 0.0, vy)
    x, y = jnp.clip(x, -edge, edge), jnp.clip(y, -edge, edge)
    away_x, away_y = x - towers[:, 0], y - towers[:, 1]
    distance = jnp.maximum(jnp.sqrt(away_x * away_x + away_y * away_y), SMALL)
    depth = towers[:, 2] + BODY_RADIUS - distance
    touches = (depth > 0) & (towers[:, 2] > 0)
    normal_x, normal_y = (jnp.sum(jnp.where(touches, away / distance, 0.0)) for away in (away_x, away_y))
    push = jnp.sum(jnp.where(touches, depth, 0.0))
    into = jnp.minimum(vx * normal_x + vy * normal_y, 0.0)
    return Body(
        x + push * normal_x,
        y + push * normal_y,
        facing_x,
        facing_y,
        vx - into * normal_x,
        vy - into * normal_y,
    )


def turned(
    x: Float[Array, "*batch"], y: Float[Array, "*batch"], angle: Float[Array, "*batch"]
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """A unit vector after a small turn to the left, of at most `TURN` radians, and again of length 1.

    Sine and cosine are the beginnings of their series, exact to single precision up to there: so they are the same in
    every program, and a step in a browser needs no others.
    """
    square = angle * angle
    sine = angle * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
    cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30 * (1 - square / 56)))
    new_x, new_y = cosine * x - sine * y, sine * x + cosine * y
    scale = 1.5 - 0.5 * (new_x * new_x + new_y * new_y)
    return new_x * scale, new_y * scale


class Discs(NamedTuple):
    """What is walked around.

    Attributes:
        x, y: centers.
        hard: radii within which one must not come; 0 for a disc that is in nobody's way.
        wide: radii at which one passes; at least as large, but not so large that two such discs touch.
    """

    x: Float[Array, " disc"]
    y: Float[Array, " disc"]
    hard: Float[Array, " disc"]
    wide: Float[Array, " disc"]


DETOURS = 2
"""How often the direction is corrected: by the first disc in the way, then by one in the way to that one's side."""


def toward(
    x: Float[Array, ""], y: Float[Array, ""], goal_x: Float[Array, ""], goal_y: Float[Array, ""], discs: Discs
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The unit vector along which one goes from a place to a goal around discs.

    Straight on; or, where a disc is in the way, along the tangent on the side that leads less astray. A disc that one
    is in does not count: one may leave it. Among discs that do not touch each other this leads to the goal, by a way
    that need not be the shortest.
    """
    to_x, to_y = goal_x - x, goal_y - y
    length = jnp.maximum(jnp.sqrt(to_x * to_x + to_y * to_y), SMALL)
    to_x, to_y = to_x / length, to_y / length
    ways = [_tangents(x, y, discs, number) for number in range(discs.x.shape[0])]
    for _ in range(DETOURS):
        new_x, new_y, new_length = to_x, to_y, length
        first = jnp.full_like(length, jnp.inf)
        for way in ways:
            along = way.off_x * to_x + way.off_y * to_y
            aside = to_x * way.off_y - to_y * way.off_x
            blocks = way.counts & (along > 0) & (along < jnp.minimum(length, first)) & (jnp.abs(aside) < way.width)
            side = jnp.where(aside > 0, -1.0, 1.0)
            first = jnp.where(blocks, along, first)
            new_x = jnp.where(blocks, way.ahead_x - side * way.aside_y, new_x)
            new_y = jnp.where(blocks, way.ahead_y + side * way.aside_x, new_y)
            new_length = jnp.where(blocks, way.length, new_length)
        to_x, to_y, length = new_x, new_y, new_length
    return to_x, to_y


class _Way(NamedTuple):
    """The way past one disc: its tangents from a place are `ahead` plus or minus `aside` turned to the left."""

    counts: Bool[Array, ""]
    off_x: Float[Array, ""]
    off_y: Float[Array, ""]
    width: Float[Array, ""]
    ahead_x: Float[Array, ""]
    ahead_y: Float[Array, ""]
    aside_x: Float[Array, ""]
    aside_y: Float[Array, ""]
    length: Float[Array, ""]


def _tangents(x: Float[Array, ""], y: Float[Array, ""], discs: Discs, number: int) -> _Way:
    # One disc after the other, not all at once: a CPU goes through many episodes faster than through a few discs.
    off_x, off_y = discs.x[number] - x, discs.y[number] - y
    distance = jnp.maximum(jnp.sqrt(off_x * off_x + off_y * off_y), SMALL)
    sine = jnp.minimum(discs.wide[number] / distance, 1.0)
    cosine = jnp.sqrt(1 - sine * sine)
    along, across = cosine / distance, sine / distance
    return _Way(
        (distance >= discs.hard[number]) & (discs.hard[number] > 0),
        off_x,
        off_y,
        sine * distance * (1 - 1e-4),
        off_x * along,
        off_y * along,
        off_x * across,
        off_y * across,
        cosine * distance,
    )


def kept_out(
    x: Float[Array, ""], y: Float[Array, ""], was_x: Float[Array, ""], was_y: Float[Array, ""], discs: Discs
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """A place, pushed out of the disc that it is in, unless one was in that disc before."""
    was = _distance(discs, was_x, was_y) < discs.hard
    distance = _distance(discs, x, y)
    enters = (distance < discs.hard) & ~was
    scale = jnp.where(enters, (discs.hard - distance) / jnp.maximum(distance, SMALL), 0.0)
    return x + jnp.sum((x - discs.x) * scale), y + jnp.sum((y - discs.y) * scale)


def _distance(discs: Discs, x: Float[Array, ""], y: Float[Array, ""]) -> Float[Array, " disc"]:
    return jnp.sqrt((discs.x - x) ** 2 + (discs.y - y) ** 2)
