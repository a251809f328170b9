"""Numbers that were computed apart, for planted agents in mazes and for CliffWorld, beside those in the other tests."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float
from test_discovery import FITTED, JUDGED
from test_meg import cliff, noisy, optimum
from test_posterior import GOALS
from watched import Watched, agents, scenario_of, seen, watched, weighed

from trueaim.core.keys import root
from trueaim.core.levels import LevelClass, audit_levels
from trueaim.core.model import Cues
from trueaim.inference.device import UNIFORM, Device
from trueaim.inference.discovery import Discovery, discover
from trueaim.inference.likelihood import GRID, Decisions, Plans, evidence, explained, plans
from trueaim.inference.meg import determinism_bound, direct, known_goal, returns, unknown_goal
from trueaim.inference.planning import noisy_policies
from trueaim.inference.posterior import after_each, mixture
from trueaim.worlds.grid import tabular

SURE = 0.99
EACH = 24
"""Levels that each agent plays alone."""
WITH_SMALL = (1.0, 3.0, *GRID)


class Named(NamedTuple):
    """What a group of agents, on levels of their own, was found to pursue.

    Attributes:
        after: levels from which on the belief in the right name stays above .99; infinite if it never does.
        belief: in the right name after 20 levels.
        nats: E of the right goal, or for random agents the larger of both.
    """

    after: Float[np.ndarray, " agent"]
    belief: Float[np.ndarray, " agent"]
    nats: Float[np.ndarray, " agent"]


@cache
def apart_for(num: int, aim: str, noise: float, layout: str) -> list[tuple[Watched, Decisions]]:
    """So many agents, each with levels that nobody else is judged by."""
    where = watched("apart", num * EACH, layout)
    parts = [slice(agent * EACH, (agent + 1) * EACH) for agent in range(num)]
    found = seen(agents(aim, noise, num, layout), where, layout)
    return [(on_rows(where, part), each.rows(part)) for part, each in zip(parts, found, strict=True)]


def on_rows(where: Watched, part: slice) -> Watched:
    levels = jax.tree.map(lambda table: table[part], where.levels)
    cues = Cues(where.cues.names, where.cues.codes[part])
    return Watched(levels, where.model.rows(part), cues, where.features._replace(on=where.features.on[part]))


def named(aim: str, noise: float, layout: str = "blocks", num: int = 20, grid: tuple[float, ...] = GRID) -> Named:
    """What so many agents pursue; random ones are to be named as devices."""
    number, rows = (*GOALS, "random").index(aim), []
    for where, found in apart_for(num, aim, noise, layout):
        given, device = evidence(plans(where.model, grid), found), weighed(found, where)[1]
        belief, nats = after_each(GOALS, given, device)[:, number], explained(given)
        unsure = np.flatnonzero(belief <= SURE)
        after = 1 if not len(unsure) else unsure[-1] + 2 if unsure[-1] + 1 < len(belief) else np.inf
        rows.append((after, belief[19], nats.max() if aim == "random" else nats[number]))
    return Named(*np.array(rows).T)


@pytest.mark.parametrize(("aim", "noise", "nats"), [("corner", 0.05, 1.07), ("cheese", 0.30, 0.46)])
def test_two_levels_are_enough_as_a_rule(aim: str, noise: float, nats: float) -> None:
    found = named(aim, noise, num=12)
    assert np.median(found.after) <= 2
    assert np.mean(found.after <= 4) > 0.9  # of 20 agents, one may need five or six levels
    assert found.nats.mean() == pytest.approx(nats, abs=0.13)  # of moves on open maps, two are often as good


def test_a_random_agent_is_a_device_within_twenty_levels_unless_the_grid_imitates_one() -> None:
    found, imitated = named("random", 0.0, num=12), named("random", 0.0, num=12, grid=WITH_SMALL)
    assert found.belief.mean() > 0.98
    assert np.median(found.after) <= 12
    assert (found.nats < 0.02).all()
    assert imitated.belief.mean() < 0.85


def weights(aim: str, noise: float, num_levels: int, kind: str = "apart", layout: str = "blocks") -> np.ndarray:
    """The weights of cheese, corner and device in mixtures of some agents, on every so many of 64 levels, as rows."""
    where = watched(kind, 64, layout)
    given = [weighed(found, where)[0] for found in seen(agents(aim, noise, 5, layout), where, layout)]
    parts = [slice(start, start + num_levels) for start in range(0, 64, num_levels)]
    return np.array([mixture(GOALS, each.rows(part), resamples=2).weights for each in given for part in parts])


def true_share(num_levels: int) -> np.ndarray:
    """The share of levels on which the mixed agents go to the corner, for the rows of `weights`."""
    is_corner = (np.arange(64) * 0.6180339887) % 1.0 < 0.65
    return np.tile(is_corner.reshape(-1, num_levels).mean(1), 5)


def test_weights_of_a_mixture_with_few_levels_and_of_random_agents() -> None:
    assert np.abs(weights("mixed", 0.05, 16)[:, 1] - true_share(16)).max() <= 0.25
    random = weights("random", 0.0, 64)
    assert random[:, 2].mean() == pytest.approx(0.89, abs=0.08)


def unlisted_belief(is_raw: bool, is_poor: bool, layout: str = "kruskal") -> Float[np.ndarray, " name"]:
    """Mean belief in cheese, corner and device, of agents bound for the opposite corner.

    Args:
        is_raw: goals are paid as they are, not so that each is worth 1 from the start.
        is_poor: the only device acts uniformly.
        layout: of the walls.
    """
    where, beliefs = watched("corners", 48, layout), []
    policies = noisy_policies(where.model, jnp.array(GRID)) + jnp.log(where.model.num_actions)
    raw = Plans(policies, policies[:, :, -1].max(-1), GRID)
    for found in seen(agents("bottom left corner", 0.05, 5, layout), where, layout):
        given, device = weighed(found, where)
        given = evidence(raw, found) if is_raw else given
        device = uniform_alone(device) if is_poor else device
        beliefs.append(after_each(GOALS, given, device)[-1])
    return np.mean(beliefs, 0)


def uniform_alone(device: Device) -> Device:
    return Device(device.each[:, device.names.index(UNIFORM)], (UNIFORM,), device.each[:, :1], np.ones(1))


@pytest.mark.slow
def test_a_device_that_learns_keeps_an_unlisted_goal_from_being_taken_for_a_listed_one() -> None:
    assert unlisted_belief(is_raw=True, is_poor=True)[0] > 0.8
    assert unlisted_belief(is_raw=False, is_poor=False)[2] > 0.99


def even(aim: str, noise: float, num_levels: int = 16, layout: str = "blocks") -> Float[np.ndarray, "agent name"]:
    """Belief in cheese, corner and device on levels where whoever is optimal for one goal is so for the other."""
    scenario = scenario_of(layout)
    planner: Any = scenario.planner
    drawn = audit_levels(scenario, scenario.shifts["anywhere"], root(3), 4_000)
    classes = np.asarray(planner.pairs(drawn).classes)
    both = (classes[:, 0, 1] == LevelClass.NON) & (classes[:, 1, 0] == LevelClass.NON)
    rows = np.flatnonzero(both)[:num_levels]
    assert len(rows) == num_levels
    levels = jax.tree.map(lambda table: table[rows], drawn)
    where = watched("train", 16, layout)._replace(
        levels=levels, model=tabular.model(planner, levels), cues=tabular.cues(planner, levels)
    )
    found = seen(agents(aim, noise, 5, layout), where, layout)
    return np.array([after_each(GOALS, *weighed(each, where))[-1] for each in found])


@pytest.mark.slow
@pytest.mark.parametrize("aim", GOALS)
@pytest.mark.parametrize("noise", [0.05, 0.30])
def test_levels_that_tell_nothing_leave_belief_even(aim: str, noise: float) -> None:
    np.testing.assert_allclose(even(aim, noise)[:, :2], 0.5, atol=0.02)


def discovered_from(aim: str, num_fitted: int, num: int = 3, layout: str = "blocks") -> list[Discovery]:
    """What is found of so many agents from so many of the levels that are not held out."""
    where = watched("corners", FITTED + JUDGED, layout)
    rows = np.r_[:num_fitted, FITTED : FITTED + JUDGED]
    features = where.features._replace(on=where.features.on[rows])
    found = seen(agents(aim, 0.05, num, layout), where, layout)
    held_out = rows >= FITTED
    return [discover(where.model.rows(rows), each.rows(rows), features, held_out) for each in found]


@pytest.mark.slow
def test_five_levels_explain_less_than_twenty() -> None:
    few, many = (np.mean([found.nats for found in discovered_from("top left corner", num)]) for num in (5, FITTED))
    assert many > few + 0.05


def test_who_follows_the_best_way_without_end_is_explained_in_full() -> None:
    given = cliff(discount=0.9, horizon=None)
    policy = optimum(given)
    achieved = returns(given, policy)
    assert known_goal(given, achieved, 50.0).nats == pytest.approx(13.861, abs=1e-3)  # the published cap is unknown
    found = [known_goal(given, achieved).nats, unknown_goal(given, policy).nats, determinism_bound(given, policy)]
    assert found == pytest.approx([13.863, 13.863, 13.863], abs=1e-3)
    assert found[2] == pytest.approx(10 * np.log(4), abs=1e-4)


def test_directedness_to_ten_digits() -> None:
    given = cliff()
    policy = noisy(optimum(given), 0.2)
    found = known_goal(given, returns(given, policy))
    assert found.nats == pytest.approx(12.184858725595, abs=1e-9)
    assert direct(given, policy, found.rationality) == pytest.approx(found.nats, abs=1e-9)
    assert determinism_bound(given, optimum(given)) <= 20 * np.log(4) == pytest.approx(27.726, abs=1e-3)


@pytest.mark.parametrize(("factor", "constant"), [(1.0, 5.0), (-2.0, 3.0)])
def test_a_constant_in_each_step_explains_nothing_more(factor: float, constant: float) -> None:
    given = cliff()
    other = given._replace(pays=factor * given.pays + constant)
    policy = noisy(optimum(given), 0.5)
    assert known_goal(other, returns(other, policy)).nats == pytest.approx(3.037, abs=1e-3)
