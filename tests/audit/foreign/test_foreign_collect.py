"""What a verdict on someone else's environment rests on: whole tables, references, notices."""

from dataclasses import replace

import numpy as np
import pytest
from foreign_walk import ARRIVED, LONGEST, RIGHT, Walk, length_of, walk_scenario

from trueaim.agents.foreign import policy
from trueaim.audit.foreign.collect import collected
from trueaim.audit.foreign.rollout import level_seed
from trueaim.audit.foreign.scenario import GymScenario
from trueaim.audit.measure import Grid
from trueaim.core.errors import TrueAimError
from trueaim.core.goal import Goal
from trueaim.core.levels import LevelClass

EPISODES = 16
rightward = policy(lambda seen: np.ones(len(seen), int), name="rightward")
leftward = policy(lambda seen: np.zeros(len(seen), int), name="leftward")
LENGTHS = np.array([length_of(level_seed(3) + level) for level in range(EPISODES)])
LEFT = Goal("left", lambda t: t.next_observation[1] < t.observation[1])
INTENDED_RIGHT = replace(RIGHT, role="intended")


def sides(**options) -> GymScenario:
    return GymScenario(Walk, {"moved": lambda: Walk(start=1)}, (INTENDED_RIGHT, LEFT), **options)


def test_policy_and_random_actions_play_the_same_levels():
    stages = []
    own, random, notices, _ = collected(policy([rightward, leftward]), sides(), EPISODES, 3, stages.append)
    assert stages == ["train", "moved", "preflight"]
    assert (len(own), len(random)) == (4 * EPISODES, 2 * EPISODES)
    np.testing.assert_array_equal(own.of("train").level_hash[:EPISODES], random.of("train").level_hash)
    np.testing.assert_array_equal(own.of("train").returns[:EPISODES, 0], LENGTHS)
    chance = random.of("train").returns.mean(0)
    np.testing.assert_allclose(own.of("train").uniform, np.tile(chance, (2 * EPISODES, 1)))
    assert Grid(own.of("moved")).returns.shape == (2, EPISODES, 2)
    assert not any("identical" in notice for notice in notices)


def test_without_references_nothing_is_claimed():
    own, _, notices, _ = collected(rightward, sides(), EPISODES, 3)
    assert np.isnan(own.optimal).all()
    assert set(own.classes[:, 0]) == {int(LevelClass.NON)}
    assert set(own.classes[:, 1]) == {int(LevelClass.POSSIBLY)}
    assert any(notice.startswith("No reference for right, left") for notice in notices)
    assert any(notice.startswith("Nothing tells which levels distinguish the goals") for notice in notices)


def test_references_are_numbers_or_numbers_by_setting():
    own, _, notices, _ = collected(rightward, sides(references={"right": 6, "left": {"moved": 4.0}}), EPISODES, 3)
    assert set(own.optimal[:, 0]) == {6.0}
    assert np.isnan(own.of("train").optimal[:, 1]).all()
    assert set(own.of("moved").optimal[:, 1]) == {4.0}
    assert not any(notice.startswith("No reference") for notice in notices)


def test_policies_as_references_measure_optima_and_tell_levels_apart():
    own, _, notices, _ = collected(rightward, sides(references={"right": rightward, "left": leftward}), EPISODES, 3)
    np.testing.assert_array_equal(own.of("train").optimal, np.stack([LENGTHS, LENGTHS], -1))
    assert set(own.classes[:, 1]) == {int(LevelClass.NECESSARILY)}
    same = GymScenario(
        Walk,
        {"s": lambda: Walk(start=1)},
        (INTENDED_RIGHT, replace(RIGHT, name="too")),
        references={"right": rightward, "too": rightward},
    )
    assert set(collected(rightward, same, EPISODES, 3)[0].classes[:, 1]) == {int(LevelClass.NON)}
    assert any("is what another policy gets there" in notice for notice in notices)


def test_levels_without_anything_to_gain_are_unsolvable():
    own, *_ = collected(rightward, sides(references={"right": leftward, "left": leftward}), EPISODES, 3)
    assert set(own.classes.ravel()) == {int(LevelClass.UNSOLVABLE)}


def test_what_the_user_states_about_shifts_is_taken():
    own, _, notices, _ = collected(rightward, sides(parting={"moved": ["left"]}), EPISODES, 3)
    assert set(own.of("moved").classes[:, 1]) == {int(LevelClass.NECESSARILY)}
    assert set(own.of("train").classes[:, 1]) == {int(LevelClass.NON)}
    assert not any(notice.startswith("Nothing tells") for notice in notices)


def test_a_reference_that_is_neither_is_named():
    with pytest.raises(TrueAimError, match="reference for goal 'right': got nan, needs a finite number or a policy"):
        collected(rightward, sides(references={"right": float("nan")}), EPISODES, 3)
    with pytest.raises(TrueAimError, match="policy: got object"):
        collected(rightward, sides(references={"right": object()}), EPISODES, 3)


def test_levels_that_failed_for_anyone_are_left_out_for_everyone():
    """The agent that goes right breaks the motor on the longest levels; the other one never does."""

    class Fragile(Walk):
        def step(self, action):
            seen, *rest = super().step(action)
            if seen[1] == LONGEST:
                raise RuntimeError("broken")
            return seen, *rest

    scenario = replace(sides(), train=Fragile)
    own, random, notices, _ = collected(policy([rightward, leftward]), scenario, EPISODES, 3)
    short = LENGTHS < LONGEST
    assert 0 < short.sum() < EPISODES
    for agent in (0, 1):
        np.testing.assert_array_equal(own.of("train").level[own.of("train").agent == agent], np.flatnonzero(short))
    np.testing.assert_array_equal(random.of("train").level, np.flatnonzero(short))
    assert len(random.of("moved")) == EPISODES
    assert f"setting 'train': {(~short).sum()} of {EPISODES} levels are left out, for everyone alike." in notices


def test_goals_that_never_fire_are_named():
    goals = (ARRIVED, Goal("moon", lambda t: t.next_observation[1] > 100))
    notices = collected(rightward, GymScenario(Walk, {"s": Walk}, goals), 4, 0)[2]
    assert any(notice.startswith("goal 'moon': never paid in any of 16 episodes") for notice in notices)
    assert not any("'arrived'" in notice for notice in notices)


def test_a_shift_that_is_none_is_named():
    notices = collected(rightward, walk_scenario(shift=Walk), 4, 0)[2]
    assert any(
        notice.startswith("setting 'moved': its 4 episodes are identical to those of training") for notice in notices
    )


def test_a_shift_of_the_dynamics_alone_is_a_shift():
    class Icy(Walk):
        def step(self, action):
            return super().step(1 - action)

    notices = collected(rightward, walk_scenario(shift=Icy), 8, 0)[2]
    assert not any("identical" in notice for notice in notices)


def test_what_was_found_out_about_the_policy_is_said():
    notices = collected(policy(lambda seen: int(seen[0] > 0)), sides(), 4, 0)[2]
    assert "The function was found to take one observation at a time." in notices


def test_too_few_episodes_are_refused():
    with pytest.raises(TrueAimError, match="episodes: got 1, needs at least 2"):
        collected(rightward, sides(), 1, 0)
