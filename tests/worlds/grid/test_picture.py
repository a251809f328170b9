import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.level import AGENT, WALL, thing_bit
from trueaim.worlds.grid.picture import FRAME, packed_picture, picture, unpacked
from trueaim.worlds.grid.sprites import FLOOR, MIXED, SPRITES, WALL_FACE
from trueaim.worlds.grid.tiles import atlas
from trueaim.worlds.grid.world import GridWorld

TWO = ("cheese", "dish")
SEEN = [name for name, sprite in SPRITES.items() if sprite.layers]


def shown(cells: list[int], height: int, width: int, sprites: tuple[str, ...] = TWO, **given: int) -> np.ndarray:
    return np.asarray(picture(jnp.array(cells, jnp.uint8), height, width, sprites, **given))


def test_a_frame_holds_the_map_in_its_middle() -> None:
    frame = shown([0] * 169, 13, 13)
    assert frame.shape == (FRAME, FRAME, 3)
    assert frame.dtype == np.uint8
    is_outside = np.ones((FRAME, FRAME), bool)
    is_outside[6:58, 6:58] = False
    assert (frame[is_outside] == WALL_FACE).all()
    tiles = frame[6:58, 6:58].reshape(13, 4, 13, 4, 3)
    for row in range(13):
        for column in range(13):
            assert (tiles[row, :, column] == FLOOR[(row + column) % 2]).all()


@pytest.mark.parametrize(("height", "width", "side"), [(1, 1, 64), (5, 9, 7), (25, 25, 2), (64, 3, 1), (7, 20, 3)])
def test_frames_hold_maps_of_every_shape(height: int, width: int, side: int) -> None:
    frame = shown([0] * (height * width), height, width)
    assert frame.shape == (FRAME, FRAME, 3)
    is_floor = (frame != WALL_FACE).any(-1)
    assert is_floor.sum() == height * width * side**2
    rows, columns = np.flatnonzero(is_floor.any(1)), np.flatnonzero(is_floor.any(0))
    assert rows[0] == (FRAME - height * side) // 2
    assert columns[0] == (FRAME - width * side) // 2


def test_a_scale_gives_a_picture_of_the_map_alone() -> None:
    frame = shown([0, WALL, AGENT, 0, 0, 0], 2, 3, scale=24)
    assert frame.shape == (48, 72, 3)
    assert (frame[12, 36] == WALL_FACE).all()


@pytest.mark.parametrize("scale", [4, 5, 9, 24])
@pytest.mark.parametrize(
    "sprites",
    [
        TWO,
        ("key", "chest", "lava", "monster"),
        ("urn", "shard", "bin", "marker", "exit"),
        ("goal_1", "goal_2", "leader"),
        ("moss", "apple", "shield", "tree"),
        ("red", "green", "blue"),
        ("line", "gem", "red", "green", "blue"),
        ("objective", "worth_2", "worth_3", "worth_4", "cue"),
        ("target", "grass"),
        ("key", "ball", "red", "green", "blue"),
    ],
)
def test_cells_that_differ_look_different(sprites: tuple[str, ...], scale: int) -> None:
    tiles = atlas(sprites, scale).pixels
    assert tiles.shape == (2 * 4 * 2 ** len(sprites), scale, scale)
    looks = tiles.reshape(-1, 2, scale * scale)
    # At four pixels seven things in one cell are a blur; there, cells of up to two things must differ.
    some = [cell for cell in range(len(looks)) if scale > 9 or cell.bit_count() <= 2]
    for odd in range(2):
        assert len(np.unique(looks[some, odd], axis=0)) == len(some)


@pytest.mark.parametrize("scale", [4, 24])
def test_every_sprite_is_seen_and_like_no_other(scale: int) -> None:
    looks = {name: atlas((name,), scale).pixels[2 * thing_bit(0)].tobytes() for name in SEEN}
    assert len(set(looks.values())) == len(SEEN)
    assert atlas((), scale).pixels[0].tobytes() not in looks.values()


LINE, GEM, RED, GREEN, BLUE = map(thing_bit, range(5))


def test_dyes_color_what_stands_in_their_cell() -> None:
    tiles = np.asarray(unpacked(jnp.asarray(atlas(("line", "gem", "red", "green", "blue"), 24).pixels)))[::2]
    middle = tiles[:, 11, 11].astype(int)
    for shape in (LINE, GEM):
        for dyes, bits in enumerate((0, RED, GREEN, RED | GREEN, BLUE, RED | BLUE, GREEN | BLUE, RED | GREEN | BLUE)):
            picture_of = tiles[shape | bits].reshape(-1, 3).tolist()
            assert list(MIXED[dyes][0]) in picture_of, (shape, dyes)
            others = [list(color) for number, (color, _) in enumerate(MIXED) if number != dyes]
            assert not any(color in picture_of for color in others), (shape, dyes)
    assert middle[RED | GREEN].tolist() == list(MIXED[3][0])  # with nothing to color they show their mixture
    yellow = np.asarray(unpacked(jnp.asarray(atlas(("yellow_line",), 24).pixels)))[2 * thing_bit(0)]
    np.testing.assert_array_equal(tiles[LINE | RED | GREEN], yellow)


