"""Levels as text, both ways: a map that people can read and write, and that gives back the very same level.

    #..k.
    ..#2.
    1...#

    1: agent dish
    2: object=line+red
    hint: red
    steps: 25

`#` is wall, `.` is free, `A` is the agent's start, and each kind of thing has a letter. A cell that holds more, or a
thing that does not look like its kind, is a digit or another capital letter, which a line below the map explains. Then
comes what the map cannot show: hints, the time limit, the level's luck, the cells of a kind's things in their order
where that is not the order of reading (`places key: 1,4 (3,2)`: row and column from 1, in brackets what is not there),
and what rules keep of a level where it does not follow from the map (`table order: 2 0 1`).
"""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.worlds.grid import keywords
from trueaim.worlds.grid.drawing import Dress, assembled, is_plain, precomputed
from trueaim.worlds.grid.level import MOST_THINGS, WALL, Levels, thing_bit
from trueaim.worlds.grid.rule import Drawn

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld

SYMBOLS = "123456789" + ascii_uppercase.replace("A", "")
"""What can stand for a cell that a line explains."""
Token = tuple[str, int]
"""One thing in a cell: its kind, and its looks as bits. The wall and the agent are kinds without looks."""
Content = tuple[Token, ...]
"""What is in a cell: wall, agent, floor, then things in the order of their kinds."""
FLOOR = "floor"
"""The kind that stands for what a cell shows beside things."""
RESERVED = ("wall", "agent", FLOOR)
FLOOR = "floor"
"""The kind of what a cell shows beside its things."""
WALL_TOKEN: Token = ("wall", 0)
AGENT_TOKEN: Token = ("agent", 0)


class Sketch(NamedTuple):
    """What a text says: rows of characters, what they mean, and the lines with a keyword."""

    rows: list[str]
    meaning: dict[str, Content]
    said: dict[str, str]


def letters(things: Sequence[str], most: int = MOST_THINGS) -> dict[str, str]:
    """Each thing's letter, in order: the first in its name that is still free, in lower case.

    Raises:
        TrueAimError: for more than `most` things, or a name that is there twice, empty, `wall`, `agent`, or that holds
            a space or one of `:=+`.
    """
    if len(things) > most:
        raise TrueAimError(f"things: got {len(things)}, needs at most {most}; leave some out.")
    found: dict[str, str] = {}
    for thing in things:
        if thing in found or thing in RESERVED or set(thing) & set(":=+") or thing.split() != [thing]:
            raise TrueAimError(
                f"things: got the name {thing!r}, needs names without space, colon, = or +, each once, "
                "and not 'wall', 'agent' or 'floor'; rename it."
            )
        wanted = [letter for letter in thing.lower() + ascii_lowercase if letter in ascii_lowercase]
        found[thing] = next(letter for letter in wanted if letter not in found.values())
    return found


def show(world: "GridWorld", level: Levels) -> str:
    """The text of one level (without a level axis) of this world; `parse` gives back the very same level.

    Raises:
        TrueAimError: for a level of another size or number of things, or one whose cells do not agree with its things.
    """
    sizes = np.shape(level.cells), np.shape(level.things)
    needs = (world.height * world.width,), (sum(thing.count for thing in world.things),)
    if sizes != needs:
        raise TrueAimError(
            f"level: got cells of shape {sizes[0]} and things of shape {sizes[1]}, needs {needs[0]} and {needs[1]}; "
            "pass one level of this world."
        )
    contents = _contents(world, level)
    characters = {content: character for character, content in _characters(world).items()}
    symbols = iter(SYMBOLS)
    legend = []
    for content in dict.fromkeys(contents):
        if content not in characters:
            characters[content] = _next(symbols)
            legend.append(f"{characters[content]}: {' '.join(_word(world, token) for token in content)}")
    line = "".join(characters[content] for content in contents)
    rows = [line[start : start + world.width] for start in range(0, len(line), world.width)]
    lines = [*legend, *keywords.told(world, level)]
    lines += _orders(world, level, parse(world, "\n".join([*rows, *lines])))
    lines += keywords.tables(level, parse(world, "\n".join([*rows, *lines])))
    return "\n".join([*rows, *([""] if lines else []), *lines])


