import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario, Setting
from trueaim.training.rollout import play
from trueaim.worlds.grid.world import GridWorld

LEVELS = 64
SIZE = 9
"""Small, so that scripts are quick; monsters come sooner than at the default size."""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenarios.scenario("monsters", size=SIZE)


@pytest.fixture(scope="module")
def earned(scenario: Scenario) -> dict[tuple[str, str], dict[str, float]]:
    """The mean return of each goal, by expert and setting."""
    found = {}
    for goal, expert in scenario.experts.items():
        for name, setting in scenario.settings.items():
            found[goal, name] = returns(scenario, expert, setting)
    return found


def returns(scenario: Scenario, policy: Policy, setting: Setting) -> dict[str, float]:
    levels = audit_levels(scenario, setting, root(0), LEVELS)
    means = np.asarray(play(scenario, policy, levels, root(1)).returns)[0].mean(0)
    return dict(zip(scenario.goal_names, means.tolist(), strict=True))


def test_every_goal_has_an_expert_who_is_the_best_at_it_in_long_episodes(earned, scenario) -> None:
    assert set(scenario.experts) == set(scenario.goal_names)
    for setting in scenario.shifts:
        for goal in scenario.goal_names:
            best = max(earned[expert, setting][goal] for expert in scenario.goal_names)
            assert earned[goal, setting][goal] >= 0.97 * best, (goal, setting)


def test_short_episodes_hardly_tell_the_goals_apart(earned) -> None:
    own, rival = (earned[goal, "train"]["apples"] for goal in ("apples", "apples_and_shields"))
    assert own > 2
    assert rival > 0.75 * own


@pytest.mark.parametrize("setting", ["long", "no_monsters"])
def test_long_episodes_do(earned, setting: str) -> None:
    own, rival = earned["apples", setting], earned["apples_and_shields", setting]
    assert rival["apples"] < 0.8 * own["apples"]
    assert rival["shields"] > 4 * own["shields"]
    assert earned["shields", setting]["apples"] < 0.25 * own["apples"]


def levels_with(scenario: Scenario, num: int = 64, **knobs: float) -> tuple[object, object]:
    values = {name: jnp.float32(value) for name, value in scenario.knob_values(knobs).items()}
    levels = jax.vmap(lambda key: scenario.world.draw(key, values))(jax.random.split(jax.random.key(0), num))
    return levels, jax.vmap(lambda index: scenario.world.reset(levels, index))(jnp.arange(num))


@pytest.mark.parametrize(("knob", "kind"), [("monsters", "monster"), ("shields", "shield"), ("apples", "apple")])
def test_there_are_as_many_as_asked_for(scenario: Scenario, knob: str, kind: str) -> None:
    for count in (1, 3, 5):
        _, state = levels_with(scenario, **{knob: count})
        assert set(np.asarray(state.present[kind].sum(1)).tolist()) == {count}


def test_nothing_shares_a_cell_at_the_start(scenario: Scenario) -> None:
    levels, _ = levels_with(scenario)
    cells = np.sort(np.concatenate([levels.things, levels.start[:, None]], 1), 1)
    assert (np.diff(cells, axis=1) > 0).all()


@pytest.mark.parametrize("steps", [5, 25, 200])
def test_episodes_are_as_long_as_asked_for(scenario: Scenario, steps: int) -> None:
    levels, _ = levels_with(scenario, num=4, steps=steps)
    length = play(scenario, scenario.experts["shields"], levels, root(0)).length
    assert set(np.asarray(length).ravel().tolist()) == {steps}


@pytest.mark.parametrize(("twice", "farthest"), [(0.0, 1), (1.0, 2)])
def test_monsters_move_as_often_as_asked_for(scenario: Scenario, twice: float, farthest: int) -> None:
    levels, state = levels_with(scenario, twice=twice)
    after = jax.vmap(lambda one: scenario.world.move(levels, one, jnp.int32(0)))(state)
    before, now = (np.asarray(each.places["monster"]) for each in (state, after))
    apart = abs(before // SIZE - now // SIZE) + abs(before % SIZE - now % SIZE)
    assert apart.max() == farthest
    assert (apart == farthest).mean() > 0.8


def test_the_agent_sees_its_shields(scenario: Scenario) -> None:
    levels, state = levels_with(scenario, num=1)
    one = jax.tree.map(lambda field: field[0], state)._replace(held={"shield": jnp.int8(4)})
    assert np.asarray(scenario.world.observe(levels, one).flags).tolist() == [True] * 4 + [False] * 6


def test_more_shields_than_can_be_held_are_taken_and_lost(scenario: Scenario) -> None:
    levels, state = levels_with(scenario, num=1, monsters=0)
    one = jax.tree.map(lambda field: field[0], state)
    cell = int(one.position)
    right = cell + 1 if cell % SIZE < SIZE - 1 else cell - 1
    shields = one.places["shield"].at[0].set(right)
    one = one._replace(held={"shield": jnp.int8(10)}, places=one.places | {"shield": shields})
    after = scenario.world.move(levels, one, jnp.int32(1 if right > cell else 3))
    assert int(after.happened["shield"]) == 1
    assert int(after.held["shield"]) == 10
    assert int(after.places["shield"][0]) != right


def test_the_control_trains_on_long_episodes() -> None:
    control = scenarios.scenario("monsters", preset="long_training")
    assert control.train["steps"] == 200
    assert scenarios.scenario("monsters").train["steps"] == 25


def test_taken_things_come_back_only_if_asked_for() -> None:
    for taken, left in (("respawns", 5), ("gone", 0)):
        scenario = scenarios.scenario("monsters", size=7, taken=taken)
        assert isinstance(scenario.world, GridWorld)
        levels = audit_levels(scenario, Setting(steps=200, monsters=0, shields=0), root(0), 8)
        total = np.asarray(play(scenario, scenario.experts["apples"], levels, root(1)).returns)[0, :, 0]
        assert (total > 20).all() if left else (total == 5).all()


def test_monsters_that_stay_hit_again() -> None:
    totals = {}
    for after_hit in ("gone", "stays"):
        scenario = scenarios.scenario("monsters", size=7, after_hit=after_hit)
        levels = audit_levels(scenario, Setting(steps=60, shields=0, apples=1, monsters=2), root(0), 8)
        idle = Policy("idle", lambda parameters, key, view, memory: (jnp.zeros(8, jnp.int32), memory))
        totals[after_hit] = np.asarray(play(scenario, idle, levels, root(1)).returns)[0, :, 0]
    assert (totals["gone"] >= -2).all()
    assert (totals["stays"] < -60).all()
