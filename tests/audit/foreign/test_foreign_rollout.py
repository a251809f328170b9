"""Every step is counted to its own episode, whatever the environment does at an episode's end."""

import time

import gymnasium
import numpy as np
import pytest
from foreign_walk import ARRIVED, LONGEST, RIGHT, Walk, length_of, walk_scenario
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from trueaim.agents.foreign import policy
from trueaim.audit.foreign.chance import random_actions
from trueaim.audit.foreign.lanes import info_of
from trueaim.audit.foreign.rollout import check_spaces, level_seed, play, rollout
from trueaim.audit.foreign.scenario import GymScenario
from trueaim.core.errors import TrueAimError
from trueaim.core.goal import Goal

EPISODES = 21
MODES = ("NextStep", "SameStep", "Disabled")
LENGTHS = np.array([length_of(level_seed(5) + level) for level in range(EPISODES)])
to_the_right = policy(lambda seen: np.ones(len(seen), int), name="rightward")


def vector(kind: type, mode: str, **options):
    """Gymnasium hands on the last observation itself where the reset comes in the same step: it must not be changed."""
    return lambda: kind([lambda: Walk(overwrites=mode != "SameStep")] * 4, autoreset_mode=mode, **options)


def check_golden(episodes) -> None:
    np.testing.assert_array_equal(episodes.level, np.arange(EPISODES))
    np.testing.assert_array_equal(episodes.length, LENGTHS)
    np.testing.assert_array_equal(episodes.returns, np.stack([np.ones(EPISODES), LENGTHS], -1))
    np.testing.assert_array_equal(episodes.first, np.stack([LENGTHS, np.ones(EPISODES)], -1))
    assert episodes.terminated.all()
    assert np.isnan(episodes.optimal).all()
    assert (episodes.place == -1).all()
    assert len(set(episodes.level_hash)) == EPISODES


def test_single_environments_are_played_to_their_true_ends():
    episodes, notices = rollout(to_the_right, walk_scenario(), "train", EPISODES, 5)
    check_golden(episodes)
    assert notices == []


@pytest.mark.parametrize("mode", MODES)
def test_every_autoreset_mode_gives_the_same_episodes(mode):
    """The goal `arrived` pays only if it sees the last observation and the last info of its own episode."""
    episodes, notices = rollout(to_the_right, walk_scenario(vector(SyncVectorEnv, mode)), "train", EPISODES, 5)
    check_golden(episodes)
    assert notices == []


@pytest.mark.filterwarnings("ignore:.*fork.*")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shared", [True, False])
def test_processes_give_the_same_episodes(mode, shared):
    """Without shared memory, a reset leaves Gymnasium's pending automatic one in place."""
    make = vector(AsyncVectorEnv, mode, shared_memory=shared, context="fork")
    episodes, notices = rollout(to_the_right, walk_scenario(make), "train", EPISODES, 5)
    check_golden(episodes)
    assert notices == []


class WrongMode(SyncVectorEnv):
    """Resets in the same step, and says that it does so in the next."""

    def __init__(self) -> None:
        super().__init__([Walk] * 4, autoreset_mode="SameStep")
        self.metadata["autoreset_mode"] = gymnasium.vector.AutoresetMode.NEXT_STEP

    def step(self, actions):
        *parts, infos = super().step(actions)
        return *parts, {name: value for name, value in infos.items() if "final" not in name}


def test_a_wrong_declaration_of_autoreset_is_doubted():
    doubts = play(to_the_right, walk_scenario(WrongMode), "train", EPISODES, 5).doubts
    assert doubts[0].startswith(
        "Wrong autoreset: it declares NextStep, but the step after an episode's end is no reset"
    )


def test_last_observations_that_the_reset_wrote_over_are_doubted():
    def make():
        return SyncVectorEnv([Walk] * 4, autoreset_mode="SameStep")

    doubts = play(to_the_right, walk_scenario(make), "train", EPISODES, 5).doubts
    assert "each final_obs equals the first observation of the next episode" in doubts[0]


