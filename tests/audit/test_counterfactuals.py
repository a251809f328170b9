"""Whoever pursues one thing is turned by changing that thing, and by nothing less."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing, uniform
from trueaim.audit.counterfactuals import (
    A_WALL,
    DRAWS,
    Counterfactuals,
    Edit,
    Tried,
    _explained,
    _shares,
    _unlike,
    counterfactuals,
    sentence,
)
from trueaim.core.edits import Edited
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.scenario import Scenario

NUM = 48


@cache
def made(name: str, size: int = 9, seed: int = 3, num: int = NUM) -> tuple[Scenario, Any]:
    scenario = scenarios.scenario(name, size=size)
    return scenario, audit_levels(scenario, next(iter(scenario.shifts.values())), root(seed), num)


@cache
def found(name: str, aim: str, size: int = 9, noise: float = 0.0, walls: int = 1) -> Counterfactuals:
    scenario, levels = made(name, size)
    return counterfactuals(pursuing(scenario, aim, noise, 2), scenario, levels, root(5), walls=walls)


def tried(turns: bool, parts: list[bool], made: str = "a", changed: bool = True) -> Tried:
    """A set on one level, for one agent."""
    return Tried(None, np.array([changed]), np.array([parts]), (made,), np.array([[turns and changed]]))


@pytest.mark.parametrize(
    ("name", "cue"),
    [
        ("cheese_dish", "dish"),
        ("cheese_corner", "cheese"),
        pytest.param("cheese_dish", "cheese", marks=pytest.mark.slow),
    ],
)
def test_the_cue_is_the_one_change_that_turns_its_pursuer(name: str, cue: str) -> None:
    answer = found(name, cue)
    best = answer.shares[0]
    assert best.what == (cue,)
    assert best.alone.value >= 0.95
    assert answer.verified == 1.0
    assert answer.flippable.value > 0.8
    assert best.how["moved"].value > 0.7
    assert best.alone.units == 2


@pytest.mark.slow
def test_noise_does_not_hide_the_cue() -> None:
    answer = found("cheese_dish", "dish", noise=0.2, walls=0)
    assert answer.shares[0].what == ("dish",)
    assert answer.shares[0].alone.value >= 0.95


@pytest.mark.slow
def test_of_goals_about_several_things_only_the_thing_itself_is_minimal() -> None:
    """Whatever removes both red and green does the same and more.

    Other things end the episode, so this pursuer keeps clear of them: where they are in its way, they turn it too.
    """
    answer = found("three_goals", "red", size=4, walls=0)
    best = answer.shares[0]
    assert best.what == ("red",)
    assert best.alone.value >= 0.9
    by_name = {share.what: share for share in answer.shares}
    assert by_name["either",].how["removed"].value < 0.6 < best.how["removed"].value
    assert 0.3 < by_name["indicated",].alone.value < 0.95  # the same levels where red is what it is told


@pytest.mark.slow
def test_an_agent_without_a_goal_here_is_turned_by_luck_alone() -> None:
    scenario, levels = made("cheese_dish")
    answer = counterfactuals(uniform(scenario), scenario, levels, root(5), walls=0, most=1)
    assert answer.null.value > 0.6
    assert answer.flippable.value <= 0.1


def test_who_looks_at_no_thing_is_turned_by_none() -> None:
    scenario, levels = made("cheese_corner")
    answer = counterfactuals(pursuing(scenario, "corner", 0.0, 2), scenario, levels, root(5), walls=0)
    assert answer.flippable.value == 0
    assert answer.shares == ()
    assert np.isnan(answer.verified)
    assert {(each.size, each.unique, each.types) for each in answer.explained} == {(None, False, frozenset())}
    assert sentence(answer).startswith("no set of up to 2 edits turns them; luck alone does on ")


def test_a_smaller_set_hides_larger_ones_and_what_does_the_same_and_more() -> None:
    dish, cheese, wall = Edit("dish", "moved"), Edit("cheese", "moved"), Edit(A_WALL, "added")
    both = Edit("both", "removed")
    sets = {
        (dish,): tried(True, [True, False], "a"),
        (both,): tried(True, [True, True], "b"),
        (cheese,): tried(False, [False, True], "c"),
        (wall,): tried(True, [False, False], "d"),
        (dish, cheese): tried(True, [True, True], "e"),
    }
    one = _explained(sets, 0, 0)
    assert one.minimal == ((dish,), (wall,))
    assert (one.size, one.unique, one.types, one.verified) == (1, False, frozenset(), True)
    del sets[wall,]
    assert _explained(sets, 0, 0).unique
    assert _explained(sets, 0, 0).types == {("dish",)}


def test_a_pair_is_verified_by_dropping_each_edit() -> None:
    dish, cheese = Edit("dish", "moved"), Edit("cheese", "removed")
    sets = {
        (dish,): tried(False, [True, False]),
        (cheese,): tried(False, [False, True], "b"),
        (dish, cheese): tried(True, [True, True], "c"),
    }
    pair = _explained(sets, 0, 0)
    assert (pair.minimal, pair.size, pair.verified) == (((dish, cheese),), 2, True)
    assert pair.kinds == {(("dish", "cheese"), "moved + removed")}
    unplayed = {chosen: each for chosen, each in sets.items() if chosen != (cheese,)}
    assert not _explained(unplayed, 0, 0).verified
    assert not _explained({**sets, (cheese,): tried(False, [False, True], changed=False)}, 0, 0).verified


def test_goals_about_one_thing_are_one_set_with_two_names() -> None:
    sets = {(Edit("cheese", "moved"),): tried(True, [True]), (Edit("brie", "moved"),): tried(True, [True])}
    one = _explained(sets, 0, 0)
    assert one.unique
    assert one.names == ((("cheese",), ("brie",)),)
    shares = _shares([one, one], (1, 2))
    assert {share.what: share.same for share in shares} == {("brie",): (("cheese",),), ("cheese",): (("brie",),)}
    assert all(share.alone.value == 1 for share in shares)


def test_shares_are_of_levels_that_anything_turns() -> None:
    dish = _explained({(Edit("dish", "moved"),): tried(True, [True])}, 0, 0)
    wall = _explained({(Edit(A_WALL, "added"),): tried(True, [False])}, 0, 0)
    none = _explained({(Edit("dish", "moved"),): tried(False, [True])}, 0, 0)
    first, second = _shares([dish, dish, dish, wall, none], (1, 5))
    assert (first.what, first.alone.value, first.alone.entries) == (("dish",), 0.75, 4)
    assert (second.what, second.alone.value) == ((A_WALL,), 0.25)
    assert 0 <= first.alone.low < first.alone.high <= 1


def test_most_draws_decide() -> None:
    one = np.zeros((3, 1, 3, 2), int)
    other = one.copy()
    other[:2, 0, 0, 1], other[:1, 0, 1, 0] = 1, 1
    np.testing.assert_array_equal(_unlike(one, other), [[True, False, False]])
    np.testing.assert_array_equal(_unlike(one, other, one), [[False, False, False]])
    assert DRAWS % 2 == 1


class Blocking:
    """Edits of which the dish's cannot be made, the cheese's do nothing, and nobody counts things."""

    def removed(self, levels: Any, goal: int) -> Edited | None:
        return None if goal else Edited(levels, np.ones(NUM, bool))  # type: ignore[arg-type]


def test_an_edit_that_does_nothing_turns_nobody() -> None:
    scenario, levels = made("cheese_dish")
    odd = replace(scenario, edits=Blocking())  # type: ignore[arg-type]
    answer = counterfactuals(pursuing(scenario, "dish", 0.3, 2), odd, levels, root(5), ["removed"], walls=0)
    assert (answer.sets, answer.flippable.value) == (1, 0)


@pytest.mark.slow
def test_without_a_map_only_another_goal_is_an_answer() -> None:
    scenario, levels = made("cheese_dish")
    blank = replace(scenario, map=None)
    policy = pursuing(scenario, "dish")
    answer = counterfactuals(policy, blank, levels, root(5), ["removed"], walls=0, most=1, draws=1)
    assert answer.flippable.value > 0
    assert {share.what for share in answer.shares} == {("dish",)}


def test_the_sentence_says_what_and_how_often() -> None:
    said = sentence(found("cheese_dish", "dish"))
    assert said.startswith("changing dish (moved ")
    assert "is the one change that turns them, on " in said
    assert "of levels where any change does" in said


@pytest.mark.slow
def test_the_same_key_gives_the_same_answer() -> None:
    scenario, levels = made("three_goals", 4)
    again = counterfactuals(pursuing(scenario, "red", 0.0, 2), scenario, levels, root(5), walls=0)
    assert str(again) == str(found("three_goals", "red", size=4, walls=0))


def test_bad_input_is_one_sentence() -> None:
    scenario, levels = made("cheese_dish")
    with pytest.raises(TrueAimError, match="got no counterfactual edits, needs them"):
        counterfactuals(uniform(scenario), replace(scenario, edits=None), levels, root(0))
    with pytest.raises(TrueAimError, match="edits: got 'gone', needs some of secured, removed, moved"):
        counterfactuals(uniform(scenario), scenario, levels, root(0), ["gone"])
    for name, number in (("walls", -1), ("most", 0), ("draws", 0)):
        with pytest.raises(TrueAimError, match=f"{name}: got {number}, needs at least {number + 1}; raise it"):
            counterfactuals(uniform(scenario), scenario, levels, root(0), **{name: number})  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize(
    ("name", "cue"), [("cheese_dish", "dish"), ("cheese_dish", "cheese"), ("cheese_corner", "cheese")]
)
def test_the_cue_is_found_on_many_other_levels(name: str, cue: str, seed: int) -> None:
    scenario, levels = made(name, 9, seed, 128)
    answer = counterfactuals(pursuing(scenario, cue), scenario, levels, root(seed))
    assert answer.shares[0].what == (cue,)
    assert answer.shares[0].alone.value >= 0.95
    assert answer.verified == 1.0