def test_what_is_hidden_cannot_be_seen() -> None:
    tiles = atlas(("cheese", "hidden"), 24).pixels
    for cell in (0, WALL, AGENT, AGENT | thing_bit(0)):
        np.testing.assert_array_equal(tiles[2 * cell], tiles[2 * (cell | thing_bit(1))])


def test_every_scenario_can_be_drawn() -> None:
    for builder in scenarios.ALL:
        for preset in (None, *scenarios.presets_of(builder.__name__)):
            world = scenarios.scenario(builder.__name__, preset=preset).world
            if isinstance(world, GridWorld):
                atlas(tuple(mark.sprite or mark.name for mark in world._marks), 4)


def test_floors_lie_below_all_else() -> None:
    for order in (("moss", "dish"), ("dish", "moss")):
        tiles = np.asarray(unpacked(jnp.asarray(atlas(order, 24).pixels)))
        both, moss = tiles[2 * (thing_bit(0) | thing_bit(1))], tiles[2 * thing_bit(order.index("moss"))]
        np.testing.assert_array_equal(both[0], moss[0])
        assert (both[12, 12] != moss[12, 12]).any()


@pytest.mark.parametrize("scale", [2, 3, 4, 24])
def test_things_stand_out_from_the_floor(scale: int) -> None:
    for name in SEEN:
        tiles = np.asarray(unpacked(jnp.asarray(atlas((name,), scale).pixels)), np.int32)
        floor, agent, thing = tiles[0], tiles[2 * AGENT], tiles[2 * thing_bit(0)]
        for one, other in ((floor, agent), (floor, thing), (agent, thing)):
            assert np.abs(one - other).sum(-1).max() >= 60, name


def test_only_the_cells_that_changed_look_changed() -> None:
    before, after = [0] * 12, [0] * 12
    before[1], after[2] = AGENT, AGENT
    is_changed = (shown(before, 3, 4, scale=8) != shown(after, 3, 4, scale=8)).any(-1)
    cells = is_changed.reshape(3, 8, 4, 8).any((1, 3))
    assert np.argwhere(cells).tolist() == [[0, 1], [0, 2]]


def test_pictures_are_the_same_every_time_and_in_a_batch() -> None:
    random = np.random.default_rng(0)
    cells = jnp.asarray(random.integers(0, 16, (5, 35)), jnp.uint8)
    batch = jax.jit(jax.vmap(lambda each: picture(each, 5, 7, TWO)))(cells)
    atlas.cache_clear()
    for each, frame in zip(cells, batch, strict=True):
        np.testing.assert_array_equal(picture(each, 5, 7, TWO), frame)


def test_packed_pixels_hold_the_same_colors() -> None:
    cells = jnp.arange(16, dtype=jnp.uint8)
    packed = packed_picture(cells, 4, 4, TWO)
    assert packed.dtype == jnp.uint32
    red, green, blue = np.moveaxis(np.asarray(picture(cells, 4, 4, TWO), np.uint32), -1, 0)
    np.testing.assert_array_equal(packed, red + 256 * green + 65_536 * blue)


def test_a_whole_pixel_is_the_mean_of_its_samples() -> None:
    # A wall drawn at one pixel has no bevel; a lava tile at one pixel mixes its two colors only.
    tiles = np.asarray(unpacked(jnp.asarray(atlas(("lava",), 1).pixels)))[:, 0, 0]
    assert tiles[2 * WALL].tolist() == list(WALL_FACE)
    red, green, blue = tiles[2 * thing_bit(0)].tolist()
    assert 226 <= red <= 255
    assert 74 <= green <= 168
    assert 26 <= blue <= 50


def test_the_cached_atlas_cannot_be_written_on() -> None:
    with pytest.raises(ValueError, match="read-only"):
        atlas(TWO, 4).pixels[0] = 0


@pytest.mark.parametrize(
    ("sprites", "given", "part"),
    [
        (("chese",), {}, "sprite: got 'chese', needs one of: apple, "),
        (("chese",), {}, "did you mean 'cheese'?"),
        (("star",) * 7, {}, "sprites: got 7, needs at most 6; leave some out."),
        (TWO, {"scale": 0}, "side: got 0, needs 1 to 64 pixels across a tile."),
        (TWO, {"scale": 65}, "side: got 65, needs 1 to 64 pixels across a tile."),
    ],
)
def test_pictures_that_cannot_be_are_refused(sprites: tuple[str, ...], given: dict[str, int], part: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        shown([0] * 4, 2, 2, sprites, **given)
    assert part in str(caught.value)


def test_maps_too_large_for_a_frame_are_refused() -> None:
    with pytest.raises(TrueAimError, match="map: got 65 by 1 cells, needs at most 64 across"):
        shown([0] * 65, 65, 1)
    assert shown([0] * 65, 65, 1, scale=2).shape == (130, 2, 3)
