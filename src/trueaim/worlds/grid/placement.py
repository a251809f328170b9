"""Where things and agents may be put: corners, distances from them, and a uniform choice among the free cells there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.scenario import Knob
from trueaim.worlds.grid.chance import scrambled
from trueaim.worlds.grid.level import NO_THING

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


class Mark(NamedTuple):
    """By what things are told apart in an observation.

    Attributes:
        name: of the channel.
        copies: how many copies of the channel a network sees; 0 for what agents cannot see.
        sprite: what it looks like in pictures; by default like its name.
    """

    name: str
    copies: int = 1
    sprite: str = ""


@dataclass(frozen=True)
class Thing:
    """One thing that lies on the map, or several of a kind.

    Attributes:
        name: what goals and pictures call it.
        near: a corner or an earlier thing from which `within` is measured; None for anywhere.
        within: the name of the knob, or the number, that says how far from `near` it may lie, in cells along the
            longer axis (so a square region); None for no limit.
        apart: earlier things and corners on which it never lies.
        copies: how many copies of its channel a network sees.
        sprite: what it looks like in pictures; by default like its name.
        count: how many of the kind there can be; no two of them share a cell.
        present: the name of the knob, or the number, that says how many there are at the start; None for all.
        among: says on which cells a slot may lie, from its number, the cells of what was placed before, and the knobs.
    """

    name: str
    near: str | None = None
    within: str | int | None = None
    apart: tuple[str, ...] = ()
    copies: int = 1
    sprite: str = ""
    count: int = 1
    present: str | int | None = None
    among: Callable[[int, Mapping[str, list[Any]], Mapping[str, Any]], Bool[Array, " cell"]] | None = None


def square_distance(height: int, width: int, cell: Int[Array, ""] | int) -> Int[Array, " cell"]:
    """The distance of every cell from one cell along the longer axis (Chebyshev distance)."""
    cells = np.arange(height * width)
    rows = jnp.abs(cells // width - cell // width)
    columns = jnp.abs(cells % width - cell % width)
    return jnp.maximum(rows, columns)


def scramble(seed: UInt32[Array, ""], cells: int) -> UInt32[Array, " cell"]:
    """A pseudo-random number for every cell from one random word.

    A level needs one uniform choice for each thing; a full random stream for each cell would cost more than the level.
    """
    return scrambled(seed + jnp.arange(cells, dtype=jnp.uint32) * jnp.uint32(0x9E3779B9))


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


def check_things(things: tuple[Thing, ...], start: Thing, knobs: tuple[Knob, ...]) -> None:
    """Raise unless every thing names places and knobs that are there, and always finds a cell."""
    known = {knob.name: knob for knob in knobs}
    for number, thing in enumerate((*things, start)):
        places = {earlier.name for earlier in things[:number]} | set(CORNERS)
        for place in (*thing.apart, *([thing.near] if thing.near else [])):
            if place not in places:
                raise unknown_name(f"place for {thing.name}", place, places)
        for knob in (thing.within, thing.present):
            if isinstance(knob, str) and knob not in known:
                raise unknown_name("knob", knob, known)
        least = known[thing.within].low if isinstance(thing.within, str) else thing.within
        if least is not None and thing.near is not None:
            _check_room(things, thing, thing.near, int(least))


def _check_room(things: tuple[Thing, ...], thing: Thing, near: str, least: int) -> None:
    """Raise unless a cell within `least` of `near` is left for the thing, whatever lies where."""
    earlier = {other.name: other for other in things}
    taken = set(thing.apart)
    if least == 0:  # the one cell is taken by what may lie there too
        kept_apart = {place for place in taken if place in earlier and near in earlier[place].apart}
        taken &= {near, *earlier} - kept_apart - set(earlier[near].apart if near in earlier else ())
    most = sum(earlier[place].count if place in earlier else 1 for place in taken)
    if (least + 1) ** 2 <= most:
        raise TrueAimError(
            f"{thing.name}: got a place within {least} cells of {near} but never on "
            f"{', '.join(sorted(taken))}, needs a cell that may be taken; choose another place for it"
        )


def check_apart(things: list[Thing]) -> None:
    """Raise unless no two of these things can share a cell, and there are not too many of them to count in a word."""
    num = sum(thing.count for thing in things)
    if num >= NO_THING:
        raise TrueAimError(f"things: got {num} that can vanish, needs fewer than {NO_THING}; lower their counts")
    for number, thing in enumerate(things):
        for other in things[:number]:
            if other.name not in thing.apart:
                raise TrueAimError(
                    f"{thing.name}: got places where {other.name} may lie too, needs places of its own as both can "
                    f"vanish; keep it apart from {other.name}"
                )
