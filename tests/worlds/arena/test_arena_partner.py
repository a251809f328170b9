"""What the partner does: it never enters a sphere that it does not mean to, in the field, by every order."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hand_arena import of

from trueaim.worlds.arena.level import Levels
from trueaim.worlds.arena.orders import in_words
from trueaim.worlds.arena.partner import begun, stepped
from trueaim.worlds.arena.world import ArenaWorld

NUM, STEPS = 1024, 300
CROWDED = ArenaWorld(spheres=6, towers=8)
WORLD = ArenaWorld()


class Path(NamedTuple):
    """What partners of a table of levels did: the levels, their places, whether they were present, what visits were."""

    levels: Levels
    x: np.ndarray
    y: np.ndarray
    present: np.ndarray
    right: np.ndarray
    wrong: np.ndarray


@cache
def walked(world: ArenaWorld, **knobs: float) -> Path:
    levels = of(world, NUM, 11, **knobs)
    places = _walk(world, levels)
    return Path(levels, *(np.asarray(part) for part in places))


def _walk(world: ArenaWorld, levels: Levels) -> Any:
    if world not in _WALKERS:

        def walk(level: Levels) -> Any:
            def step(partner: Any, time: Any) -> Any:
                partner, visit = stepped(world.rules, world.half_time, level, partner, time)
                return partner, (partner.x, partner.y, partner.present, visit.right, visit.wrong)

            return jax.lax.scan(step, begun(level), jnp.arange(STEPS))[1]

        _WALKERS[world] = jax.jit(jax.vmap(walk))
    return _WALKERS[world](levels)


_WALKERS: dict[ArenaWorld, Any] = {}


def entries(path: Path, row: int) -> list[int]:
    """The spheres that a partner comes into, found from its places alone."""
    off = np.stack([path.x[row], path.y[row]], -1)[:, None] - np.asarray(path.levels.spheres)[row]
    within = np.hypot(*np.moveaxis(off, -1, 0)) < 1.2
    before = np.concatenate([np.zeros_like(within[:1]), within[:-1]])
    return [int(sphere) for sphere in np.nonzero(within & ~before)[1]]


@pytest.mark.parametrize("world", [WORLD, CROWDED], ids=["usual", "crowded"])
def test_an_expert_enters_spheres_in_their_order_alone(world: ArenaWorld) -> None:
    path = walked(world)
    orders = np.asarray(path.levels.order)
    assert len(np.unique(orders)) == (6 if world is WORLD else 120)
    assert not path.wrong.any()
    assert path.right.sum(1).min() >= 7
    for row in range(0, NUM, 4):
        found, cycle = entries(path, row), in_words(int(orders[row]), world.spheres)
        start = cycle.index(found[0])
        assert found == [cycle[(start + number) % len(cycle)] for number in range(len(found))]
        assert len(found) == path.right[row].sum()


def test_an_anti_expert_is_right_once_and_goes_around_backward() -> None:
    path = walked(WORLD, error=1)
    assert (path.right.sum(1) == 1).all()
    assert path.wrong.sum(1).min() >= 6
    for row in range(0, NUM, 16):
        found, cycle = entries(path, row), in_words(int(path.levels.order[row]), 4)
        start = cycle.index(found[0])
        assert found == [cycle[(start - number) % 4] for number in range(len(found))]


@pytest.mark.parametrize("world", [WORLD, CROWDED], ids=["usual", "crowded"])
def test_nobody_is_ever_stuck(world: ArenaWorld) -> None:
    """The longest way straight through the field is 60 steps; no way between two visits takes more."""
    path = walked(world, stray=1)
    visits = path.right | path.wrong
    since = np.zeros(NUM)
    longest = np.zeros(NUM)
    for time in range(STEPS):
        since = np.where(visits[:, time], 0, since + 1)
        longest = np.maximum(longest, since)
    assert longest.max() <= 60


def test_a_straying_partner_goes_to_any_other_sphere() -> None:
    path = walked(WORLD, stray=1)
    share = path.right.sum() / (path.right.sum() + path.wrong.sum())
    expected = (1 + 12 / 3) / 13  # the first, and one in three of some twelve others
    assert share == pytest.approx(expected, abs=0.03)


def test_from_half_time_on_a_swapped_expert_errs() -> None:
    path = walked(WORLD, swap=1)
    assert not path.wrong[:, : WORLD.half_time].any()
    assert (path.right[:, WORLD.half_time :].sum(1) <= 1).all()  # where it was on its way to
    assert (path.wrong[:, WORLD.half_time :].sum(1) >= 2).all()


def test_presence() -> None:
    assert walked(WORLD).present.all()
    assert not walked(WORLD, partners=0).present.any()
    assert not walked(WORLD, partners=0, returns=1).present.any()
    departs = walked(WORLD, departs=1, returns=1)
    assert departs.present[:, : WORLD.half_time - 1].all()
    assert not departs.present[:, WORLD.half_time - 1 :].any()
    chain = walked(WORLD, leaves=0.02, returns=0.01).present
    left = (chain[:, :-1] & ~chain[:, 1:]).sum() / chain[:, :-1].sum()
    came = (~chain[:, :-1] & chain[:, 1:]).sum() / (~chain[:, :-1]).sum()
    assert left == pytest.approx(0.02, abs=0.002)
    assert came == pytest.approx(0.01, abs=0.001)


def test_where_it_goes_does_not_depend_on_whether_it_is_seen() -> None:
    seen, unseen = walked(WORLD), walked(WORLD, partners=0)
    np.testing.assert_array_equal(seen.x, unseen.x)
    np.testing.assert_array_equal(seen.y, unseen.y)
