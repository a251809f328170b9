"""How fast the environment alone is: random moves, every goal scored, a new level at each reset."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from grid_kernels import Rate, rate
from trueaim import scenario
from trueaim.core.keys import root, stream
from trueaim.core.levels import training_levels
from trueaim.core.play import advance, begin, observe
from trueaim.worlds.grid.world import GridWorld

LEVELS = 4_096


def environment_rate(
    observation: str, batch: int = 1_024, steps: int = 512, size: int = 13, name: str = "cheese_corner"
) -> Rate:
    """Steps a second of a scenario, with "planes", "cells" or "none" as the observation that each step writes."""
    case = scenario(name, size=size)
    world = case.world
    assert isinstance(world, GridWorld)
    levels = jax.jit(partial(training_levels, case, num=LEVELS))(root(0))
    planes = jax.jit(world.planes)(levels)

    def look(running: Any) -> Any:
        if observation == "planes":
            return world.observe_planes(planes, running.state)
        return observe(case, levels, running) if observation == "cells" else ()

    @jax.jit
    def run(key: Any, running: Any, seen: Any) -> Any:
        bits = jax.random.bits(stream(key, "moves"), (steps, batch), jnp.uint32)

        def step(carry: Any, bits: Any) -> Any:
            running, _, earned = carry
            running, outcome = jax.vmap(partial(advance, case, levels))(
                running, (bits % len(world.actions)).astype(jnp.int32)
            )
            ended = outcome.terminated | outcome.truncated
            fresh = jax.vmap(partial(begin, case, levels))((bits >> 8) % LEVELS)
            running = jax.tree.map(lambda new, old: _where(ended, new, old), fresh, running)
            return (running, jax.vmap(look)(running), jax.tree.map(jnp.add, earned, outcome.goals)), None

        return jax.lax.scan(step, (running, seen, (jnp.zeros(batch),) * len(case.goals)), bits)[0]

    running = jax.vmap(partial(begin, case, levels))(jnp.arange(batch))
    return rate(run, root(1), running, jax.vmap(look)(running), count=batch * steps, repeats=9)


def _where(mask: Any, new: Any, old: Any) -> Any:
    return jnp.where(mask.reshape(mask.shape + (1,) * (new.ndim - 1)), new, old)


def generation_rate(layout: str, batch: int = 4_096, size: int = 13) -> Rate:
    """Complete levels a second: walls, things, start."""
    case = scenario("cheese_corner", size=size, layout=layout)
    knobs = {name: jnp.float32(value) for name, value in case.knob_values(case.shifts["anywhere"]).items()}
    draw = jax.jit(jax.vmap(lambda key: case.world.draw(key, knobs)))
    return rate(draw, jax.random.split(root(0), batch), count=batch)


def main() -> None:
    for kind in ("planes", "cells", "none"):
        print(f"steps/s, observation {kind:8} {environment_rate(kind).middle:14,.0f}")
    for layout in ("blocks", "kruskal"):
        print(f"levels/s, {layout:18} {generation_rate(layout).middle:14,.0f}")


if __name__ == "__main__":
    main()
