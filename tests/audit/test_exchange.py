"""The exchange rate of agents that we told how far to go for what."""

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from trueaim import scenarios
from trueaim.agents.planted import pursuing, uniform
from trueaim.audit.exchange import RIDGE, Choices, choices, exchange, fitted, rate_of
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario

NUM = 384


@cache
def made() -> tuple[Scenario, Any]:
    scenario = scenarios.scenario("cheese_dish", size=9)
    return scenario, audit_levels(scenario, scenario.shifts["apart"], root(3), NUM)


@cache
def difference() -> np.ndarray:
    """Steps to the cheese less those to the dish, NaN where there is no choice."""
    scenario, levels = made()
    return choices(uniform(scenario), scenario, levels, "cheese", "dish", root(0)).difference


def nearer_unless(lead: float, softness: float = 0.0, agents: int = 3) -> Policy:
    """Goes to the cheese, unless the dish is more than `lead` steps nearer; `softness` blurs that, in steps."""
    scenario, levels = made()
    planner, flat = scenario.planner, scenario.map
    assert planner is not None
    assert flat is not None
    chance = np.random.default_rng(1)
    blur = chance.logistic(size=(agents, NUM)) * softness
    to_cheese = jnp.asarray(difference() + blur <= lead)
    plans = [planner.optimal_actions(levels, goal, True) for goal in (0, 1)]

    def act(mine: Any, key: Any, view: View, memory: Any) -> tuple[Any, Any]:
        state = view.running.state
        here = state.level, flat.place(state)
        best = jnp.where(mine[state.level][:, None], plans[0][here], plans[1][here])
        return jax.random.categorical(key, jnp.where(best, 0.0, -jnp.inf)), memory

    return Policy("nearer unless", act, to_cheese, tuple(range(agents)))


@pytest.mark.parametrize("lead", [-3, 0, 4])
def test_a_sharp_choice_is_found_between_the_two_steps(lead: int) -> None:
    scenario, levels = made()
    found = exchange(nearer_unless(lead), scenario, levels, "cheese", "dish", root(1))
    assert lead <= found.rate.value <= lead + 1
    assert found.rate.low <= lead + 1
    assert found.rate.high >= lead
    assert found.rate.high - found.rate.low < 2
    assert found.slope > 0.6
    assert found.reason == ""
    wrong = sum(count * abs(share - (steps <= lead)) for steps, share, count in found.curve)
    assert wrong < 0.03 * found.choices  # where the one lies on a way to the other that was not looked at


@pytest.mark.parametrize("lead", [-2, 3])
def test_a_soft_choice_is_recovered_within_its_interval(lead: int) -> None:
    scenario, levels = made()
    found = exchange(nearer_unless(lead, 2.0), scenario, levels, "cheese", "dish", root(1))
    assert found.rate.low < lead < found.rate.high
    assert found.rate.high - found.rate.low < 3
    assert found.slope == pytest.approx(0.5, rel=0.25)
    assert found.rate.units == 3
    assert found.rate.entries == found.choices == sum(count for *_, count in found.curve)


def test_the_rate_turns_with_the_goals() -> None:
    scenario, levels = made()
    policy = nearer_unless(3, 2.0)
    one = exchange(policy, scenario, levels, "cheese", "dish", root(1))
    other = exchange(policy, scenario, levels, "dish", "cheese", root(1))
    assert other.rate.value == pytest.approx(-one.rate.value, abs=0.3)
    assert other.share == pytest.approx(1 - one.share, abs=0.01)


@pytest.mark.parametrize(("aim", "share"), [("cheese", 1.0), ("dish", 0.0)])
def test_whoever_pursues_one_goal_has_no_rate(aim: str, share: float) -> None:
    scenario, levels = made()
    found = exchange(pursuing(scenario, aim, agents=2), scenario, levels, "cheese", "dish", root(1))
    assert np.isnan(found.rate.value)
    assert found.rate.entries == found.choices > 100
    assert found.reason.startswith(f"{aim} comes first in ")
    assert found.share == pytest.approx(share, abs=0.05)


