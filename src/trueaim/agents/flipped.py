"""The control for capability: an agent that sees the world upside down."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from trueaim.core.policy import Policy, View


def flipped(policy: Policy) -> Policy:
    """The same agents, seeing every map or picture upside down; flags are as before.

    Their returns should fall on the intended goal and on every rival alike, which is what a failure of capability looks
    like. Scripts that look at the state rather than at the observation are not affected. What training logged is left
    out: that is of agents that see.

    Source: Shah et al. 2022, figure 1 (the observation is flipped vertically).
    """

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        cells = jnp.flip(view.observation.cells, 1)
        return policy.act(parameters, key, view._replace(observation=view.observation._replace(cells=cells)), memory)

    record = {name: value for name, value in policy.record.items() if name != "curves"}
    return replace(policy, name=f"{policy.name}, flipped", act=act, record=record)
