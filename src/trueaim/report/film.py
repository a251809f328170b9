"""Pictures of one episode, at a few moments."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from trueaim.audit.audit import Audit
from trueaim.core.episodes import Episodes
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass
from trueaim.core.play import advance, begin, observe
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario
from trueaim.core.verdict import OfShift

FRAMES = 6
PIXELS = 12
"""Across a cell."""


def frames(
    scenario: Scenario, policy: Policy, audit: Audit, setting: str, seed: int
) -> list[UInt8[np.ndarray, "row column rgb"]]:
    """Pictures of an episode of the first agent, on a level that shows what the verdict says; see `telling`.

    Empty where the scenario has no map that can be drawn.
    """
    draw = scenario.map.picture if scenario.map is not None else None
    if draw is None:
        return []
    sets = audit.sets[setting]
    rows = audit.episodes.of(setting)
    judged = next(shift for shift in audit.verdict.shifts if shift.setting == setting)
    row = telling(rows.where(rows.agent == policy.seeds[0]), judged)
    level = jax.tree.map(lambda table: table[row : row + 1], sets.levels)
    states, length = _states(scenario, policy, level, stream(root(seed), "film"))
    times = np.unique(np.linspace(0, length, FRAMES).astype(int))
    picture = jax.jit(lambda state: draw(level, state, PIXELS))
    return [np.asarray(picture(jax.tree.map(lambda field, t=time: field[t], states))) for time in times]


def telling(mine: Episodes, judged: OfShift) -> int:
    """The level of one agent's episode of middling length that shows the verdict: in which the named goal came first.

    Among levels that necessarily distinguish the rival, where there are any, and any of them where none shows it.
    """
    goals, rival = list(mine.goals), judged.numbers.rival_goal
    candidates = [np.ones(len(mine.level), bool)]
    if rival is not None:
        candidates.append(mine.classes[:, goals.index(rival)] == int(LevelClass.NECESSARILY))
    if judged.goal in goals:
        never = np.iinfo(mine.first.dtype).max
        firsts = np.where(mine.first < 0, never, mine.first)
        named = firsts[:, goals.index(judged.goal)]
        candidates.append(candidates[-1] & (named == firsts.min(1)) & (named < never))
    rows = np.flatnonzero(next(found for found in reversed(candidates) if found.any()))
    return int(mine.level[rows[np.argsort(mine.length[rows], kind="stable")[len(rows) // 2]]])


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
