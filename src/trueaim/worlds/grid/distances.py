"""Shortest distances on maps, grown from the targets. One machine word holds a row of cells, so one shift moves 32."""

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Int16, UInt32

from trueaim.core.errors import TrueAimError

UNREACHABLE = 2**14 - 1
"""The distance of walls, and of cells that reach no target: more than any other, and twice it still fits 16 bits."""
MOST_COLUMNS = 32
"""The widest map: its rows fill one word."""
MOST_CELLS = 1024
"""The largest map, in cells, so that every distance is far below `UNREACHABLE`."""


@custom_vmap
def distances(walls: Bool[Array, "*level h w"], targets: Bool[Array, "*level h w"]) -> Int16[Array, "*level h w"]:
    """The least number of moves from each cell to the nearest target of its map, or `UNREACHABLE`.

    A move goes to one of the four neighbors, and outside is wall. A target inside a wall counts as none. Distances are
    exact. The work is a few operations on words for each unit of the longest distance in the batch, so hand over many
    maps at once: as leading axes or under `vmap`, which is the same.

    Raises:
        TrueAimError: for unequal shapes, and for maps of more than `MOST_COLUMNS` columns or `MOST_CELLS` cells.

    Source: ours. Breadth-first search with the cells seen so far as bits; `_grow` says how it counts.
    """
    _check_shapes(walls.shape, targets.shape)
    *levels, height, width = walls.shape
    free = _rows_as_words(~walls.reshape(-1, height, width))
    seen = free & _rows_as_words(targets.reshape(-1, height, width))
    seen, digits = _grow(free, seen, num_digits=(height * width + 3).bit_length())
    return _as_numbers(seen, digits, width).reshape(*levels, height, width)


@distances.def_vmap
def _of_many(size: int, is_batched: list[bool], *maps: Bool[Array, "..."]) -> tuple[Int16[Array, "level ..."], bool]:
    walls, targets = (
        each if batched else jnp.broadcast_to(each, (size, *each.shape))
        for each, batched in zip(maps, is_batched, strict=True)
    )
    return distances(walls, targets), True


def _check_shapes(walls: tuple[int, ...], targets: tuple[int, ...]) -> None:
    if walls != targets or len(walls) < 2:
        raise TrueAimError(
            f"targets: got shape {targets} for walls of shape {walls}, needs the same shape twice, "
            "the last axes being rows and columns; reshape flat cells to (height, width)."
        )
    height, width = walls[-2:]
    if width > MOST_COLUMNS or height * width > MOST_CELLS:
        raise TrueAimError(
            f"walls: got a map of {height} rows and {width} columns, needs at most {MOST_COLUMNS} columns and "
            f"{MOST_CELLS} cells; use a smaller map."
        )


def _rows_as_words(cells: Bool[Array, "level h w"]) -> UInt32[Array, "h level"]:
    """Each row as a word, its leftmost cell in the lowest bit; levels last, so that vector instructions serve many."""
    bits = jnp.uint32(1) << jnp.arange(cells.shape[-1], dtype=jnp.uint32)
    return jnp.sum(jnp.where(cells, bits, jnp.uint32(0)), -1, dtype=jnp.uint32).T


def _spread(free: UInt32[Array, "h level"], seen: UInt32[Array, "h level"]) -> UInt32[Array, "h level"]:
    """What is seen one move later."""
    edge = jnp.zeros_like(seen[:1])
    above, below = jnp.concatenate([edge, seen[:-1]]), jnp.concatenate([seen[1:], edge])
    return seen | ((seen << 1 | seen >> 1 | above | below) & free)


def _grow(
    free: UInt32[Array, "h level"], seen: UInt32[Array, "h level"], num_digits: int
) -> tuple[UInt32[Array, "h level"], list[UInt32[Array, "h level"]]]:
    """All cells that reach what is seen at first, and their distances' digits in Gray code, lowest digit first.

    A cell's distance is the number of rounds in which it is not yet seen. In Gray code round t flips a single digit, at
    the place that is the number of zeros at the end of t: so a round writes one array of words, not one per digit.
    Rounds come in pairs because every odd one flips digit zero.
    """

    def two_rounds(pair: Array, seen: Array, lowest: Array, others: Array) -> tuple[Array, Array, Array, Array, Array]:
        once = _spread(free, seen)
        twice = _spread(free, once)
        place = jax.lax.population_count((pair & -pair) - 1)
        flipped = jax.lax.dynamic_index_in_dim(others, place, keepdims=False) ^ ~once
        others = jax.lax.dynamic_update_index_in_dim(others, flipped, place, 0)
        return jnp.any(twice != once), pair + 1, twice, lowest ^ ~seen, others

    none = jnp.zeros((num_digits, *seen.shape), jnp.uint32)
    start = (jnp.array(True), jnp.int32(1), seen, none[0], none[1:])
    _, _, seen, lowest, others = jax.lax.while_loop(lambda at: at[0], lambda at: two_rounds(*at[1:]), start)
    return seen, [lowest, *others]


def _as_numbers(
    seen: UInt32[Array, "h level"], digits: list[UInt32[Array, "h level"]], width: int
) -> Int16[Array, "level h w"]:
    columns = jnp.arange(width, dtype=jnp.uint32)

    def bits(words: UInt32[Array, "h level"]) -> Int16[Array, "level h w"]:
        return (words.T[..., None] >> columns & 1).astype(jnp.int16)

    number = sum((bits(words) << place for place, words in enumerate(digits)), jnp.int16(0))
    for shift in (8, 4, 2, 1):  # from Gray code to binary
        number ^= number >> shift
    return jnp.where(bits(seen) == 1, number, jnp.int16(UNREACHABLE))
