"""Layouts: distributions of walls, each a small value that says its size and draws from a key."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt, UInt32

from trueaim.core.errors import TrueAimError

Density = int | float | Float[Array, ""]
"""A chance from 0 to `MOST_DENSITY`; what it is the chance of, each layout says."""
MOST_DENSITY = 0.9
"""The largest density a layout promises to honor."""


class Layout(NamedTuple):
    """A distribution of walls on maps of one size.

    Attributes:
        name: its name in `LAYOUTS`.
        height: rows.
        width: columns.
        draw: walls from a key and a density; plain and unbatched, for callers to `vmap` and `jit`.
        varied: whether two keys can give different walls.
        takes_density: whether `draw` looks at its density.
    """

    name: str
    height: int
    width: int
    draw: Callable[[PRNGKeyArray, Density], Bool[Array, " cell"]]
    varied: bool
    takes_density: bool


class Links(NamedTuple):
    """Which rooms of a grid an edge can join: first the pairs side by side, then those one above the other."""

    first: Int[np.ndarray, " edge"]
    second: Int[np.ndarray, " edge"]
    num_rooms: int


def open_field(height: int, width: int) -> Layout:
    """A map without any wall.

    Raises:
        TrueAimError: for a height or width below 1.
    """
    _check_size("open", height, width, least=1)

    def draw(key: PRNGKeyArray, density: Density) -> Bool[Array, " cell"]:
        del key, density
        return jnp.zeros(height * width, bool)

    return Layout("open", height, width, draw, varied=False, takes_density=False)


def blocks(height: int, width: int) -> Layout:
    """Maps whose every cell is a wall with chance `density`, independently of the others.

    The chance is honored to the nearest 1/65,536. Nothing promises that the free cells hang together.

    Raises:
        TrueAimError: for a height or width below 1.
    """
    _check_size("blocks", height, width, least=1)

    def draw(key: PRNGKeyArray, density: Density) -> Bool[Array, " cell"]:
        return _chances(key, height * width, density)

    return Layout("blocks", height, width, draw, varied=True, takes_density=True)


def kruskal(height: int, width: int) -> Layout:
    """Mazes with exactly one way between any two free cells: a random spanning tree of rooms.

    Rooms are the cells of even row and even column. The tree is the one that Kruskal's algorithm finds when it takes
    the passages in uniformly random order, that is the minimum spanning tree of independent random weights. (This is
    not the uniform distribution over spanning trees.) Density is not looked at.

    Raises:
        TrueAimError: for an even height or width, or one below 3.

    Source: Kruskal 1956, doi:10.1090/S0002-9939-1956-0078686-7.
    """
    _check_size("kruskal", height, width, least=3)
    for side, length in (("height", height), ("width", width)):
        if length % 2 == 0:
            raise TrueAimError(
                f"{side}: got {length}, needs an odd number for kruskal mazes; use {length - 1} or {length + 1}."
            )
    links = _links((height + 1) // 2, (width + 1) // 2)
    room_cells = np.add.outer(np.arange(0, height, 2) * width, np.arange(0, width, 2)).ravel()
    passages = (room_cells[links.first] + room_cells[links.second]) // 2
    solid = np.ones(height * width, bool)
    solid[room_cells] = False

    def draw(key: PRNGKeyArray, density: Density) -> Bool[Array, " cell"]:
        del density
        order = _random_order(key, passages.size)
        joined = _joins(links)(order)
        return jnp.asarray(solid).at[jnp.asarray(passages)[order]].set(~joined, unique_indices=True)

    return Layout("kruskal", height, width, draw, varied=True, takes_density=False)


def rooms(height: int, width: int) -> Layout:
    """Rooms in a grid, each about 3 cells long, joined by doors so that all hang together and some way leads in a ring.

    Between two neighboring rooms there is a door or none, at a uniformly random place of their common wall. The doors
    of a random spanning tree (as in `kruskal`) are there, one more besides, and each other with chance `density`; four
    rooms have no other, so `density` does nothing for heights and widths below 11.

    Raises:
        TrueAimError: for a height or width below 3.
    """
    _check_size("rooms", height, width, least=3)
    lines_down, lines_across = _lines(height), _lines(width)
    links = _links(len(lines_down) + 1, len(lines_across) + 1)
    places, num_places = _door_places(lines_down, lines_across, height, width)
    solid = np.zeros((height, width), bool)
    solid[lines_down] = True
    solid[:, lines_across] = True
    num_edges = links.first.size

    def draw(key: PRNGKeyArray, density: Density) -> Bool[Array, " cell"]:
        key_order, key_extra, key_place = jax.random.split(key, 3)
        order = _random_order(key_order, num_edges)
        joined = _joins(links)(order)
        rings = jnp.arange(num_edges) == jnp.argmin(joined)
        is_open = joined | rings | _chances(key_extra, num_edges, density)
        place = _halves(key_place, num_edges) * jnp.asarray(num_places)[order] >> 16
        return jnp.asarray(solid.ravel()).at[jnp.asarray(places)[order, place]].set(~is_open)

    has_choice = num_edges > links.num_rooms
    return Layout("rooms", height, width, draw, varied=height > 3 or width > 3, takes_density=has_choice)


LAYOUTS: dict[str, Callable[[int, int], Layout]] = {
    "open": open_field,
    "blocks": blocks,
    "kruskal": kruskal,
    "rooms": rooms,
}
"""Every layout by name: a function of height and width."""


def _check_size(name: str, height: int, width: int, *, least: int) -> None:
    for side, length in (("height", height), ("width", width)):
        if length < least:
            raise TrueAimError(f"{side}: got {length}, needs at least {least} for the layout {name!r}.")


def _chances(key: PRNGKeyArray, count: int, density: Density) -> Bool[Array, " count"]:
    return _halves(key, count) < jnp.round(jnp.asarray(density, jnp.float32) * 65_536).astype(jnp.uint32)


def _halves(key: PRNGKeyArray, count: int) -> UInt32[Array, " count"]:
    """Uniform numbers below 65,536: half a random word each, since random words are most of what a layout costs."""
    words = jax.random.bits(key, (-(-count // 2),), jnp.uint32)
    return jnp.concatenate([words >> 16, words & jnp.uint32(0xFFFF)])[:count]


def _random_order(key: PRNGKeyArray, count: int) -> Int[Array, " count"]:
    """The numbers below `count` in uniformly random order.

    Each gets a random weight with its own number in the low bits, so that weights alone are sorted and never tie; equal
    random parts (chance below `count`^3 / 2^32 in all, 0.0002 for 84) go by number.
    """
    low = (1 << (count - 1).bit_length()) - 1
    weights = jax.random.bits(key, (count,), jnp.uint32) & jnp.uint32(~low & 0xFFFFFFFF)
    return (jnp.sort(weights | jnp.arange(count, dtype=jnp.uint32)) & jnp.uint32(low)).astype(jnp.int32)


def _links(num_down: int, num_across: int) -> Links:
    number = np.arange(num_down * num_across).reshape(num_down, num_across)
    first = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    return Links(first, second, number.size)


def _joins(links: Links) -> Callable[[Int[Array, " edge"]], Bool[Array, " edge"]]:
    """A function from an order of the edges to which of them, in that order, join two parts not joined before."""
    # Under vmap the levels go on the last axis, where one vector instruction serves many: 3 times as fast on a CPU.

    @custom_vmap
    def joins(order: Int[Array, " edge"]) -> Bool[Array, " edge"]:
        return _joins_of_many(links, order[:, None])[:, 0]

    @joins.def_vmap
    def rule(
        size: int, is_batched: list[bool], order: Int[Array, "level edge"]
    ) -> tuple[Bool[Array, "level edge"], bool]:
        del size, is_batched
        return _joins_of_many(links, order.T).T, True

    return joins


def _joins_of_many(links: Links, order: Int[Array, "edge level"]) -> Bool[Array, "edge level"]:
    """Kruskal's algorithm: every room starts as a part of its own, and an edge between two parts makes them one."""
    lanes = jnp.arange(order.shape[1])
    first, second = jnp.asarray(links.first), jnp.asarray(links.second)

    def take(part: UInt[Array, "room level"], edge: Int[Array, " level"]) -> tuple[Array, Bool[Array, " level"]]:
        one, other = part[first[edge], lanes], part[second[edge], lanes]
        return jnp.where(part == one, other, part), one != other

    numbers = jnp.arange(links.num_rooms, dtype=jnp.uint8 if links.num_rooms <= 256 else jnp.uint16)
    return jax.lax.scan(take, jnp.broadcast_to(numbers[:, None], (links.num_rooms, lanes.size)), order)[1]


def _lines(length: int) -> list[int]:
    """Where the walls between rooms stand along one side: at least one, and about every fourth cell."""
    num_rooms = max(2, (length + 1) // 4)
    return [index * (length + 1) // num_rooms - 1 for index in range(1, num_rooms)]


def _door_places(
    lines_down: list[int], lines_across: list[int], height: int, width: int
) -> tuple[Int[np.ndarray, "edge place"], UInt[np.ndarray, " edge"]]:
    """The cells where each door may be, in the order of `Links` and filled up with zeros, and how many those are."""
    bands = [range(above + 1, below) for above, below in zip([-1, *lines_down], [*lines_down, height], strict=True)]
    stripes = [range(left + 1, right) for left, right in zip([-1, *lines_across], [*lines_across, width], strict=True)]
    side_by_side = [[row * width + line for row in band] for band in bands for line in lines_across]
    stacked = [[line * width + column for column in stripe] for line in lines_down for stripe in stripes]
    places = side_by_side + stacked
    longest = max(map(len, places))
    table = np.array([cells + [0] * (longest - len(cells)) for cells in places])
    return table, np.array([len(cells) for cells in places], np.uint32)
