"""Levels as text, both ways: a map that people can read and write, and that gives back the very same level.

    #..c.
    ..#..
    1...#

    1: agent dish

`#` is wall, `.` is free, `A` is the agent's start, and each thing has a letter. A cell that holds two or more of them
(or anything inside a wall) is a digit, which a line below the map explains.
"""

from collections.abc import Sequence
from string import ascii_lowercase, digits
from textwrap import dedent
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.worlds.grid.level import AGENT, MOST_THINGS, WALL, Levels, thing_bit

_OTHERS = MappingProxyType({"wall": WALL, "agent": AGENT})
_CHARACTERS = MappingProxyType({".": 0, "#": WALL, "A": AGENT})


class Map(NamedTuple):
    """A single level and the size of its map."""

    level: Levels
    height: int
    width: int


def letters(things: Sequence[str]) -> dict[str, str]:
    """Each thing's letter, in order: the first in its name that is still free, in lower case.

    Raises:
        TrueAimError: for more than `MOST_THINGS` things, or a name that is there twice, empty, `wall`, `agent`, or that
            holds a space or colon.
    """
    if len(things) > MOST_THINGS:
        raise TrueAimError(f"things: got {len(things)}, needs at most {MOST_THINGS}; leave some out.")
    found: dict[str, str] = {}
    for thing in things:
        if thing in found or thing in _OTHERS or ":" in thing or len(thing.split()) != 1 or thing != thing.strip():
            raise TrueAimError(
                f"things: got the name {thing!r}, needs names without space or colon, each once, "
                "and neither 'wall' nor 'agent'; rename it."
            )
        wanted = [letter for letter in thing.lower() + ascii_lowercase if letter in ascii_lowercase]
        found[thing] = next(letter for letter in wanted if letter not in found.values())
    return found


def show(level: Levels, height: int, width: int, things: Sequence[str]) -> str:
    """The text of a level: `height` lines of `width` characters, then the lines that explain digits, if any.

    Args:
        level: one level, without a level axis.
        height: rows of its map.
        width: columns of its map.
        things: the names of its things, in order.

    Raises:
        TrueAimError: for names that `letters` refuses, a level of another size or number of things, or one whose cells
            do not agree with the places of its things.
    """
    characters = {bits: character for character, bits in _characters(things).items()}
    names = _bits_by_name(things)
    contents = _contents(level, height, width, things)
    legend: list[str] = []
    for content in dict.fromkeys(contents.tolist()):
        if content not in characters:
            characters[content] = str(len(legend) + 1)
            legend.append(f"{characters[content]}: {' '.join(name for name, bits in names.items() if content & bits)}")
    rows = ["".join(characters[content] for content in row) for row in contents.reshape(height, width).tolist()]
    return "\n".join([*rows, *([""] if legend else []), *legend])


def parse(text: str, things: Sequence[str]) -> Map:
    """The level that a text shows, in the form of `show`; indentation and blank lines do not matter.

    Args:
        text: the map and, for digits, the lines that explain them (`1: agent dish`).
        things: the names of the level's things, in order.

    Raises:
        TrueAimError: for names that `letters` refuses, no map, rows of unequal length, a character or name that means
            nothing, and an agent or thing that is missing or there twice.
    """
    lines = [line for line in dedent(text).splitlines() if line.strip()]
    rows = [line.strip() for line in lines if ":" not in line]
    if not rows:
        raise TrueAimError("text: got no map, needs at least one row of '#' (wall) and '.' (free); draw one.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise TrueAimError(
                f"text: got rows of {len(rows[0])} and {len(row)} cells, needs rows of equal length; "
                f"fill up row {number}."
            )
    meaning = _characters(things) | _legend([line for line in lines if ":" in line], things)
    for character in "".join(rows):
        if character not in meaning:
            raise unknown_name("character in the map", character, meaning)
    contents = np.array([meaning[character] for character in "".join(rows)])
    place = {name: _only_place(contents, name, bits) for name, bits in _bits_by_name(things).items() if bits != WALL}
    level = Levels(
        cells=jnp.asarray(contents & ~AGENT, jnp.uint8),
        things=jnp.asarray([place[thing] for thing in things], jnp.int32),
        start=jnp.asarray(place["agent"], jnp.int32),
    )
    return Map(level, len(rows), len(rows[0]))


def _bits_by_name(things: Sequence[str]) -> dict[str, int]:
    return {**_OTHERS, **{thing: thing_bit(index) for index, thing in enumerate(things)}}


def _characters(things: Sequence[str]) -> dict[str, int]:
    """What a character stands for, as bits, without any digits."""
    names = _bits_by_name(things)
    return {**_CHARACTERS, **{letter: names[thing] for thing, letter in letters(things).items()}}


def _legend(lines: Sequence[str], things: Sequence[str]) -> dict[str, int]:
    """What digits stand for, as bits, from lines like `1: agent dish`."""
    names = _bits_by_name(things)
    found = {}
    for line in lines:
        symbol, _, content = (part.strip() for part in line.partition(":"))
        if len(symbol) != 1 or symbol not in digits or symbol in found:
            raise TrueAimError(
                f"text: got the line {line.strip()!r}, needs a digit of its own before the colon; use 1 to 9."
            )
        for name in content.split():
            if name not in names:
                raise unknown_name(f"name after {symbol!r}", name, names)
        found[symbol] = sum(names[name] for name in set(content.split()))
    return found


def _contents(level: Levels, height: int, width: int, things: Sequence[str]) -> Int[np.ndarray, " cell"]:
    """The bits of every cell, the agent's among them."""
    cells, places = np.asarray(level.cells, np.int64), np.asarray(level.things)
    if cells.shape != (height * width,) or places.shape != (len(things),):
        raise TrueAimError(
            f"level: got cells of shape {cells.shape} and things of shape {places.shape}, "
            f"needs ({height * width},) and ({len(things)},); pass one level with its own size and names."
        )
    contents = cells & WALL
    np.bitwise_or.at(contents, places, np.array([thing_bit(index) for index in range(len(things))], np.int64))
    if not np.array_equal(contents, cells):
        raise TrueAimError("level: got cells that do not agree with the places of the things; make both say the same.")
    contents[np.asarray(level.start)] |= AGENT
    return contents


def _only_place(contents: Int[np.ndarray, " cell"], name: str, bits: int) -> int:
    places = np.flatnonzero(contents & bits)
    if places.size != 1:
        raise TrueAimError(f"text: got {places.size} cells with {name!r}, needs exactly one; draw it once.")
    return int(places[0])
