"""Policies that a network acts out: sampled, as in training, or greedy."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from trueaim.agents.networks import Network
from trueaim.core.policy import Policy, View


def _sampled(network: Network, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
    (logits, _), memory = network(view.observation, memory)
    return jax.random.categorical(key, logits), memory


def _greedy(network: Network, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
    del key
    (logits, _), memory = network(view.observation, memory)
    return jnp.argmax(logits, -1), memory


def _value(network: Network, view: View, memory: Any) -> Float[Array, " batch"]:
    (_, value), _ = network(view.observation, memory)
    return value


def learned(
    network: Network,
    seeds: tuple[int, ...],
    name: str = "learned",
    greedy: bool = False,
    record: Mapping[str, Any] | None = None,
) -> Policy:
    """The policy of a group of networks, and their critic.

    Args:
        network: one network whose arrays have the agents as first axis.
        seeds: the seed of each agent.
        name: for people.
        greedy: take the likeliest action instead of sampling, which is what training did.
        record: how the agents were trained.
    """
    act = _greedy if greedy else _sampled
    return Policy(name, act, network, seeds, start=network.start, record=record or {}, value=_value)
