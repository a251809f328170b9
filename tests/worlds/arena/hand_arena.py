"""Arenas put down by hand, and ways to play them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from trueaim.worlds.arena.level import FAR, PRESENT, Body, Levels, State
from trueaim.worlds.arena.world import ArenaWorld

SPHERES = ((-5.0, 5.0), (5.0, 5.0), (5.0, -5.0), (-5.0, -5.0))
TOWER = (3.0, 0.0, 0.8)


def word(cycle: Sequence[int]) -> int:
    """The word of an order."""
    return sum(after << 4 * one for one, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def level(towers: Sequence[Sequence[float]] = (), cycle: Sequence[int] = (0, 1, 2, 3), **fields: Any) -> Levels:
    """A table of one level; the agent starts in the middle and faces to the right."""
    standing = [*towers, *[(FAR, FAR, 0.0)] * (2 - len(towers))]
    plain = {
        "half": 8.0,
        "spheres": np.array(SPHERES, np.float32),
        "towers": np.array(standing, np.float32),
        "order": np.uint32(word(cycle)),
        "start": np.array([0, 0, 1, 0], np.float32),
        "partner": np.array([0, -7], np.float32),
        "pace": 0.3,
        "error": 0.0,
        "stray": 0.0,
        "leaves": 0.0,
        "returns": 0.0,
        "penalty": 1.0,
        "square": np.int32(3),
        "traits": np.uint8(PRESENT),
        "luck": np.uint32(5),
    }
    return Levels(**{name: jnp.asarray(np.asarray(value))[None] for name, value in {**plain, **fields}.items()})


begun = jax.jit(lambda world, table: world.reset(table, 0), static_argnums=0)
moved = jax.jit(lambda world, table, state, action: world.move(table, state, action), static_argnums=0)
observed = jax.jit(lambda world, table, state: world.observe(table, state), static_argnums=0)


def of(world: ArenaWorld, num: int, seed: int = 0, **knobs: float) -> Levels:
    """A table of drawn levels with these knob values."""
    values = {knob.name: jnp.full(num, float(knobs.get(knob.name, knob.default))) for knob in world.knobs}
    return _draw(world, jax.random.split(jax.random.key(seed), num), values)


def _draw(world: ArenaWorld, keys: Any, values: Any) -> Levels:
    if world not in _DRAWERS:
        _DRAWERS[world] = jax.jit(jax.vmap(world.draw))
    return _DRAWERS[world](keys, values)


_DRAWERS: dict[ArenaWorld, Any] = {}


def entering(state: State, sphere: int) -> State:
    """The same state with the agent just outside a sphere of a level by hand, on its way in."""
    x, y = SPHERES[sphere]
    numbers = (x + 1.3, y, 1.0, 0.0, -0.5, 0.0)
    outside = state.visits._replace(inside=jnp.int32(-1))
    return state._replace(body=Body(*(jnp.float32(number) for number in numbers)), visits=outside)
