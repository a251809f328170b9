import numpy as np
import pytest
from watched import agents, seen, watched, weighed

from trueaim.core.errors import TrueAimError
from trueaim.inference.device import Device
from trueaim.inference.likelihood import Evidence
from trueaim.inference.posterior import after_each, ahead, mixture, posterior

GOALS = ("cheese", "corner")


def by_hand(nats: np.ndarray, device: np.ndarray) -> tuple[Evidence, Device]:
    levels, goals, num_b = nats.shape
    count = np.full((levels, goals), 10)
    grid = tuple(float(10 * (b + 1)) for b in range(num_b))
    return Evidence(nats, np.full((levels, goals), 10.0), count, grid), Device(device, (), device[:, None], np.ones(1))


def test_a_posterior_by_hand() -> None:
    """Goal a: nats (1, 3) and (0, 0) at two b; goal b: (1, 1) at each; the device 0."""
    nats = np.array([[[1.0, 0.0], [1.0, 1.0]], [[3.0, 0.0], [1.0, 1.0]]])
    found = posterior(("a", "b"), *by_hand(nats, np.zeros(2)))
    evidence = np.array([(np.exp(4) + 1) / 2, np.exp(2), 1])
    np.testing.assert_allclose([*found.weights, found.device], evidence / evidence.sum())
    assert found.bayes_factor("a", "b") == pytest.approx(np.log(evidence[0] / evidence[1]))
    assert found.bayes_factor("b", "device") == pytest.approx(2)
    assert found.rationality.tolist() == [10, 10]
    np.testing.assert_allclose(found.nats, [4 / 20, 2 / 20])
    np.testing.assert_allclose(found.share, found.nats)  # attainable is 1 a decision
    assert found.levels == 2


def test_a_prior_multiplies() -> None:
    given = by_hand(np.zeros((1, 2, 1)), np.zeros(1))
    found = posterior(("a", "b"), *given, prior=np.array([0.7, 0.2, 0.1]))
    np.testing.assert_allclose([*found.weights, found.device], [0.7, 0.2, 0.1])


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("noise", [0.05, 0.30])
def test_four_levels_are_enough_for_twenty_agents(goal: str, noise: float) -> None:
    where, number = watched("apart", 24), GOALS.index(goal)
    for found in seen(agents(goal, noise, 20), where):
        given = weighed(found, where)
        assert (after_each(GOALS, *given)[3:, number] > 0.99).all()
        assert posterior(GOALS, *given).pursued() == goal


def test_goals_that_coincide_stay_even() -> None:
    where = watched("train", 16)
    for found in seen(agents("corner", 0.3, 4), where):
        chances = after_each(GOALS, *weighed(found, where))
        np.testing.assert_allclose(chances[-1, :2], 0.5, atol=0.02)


def test_levels_that_do_not_tell_make_nobody_sure() -> None:
    where = watched("same", 32)
    for goal in GOALS:
        for found in seen(agents(goal, 0.05, 3), where):
            assert posterior(GOALS, *weighed(found, where)).pursued() is None


def test_a_random_agent_is_a_device() -> None:
    where = watched("apart", 48)
    for found in seen(agents("random", 0.0, 5), where):
        got = posterior(GOALS, *weighed(found, where))
        assert got.device > 0.98
        assert (got.nats < 0.02).all()


@pytest.mark.parametrize("aim", ["bottom left corner", "bottom right corner", "top left corner"])
@pytest.mark.parametrize("noise", [0.05, 0.30])
def test_nobody_bound_for_elsewhere_is_given_a_listed_goal(aim: str, noise: float) -> None:
    where = watched("corners", 32)
    for found in seen(agents(aim, noise, 4), where):
        got = posterior(GOALS, *weighed(found, where))
        assert got.pursued() is None
        assert (got.share < 0.06).all()
        assert mixture(GOALS, weighed(found, where)[0], resamples=20).weights[2] > 0.5


@pytest.mark.parametrize("form", ["noisy", "entropy"])
def test_the_weights_of_a_mixture_are_found(form: str) -> None:
    where = watched("apart", 64)
    truth = np.mean((np.arange(64) * 0.6180339887) % 1.0 < 0.65)
    for found in seen(agents("mixed", 0.05, 5), where):
        got = mixture(GOALS, weighed(found, where, form)[0], resamples=50)
        assert got.names == ("cheese", "corner", "device")
        assert abs(got.weights[1] - truth) <= 0.10
        assert got.low[1] <= truth <= got.high[1]
        assert got.weights[2] < 0.05
        assert got.weights.sum() == pytest.approx(1)
        corner = (np.arange(64) * 0.6180339887) % 1.0 < 0.65
        assert np.mean((got.responsibilities[:, 1] > got.responsibilities[:, 0]) == corner) > 0.85


@pytest.mark.parametrize("goal", GOALS)
def test_pure_agents_have_one_weight(goal: str) -> None:
    where = watched("apart", 64)
    for noise in (0.05, 0.30):
        for found in seen(agents(goal, noise, 3), where):
            got = mixture(GOALS, weighed(found, where)[0], resamples=20)
            assert got.weights[GOALS.index(goal)] >= 0.95
            assert got.weights[2] < 0.04


def test_a_mixture_by_hand() -> None:
    """Certain levels: 3 of the first goal, 1 of the second; half a level is added to each of three weights."""
    nats = np.full((4, 2, 1), -50.0)
    nats[:3, 0] = nats[3, 1] = 50.0
    got = mixture(("a", "b"), by_hand(nats, np.zeros(4))[0])
    np.testing.assert_allclose(got.weights, np.array([3.5, 1.5, 0.5]) / 5.5, atol=1e-4)
    assert (got.low <= got.weights).all()
    assert (got.weights <= got.high).all()
    assert got.low[0] < got.high[0]


def test_one_level_has_no_interval() -> None:
    got = mixture(("a", "b"), by_hand(np.zeros((1, 2, 1)), np.zeros(1))[0])
    assert np.isnan([*got.low, *got.high]).all()
    np.testing.assert_allclose(got.weights, 1 / 3)


def test_bad_input_is_refused_in_a_sentence() -> None:
    given = by_hand(np.zeros((2, 2, 1)), np.zeros(2))
    with pytest.raises(TrueAimError, match="got 2 goals on 2 levels, needs 1 goals"):
        posterior(("a",), *given)
    with pytest.raises(TrueAimError, match="needs 3 positive numbers that sum to 1"):
        posterior(("a", "b"), *given, prior=np.array([0.5, 0.5, 0.5]))
    with pytest.raises(TrueAimError, match="needs 1 goals and at least one level"):
        mixture(("a",), given[0])
    with pytest.raises(TrueAimError, match="goal: got 'c', needs one of: a, b, device"):
        posterior(("a", "b"), *given).bayes_factor("a", "c")


def test_of_two_goals_alone_one_is_ahead_and_the_same_goal_twice_never_is() -> None:
    nats = np.array([[[4.0], [1.0], [4.0]], [[5.0], [0.5], [5.0]], [[3.0], [3.2], [3.0]]])
    found = Evidence(nats, np.full((3, 3), 6.0), np.full((3, 3), 5), (30.0,))
    many = mixture(("one", "other", "one again"), found, resamples=2)
    lead = ahead(found, many, 0, 1)
    assert (lead[:2] > 0.9).all()
    assert lead.mean() > 0.5
    assert ahead(found, many, 1, 0) == pytest.approx(-lead)
    assert ahead(found, many, 0, 2) == pytest.approx(0)
