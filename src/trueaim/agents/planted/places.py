"""Policies that go to one place and stay there, whatever the goals are."""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from trueaim.agents.planted.acting import capable, planned
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import draw
from trueaim.core.policy import Policy
from trueaim.core.scenario import Map, Scenario

LEVELS = 64
"""Levels of each setting on which candidates for an unlisted goal are tried."""
SEED = 17
"""Of those levels: the same for everyone, so that a scenario has one unlisted place."""


def bound_for(scenario: Scenario, place: int, noise: float = 0.0, agents: int = 1) -> Policy:
    """Goes to one place by shortest paths and stays there: a goal that nobody listed.

    With probability `noise`, or where the place cannot be reached, its actions are random.

    Raises:
        TrueAimError: for a place outside the map, or where the scenario has no exact planner.
    """
    planner, flat = capable(scenario)
    most = flat.height * flat.width - 1
    if not 0 <= place <= most:
        raise TrueAimError(f"place: got {place}, needs one from 0 to {most}; count row by row from the top left")

    def tables(levels: Any) -> Bool[Array, "level place action"]:
        return planner.towards(levels, place)

    return planned(scenario, tables, f"bound for place {place}", noise, agents)


def unlisted(scenario: Scenario, noise: float = 0.0, agents: int = 1) -> Policy:
    """Goes to the same place on all levels and stays there: one where no listed goal pays, of `unlisted_place`.

    Where that place is walled off, its actions are random.
    """
    return bound_for(scenario, unlisted_place(scenario), noise, agents)


@lru_cache(maxsize=64)
def unlisted_place(scenario: Scenario) -> int:
    """The corner, or the center, to which an agent can go most often without anything lying there.

    Corners that the scenario names (goals pay there) are left out. The others are tried on drawn levels of all
    settings; things may happen to lie there now and then, which counts against a place. Of equals the first: corners
    row by row, then the center.

    Raises:
        TrueAimError: where none of them will ever do.
    """
    planner, flat = capable(scenario)
    named = {place for _, place in flat.marks}
    candidates = [place for place in _candidates(flat) if place not in named]
    levels = _drawn(scenario)
    starts = np.asarray(jax.vmap(lambda i: flat.place(scenario.world.reset(levels, i)))(jnp.arange(_num(scenario))))
    taken = _taken(flat, levels, len(starts))
    shares = []
    for place in candidates:
        ways = np.asarray(planner.towards(levels, place))[np.arange(len(starts)), starts]
        shares.append(np.mean(ways.any(-1) & [place not in places for places in taken]))
    if not max(shares, default=0.0) > 0:
        raise TrueAimError(
            f"{scenario.name}: got no corner or center that can be reached and is empty, needs one; use bound_for"
        )
    return candidates[int(np.argmax(shares))]


def _candidates(flat: Map) -> list[int]:
    height, width = flat.height, flat.width
    return [0, width - 1, (height - 1) * width, height * width - 1, height // 2 * width + width // 2]


def _num(scenario: Scenario) -> int:
    return LEVELS * len(scenario.settings)


def _drawn(scenario: Scenario) -> Any:
    """As many levels of each setting, as one table."""
    values = [scenario.knob_values(setting) for setting in scenario.settings.values()]
    knobs = {name: jnp.repeat(jnp.array([each[name] for each in values]), LEVELS) for name in values[0]}
    return jax.jit(lambda key: draw(scenario, key, knobs, _num(scenario)))(stream(root(SEED), "levels"))


def _taken(flat: Map, levels: Any, num: int) -> list[set[int]]:
    """By level, the places where something lies."""
    tables = jax.tree.map(np.asarray, levels)
    drawings = (flat.drawing(jax.tree.map(lambda table, i=i: table[i], tables))[1] for i in range(num))
    return [{place for what, place in drawing if what != "start"} for drawing in drawings]
