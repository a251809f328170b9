from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueaim import scenarios
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import draw
from trueaim.core.scenario import Knob
from trueaim.worlds.grid.chance import words
from trueaim.worlds.grid.drawing import Dress
from trueaim.worlds.grid.layouts import open_field
from trueaim.worlds.grid.level import WALL, Levels, State, thing_bit
from trueaim.worlds.grid.placement import Mark, Thing
from trueaim.worlds.grid.rule import Drawn, Needs, Turn
from trueaim.worlds.grid.rules.taking import Take
from trueaim.worlds.grid.text import letters, parse, show
from trueaim.worlds.grid.world import GridWorld

NAMES = ("cheese", "chest", "dish", "key", "red-key", "coin")
ONE, TWO = (GridWorld(open_field(3, 5), tuple(Thing(name) for name in names)) for names in (NAMES[:1], NAMES[0:3:2]))

MAP = """\
#..c.
..#..
1...#

1: agent dish"""


@dataclass(frozen=True)
class Order:
    """A rule that keeps an order drawn by chance, and one that follows from the walls."""

    needs = Needs(chance=True)

    def __call__(self, turn: Turn, state: State) -> State:
        return state

    def tables(self, world: GridWorld, drawn: Drawn) -> dict[str, Any]:
        return {"order": jnp.argsort(words(drawn.word, 0, 3)), "clear": ~drawn.walls}


