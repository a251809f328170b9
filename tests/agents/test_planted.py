"""Planted policies do what their names say, counted step by step on small maps."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import (
    bound_for,
    broken,
    dithering,
    following_walls,
    goals_agree,
    lazy,
    mixed,
    pursuing,
    uniform,
    unlisted,
    unlisted_place,
    with_habits,
)
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass, audit_levels
from trueaim.core.play import advance, begin, observe
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play

SIZE, NUM = 9, 128
TOP_RIGHT = SIZE - 1


@cache
def scenario_of(layout: str = "blocks") -> Scenario:
    return scenarios.scenario("cheese_corner", size=SIZE, layout=layout)


@cache
def levels_of(setting: str = "anywhere", layout: str = "blocks") -> Any:
    scenario = scenario_of(layout)
    return audit_levels(scenario, scenario.setting(setting), root(5), NUM)


class Walk(NamedTuple):
    """What one agent did, step by step, on levels that nothing ends."""

    actions: np.ndarray
    """[step, level]"""
    places: np.ndarray
    """[step, level], before each action"""


def walked(policy: Policy, steps: int, setting: str = "anywhere", layout: str = "blocks", seed: int = 0) -> Walk:
    scenario, levels = scenario_of(layout), levels_of(setting, layout)
    parameters = jax.tree.map(lambda table: table[0], policy.parameters)

    @jax.jit
    def run(tables: Any) -> Any:
        def step(carry: Any, key: Any) -> Any:
            running, memory = carry
            seen = jax.vmap(partial(observe, scenario, levels))(running)
            actions, memory = policy.act(parameters, key, View(seen, running, tables), memory)
            after, _ = jax.vmap(partial(advance, scenario, levels))(running, actions)
            return (after, memory), (actions, running.state.position)

        begun = jax.vmap(partial(begin, scenario, levels))(jnp.arange(NUM))
        return jax.lax.scan(step, (begun, policy.start(NUM)), jax.random.split(root(seed), steps))[1]

    return Walk(*map(np.asarray, run(policy.prepare(levels))))


def best_of(goal: str, walk: Walk, setting: str = "anywhere") -> np.ndarray:
    """Which actions were optimal for a goal in every step of a walk: [step, level, action]."""
    scenario = scenario_of()
    assert scenario.planner is not None
    table = np.asarray(scenario.planner.optimal_actions(levels_of(setting), scenario.goal_names.index(goal), True))
    return table[np.arange(NUM)[None], walk.places]


def taken(best: np.ndarray, walk: Walk) -> np.ndarray:
    return np.take_along_axis(best, walk.actions[..., None], -1)[..., 0]


def is_about(count: int, num: int, share: float) -> bool:
    """Whether a count of independent events of this chance is within four standard deviations of its mean."""
    return num > 300 and abs(count - num * share) <= 4 * (num * share * (1 - share)) ** 0.5 + 1e-9


PLANTED: dict[str, Callable[[Scenario, float, int], Policy]] = {
    "pursuing": lambda case, noise, num: pursuing(case, "cheese", noise, num),
    "mixed": lambda case, noise, num: mixed(case, "cheese", "corner", 0.5, noise, num),
    "dithering": lambda case, noise, num: dithering(case, "cheese", "corner", 0.5, noise, num),
    "lazy": lambda case, noise, num: lazy(case, "cheese", 0.3, noise, num),
    "broken": lambda case, noise, num: broken(case, noise=noise, agents=num),
    "bound for": lambda case, noise, num: bound_for(case, 40, noise, num),
    "unlisted": unlisted,
    "following walls": following_walls,
    "with habits": lambda case, noise, num: with_habits(
        case, lazy(case, "corner", 0.1, noise, num), wall_following=0.2, repeats=0.1
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_agents_differ_in_their_luck_and_nothing_else(name: str) -> None:
    """Two noisy agents play differently, and the same again each time."""
    scenario, levels = scenario_of(), levels_of()
    two, again = (play(scenario, PLANTED[name](scenario, 0.3, 2), levels, root(1)).returns for _ in range(2))
    assert two.shape == (2, NUM, 2)
    np.testing.assert_array_equal(two, again)
    assert (two[0] != two[1]).any()


def test_an_agent_plays_alone_as_in_a_group() -> None:
    scenario, levels = scenario_of(), levels_of()
    group, alone = (play(scenario, PLANTED["lazy"](scenario, 0.3, num), levels, root(1)).returns for num in (2, 1))
    np.testing.assert_array_equal(group[:1], alone)


@pytest.mark.parametrize("name", ["pursuing", "bound for", "unlisted", "following walls"])
def test_noise_is_the_share_of_random_actions(name: str) -> None:
    """Of noise 0.4, three quarters of a share go elsewhere where one action alone is right."""
    scenario, levels = scenario_of(), levels_of()
    sure, noisy = (PLANTED[name](scenario, noise, 1) for noise in (0.0, 0.4))
    if name == "following walls":
        first = walked(sure, 1).actions[0]
        right = np.eye(4, dtype=bool)[first]
    else:
        right = np.asarray(sure.prepare(levels))[np.arange(NUM), walked(sure, 1).places[0]]
    one = right.sum(1) == 1
    tries = [walked(noisy, 1, seed=seed).actions[0] for seed in range(8)]
    wrong = sum(int((~right[np.arange(NUM), actions])[one].sum()) for actions in tries)
    assert is_about(wrong, len(tries) * int(one.sum()), 0.3)


def test_without_noise_all_is_had_that_can_be() -> None:
    scenario, levels = scenario_of(), levels_of()
    assert scenario.planner is not None
    found = play(scenario, pursuing(scenario, "cheese"), levels, root(0)).returns[0, :, 0]
    np.testing.assert_allclose(found, scenario.planner.optimal(levels)[:, 0], atol=1e-6)
    for policy in (dithering(scenario, "cheese", "corner", 1.0), lazy(scenario, "cheese", 0.0)):
        np.testing.assert_array_equal(play(scenario, policy, levels, root(0)).returns[0, :, 0], found)


def test_mixed_pursues_one_goal_on_a_share_of_levels() -> None:
    scenario, levels = scenario_of(), levels_of()
    assert scenario.planner is not None
    table = mixed(scenario, "corner", "cheese", 0.25).prepare(levels)
    cheese, corner = (np.asarray(scenario.planner.optimal_actions(levels, goal, True)) for goal in (0, 1))
    differ = (cheese != corner).any((1, 2))
    is_corner = (np.asarray(table) == corner).all((1, 2))[differ]
    assert (is_corner | (np.asarray(table) == cheese).all((1, 2))[differ]).all()
    assert abs(is_corner.mean() - 0.25) < 0.06


def test_dithering_chooses_anew_in_each_step() -> None:
    """Where no action serves both goals, 0.7 of the steps are for the first, whatever was chosen the step before."""
    walk = walked(dithering(scenario_of(), "corner", "cheese", 0.7), 24)
    corner, cheese = best_of("corner", walk), best_of("cheese", walk)
    apart = ~(corner & cheese).any(-1) & corner.any(-1) & cheese.any(-1)
    first = taken(corner, walk)
    assert (first | taken(cheese, walk))[apart].all()
    assert is_about(int(first[apart].sum()), int(apart.sum()), 0.7)
    both = apart[1:] & apart[:-1]
    for before in (True, False):
        follow = both & (first[:-1] == before)
        assert is_about(int(first[1:][follow].sum()), int(follow.sum()), 0.7)


def test_laziness_is_the_share_of_repeated_actions() -> None:
    walk = walked(lazy(scenario_of(), "cheese", 0.3), 24)
    best = best_of("cheese", walk)
    assert taken(best, walk)[0][best[0].any(-1)].all()  # nothing to repeat yet
    old = np.take_along_axis(best[1:], walk.actions[:-1, :, None], -1)[..., 0]
    telling = best[1:].any(-1) & ~old
    again = walk.actions[1:] == walk.actions[:-1]
    assert is_about(int(again[telling].sum()), int(telling.sum()), 0.3)
    assert (again | taken(best, walk)[1:])[telling].all()


def test_who_is_all_laziness_goes_straight_on() -> None:
    walk = walked(lazy(scenario_of(), "cheese", 1.0, noise=0.5), 12)
    assert (walk.actions == walk.actions[0]).all()
    assert (walk.places[-1] == walk.places[-2]).all()  # against a wall by then


def test_broken_is_lost_where_goals_part() -> None:
    scenario, levels = scenario_of(), levels_of()
    assert scenario.planner is not None
    agree = np.asarray(goals_agree(scenario)(levels))
    assert 4 < agree.sum() < NUM // 2
    optimal = np.asarray(scenario.planner.optimal(levels))[:, 0]
    results = play(scenario, broken(scenario), levels, root(2)).returns[0, :, 0]
    np.testing.assert_allclose(results[agree], optimal[agree], atol=1e-6)
    walk = walked(broken(scenario), 16)
    elsewhere = walk.actions[:, ~agree]
    for action in range(4):
        assert is_about(int((elsewhere == action).sum()), elsewhere.size, 0.25)


def test_broken_knows_the_levels_it_is_told() -> None:
    scenario, levels = scenario_of(), levels_of()
    table = np.asarray(broken(scenario, lambda levels: jnp.arange(NUM) < 10).prepare(levels))
    np.testing.assert_array_equal(table[:10], pursuing(scenario, "cheese").prepare(levels)[:10])
    assert not table[10:].any()


def test_in_training_goals_agree_wherever_the_cheese_can_be_had() -> None:
    scenario, levels = scenario_of(), levels_of("train")
    assert scenario.planner is not None
    solvable = np.asarray(scenario.planner.classes(levels, 1)) != LevelClass.UNSOLVABLE
    np.testing.assert_array_equal(goals_agree(scenario)(levels), solvable)


def test_the_right_hand_follows_the_edge_of_an_open_field() -> None:
    """Straight up, then to the left along the top, and around: eight cells to each side, against the clock."""
    walk = walked(following_walls(scenario_of("open")), 60, layout="open")
    rows, columns = walk.places // SIZE, walk.places % SIZE
    for level in range(NUM):
        row, column = rows[0, level], columns[0, level]
        if column == TOP_RIGHT:  # the edge is at hand from the start
            continue
        assert rows[: row + 1, level].tolist() == list(range(row, -1, -1))
        round_trip = walk.places[row : row + 33, level].tolist()
        edge = [*range(SIZE - 1, -1, -1), *range(SIZE, SIZE * SIZE, SIZE), *range(SIZE * (SIZE - 1) + 1, SIZE * SIZE)]
        edge += [SIZE * r + SIZE - 1 for r in range(SIZE - 2, 0, -1)]
        first = edge.index(column)
        assert round_trip == [*edge[first:], *edge[:first], column]


def test_the_right_hand_stays_at_the_wall() -> None:
    """From the first contact on, every place has a wall or the edge among its eight neighbors."""
    walk = walked(following_walls(scenario_of()), 40)
    walls = np.pad(
        np.asarray(levels_of().cells).reshape(-1, SIZE, SIZE) & 1, ((0, 0), (1, 1), (1, 1)), constant_values=1
    )
    near = np.lib.stride_tricks.sliding_window_view(walls, (3, 3), (1, 2)).any((3, 4)).reshape(NUM, -1)
    beside = near[np.arange(NUM)[None], walk.places]
    assert beside[SIZE:].all()
    assert not beside.all()


def test_the_right_hand_gets_everywhere_in_a_tree_maze() -> None:
    scenario, levels = scenario_of("kruskal"), levels_of("anywhere", "kruskal")
    results = play(scenario, following_walls(scenario), levels, root(0))
    assert (np.asarray(results.first)[0, :, 0] > 0).all()


def counting(num_actions: int = 4) -> Policy:
    """Takes each action in turn; its memory counts the steps."""

    def act(parameters: Any, key: Any, view: View, memory: Any) -> Any:
        del parameters, key, view
        return memory % num_actions, memory + 1

    return Policy("counting", act, start=lambda num: jnp.zeros(num, jnp.int32))


def test_repeats_take_their_share_of_the_steps() -> None:
    walk = walked(with_habits(scenario_of(), counting(), repeats=0.2), 30)
    turn = (np.arange(30) % 4)[:, None]
    assert (walk.actions[0] == 0).all()
    again = walk.actions[1:] == walk.actions[:-1]
    own = walk.actions[1:] == turn[1:]
    assert (again | own).all()
    telling = turn[1:] != walk.actions[:-1]
    assert is_about(int((again & telling).sum()), int(telling.sum()), 0.2)


def test_wall_following_takes_its_share_of_the_steps() -> None:
    """Of an agent that else stays at the upper edge of an open field, pushing up: a fifth of its steps go left."""
    up = Policy("up", lambda parameters, key, view, memory: (jnp.zeros_like(view.running.time), memory))
    walk = walked(with_habits(scenario_of("open"), up, wall_following=0.2), 40, layout="open")
    at_top = (walk.places < SIZE - 1) & (walk.places > 0)
    assert set(np.unique(walk.actions[at_top])) == {0, 3}
    assert is_about(int((walk.actions == 3)[at_top].sum()), int(at_top.sum()), 0.2)


def test_all_wall_following_is_wall_following() -> None:
    pure = walked(following_walls(scenario_of()), 40)
    habit = walked(with_habits(scenario_of(), uniform(scenario_of()), wall_following=1.0), 40)
    np.testing.assert_array_equal(pure.places, habit.places)


def test_without_habits_only_the_name_is_new() -> None:
    scenario = scenario_of()
    found = with_habits(scenario, counting())
    np.testing.assert_array_equal(walked(found, 9).actions, walked(counting(), 9).actions)
    assert found.name == "counting, with no habits"
    both = with_habits(scenario, uniform(scenario, 3), wall_following=0.2, repeats=0.3)
    assert (both.name, both.seeds) == ("uniform, with wall following and repeats", (0, 1, 2))


def test_the_unlisted_goal_is_a_place_where_nothing_pays() -> None:
    scenario, levels = scenario_of(), levels_of()
    place = unlisted_place(scenario)
    assert place in {0, SIZE * (SIZE - 1), SIZE * SIZE - 1, SIZE * SIZE // 2}
    assert scenario.planner is not None
    assert unlisted(scenario).name == f"bound for place {place}"
    ways = np.asarray(scenario.planner.towards(levels, place))[np.arange(NUM), np.asarray(levels.start)].any(-1)
    results = play(scenario, unlisted(scenario), levels, root(0))
    is_over = np.asarray(results.terminated)[0]
    assert ways.mean() > 0.5
    at_end = np.asarray(results.place)[0]
    # At the place the best way to be there again is out and back.
    near = np.abs(at_end // SIZE - place // SIZE) + np.abs(at_end % SIZE - place % SIZE) <= 1
    assert near[ways & ~is_over].all()
    assert is_over[ways].mean() < 0.5


def test_the_unlisted_goal_keeps_away_from_named_corners() -> None:
    for corner in ("top_left", "bottom_right"):
        scenario = scenarios.scenario("cheese_corner", size=7, corner=corner)
        assert scenario.map is not None
        assert unlisted_place(scenario) not in {place for _, place in scenario.map.marks}


def test_policies_that_act_the_same_way_are_one_program() -> None:
    scenario = scenario_of()
    acts = {policy.act for policy in (pursuing(scenario, "cheese"), unlisted(scenario), broken(scenario, noise=0.1))}
    assert len(acts) == 1
    assert lazy(scenario, "cheese", 0.1).act is lazy(scenario, "corner", 0.3).act
    habits = [with_habits(scenario, pursuing(scenario, goal), repeats=0.1) for goal in scenario.goal_names]
    assert habits[0].act is habits[1].act
    assert habits[0].start is habits[1].start


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda case: pursuing(case, "chees"), "goal: got 'chees', needs one of: cheese, corner; did you mean"),
        (lambda case: mixed(case, "cheese", "dish", 0.5), "goal: got 'dish', needs one of: cheese, corner"),
        (lambda case: pursuing(case, "cheese", 1.5), "noise: got 1.5, needs a share from 0 to 1; change it"),
        (lambda case: lazy(case, "cheese", -0.1), "share: got -0.1, needs a share from 0 to 1; change it"),
        (lambda case: dithering(case, "cheese", "corner", 0.5, agents=0), "agents: got 0, needs at least 1; raise it"),
        (lambda case: bound_for(case, 81), "place: got 81, needs one from 0 to 80; count row by row from the top left"),
        (
            lambda case: with_habits(case, uniform(case), wall_following=0.7, repeats=0.6),
            "repeats: got 0.6 beside 0.7 of wall following, needs a sum of at most 1; lower it",
        ),
        (
            lambda case: pursuing(scenarios.scenario("monsters"), "apples"),
            "monsters: got no exact planner, needs one for planted policies; write a script",
        ),
    ],
)
def test_errors(call: Callable[[Scenario], object], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        call(scenario_of())
    assert str(caught.value).startswith(text)


def test_streams_are_named() -> None:
    """The choice between goals and the choice among actions are drawn apart: with one goal twice nothing changes."""
    scenario, levels = scenario_of(), levels_of()
    twice = [
        play(scenario, dithering(scenario, "cheese", "cheese", share, 0.2), levels, stream(root(0), "x")).returns
        for share in (0.2, 0.8)
    ]
    np.testing.assert_array_equal(*twice)
