"""Levels are what the published rules give: by rule on every level, by share over many, and beside recorded ones."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from recorded import needed, recording

from trueaim.core.errors import TrueAimError
from trueaim.worlds.platform.layout import cells_of, drawn, enemies_of, profile, spot_of
from trueaim.worlds.platform.level import BARRIER, CRATE, LAVA, SAW, SHAM, SHOWN, SIDE, WALL, Levels, unpacked_enemies
from trueaim.worlds.platform.motion import motions
from trueaim.worlds.platform.sections import CLIMB, FIRST_COLUMN, MOST_PIT, planned

MANY = 20_000
KEYS = jax.random.split(jax.random.key(3), MANY)


HELD = {"saws": SAW, "crates": CRATE, "lava": LAVA, "barriers": BARRIER}


def counted(cells: Any, enemies: Any, end: Any) -> dict[str, Any]:
    """How much a level holds."""
    return {
        **{name: ((cells & bit) != 0).sum((-1, -2)) for name, bit in HELD.items()},
        "enemies": (enemies[..., 2] != 0).sum(-1),
        "end column": end[..., 0],
        "end row": end[..., 1],
    }


@pytest.fixture(scope="module", params=["easy", "hard"])
def plans(request: Any) -> tuple[str, Any, Any, Any]:
    """The difficulty; of many levels the plans, the places of coins by the original rule, and how much they hold."""

    def one(key: Any) -> Any:
        plan = planned(key, request.param)
        columns = profile(plan, jnp.bool_(False))
        return plan, spot_of(plan, columns, "original"), counted(cells_of(columns), enemies_of(plan), plan.end)

    return request.param, *jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(KEYS))


def share(holds: np.ndarray, published: float, rounding: float = 0.005) -> None:
    """The share is the published one, up to its rounding and four standard errors."""
    error = np.sqrt(published * (1 - published) / holds.size)
    assert abs(holds.mean() - published) < rounding + 4 * error


def test_published_shares(plans: Any) -> None:
    _, plan, spot, _ = plans
    share(plan.sections.there.sum(1) == 1, 0.33)
    share((plan.sections.there & plan.sections.is_pit).any(1), 0.21)
    share(spot[:, 0] == FIRST_COLUMN, 0.56)
    end = plan.end[:, 0]
    assert end.mean() == pytest.approx(18.6, abs=0.05 + 4 * end.std() / np.sqrt(MANY))
    assert (end.min(), end.max() <= 50) == (8, True)
    relative = (spot[:, 0] - FIRST_COLUMN) / (end - FIRST_COLUMN)
    assert relative.mean() == pytest.approx(0.22, abs=0.01)


def test_rules_hold_in_every_section(plans: Any) -> None:
    difficulty, plan, _, _ = plans
    s, there = plan.sections, plan.sections.there
    heights = np.concatenate([np.ones((MANY, 1), int), np.where(there, s.height, 0)], 1)
    steps = np.abs(np.diff(heights, axis=1))[there]
    assert steps.max() == CLIMB
    assert s.height[there].min() == 1
    assert set(np.unique(s.width[there])) == set(range(3, 10))
    assert s.gap_width[there & s.is_pit].min() == 2
    assert s.gap_width.max() == MOST_PIT
    assert (s.height[there & s.is_pit] > 3).all()
    assert (s.lava[there & s.is_pit] <= s.height[there & s.is_pit] - 3).all()
    assert (s.gap_first + s.gap_width < s.first + s.width)[there & s.is_pit].all()
    for column in (s.saw, s.walker, s.crates[..., 0], s.crates[..., 1]):
        placed = there & (column >= 0)
        assert ((column > s.first) & (column < s.first + s.width - 1))[placed].all()
    assert (s.walker >= 0).any() == (difficulty == "hard")
    assert (plan.end[:, 0] == np.where(there, s.first + s.width, 0).max(1)).all()


NUM = 2048


@cache
def drawer(rule: str) -> Any:
    return jax.jit(jax.vmap(lambda key, moved, sham: drawn(key, "hard", rule, moved, sham), (0, None, None)))


def drawn_many(rule: str = "original", moved: float = 0.0, sham: bool = False) -> Levels:
    return jax.tree.map(np.asarray, drawer(rule)(KEYS[:NUM], moved, sham))


@pytest.fixture(scope="module")
def plain() -> Levels:
    return drawn_many()


def at(levels: Levels, place: np.ndarray, up: int = 0) -> np.ndarray:
    return levels.cells[np.arange(len(place)), place[:, 1] + up, place[:, 0]]


def test_coins_lie_on_the_ground_and_the_wall_is_beyond_the_end(plain: Levels) -> None:
    for place in (plain.spot, plain.end):
        assert (at(plain, place) & (WALL | SAW | LAVA) == 0).all()
        assert (at(plain, place, -1) & WALL != 0).all()
    assert (plain.coin == plain.end).all()
    columns = np.arange(SIDE)
    assert ((plain.cells & WALL != 0).all(1) == ((columns == 0) | (columns >= plain.wall[:, None]))).all()
    assert (plain.wall == plain.end[:, 0] + 1).all()


def test_enemies_stand_free_and_none_is_left_out(plain: Levels) -> None:
    starts = jax.jit(jax.vmap(lambda key: enemies_of(planned(key))))(KEYS[:NUM])
    enemies = jax.tree.map(np.asarray, unpacked_enemies(jnp.asarray(plain.enemies)))
    assert (enemies.there == (np.asarray(starts)[..., 2] != 0)).all()
    assert enemies.there.sum() > 1000
    level, enemy = np.nonzero(enemies.there)
    _, row, behind, right, track = (field[level, enemy] for field in enemies)
    ahead = behind + np.where(right, 1, -1) * motions()[track].max(1).round().astype(int)
    assert (np.abs(ahead - behind) >= 1).all()
    out = np.where(right, 1, -1)
    for column, stops in ((behind - out, True), (behind, False), (ahead, False), (ahead + out, True)):
        assert ((plain.cells[level, row, column] & (WALL | BARRIER) != 0) == stops).all()


def test_rules_for_random_coins() -> None:
    uniform, right = (drawn_many(rule=rule, moved=1.0) for rule in ("uniform", "right_20_percent"))
    for levels in (uniform, right):
        assert (levels.coin == levels.spot).all()
        assert (at(levels, levels.coin) & (WALL | SAW | LAVA | CRATE) == 0).all()
        assert (at(levels, levels.coin, -1) & WALL != 0).all()
        assert (levels.coin[:, 0] <= levels.end[:, 0]).all()
    where = (uniform.coin[:, 0] - FIRST_COLUMN) / (uniform.end[:, 0] - FIRST_COLUMN)
    assert where.mean() == pytest.approx(0.5, abs=0.08)
    assert (where == 0).any()
    assert (where == 1).any()
    assert ((right.coin[:, 0] - 1) / (right.end[:, 0] - 1) >= 0.8).all()
    assert (right.coin[:, 0] < right.end[:, 0]).mean() > 0.3


def test_settings_leave_the_layout_alone(plain: Levels) -> None:
    moved, sham = drawn_many(moved=1.0), drawn_many(sham=True)
    assert (moved.cells & (255 - SHOWN) == plain.cells & (255 - SHOWN)).all()
    assert (moved.coin == moved.spot).all()
    inside = np.arange(SIDE) < plain.wall[:, None]
    assert ((sham.cells == plain.cells).all(1) | ~inside).all()
    assert (sham.enemies == plain.enemies).all()
    beyond = sham.cells[np.arange(NUM), sham.end[:, 1], sham.wall]
    assert (beyond == SHAM | WALL).all()


def test_moved_is_a_probability() -> None:
    levels = drawn_many(moved=0.3)
    assert (levels.spot != levels.end).any(1).all()
    share((levels.coin == levels.spot).all(1), 0.3, rounding=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"difficulty": "medium"}, "difficulty: got 'medium'"), ({"rule": "left"}, "coin rule: got 'left'")],
)
def test_unknown_names(options: Any, words: str) -> None:
    with pytest.raises(TrueAimError, match=words):
        drawn(KEYS[0], **options)


@needed
def test_recorded_levels_hold_as_much(plans: Any) -> None:
    """Means of seven counts over 60 easy and 240 hard levels, within three standard errors of ours."""
    difficulty, _, _, ours = plans
    recorded = recording()
    rows = np.array(["easy" in name for name in recorded.files]) == (difficulty == "easy")
    table = jax.tree.map(lambda field: np.asarray(field)[rows], recorded.levels)
    theirs = counted(table.cells, np.repeat(table.enemies[..., None], 3, -1), table.end)
    for name, numbers in theirs.items():
        error = ours[name].std() / np.sqrt(len(numbers))
        assert abs(numbers.mean() - ours[name].mean()) < 3 * error, name


@needed
def test_recorded_random_coins_lie_as_often_on_the_first_section() -> None:
    recorded = recording()
    first = np.asarray(recorded.levels.spot)[:, 0] == FIRST_COLUMN
    share(first, 0.56)
