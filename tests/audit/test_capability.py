"""Goal-directedness given capability: by hand, slips and what they cost, and planted agents with unsure hands."""

import json
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from planted import scenario_of, sets_of

from trueaim.agents.planted import pursuing, uniform
from trueaim.audit.capability import Capability, capability, given_capability, most_with_slips, slips
from trueaim.core.documents import plain
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import LevelClass
from trueaim.core.model import Model
from trueaim.core.policy import Policy
from trueaim.inference.likelihood import everywhere

NAME, SHIFT = "cheese_corner", "anywhere"
EVEN = 0.5


def corridor() -> Model:
    """Three states in a row, left and right; one goal at the left end, one at the right, where its plan ends."""
    pays = jnp.array([[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    return Model(
        moves=jnp.array([[[0, 1], [0, 2], [1, 2]]]),
        pays=pays,
        stops=pays > 0,
        ends=jnp.zeros((1, 3), bool),
        start=jnp.array([1]),
        steps=jnp.array([60]),
        discount=EVEN,
    )


def test_a_ratio_of_means_by_hand() -> None:
    """Gains (1, 2) of (2, 2) and (0, 0) of (1, 3)."""
    found = given_capability(
        np.array([[2.0, 3.0], [1.0, 1.0]]), np.array([1.0, 1.0]), np.array([[3.0, 3.0], [2.0, 4.0]])
    )
    assert found.by_agent == (0.75, 0.0)
    assert found.directedness.value == pytest.approx(3 / 8)  # means 1.5 and 0 over means 2 and 2
    assert (found.directedness.entries, found.directedness.units) == (4, 2)
    assert (found.nothing, found.missing) == (0, 0)


def test_ends_of_the_scale() -> None:
    chance, most = np.array([0.1, 0.2, 0.3]), np.array([[0.5, 0.9, 0.8]] * 3)
    rows = np.broadcast_to(chance, most.shape)
    assert given_capability(most, chance, most).directedness.value == pytest.approx(1)
    assert given_capability(rows, chance, most).directedness.value == pytest.approx(0)
    assert given_capability(rows - 0.1, chance, most).directedness.value < 0


def test_where_nothing_is_to_be_gained_there_is_no_number() -> None:
    got, chance = np.array([[0.4, 0.2, np.nan], [0.6, 0.3, 0.5]]), np.array([0.2, 0.2, 0.2])
    some = given_capability(got, chance, np.array([[1.0, 0.2, 1.0], [1.0, 0.201, 1.0]]))
    assert (some.directedness.entries, some.nothing, some.missing) == (3, 2, 1)
    np.testing.assert_allclose(some.by_agent, [0.25, 0.7 / 1.6])
    large = given_capability(got, chance, np.array([[1.0, 0.2, 1.0], [1.0, 0.6, 1.0]]), least=0.5)
    assert (large.directedness.entries, large.nothing) == (3, 2)
    none = given_capability(got, chance, chance[None])
    assert np.isnan([none.directedness.value, none.directedness.low, *none.by_agent]).all()
    assert (none.directedness.entries, none.nothing, none.missing) == (0, 5, 1)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_what_slips_cost_by_hand(share: float) -> None:
    """V(1) = (1 - e/2) + e/2 * d * V(2) and V(2) = d * ((1 - e/2) * V(1) + e/2 * V(2)), for either goal."""
    slip = share / 2
    matrix = np.array([[1.0, -slip * EVEN], [-EVEN * (1 - slip), 1 - slip * EVEN]])
    by_hand = np.linalg.solve(matrix, [1 - slip, 0.0])[0]
    np.testing.assert_allclose(most_with_slips(corridor(), share), [[by_hand, by_hand]], rtol=1e-5)


def test_an_episode_that_ends_at_the_other_goal_ends() -> None:
    model = corridor()._replace(ends=jnp.array([[True, False, True]]))
    np.testing.assert_allclose(most_with_slips(model, 0.3), [[0.85, 0.85]], rtol=1e-6)


def test_no_share_of_slips_gets_more_than_a_smaller_one() -> None:
    levels = sets_of(NAME)[SHIFT].levels
    model = scenario_of(NAME).tabular.model(levels)
    worth = np.stack([np.asarray(most_with_slips(model, share)) for share in (0.0, 0.1, 0.3, 0.6, 1.0)])
    assert (np.diff(worth, axis=0) <= 1e-6).all()
    assert worth[0].max() > worth[-1].max()


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_slips_are_read_from_probabilities_as_they_were_put_in(share: float) -> None:
    """In the middle and at the far end of the corridor one of two actions is right for the goal at the left."""
    left = np.tile([1 - share / 2, share / 2], (1, 3, 1))
    found = slips(corridor(), everywhere(corridor(), left), 0)
    assert found.share == pytest.approx(share)
    assert found.decisions == 2
    assert found.error == pytest.approx(np.sqrt(share / 2 * (1 - share / 2) / 2) * 2, abs=1e-6)
    assert slips(corridor(), everywhere(corridor(), left), 1).share == 1.0


def test_keeping_clear_of_another_end_is_no_slip() -> None:
    """A ring of five: 0 the start, 1 ends the episode, 2 pays; the short way there leads through 1."""
    pays = jnp.array([[[0.0, 0.0, 1.0, 0.0, 0.0]]])
    ring = Model(
        moves=jnp.array([[[4, 1], [0, 2], [1, 3], [2, 4], [3, 0]]]),
        pays=pays,
        stops=pays > 0,
        ends=jnp.array([[False, True, True, False, False]]),
        start=jnp.array([0]),
        steps=jnp.array([20]),
        discount=0.9,
    )
    for first in (0.0, 1.0):  # left, the long way; right, the short one
        chances = np.full((1, 5, 2), np.nan)
        chances[0, 0], chances[0, 4] = (first, 1 - first), (1.0, 0.0)
        assert slips(ring, everywhere(ring, chances), 0) == (0.0, 0.0, 1)
    np.testing.assert_allclose(most_with_slips(ring, 0.0), [[0.81]], rtol=1e-6)


def test_slips_without_a_decision_are_not_a_number() -> None:
    nowhere = np.full((1, 3, 2), np.nan)
    found = slips(corridor(), everywhere(corridor(), nowhere), 0)
    assert np.isnan([found.share, found.error]).all()
    assert (found.allowed, found.decisions) == (1.0, 0)


def asked(policy: Policy) -> dict[str, Capability]:
    levels = sets_of(NAME)[SHIFT]
    classes = levels.references.classes[:, 1]
    parting, agreeing = classes == LevelClass.NECESSARILY, classes == LevelClass.NON
    return {one.goal: one for one in capability(policy, scenario_of(NAME), levels.levels, parting, agreeing, root(5))}


@pytest.mark.parametrize("noise", [0.05, 0.3, 0.5])
def test_unsure_hands_are_no_want_of_direction(noise: float) -> None:
    found = asked(pursuing(scenario_of(NAME), "cheese", noise, 4))
    assert all(abs(one.share - noise) < 0.12 for one in found["cheese"].slips)
    assert found["cheese"].given.directedness.value == pytest.approx(1.0, abs=0.05)
    assert found["corner"].given.directedness.high < 0


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_sure_hands_do_not_hide_another_direction(noise: float) -> None:
    found = asked(pursuing(scenario_of(NAME), "corner", noise, 4))
    assert found["cheese"].given.directedness.high < 0
    assert found["corner"].given.directedness.value == pytest.approx(1.0, abs=0.05)


def test_who_moves_at_random_is_able_to_do_next_to_nothing() -> None:
    found = asked(replace(uniform(scenario_of(NAME)), seeds=(0, 1, 2)))
    json.dumps(plain(list(found.values())), allow_nan=False)
    for one in found.values():
        assert all(each.share > 0.85 for each in one.slips)
        assert all(each.allowed == 1 for each in one.slips)
        assert np.isnan(one.given.directedness.value)
        assert (one.given.directedness.entries, one.given.nothing) == (0, 3 * one.levels)


def test_bad_input_is_refused_in_a_sentence() -> None:
    table = np.ones((2, 3))
    with pytest.raises(TrueAimError, match=r"capable: got shape \(2, 2\) beside returns of shape \(2, 3\)"):
        given_capability(table, table, np.ones((2, 2)))
    with pytest.raises(TrueAimError, match="got an infinite entry"):
        given_capability(table, table, table * np.inf)
    levels, none = sets_of(NAME)[SHIFT].levels, np.zeros(320, bool)
    policy = pursuing(scenario_of(NAME), "cheese")
    with pytest.raises(TrueAimError, match="got no level on which goals agree"):
        capability(policy, scenario_of(NAME), levels, ~none, none, root(1))
    with pytest.raises(TrueAimError, match="levels are no tables of states"):
        capability(policy, replace(scenario_of(NAME), tabular=None), levels, ~none, ~none, root(1))
