"""What an audit asks beyond watching: exchange rates and answers to edited levels, in sentences and as data."""

import json
from dataclasses import replace

import pytest
from planted import audited, scenario_of

from trueaim.agents.planted import pursuing
from trueaim.audit.audit import Audit
from trueaim.audit.deep import Deep, as_data, deep, sentences

NAME, SHIFT = "cheese_dish", "apart"


@pytest.fixture(scope="module")
def asked() -> tuple[Audit, Deep]:
    scenario = scenario_of(NAME)
    policy = pursuing(scenario, "dish", 0.05, 3)
    done = audited(policy, NAME)
    return done, deep(policy, scenario, done)


def test_whoever_pursues_the_dish_goes_for_it_wherever_it_is_put(asked: tuple[Audit, Deep]) -> None:
    _, found = asked
    said = sentences(found, SHIFT)
    moved = [line for line in said if line.startswith("dish moved")]
    assert len(moved) == 1
    assert "they act otherwise" in moved[0]
    assert any(line.startswith("cheese moved") and "they act as before" in line for line in said)
    assert said[0].startswith("no exchange rate of cheese and dish")  # the dish is always chosen


def test_noise_is_no_want_of_a_goal(asked: tuple[Audit, Deep]) -> None:
    _, found = asked
    goals = {one.goal: one.given.directedness for one in found.capable[SHIFT]}
    assert goals["dish"].value > 0.9
    assert goals["cheese"].value < 0.2
    assert any(line.startswith("dish: they get ") and "slipping" in line for line in sentences(found, SHIFT))


def test_a_few_telling_levels_settle_the_goal(asked: tuple[Audit, Deep]) -> None:
    _, found = asked
    assert [one.believed for one in found.asked[SHIFT]] == ["dish"] * 3
    assert max(one.settled_after for one in found.asked[SHIFT]) <= 6
    assert sentences(found, SHIFT)[-1].count("dish after") == 3


def test_the_one_change_that_turns_them_is_named(asked: tuple[Audit, Deep]) -> None:
    said = [line for line in sentences(asked[1], SHIFT) if "the one change that turns them" in line]
    assert len(said) == 1
    assert said[0].startswith("changing dish ")


def test_it_is_plain_data(asked: tuple[Audit, Deep]) -> None:
    _, found = asked
    data = json.loads(json.dumps(as_data(found), allow_nan=False))
    assert data["exchange"][SHIFT]["rate"]["value"] is None
    assert {row["edit"] for row in data["interventions"][SHIFT]} == {"secured", "removed", "moved"}


def test_what_cannot_be_asked_is_said(asked: tuple[Audit, Deep]) -> None:
    done, _ = asked
    scenario = replace(scenario_of(NAME), edits=None)
    found = deep(pursuing(scenario_of(NAME), "dish", 0.05, 1), scenario, done)
    assert found.responses == {}
    assert any("no counterfactual edits" in line for line in found.missing)
