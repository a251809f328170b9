"""Uniformly random actions, as a policy for any environment."""

from typing import Any

import numpy as np
from gymnasium import Space
from jaxtyping import Bool

from trueaim.agents.foreign.host import Agent, Detected, HostPolicy
from trueaim.audit.foreign.spaces import sampled


def random_actions(space: Space[Any]) -> HostPolicy:
    """The policy that samples its actions from a space."""

    def act(
        observations: Any, starts: Bool[np.ndarray, " batch"], memory: Any, draw: np.random.Generator
    ) -> tuple[np.ndarray, Any]:
        del observations
        return sampled(space, len(starts), draw), memory

    return HostPolicy("uniform", (Agent(act, Detected("random actions", greedy=False)),))
