"""Drawing arenas: where spheres, towers and bodies are, and the order. The layout follows from the key alone.

Things are put down one after another, each at the first of several random places that leaves the gaps which the partner
needs to pass. Where none does, all begins anew: gaps are never narrowed. Everything is in whole parts of a meter.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32, Key, UInt32

from trueaim.core.keys import stream
from trueaim.worlds.arena.level import BODY_RADIUS, DEPARTS, FAR, GRAIN, MIRRORED, PRESENT, SPHERE_RADIUS, SWAP, Levels
from trueaim.worlds.arena.orders import every_order
from trueaim.worlds.grid.chance import share

PLACES = 32
"""Random places that are tried for each thing before all begins anew."""
TOWER_RADII = (0.5, 1.0)
SPHERE_GAP, TOWER_GAP = 1.8, 1.0
"""Between two spheres; between a tower and anything, and between a sphere and the edge."""
START_GAP = 0.3
"""Between where a body starts and all else."""
NEAR = 2.5
"""How far from its partner an agent starts at most, along either axis, where it starts near it."""
NOT_THERE = -(2**20)
"""In place of a radius: nothing is there."""
HEADINGS = 64
"""Directions in which an agent may start."""


class Layout(NamedTuple):
    """Where things are, in parts of a meter.

    Attributes:
        spheres, towers, radii: centers, and the radii of the towers.
        partner, start, near: where the partner starts, and the agent; and where if it is to start near the partner.
        fits: whether there was room for everything.
    """

    spheres: Int32[Array, "sphere 2"]
    towers: Int32[Array, "tower 2"]
    radii: Int32[Array, " tower"]
    partner: Int32[Array, " 2"]
    start: Int32[Array, " 2"]
    near: Int32[Array, " 2"]
    fits: Bool[Array, ""]


def drawn(key: Key[Array, ""], num_spheres: int, num_towers: int, knobs: Mapping[str, Float[Array, ""]]) -> Levels:
    """One level.

    Args:
        key: of the level.
        num_spheres: how many there are.
        num_towers: the most that a level can have.
        knobs: a value for each of `trueaim.worlds.arena.world.ArenaWorld.knobs`.
    """
    half = jnp.round(knobs["half"] * GRAIN).astype(jnp.int32)
    count = jnp.round(knobs["towers"]).astype(jnp.int32)
    layout = _fitting(stream(key, "layout"), num_spheres, num_towers, half, count)
    luck = jax.random.bits(stream(key, "luck"), (4,), jnp.uint32)
    start = jnp.where(share(luck[0]) < knobs["near"], layout.near, layout.start)
    there = jnp.arange(num_towers) < count
    orders = every_order(num_spheres)
    names = (("partners", PRESENT), ("swap", SWAP), ("departs", DEPARTS), ("mirrored", MIRRORED))
    return Levels(
        half=_meters(half),
        spheres=_meters(layout.spheres),
        towers=jnp.concatenate(
            [
                jnp.where(there[:, None], _meters(layout.towers), FAR),
                jnp.where(there, _meters(layout.radii), 0.0)[:, None],
            ],
            -1,
        ),
        order=jnp.asarray(orders)[luck[3] % len(orders)],
        start=jnp.concatenate([_meters(start), jnp.asarray(_directions())[luck[1] % HEADINGS]]),
        partner=_meters(layout.partner),
        **{name: knobs[name] for name in ("pace", "error", "stray", "leaves", "returns", "penalty")},
        square=jnp.round(knobs["square"]).astype(jnp.int32),
        traits=sum((knobs[name] > 0.5).astype(jnp.uint8) * bit for name, bit in names).astype(jnp.uint8),  # type: ignore[union-attr]
        luck=luck[2],
    )


def _meters(parts: Int[Array, "*shape"]) -> Float[Array, "*shape"]:
    return parts.astype(jnp.float32) / GRAIN


def _parts(meters: float) -> int:
    return round(meters * GRAIN)


def _directions() -> Float[np.ndarray, "heading 2"]:
    angles = 2 * np.pi * np.arange(HEADINGS) / HEADINGS
    return np.stack([np.cos(angles), np.sin(angles)], -1).astype(np.float32)


def _fitting(
    key: Key[Array, ""], num_spheres: int, num_towers: int, half: Int[Array, ""], count: Int[Array, ""]
) -> Layout:
    """The first of many layouts in which everything fits."""
    attempt = partial(_attempt, num_spheres=num_spheres, num_towers=num_towers, half=half, count=count)
    blank = jax.tree.map(lambda field: jnp.zeros(field.shape, field.dtype), jax.eval_shape(attempt, key))

    def again(carry: tuple[Array, Layout]) -> tuple[Array, Layout]:
        number, _ = carry
        return number + 1, attempt(stream(key, "attempt", number))

    return jax.lax.while_loop(lambda carry: ~carry[1].fits, again, (jnp.int32(0), blank))[1]


class _Thing(NamedTuple):
    """What is to be put down: radius, the least gap to all else, how far from the middle, and whether it is there."""

    radius: Int[Array, "*thing"]
    gap: Int[Array, "*thing"]
    limit: Int[Array, "*thing"]
    is_there: Bool[Array, "*thing"]


class _Placed(NamedTuple):
    """What lies where so far: centers and radii, far below 0 for what is not there; and whether all found room."""

    at: Int32[Array, "thing 2"]
    radii: Int32[Array, " thing"]
    fits: Bool[Array, ""]


def _attempt(
    key: Key[Array, ""], *, num_spheres: int, num_towers: int, half: Int[Array, ""], count: Int[Array, ""]
) -> Layout:
    num = num_spheres + num_towers
    words = jax.random.bits(key, (num + 4, PLACES, 2), jnp.uint32)
    things = _things(words[-1, :num_towers, 0], num_spheres, half, count)

    def put(placed: _Placed, each: tuple[_Thing, Array, Array]) -> tuple[_Placed, None]:
        thing, words, number = each
        place, fits = _room(placed, thing, _within(thing.limit, words))
        return _Placed(
            placed.at.at[number].set(place),
            placed.radii.at[number].set(jnp.where(thing.is_there, thing.radius, NOT_THERE)),
            placed.fits & fits,
        ), None

    nothing = _Placed(jnp.zeros((num, 2), jnp.int32), jnp.full(num, NOT_THERE, jnp.int32), jnp.bool_(True))
    placed, _ = jax.lax.scan(put, nothing, (things, words[:num], jnp.arange(num)))
    radius, gap = _parts(BODY_RADIUS), _parts(START_GAP)
    body = _Thing(jnp.int32(radius), jnp.int32(gap), half - radius - gap, jnp.bool_(True))
    partner, has_partner = _room(placed, body, _within(body.limit, words[num]))
    anywhere, has_start = _room(placed, body, _within(body.limit, words[num + 1]))
    beside = partner + _within(jnp.int32(_parts(NEAR)), words[num + 2])
    near, has_near = _room(placed, body, jnp.clip(beside, -body.limit, body.limit))
    fits = placed.fits & has_partner & has_start & has_near
    return Layout(
        placed.at[:num_spheres], placed.at[num_spheres:], things.radius[num_spheres:], partner, anywhere, near, fits
    )


def _things(words: UInt32[Array, " tower"], num_spheres: int, half: Int[Array, ""], count: Int[Array, ""]) -> _Thing:
    """Spheres, then towers, of random sizes."""
    num_towers = words.shape[0]
    low, high = (_parts(radius) for radius in TOWER_RADII)
    sizes = low + (words % (high - low + 1)).astype(jnp.int32)
    radius = jnp.concatenate([jnp.full(num_spheres, _parts(SPHERE_RADIUS), jnp.int32), sizes])
    gaps = [_parts(SPHERE_GAP)] * num_spheres + [_parts(TOWER_GAP)] * num_towers
    number = jnp.arange(num_spheres + num_towers)
    return _Thing(radius, jnp.array(gaps, jnp.int32), half - radius - _parts(TOWER_GAP), number < num_spheres + count)


def _within(limit: Int[Array, ""], words: UInt32[Array, "place 2"]) -> Int32[Array, "place 2"]:
    """Places up to so far from the middle along both axes."""
    return ((words >> 8) % (2 * limit + 1).astype(jnp.uint32)).astype(jnp.int32) - limit


def _room(placed: _Placed, thing: _Thing, places: Int[Array, "place 2"]) -> tuple[Int32[Array, " 2"], Bool[Array, ""]]:
    """The first of these places that leaves the gap to all that is placed, and whether there is one.

    What is not there fits anywhere and is in nobody's way.
    """
    off = places[:, None] - placed.at
    least = jnp.maximum(placed.radii + thing.radius + thing.gap, 0)
    clear = jnp.all(jnp.sum(off * off, -1) >= least * least, -1)
    return places[jnp.argmax(clear)], clear.any() | ~thing.is_there
