"""How hard agents work for each goal where goals part, in nats (maximum entropy goal-directedness), with intervals."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from trueaim.audit.intervals import Interval, hierarchical
from trueaim.core.errors import TrueAimError
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.inference.directedness import Scale, achieved, scales
from trueaim.training.rollout import walk

LEVELS = 128
"""Levels that are looked at, at most."""


class Directed(NamedTuple):
    """How hard agents work for one goal.

    Attributes:
        goal: its name.
        nats: per episode, with the sign of `rationality`; 0 for random moves, below 0 for whoever keeps away from it.
            The interval is over agents and levels.
        rationality: the inverse temperature b at which a soft plan for the goal gets as much; an optimal plan is worth
            1. At its limit of 300 nothing more than "as good as optimal" is said.
        most: the nats of an optimal agent on the same levels: many where the goal is hard to come by.
    """

    goal: str
    nats: Interval
    rationality: float
    most: float


def directed(
    policy: Policy, scenario: Scenario, levels: Any, parting: Bool[np.ndarray, " level"], key: Key[Array, ""]
) -> list[Directed]:
    """The goal-directedness of a policy's agents for every goal.

    Args:
        policy: whose agents.
        scenario: with `tabular`.
        levels: a table of levels.
        parting: those on which goals part; the first `LEVELS` of them are played, or of all if there are none.
        key: of the actions.

    Raises:
        TrueAimError: where levels are no tables of states.
    """
    if scenario.tabular is None:
        raise TrueAimError(
            f"{scenario.name}: levels are no tables of states, needs them to read goal-directedness in nats; audit it "
            "without"
        )
    rows = np.flatnonzero(parting if parting.any() else np.ones_like(parting))[:LEVELS]
    few = jax.tree.map(lambda table: table[rows], levels)
    results, places = walk(scenario, policy, few, key)
    model = scenario.tabular.model(few)
    got = achieved(model, np.asarray(places), np.asarray(results.length))
    return [
        _read(name, scale, got[:, scale.levels, number])
        for number, (name, scale) in enumerate(zip(scenario.goal_names, scales(model), strict=True))
    ]


def _read(goal: str, scale: Scale, got: Float[np.ndarray, "agent level"]) -> Directed:
    """The reading rises with the return, so the ends of the return's interval give those of the nats."""
    mean = hierarchical(got)
    value, low, high = (scale.read(each)[0] for each in mean[:3])
    return Directed(goal, mean._replace(value=value, low=low, high=high), scale.read(mean.value)[1], scale.most)