def dress(word: Any, knobs: Any) -> Dress:
    looks = jnp.array([3, 0, 5, thing_bit(3) // 4], jnp.uint8) * 4
    return Dress(looks, word & 3)


RICH = GridWorld(
    open_field(4, 5),
    (Thing("object", count=3), Thing("key")),
    knobs=(Knob("steps", 20, 1, 99, "time limit"),),
    rules=(Order(), Take("key")),
    marks=(Mark("line"), Mark("gem"), Mark("red"), Mark("key")),
    dress=dress,
    hints=("left", "right"),
)


@cache
def many() -> GridWorld:
    return GridWorld(open_field(3, 4), (Thing("key", count=4, present=2), Thing("cheese")))


def made(world: GridWorld, walls: list[bool], places: list[int], start: int) -> Levels:
    cells = np.array(walls, np.uint8) * WALL
    for index, place in enumerate(places):
        cells[place] |= thing_bit(index)
    return Levels(jnp.asarray(cells), jnp.asarray(places, jnp.int32), jnp.asarray(start, jnp.int32))


def same(one: Levels, other: Levels) -> None:
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for field, kept in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(field, kept)
        assert field.dtype == kept.dtype
        assert field.shape == kept.shape


@st.composite
def sketches(draw: st.DrawFn) -> tuple[GridWorld, Levels]:
    height, width = draw(st.integers(3, 5)), draw(st.integers(3, 6))
    size = height * width
    things = NAMES[: draw(st.integers(0, 6))]
    walls = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    places = draw(st.lists(st.integers(0, size - 1), min_size=len(things), max_size=len(things)))
    world = GridWorld(open_field(height, width), tuple(Thing(name) for name in things))
    return world, made(world, walls, places, draw(st.integers(0, size - 1)))


@given(sketches())
@settings(deadline=None, max_examples=100)
def test_every_level_comes_back_from_its_text(sketch: tuple[GridWorld, Levels]) -> None:
    world, level = sketch
    text = show(world, level)
    same(parse(world, text), level)
    assert show(world, parse(world, text)) == text


@pytest.mark.parametrize("name", [builder.__name__ for builder in scenarios.ALL])
def test_levels_of_every_scenario_come_back(name: str) -> None:
    if not isinstance(scenarios.scenario(name).world, GridWorld):
        pytest.skip("no grid")
    scenario = scenarios.scenario(name, size=7)
    num = 6
    for setting in scenario.settings.values():
        knobs = {knob: jnp.full(num, value) for knob, value in scenario.knob_values(setting).items()}
        levels = draw(scenario, root(1), knobs, num)
        for number in range(num):
            text = scenario.world.to_text(jax.tree.map(lambda table, i=number: table[i], levels))
            same(scenario.world.from_text(text), jax.tree.map(lambda table, i=number: table[i : i + 1], levels))


def test_looks_hints_luck_limits_and_tables_come_back() -> None:
    level = RICH.draw(jax.random.key(6), {"steps": jnp.float32(12)})
    text = show(RICH, level)
    same(parse(RICH, text), level)
    assert "object=line+gem" in text
    assert "object=line+red" in text
    assert f"\nsteps: 12\nluck: {int(level.luck)}\n" in text
    assert "clear" not in text  # it follows from the walls
    assert f"table order: {' '.join(map(str, level.tables['order'].tolist()))}" in text
    same(parse(RICH, show(RICH, level._replace(hint=jnp.uint8(2)))), level._replace(hint=jnp.uint8(2)))
    assert "hint: right" in show(RICH, level._replace(hint=jnp.uint8(2)))


def test_what_the_floor_shows_comes_back() -> None:
    red, gem = RICH.mark("red"), RICH.mark("gem")
    world = GridWorld(
        RICH.layout,
        (Thing("gem"),),
        marks=RICH.marks,
        floor=lambda drawn: jnp.arange(20, dtype=jnp.uint8) % 2 * jnp.uint8(red),
    )
    level = world.draw(jax.random.key(2), {})
    text = show(world, level)
    assert "floor=red" in text
    same(parse(world, text), level)
    by_hand = parse(world, "A1g2.\n.....\n.....\n.....\n1: floor=red\n2: floor=red+line")
    assert by_hand.cells.tolist()[:5] == [0, red, gem, red | RICH.mark("line"), 0]


def test_long_tables_are_packed() -> None:
    level = RICH.draw(jax.random.key(6), {"steps": jnp.float32(12)})
    long = {"long": jnp.arange(99)}
    rule = type("Long", (Order,), {"tables": lambda self, world, drawn: {"long": jnp.zeros(99, jnp.int32)}})
    world = GridWorld(RICH.layout, RICH.things, knobs=RICH.knobs, rules=(rule(), Take("key")), marks=RICH.marks,
                      dress=dress, hints=RICH.hints)  # fmt: skip
    text = show(world, level._replace(tables=long))
    assert "table long: packed " in text
    same(parse(world, text), level._replace(tables=long))


def test_a_map_by_hand() -> None:
    level = parse(TWO, MAP)
    assert level.things.tolist() == [3, 10]
    assert level.start == 10
    assert level.cells.tolist() == [1, 0, 0, 4, 0, 0, 0, 1, 0, 0, 8, 0, 0, 0, 1]
    assert show(TWO, level) == MAP


def test_things_of_a_kind_lie_in_the_order_of_reading_or_as_a_line_says() -> None:
    text = "k..A\n..kc\n...."
    level = parse(many(), text)
    key, cheese = thing_bit(0), thing_bit(1)
    assert level.things.tolist()[:2] == [0, 6]
    assert level.things.tolist()[4:] == [7]
    assert level.looks is not None
    assert level.looks.tolist() == [key, key, 0, 0, cheese]
    assert level.cells.tolist() == [key, 0, 0, 0, 0, 0, key, cheese, 0, 0, 0, 0]
    assert len(set(level.things.tolist())) == 5
    assert show(many(), level) == text
    turned = parse(many(), text + "\n\nplaces key: (3,4) 2,3 (1,2) 1,1")
    assert turned.things.tolist() == [11, 6, 1, 0, 7]
    assert turned.looks is not None
    assert turned.looks.tolist() == [0, key, 0, key, cheese]
    assert show(many(), turned).endswith("places key: (3,4) 2,3 (1,2) 1,1")


def test_indentation_and_blank_lines_do_not_matter() -> None:
    text = "\n\n" + "\n\n".join("      " + line for line in MAP.splitlines()) + "\n   \n"
    assert show(TWO, parse(TWO, text)) == MAP


def test_a_thing_inside_a_wall_is_explained() -> None:
    level = made(ONE, [True] + [False] * 14, [0], 1)
    assert show(ONE, level) == "1A...\n.....\n.....\n\n1: wall cheese"


def test_letters_are_the_first_still_free() -> None:
    assert letters(NAMES) == {"cheese": "c", "chest": "h", "dish": "d", "key": "k", "red-key": "r", "coin": "o"}
    assert letters(("a", "A", "aa")) == {"a": "a", "A": "b", "aa": "c"}


REST = "\n.....\n....."
LINE = (
    "needs before the colon a digit or capital letter of its own, or hint, steps, luck, 'places KIND' or 'table NAME'; "
    "correct it."
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text: got no map, needs at least one row of '#' (wall) and '.' (free); draw one."),
        ("A.c\n..", "text: got rows of 3 and 2 cells, needs rows of equal length; fill up row 2."),
        ("A.c\n...", "map: got 2x3 cells, needs 3x5; build that size"),
        ("A.c.." + REST[:-1] + "x", "character in the map: got 'x', needs one of: #, ., A, c."),
        ("..c.." + REST, "text: got 0 cells with 'agent', needs exactly one; draw it once."),
        ("A.A.c" + REST, "text: got 2 cells with 'agent', needs exactly one; draw it once."),
        ("A...." + REST, "text: got 0 cells with 'cheese', needs exactly one; draw it once."),
        ("Ac..c" + REST, "text: got 2 cells with 'cheese', needs exactly one; draw it once."),
        (
            "1...." + REST + "\n1: agent chese",
            "name after '1': got 'chese', needs one of: agent, cheese, wall; did you mean 'cheese'?",
        ),
        ("1...." + REST + "\n1: agent cheese=chees", "mark after '1': got 'chees', needs one of: cheese"),
        ("1...." + REST + "\nx: agent", f"text: got the line 'x: agent', {LINE}"),
        ("1...." + REST + "\n1: agent\n1: wall", f"text: got the line '1: wall', {LINE}"),
        ("Ac..." + REST + "\nhint: red", "hint: got 'red', needs one of:"),
        (
            "Ac..." + REST + "\nsteps: 3",
            "steps: got '3', needs no such line, as this world has none; correct the text.",
        ),
        ("Ac..." + REST + "\ntable order: 3", "table: got 'order', needs one of: "),
        ("Ac..." + REST + "\nplaces chese: 1,2", "kind after 'places': got 'chese', needs one of: cheese"),
        ("Ac..." + REST + "\nplaces cheese: 1,3", "places cheese: got 1,3, where the map has none; "),
        ("Ac..." + REST + "\nplaces cheese: 9,1", "places cheese: got 9,1, where the map has none; "),
        ("Ac..." + REST + "\nplaces cheese:", "places cheese: got 0 of 1, needs all of them, "),
    ],
)
def test_texts_that_show_no_level_are_refused(text: str, message: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        parse(ONE, text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("luck: many", "luck: got 'many', needs a whole number below 4294967296; "),
        ("luck: 4294967296", "luck: got '4294967296', needs a whole number below 4294967296; "),
        ("steps: -1", "steps: got '-1', needs a whole number below 2147483648; "),
        ("hint: up", "hint: got 'up', needs one of: left, right."),
        ("table order: 1 2", "table order: got '1 2', needs 3 numbers of type int32; "),
        ("table clear: packed AAAA", "table clear: got 'packed AAAA', needs 20 numbers of type bool; "),
        ("1: object", "text: got a object without looks after '1', needs its marks; write object=a+b."),
    ],
)
def test_lines_that_do_not_fit_the_world_are_refused(line: str, message: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        parse(RICH, f"A.k..\n.....\n.....\n.....\n{line}")
    assert str(caught.value).startswith(message)


def test_too_many_things_of_a_kind_are_refused() -> None:
    with pytest.raises(TrueAimError, match="got 5 cells with 'key', needs at most 4; draw it at most 4 times"):
        parse(many(), "kkkk\nkc.A\n....")


@pytest.mark.parametrize(
    "things",
    [("wall",), ("agent",), ("floor",), ("a", "a"), ("",), ("red key",), ("a:",), ("a=b",), ("a+",), tuple("abcdefg")],
)
def test_names_that_cannot_be_are_refused(things: tuple[str, ...]) -> None:
    with pytest.raises(TrueAimError, match="things: got"):
        letters(things)


def test_levels_that_contradict_themselves_are_refused() -> None:
    level = made(ONE, [False] * 15, [2], 0)
    with pytest.raises(TrueAimError, match="do not agree"):
        show(ONE, level._replace(things=jnp.array([3])))
    with pytest.raises(TrueAimError, match="needs \\(15,\\) and \\(2,\\)"):
        show(TWO, level)
    with pytest.raises(TrueAimError, match="no such line, as this world has none"):
        show(ONE, level._replace(luck=jnp.uint32(3)))
