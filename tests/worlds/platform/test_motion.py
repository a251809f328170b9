import numpy as np
import pytest

from trueaim.worlds.platform.motion import HORIZON, NUM_STRETCHES, SPEED, WIDEST, motions, track


def row(width: int, first: int, wall_behind: bool, wall_ahead: bool) -> np.ndarray:
    numbers = [np.array(width), np.array(first), np.array(wall_behind), np.array(wall_ahead)]
    return motions()[int(track(*numbers))]


def test_every_row_is_of_its_own() -> None:
    found = {
        int(track(np.array(width), np.array(first), np.array(behind), np.array(ahead)))
        for width in range(1, WIDEST + 1)
        for first in range(width)
        for behind in (False, True)
        for ahead in (False, True)
    }
    assert found == set(range(4 * NUM_STRETCHES))
    assert motions().shape == (4 * NUM_STRETCHES, HORIZON + 1)


def test_between_barriers_an_enemy_keeps_its_speed() -> None:
    """A triangle wave between the middles of the first and the last free cell."""
    way = np.arange(HORIZON + 1) * SPEED % 6
    np.testing.assert_allclose(row(4, 0, False, False), np.minimum(way, 6 - way), atol=0.02)


def test_a_wall_takes_a_quarter_of_the_speed() -> None:
    """From 1.95 to 2.1, mirrored at 2; then three quarters of the speed, and nine sixteenths after the next wall."""
    steps = np.diff(row(3, 0, True, True))
    np.testing.assert_allclose(row(3, 0, True, True)[13:16], [1.95, 1.9, 1.9 - 0.75 * SPEED], atol=1e-5)
    assert steps[20] == pytest.approx(-0.75 * SPEED, abs=1e-5)
    assert steps[35] == pytest.approx(0.5625 * SPEED, abs=1e-5)


def test_only_the_end_with_a_wall_slows() -> None:
    steps = np.abs(np.diff(row(3, 0, False, True)))
    assert steps[20] == pytest.approx(0.75 * SPEED, abs=1e-5)
    assert steps[36] == pytest.approx(0.75 * SPEED, abs=1e-5)  # past the barrier
    ahead_first = np.abs(np.diff(row(3, 0, True, False)))
    assert ahead_first[20] == pytest.approx(SPEED, abs=1e-5)


def test_no_enemy_leaves_its_stretch() -> None:
    width = np.tile(np.repeat(np.arange(1, WIDEST + 1), np.arange(1, WIDEST + 1)), 4)
    assert (motions() > -0.01 - 1e-6).all()
    assert (motions() < width[:, None] - 1 + 0.01 + 1e-6).all()
    assert np.abs(row(1, 0, True, True)).max() < 0.011
