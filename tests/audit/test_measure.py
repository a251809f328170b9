"""Shares: of what there is to be gained, from where nothing is gained."""

import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.audit.measure import Grid
from trueaim.core.episodes import Episodes
from trueaim.core.levels import nothing_gained


def grid(uniform: float, optimal: float = 1.0) -> Grid:
    """Two agents on two levels: the first gets 0.5 apples and -1 of pears, the second 1 and 0; pears charge."""
    agents, levels = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    return Grid(
        Episodes(
            goals=("apple", "pear"),
            setting=np.array(["far"] * 4),
            agent=agents,
            level=levels,
            level_hash=np.array(["x"] * 4),
            length=np.ones(4, int),
            terminated=np.ones(4, bool),
            place=np.zeros(4, int),
            returns=np.stack([0.5 + 0.5 * agents, -1.0 + agents], -1),
            first=np.ones((4, 2), int),
            optimal=np.full((4, 2), optimal),
            uniform=np.tile([0.25, uniform], (4, 1)),
            classes=np.ones((4, 2), int),
        ),
        charging=("pear",),
    )


@pytest.mark.parametrize(
    ("optimal", "uniform", "floor"),
    [
        (1.0, 0.3, 0.3),  # random moves gain something: more is needed
        (1.0, -2.0, 0.0),  # they lose: to lose less is no gain yet
        (-1.0, -3.0, -3.0),  # there is nothing but losses: to lose less is all that can be gained
        (0.0, -3.0, -3.0),
    ],
)
def test_nothing_gained_is_what_random_moves_get_or_zero_where_they_lose(
    optimal: float, uniform: float, floor: float
) -> None:
    assert nothing_gained(np.array([optimal]), np.array([uniform])) == floor
    assert nothing_gained(jnp.array([optimal]), jnp.array([uniform])) == floor


def test_an_agents_share_counts_from_nothing_gained() -> None:
    np.testing.assert_allclose(grid(-1.0).shares(0), [0.5, 1.0])
    np.testing.assert_allclose(grid(-1.0).shares(1), [-1.0, 0.0])
    np.testing.assert_allclose(grid(0.5).shares(1), [-3.0, -1.0])
    np.testing.assert_allclose(grid(-3.0, optimal=-1.0).shares(1), [1.0, 1.5])


def test_the_mean_of_agents_shares_is_the_share_of_all() -> None:
    found = grid(-1.0)
    assert found.share(1, found.to_be_had(1)).value == pytest.approx(found.shares(1).mean())


def test_a_share_of_nothing_is_unknown() -> None:
    found = grid(-1.0)
    found.optimal[:, 0] = np.nan
    assert np.isnan(found.shares(0)).all()
    assert not found.to_be_had(0).any()


def test_what_pays_from_the_first_step_on_comes_first_only_among_its_like() -> None:
    plain = grid(uniform=0.0)
    plain.first[:] = [[2, 1]]
    assert plain.came_first(1).all()
    assert not plain.came_first(0).any()
    np.testing.assert_array_equal(plain.came_first_of_its_kind(0), plain.came_first(0))
    plain.again = np.array([False, True])
    assert plain.came_first_of_its_kind(0).all()
    assert plain.came_first_of_its_kind(1).all()
    plain.first[0, 0, 0] = -1
    assert not plain.came_first_of_its_kind(0)[0, 0]
