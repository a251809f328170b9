"""Events: what a step tells is what the level says of the cell, and by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.core.keys import root
from trueaim.core.levels import draw
from trueaim.worlds.grid.events import AnyOf, Hinted, Reached, Showing, Sum, any_of
from trueaim.worlds.grid.level import Levels, State, Transition, thing_bit

NUM = 16
NAMES = ("cheese_dish", "color_shape", "goal_backgrounds", "lava", "red_key", "three_goals", "value_cue")
RED, GREEN, BLUE = (thing_bit(number) for number in range(3))


def standing(levels: Levels, level: Any, cell: Any) -> Transition:
    """A step after which the agent stands on a cell."""
    state = State(jnp.asarray(level), jnp.asarray(cell))
    return Transition(levels, state, jnp.int32(0), state)


def parts(event: Any) -> list[Any]:
    if isinstance(event, Sum):
        return [part for part, _ in event.parts]
    return [*event.events, event] if isinstance(event, AnyOf) else [event]


@pytest.mark.parametrize("name", NAMES)
def test_where_an_event_happens_is_where_a_step_brings_it(name: str) -> None:
    scenario = scenarios.scenario(name, size=7)
    settings = [scenario.knob_values(setting) for setting in scenario.settings.values()]
    knobs = {knob: jnp.array([settings[row % len(settings)][knob] for row in range(NUM)]) for knob in settings[0]}
    levels = draw(scenario, root(2), knobs, NUM)
    rows, cells = jnp.arange(NUM), jnp.arange(levels.cells.shape[1])
    events = [part for goal in scenario.goals for part in parts(goal.score)] + parts(scenario.ends)
    happened = 0
    for event in events:
        on = jax.vmap(lambda row, event=event: event.on(levels, row))(rows)
        steps = jax.vmap(lambda row, event=event: jax.vmap(lambda cell: event(standing(levels, row, cell)))(cells))(
            rows
        )
        np.testing.assert_array_equal(on, steps)
        happened += int(on.any())
    assert happened == len(events)


def one_level() -> Levels:
    """Five cells: nothing, red, red and green, green and blue, all three; told the second and third of three words."""
    cells = jnp.array([[0, RED, RED | GREEN, GREEN | BLUE, RED | GREEN | BLUE]], jnp.uint8)
    things, looks = jnp.array([[1, 4]]), jnp.array([[RED, 0]], jnp.uint8)
    return Levels(cells, things, jnp.array([0]), looks=looks, hint=jnp.array([0b110], jnp.uint8))


@pytest.mark.parametrize(
    ("event", "cells"),
    [
        (Reached(thing=0), [1]),
        (Reached(thing=1), []),  # it is not there
        (Reached(cell=3), [3]),
        (Showing(RED), [1, 2, 4]),
        (Showing(RED | GREEN), [2, 4]),
        (Showing(RED | GREEN, without=BLUE), [2]),
        (Showing(GREEN, without=RED), [3]),
        (Hinted(), [2, 3, 4]),
        (Hinted((BLUE, RED, RED)), [1, 2, 4]),
        (Hinted((RED, 0, BLUE)), [3, 4]),
        (any_of(Reached(cell=0), Showing(BLUE)), [0, 3, 4]),
    ],
    ids=str,
)
def test_events_by_hand(event: Any, cells: list[int]) -> None:
    levels = one_level()
    assert np.flatnonzero(event.on(levels, jnp.int32(0))).tolist() == cells
    assert [cell for cell in range(5) if bool(event(standing(levels, 0, cell)))] == cells


def test_a_sum_weighs_its_parts_and_every_step() -> None:
    total = Sum(((Showing(RED), 1.0), (Hinted(), -0.5), (any_of(Showing(BLUE), Showing(RED)), 2.0)), 0.25)
    scores = [float(total(standing(one_level(), 0, cell))) for cell in range(5)]
    assert scores == [0.25, 3.25, 2.75, 1.75, 2.75]
