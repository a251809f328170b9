"""Against numbers for CliffWorld that were computed apart, and against what the definition promises."""

import numpy as np
import pytest
from corridor import corridor

from trueaim.core.errors import TrueAimError
from trueaim.inference.meg import (
    Process,
    determinism_bound,
    direct,
    known_goal,
    process,
    returns,
    soft_policy,
    soft_start,
    unknown_goal,
)

HEIGHT, WIDTH, WIND = 4, 10, 0.3
CAP = 60.0
FINITE = {
    0.0: (93.572, None, 26.340),
    0.1: (70.803, 0.2398, 16.902),
    0.2: (47.049, 0.1699, 12.185),
    0.3: (23.073, 0.1428, 8.472),
    0.5: (-20.269, 0.1061, 3.037),
    0.7: (-51.585, 0.0450, 0.557),
    0.9: (-71.606, 0.0097, 0.034),
    1.0: (-78.598, 0.0, 0.0),
}
"""By share of random actions: return, inverse temperature and MEG within 20 steps."""
ENDLESS = {
    0.1: (8.307, 10.089, 10.374),
    0.3: (3.874, 5.580, 6.056),
    0.5: (1.392, 2.705, 3.124),
    0.9: (0.016, 0.111, 0.141),
    1.0: (0.0, 0.0, 0.0),
}
"""Discounted by .9: MEG of the goal, of the best goal, and the bound."""


def cliff(region: int = 1, discount: float = 1.0, horizon: int | None = 20) -> Process:
    """Diagonal moves under a wind that blows up by one row more; pays in the state in which one acts."""
    num = HEIGHT * WIDTH
    moves = np.zeros((num, 4, num))

    def cell(row: int, column: int) -> int:
        return min(max(row, 0), HEIGHT - 1) * WIDTH + min(max(column, 0), WIDTH - 1)

    for state in range(num):
        row, column = divmod(state, WIDTH)
        for action, (down, right) in enumerate([(-1, -1), (-1, 1), (1, -1), (1, 1)]):
            moves[state, action, cell(row + down, column + right)] += 1 - WIND
            moves[state, action, cell(row + down - 1, column + right)] += WIND
    pays = np.full(num, -1.0)
    pays[1 : WIDTH - 1] = -10
    pays[WIDTH - region : WIDTH] = 10
    return Process(moves, np.repeat(pays[:, None], 4, 1), np.zeros(num, bool), 0, discount, horizon)


def optimum(given: Process, sign: float = 1.0) -> np.ndarray:
    """The optimal policy with even choices among equals, or with a sign of -1 the worst."""
    values, found = np.zeros(len(given.pays)), []
    for _ in range(given.horizon or 500):
        worth = sign * given.pays + given.discount * given.moves @ values
        best = worth >= worth.max(1, keepdims=True) - 1e-9
        found.append(best / best.sum(1, keepdims=True))
        values = worth.max(1)
    return np.stack(found[::-1]) if given.horizon else found[-1]


def noisy(policy: np.ndarray, noise: float) -> np.ndarray:
    return (1 - noise) * policy + noise / policy.shape[-1]


@pytest.mark.parametrize("noise", FINITE)
def test_cliff_world_within_twenty_steps(noise: float) -> None:
    given, (achieved, b, nats) = cliff(), FINITE[noise]
    policy = noisy(optimum(given), noise)
    assert returns(given, policy) == pytest.approx(achieved, abs=1e-3)
    found = known_goal(given, returns(given, policy), CAP)
    assert found.nats == pytest.approx(nats, abs=1e-3)
    assert found.capped == (b is None)
    assert found.rationality == pytest.approx(CAP if b is None else b, abs=1e-4)
    assert direct(given, policy, found.rationality) == pytest.approx(found.nats, abs=1e-8)
    assert found.nats <= determinism_bound(given, policy) + 1e-9


@pytest.mark.parametrize("noise", ENDLESS)
def test_cliff_world_without_an_end(noise: float) -> None:
    given = cliff(discount=0.9, horizon=None)
    policy = noisy(optimum(given), noise)
    known = known_goal(given, returns(given, policy))
    best, bound = unknown_goal(given, policy), determinism_bound(given, policy)
    assert [known.nats, best.nats, bound] == pytest.approx(ENDLESS[noise], abs=1e-3)
    assert -1e-9 <= known.nats <= best.nats + 1e-7 <= bound + 2e-7
    assert direct(given, policy, known.rationality) == pytest.approx(known.nats, abs=1e-8)


def test_an_optimal_policy_comes_near_the_most_that_is_possible() -> None:
    given = cliff(discount=0.9, horizon=None)
    found = known_goal(given, returns(given, optimum(given)))
    assert found.capped
    assert found.rationality > 0
    assert found.nats == pytest.approx(10 * np.log(4), abs=2e-3)


