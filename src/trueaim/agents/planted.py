"""Planted policies: scripts whose goal we know because we wrote them. They are the detectors' known answers."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Map, Planner, Scenario


def uniform(scenario: Scenario) -> Policy:
    """Uniformly random actions."""
    num = len(scenario.world.actions)

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters
        return jax.random.randint(key, view.running.time.shape, 0, num), memory

    return Policy("uniform", act)


def pursuing(scenario: Scenario, goal: str, noise: float = 0.0, agents: int = 1) -> Policy:
    """Takes optimal actions for one goal; with probability `noise`, or where none is optimal, a random one.

    It knows of nothing but its goal, so it does not keep clear of what would end the episode.

    Raises:
        TrueAimError: for an unknown goal, or where the scenario has no exact planner.
    """
    names = scenario.goal_names
    if goal not in names:
        raise unknown_name("goal", goal, names)
    planner, flat = _capable(scenario)
    number = names.index(goal)
    return _planned(
        flat, lambda levels: planner.optimal_actions(levels, number, True), f"pursuing {goal}", noise, agents
    )


def mixed(scenario: Scenario, first: str, second: str, share: float, noise: float = 0.0, agents: int = 1) -> Policy:
    """Pursues `first` on about this share of levels (by their number) and `second` on the others."""
    planner, flat = _capable(scenario)
    names = scenario.goal_names

    def tables(levels: Any) -> Bool[Array, "level place action"]:
        one, other = (planner.optimal_actions(levels, names.index(goal), True) for goal in (first, second))
        golden = (jnp.arange(one.shape[0]) * 0.6180339887) % 1.0 < share
        return jnp.where(golden[:, None, None], one, other)

    return _planned(flat, tables, f"mixing {first} and {second}", noise, agents)


def bound_for(scenario: Scenario, place: int, noise: float = 0.0, agents: int = 1) -> Policy:
    """Goes to one place by shortest paths and stays there: a goal that nobody listed."""
    planner, flat = _capable(scenario)
    return _planned(flat, lambda levels: planner.towards(levels, place), f"bound for place {place}", noise, agents)


def _capable(scenario: Scenario) -> tuple[Planner, Map]:
    if scenario.planner is None or scenario.map is None:
        raise TrueAimError(f"{scenario.name}: got no exact planner, needs one for planted policies; write a script")
    return scenario.planner, scenario.map


def _planned(flat: Map, tables: Any, name: str, noise: float, agents: int) -> Policy:
    def act(chance: Float[Array, ""], key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        key_choice, key_noise = jax.random.split(key)
        state = view.running.state
        best = view.tables[state.level, flat.place(state)]
        lost = ~best.any(-1, keepdims=True) | (jax.random.uniform(key_noise, (best.shape[0], 1)) < chance)
        return jax.random.categorical(key_choice, jnp.where(best | lost, 0.0, -jnp.inf)), memory

    return Policy(name, act, jnp.full(agents, noise), tuple(range(agents)), prepare=tables)
