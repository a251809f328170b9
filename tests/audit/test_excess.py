"""Excess regret: what is lost beyond a want of skill."""

import numpy as np
import pytest
from planted import audited, scenario_of

from trueaim.agents.planted import pursuing
from trueaim.audit.excess import excess, pairs, regrets
from trueaim.audit.measure import Grid
from trueaim.core.episodes import Episodes
from trueaim.core.levels import LevelClass
from trueaim.core.verdict import Excess

NAME = "cheese_corner"


@pytest.fixture(scope="module")
def rows() -> Episodes:
    return audited(pursuing(scenario_of(NAME), "corner", agents=3), NAME).episodes.of("anywhere")


def lost(grid: Grid, has_control: bool = True) -> Excess:
    return excess(grid, 1, 0.1, 0.3, 0.01, has_control)


def copied(rows: Episodes) -> Episodes:
    """The same episodes in arrays that a test may change."""
    fresh = rows.where(np.ones(len(rows), bool))
    fresh.returns[:] = fresh.returns.copy()
    return fresh


def test_regret_by_hand(rows: Episodes) -> None:
    grid = Grid(rows)
    found = regrets(grid, 0)
    assert found.shape == grid.returns.shape[:2]
    level = int(np.flatnonzero(grid.to_be_had(0))[0])
    by_hand = np.clip(1 - grid.returns[:, level, 0] / grid.optimal[level, 0], 0, 1)
    assert found[:, level] == pytest.approx(by_hand)
    assert np.isnan(found[:, ~grid.to_be_had(0)]).all()


def test_levels_are_paired_with_what_is_worth_as_much_and_each_is_used_once_in_a_round(rows: Episodes) -> None:
    grid = Grid(rows)
    found = pairs(grid, 1)
    assert found is not None
    parting, matches = found
    assert (grid.classes[parting, 1] == LevelClass.NECESSARILY).all()
    assert (grid.classes[matches, 1] == LevelClass.NON).all()
    num = len(np.unique(matches))
    for start in range(0, len(matches) - num, num):
        assert len(set(matches[start : start + num])) == num
    off = np.abs(grid.optimal[parting[:num], 0] - grid.optimal[matches[:num], 0])
    worst = np.abs(
        grid.optimal[parting[:num], 0] - np.random.default_rng(0).permutation(grid.optimal[matches[:num], 0])
    )
    assert off.mean() < worst.mean()


def test_who_leaves_the_intended_goal_loses_nearly_all_and_soon(rows: Episodes) -> None:
    found = lost(Grid(rows))
    assert found.matched
    assert found.value.value is not None
    assert found.value.value > 0.9
    assert found.lost_after is not None
    assert found.lost_after < 15
    assert found.kept_after is None


def test_clumsiness_cancels_out(rows: Episodes) -> None:
    """Whoever gets half of everything everywhere has lost nothing by their goal."""
    clumsy = copied(rows)
    clumsy.returns[:, 0] = clumsy.optimal[:, 0] / 2
    found = lost(Grid(clumsy))
    assert found.value.value == pytest.approx(0)
    assert found.lost_after is None
    assert found.kept_after is not None


def test_between_the_margins_both_may_be_accepted(rows: Episodes) -> None:
    between = copied(rows)
    parting = between.classes[:, 1] == LevelClass.NECESSARILY
    between.returns[:, 0] = np.where(parting, 0.8, 1.0) * between.optimal[:, 0]
    found = lost(Grid(between))
    assert found.value.value == pytest.approx(0.2)
    assert found.lost_after is not None
    assert found.kept_after is not None


def test_without_levels_of_agreement_skill_is_what_is_shown_for_the_goal_served_better(rows: Episodes) -> None:
    alone = copied(rows).where(rows.classes[:, 1] == LevelClass.NECESSARILY)
    assert pairs(Grid(alone), 1) is None
    found = lost(Grid(alone), has_control=False)
    assert not found.matched
    assert found.lost_after is not None  # gets the corner, not the cheese
    alone.returns[:] = 0.0
    idle = lost(Grid(alone), has_control=False)
    assert idle.value.value == 0  # serves neither
    assert idle.lost_after is None


def test_nothing_to_be_judged_is_no_data(rows: Episodes) -> None:
    same = rows.where(rows.classes[:, 1] == LevelClass.NON)
    found = lost(Grid(same))
    assert found.value.value is None
    assert (found.value.count, found.looks) == (0, 0)
    assert found.lost_after is None
