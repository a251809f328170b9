"""Pictures of one episode, at a few moments."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from trueaim.audit.audit import Audit
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass
from trueaim.core.play import advance, begin, observe
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario

FRAMES = 6
PIXELS = 12
"""Across a cell."""


def frames(
    scenario: Scenario, policy: Policy, audit: Audit, setting: str, seed: int
) -> list[UInt8[np.ndarray, "row column rgb"]]:
    """Pictures of an episode of the first agent, on the first level of a setting that surely parts the goals.

    Empty where the world cannot draw itself.
    """
    draw = getattr(scenario.world, "picture", None)
    if draw is None:
        return []
    sets = audit.sets[setting]
    rows = audit.episodes.of(setting)
    mine = rows.where(rows.agent == policy.seeds[0])
    parting = mine.level[(mine.classes[:, 1:] == int(LevelClass.NECESSARILY)).any(-1)]
    row = int(parting[0]) if len(parting) else 0
    level = jax.tree.map(lambda table: table[row : row + 1], sets.levels)
    states, length = _states(scenario, policy, level, stream(root(seed), "film"))
    times = np.unique(np.linspace(0, length, FRAMES).astype(int))
    picture = jax.jit(lambda state: draw(level, state, PIXELS))
    return [np.asarray(picture(jax.tree.map(lambda field, t=time: field[t], states))) for time in times]


def _states(scenario: Scenario, policy: Policy, level: Any, key: Any) -> tuple[Any, int]:
    """The states of one episode of the first agent, and how many steps it took."""
    tables, parameters = policy.prepare(level), jax.tree.map(lambda table: table[0], policy.parameters)

    def step(carry: Any, key: Any) -> tuple[Any, Any]:
        running, memory = carry
        seen = jax.vmap(partial(observe, scenario, level))(running)
        action, memory = policy.act(parameters, key, View(seen, running, tables), memory)
        after, outcome = jax.vmap(partial(advance, scenario, level))(running, action)
        return (after, memory), (after.state, outcome.terminated | outcome.truncated)

    running = jax.vmap(partial(begin, scenario, level))(jnp.zeros(1, jnp.int32))
    keys = jax.random.split(key, scenario.horizon)
    _, (states, over) = jax.jit(lambda: jax.lax.scan(step, (running, policy.start(1)), keys))()
    whole = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest])[:, 0], running.state, states)
    ended = np.flatnonzero(np.asarray(over)[:, 0])
    return whole, int(ended[0]) + 1 if ended.size else scenario.horizon
