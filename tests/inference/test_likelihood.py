import time

import jax.numpy as jnp
import numpy as np
import pytest
from corridor import corridor
from watched import agents, scenario_of, seen, watched

from trueaim.core.errors import TrueAimError
from trueaim.inference.likelihood import decisions, everywhere, evidence, explained, plans, with_probabilities
from trueaim.inference.planning import noisy_policies, scaled


def test_decisions_of_one_way_by_hand() -> None:
    """From the middle right, against the end, back, and on to the left end; then two entries past the length."""
    found = decisions(corridor(), np.array([[1, 2, 2, 1, 0, 0, 0]]), np.array([4]))
    assert found.states[0, :4].tolist() == [1, 2, 2, 1]
    assert found.chosen[0, :4].tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]
    assert found.counted[0].tolist() == [True, True, False, False, False, False]  # the first in each state, in time
    assert found.previous[0, :4].tolist() == [-1, 1, 1, 0]
    assert found.live[0, :, 0].tolist() == [True, True, False, False, False, False]
    assert found.live[0, :, 1].tolist() == [True, False, False, False, False, False]  # the right end was reached
    assert found.entered[0].tolist() == [2, 2, 1, 0, 0, 0]


def test_the_evidence_is_the_sum_of_logarithms() -> None:
    model = corridor()
    found = evidence(plans(model, rationality=(2.0,)), decisions(model, np.array([[1, 2, 2, 1, 0]]), np.array([4])))
    likely = np.asarray(noisy_policies(scaled(model), jnp.array([2.0])))[0, :, 0]
    assert found.nats[0, 0, 0] == pytest.approx(likely[0, 1, 1] + likely[0, 2, 1] + 2 * np.log(2), abs=1e-5)
    assert found.nats[0, 1, 0] == pytest.approx(likely[1, 1, 1] + np.log(2), abs=1e-5)
    assert found.num_decisions.tolist() == [[2, 1]]


def test_actions_that_lead_to_one_place_share_a_decision() -> None:
    model = corridor()._replace(moves=jnp.array([[[1, 1], [0, 2], [1, 2]]]))
    found = decisions(model, np.array([[1, 0, 1]]), np.array([2]))
    assert found.chosen[0, 1].tolist() == [0.5, 0.5]
    assert found.previous[0].tolist() == [-1, 0]
    assert evidence(plans(model), found).nats[0, 1, 0] < 0  # to the left, away from the goal; the rest is free


def test_probabilities_in_place_of_actions_have_the_same_mean() -> None:
    model = corridor()
    once = np.array([1])
    by_action = [
        evidence(plans(model), decisions(model, np.array([path]), once)).nats[0] for path in ([1, 0, 0], [1, 2, 2])
    ]
    found = decisions(model, np.array([[1, 0, 0]]), np.array([1]))
    table = np.full((1, 2, 2), 0.5)
    table[0, 0] = [0.25, 0.75]
    mean = evidence(plans(model), with_probabilities(found, table)).nats[0]
    np.testing.assert_allclose(mean, 0.25 * by_action[0] + 0.75 * by_action[1], atol=1e-4)


def test_a_field_of_decisions_covers_what_it_is_given() -> None:
    model = corridor()
    table = np.full((1, 3, 2), 0.5)
    table[0, 1] = np.nan
    found = evidence(plans(model), everywhere(model, table))
    assert found.num_decisions.tolist() == [[1, 1]]  # each goal's own end says nothing about it
    assert np.isfinite(found.nats).all()


def test_a_follower_of_a_plan_attains_what_is_attainable_and_a_random_agent_nothing() -> None:
    where = watched("apart", 16)
    for number, goal in enumerate(("cheese", "corner")):
        found = evidence(plans(where.model), seen(agents(goal, 0.0, 1), where)[0])
        share = found.nats.sum(0)[number].max() / found.attainable.sum(0)[number]
        assert 0.93 <= share <= 1 + 1e-6
        assert 0.8 <= explained(found)[number] <= np.log(4)
    for found in seen(agents("random", 0.0, 4), where):
        assert (explained(evidence(plans(where.model), found)) < 0.02).all()


@pytest.mark.parametrize(("noise", "least", "most"), [(0.05, 0.95, 1.15), (0.30, 0.35, 0.55)])
def test_nats_of_noisy_agents_in_mazes(noise: float, least: float, most: float) -> None:
    """Where ways are single; on open maps, where two moves are often as good, no agent reaches a full nat."""
    where = watched("apart", 32, "kruskal")
    for found in seen(agents("corner", noise, 2, "kruskal"), where, "kruskal"):
        assert least <= explained(evidence(plans(where.model), found))[1] <= most


def test_without_a_decision_there_is_no_number() -> None:
    model = corridor()
    assert np.isnan(explained(evidence(plans(model), decisions(model, np.array([[1, 1]]), np.array([0]))))).all()


def test_bad_input_is_refused_in_a_sentence() -> None:
    model = corridor()
    with pytest.raises(TrueAimError, match="where no action leads"):
        decisions(model, np.array([[0, 2]]), np.array([1]))
    with pytest.raises(TrueAimError, match="episodes on 2 levels for a model of 1"):
        decisions(model, np.array([[0, 1], [0, 1]]), np.array([1, 1]))
    found = decisions(model, np.array([[1, 0]]), np.array([1]))
    with pytest.raises(TrueAimError, match=r"form: got 'nosy'.*did you mean 'noisy'"):
        plans(model, form="nosy")
    with pytest.raises(TrueAimError, match="normalize them"):
        with_probabilities(found, np.array([[[0.5, 0.4]]]))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["noisy", "entropy"])
def test_a_thousand_levels_take_seconds(form: str) -> None:
    where = watched("apart", 1024)
    model = where.model._replace(
        pays=jnp.concatenate([where.model.pays] * 3, 1)[:, :5], stops=jnp.concatenate([where.model.stops] * 3, 1)[:, :5]
    )
    places = np.zeros((1024, scenario_of().horizon + 1), int) + np.asarray(model.start)[:, None]
    found = decisions(model, places, np.zeros(1024, int))
    evidence(plans(model, form=form), found)
    begun = time.perf_counter()
    evidence(plans(model, form=form), found)
    assert time.perf_counter() - begun <= 10
