"""The single form passes Gymnasium's checker, and audits through it say what native rollouts say."""

import gymnasium
import jax.numpy as jnp
import numpy as np
import pytest
from gym_cases import FLAGGED, SMALL, table_of
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from trueaim.agents.foreign import policy
from trueaim.audit.foreign.rollout import level_seed, rollout
from trueaim.audit.foreign.scenario import GymScenario
from trueaim.core.errors import TrueAimError
from trueaim.core.goal import Goal
from trueaim.core.keys import root
from trueaim.core.policy import Policy
from trueaim.envs.single import ScenarioEnv
from trueaim.envs.vector import ScenarioVectorEnv
from trueaim.gymnasium_plugin import environment_id, register
from trueaim.scenarios import NAMES, scenario
from trueaim.training.rollout import play

register()
FORMS = ({}, {"planes": False}, {"sight": 2}, {"pixels": True})


def checked(name, **options):
    """Gymnasium's checker; its warnings are errors here. It makes further ones, in every way they can be shown."""
    env = gymnasium.make(environment_id(name), **options).unwrapped
    check_env(env)
    return env


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_gymnasium_has_nothing_to_say(form):
    env = checked("cheese_corner", size=7, layout="open", **form)
    assert env.metadata["render_modes"] == ["ansi", "rgb_array"]


def test_gymnasium_has_nothing_to_say_about_flags():
    assert set(checked(FLAGGED).observation_space.spaces) == {"flags", "map"}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_has_nothing_to_say_about_any_scenario(name, form):
    shift = next(iter(scenario(name).shifts))
    try:
        scenario(name, **{option: form[option] for option in ("sight", "pixels") if option in form})
    except TrueAimError as error:
        pytest.skip(str(error))
    checked(name, **form)
    checked(name, **form, setting=shift, split="held_out")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_has_a_vector_form(name):
    env = gymnasium.make_vec(environment_id(name), num_envs=4)
    assert isinstance(env, ScenarioVectorEnv)
    env.reset(seed=0)
    for _ in range(5):
        seen, _, _, _, infos = env.step(env.action_space.sample())
        assert seen in env.observation_space
        assert {goal for goal in infos["goal"] if goal[0] != "_"} == set(env.scenario.goal_names)


def test_one_step_tells_all_goals():
    env = ScenarioEnv(**SMALL)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.int64(0))
    assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
    assert info == {"goal": {"cheese": reward, "corner": info["goal"]["corner"]}}


def test_an_episode_that_is_over_is_told():
    env = ScenarioEnv(**SMALL)
    env.reset(seed=0)
    while not any(env.step(0)[2:4]):
        pass
    with pytest.raises(TrueAimError, match=r"got an episode that is over, needs a new one; call reset\(\) first"):
        env.step(0)
    env.reset()
    env.step(0)


def upward_then_right(row):
    """The planted goal: the top right corner, over open ground. NumPy and JAX alike."""
    return (row == 0) * 1


def native(case) -> Policy:
    bit = next(channel.bit for channel in case.observation.channels if channel.name == "agent")

    def act(parameters, key, view, memory):
        cells = view.observation.cells & bit
        return upward_then_right(jnp.argmax(cells.any(-1), -1)), memory

    return Policy("corner", act)


foreign = policy(lambda seen: upward_then_right(np.argmax(seen[:, 1].any(-1), -1)), name="corner", batched=True)


@pytest.mark.parametrize("mode", [None, *AutoresetMode])
def test_an_audit_through_gymnasium_gives_the_returns_of_a_native_rollout(mode):
    """The same 48 held-out levels of the shift, in rounds of 16, and the same planted policy."""
    options = {**SMALL, "setting": "anywhere", "split": "held_out"}

    def made():
        return (
            ScenarioEnv(**options) if mode is None else ScenarioVectorEnv(**options, num_envs=16, autoreset_mode=mode)
        )

    levels = ScenarioVectorEnv(**options, num_envs=48)
    levels.reset(seed=level_seed(3))
    case = levels.scenario
    goals = [Goal(goal.name, _score(goal.name), goal.role) for goal in case.goals]
    door = GymScenario(
        train=made,
        shifts={"anywhere": made},
        goals=goals,
        discount=case.discount,
        horizon=case.horizon,
        lanes=16,
    )
    episodes, notices = rollout(foreign, door, "anywhere", 48, 3)
    assert notices == []
    results = play(case, native(case), table_of(levels), root(0))
    np.testing.assert_allclose(episodes.returns, results.returns[0], rtol=1e-5)
    np.testing.assert_array_equal(episodes.length, results.length[0])
    np.testing.assert_array_equal(episodes.terminated, results.terminated[0])
    found = episodes.returns.mean(0)
    assert found[1] > 0.7
    assert 0.1 < found[0] < 0.6


def _score(name):
    return lambda transition: transition.info["goal"][name]
