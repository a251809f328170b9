"""Arcs derived by hand, what bodies can never do, and ways around discs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hand_arena import TOWER, level, of

from trueaim.worlds.arena.level import BODY_RADIUS, Body
from trueaim.worlds.arena.motion import TOP_SPEED, Discs, kept_out, moved, toward, turned
from trueaim.worlds.arena.world import ACTIONS, ArenaWorld

WORLD = ArenaWorld(towers=2)


@jax.jit
def driven(table: Any, throttles: Any, turns: Any, body: Body) -> Body:
    def step(body: Body, told: Any) -> tuple[Body, Body]:
        body = moved(body, table.half[0], table.towers[0], *told)
        return body, body

    return jax.lax.scan(step, body, (throttles, turns))[1]


def ran(throttle: float, turn: float, steps: int, body: Any = (0, 0, 1, 0, 0, 0), towers: Any = ()) -> Body:
    every = jnp.full(steps, throttle, jnp.float32), jnp.full(steps, turn, jnp.float32)
    return jax.tree.map(np.asarray, driven(level(towers), *every, Body(*(jnp.float32(number) for number in body))))


@pytest.mark.parametrize(("throttle", "top"), [(1.0, 0.5), (0.5, 0.25), (0.0, 0.0)])
def test_a_straight_run(throttle: float, top: float) -> None:
    """v_n = top (1 - 0.8^n), so x_n = top (n - 4 (1 - 0.8^n)): ten steps at full throttle come to 3.2147."""
    n = np.arange(1, 11)
    path = ran(throttle, 0, 10)
    np.testing.assert_allclose(path.vx, top * (1 - 0.8**n), atol=1e-6)
    np.testing.assert_allclose(path.x, top * (n - 4 * (1 - 0.8**n)), atol=1e-5)
    assert path.x[-1] == pytest.approx(6.4294967 * top, abs=1e-5)
    assert not path.y.any()


def test_a_body_glides_on_for_four_times_its_speed() -> None:
    path = ran(0, 0, 60, body=(0, 0, 1, 0, 0.5, 0))
    assert path.x[-1] == pytest.approx(2.0, abs=1e-5)
    assert path.x[0] == pytest.approx(0.4)


def test_turns_to_the_left_are_counterclockwise() -> None:
    path = ran(0, 1, 100)
    angles = 0.3 * np.arange(1, 101)
    np.testing.assert_allclose(path.facing_x, np.cos(angles), atol=2e-5)
    np.testing.assert_allclose(path.facing_y, np.sin(angles), atol=2e-5)
    assert not path.x.any()
    assert ran(0, -1, 1).facing_y[0] == pytest.approx(-np.sin(0.3))
    angle = np.linspace(-0.3, 0.3, 13, dtype=np.float32)
    x, y = turned(jnp.ones(13), jnp.zeros(13), jnp.asarray(angle))
    np.testing.assert_allclose(np.stack([x, y]), np.stack([np.cos(angle), np.sin(angle)]), atol=1e-7)


def test_a_circle_at_full_throttle() -> None:
    """In the long run v = 0.1 sum 0.8^k e^(i (a - 0.3 k)), of length 0.1 / |1 - 0.8 e^(-0.3 i)|."""
    path = ran(1, 1, 200)
    speed = np.hypot(path.vx, path.vy)[-1]
    assert speed == pytest.approx(0.1 / abs(1 - 0.8 * np.exp(-0.3j)), abs=1e-4)
    across = np.ptp(path.x[-30:])
    assert across == pytest.approx(speed / np.sin(0.15), rel=0.02)


def test_the_edge_and_towers_stop_a_body() -> None:
    at_edge = ran(1, 0, 60)
    assert (at_edge.x[-1], at_edge.vx[-1]) == (pytest.approx(7.6), 0)
    head_on = ran(1, 0, 60, towers=[TOWER])
    assert (head_on.x[-1], head_on.vx[-1]) == (pytest.approx(1.8, abs=1e-5), pytest.approx(0, abs=1e-6))
    beside = ran(1, 0, 60, body=(0, 0.3, 1, 0, 0, 0), towers=[TOWER])
    assert beside.x[-1] == pytest.approx(7.6)
    assert beside.y[np.argmin(abs(beside.x - 3))] >= 1.2  # it slid around the side that it was on
    other = ran(1, 0, 60, body=(0, -0.3, 1, 0, 0, 0), towers=[TOWER])
    np.testing.assert_allclose(np.stack([other.x, -other.y]), np.stack([beside.x, beside.y]), atol=1e-6)
    corner = ran(1, 0, 100, body=(0, 0, 2**-0.5, 2**-0.5, 0, 0))
    assert (corner.x[-1], corner.y[-1]) == (pytest.approx(7.6), pytest.approx(7.6))


def test_nobody_gets_into_towers_or_out_of_the_field_or_faster_than_can_be() -> None:
    """Long random pushes, on 256 levels: 40 steps of the same action each."""
    world = ArenaWorld()
    levels = of(world, 256, towers=5)
    actions = jnp.repeat(jax.random.randint(jax.random.key(1), (10, 256), 3, len(ACTIONS)), 40, 0)

    @jax.jit
    def play(levels: Any, actions: Any) -> Any:
        def step(state: Any, action: Any) -> Any:
            state = jax.vmap(lambda one, act: world.move(levels, one, act))(state, action)
            return state, (state.body, state.partner.x, state.partner.y)

        return jax.lax.scan(step, jax.vmap(lambda index: world.reset(levels, index))(jnp.arange(256)), actions)[1]

    body, partner_x, partner_y = jax.tree.map(np.asarray, play(levels, actions))
    towers = np.asarray(levels.towers)
    touched = 0
    for x, y in ((body.x, body.y), (partner_x, partner_y)):
        assert max(np.abs(x).max(), np.abs(y).max()) <= 8 - BODY_RADIUS + 1e-5
        away = np.hypot(x[..., None] - towers[..., 0], y[..., None] - towers[..., 1]) - towers[..., 2]
        assert away.min() >= BODY_RADIUS - 1e-5
        touched += int((away < BODY_RADIUS + 1e-4).sum())
    assert touched > 100
    assert np.hypot(body.vx, body.vy).max() <= TOP_SPEED + 1e-6
    np.testing.assert_allclose(np.hypot(body.facing_x, body.facing_y), 1, atol=1e-6)


def discs(*rows: tuple[float, float, float, float]) -> Discs:
    return Discs(*(jnp.array(column, jnp.float32) for column in zip(*rows, strict=True)))


def direction(goal: tuple[float, float], *rows: tuple[float, float, float, float]) -> tuple[float, float]:
    x, y = toward(jnp.float32(0), jnp.float32(0), jnp.float32(goal[0]), jnp.float32(goal[1]), discs(*rows))
    return float(x), float(y)


def test_the_way_around_a_disc_is_its_tangent() -> None:
    """A disc of radius 1 at distance 2 has tangents at 30 degrees from its center."""
    assert direction((5, 0), (2, 0.1, 0.9, 1.0))[1] < 0  # it passes on the side that leads less astray
    up = direction((5, 0), (2, -1e-3, 0.9, 1.0))
    assert up == pytest.approx((np.cos(np.pi / 6), 0.5), abs=2e-3)
    for rows in ([(2, 1.5, 0.9, 1.0)], [(-2, 0, 0.9, 1.0)], [(9, 0, 0.9, 1.0)], [(0.1, 0, 0.9, 1.0)], [(2, 0, 0, 1.0)]):
        assert direction((5, 0), *rows) == pytest.approx((1, 0))  # beside, behind, beyond, around it, nowhere
    # That tangent leads into a second disc, whose center lies at 44 degrees; its tangents are 29 degrees from that.
    assert direction((5, 0), (2, -1e-3, 0.9, 1.0), (0.593, 0.573, 0.2, 0.4))[1] == pytest.approx(0.2588, abs=5e-3)


def test_what_comes_into_a_disc_is_pushed_out_of_it() -> None:
    row = (2.0, 0.0, 1.0, 1.2)
    pushed = kept_out(*(jnp.float32(number) for number in (1.2, 0.0, 0.9, 0.0)), discs(row))
    assert [float(number) for number in pushed] == pytest.approx([1.0, 0.0])
    inside = kept_out(*(jnp.float32(number) for number in (1.2, 0.0, 1.4, 0.0)), discs(row))
    assert [float(number) for number in inside] == pytest.approx([1.2, 0.0])  # who was in it may leave it