def test_agents_play_the_same_levels_and_draws_repeat():
    chance = random_actions(Walk.action_space)
    first, again, other = (rollout(chance, walk_scenario(), "train", 40, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.returns, again.returns)
    assert not np.array_equal(first.level_hash, other.level_hash)
    two = policy([lambda seen: np.ones(len(seen), int), lambda seen: np.zeros(len(seen), int)])
    both, _ = rollout(two, walk_scenario(), "train", 5, 1)
    np.testing.assert_array_equal(both.level_hash[:5], both.level_hash[5:])
    assert both.agent.tolist() == [0] * 5 + [1] * 5
    assert both.returns[5:, 1].sum() == 0


def test_returns_are_discounted_and_the_horizon_truncates():
    scenario = walk_scenario(discount=0.5, horizon=3)
    episodes, _ = rollout(to_the_right, scenario, "train", EPISODES, 5)
    steps = np.minimum(LENGTHS, 3)
    np.testing.assert_array_equal(episodes.length, steps)
    np.testing.assert_allclose(episodes.returns[:, 1], 2 - 0.5 ** (steps - 1))
    np.testing.assert_array_equal(episodes.terminated, LENGTHS <= 3)


def test_a_goal_that_pays_once_pays_once():
    goals = (ARRIVED, Goal("right", RIGHT.score, once=True))
    episodes, _ = rollout(to_the_right, GymScenario(Walk, {"s": Walk}, goals), "train", EPISODES, 5)
    np.testing.assert_array_equal(episodes.returns[:, 1], np.ones(EPISODES))


FAILING = LENGTHS == LONGEST


@pytest.mark.parametrize(
    "make",
    [
        lambda: Walk(fails_at=4),
        lambda: SyncVectorEnv([lambda: Walk(fails_at=4)] * 4),
        lambda: SyncVectorEnv([lambda: Walk(fails_at=4)] * 4, autoreset_mode="Disabled"),
    ],
)
def test_an_episode_whose_environment_raises_is_dropped_and_the_others_kept(make):
    episodes, notices = rollout(to_the_right, walk_scenario(make), "train", EPISODES, 5)
    np.testing.assert_array_equal(episodes.level, np.flatnonzero(~FAILING))
    np.testing.assert_array_equal(episodes.length, LENGTHS[~FAILING])
    assert notices == [
        "setting 'train': the environment raised RuntimeError (the motor is broken) in step() (step 4) in episode "
        f"{np.flatnonzero(FAILING)[0]}; {FAILING.sum()} of {EPISODES} episodes were dropped for such reasons."
    ]


@pytest.mark.filterwarnings("ignore")
def test_a_process_that_dies_costs_its_own_episode_alone():
    def make():
        return AsyncVectorEnv([lambda: Walk(fails_at=4)] * 4, context="fork")

    episodes, notices = rollout(to_the_right, walk_scenario(make), "train", EPISODES, 5)
    np.testing.assert_array_equal(episodes.level, np.flatnonzero(~FAILING))
    assert "raised RuntimeError" in notices[0]


class Odd(Walk):
    """Goes wrong at the second step of long episodes, in the way that is asked for."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def step(self, action):
        seen, reward, terminated, truncated, info = super().step(action)
        if seen[0] == 2 and self.length == LONGEST:
            if self.way == "exit":
                raise SystemExit
            if self.way == "hang":
                while True:
                    time.sleep(0.01)
            if self.way == "four":
                return seen, reward, terminated, info
            seen = {"nan": np.full(2, np.nan, np.float32), "shape": np.zeros(3, np.float32)}[self.way]
        return seen, reward, terminated, truncated, info


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("nan", "gave an observation that is not finite"),
        ("shape", "gave an observation that does not have the shape of its space"),
        ("exit", r"raised SystemExit \(\) in step"),
        ("four", "gave back 4 values where Gymnasium's interface has 5, in step"),
        ("hang", r"took longer than 0.2 s in step"),
    ],
)
def test_what_environments_do_wrong_is_named(way, words):
    scenario = walk_scenario(lambda: Odd(way), step_seconds=0.2)
    episodes, notices = rollout(to_the_right, scenario, "train", EPISODES, 5)
    assert len(episodes) == (~FAILING).sum()
    with pytest.raises(TrueAimError, match=words):
        raise TrueAimError(notices[0])


def test_an_environment_in_which_nothing_works_is_named():
    class Broken(Walk):
        def reset(self, *, seed=None, options=None):
            raise OSError("no display")

    with pytest.raises(TrueAimError, match=r"setting 'train': the environment raised OSError \(no display\) in reset"):
        rollout(to_the_right, walk_scenario(Broken), "train", 4, 5)
    with pytest.raises(TrueAimError, match=r"setting 'train': making the environment raised ZeroDivisionError"):
        rollout(to_the_right, walk_scenario(lambda: 1 / 0), "train", 4, 5)
    with pytest.raises(TrueAimError, match="setting 'train': made int, needs a Gymnasium environment"):
        rollout(to_the_right, walk_scenario(lambda: 1), "train", 4, 5)


def test_one_environment_for_all_is_refused():
    env = Walk()
    with pytest.raises(TrueAimError, match="got the same one again, needs a new one at each call"):
        rollout(to_the_right, walk_scenario(lambda: env), "train", 4, 5)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (lambda seen: np.where(seen[:, 0] < 1, 1, 2), r"gave the action 2 in episode \d+ of setting 'train' at step 2"),
        (lambda seen: np.full(len(seen), -1), "gave the action -1 in episode 0"),
        (lambda seen: np.full(len(seen), 0.5), "got an output of shape"),
    ],
)
def test_illegal_actions_are_named(actions, words):
    with pytest.raises(TrueAimError, match=words):
        rollout(policy(actions, name="odd", batched=True), walk_scenario(), "train", EPISODES, 5)


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (
            lambda t: float("nan"),
            r"goal 'right': gave nan at step 1 of episode 0 in setting 'train' and no number in any",
        ),
        (lambda t: np.zeros(3), r"gave a value of shape \(3,\) and type float64 at step 1"),
        (lambda t: t.info["x"], r"gave KeyError \('x'\) at step 1"),
        (lambda t: "much", "gave a value of shape"),
    ],
)
def test_goals_that_give_no_number_are_named(score, words):
    scenario = GymScenario(Walk, {"s": Walk}, (ARRIVED, Goal("right", score)))
    with pytest.raises(TrueAimError, match=words):
        rollout(to_the_right, scenario, "train", EPISODES, 5)


def test_a_goal_that_gives_no_number_at_times_is_unknown_there():
    score = lambda t: np.nan if t.info["length"] == LONGEST else 1.0
    scenario = GymScenario(Walk, {"s": Walk}, (ARRIVED, Goal("odd", score)))
    episodes, notices = rollout(to_the_right, scenario, "train", EPISODES, 5)
    np.testing.assert_array_equal(np.isnan(episodes.returns[:, 1]), FAILING)
    assert np.isfinite(episodes.returns[:, 0]).all()
    assert notices[0].endswith(f"no number in {FAILING.sum()} of {EPISODES} episodes, which are left out.")


def test_spaces_that_differ_are_named():
    class Wide(Walk):
        observation_space = Box(-10, 10, (3,), np.float32)

    class Three(Walk):
        action_space = Discrete(3)

    for other, word in ((Wide, "observation"), (Three, "action")):
        with pytest.raises(TrueAimError, match=f"setting 'moved': got {word} space .*, needs that of training"):
            check_spaces(walk_scenario(shift=other))
    assert check_spaces(walk_scenario()) == (Walk.observation_space, Walk.action_space)

    class Words(Walk):
        action_space = Dict(a=Discrete(2))

    with pytest.raises(TrueAimError, match=r"action space: got Dict.*flatten the actions"):
        rollout(to_the_right, walk_scenario(Words), "train", 4, 5)


def test_continuous_actions_and_dictionaries_of_observations():
    class Slide(gymnasium.Env):
        observation_space = Dict(place=Box(-9, 9, (1,), np.float64), side=Discrete(2))
        action_space = Box(-1, 1, (1,), np.float32)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.place, self.side, self.time = np.zeros(1), int(self.np_random.integers(2)), 0
            return {"place": self.place, "side": self.side}, {}

        def step(self, action):
            self.place, self.time = self.place + action, self.time + 1
            return {"place": self.place, "side": self.side}, 0.0, False, self.time == 4, {}

    goals = (
        Goal("own", lambda t: float(t.action[0] * (1 if t.observation["side"] else -1)), role="intended", charges=True),
        Goal("right", lambda t: (t.next_observation["place"] - t.observation["place"])[0], charges=True),
    )
    scenario = GymScenario(Slide, {"s": Slide}, goals)
    seeker = policy(lambda seen: np.array([0.5 if seen["side"] else -0.5]))
    for make in (Slide, lambda: SyncVectorEnv([Slide] * 3)):
        episodes, _ = rollout(seeker, GymScenario(make, scenario.shifts, goals), "train", 8, 0)
        np.testing.assert_allclose(episodes.returns[:, 0], 2.0)
        np.testing.assert_allclose(np.abs(episodes.returns[:, 1]), 2.0)
        assert not episodes.terminated.any()
    too_far = policy(lambda seen: np.array([1.5]))
    with pytest.raises(TrueAimError, match=r"gave the action \[1.5\] in episode 0"):
        rollout(too_far, scenario, "train", 4, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shifts": {}}, "got no shift, needs at least one"),
        ({"shifts": {"train": Walk}}, "got a shift named 'train'"),
        ({"shifts": {"s": 3}}, "setting 's': got int, needs a function"),
        ({"goals": (ARRIVED,)}, "needs at least two"),
        ({"discount": 1.5}, "discount: got 1.5, needs at most 1"),
        ({"horizon": 0}, "horizon: got 0, needs more than 0"),
        ({"references": {"up": 1}}, "reference for goal: got 'up', needs one of: arrived, right"),
        ({"parting": {"up": ("right",)}}, "parting shift: got 'up'"),
        ({"parting": {"s": ("arrived",)}}, "parting rival: got 'arrived'"),
    ],
)
def test_scenarios_that_cannot_be_are_refused(options, words):
    with pytest.raises(TrueAimError, match=words):
        GymScenario(**{"train": Walk, "shifts": {"s": Walk}, "goals": (ARRIVED, RIGHT), **options})


def test_infos_of_a_vector_are_told_apart_by_their_masks():
    infos = {
        "x": np.array([1, 2, 3]),
        "_x": np.array([True, False, True]),
        "inner": {"y": np.array([[1.0], [2.0], [3.0]]), "_y": np.array([False, True, True])},
        "_inner": np.array([False, True, True]),
        "all": "words",
        "rows": [4, 5, 6],
    }
    assert info_of(infos, 0, 3) == {"x": 1, "all": "words", "rows": 4}
    assert info_of(infos, 1, 3) == {"inner": {"y": 2.0}, "all": "words", "rows": 5}


def test_a_vector_environment_without_single_ones_and_a_wrapped_one():
    """CartPole's own vector environment takes one seed for all; its episodes are played by rounds like any."""
    upright = Goal("upright", lambda t: t.reward, role="intended")
    right = Goal("right", lambda t: t.next_observation[0] > 0)

    def made():
        return gymnasium.make_vec("CartPole-v1", num_envs=4, vectorization_mode="vector_entry_point")

    def wrapped():
        return gymnasium.wrappers.vector.RescaleObservation(
            SyncVectorEnv([lambda: Walk(fails_at=4)] * 4), np.float32(0), np.float32(1)
        )

    balancing = policy(lambda seen: (seen[:, 2] + 0.5 * seen[:, 3] > 0).astype(int))
    first, again = (
        rollout(balancing, GymScenario(made, {"s": made}, (upright, right), horizon=300), "train", 10, 0)[0]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.returns, again.returns)
    np.testing.assert_array_equal(first.returns[:, 0], first.length)
    assert first.length.min() > 100
    score = Goal("long", lambda t: t.info["length"] == LONGEST, role="intended")
    episodes, notices = rollout(
        to_the_right, GymScenario(wrapped, {"s": wrapped}, (score, RIGHT)), "train", EPISODES, 5
    )
    assert 0 < len(episodes) < EPISODES
    assert "of it or of another in the same vector environment" in notices[0]
    np.testing.assert_array_equal(episodes.length, LENGTHS[episodes.level])