def test_levels_without_a_choice_are_left_out() -> None:
    scenario, levels = made()
    found = choices(pursuing(scenario, "cheese"), scenario, levels, "cheese", "dish", root(1))
    assert np.isnan(found.chose[:, np.isnan(found.difference)]).all()
    same = np.asarray(levels.things[:, 0] == levels.things[:, 1])
    assert np.isnan(found.difference[same]).all()
    assert 0.5 < np.isfinite(found.difference).mean() < 1


def simulated(rate: float, slope: float, agents: int, levels: int, seed: int, spread: float = 0.0) -> Choices:
    chance = np.random.default_rng(seed)
    differences = chance.integers(-8, 9, levels).astype(float)
    rates = rate + spread * chance.normal(size=(agents, 1))
    return Choices(differences, (chance.random((agents, levels)) < expit(slope * (rates - differences))).astype(float))


def test_the_fit_is_the_maximum_of_its_likelihood() -> None:
    chance = np.random.default_rng(0)
    z = np.linspace(-2, 2, 9)
    counts = chance.integers(1, 20, 9).astype(float)
    wins = chance.binomial(counts.astype(int), expit(0.5 - 1.5 * z)).astype(float)

    def cost(parameters: np.ndarray) -> float:
        score = parameters[0] - parameters[1] * z
        nats = wins * np.logaddexp(0, -score) + (counts - wins) * np.logaddexp(0, score)
        return float(nats.sum() + RIDGE * parameters[1] ** 2 / 2)

    best = minimize(cost, np.zeros(2), method="BFGS", options={"gtol": 1e-8}).x
    height, slope = fitted(z, counts[None], wins[None])
    np.testing.assert_allclose([height[0], slope[0]], best, atol=1e-5)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_intervals_hold_the_truth_as_often_as_they_say(spread: float) -> None:
    held, num = 0, 120
    for seed in range(num):
        found = rate_of(simulated(1.5, 0.6, 5, 80, seed, spread), "a", "b", resamples=200)
        held += found.rate.low <= 1.5 <= found.rate.high
    assert held / num > 0.95 - 3 * (0.95 * 0.05 / num) ** 0.5


def test_what_cannot_be_measured_is_said() -> None:
    few = rate_of(simulated(0, 1, 1, 10, 0), "a", "b")
    assert few.reason == "10 choices, fewer than 20"
    assert few.rate.entries == few.choices == 10
    blind = rate_of(simulated(0, 0, 2, 100, 0), "a", "b")
    assert blind.reason == "which comes first does not depend on how far away they are"
    far = rate_of(simulated(9.5, 0.35, 4, 200, 1), "a", "b")
    assert far.reason.startswith("beyond the differences seen (-8 to 8 steps)")
    level = Choices(np.zeros(50), np.tile([0.0, 1.0], (2, 25)))
    assert rate_of(level, "a", "b").reason == "the goals are always as far apart"
    none = rate_of(Choices(np.full(9, np.nan), np.full((2, 9), np.nan)), "a", "b")
    assert none.choices == 0
    assert np.isnan(none.share)
    for found in (few, blind, far, none):
        assert np.isnan(found.rate.value)
        assert np.isnan(found.slope)


def test_bad_input_is_one_sentence() -> None:
    scenario, levels = made()
    with pytest.raises(TrueAimError, match="goal: got 'chese', needs one of: cheese, dish; did you mean 'cheese'"):
        exchange(uniform(scenario), scenario, levels, "chese", "dish", root(0))
    with pytest.raises(TrueAimError, match="got dish twice, needs two"):
        exchange(uniform(scenario), scenario, levels, "dish", "dish", root(0))
    lost = replace(scenario, planner=None)
    with pytest.raises(TrueAimError, match="cheese_dish: got no planner and no expert for cheese, needs one to count"):
        exchange(uniform(lost), lost, levels, "cheese", "dish", root(0))