def parse(world: "GridWorld", text: str) -> Levels:
    """The level (without a level axis) that a text shows, in the form of `show`.

    Indentation and blank lines do not matter. What is not said is as drawn by default: things lie in the order of
    reading, hints are off, a time limit is its knob's default, the luck is 0, and rules precompute from the map.

    Raises:
        TrueAimError: for no map or one of another size, rows of unequal length, a character or name that means
            nothing, an agent or thing that is missing or there too often, and lines that contradict the map.
    """
    sketch = _sketch(world, text)
    contents = [sketch.meaning[character] for character in "".join(sketch.rows)]
    starts = [cell for cell, content in enumerate(contents) if AGENT_TOKEN in content]
    if len(starts) != 1:
        raise TrueAimError(f"text: got {len(starts)} cells with 'agent', needs exactly one; draw it once.")
    things, looks = _slots(world, contents, sketch.said)
    walls = jnp.asarray([WALL_TOKEN in content for content in contents])
    hint = keywords.hint(world, sketch.said)
    dress = None if is_plain(world) else Dress(jnp.asarray(looks, jnp.uint8), hint)
    level = assembled(world, walls, jnp.asarray(things, jnp.int32), jnp.asarray(starts[0]), dress)
    if world.floor is not None:
        shown = np.array([sum(look for kind, look in content if kind == FLOOR) for content in contents])
        level = level._replace(cells=level.cells | jnp.asarray(shown, jnp.uint8))
    level = level._replace(
        limit=keywords.number(world, sketch.said, "steps"), luck=keywords.number(world, sketch.said, "luck")
    )
    if dress is not None:
        knobs = {knob.name: jnp.float32(knob.default) for knob in world.knobs}
        level = level._replace(tables=precomputed(world, Drawn(walls, level.things, jnp.uint32(0), knobs, level.start)))
    return keywords.with_tables(level, sketch.said)


# Cells and their characters


def _look(world: "GridWorld", kind: str) -> int:
    """The looks of a kind that looks like itself; 0 where there is no mark of its name."""
    if not world.marks:
        return thing_bit(list(world.slots).index(kind))
    return world.mark(kind) if kind in {mark.name for mark in world.marks} else 0


def _characters(world: "GridWorld") -> dict[str, Content]:
    """What a character stands for, without those that a text explains itself."""
    own = {letter: ((kind, look),) for kind, letter in _letters(world).items() if (look := _look(world, kind))}
    return {".": (), "#": (WALL_TOKEN,), "A": (AGENT_TOKEN,), **own}


def _letters(world: "GridWorld") -> dict[str, str]:
    return letters(list(world.slots), len(ascii_lowercase))


def _next(symbols: Any) -> str:
    found = next(symbols, None)
    if found is None:
        raise TrueAimError(f"level: got more than {len(SYMBOLS)} cells that differ, needs fewer; it has no text form.")
    return str(found)


def _marks(world: "GridWorld") -> list[str]:
    return [mark.name for mark in world.marks] or list(world.slots)


def _word(world: "GridWorld", token: Token) -> str:
    kind, looks = token
    if token in (WALL_TOKEN, AGENT_TOKEN) or (kind != FLOOR and looks == _look(world, kind)):
        return kind
    return f"{kind}={'+'.join(name for number, name in enumerate(_marks(world)) if looks & thing_bit(number))}"


def _token(world: "GridWorld", word: str, symbol: str) -> Token:
    kind, _, looks = word.partition("=")
    if word in ("wall", "agent"):
        return (word, 0)
    known = [*world.slots, *([FLOOR] if world.floor else [])]
    if kind not in known:
        raise unknown_name(f"name after {symbol!r}", kind, ["wall", "agent", *known])
    bits = 0
    for mark in looks.split("+") if looks else []:
        if mark not in _marks(world):
            raise unknown_name(f"mark after {symbol!r}", mark, _marks(world))
        bits |= thing_bit(_marks(world).index(mark))
    bits = bits or (0 if kind == FLOOR else _look(world, kind))
    if not bits:
        raise TrueAimError(f"text: got a {kind} without looks after {symbol!r}, needs its marks; write {kind}=a+b.")
    return (kind, bits)


def _contents(world: "GridWorld", level: Levels) -> list[Content]:
    """What is in every cell."""
    found: list[list[Token]] = [[WALL_TOKEN] if cell & WALL else [] for cell in np.asarray(level.cells).tolist()]
    found[int(level.start)].append(AGENT_TOKEN)
    for cell, bits in enumerate(_floor(world, level)):
        if bits:
            found[cell].append((FLOOR, bits))
    for kind, slots in world.slots.items():
        for slot in range(slots.start, slots.stop):
            look = _look(world, kind) if level.looks is None else int(level.looks[slot])
            if look:
                found[int(level.things[slot])].append((kind, look))
    for content, cell in zip(found, np.asarray(level.cells).tolist() if world.floor else [], strict=False):
        if beside := cell & ~WALL & ~np.bitwise_or.reduce([look for _, look in content] or [0]):
            content.append((FLOOR, int(beside)))
    return [tuple(content) for content in found]


def _floor(world: "GridWorld", level: Levels) -> list[int]:
    """What each cell shows beside things, as bits."""
    if world.floor is None:
        return []
    cells = np.array(level.cells) & ~np.uint8(WALL)
    for kind, slots in world.slots.items():
        for slot in range(slots.start, slots.stop) if kind not in world.moving else ():
            cells[int(level.things[slot])] &= ~np.uint8(
                _look(world, kind) if level.looks is None else level.looks[slot]
            )
    return [int(bits) for bits in cells]


