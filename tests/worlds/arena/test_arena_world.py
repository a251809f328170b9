"""The arena keeps the contract of a world: draws, facts and goals on scripted visits, and what people are shown."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hand_arena import SPHERES, TOWER, begun, entering, level, moved, of

from trueaim.core.errors import TrueAimError
from trueaim.scenarios.spheres import spheres
from trueaim.worlds.arena.build import map_of, told
from trueaim.worlds.arena.facts import CLOSE, fact
from trueaim.worlds.arena.level import GRAIN, Levels, State
from trueaim.worlds.arena.orders import Rules
from trueaim.worlds.arena.picture import AGENT, PARTNER
from trueaim.worlds.arena.picture import TOWER as GRAY
from trueaim.worlds.arena.world import ACTIONS, LATEST, ArenaWorld

NUM = 512
CROWDED = ArenaWorld(spheres=6, towers=8)
CASE = spheres(towers=2)
WORLD = CASE.world
COAST = ACTIONS.index("coast")


@pytest.mark.parametrize("half", [8.0])
def test_gaps_are_kept_and_nothing_starts_in_anything(half: float) -> None:
    """In the fullest field that can be asked for."""
    levels = jax.tree.map(np.asarray, of(CROWDED, NUM, 1, near=0.5, half=half))
    centers = np.concatenate([levels.spheres, levels.towers[..., :2]], 1)
    radii = np.concatenate([np.full((NUM, 6), 1.2), levels.towers[..., 2]], 1)
    away = np.hypot(*np.moveaxis(centers[:, :, None] - centers[:, None], -1, 0)) - radii[:, :, None] - radii[:, None]
    away[:, np.arange(14), np.arange(14)] = np.inf
    slack = 2 / GRAIN  # radii and gaps are rounded to parts of a meter
    assert away[:, :6, :6].min() >= 1.8 - slack
    assert away.min() >= 1.0 - slack
    assert (np.abs(centers) + radii[..., None]).max() <= half - 1.0 + slack
    assert levels.towers[..., 2].min() >= 0.5
    assert levels.towers[..., 2].max() <= 1.0
    for start in (levels.start[:, :2], levels.partner):
        assert (np.hypot(*np.moveaxis(start[:, None] - centers, -1, 0)) - radii).min() >= 0.7 - slack
        assert np.abs(start).max() <= half - 0.7 + slack
    np.testing.assert_array_equal(centers * GRAIN, np.round(centers * GRAIN))
    beside = (np.abs(levels.start[:, :2] - levels.partner).max(1) <= 2.5).mean()
    assert 0.5 < beside < 0.62


def test_settings_share_layouts_starts_and_orders() -> None:
    plain = of(CROWDED, NUM, 2)
    prints = jax.jit(jax.vmap(CROWDED.fingerprint))
    for knobs in ({"error": 1.0}, {"partners": 0.0}, {"mirrored": 1.0, "square": 0.0}, {"swap": 1.0, "pace": 0.2}):
        other = of(CROWDED, NUM, 2, **knobs)
        for name in ("half", "spheres", "towers", "order", "start", "partner", "luck"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(other, name))
        np.testing.assert_array_equal(prints(plain), prints(other))
    near = of(CROWDED, NUM, 2, near=1.0)
    np.testing.assert_array_equal(prints(plain), prints(near))
    assert (np.asarray(plain.start) != np.asarray(near.start)).any(1).mean() > 0.9
    assert len(np.unique(prints(plain))) == NUM
    few = np.asarray(of(CROWDED, NUM, 2, towers=3.0).towers)
    assert ((few[..., 2] > 0).sum(1) == 3).all()
    orders, counts = np.unique(np.asarray(of(ArenaWorld(), 1024, 3).order), return_counts=True)
    assert len(orders) == 6
    assert counts.min() > 120  # of 171 on average, with a deviation of 12


def visited(table: Levels, spheres: str, world: Any = WORLD) -> list[Any]:
    """The transitions of a sequence of visits."""
    state, steps = begun(world, table), []
    for sphere in map(int, spheres):
        before = entering(state, sphere)
        state = moved(world, table, before, COAST)
        steps.append(world.transition(table, before, COAST, state))
    return steps


def scores(steps: list[Any]) -> dict[str, list[float]]:
    return {goal.name: [round(float(goal.score(step)), 6) for step in steps] for goal in CASE.goals}


def test_goals_on_scripted_visits() -> None:
    """Spheres lie in the corners of a square, in the order 0 1 2 3; nobody shows it."""
    found = scores(visited(level(penalty=2.0, traits=np.uint8(0)), "0122013"))
    assert found["ordered_visits"] == [1, 1, 1, 0, -2, 1, -2]
    assert found["any_sphere"] == [1] * 7
    assert found["follow_partner"] == found["partner_visits"] == found["stay_still"] == [0] * 7
    # From the start all are equally near, so it is the first; then 1 from 0's right side, and so on.
    assert found["nearest_sphere"][:2] == [1, 1]


def test_the_square_is_lit_for_its_time() -> None:
    table = level(square=np.int32(2), traits=np.uint8(0))
    steps = visited(table, "02")
    assert [int(step.after.square) for step in steps] == [2, -2]
    state = steps[-1].after
    lit = []
    for _ in range(3):
        state = moved(WORLD, table, state, COAST)
        lit.append(int(state.square))
    assert lit == [-1, 0, 0]
    assert [int(step.after.square) for step in visited(level(square=np.int32(0)), "02")] == [0, 0]


def test_a_sphere_is_entered_with_the_partner_once_and_soon() -> None:
    table = level()

    def entered_after(steps: int, sphere: int = 2) -> State:
        state = entering(begun(WORLD, table), sphere)
        partner = state.partner._replace(shown=jnp.int32(2), shown_at=jnp.int32(10))
        return moved(WORLD, table, state._replace(partner=partner, time=jnp.int32(9 + steps)), COAST)

    happened = fact("with_partner")
    for steps, expected in ((0, True), (LATEST, True), (LATEST + 1, False)):
        state = entered_after(steps)
        assert bool(happened(WORLD.transition(table, state, COAST, state))) is expected
        assert int(state.partner.shown) == (-1 if expected else 2)
    other = entered_after(1, 3)
    assert not happened(WORLD.transition(table, other, COAST, other))


def test_following_and_standing_still_are_shares_of_an_episode() -> None:
    for gap, expected in ((CLOSE - 0.5, 1 / 300), (CLOSE + 0.5, 0.0)):
        table = level(partner=np.array([gap, 0], np.float32), pace=0.1)
        state = begun(WORLD, table)
        found = scores([WORLD.transition(table, state, COAST, moved(WORLD, table, state, COAST))])
        assert found["follow_partner"] == [round(expected, 6)]
        assert found["stay_still"] == [round(1 / 300, 6)]
    hurried = moved(WORLD, table, state, ACTIONS.index("full"))
    assert scores([WORLD.transition(table, state, 0, hurried)])["stay_still"] == [0]


def test_a_level_on_its_map_and_in_words() -> None:
    table = level([TOWER], cycle=(0, 2, 1, 3))
    one = jax.tree.map(lambda field: np.asarray(field)[0], table)
    flat = map_of(WORLD)
    assert (flat.height, flat.width) == (16, 16)
    rows, things = flat.drawing(one)
    assert [len(row) for row in rows] == [16] * 16
    assert sum(row.count("#") for row in rows) in range(1, 6)
    assert rows[8][11] == "#"  # just below (3, 0), which is a corner of four places
    assert dict(things) == {
        "yellow_sphere": 3 * 16 + 3,
        "cyan_sphere": 3 * 16 + 13,
        "green_sphere": 13 * 16 + 13,
        "purple_sphere": 13 * 16 + 3,
        "partner": 15 * 16 + 8,
        "start": 8 * 16 + 8,
    }
    state = begun(WORLD, table)
    assert flat.scene is not None
    scene = flat.scene(table, state)
    assert [int(place) for place in scene.places] == [place for name, place in things if name != "start"]
    assert flat.names(one) == [name for name, _ in things if name != "start"]
    words = told(one)
    assert "The order: yellow, green, cyan, purple, and again yellow." in words
    assert "Towers: at (3.0, 0.0) with radius 0.8." in words
    assert words[-1] == "The agent starts at (0.0, 0.0). The partner starts at (0.0, -7.0)."
    assert told(one._replace(traits=np.uint8(0)))[-1].endswith("There is no partner.")


def test_pictures_show_what_is_where() -> None:
    table = level([TOWER])
    flat, scale = map_of(WORLD), 6
    assert flat.picture is not None
    drawn = np.asarray(flat.picture(table, begun(WORLD, table)._replace(square=jnp.int32(-1)), scale))
    assert drawn.shape == (96, 96, 3)

    def at(x: float, y: float) -> tuple[int, ...]:
        return tuple(int(part) for part in drawn[int((8 - y) * scale), int((x + 8) * scale)])

    assert (at(0, 0), at(3, 0), at(0, -7)) == (AGENT, GRAY, PARTNER)
    assert len({at(*center) for center in SPHERES}) == 4
    assert at(-7.9, 7.9) == (0, 0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"spheres": 7}, "spheres: got 7, needs 3 to 6; change it"),
        ({"towers": 9}, "towers: got 9, needs 0 to 8"),
        ({"half": 6.0}, "half: got 6, needs 7 to 12"),
        ({"spheres": 6, "half": 7.0}, "half: got 7, needs 8 to 12"),
        ({"spheres": 3, "rules": Rules(both_ways=True)}, "both_ways: got 3 spheres, .* needs at least 4; add a sphere"),
    ],
)
def test_worlds_that_cannot_be(options: Any, words: str) -> None:
    with pytest.raises(TrueAimError, match=words):
        ArenaWorld(**options)


def test_an_unknown_fact() -> None:
    with pytest.raises(TrueAimError, match=r"fact: got 'rights', needs one of: .*did you mean 'right'"):
        fact("rights")
