"""CoinRun's levels, built from sections: plain functions of a key that run under `jit` and `vmap`.

A level is a strip of ground from column 1, then one to five sections of ground at other heights, then a pillar one cell
wide with the end of the level on it, then the end wall. A wide section may be a pit with lava, saws or enemies in it;
others may carry a saw, a walking enemy and crates. First a few numbers for each section are drawn, then what each
column holds follows from them, and then the map.

Source: the generator of the modified Procgen of Langosco et al. (2022), by its description; recordings of 300 of its
levels agree with it in distribution.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key, UInt32

from trueaim.core.errors import unknown_name

MOST_SECTIONS = 5
MOST_PIT = 7
"""The widest gap, in cells: the reach of a jump."""
CLIMB = 5
"""The largest step between sections, in cells: the height of a jump."""
FIRST_COLUMN = 5
"""Of the first section."""
TALL, TALLEST = 5, 20
"""From these heights on the next section may be, and is, lower."""
DIFFICULTIES = ("easy", "hard")
"""Hard levels have enemies outside pits; nothing else tells them apart but looks."""
LAVA_PIT, SAW_PIT, ENEMY_PIT = 0, 1, 2
"""What the pits of a level hold."""


class Section(NamedTuple):
    """One section; under `sections` every field has the section as its first axis.

    Attributes:
        there: whether the level has it.
        first, width: its columns.
        height: of its ground: rows below this are wall.
        is_pit: whether there is a gap in it.
        gap_first, gap_width: columns of the gap; width 0 where there is none.
        ledge_first, ledge_width: columns of the platform in the gap, one row below the ground; width 0 for none.
        lava: height of the lava in the gap above the lowest row, or 0.
        saw, walker: columns of a saw and of a walking enemy on the ground, or -1.
        crates: columns of two piles of crates, or -1.
        piles: their heights.
        rights: whether each enemy of the section first walks to the right, by bits.
    """

    there: Bool[Array, "*section"]
    first: Int[Array, "*section"]
    width: Int[Array, "*section"]
    height: Int[Array, "*section"]
    is_pit: Bool[Array, "*section"]
    gap_first: Int[Array, "*section"]
    gap_width: Int[Array, "*section"]
    ledge_first: Int[Array, "*section"]
    ledge_width: Int[Array, "*section"]
    lava: Int[Array, "*section"]
    saw: Int[Array, "*section"]
    walker: Int[Array, "*section"]
    crates: Int[Array, "*section 2"]
    piles: Int[Array, "*section 2"]
    rights: Int[Array, "*section"]


class Plan(NamedTuple):
    """The numbers from which a level follows.

    Attributes:
        sections: the sections, in order, five of them; not all are there.
        danger: what its pits hold: lava, saws or enemies.
        end: (column, row) of the end of the level.
        chosen: the number of the section at which a random coin lies by the original rule.
        words: random words for what else there is to draw.
    """

    sections: Section
    danger: Int[Array, ""]
    end: Int[Array, " 2"]
    chosen: Int[Array, ""]
    words: UInt32[Array, " 4"]


def _below(word: UInt32[Array, ""], bound: Int[Array, ""] | int) -> Int[Array, ""]:
    """A whole number from 0 to below `bound`, which is small, from a random word."""
    return (word % jnp.asarray(bound, jnp.uint32)).astype(jnp.int32)


WORDS = 20
"""Random words of a section."""


def _section(
    words: UInt32[Array, " word"],
    number: Int[Array, ""],
    count: Int[Array, ""],
    level: Int[Array, ""],
    danger: Int[Array, ""],
    first: Int[Array, ""],
    height: Int[Array, ""],
    walkers: bool,
) -> Section:
    """Section `number` of `count`, after one that ends before column `first` at this height; `level` is 1 to 3."""
    hard = (level == 3).astype(jnp.int32)
    climb = jnp.minimum(_below(words[0], 4) + 1 + hard, CLIMB)
    falls = (height >= TALLEST) | ((height >= TALL) & (_below(words[1], 2) == 1))
    height = jnp.maximum(height + jnp.where(falls, -climb, climb), 1)
    width = 3 + _below(words[2], 2 * level) + hard
    is_pit = (width > MOST_PIT) & (height > 3) & (_below(words[3], 20) >= level)
    before, after = _below(words[4], 3) + 1, _below(words[5], 3) + 1
    gap = jnp.where(is_pit, jnp.minimum(width - before - after, MOST_PIT), 0)
    ledge, more = 1 + (gap > 5) + _below(words[6], 2), _below(words[7], 2)
    ledge_width = jnp.where(gap > 4, jnp.where(gap == MOST_PIT, MOST_PIT - 2 - more - ledge, 1 + more), 0)
    inner = [first + 1 + _below(words[8 + i], width - 2) for i in range(4)]
    wide = ~is_pit & (width > 3)
    saw = jnp.where(wide & (_below(words[12], 10) < 2 * level), inner[0], -1)
    walker = jnp.where(wide & (_below(words[13], 10) < level) & walkers, inner[1], -1)
    crates = jnp.stack(inner[2:])
    piled = ~is_pit & (words[14:16] % 2 == 1) & (crates != saw) & (crates != walker)
    return Section(
        there=number < count,
        first=first,
        width=width,
        height=height,
        is_pit=is_pit,
        gap_first=first + before,
        gap_width=gap,
        ledge_first=first + before + ledge,
        ledge_width=ledge_width,
        lava=jnp.where(is_pit & (danger == LAVA_PIT), _below(words[16], jnp.maximum(height - 3, 1)) + 1, 0),
        saw=saw,
        walker=walker,
        crates=jnp.where(piled, crates, -1),
        piles=(words[17:19] % 3).astype(jnp.int32) + 1,
        rights=(words[19] & 0xFF).astype(jnp.int32),
    )


def planned(key: Key[Array, ""], difficulty: str = "hard") -> Plan:
    """The plan of one level.

    Args:
        key: a random key; the same for both difficulties gives the same level but for walkers and crates in their way.
        difficulty: "easy" or "hard"; easy levels have no enemies outside pits.

    Raises:
        TrueAimError: for another difficulty.
    """
    if difficulty not in DIFFICULTIES:
        raise unknown_name("difficulty", difficulty, DIFFICULTIES)
    words = jax.random.bits(key, (8 + MOST_SECTIONS * WORDS,), jnp.uint32)
    own, words = words[:8], words[8:].reshape(MOST_SECTIONS, WORDS)
    level = _below(own[0], 3) + 1
    count = level + _below(own[1], level)
    danger = _below(own[2], 3)

    def one(
        place: tuple[Int[Array, ""], Int[Array, ""]], drawn: tuple[UInt32[Array, " word"], Int[Array, ""]]
    ) -> tuple[tuple[Int[Array, ""], Int[Array, ""]], Section]:
        section = _section(*drawn, count, level, danger, *place, walkers=difficulty == "hard")
        after = (section.first + section.width, section.height)
        return jax.tree.map(lambda new, old: jnp.where(section.there, new, old), after, place), section

    # A loop, because XLA would draw all sections again for every column of the map that is made of them.
    begins = (jnp.int32(FIRST_COLUMN), jnp.int32(1))
    (first, height), sections = jax.lax.scan(one, begins, (words, jnp.arange(MOST_SECTIONS)))
    return Plan(sections, danger, jnp.stack([first, height]), _below(own[3], count), own[4:8])
