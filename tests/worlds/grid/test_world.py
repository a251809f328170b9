import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from trueaim.core.errors import TrueAimError
from trueaim.core.scenario import Knob
from trueaim.worlds.grid.layouts import Layout, blocks, open_field
from trueaim.worlds.grid.level import AGENT, COLUMN_STEPS, MOVES, ROW_STEPS, WALL, Levels, State, thing_bit
from trueaim.worlds.grid.placement import CORNERS, Thing, corner_cell
from trueaim.worlds.grid.world import GridWorld

ALARM = 1e-6
"""How often a test of frequencies may fail although nothing is wrong."""
UP, RIGHT, DOWN, LEFT = range(4)
NEAR = Knob("near", 2, 1, 8, "how far")
DENSITY = Knob("density", 0.25, 0, 0.9, "walls")


def world_of(layout: Layout, *things: Thing, landmarks: tuple[str, ...] = ()) -> GridWorld:
    names = tuple(thing.name for thing in things)
    return GridWorld(layout, things, Thing("start", apart=names), landmarks=landmarks, knobs=(NEAR, DENSITY))


WORLD = world_of(
    blocks(5, 7), Thing("dish"), Thing("cheese", near="dish", within="near"), landmarks=("top_left", "bottom_right")
)


def draw(world: GridWorld, num: int, near: float = 2.0, density: float = 0.25, seed: int = 0) -> Levels:
    keys = jax.random.split(jax.random.key(seed), num)
    knobs = {"near": jnp.float32(near), "density": jnp.float32(density)}
    levels = jax.jit(jax.vmap(world.draw, in_axes=(0, None)))(keys, knobs)
    return jax.tree.map(np.asarray, levels)


@pytest.fixture(scope="module")
def levels() -> Levels:
    return draw(WORLD, 500, density=0.6)


def test_every_move_from_every_cell() -> None:
    world = world_of(blocks(3, 4), Thing("cheese"))
    table = world.from_text("A.#.\n#..c\n..#.")
    walls = {2, 4, 10}
    state = State(jnp.zeros(48, int), jnp.repeat(jnp.arange(12), 4))
    after = jax.jit(jax.vmap(lambda state, action: world.move(table, state, action)))(state, jnp.arange(48) % 4)
    for number, found in enumerate(after.position.tolist()):
        cell, action = divmod(number, 4)
        row, column = cell // 4 + ROW_STEPS[action], cell % 4 + COLUMN_STEPS[action]
        free = 0 <= row < 3 and 0 <= column < 4 and row * 4 + column not in walls
        if cell not in walls:
            assert found == (row * 4 + column if free else cell)
    assert world.actions == MOVES == ("up", "right", "down", "left")


def test_moves_by_hand() -> None:
    world = world_of(blocks(3, 4), Thing("cheese"))
    table = world.from_text("A.#.\n#..c\n..#.")
    state, seen = world.reset(table, jnp.int32(0)), []
    for action in (UP, LEFT, DOWN, RIGHT, RIGHT, DOWN, RIGHT, RIGHT, RIGHT, UP, UP, LEFT):
        state = world.move(table, state, jnp.int32(action))
        seen.append(int(state.position))
    assert seen == [0, 0, 0, 1, 1, 5, 6, 7, 7, 3, 3, 3]


def test_an_observation_says_what_is_where(levels: Levels) -> None:
    table = jax.tree.map(jnp.asarray, levels)
    states = State(jnp.arange(500), table.start)
    seen = np.asarray(jax.jit(jax.vmap(lambda state: WORLD.observe(table, state).cells))(states))
    assert seen.shape == (500, 5, 7)
    assert seen.dtype == np.uint8
    flat, rows = seen.reshape(500, -1), np.arange(500)
    for cells, bit in (
        (levels.start, AGENT),
        (levels.things[:, 0], thing_bit(0)),
        (levels.things[:, 1], thing_bit(1)),
    ):
        assert ((flat & bit) != 0).sum() == 500
        assert (flat[rows, cells] & bit).all()
        assert not (flat[rows, cells] & WALL).any()
    np.testing.assert_array_equal(flat & WALL, levels.cells & WALL)
    names = {channel.name: channel.bit for channel in WORLD.observation.channels}
    assert names == {"wall": 1, "agent": 2, "dish": 4, "cheese": 8}
    assert WORLD.observation.agent == "agent"


