import jax.numpy as jnp
import numpy as np
import pytest
from corridor import corridor
from watched import agents, seen, watched, weighed

from trueaim.core.errors import TrueAimError
from trueaim.core.model import Cues
from trueaim.inference.device import UNIFORM, device
from trueaim.inference.likelihood import decisions, with_probabilities


def test_predictions_by_hand() -> None:
    """One decision a level, always to the right: 1/2, then (1 + 1/2) / 2, then (2 + 1/2) / 3."""
    model = corridor(3)
    found = device(decisions(model, np.array([[1, 2]] * 3), np.ones(3, int)))
    assert found.names == (UNIFORM, "nothing", "previous action")
    by_hand = np.log(2 * np.array([0.5, 1.5 / 2, 2.5 / 3]))
    np.testing.assert_allclose(found.each, np.stack([0 * by_hand, by_hand, by_hand], -1), atol=1e-6)
    total = np.log(0.5 + 0.5 * np.exp(by_hand.sum()))
    assert found.nats.sum() == pytest.approx(total)
    np.testing.assert_allclose(found.weights, np.exp([0, *[by_hand.sum()] * 2] - total) * [0.5, 0.25, 0.25], atol=1e-6)


def test_within_a_level_nothing_is_learned() -> None:
    model = corridor()
    found = device(decisions(model, np.array([[1, 2, 2, 1, 0]]), np.array([4])))
    assert found.nats.tolist() == pytest.approx([0.0])


def test_a_reflex_is_found() -> None:
    """It goes where the cue says, and the cue means the same on every level."""
    rng = np.random.default_rng(0)
    says = rng.integers(0, 2, 60)
    places = np.stack([np.ones(60, int), np.where(says, 2, 0)], -1)
    codes = np.broadcast_to(says[:, None, None], (60, 3, 1))
    found = device(decisions(corridor(60), places, np.ones(60, int)), Cues(("arrow",), codes))
    reacts = np.array(["arrow" in name for name in found.names])
    assert found.weights[reacts].sum() > 1 - 1e-6
    assert found.nats[20:].mean() > 0.6  # of log 2 = 0.69
    blind = device(decisions(corridor(60), places, np.ones(60, int)))
    assert blind.nats.sum() < 3


def test_a_goal_carries_over_to_new_levels_and_habits_hardly_do() -> None:
    where = watched("apart", 64)
    found = seen(agents("cheese", 0.05, 1), where)[0]
    goal, habits = weighed(found, where)
    assert 0 < habits.nats.sum() < 0.4 * goal.nats.sum(0)[0].max()
    chance = device(seen(agents("random", 0.0, 1), where)[0], where.cues)
    assert -1 < chance.nats.sum() < 1
    assert chance.names[int(chance.weights.argmax())] == UNIFORM


def test_the_agents_own_probabilities_count_as_shares() -> None:
    model = corridor(2)
    found = decisions(model, np.array([[1, 2]] * 2), np.ones(2, int))
    soft = with_probabilities(found, jnp.full((2, 1, 2), 0.5))
    np.testing.assert_allclose(device(soft).each[1], [0, 0, 0], atol=1e-6)  # of evenly split choices nothing is learned


def test_cues_of_other_levels_are_refused() -> None:
    found = decisions(corridor(2), np.array([[1, 2]] * 2), np.ones(2, int))
    with pytest.raises(TrueAimError, match="cues: got 3 levels for decisions on 2"):
        device(found, Cues(("arrow",), np.zeros((3, 3, 1), int)))
