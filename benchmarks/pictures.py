"""How fast pictures of the platform world are here: `python benchmarks/pictures.py`.

What is drawn: states that random play reaches, on as many levels as there are pictures. Figures are medians of several
calls, each awaited, after one that compiles; one core unless the process may use more.
"""

import platform
import sys
from os import sched_getaffinity, sched_setaffinity
from typing import Any

import jax
import jax.numpy as jnp

from grid_kernels import Rate, rate
from trueaim.worlds.platform.picture import Picture
from trueaim.worlds.platform.world import PlatformWorld

BATCH = 1_024
STEPS = 40


def played(world: PlatformWorld, batch: int) -> tuple[Any, Any]:
    """A table of levels, and for each a state that random play that leans to the right reaches."""
    levels = jax.vmap(lambda key: world.draw(key, {"moved": jnp.float32(0.5)}))(
        jax.random.split(jax.random.key(0), batch)
    )
    right = jnp.array([world.actions.index(name) for name in ("right", "right up", "left up")])
    actions = right[jax.random.randint(jax.random.key(1), (STEPS, batch), 0, len(right))]

    def moved(states: Any, action: Any) -> tuple[Any, None]:
        return jax.vmap(world.move, (None, 0, 0))(levels, states, action), None

    return levels, jax.lax.scan(moved, jax.vmap(world.reset, (None, 0))(levels, jnp.arange(batch)), actions)[0]


def all_rates(batch: int = BATCH) -> dict[str, Rate]:
    """Pictures a second by what is done."""
    view = Picture()
    levels, states = jax.jit(lambda: played(PlatformWorld(), batch))()
    notes = jax.vmap(view.notes, (None, 0))
    written = jax.jit(notes)(levels, states)
    return {
        "notes, 264 bytes each": rate(jax.jit(notes), levels, states, count=batch),
        "pictures from notes": rate(jax.jit(jax.vmap(view.draw)), written, count=batch),
        "pictures from states": rate(jax.jit(jax.vmap(view, (None, 0))), levels, states, count=batch),
    }


if __name__ == "__main__":
    if "--one-core" in sys.argv:
        sched_setaffinity(0, {min(sched_getaffinity(0))})
    print(f"{platform.processor() or platform.machine()}, {len(sched_getaffinity(0))} cores, batch {BATCH:,}")
    for name, found in all_rates().items():
        print(f"{name:30}{found.middle:12,.0f} frames/s ({found.least:,.0f} to {found.most:,.0f})")
