"""How fast CoinRun is here without pictures: `python benchmarks/coinrun.py`.

Steps include new levels: every environment has two fresh ones for each 128 steps, and moves to the next when an episode
ends. Random play that leans to the right ends an episode about every 40 steps; what comes round again is played again.
"""

from functools import partial
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp

from grid_kernels import Rate, rate
from trueaim import scenario
from trueaim.core.keys import root, stream
from trueaim.core.levels import training_levels
from trueaim.core.play import advance, begin, observe
from trueaim.training.learn import train
from trueaim.training.plan import Plan
from trueaim.training.presets import hyperparameters

BATCH, STEPS, FRESH = 1_024, 128, 2


def stepping_rate(batch: int = BATCH) -> Rate:
    """Steps a second with observation, all goals and level generation, random moves."""
    case = scenario("coinrun")

    @jax.jit
    def run(key: Any) -> Any:
        levels = training_levels(case, stream(key, "levels"), batch * FRESH)
        actions = jax.random.randint(stream(key, "moves"), (STEPS, batch), 0, len(case.world.actions))

        def step(carry: Any, action: Any) -> Any:
            running, resets, earned = carry
            seen = jax.vmap(partial(observe, case, levels))(running)
            arrived, outcome = jax.vmap(partial(advance, case, levels))(running, action)
            over = outcome.terminated | outcome.truncated
            begun = jax.vmap(partial(begin, case, levels))(FRESH * jnp.arange(batch) + resets % FRESH)
            running = jax.tree.map(partial(_where, over), begun, arrived)
            return (running, resets + over, jax.tree.map(jnp.add, earned, outcome.goals)), seen.cells.sum((1, 2))

        running = jax.vmap(partial(begin, case, levels))(FRESH * jnp.arange(batch))
        begun = (running, jnp.zeros(batch, jnp.int32), (jnp.zeros(batch),) * len(case.goals))
        return jax.lax.scan(step, begun, actions)

    return rate(run, root(1), count=batch * STEPS, repeats=9)


def _where(mask: Any, new: Any, old: Any) -> Any:
    return jnp.where(mask.reshape(mask.shape + (1,) * (new.ndim - 1)), new, old)


def generation_rate(batch: int = 4_096) -> Rate:
    """Complete levels a second: sections, cells, enemies, coin and spot."""
    case = scenario("coinrun")
    knobs = {name: jnp.float32(value) for name, value in case.knob_values(case.shifts["random"]).items()}
    draw = jax.jit(jax.vmap(lambda key: case.world.draw(key, knobs)))
    return rate(draw, jax.random.split(root(0), batch), count=batch)


def learning_rate(steps: int = 2_000_000) -> float:
    """Steps a second of training from end to end, compilation left out, curves included: the last three quarters."""
    case = scenario("coinrun", difficulty="easy", steps=500)
    times: list[tuple[float, int]] = []
    plan = Plan(case, steps, (0,), config=hyperparameters(case))
    train(plan, show=lambda told: times.append((perf_counter(), told.done)))
    (start, before), (end, after) = times[len(times) // 4], times[-1]
    return (after - before) / (end - start)


def main() -> None:
    print(f"steps/s, levels included  {stepping_rate().middle:14,.0f}")
    print(f"levels/s                  {generation_rate().middle:14,.0f}")
    print(f"steps/s of training       {learning_rate():14,.0f}")


if __name__ == "__main__":
    main()
