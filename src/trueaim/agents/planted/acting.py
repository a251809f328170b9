"""What planted policies share: optimal actions from tables, noise, and one program for all that act the same way.

A policy's `act` is compiled once for each function, so functions are made once for each scenario, and all that differs
between two policies (which goal, how much noise) is in their tables and parameters.
"""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.core.capabilities import Planner
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.policy import Act, Policy, View
from trueaim.core.scenario import Map, Scenario

NOT_YET = -1
"""The last action of an episode that has just begun."""


def capable(scenario: Scenario) -> tuple[Planner, Map]:
    """The planner and the map of a scenario; raises where it lacks one."""
    if scenario.planner is None or scenario.map is None:
        raise TrueAimError(f"{scenario.name}: got no exact planner, needs one for planted policies; write a script")
    return scenario.planner, scenario.map


def number_of(scenario: Scenario, goal: str) -> int:
    """The number of a goal; raises with the known names."""
    if goal not in scenario.goal_names:
        raise unknown_name("goal", goal, scenario.goal_names)
    return scenario.goal_names.index(goal)


def for_each(agents: int, **shares: float) -> tuple[Float[Array, " agent"], ...]:
    """Each share once for each agent, as parameters of a group.

    Raises:
        TrueAimError: for fewer than one agent, or a share outside [0, 1].
    """
    if agents < 1:
        raise TrueAimError(f"agents: got {agents}, needs at least 1; raise it")
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise TrueAimError(f"{name}: got {share:g}, needs a share from 0 to 1; change it")
    return tuple(jnp.full(agents, share) for share in shares.values())


def toward(best: Bool[Array, "batch action"], chance: Float[Array, ""], key: Key[Array, ""]) -> Int[Array, " batch"]:
    """One of the best actions at random; with probability `chance`, or where none is best, any action at all."""
    key_choice, key_noise = jax.random.split(key)
    lost = ~best.any(-1, keepdims=True) | (jax.random.uniform(key_noise, (best.shape[0], 1)) < chance)
    return jax.random.categorical(key_choice, jnp.where(best | lost, 0.0, -jnp.inf))


def happens(chance: Float[Array, ""], key: Key[Array, ""], num: int) -> Bool[Array, " batch"]:
    """Whether something of this probability happens, in each of `num` episodes."""
    return jax.random.uniform(key, (num,)) < chance


def nothing_done(num: int) -> Int[Array, " num"]:
    """The memory of policies that recall their last action, at the start of `num` episodes."""
    return jnp.full(num, NOT_YET, jnp.int32)


def planned(scenario: Scenario, tables: Any, name: str, noise: float, agents: int) -> Policy:
    """A policy that takes one of the actions that its tables name, as in `toward`.

    Args:
        scenario: with a planner and a map.
        tables: makes [level, place, action] booleans from a table of levels.
        name: for people.
        noise: share of random actions.
        agents: how many, which differ in their luck alone.
    """
    capable(scenario)
    return Policy(name, _by_tables(scenario), for_each(agents, noise=noise)[0], tuple(range(agents)), prepare=tables)


@lru_cache(maxsize=64)
def _by_tables(scenario: Scenario) -> Act:
    _, flat = capable(scenario)

    def act(chance: Float[Array, ""], key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        state = view.running.state
        return toward(view.tables[state.level, flat.place(state)], chance, key), memory

    return act
