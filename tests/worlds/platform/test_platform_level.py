import jax.numpy as jnp
import numpy as np
from hand_maps import level, played

from trueaim.worlds.platform.level import (
    CRATE,
    LAVA,
    SAW,
    SHOWN,
    SIDE,
    WALL,
    Enemy,
    enemy_places,
    packed,
    packed_enemies,
    started,
    unpacked_enemies,
)

HIGH = "#......#\n#......#\n#.>.<..#\n########"


def test_packed_columns_hold_the_cells() -> None:
    cells = np.random.default_rng(0).integers(0, 64, (SIDE, SIDE)).astype(np.uint8)
    solid, deadly = (np.asarray(part) for part in packed(jnp.asarray(cells)))
    for column, eighth in ((0, 0), (17, 3), (63, 7)):
        rows = range(8 * eighth, min(8 * eighth + 16, SIDE))
        for table, low, high in ((solid, WALL, CRATE), (deadly, LAVA, SAW)):
            word = int(table[column, eighth])
            assert [word >> bit & 1 for bit in range(len(rows))] == [int(cells[r, column] & low != 0) for r in rows]
            assert [word >> 16 + bit & 1 for bit in range(len(rows))] == [
                int(cells[r, column] & high != 0) for r in rows
            ]


def test_packed_enemies_are_given_back() -> None:
    enemies = Enemy(*(jnp.array(field) for field in ([True, True], [63, 1], [1, 62], [True, False], [543, 1023])))
    for got, wanted in zip(unpacked_enemies(packed_enemies(enemies)), enemies, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert (packed_enemies(enemies._replace(there=jnp.array([False, True]))) == 0).tolist() == [True, False]


def test_the_border_is_wall() -> None:
    cells = np.asarray(level("....\n....").cells[0])
    assert (cells[[0, -1]] & WALL != 0).all()
    assert (cells[:, [0, -1]] & WALL != 0).all()
    assert (cells[1:-1, 1:-1] & (255 - SHOWN) == 0).all()


def test_enemies_start_in_their_cells_and_walk_their_ways() -> None:
    levels = level(HIGH)
    state = started(levels, jnp.int32(0))
    x, row = enemy_places(levels, state)
    np.testing.assert_allclose(x, [2.5, 4.5, -9])
    assert row.tolist()[:2] == [1, 1]
    later, _ = enemy_places(levels, state._replace(time=jnp.int32(4)))
    np.testing.assert_allclose(later[:2], [3.1, 3.9], atol=1e-5)


def test_walls_of_one_cell_and_barriers_turn_enemies_at_full_speed() -> None:
    """Both turn at the middle of column 3; the high wall slows."""
    ends = {"high": "#..#\n#<.#\n####", "low": "#<.#\n####", "barrier": "#<.|\n####"}
    for name, text in ends.items():
        levels = level(text)
        state = started(levels, jnp.int32(0))
        x = [float(enemy_places(levels, state._replace(time=jnp.int32(time)))[0][0]) for time in (40, 41)]
        slow = abs(x[1] - x[0]) < 0.14
        assert slow, name  # the border at the left is high
    right = level("#.............\n#|>.#..........\n######")
    x = [float(enemy_places(right, started(right, jnp.int32(0))._replace(time=jnp.int32(t)))[0][0]) for t in (40, 41)]
    assert abs(abs(x[1] - x[0]) - 0.15) < 1e-4


def test_an_enemy_with_too_long_a_way_is_left_out() -> None:
    levels = level("#" + "." * 8 + ">" + "." * 20 + "#\n" + "#" * 31)
    assert (np.asarray(levels.enemies) == 0).all()


def test_a_state_knows_its_level() -> None:
    two = level("#")._replace(start=jnp.array([[3.5, 1.5787]], jnp.float32))
    state = started(two, jnp.int32(0))
    assert float(state.x) == 3.5
    assert float(played(two, "stay", x=3.5).x[0]) == 3.5
