"""How fast the arena is here: `python benchmarks/arena.py`, or `--cores 1` for one core.

Steps are of random actions with everything that agents sense and all goals; an episode that runs out of time goes on
with another level. Where the machine is busy with something else, the best call says more than the middle one.
"""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from grid_kernels import Rate, rate
from trueaim.core.keys import root, stream
from trueaim.core.levels import draw, training_levels
from trueaim.core.play import advance, begin, observe
from trueaim.scenarios.spheres import spheres

STEPS = 100


def stepping_rate(batch: int = 256, senses: bool = True, towers: int = 5, half: float = 8.0) -> Rate:
    """Steps a second with all goals, and with or without what agents sense."""
    case = spheres(towers=towers, half=half)
    levels = jax.jit(lambda key: training_levels(case, key, 2 * batch))(root(0))

    @jax.jit
    def run(levels: Any, key: Any) -> Any:
        actions = jax.random.randint(stream(key, "moves"), (STEPS, batch), 0, len(case.world.actions))

        def step(carry: Any, action: Any) -> Any:
            running, resets, earned = carry
            seen = jax.vmap(partial(observe, case, levels))(running) if senses else None
            arrived, outcome = jax.vmap(partial(advance, case, levels))(running, action)
            begun = jax.vmap(partial(begin, case, levels))(2 * jnp.arange(batch) + resets % 2)
            running = jax.tree.map(partial(_where, outcome.truncated), begun, arrived)
            earned = jax.tree.map(jnp.add, earned, outcome.goals)
            return (running, resets + outcome.truncated, earned), None if seen is None else seen.cells.sum(1)

        running = jax.vmap(partial(begin, case, levels))(2 * jnp.arange(batch))
        begun = (running, jnp.zeros(batch, jnp.int32), (jnp.zeros(batch),) * len(case.goals))
        return jax.lax.scan(step, begun, actions)

    return rate(run, levels, root(1), count=batch * STEPS, repeats=9)


def _where(mask: Any, new: Any, old: Any) -> Any:
    return jnp.where(mask.reshape(mask.shape + (1,) * (new.ndim - 1)), new, old)


def generation_rate(batch: int = 4_096) -> Rate:
    """Levels a second."""
    case = spheres()
    knobs = {name: jnp.full(batch, value) for name, value in case.knob_values(case.train).items()}
    return rate(jax.jit(lambda key: draw(case, key, knobs, batch)), root(0), count=batch, repeats=9)


def measured() -> dict[str, Rate]:
    """Every figure by name."""
    rates = {
        f"steps/s, batch {batch:,}, {'with' if senses else 'without'} observation": stepping_rate(batch, senses)
        for senses in (True, False)
        for batch in (256, 1_024)
    }
    rates["steps/s, batch 256, with observation, 8 towers, half 10"] = stepping_rate(256, True, 8, 10.0)
    rates["levels/s"] = generation_rate()
    return rates


def _on_core(core: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__)), "--as-json", "--core", str(core)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2, help="processes at once, each on a core of its own")
    parser.add_argument("--core", type=int, default=None, help="measure here, on this core alone")
    parser.add_argument("--as-json", action="store_true")
    asked = parser.parse_args()
    if asked.core is not None:
        os.sched_setaffinity(0, {asked.core})
        print(json.dumps(measured()) if asked.as_json else measured())
        return
    cores = sorted(os.sched_getaffinity(0))[: asked.cores]
    begun = [_on_core(core) for core in cores]
    each = [json.loads(process.communicate()[0].splitlines()[-1]) for process in begun]
    print(f"{len(cores)} cores, one process on each{'':30}{'middle':>14}{'best':>14}")
    for name in each[0]:
        middle, _, most = (sum(found[name][place] for found in each) for place in range(3))
        print(f"{name:60}{middle:14,.0f}{most:14,.0f}")


if __name__ == "__main__":
    main()
