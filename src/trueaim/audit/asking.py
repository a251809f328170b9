"""Which goal an agent has, asked on the levels that tell most: a few of them instead of many.

Levels are chosen by what was seen so far, so they serve to infer a goal and never a rate, a regret or an interval.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.inference.information import Asked, ask, pool
from trueaim.inference.likelihood import Decisions, decisions
from trueaim.training.rollout import walk

LEVELS = 256
"""Levels to choose from, at most."""
AGENTS = 5
"""Agents that are asked, at most: each level is played by itself, after the one before was understood."""


def asked(policy: Policy, scenario: Scenario, levels: Any, key: Key[Array, ""]) -> list[Asked]:
    """What the first agents of a policy answer, each asked on levels of its own choice.

    Args:
        policy: whose agents.
        scenario: with `tabular`.
        levels: a table of levels to choose from; the first `LEVELS` count.
        key: of the actions.

    Raises:
        TrueAimError: where levels are no tables of states.
    """
    if scenario.tabular is None:
        raise TrueAimError(
            f"{scenario.name}: levels are no tables of states, needs them to choose what to ask; audit it without"
        )
    few = jax.tree.map(lambda table: table[:LEVELS], levels)
    model = scenario.tabular.model(few)
    choice = pool(scenario.goal_names, model, scenario.tabular.cues(few))

    def watch(one: Policy, row: int) -> Decisions:
        level = jax.tree.map(lambda table: table[row : row + 1], few)
        results, places = walk(scenario, one, level, stream(key, "asked", row))
        return decisions(model.rows(slice(row, row + 1)), np.asarray(places)[0], np.asarray(results.length)[0])

    return [ask(choice, partial(watch, _alone(policy, agent))) for agent in range(min(AGENTS, len(policy.seeds)))]


def _alone(policy: Policy, agent: int) -> Policy:
    own = jax.tree.map(lambda table: table[agent : agent + 1], policy.parameters)
    return replace(policy, parameters=own, seeds=policy.seeds[agent : agent + 1])
