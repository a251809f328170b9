import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.level import WALL, Levels, thing_bit
from trueaim.worlds.grid.text import letters, parse, show

NAMES = ("cheese", "chest", "dish", "key", "red-key", "coin")

MAP = """\
#..c.
..#..
1...#

1: agent dish"""


def made(walls: list[bool], places: list[int], start: int) -> Levels:
    cells = np.array(walls, np.uint8) * WALL
    for index, place in enumerate(places):
        cells[place] |= thing_bit(index)
    return Levels(jnp.asarray(cells), jnp.asarray(places, jnp.int32), jnp.asarray(start, jnp.int32))


@st.composite
def sketches(draw: st.DrawFn) -> tuple[Levels, int, int, tuple[str, ...]]:
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    size = height * width
    things = NAMES[: draw(st.integers(0, 6))]
    walls = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    places = draw(st.lists(st.integers(0, size - 1), min_size=len(things), max_size=len(things)))
    return made(walls, places, draw(st.integers(0, size - 1))), height, width, things


@given(sketches())
@settings(deadline=None, max_examples=150)
def test_every_level_comes_back_from_its_text(sketch: tuple[Levels, int, int, tuple[str, ...]]) -> None:
    level, height, width, things = sketch
    text = show(level, height, width, things)
    back = parse(text, things)
    assert (back.height, back.width) == (height, width)
    for field, kept in zip(level, back.level, strict=True):
        np.testing.assert_array_equal(field, kept)
        assert field.dtype == kept.dtype
    assert show(*back, things) == text


def test_a_map_by_hand() -> None:
    level, height, width = parse(MAP, ("cheese", "dish"))
    assert (height, width) == (3, 5)
    assert level.things.tolist() == [3, 10]
    assert level.start == 10
    assert level.cells.tolist() == [1, 0, 0, 4, 0, 0, 0, 1, 0, 0, 8, 0, 0, 0, 1]
    assert show(level, 3, 5, ("cheese", "dish")) == MAP


def test_indentation_and_blank_lines_do_not_matter() -> None:
    text = "\n\n" + "\n\n".join("      " + line for line in MAP.splitlines()) + "\n   \n"
    assert show(*parse(text, ("cheese", "dish")), ("cheese", "dish")) == MAP


def test_a_thing_inside_a_wall_is_explained() -> None:
    level = made([True, False], [0], 1)
    assert show(level, 1, 2, ("cheese",)) == "1A\n\n1: wall cheese"


def test_letters_are_the_first_still_free() -> None:
    assert letters(NAMES) == {"cheese": "c", "chest": "h", "dish": "d", "key": "k", "red-key": "r", "coin": "o"}
    assert letters(("a", "A", "aa")) == {"a": "a", "A": "b", "aa": "c"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text: got no map, needs at least one row of '#' (wall) and '.' (free); draw one."),
        ("A.c\n..", "text: got rows of 3 and 2 cells, needs rows of equal length; fill up row 2."),
        ("A.c\n..x", "character in the map: got 'x', needs one of: #, ., A, c."),
        ("..c", "text: got 0 cells with 'agent', needs exactly one; draw it once."),
        ("A.A.c", "text: got 2 cells with 'agent', needs exactly one; draw it once."),
        ("A..", "text: got 0 cells with 'cheese', needs exactly one; draw it once."),
        (
            "1..\n1: agent chese",
            "name after '1': got 'chese', needs one of: agent, cheese, wall; did you mean 'cheese'?",
        ),
        ("1..\nx: agent", "text: got the line 'x: agent', needs a digit of its own before the colon; use 1 to 9."),
        (
            "1..\n1: agent\n1: wall",
            "text: got the line '1: wall', needs a digit of its own before the colon; use 1 to 9.",
        ),
    ],
)
def test_texts_that_show_no_level_are_refused(text: str, message: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        parse(text, ("cheese",))
    assert str(caught.value) == message


@pytest.mark.parametrize("things", [("wall",), ("agent",), ("a", "a"), ("",), ("red key",), ("a:",), tuple("abcdefg")])
def test_names_that_cannot_be_are_refused(things: tuple[str, ...]) -> None:
    with pytest.raises(TrueAimError, match="things: got"):
        letters(things)


def test_levels_that_contradict_themselves_are_refused() -> None:
    level = made([False] * 4, [2], 0)
    with pytest.raises(TrueAimError, match="do not agree"):
        show(level._replace(things=jnp.array([3])), 2, 2, ("cheese",))
    with pytest.raises(TrueAimError, match="needs \\(6,\\) and \\(1,\\)"):
        show(level, 2, 3, ("cheese",))
    with pytest.raises(TrueAimError, match="needs \\(4,\\) and \\(2,\\)"):
        show(level, 2, 2, ("cheese", "dish"))
