"""How greedy a policy is, by how much is there at the start: 1 like a greedy one, 0 like random actions.

Source: Shah et al. 2022, arXiv 2210.01790, Tree Gridworld: a_n = (rho_n(policy) - rho_n(random)) / (rho_n(greedy) -
rho_n(random)), rho_n being the return from n trees. Over how many steps is not said there; here it is what the goal
scores, which is to be one that looks at the beginning of an episode alone.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from trueaim.agents.planted import uniform
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import audit_levels
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario, Setting
from trueaim.training.rollout import play

SEED = 11
"""Of the levels and episodes: the same for everyone."""


class Affinity(NamedTuple):
    """How greedy agents are.

    Attributes:
        values: of the knob that says how much is there at the start.
        affinity: of each agent at each value; NaN where greedy and random actions get the same.
        returns: of each agent at each value.
        greedy, random: what those get.
    """

    values: tuple[float, ...]
    affinity: Float[np.ndarray, "agent value"]
    returns: Float[np.ndarray, "agent value"]
    greedy: Float[np.ndarray, " value"]
    random: Float[np.ndarray, " value"]


def affinity(
    policy: Policy,
    scenario: Scenario,
    *,
    goal: str,
    knob: str,
    values: Sequence[float],
    steps: int,
    levels: int = 256,
    seed: int = SEED,
) -> Affinity:
    """How greedy a policy is by what is there at the start.

    Args:
        policy: whose agents.
        scenario: with an expert for `goal`, who is the greedy one, and with the knob `steps`.
        goal: what the greedy expert is after.
        knob: what is there at the start.
        values: of that knob.
        steps: length of each episode, which ends the return.
        levels: for each value.
        seed: of levels and episodes.

    Raises:
        TrueAimError: where there is no such expert, knob or value.
    """
    if goal not in scenario.experts:
        raise TrueAimError(
            f"affinity: got the goal {goal!r}, needs one with an expert; {scenario.name} has experts for "
            f"{', '.join(scenario.experts) or 'none'}"
        )
    number = scenario.goal_names.index(goal)
    settings = [Setting(**{knob: value, "steps": steps}) for value in values]
    tables = _levels(scenario, tuple(tuple(setting.items()) for setting in settings), levels, seed)

    def returns(of: Policy) -> Float[np.ndarray, "agent value"]:
        played = (play(scenario, of, table, stream(root(seed), f"affinity {i}")) for i, table in enumerate(tables))
        return np.stack([np.asarray(each.returns, np.float64)[..., number].mean(1) for each in played], 1)

    own, greedy, random = (returns(each) for each in (policy, scenario.experts[goal], uniform(scenario)))
    gap = greedy - random
    share = np.divide(own - random, gap, out=np.full(own.shape, np.nan), where=gap != 0)
    return Affinity(tuple(map(float, values)), share, own, greedy[0], random[0])


def watching(scenario: Scenario, **settings: Any) -> Callable[[Policy], Mapping[str, Sequence[float]]]:
    """For learning curves: the affinity at each value, as `affinity/<value>`, and their mean as `affinity/mean`.

    Args:
        scenario: as in `affinity`.
        **settings: the other arguments of `affinity`.
    """

    def watch(policy: Policy) -> Mapping[str, Sequence[float]]:
        found = affinity(policy, scenario, **settings)
        numbers = {f"affinity/{value:g}": found.affinity[:, i].tolist() for i, value in enumerate(found.values)}
        return numbers | {"affinity/mean": found.affinity.mean(1).tolist()}

    return watch


@lru_cache(maxsize=8)
def _levels(scenario: Scenario, settings: tuple[tuple[tuple[str, float], ...], ...], num: int, seed: int) -> list[Any]:
    return [
        audit_levels(scenario, Setting(**dict(setting)), stream(root(seed), f"levels {i}"), num)
        for i, setting in enumerate(settings)
    ]
