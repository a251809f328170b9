"""How fast pictures of the platform world are here: `python benchmarks/pictures.py`.

What is drawn: states that random play reaches, on as many levels as there are pictures. Figures are medians of several
calls, each awaited, after one that compiles; one core unless the process may use more. Pictures go into fresh memory in
every call, which a minibatch of them is given faster than a large batch: those of a minibatch are what training draws.
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
MINIBATCH = 256
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

    def noted(levels: Any, states: Any) -> Any:
        return jax.vmap(view.notes, (None, 0))(levels, states)

    note, draw, both = jax.jit(noted), jax.jit(view.draw), jax.jit(lambda *moments: view.draw(noted(*moments)))
    notes, few = note(levels, states), min(batch, MINIBATCH)
    some = jax.tree.map(lambda field: field[:few], states)
    return {
        f"notes, {notes.shape[1]} bytes each": rate(note, levels, states, count=batch),
        f"pictures from notes, {few:,} at once": rate(draw, notes[:few], count=few),
        f"pictures from notes, {batch:,} at once": rate(draw, notes, count=batch),
        f"pictures from states, {few:,} at once": rate(both, levels, some, count=few),
        f"pictures from states, {batch:,} at once": rate(both, levels, states, count=batch),
    }


if __name__ == "__main__":
    if "--one-core" in sys.argv:
        sched_setaffinity(0, {min(sched_getaffinity(0))})
    print(f"{platform.processor() or platform.machine()}, {len(sched_getaffinity(0))} cores, batch {BATCH:,}")
    for name, found in all_rates().items():
        print(f"{name:40}{found.middle:12,.0f} frames/s ({found.least:,.0f} to {found.most:,.0f})")
