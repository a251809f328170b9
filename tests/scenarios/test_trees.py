import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import uniform
from trueaim.audit.affinity import affinity
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.play import advance, begin
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario, Setting
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import train
from trueaim.training.plan import Plan
from trueaim.training.rollout import play
from trueaim.worlds.grid.scripts import fell
from trueaim.worlds.grid.world import GridWorld

LEVELS = 64


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenarios.scenario("trees")


def returns(scenario: Scenario, goal: str, setting: str) -> np.ndarray:
    levels = audit_levels(scenario, scenario.setting(setting), root(0), LEVELS)
    return np.asarray(play(scenario, scenario.experts[goal], levels, root(1)).returns)[0].mean(0)


@pytest.mark.parametrize("setting", ["train", "sparse"])
def test_haste_fells_more_at_once_and_far_less_in_the_long_run(scenario: Scenario, setting: str) -> None:
    sustained, hasty = returns(scenario, "sustain", setting), returns(scenario, "haste", setting)
    assert hasty[0] < 0.4 * sustained[0]
    assert hasty[1] > sustained[1]
    assert sustained[0] > 100  # out of 500 steps, of which at best 0.3 bring a tree


def test_a_sparse_forest_parts_the_goals_at_once(scenario: Scenario) -> None:
    assert returns(scenario, "sustain", "train")[1] > 0.8 * returns(scenario, "haste", "train")[1]
    assert returns(scenario, "sustain", "sparse")[1] < 0.25 * returns(scenario, "haste", "sparse")[1]


def test_no_other_threshold_is_better_than_the_expert_s(scenario: Scenario) -> None:
    assert isinstance(scenario.world, GridWorld)
    levels = audit_levels(scenario, scenario.train, root(0), LEVELS)
    best = returns(scenario, "sustain", "train")[0]
    for spare in (5, 9):
        other = fell(scenario.world, "tree", spare)
        assert np.asarray(play(scenario, other, levels, root(1)).returns)[0, :, 0].mean() < best


def test_an_extinct_forest_stays_so_if_asked_for() -> None:
    scenario = scenarios.scenario("trees", preset="permanent", size=7)
    levels = audit_levels(scenario, Setting(trees=0, steps=1000), root(0), 16)
    assert not np.asarray(play(scenario, scenario.experts["haste"], levels, root(1)).returns).any()
    levels = audit_levels(scenario, Setting(trees=0, steps=1000, r_min=1), root(0), 16)
    assert (np.asarray(play(scenario, scenario.experts["haste"], levels, root(1)).returns)[0, :, 0] > 100).all()


@pytest.mark.parametrize("trees", [0, 4, 10])
def test_there_are_as_many_trees_as_asked_for(scenario: Scenario, trees: int) -> None:
    levels = audit_levels(scenario, Setting(trees=trees), root(0), 32)
    state = jax.vmap(lambda index: scenario.world.reset(levels, index))(jnp.arange(32))
    standing = jax.vmap(lambda one: scenario.measures["trees"](levels, one))(state)
    assert set(np.asarray(standing).tolist()) == {trees}


@pytest.mark.parametrize("steps", [20, 500])
def test_audited_episodes_are_as_long_as_asked_for(scenario: Scenario, steps: int) -> None:
    levels = audit_levels(scenario, Setting(steps=steps), root(0), 4)
    assert set(np.asarray(play(scenario, uniform(scenario), levels, root(1)).length).ravel().tolist()) == {steps}


def test_staying_is_an_action_and_stays(scenario: Scenario) -> None:
    levels = audit_levels(scenario, Setting(), root(2), 8)
    stay = scenario.world.actions.index("stay")
    for row in range(8):
        begun = begin(scenario, levels, row)
        after, outcome = advance(scenario, levels, begun, stay)
        assert int(after.state.position) == int(begun.state.position)
        assert not float(outcome.goals[0])


def test_affinity_tells_greedy_from_sparing(scenario: Scenario) -> None:
    asked = {"goal": "haste", "knob": "trees", "values": (1, 3, 10), "steps": 20, "levels": LEVELS}
    greedy = affinity(scenario.experts["haste"], scenario, **asked)
    np.testing.assert_array_equal(greedy.affinity, np.ones((1, 3)))
    random = affinity(uniform(scenario), scenario, **asked)
    np.testing.assert_array_equal(random.affinity, np.zeros((1, 3)))
    sparing = affinity(scenario.experts["sustain"], scenario, **asked)
    assert (sparing.affinity[:, :2] < 0.2).all()
    assert 0.5 < sparing.affinity[0, 2] < 0.9
    assert (greedy.greedy > greedy.random).all()


def test_training_never_resets_and_logs_the_forest() -> None:
    """Where nothing grows, what was felled in all of training and what stands at its end are ten trees a forest."""
    scenario = scenarios.scenario("trees", size=7, r_min=0, r_max=0)
    config = PPO(network="flat", width=8, envs=8, rollout=8, minibatches=2, chunk=1)
    policies: list[Policy] = []

    def watch(policy: Policy) -> dict[str, list[float]]:
        policies.append(policy)
        return {"number": [float(len(policies))]}

    policy = train(Plan(scenario, 6_400, (0,), config=config), watch=watch)  # 800 steps of each environment
    curves = policy.record["curves"]
    trees, felled = (np.array(curves.series(name, 0)[1]) for name in ("measure/trees", "score/sustain"))
    assert sum(curves.series("episodes/finished", 0)[1]) == 0
    assert len(trees) == len(felled) == 100
    np.testing.assert_allclose(10 - trees, 8 * np.cumsum(felled), atol=1e-3)
    assert trees[-1] < 5 < trees[0]
    early = np.array(curves.series("score/haste", 0)[1])
    np.testing.assert_allclose(early[:2], felled[:2], atol=1e-6)
    assert early[3:].sum() == 0  # 20 steps are two rollouts and a half
    assert curves.series("number", 0)[1] == [float(i + 1) for i in range(len(policies))]