def test_easy_goals_take_less() -> None:
    nats = [
        known_goal(given := cliff(region), returns(given, optimum(given)), CAP).nats for region in (1, 2, 3, 5, 8, 9)
    ]
    assert nats == pytest.approx([26.34, 21.37, 19.88, 18.23, 16.24, 15.55], abs=5e-3)


def test_who_avoids_a_goal_has_a_negative_sign() -> None:
    given = cliff()
    found = known_goal(given, returns(given, optimum(given, -1)))
    assert found.nats == pytest.approx(15.82, abs=5e-3)
    assert found.rationality < 0


def test_only_the_return_counts() -> None:
    """A time-dependent policy with noise in the first half alone, and one with noise throughout but the same return."""
    given = cliff()
    best = optimum(given)
    first = best.copy()
    first[:10] = noisy(best[:10], 0.2)
    achieved, low, high = returns(given, first), 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if returns(given, noisy(best, middle)) > achieved else (low, middle)
    other = noisy(best, low)
    assert np.abs(first - other).max() > 0.01
    one = known_goal(given, achieved)
    assert direct(given, first, one.rationality) == pytest.approx(direct(given, other, one.rationality), abs=1e-8)


@pytest.mark.parametrize("b", [-0.3, 0.05, 0.2])
def test_the_slope_is_the_return_of_the_soft_policy(b: float) -> None:
    for given in (cliff(), cliff(discount=0.9, horizon=None)):
        step = 1e-5
        slope = (soft_start(given, b + step) - soft_start(given, b - step)) / (2 * step)
        assert slope == pytest.approx(returns(given, soft_policy(given, b)), abs=1e-5)


@pytest.mark.parametrize("b", [-0.2, 0.1])
def test_a_soft_policy_is_its_own_explanation(b: float) -> None:
    given = cliff()
    policy = soft_policy(given, b)
    found = known_goal(given, returns(given, policy))
    assert found.rationality == pytest.approx(b, abs=1e-5)
    assert found.nats == pytest.approx(determinism_bound(given, policy), abs=1e-8)


def test_neither_scale_nor_sign_of_a_goal_matters() -> None:
    given = cliff()
    policy = noisy(optimum(given), 0.3)
    for factor in (0.1, -1.0, 7.0):
        other = given._replace(pays=factor * given.pays)
        found = known_goal(other, returns(other, policy))
        assert found.nats == pytest.approx(8.472, abs=1e-3)
        assert found.rationality * factor == pytest.approx(0.1428, abs=1e-4)


def test_no_random_policy_is_negative_or_above_the_bound() -> None:
    rng = np.random.default_rng(0)
    given = cliff(discount=0.9, horizon=None)
    for concentration in (1.0, 30.0):
        policy = rng.dirichlet(np.full(4, concentration), len(given.pays))
        found, best = known_goal(given, returns(given, policy)), unknown_goal(given, policy)
        assert -1e-9 <= found.nats <= best.nats + 1e-7 <= determinism_bound(given, policy) + 2e-7


def test_a_goal_that_actions_cannot_touch_explains_nothing() -> None:
    given = cliff()._replace(pays=np.ones((HEIGHT * WIDTH, 4)))
    assert known_goal(given, 20.0).nats == pytest.approx(0, abs=1e-9)


def test_features_limit_the_best_goal() -> None:
    given = cliff(discount=0.9, horizon=None)
    policy = noisy(optimum(given), 0.3)
    constant = unknown_goal(given, policy, goals=np.ones((HEIGHT * WIDTH, 1)))
    cliffs = unknown_goal(given, policy, goals=(given.pays[:, :1] == -10).astype(float))
    assert constant.nats == pytest.approx(0, abs=1e-7)
    assert 0.1 < cliffs.nats < unknown_goal(given, policy).nats


def test_a_level_of_a_model_by_hand() -> None:
    """A corridor: one step to the goal or one away; the best policy is worth 1, a uniform one 1/2 + 1/8 + ..."""
    given = process(corridor(), 0, 1)
    right = np.tile([0.0, 1.0], (3, 1))
    assert returns(given, right) == 1
    half = np.full((3, 2), 0.5)
    assert returns(given, half) == pytest.approx(np.linalg.solve([[1, -0.25], [-0.25, 0.75]], [0.5, 0])[0])
    assert known_goal(given, returns(given, half)).nats == pytest.approx(0, abs=1e-9)
    found = known_goal(given, 1.0)
    assert found.capped
    assert found.nats == pytest.approx(np.log(2), abs=1e-6)  # one decision, then the plan ends
    assert determinism_bound(given, right) == pytest.approx(np.log(2))


def test_bad_input_is_refused_in_a_sentence() -> None:
    with pytest.raises(TrueAimError, match="no horizon and a discount of 1, needs either"):
        known_goal(cliff(horizon=None), 0.0)
    with pytest.raises(TrueAimError, match="return: got nan, needs a finite number"):
        known_goal(cliff(), float("nan"))
    with pytest.raises(TrueAimError, match="return: got 1000, needs one that some policy has"):
        known_goal(cliff(), 1000.0)
