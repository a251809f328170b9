"""The level buffer: levels with what is known of them, as arrays; inserting, weighing and sampling are pure functions.

Source: prioritized level replay, Jiang et al. 2021, arXiv 2010.03934, equations 1 to 3.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8, Key, UInt32

NEVER = -jnp.inf
"""The highest return of a level on which no episode has ended."""
UNKNOWN = -1
"""The class of a level that nobody has classified."""


class Entries(NamedTuple):
    """Levels and what is known of them, one row each.

    Attributes:
        levels: a table of levels.
        digest: two words that equal levels share, and others share with a chance of 2^-64.
        score: by which levels are replayed, the higher the sooner; NaN for what has none.
        optimum: the highest return of the intended goal; NaN where it is not known.
        highest: the highest return that was ever seen, discounted as the scenario measures; `NEVER` at first.
        highest_learned: the same, discounted as the learner does.
        is_shifted: drawn from the shift setting.
        kind: the `LevelClass` for the intended goal and the first rival, or `UNKNOWN`.
    """

    levels: Any
    digest: UInt32[Array, "row 2"]
    score: Float[Array, " row"]
    optimum: Float[Array, " row"]
    highest: Float[Array, " row"]
    highest_learned: Float[Array, " row"]
    is_shifted: Bool[Array, " row"]
    kind: Int8[Array, " row"]


class Buffer(NamedTuple):
    """A buffer of fixed size.

    Attributes:
        entries: one row for each slot.
        is_filled: which slots hold a level.
        visited: the clock when the slot's level was last played.
        clock: how many cycles there were.
    """

    entries: Entries
    is_filled: Bool[Array, " slot"]
    visited: Int[Array, " slot"]
    clock: Int[Array, ""]


def entries(levels: Any, is_shifted: Bool[Array, " row"]) -> Entries:
    """Levels of which nothing else is known yet."""
    num = is_shifted.shape[0]
    unknown, never = jnp.full(num, jnp.nan), jnp.full(num, NEVER)
    kind = jnp.full(num, UNKNOWN, jnp.int8)
    return Entries(levels, digest(levels), unknown, unknown, never, never, is_shifted, kind)


def empty(like: Entries, size: int) -> Buffer:
    """A buffer of `size` empty slots for levels such as these."""
    rows = jax.tree.map(lambda table: jnp.zeros((size, *table.shape[1:]), table.dtype), like)
    return Buffer(rows, jnp.zeros(size, bool), jnp.zeros(size, jnp.int32), jnp.zeros((), jnp.int32))


def digest(levels: Any) -> UInt32[Array, "row 2"]:
    """Two words for each level of a table, from all of its fields."""
    words = [_words(table) for table in jax.tree.leaves(levels)]
    flat = jnp.concatenate(words, -1)
    odd = np.random.default_rng(20210611).integers(0, 2**31, (flat.shape[-1], 2), np.uint32) * 2 + 1
    mixed = flat * jnp.uint32(0x9E3779B9)
    mixed = (mixed ^ (mixed >> 15)) + jnp.uint32(0x7F4A7C15)  # so that one large change is not one product
    return jnp.sum(mixed[..., None] * odd, -2, dtype=jnp.uint32)


def _words(table: Array) -> UInt32[Array, "row word"]:
    flat = table.reshape(table.shape[0], -1)
    if jnp.issubdtype(flat.dtype, jnp.floating):
        flat = jax.lax.bitcast_convert_type(flat.astype(jnp.float32), jnp.uint32)
    return flat.astype(jnp.uint32)


def ranked(score: Float[Array, " slot"], is_filled: Bool[Array, " slot"], temperature: float) -> Float[Array, " slot"]:
    """(1 / rank)^(1 / temperature), to sum 1, where the highest score has rank 1; 0 for empty slots.

    Equal scores share what their ranks would get together, so that no slot is preferred for its number: on easy levels
    most scores are exactly 0. The temperature is an exponent.
    """
    size = score.shape[0]
    # As the sum of all lower ranks' weights, so that differences keep their digits where weights fall by many orders.
    each = np.arange(1.0, size + 1) ** (-1 / temperature)
    below = jnp.asarray(np.append(np.cumsum(each[::-1])[::-1], 0.0), jnp.float32)
    order = _descending(score, is_filled)
    ordered = jnp.sort(order, stable=False)
    first = jnp.searchsorted(ordered, order)
    positions = jnp.arange(1, size + 1)
    is_last = jnp.append(ordered[1:] != ordered[:-1], True)
    end = jax.lax.cummin(jnp.where(is_last, positions, size), reverse=True)[first]
    alone = jnp.asarray(each, jnp.float32)[first]
    shared = jnp.where(end - first == 1, alone, (below[first] - below[end]) / (end - first))
    return _normal(jnp.where(is_filled, shared, 0.0))


def _descending(score: Float[Array, " slot"], is_filled: Bool[Array, " slot"]) -> UInt32[Array, " slot"]:
    """Words that sort like falling scores, empty slots last: sorting words is ten times as fast as sorting pairs."""
    bits = jax.lax.bitcast_convert_type(score + 0.0, jnp.uint32)
    rising = jnp.where(bits >> 31 == 1, ~bits, bits | jnp.uint32(1 << 31))
    return jnp.where(is_filled & ~jnp.isnan(score), ~rising, jnp.uint32(0xFFFFFFFF))


def stale(buffer: Buffer) -> Float[Array, " slot"]:
    """How long ago each level was played, to sum 1; one that was just played has 0; all alike where all just were."""
    since = jnp.where(buffer.is_filled, buffer.clock - buffer.visited, 0).astype(jnp.float32)
    return jnp.where(since.any(), _normal(since), _normal(buffer.is_filled.astype(jnp.float32)))


def _normal(weights: Float[Array, " slot"]) -> Float[Array, " slot"]:
    return weights / jnp.where(weights.any(), weights.sum(), 1.0)


def weights(buffer: Buffer, temperature: float, staleness: float) -> Float[Array, " slot"]:
    """P = (1 - rho) P_S + rho P_C: the chance of each slot to be replayed; all 0 for an empty buffer.

    Source: arXiv 2010.03934, equation 3. P_S are `ranked` scores, P_C is `stale`.
    """
    by_score = ranked(buffer.entries.score, buffer.is_filled, temperature)
    return (1 - staleness) * by_score + staleness * stale(buffer)


def even(buffer: Buffer) -> Float[Array, " slot"]:
    """The same chance for every level that the buffer holds."""
    return _normal(buffer.is_filled.astype(jnp.float32))


def sample(key: Key[Array, ""], chances: Float[Array, " slot"], num: int, repeats: bool) -> Int[Array, " num"]:
    """Slots drawn with these chances; slot 0 where all chances are 0.

    Args:
        key: of the draw.
        chances: of each slot.
        num: how many to draw.
        repeats: each draw from all slots; else all slots differ (by the Gumbel top-k trick), and where fewer have a
            chance than are drawn they come round again, the likeliest first.
    """
    if repeats:
        steps = jnp.cumsum(chances)
        drawn = jnp.searchsorted(steps, jax.random.uniform(key, (num,)) * steps[-1], side="right")
        return jnp.minimum(drawn, jnp.argmax(steps)).astype(jnp.int32)
    size = chances.shape[0]
    noisy = jnp.log(chances) + jax.random.gumbel(key, (size,))
    _, best = jax.lax.top_k(noisy, min(num, size))
    able = jnp.minimum((chances > 0).sum(), best.shape[0])
    return best[jnp.arange(num) % jnp.maximum(able, 1)]


def taken(buffer: Buffer, slots: Int[Array, " row"]) -> Entries:
    """The entries in these slots."""
    return jax.tree.map(lambda table: table[slots], buffer.entries)


def ticked(buffer: Buffer) -> Buffer:
    """The buffer one cycle later."""
    return buffer._replace(clock=buffer.clock + 1)


def rescored(buffer: Buffer, slots: Int[Array, " row"], new: Entries, applies: Bool[Array, " row"]) -> Buffer:
    """The buffer after some of its levels were played again: their score and highest returns are new.

    Args:
        buffer: before.
        slots: where the levels are; the same one may occur several times, with the same numbers.
        new: what is known of them now.
        applies: which of these rows count.
    """
    where = jnp.where(applies, slots, buffer.visited.shape[0])
    old = buffer.entries
    known = {
        name: getattr(old, name).at[where].set(getattr(new, name), mode="drop")
        for name in ("score", "highest", "highest_learned")
    }
    visited = buffer.visited.at[where].set(buffer.clock, mode="drop")
    return buffer._replace(entries=old._replace(**known), visited=visited)


def inserted(buffer: Buffer, chances: Float[Array, " slot"], new: Entries, offered: Bool[Array, " row"]) -> Buffer:
    """The buffer after some new levels were offered to it.

    A level that it holds already is only rescored. Of equal new ones the first counts. The others are taken from the
    highest score down; the first goes into the first empty slot, and when none is left, to the slot with the lowest
    chance if it has a higher score than the level there, the next to the slot with the next lowest chance, and so on.
    All at once: one after the other would take a loop of as many steps as there are new levels.

    Args:
        buffer: before.
        chances: of each slot to be replayed, by which slots are given up.
        new: the levels, at most as many as there are slots.
        offered: which of these rows count; those without a score never do.
    """
    size, num = buffer.visited.shape[0], offered.shape[0]
    scored = offered & ~jnp.isnan(new.score)
    where, is_first = _held(buffer, new.digest), _first_of_equals(new.digest, scored)
    held = scored & (where < size)
    kept = taken(buffer, jnp.minimum(where, size - 1))
    again = new._replace(
        highest=jnp.maximum(new.highest, kept.highest),
        highest_learned=jnp.maximum(new.highest_learned, kept.highest_learned),
    )
    buffer = rescored(buffer, where, again, held & is_first)
    wants = scored & ~held & is_first
    _, slots = jax.lax.top_k(jnp.where(buffer.is_filled, -chances, jnp.inf), num)
    value, row = jax.lax.top_k(jnp.where(wants, new.score, -jnp.inf), num)
    enters = wants[row] & (~buffer.is_filled[slots] | (value > buffer.entries.score[slots]))
    into = jnp.where(enters, slots, size)
    table = jax.tree.map(lambda old, all_new: old.at[into].set(all_new[row], mode="drop"), buffer.entries, new)
    return buffer._replace(
        entries=table,
        is_filled=buffer.is_filled.at[into].set(True, mode="drop"),
        visited=buffer.visited.at[into].set(buffer.clock, mode="drop"),
    )


def _held(buffer: Buffer, digests: UInt32[Array, "row 2"]) -> Int[Array, " row"]:
    """The slot that holds each level already, or one past the last."""
    size = buffer.visited.shape[0]
    equal = (buffer.entries.digest[:, None, 0] == digests[None, :, 0]) & buffer.is_filled[:, None]
    slot = jnp.where(equal, jnp.arange(size, dtype=jnp.int32)[:, None], -1).max(0)
    same = (slot >= 0) & (buffer.entries.digest[slot, 1] == digests[:, 1])
    return jnp.where(same, slot, size)


def _first_of_equals(digests: UInt32[Array, "row 2"], offered: Bool[Array, " row"]) -> Bool[Array, " row"]:
    num = offered.shape[0]
    equal = (digests[:, None] == digests[None]).all(-1) & offered[:, None] & offered[None]
    earlier = jnp.arange(num)[None] < jnp.arange(num)[:, None]
    return ~(equal & earlier).any(-1)