def test_planes_are_the_same_observation(levels: Levels) -> None:
    table = jax.tree.map(jnp.asarray, levels)
    planes = WORLD.planes(table)
    states = State(jnp.arange(500), (table.start + 3) % 35)
    bits = np.array([channel.bit for channel in WORLD.observation.channels], np.uint8)
    cells = np.asarray(jax.vmap(lambda state: WORLD.observe(table, state).cells)(states)).reshape(500, 1, -1)
    found = jax.vmap(lambda state: WORLD.observe_planes(planes, state))(states)
    np.testing.assert_array_equal(np.stack(found, 1), (cells & bits[:, None]) != 0)


def test_fingerprints_are_of_the_walls_alone(levels: Levels) -> None:
    prints = np.asarray(jax.vmap(WORLD.fingerprint)(levels)).tolist()
    walls = [row.tobytes() for row in levels.cells & WALL]
    assert len(set(prints)) == len(set(walls)) == len(set(zip(prints, walls, strict=True)))
    other = levels._replace(
        cells=(levels.cells & WALL) | thing_bit(3), start=levels.start * 0, things=levels.things * 0
    )
    assert np.asarray(jax.vmap(WORLD.fingerprint)(other)).tolist() == prints


def test_one_wall_more_is_another_fingerprint() -> None:
    walls = np.concatenate([np.zeros((1, 35), np.uint8), np.eye(35, dtype=np.uint8)])
    table = Levels(jnp.asarray(walls), jnp.zeros((36, 2), int), jnp.zeros(36, int))
    assert len(set(np.asarray(jax.vmap(WORLD.fingerprint)(table)).tolist())) == 36


def test_fingerprints_of_an_open_map_are_of_what_lies_on_it() -> None:
    world = world_of(open_field(4, 4), Thing("cheese"))
    table = draw(world, 4_000)
    prints = np.asarray(jax.vmap(world.fingerprint)(table)).tolist()
    places = set(zip(table.things[:, 0].tolist(), table.start.tolist(), strict=True))
    assert len(places) == 16 * 15
    assert len(set(prints)) == len(places)
    # Held out is one in sixteen of them, near enough for a share of 240 with chance 1e-6 to be off by more.
    held = len({each for each in prints if each % 16 == 0})
    assert abs(held - 15) <= 5 * (240 / 16 * 15 / 16) ** 0.5


