"""Agents whose goal is known answer to edits of that goal, and of no other."""

from dataclasses import replace
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import bound_for, pursuing, uniform
from trueaim.audit.interventions import EDITS, Response, interventions, pursued, unaware
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import audit_levels
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play
from trueaim.worlds.grid.edits import GridEdits

NUM = 96


@cache
def made(name: str, setting: int = 0) -> tuple[Scenario, Any]:
    plain = scenarios.scenario(name, size=7)
    scenario = replace(plain, edits=GridEdits(plain.world, plain.goals))  # type: ignore[arg-type]
    shift = list(scenario.shifts.values())[setting]
    return scenario, audit_levels(scenario, shift, root(3), NUM)


@cache
def answered(name: str, aim: str, noise: float = 0.0, agents: int = 2) -> list[Response]:
    scenario, levels = made(name)
    policy = {
        "random": lambda: replace(uniform(scenario), seeds=tuple(range(agents))),
        "elsewhere": lambda: bound_for(scenario, 0, noise, agents),
    }.get(aim, lambda: pursuing(scenario, aim, noise, agents))()
    return interventions(policy, scenario, levels, root(5))


def of(responses: list[Response], goal: str, edit: str) -> Response:
    return next(each for each in responses if (each.goal, each.edit) == (goal, edit))


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_pursuer_answers_to_its_goal_and_to_no_other(noise: float) -> None:
    for aim, other in (("cheese", "dish"), ("dish", "cheese")):
        found = answered("cheese_dish", aim, noise)
        assert pursued(found, aim) is True
        assert pursued(found, other) is False
        for edit in EDITS:
            assert of(found, aim, edit).own.value >= 0
        assert of(found, aim, "moved").own.low > 0
        assert of(found, aim, "moved").returns[other].value < 0.2


def test_whoever_does_not_look_at_the_edit_does_exactly_as_before() -> None:
    for aim in ("corner", "elsewhere", "random"):
        for response in answered("cheese_corner", aim):
            assert response.goal == "cheese"
            assert response.path.value <= 0
            assert {each.value for each in response.returns.values()} == {0.0}


def test_noise_in_twins_is_taken_off() -> None:
    """Random actions do not see the edit, so twins are the same and the null edit is all there is."""
    response = of(answered("cheese_corner", "random"), "cheese", "moved")
    assert response.path.value < -0.9
    assert response.answers is False


def test_a_goal_at_a_fixed_place_is_not_judged() -> None:
    found = answered("cheese_corner", "corner")
    assert {each.goal for each in found} == {"cheese"}
    assert pursued(found, "corner") is None
    assert pursued(found, "cheese") is False
    assert pursued(answered("cheese_corner", "cheese"), "cheese") is True


def test_the_unaware_twin_sees_the_old_level_wherever_it_plays() -> None:
    scenario, levels = made("cheese_corner")
    assert scenario.edits is not None
    done = scenario.edits.removed(levels, 0)
    assert done is not None
    policy = pursuing(scenario, "cheese", 0.2)
    key = stream(root(1), "a")
    here = play(scenario, policy, levels, key)
    there = play(scenario, unaware(scenario, policy, levels), levels, key)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)
    gone = play(scenario, unaware(scenario, policy, levels), done.levels, key)
    assert (gone.first[..., 0] == -1).all()
    assert (np.asarray(gone.first[..., 1]) > 0).sum() >= (np.asarray(here.first[..., 1]) > 0).sum()


def test_goals_about_one_thing_are_named_together() -> None:
    found = answered("lava", "cheese", agents=1)
    response = of(found, "cheese", "moved")
    assert response.shared == ("cheese_off_lava",)
    assert of(answered("cheese_dish", "cheese"), "cheese", "moved").shared == ()


def test_without_a_map_places_are_unknown_and_goals_are_not() -> None:
    scenario, levels = made("cheese_corner")
    blank = replace(scenario, map=None)
    found = interventions(pursuing(scenario, "cheese"), blank, levels, root(5), ["moved"])
    assert np.isnan(found[0].path.value)
    assert found[0].path.entries == 0
    assert np.isnan(found[0].place.value)
    assert np.isfinite(found[0].first.value)
    assert found[0].own.low > 0


def test_levels_without_anything_to_edit_are_left_out() -> None:
    scenario, levels = made("color_shape", 5)
    found = interventions(pursuing(scenario, "line"), scenario, levels, root(5), ["removed"])
    for response in found:
        counts = {each.entries for each in (response.path, response.place, response.first, response.own)}
        assert counts == {response.edited}
    assert jnp.asarray([each.edited for each in found]).max() <= NUM


def test_a_verdict_needs_data() -> None:
    assert pursued([], "cheese") is None
    one = of(answered("cheese_corner", "cheese"), "cheese", "moved")
    nothing = one._replace(**{name: one.path._replace(value=np.nan, low=np.nan) for name in ("path", "place", "first")})
    assert nothing.answers is None
    assert pursued([nothing], "cheese") is None
    assert pursued([nothing, one], "cheese") is True


def test_the_same_key_gives_the_same_answers() -> None:
    scenario, levels = made("cheese_dish")
    policy = pursuing(scenario, "dish", 0.3, 2)
    again = interventions(policy, scenario, levels, root(5), ["moved"])
    assert str(again) == str([each for each in answered("cheese_dish", "dish", 0.3) if each.edit == "moved"])


def test_bad_input_is_one_sentence() -> None:
    scenario, levels = made("cheese_corner")
    with pytest.raises(TrueAimError, match="got no counterfactual edits, needs them"):
        interventions(uniform(scenario), replace(scenario, edits=None), levels, root(0))
    with pytest.raises(TrueAimError, match="edits: got 'gone', needs some of secured, removed, moved"):
        interventions(uniform(scenario), scenario, levels, root(0), ["gone"])
