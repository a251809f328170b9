"""Training on a limited number of levels: the same ones again and again, never a held-out one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.core.keys import root, stream
from trueaim.core.levels import held_out, level_hashes, pool, training_levels
from trueaim.core.scenario import Scenario


@pytest.fixture(scope="module")
def corner() -> Scenario:
    return scenarios.scenario("cheese_corner", size=7)


def hashes(scenario: Scenario, key: int, num: int, among: object, alpha: float = 0.0) -> list[str]:
    levels = jax.jit(lambda: training_levels(scenario, root(key), num, alpha, None, among))()  # type: ignore[arg-type]
    return level_hashes(levels)


def test_levels_come_from_the_pool_alone(corner: Scenario) -> None:
    among = jax.jit(lambda: pool(corner, root(3), 10, 0.0, "anywhere"))()
    first, second = (set(hashes(corner, key, 200, among)) for key in (1, 2))
    assert len(first) == 10
    assert first == second
    assert len(set(hashes(corner, 1, 200, None))) > 150
    other = jax.jit(lambda: pool(corner, root(4), 10, 0.0, "anywhere"))()
    assert not first & set(hashes(corner, 1, 200, other))


def test_a_larger_pool_holds_the_smaller_one(corner: Scenario) -> None:
    small, large = (pool(corner, root(3), num, 0.0, "anywhere") for num in (10, 40))
    np.testing.assert_array_equal(large.numbers[:10], small.numbers)
    assert set(hashes(corner, 1, 400, small)) < set(hashes(corner, 1, 2_000, large))


def test_no_level_of_a_pool_has_a_held_out_layout(corner: Scenario) -> None:
    among = pool(corner, root(5), 300, 1.0, "anywhere")
    assert len(set(np.asarray(among.numbers).tolist())) == 300
    levels = training_levels(corner, root(0), 2_000, 1.0, "anywhere", among)
    assert not bool(held_out(corner, levels).any())


def test_a_pool_has_its_share_of_shifted_levels_once_and_for_all(corner: Scenario) -> None:
    """Two per cent of 100 levels are two levels or so, played again and again."""
    among = pool(corner, root(6), 100, 0.02, "anywhere")
    straight = set(hashes(corner, 1, 3_000, among))
    mixed = set(hashes(corner, 1, 3_000, among, 0.02))
    assert len(straight) == len(mixed) == 100
    assert 0 < len(mixed - straight) < 8


def test_every_level_of_a_pool_is_as_likely(corner: Scenario) -> None:
    among = pool(corner, root(7), 8, 0.0, "anywhere")
    found = hashes(corner, 1, 4_000, among)
    counts = np.array([found.count(one) for one in set(found)])
    assert len(counts) == 8
    assert (np.abs(counts - 500) < 5 * np.sqrt(500 * 7 / 8)).all()


def test_a_pool_is_drawn_under_jit_and_for_several_agents_at_once(corner: Scenario) -> None:
    keys = jnp.stack([stream(root(seed), "pool") for seed in (0, 1)])
    both = jax.jit(jax.vmap(lambda key: pool(corner, key, 12, jnp.float32(0.5), "anywhere")))(keys)
    for row in range(2):
        alone = pool(corner, keys[row], 12, 0.5, "anywhere")
        np.testing.assert_array_equal(both.numbers[row], alone.numbers)
