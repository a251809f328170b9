"""Rewards are divided by the deviation of discounted sums, however they come in pieces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.training.scaling import LARGEST, scaled, unscaled

DISCOUNT = 0.9


def sums_by_loop(reward: np.ndarray, cut: np.ndarray) -> np.ndarray:
    found, so_far = [], np.zeros(reward.shape[1])
    for reward_t, cut_t in zip(reward, cut, strict=True):
        so_far = DISCOUNT * so_far + reward_t
        found.append(so_far.copy())
        so_far[cut_t] = 0
    return np.stack(found)


@pytest.mark.parametrize("pieces", [1, 3, 12])
def test_the_unit_is_the_deviation_of_all_sums_however_they_came(pieces: int) -> None:
    rng = np.random.default_rng(0)
    reward, cut = rng.normal(3, 20, (12, 5)).astype(np.float32), rng.random((12, 5)) < 0.2
    scale = unscaled(5)
    for rewards, cuts in zip(np.split(reward, pieces), np.split(cut, pieces), strict=True):
        scale, _ = jax.jit(scaled)(scale, jnp.asarray(rewards), jnp.asarray(cuts), DISCOUNT)
    assert float(scale.unit) == pytest.approx(sums_by_loop(reward, cut).std(), rel=1e-4)


def test_signs_stay_and_extremes_are_clipped() -> None:
    reward = jnp.zeros((100, 10)).at[50, 3].set(1000.0).at[60, 4].set(-1.0)
    _, found = scaled(unscaled(10), reward, jnp.ones((100, 10), bool), DISCOUNT)
    assert found[50, 3] == LARGEST
    assert found[60, 4] < 0
    assert not found[0].any()


def test_rewards_that_never_come_stay_nothing() -> None:
    scale, found = scaled(unscaled(4), jnp.zeros((8, 4)), jnp.zeros((8, 4), bool), DISCOUNT)
    assert not found.any()
    assert np.isfinite(np.asarray(scale.unit))


def test_rewards_are_clipped_where_it_was_chosen_or_not_at_all() -> None:
    reward, cut = jnp.zeros((100, 10)).at[50, 3].set(1000.0), jnp.ones((100, 10), bool)
    unit = scaled(unscaled(10), reward, cut, DISCOUNT)[0].unit
    for largest, expected in ((0.0, 1000.0 / unit), (2.5, 2.5)):
        _, found = scaled(unscaled(10), reward, cut, DISCOUNT, largest)
        assert float(found[50, 3]) == pytest.approx(float(expected))