def _sketch(world: "GridWorld", text: str) -> Sketch:
    lines = [line.strip() for line in dedent(text).splitlines() if line.strip()]
    rows = [line for line in lines if ":" not in line]
    if not rows:
        raise TrueAimError("text: got no map, needs at least one row of '#' (wall) and '.' (free); draw one.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise TrueAimError(
                f"text: got rows of {len(rows[0])} and {len(row)} cells, needs rows of equal length; "
                f"fill up row {number}."
            )
    if (len(rows), len(rows[0])) != (world.height, world.width):
        raise TrueAimError(
            f"map: got {len(rows)}x{len(rows[0])} cells, needs {world.height}x{world.width}; build that size"
        )
    meaning, said = _characters(world), dict[str, str]()
    for line in (line for line in lines if ":" in line):
        symbol, _, content = (part.strip() for part in line.partition(":"))
        if symbol in ("hint", "steps", "luck") or symbol.partition(" ")[0] in ("places", "table"):
            said[symbol] = content
        elif len(symbol) == 1 and symbol in SYMBOLS and symbol not in meaning:
            meaning[symbol] = tuple(_token(world, word, symbol) for word in content.split())
        else:
            raise TrueAimError(
                f"text: got the line {line!r}, needs before the colon a digit or capital letter of its own, or hint, "
                "steps, luck, 'places KIND' or 'table NAME'; correct it."
            )
    for character in "".join(rows):
        if character not in meaning:
            raise unknown_name("character in the map", character, meaning)
    return Sketch(rows, meaning, said)


# Things in their order


def _slots(world: "GridWorld", contents: list[Content], said: Mapping[str, str]) -> tuple[list[int], list[int]]:
    """The cell and the looks of every thing; looks are 0 for those that are not there."""
    for name in said:
        keyword, _, kind = name.partition(" ")
        if keyword == "places" and kind not in world.slots:
            raise unknown_name("kind after 'places'", kind, world.slots)
    taken = {cell for cell, content in enumerate(contents) if content}
    spare = [cell for cell in range(len(contents)) if cell not in taken] or [0]
    things: list[int] = []
    looks: list[int] = []
    for thing in world.things:
        shown = [(cell, look) for cell, content in enumerate(contents) for kind, look in content if kind == thing.name]
        most, all_there = thing.count, is_plain(world) or (world.dress is None and thing.present is None)
        if len(shown) > most or (all_there and len(shown) < most):
            needs = f"{'exactly' if all_there else 'at most'} {'one' if most == 1 else most}"
            often = "once" if most == 1 else f"{needs} times"
            raise TrueAimError(
                f"text: got {len(shown)} cells with {thing.name!r}, needs {needs}; draw it {often.replace('one', '1')}."
            )
        missing = most - len(shown)
        order = [*shown, *((spare[number % len(spare)], 0) for number in range(missing))]
        spare = spare[missing:] or [0]
        if f"places {thing.name}" in said:
            order = _ordered(world, thing.name, shown, most, said[f"places {thing.name}"])
        things += [cell for cell, _ in order]
        looks += [look for _, look in order]
    return things, looks


def _ordered(world: "GridWorld", kind: str, shown: list[Token] | Any, count: int, line: str) -> list[tuple[int, int]]:
    """The things of a kind in the order that a line gives, each with the looks that the map gives it."""
    left = list(shown)
    order = []
    for word in line.split():
        row, _, column = word.strip("()").partition(",")
        inside = row.isdigit() and column.isdigit() and 0 < int(row) <= world.height and 0 < int(column) <= world.width
        cell = (int(row) - 1) * world.width + int(column) - 1 if inside else -1
        found = (cell, 0) if word.startswith("(") else next((each for each in left if each[0] == cell), None)
        if cell < 0 or found is None:
            raise TrueAimError(f"places {kind}: got {word}, where the map has none; correct it or leave the line out.")
        if found in left:
            left.remove(found)
        order.append(found)
    if left or len(order) != count:
        raise TrueAimError(
            f"places {kind}: got {len(order)} of {count}, needs all of them, those on the map too; "
            "correct it or leave the line out."
        )
    return order


def _orders(world: "GridWorld", level: Levels, back: Levels) -> list[str]:
    """The lines for kinds whose things would not come back in their order."""
    lines = []
    for kind, slots in world.slots.items():
        same = np.array_equal(level.things[slots], back.things[slots])
        if same and (level.looks is None or np.array_equal(level.looks[slots], np.asarray(back.looks)[slots])):
            continue
        words = [f"{cell // world.width + 1},{cell % world.width + 1}" for cell in level.things[slots].tolist()]
        there = [True] * len(words) if level.looks is None else np.asarray(level.looks[slots]) != 0
        lines.append(f"places {kind}: " + " ".join(w if t else f"({w})" for w, t in zip(words, there, strict=True)))
    return lines
