"""Arcs that follow by hand from the published constants: no recording is needed."""

import numpy as np
import pytest
from hand_maps import level, played

from trueaim.worlds.platform.level import (
    BY_ENEMY,
    BY_LAVA,
    BY_SAW,
    COIN,
    DEADLY,
    END,
    END_WALL,
    INSIDE,
    SPOT,
)

GROUND = 1.5787
"""Height of the agent's center when it stands on the lowest row."""
FLAT = level("#")
JUMP = np.cumsum([1.5, 1.3, 1.1, 0.9, 0.7, 0.5, 0.3, 0.1, -0.1, -0.3, -0.5, -0.7, -0.9, -1.1, -1.3, -1.5])


def close(got: np.ndarray, wanted: object) -> None:
    np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_a_jump_rises_six_cells_and_two_fifths_and_lands_after_sixteen_steps() -> None:
    states = played(FLAT, "up stay*18")
    close(states.y[:16], GROUND + JUMP)
    assert JUMP.max() == pytest.approx(6.4)
    close(states.y[16:], GROUND)
    assert states.vy[16] == 0
    assert states.vy[15] == pytest.approx(-1.5)


def test_holding_up_jumps_again_only_from_the_ground() -> None:
    states = played(FLAT, "up*34")
    close(states.y[:16], GROUND + JUMP)
    assert states.vy[16] == 0  # it fell into the ground, so it did not stand still before
    close(states.y[17:33], GROUND + JUMP)


def test_running_comes_near_half_a_cell_a_step_and_stops_below_a_tenth() -> None:
    states = played(FLAT, "right*12 stay*9")
    close(states.vx[:12], 0.5 * (1 - 0.8 ** np.arange(1, 13)))
    speed = states.vx[11] * 0.8 ** np.arange(1, 10)
    close(states.vx[12:], np.where(speed < 0.1, 0, speed))
    close(np.diff(states.x), states.vx[1:])


def test_in_the_air_the_mix_is_three_hundredths() -> None:
    states = played(FLAT, "up right*15")
    close(states.vx[1:15], 0.5 * (1 - 0.97 ** np.arange(1, 15)))


def test_a_running_jump_reaches_eight_cells() -> None:
    states = played(FLAT, "right*30 right+up right*15")
    assert states.x[-1] - states.x[29] == pytest.approx(16 * 0.5, abs=0.02)


@pytest.mark.parametrize(("gap", "crosses"), [(8, True), (9, False)])
def test_gaps(gap: int, crosses: bool) -> None:
    """From the last place with a foot on the ground, sixteen steps of half a cell, and the other foot lands."""
    ground = "#" * 20 + "~" * gap + "#" * 10
    states = played(level(f"{ground}\n{ground}"), "right+up right*20", x=20.4, y=2.5787, vx=0.5)
    assert bool((states.facts & BY_LAVA).any()) is not crosses


@pytest.mark.parametrize(("height", "climbs"), [(5, True), (6, True), (7, False)])
def test_steps_up(height: int, climbs: bool) -> None:
    """A jump peaks 6.4 cells up."""
    steps = "\n".join(["#....####"] * height) + "\n#########"
    states = played(level(steps), "right*9 right+up right*20")
    assert bool(states.y[-1] > height + 1) is climbs
    assert bool(states.x[-1] > 4.6) is climbs


def test_falling_is_never_faster_than_three_halves() -> None:
    states = played(FLAT, "stay*20", y=21.5787)
    close(states.vy[:8], -0.2 * np.arange(1, 9) + np.array([0] * 7 + [0.1]))
    assert states.vy.min() == pytest.approx(-1.5)
    close(states.y[-1], GROUND)


def test_a_wall_stops_the_agent_half_a_cell_before_it() -> None:
    states = played(level("#....#\n#....#\n#....#"), "right*12", y=1.5787)
    close(states.x[-1], 4.5)
    assert states.vx[-1] == 0
    assert (states.facts & END_WALL == 0).all()


CRATES = level("#\n#...c\n#...c\n######")


def test_a_crate_holds_from_above_and_lets_through_from_below() -> None:
    states = played(CRATES, "stay*12 up stay*16", x=4.5, y=6.5787)
    close(states.y[11], 3.5787)
    assert states.on_crate[11]
    close(states.y[12:20], 3.5787 + JUMP[:8])
    close(states.y[-1], 3.5787)
    below = played(CRATES, "up stay*20", x=4.5, y=1.5787)
    close(below.y[:8], GROUND + JUMP[:8])
    close(below.y[-1], 3.5787)


def test_down_drops_through_crates_but_not_through_walls() -> None:
    states = played(CRATES, "stay*8 down*8", x=4.5, y=3.7787)
    assert states.on_crate[7]
    close(states.vy[8], -0.4)  # gravity and the key
    close(states.y[-1], GROUND)


def test_crates_do_not_stop_running() -> None:
    close(played(CRATES, "right*20").x, played(FLAT, "right*20").x)


def test_a_running_agent_leaves_a_crate_when_no_part_of_it_is_above() -> None:
    states = played(CRATES, "stay*8 right*12", x=4.5, y=3.7787)
    assert (states.y[states.x < 5.0] > 3.57).all()
    assert states.y[-1] < 3.5


@pytest.mark.parametrize("key", range(1, 7))
def test_keys_do_nothing(key: int) -> None:
    one, other = (played(FLAT, f"right*3 {name}*3") for name in ("stay", f"key+{key}"))
    close(one.x, other.x)


def test_reach_is_the_largest_x_so_far() -> None:
    states = played(FLAT, "right*6 left*20")
    close(states.reach, np.maximum.accumulate(states.x))
    assert states.x[-1] < states.reach[-1]


@pytest.mark.parametrize(
    ("row", "fact"),
    [("#...s", BY_SAW), ("#...~", BY_LAVA), ("#.|.<|", BY_ENEMY), ("#...m", SPOT), ("#....", COIN | END)],
)
def test_facts_come_with_touch_and_not_before(row: str, fact: int) -> None:
    levels = level(f"{row}\n######", coin=(4, 1) if fact & COIN else (60, 60))
    states = played(levels, "right*10")
    touched = (states.facts & fact) == fact
    assert touched.any()
    first = int(np.argmax(touched))
    assert states.x[first] > 3 if fact != BY_ENEMY else states.x[first] > 2
    assert (states.facts[:first] & (DEADLY | COIN | SPOT | END) == 0).all()
    assert (states.ever[first:] & fact == fact).all()


def test_touching_exactly_is_no_contact() -> None:
    """Beside a saw, its side on the saw's, the agent lives; a little nearer, it does not."""
    saw = level("#...s\n######")
    assert played(saw, "stay", x=3.5).facts[0] & BY_SAW == 0
    assert played(saw, "stay", x=3.51).facts[0] & BY_SAW


def test_the_end_wall_is_touched_and_a_sham_one_passed() -> None:
    solid = played(level("#....##\n#....##\n#....##", coin=(4, 1)), "right*16", y=1.5787)
    assert solid.facts[-1] & END_WALL
    assert not solid.facts[-1] & INSIDE
    sham = played(level("#....%%%%%%\n#....%%%%%%\n###########", coin=(4, 1)), "right*16", y=1.5787)
    assert sham.facts[-1] & INSIDE
    assert sham.facts[-1] & END_WALL
