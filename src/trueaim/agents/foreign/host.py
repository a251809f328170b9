"""Policies of other makers, as one record: how to ask them for actions, and what was found out about them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space
from jaxtyping import Bool, Float

from trueaim.core.errors import TrueAimError

Act = Callable[[Any, Bool[np.ndarray, " batch"], Any, np.random.Generator], tuple[np.ndarray, Any]]
"""What a policy does at one step of a batch of episodes: `(observations, starts, memory, draw) -> (actions, memory)`.

Observations are as the environment shows them, stacked (`trueaim.agents.foreign.batches.stacked`); `starts` says which
episodes begin with this step (their memory is forgotten); `draw` is the only source of randomness. Actions have the
batch as first axis.
"""


class Seen(NamedTuple):
    """What the network looked at while it was trained: the range of each input.

    Attributes:
        low, high: by feature, flattened; or one number for all.
        source: where this is known from.
        whole: the range holds nearly all of training; else it is that of a few observations.
        margin: how far beyond it inputs may lie, in widths of the widest feature.
    """

    low: Float[np.ndarray, " *feature"]
    high: Float[np.ndarray, " *feature"]
    source: str
    whole: bool = True
    margin: float = 1.0


@dataclass(frozen=True, eq=False)
class Detected:
    """What was found out about a policy when it was taken in.

    Attributes:
        kind: what it is ("Stable-Baselines3 PPO", "torch module", ...).
        normalization: what normalizes its observations, or "".
        stacked: how many frames its observations hold.
        recurrent: it carries memory from step to step.
        unused_memory: name of a recurrent layer in it that is called without memory, or "".
        greedy: it takes its likeliest action; False: it samples; None: not known.
        batched: it takes batches of observations; None: not yet known.
        observation_space, action_space: of its training, where it tells.
        seen: the range of its inputs in training, where it tells.
        remarks: sentences a person should read.
    """

    kind: str
    normalization: str = ""
    stacked: int = 1
    recurrent: bool = False
    unused_memory: str = ""
    greedy: bool | None = None
    batched: bool | None = True
    observation_space: Space[Any] | None = None
    action_space: Space[Any] | None = None
    seen: Seen | None = None
    remarks: tuple[str, ...] = ()


def _no_memory(num: int) -> tuple[()]:
    del num
    return ()


def _as_shown(observations: Any, starts: Bool[np.ndarray, " batch"], memory: Any) -> Any:
    del starts, memory
    return observations


@dataclass(frozen=True, eq=False)
class Agent:
    """One trained agent.

    Attributes:
        act: as in `Act`.
        detected: what was found out about it.
        memory: of `num` episodes at their beginning.
        inputs: what the network itself looks at: `(observations, starts, memory)`, normalized and stacked.
        fit: `(one observation, action space)` to the agent that acts in them, where that is not known before.
    """

    act: Act
    detected: Detected
    memory: Callable[[int], Any] = _no_memory
    inputs: Callable[[Any, Bool[np.ndarray, " batch"], Any], Any] = _as_shown
    fit: "Callable[[Any, Space[Any]], Agent] | None" = None


@dataclass(frozen=True, eq=False)
class HostPolicy:
    """A policy that runs on the host: one agent, or several that were trained independently.

    Attributes:
        name: for people.
        agents: at least one.
        seeds: one number for each agent: the unit of all statistics.
    """

    name: str
    agents: tuple[Agent, ...]
    seeds: tuple[int, ...] = field(default=(0,))

    def __post_init__(self) -> None:
        if not self.agents or len(set(self.seeds)) != len(self.agents):
            raise TrueAimError(
                f"policy {self.name!r}: got {len(self.agents)} agents and seeds {self.seeds}, needs at least one agent "
                "and a different seed for each; correct the list"
            )

    @property
    def detected(self) -> Detected:
        """What was found out about the first agent."""
        return self.agents[0].detected


def group(policies: list[HostPolicy], name: str = "") -> HostPolicy:
    """Independently trained agents as one policy, with 0, 1, ... as their seeds.

    Raises:
        TrueAimError: the list is empty.
    """
    agents = tuple(agent for policy in policies for agent in policy.agents)
    return HostPolicy(name or (policies[0].name if policies else "policy"), agents, tuple(range(len(agents))))


def ready(policy: HostPolicy, observation: Any, space: Space[Any]) -> HostPolicy:
    """The same policy, fit to an environment's observations and actions.

    Args:
        policy: as taken in.
        observation: one, unbatched.
        space: of the actions.
    """
    agents = tuple(agent.fit(observation, space) if agent.fit else agent for agent in policy.agents)
    return replace(policy, agents=agents)
