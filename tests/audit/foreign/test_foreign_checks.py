"""A harness that differs from training is refused, in words that say how it differs."""

from dataclasses import replace

import numpy as np
import pytest
from foreign_walk import Walk, walk_scenario
from gymnasium.spaces import Box
from gymnasium.vector import SyncVectorEnv

from trueaim.agents.foreign import policy
from trueaim.agents.foreign.host import Agent, Detected, HostPolicy, Seen
from trueaim.audit.foreign.checks import check_observations, stated_return
from trueaim.audit.foreign.collect import collected
from trueaim.core.errors import TrueAimError
from trueaim.core.verdict import Preflight

rightward = policy(lambda seen: np.ones(len(seen), int))


def checked(taken, **options) -> Preflight:
    return collected(taken, walk_scenario(**options), 12, 0)[3]


def test_a_sound_policy_passes_if_its_return_is_stated():
    assert checked(rightward, stated_return=1.0) == Preflight(
        passed=True,
        sentence="The in-distribution return is the stated one (furthest off: agent 0: mean arrived return 1.000, "
        "stated 1.000). Nothing else was found that differs from training.",
    )


def test_without_a_stated_return_the_check_is_open():
    check = checked(rightward)
    assert check.passed is None
    assert check.sentence.startswith("No stated arrived return in training to compare with.")


def test_another_return_than_stated_fails():
    check = checked(rightward, stated_return=0.7)
    assert check.passed is False
    assert check.sentence == (
        "The in-distribution return is not the stated one (agent 0: mean arrived return 1.000, stated 0.700)."
    )


def test_returns_within_chance_of_the_stated_one_pass():
    scenario = walk_scenario()
    episodes = collected(rightward, scenario, 12, 0)[0]
    noisy = replace(episodes, returns=np.random.default_rng(0).normal(2.0, 1.0, episodes.returns.shape))
    error = noisy.of("train").returns[:, 0].std(ddof=1) / 12**0.5
    mean = noisy.of("train").returns[:, 0].mean()
    assert stated_return(mean + 3.9 * error, noisy)[0] is True
    assert stated_return(mean + 5 * error, noisy)[0] is False
    one = noisy.where(noisy.level == 0)
    assert stated_return(1.0, one)[0] is None


def test_the_worst_agent_counts():
    two = policy([rightward, policy(lambda seen: np.zeros(len(seen), int))])
    scenario = replace(walk_scenario(), goals=tuple(walk_scenario().goals))
    swapped = (replace(scenario.goals[1], role="intended"), replace(scenario.goals[0], role="rival"))
    episodes = collected(two, replace(scenario, goals=swapped), 12, 0)[0]
    good = float(episodes.of("train").returns[episodes.of("train").agent == 0, 0].mean())
    passed, sentence = stated_return(good, episodes)
    assert passed is False
    assert "agent 1" in sentence


def test_a_policy_with_random_draws_of_its_own_fails():
    draw = np.random.default_rng(0)
    own = policy(lambda seen: draw.integers(2, size=len(seen)))
    check = checked(own)
    assert check.passed is False
    assert check.sentence.startswith("Nondeterminism: the same seeds gave other episodes;")
    assert checked(own, repeatable=False).passed is None


def test_an_environment_that_ignores_its_seed_fails():
    draw = np.random.default_rng(0)

    class Unseeded(Walk):
        def reset(self, *, seed=None, options=None):
            seen, info = super().reset(seed=seed, options=options)
            seen[1] = draw.uniform()
            return seen, info

    check = checked(rightward, train=Unseeded)
    assert check.passed is False
    assert "Nondeterminism: the same reset seed gave another start" in check.sentence


def test_a_wrong_autoreset_fails():
    def overwritten():
        return SyncVectorEnv([Walk] * 4, autoreset_mode="SameStep")

    check = checked(rightward, train=overwritten)
    assert check.passed is False
    assert "Wrong autoreset: each final_obs equals" in check.sentence


def test_a_recurrent_layer_without_memory_fails():
    act = policy(lambda seen: np.ones(len(seen), int), batched=True).agents[0]
    agent = replace(act, detected=replace(act.detected, unused_memory="LSTM"))
    fitted = replace(agent, fit=lambda *given: replace(act.fit(*given), detected=agent.detected))
    check = checked(HostPolicy("lstm", (fitted,)))
    assert check.passed is False
    assert check.sentence.startswith("Ignored recurrent state: the function has a layer LSTM but is called with")


@pytest.mark.parametrize(
    ("step", "passed"),
    [
        (lambda seen, count: (np.ones(len(seen), int), count), False),
        (lambda seen, count: (np.ones(len(seen), int), count + 1), None),
        (lambda seen, count: (count % 2, count + 1), None),
    ],
    ids=["memory never moves", "memory moves", "memory matters"],
)
def test_memory_that_never_moves_fails(step, passed):
    check = checked(policy(step, memory=lambda num: np.zeros(num, int)))
    assert check.passed is passed
    if passed is False:
        assert check.sentence.startswith("Ignored recurrent state: the memory of a recurrent policy never moved")


def known(seen: Seen | None, normalization: str = "", space=None) -> HostPolicy:
    def act(observations, starts, memory, draw):
        return np.ones(len(starts), int), memory

    return HostPolicy("known", (Agent(act, Detected("model", normalization, seen=seen, observation_space=space)),))


@pytest.mark.parametrize(
    ("seen", "passed"),
    [
        (Seen(np.array([0.0, 0.0]), np.array([6.0, 6.0]), "training"), None),
        (Seen(np.array([0.0, -1.0]), np.array([0.2, 0.2]), "training"), False),
        (Seen(np.array([-500.0, -500.0]), np.array([500.0, 0.0]), "training"), False),
        (Seen(np.array([0.0, 0.0]), np.array([6.0, 0.0]), "training"), None),
        (Seen(np.array([0.0, 0.0]), np.array([2.0, 3.0]), "training", whole=False), None),
        (Seen(np.array([50.0, -70.0]), np.array([50.0, -60.0]), "training", whole=False), False),
        (Seen(np.array(-6.0), np.array(6.0), "training", margin=0.0), None),
        (Seen(np.array(-2.0), np.array(2.0), "training", margin=0.0), False),
    ],
)
def test_inputs_far_from_those_of_training_fail(seen, passed):
    check = checked(known(seen))
    assert check.passed is passed
    if passed is False:
        assert check.sentence.startswith("Missing normalization: ")
        assert "without the normalization of training" in check.sentence


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((8,), "it was trained on 4 stacked frames, so pass stack=4 or its VecFrameStack"),
        ((1,), "2 frames are stacked that it was not trained on"),
        ((3,), "wrap the environment as in training"),
        ((2, 2), "wrap the environment as in training"),
    ],
)
def test_observations_of_another_shape_are_explained(shape, words):
    with pytest.raises(TrueAimError, match=words):
        collected(known(None, space=Box(-1, 1, shape)), walk_scenario(), 4, 0)


def test_pictures_may_have_their_channels_first():
    space = Box(0, 255, (8, 9, 3), np.uint8)
    picture = np.zeros((8, 9, 3), np.uint8)
    check_observations(known(None, space=Box(0, 255, (3, 8, 9), np.uint8)), space, picture)
    with pytest.raises(TrueAimError, match="it was trained on 4 stacked frames"):
        check_observations(known(None, space=Box(0, 255, (12, 8, 9), np.uint8)), space, picture)
