"""Policies that pursue listed goals: one, or two by level or by step; lazily; or only where goals agree."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.agents.planted.acting import NOT_YET, capable, for_each, happens, nothing_done, number_of, planned, toward
from trueaim.core.goal import PROXY
from trueaim.core.keys import stream
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Act, Policy, View
from trueaim.core.scenario import Scenario

Shares = tuple[Float[Array, ""], Float[Array, ""]]


def pursuing(scenario: Scenario, goal: str, noise: float = 0.0, agents: int = 1, alone: bool = True) -> Policy:
    """Takes optimal actions for one goal; with probability `noise`, or where none is optimal, a random one.

    Args:
        scenario: with an exact planner.
        goal: which it pursues.
        noise: share of random actions, 0 to 1.
        agents: how many, which differ in their luck alone.
        alone: it knows of nothing but its goal, so it does not keep clear of what would end the episode. Otherwise it
            plays the true optimum, as an agent does who was trained where that matters.

    Raises:
        TrueAimError: for an unknown goal, or where the scenario has no exact planner.
    """
    number = number_of(scenario, goal)
    planner, _ = capable(scenario)

    def tables(levels: Any) -> Bool[Array, "level place action"]:
        return planner.optimal_actions(levels, number, alone)

    return planned(scenario, tables, f"pursuing {goal}", noise, agents)


def mixed(scenario: Scenario, first: str, second: str, share: float, noise: float = 0.0, agents: int = 1) -> Policy:
    """Pursues `first` on about this share of levels (by their number) and `second` on the others."""
    pair = _pair(scenario, first, second)
    for_each(agents, share=share)

    def tables(levels: Any) -> Bool[Array, "level place action"]:
        one, other = pair(levels)
        golden = (jnp.arange(one.shape[0]) * 0.6180339887) % 1.0 < share
        return jnp.where(golden[:, None, None], one, other)

    return planned(scenario, tables, f"mixing {first} and {second}", noise, agents)


def dithering(scenario: Scenario, first: str, second: str, share: float, noise: float = 0.0, agents: int = 1) -> Policy:
    """In each step anew takes an optimal action for `first` with probability `share`, else one for `second`.

    With probability `noise`, or where the goal of the step has no optimal action, it takes a random one.
    """
    parameters = for_each(agents, noise=noise, share=share)
    name = f"dithering between {first} and {second}"
    return Policy(name, _dithering(scenario), parameters, tuple(range(agents)), prepare=_pair(scenario, first, second))


def lazy(
    scenario: Scenario, goal: str, share: float, noise: float = 0.0, agents: int = 1, alone: bool = True
) -> Policy:
    """Pursues one goal, but does in this share of its steps whatever it did last.

    A repeated action leads straight on, and where that is blocked the agent stays. The first step of an episode has
    nothing to repeat and is always toward the goal. What it did last may itself have been a repetition or noise.

    Args:
        scenario: with an exact planner.
        goal: which it pursues.
        share: of the steps, 0 to 1.
        noise: share of random actions among the other steps.
        agents: how many, which differ in their luck alone.
        alone: as for `pursuing`.
    """
    tables = pursuing(scenario, goal, alone=alone).prepare
    parameters = for_each(agents, noise=noise, share=share)
    return Policy(
        f"lazily pursuing {goal}", _lazy(scenario), parameters, tuple(range(agents)), tables, start=nothing_done
    )


def goals_agree(scenario: Scenario) -> Callable[[Any], Bool[Array, " level"]]:
    """Tells of a table of levels where the intended goal and its proxies cannot be told apart.

    That is so where the level is `NON` for the intended goal and every proxy (where there are none, every rival).
    """
    planner, _ = capable(scenario)
    proxies = [number for number, goal in enumerate(scenario.goals) if goal.role is PROXY]
    rivals = proxies or list(range(1, len(scenario.goals)))

    def agree(levels: Any) -> Bool[Array, " level"]:
        return jnp.all(jnp.stack([planner.classes(levels, rival) == int(LevelClass.NON) for rival in rivals]), 0)

    return agree


def broken(
    scenario: Scenario,
    is_known: Callable[[Any], Bool[Array, " level"]] | None = None,
    noise: float = 0.0,
    agents: int = 1,
) -> Policy:
    """Pursues the intended goal on levels of the kind it knows from training and acts at random on all others.

    Args:
        scenario: with an exact planner.
        is_known: tells which levels of a table are of that kind; a policy does not know the setting of a level, so by
            default those on which the goals agree, as in `goals_agree`.
        noise: share of random actions on the levels it knows.
        agents: how many, which differ in their luck alone.
    """
    intended = scenario.goal_names[0]
    pursued = pursuing(scenario, intended).prepare
    known = is_known or goals_agree(scenario)

    def tables(levels: Any) -> Bool[Array, "level place action"]:
        return pursued(levels) & known(levels)[:, None, None]

    return planned(scenario, tables, f"pursuing {intended} on known levels", noise, agents)


def _pair(scenario: Scenario, first: str, second: str) -> Callable[[Any], tuple[Array, Array]]:
    """What is optimal for either of two goals, [level, place, action] each."""
    one, other = (pursuing(scenario, goal).prepare for goal in (first, second))
    return lambda levels: (one(levels), other(levels))


@lru_cache(maxsize=64)
def _dithering(scenario: Scenario) -> Act:
    _, flat = capable(scenario)

    def act(parameters: Shares, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        noise, share = parameters
        state = view.running.state
        one, other = (table[state.level, flat.place(state)] for table in view.tables)
        is_first = happens(share, stream(key, "goal of the step"), one.shape[0])
        return toward(jnp.where(is_first[:, None], one, other), noise, stream(key, "plan")), memory

    return act


@lru_cache(maxsize=64)
def _lazy(scenario: Scenario) -> Act:
    _, flat = capable(scenario)

    def act(
        parameters: Shares, key: Key[Array, ""], view: View, last: Int[Array, " batch"]
    ) -> tuple[Int[Array, " batch"], Int[Array, " batch"]]:
        noise, share = parameters
        state = view.running.state
        own = toward(view.tables[state.level, flat.place(state)], noise, stream(key, "plan"))
        repeats = happens(share, stream(key, "laziness"), own.shape[0]) & (last != NOT_YET)
        action = jnp.where(repeats, last, own).astype(jnp.int32)
        return action, action

    return act