def test_things_lie_anywhere_allowed_equally_often() -> None:
    world = world_of(open_field(4, 5), Thing("cheese"), Thing("dish", near="cheese", within="near", apart=("cheese",)))
    num = 20_000
    table = draw(world, num, near=1)
    cheese, dish = table.things.T
    assert evenly(np.bincount(cheese, minlength=20))
    # Around a cheese in the inside there are eight cells for the dish, each with the same chance.
    inside = np.isin(cheese // 5, (1, 2)) & np.isin(cheese % 5, (1, 2, 3))
    shifts = (dish // 5 - cheese // 5 + 1) * 3 + dish % 5 - cheese % 5 + 1
    counts = np.bincount(shifts[inside], minlength=9)
    assert counts[4] == 0
    assert evenly(np.delete(counts, 4))
    # The start is anywhere but on those two: with the dish at a fixed place, on each other cell equally often.
    rest = table.start[(cheese == 6) & (dish == 7)]
    assert evenly(np.delete(np.bincount(rest, minlength=20), [6, 7]))


def evenly(counts: np.ndarray) -> bool:
    """Whether these counts may well come from equal chances; seeds are fixed, so the answer is always the same."""
    mean = counts.mean()
    return mean > 5 and bool(((counts - mean) ** 2 / mean).sum() < chi2.ppf(1 - ALARM, len(counts) - 1))


def test_knobs_and_distances_hold_on_every_level(levels: Levels) -> None:
    dish, cheese = levels.things.T
    apart = np.maximum(abs(dish // 7 - cheese // 7), abs(dish % 7 - cheese % 7))
    assert apart.max() == 2
    assert (levels.start != dish).all()
    assert (levels.start != cheese).all()


@pytest.mark.parametrize("density", [0.6, 0.9])
def test_chosen_cells_and_landmarks_are_carved_free(density: float) -> None:
    table = draw(WORLD, 400, density=density)
    free = (table.cells & WALL) == 0
    rows = np.arange(400)
    for cells in (*table.things.T, table.start, np.zeros(400, int), np.full(400, 34)):
        assert free[rows, cells].all()


def test_a_wall_is_carved_only_where_nothing_is_free() -> None:
    world = world_of(blocks(5, 5), Thing("cheese", near="top_left", within=0), Thing("dish"))
    table = draw(world, 400, density=0.5)
    keys = jax.random.split(jax.random.key(0), 400)
    walls = np.array(jax.vmap(lambda key: world.layout.draw(jax.random.split(key)[0], 0.5))(keys))
    assert (table.things[:, 0] == 0).all()
    assert walls[:, 0].any()
    walls[:, 0] = False
    assert walls.sum(1).max() < 23  # so that dish and start find free cells
    np.testing.assert_array_equal(table.cells & WALL, walls)


def test_levels_come_back_from_their_text(levels: Levels) -> None:
    for number in range(25):
        level = jax.tree.map(lambda table, number=number: table[number], levels)
        text = WORLD.to_text(level)
        back = WORLD.from_text(text)
        for field, kept in zip(jax.tree.leaves(level), jax.tree.leaves(back), strict=True):
            np.testing.assert_array_equal(field, kept[0])
            assert field.dtype == kept.dtype
        assert WORLD.to_text(jax.tree.map(lambda table: table[0], back)) == text


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(TrueAimError) as caught:
        WORLD.from_text("A.d\n..c")
    assert str(caught.value) == "map: got 2x3 cells, needs 5x7; build that size"


def test_events_by_name() -> None:
    table = WORLD.from_text("A.d....\n..c....\n.......\n.......\n.......")
    for name, cell in (("dish", 2), ("cheese", 9), ("top_right", 6), ("bottom_left", 28)):
        event = WORLD.reached(name)
        for position in range(35):
            state = State(jnp.int32(0), jnp.int32(position))
            assert bool(event(WORLD.transition(table, state, jnp.int32(0), state))) == (position == cell)
    with pytest.raises(TrueAimError) as caught:
        WORLD.reached("chees")
    assert str(caught.value) == (
        "place: got 'chees', needs one of: bottom_left, bottom_right, cheese, dish, top_left, top_right; "
        "did you mean 'cheese'?"
    )


def test_corners() -> None:
    assert {name: corner_cell(name, 4, 6) for name in CORNERS} == {
        "top_left": 0,
        "top_right": 5,
        "bottom_left": 18,
        "bottom_right": 23,
    }
    with pytest.raises(TrueAimError, match=r"corner: got 'top', needs one of: bottom_left.*did you mean 'top_"):
        corner_cell("top", 4, 6)


@pytest.mark.parametrize(
    ("things", "message"),
    [
        (tuple(Thing(f"t{i}") for i in range(7)), "things: got 7, needs at most 6; leave some out"),
        ((Thing("a", near="b"), Thing("b")), "place for a: got 'b', needs one of: bottom_left, .*"),
        ((Thing("a"), Thing("b", apart=("aa",))), "place for b: got 'aa', needs one of: a, bottom_left.*"),
        ((Thing("a", near="a"),), "place for a: got 'a', needs one of: .*"),
        ((Thing("a"), Thing("a")), "things: got the name 'a', needs names .* each once"),
        ((Thing("wall"),), "things: got the name 'wall', needs names"),
        ((Thing("start"),), "things: got the name 'start', which the start or a corner has; rename it"),
        ((Thing("top_left"),), "things: got the name 'top_left', which the start or a corner has; rename it"),
        (
            (Thing("a"), Thing("b", near="a", within=0, apart=("a",))),
            "b: got a place within 0 cells of a but never on a",
        ),
        (
            (Thing("a"), Thing("b"), Thing("c", near="a", within=0, apart=("b",))),
            "c: got a place within 0 cells of a but",
        ),
        ((Thing("a", near="top_left", within="far"),), "knob: got 'far', needs one of: density, near; .*near.*"),
    ],
)
def test_things_that_cannot_be_placed_are_refused(things: tuple[Thing, ...], message: str) -> None:
    with pytest.raises(TrueAimError, match=message):
        GridWorld(blocks(5, 5), things, knobs=(NEAR, DENSITY))


def test_a_place_that_is_always_left_is_allowed() -> None:
    first, second = Thing("a", apart=("top_left",)), Thing("b", apart=("a",))
    corner = Thing("c", near="top_left", within=0, apart=("a", "top_right"))
    beside = Thing("d", near="a", within=0, apart=("b",))
    table = draw(GridWorld(blocks(3, 3), (first, second, corner, beside), knobs=(NEAR, DENSITY)), 200, density=0.9)
    assert (table.things[:, 2] == 0).all()
    assert (table.things[:, 3] == table.things[:, 0]).all()


@pytest.mark.parametrize("size", [(2, 5), (5, 2), (32, 5), (5, 32)])
def test_sizes_that_cannot_be_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(TrueAimError, match=f"size: got {size[0]}x{size[1]}, needs sides from 3 to 31"):
        GridWorld(blocks(*size), (Thing("cheese"),))
