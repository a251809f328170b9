"""Which goal is pursued: from decisions where levels are tables, else by what the agents got."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from planted import audited, scenario_of, sets_of

from trueaim.agents.planted import bound_for, mixed, pursuing, uniform
from trueaim.audit.aims import FEWEST, Behavior, behavior
from trueaim.audit.collect import collect
from trueaim.audit.measure import Grid
from trueaim.audit.pursuit import DECISIONS, PAYMENT, Enough, _served, pursuit
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Policy

NAME, SHIFT = "cheese_corner", "anywhere"


@cache
def watched(name: str) -> tuple[Grid, Behavior]:
    """One group of planted agents on the shift: its episodes and its decisions."""
    scenario = scenario_of(NAME)
    corner = scenario.options["size"] ** 2 - 1  # type: ignore[operator]
    policy: Policy = {
        "corner": lambda: pursuing(scenario, "corner", 0.2, 2),
        "both": lambda: mixed(scenario, "cheese", "corner", 0.5, 0.1, 2),
        "elsewhere": lambda: bound_for(scenario, corner, 0.1, 2),
        "random": lambda: replace(uniform(scenario), seeds=(0, 1)),
    }[name]()
    sets = {SHIFT: sets_of(NAME)[SHIFT]}
    played = collect(policy, scenario, sets, 3)
    length = played.episodes.length.reshape(2, -1)
    seen = behavior(scenario, sets[SHIFT].levels, played.places[SHIFT], length)
    assert seen is not None
    return Grid(played.episodes), seen


def parting(grid: Grid) -> np.ndarray:
    return grid.of_class(1, LevelClass.NECESSARILY)


@pytest.mark.parametrize(("name", "least"), [("corner", (0.0, 0.85)), ("both", (0.4, 0.35))])
def test_the_planted_goal_is_behind_the_levels(name: str, least: tuple[float, float]) -> None:
    grid, seen = watched(name)
    found = pursuit(grid, parting(grid), seen, Enough())
    assert found is not None
    assert found.record.source == DECISIONS
    assert found.names == ("cheese", "corner", "device")
    assert found.weights.sum(-1) == pytest.approx(1)
    for number, floor in enumerate(least):
        assert (found.weight(number).value or 0) >= floor
    assert found.record.explained is not None
    assert (found.record.explained.value or 0) > 0.4
    assert found.record.described == ""  # what is explained needs no other goal
    beliefs = [aim.belief for aim in found.record.aims]
    assert sum(belief or 0 for belief in beliefs) == pytest.approx(1)
    assert len(found.record.course) == 32
    assert np.sum(found.record.course, -1) == pytest.approx(1, abs=1e-3)


def test_a_goal_that_nobody_listed_is_described_and_random_moves_are_not() -> None:
    grid, seen = watched("elsewhere")
    found = pursuit(grid, parting(grid), seen, Enough())
    assert found is not None
    assert found.record.described == "heads for the bottom right corner"
    assert (found.record.gain or 0) > 0.05
    grid, seen = watched("random")
    idle = pursuit(grid, parting(grid), seen, Enough())
    assert idle is not None
    assert idle.record.gain == pytest.approx(0, abs=0.02)
    assert idle.record.described == ""
    assert idle.weight(2).value == pytest.approx(0.9, abs=0.1)  # the device


def test_too_few_levels_describe_nothing_and_one_fit_serves_all() -> None:
    _, seen = watched("elsewhere")
    assert seen.rows(slice(0, FEWEST - 1)).described() == []
    both = seen.described()
    assert seen.only(1).described()[0] is both[1]


def test_without_decisions_what_was_got_counts() -> None:
    grid, _ = watched("corner")
    found = pursuit(grid, parting(grid), None, Enough())
    assert found is not None
    assert found.record.source == PAYMENT
    assert found.record.explained is None
    assert found.weight(1).value == pytest.approx((grid.returns[:, parting(grid), 1] > 0).mean(), abs=0.05)
    assert (found.ahead(1, 0).low or 0) > 0.5
    assert pursuit(grid, np.zeros(grid.classes.shape[0], bool), None, Enough()) is None


def test_a_scenario_without_tables_is_audited_by_order() -> None:
    scenario = replace(scenario_of(NAME), tabular=None)
    done = audited(pursuing(scenario_of(NAME), "corner", agents=2), NAME)
    assert behavior(scenario, sets_of(NAME)[SHIFT].levels, np.zeros((1, 1, 1), int), np.zeros((1, 1), int)) is None
    assert done.verdict.headline.inference is not None
    assert done.verdict.headline.lacking == []


def test_a_goal_on_the_way_to_another_does_not_take_its_levels() -> None:
    """An agent that comes to the end has moved to the right all along: both are served, and none leads."""
    shares = np.array([[[0.0, 1.0, 0.99], [0.0, 0.0, 0.6], [1.0, 0.2, 0.5]]])
    first = np.array([[[False, True, True], [False, False, True], [True, False, True]]])
    again = np.array([False, False, True])
    np.testing.assert_array_equal(_served(shares, first, again), [[[0, 1, 1], [0, 0, 1], [1, 0, 0]]])
    np.testing.assert_array_equal(_served(shares, first & ~again, ~again & again), [[[0, 1, 0], [0, 0, 1], [1, 0, 0]]])
