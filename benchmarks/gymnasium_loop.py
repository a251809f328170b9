"""What Gymnasium's vector form costs: steps a second through `step`, against the same steps in one compiled loop.

Measured in processor time, so that others on the machine matter little: `taskset -c 0 python gymnasium_loop.py`.
"""

import argparse
from functools import partial
from statistics import median
from time import process_time
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode

from trueaim.core.keys import root, stream
from trueaim.core.levels import training_levels
from trueaim.core.play import advance, begin, observe
from trueaim.envs.asked import Rules
from trueaim.envs.single import ScenarioEnv
from trueaim.envs.vector import ScenarioVectorEnv

ACTIONS = 64
"""Batches of random actions that are drawn beforehand and come round again."""


class Cost(NamedTuple):
    """Steps a second of all lanes together, and what one call of `step` takes.

    Attributes:
        loop: of the pure loop: the same moves, goals and observations as bytes, compiled as one program, with a new
            level of a table after each episode.
        vector: through `step`.
        call_us: one call, in microseconds.
        levels_us: of it drawing new levels, on average, in microseconds.
    """

    loop: float
    vector: float
    call_us: float
    levels_us: float


def cost(name: str, batch: int, seconds: float = 2.0, **options: Any) -> Cost:
    """Both rates for a scenario and a batch; random moves, training levels, a new one after each episode."""
    env = ScenarioVectorEnv(name, batch, **options)
    return Cost(_loop_rate(env.lanes.asked.rules, batch, seconds), *_vector_rate(env, seconds))


def _vector_rate(env: ScenarioVectorEnv, seconds: float) -> tuple[float, float, float]:
    actions = np.random.default_rng(0).integers(0, env.single_action_space.n, (ACTIONS, env.num_envs))
    env.reset(seed=0)
    drawing: list[float] = []
    fill = env.lanes.supply.fill

    def timed(*arguments: Any) -> None:
        start = process_time()
        fill(*arguments)
        jax.block_until_ready(env.lanes.supply.table)
        drawing.append(process_time() - start)

    for warm in range(2 * env.scenario.horizon):  # past the first wave of ends, and the first refills
        env.step(actions[warm % ACTIONS])
    env.lanes.supply.fill = timed  # type: ignore[method-assign]
    start, steps = process_time(), 0
    while (spent := process_time() - start) < seconds:
        env.step(actions[steps % ACTIONS])
        steps += 1
    return steps * env.num_envs / spent, spent / steps * 1e6, sum(drawing) / steps * 1e6


def _loop_rate(rules: Rules, batch: int, seconds: float, steps: int = 256) -> float:
    case = rules.scenario
    levels = jax.jit(partial(training_levels, case, num=4 * batch))(root(0))

    def look(running: Any) -> Any:
        return jax.vmap(partial(observe, case, levels))(running)

    @jax.jit
    def run(key: Any, running: Any) -> Any:
        bits = jax.random.bits(stream(key, "moves"), (steps, batch), jnp.uint32)

        def step(carry: Any, bits: Any) -> Any:
            running, _, earned = carry
            actions = (bits % len(case.world.actions)).astype(jnp.int32)
            running, outcome = jax.vmap(partial(advance, case, levels))(running, actions)
            ended = outcome.terminated | outcome.truncated
            fresh = jax.vmap(partial(begin, case, levels))((bits >> 8) % (4 * batch))
            running = jax.tree.map(partial(_where, ended), fresh, running)
            return (running, look(running), jax.tree.map(jnp.add, earned, outcome.goals)), None

        first = running, look(running), (jnp.zeros(batch),) * len(case.goals)
        return jax.lax.scan(step, first, bits)[0]

    running = jax.vmap(partial(begin, case, levels))(jnp.arange(batch))
    jax.block_until_ready(run(root(1), running))
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        start = process_time()
        jax.block_until_ready(run(root(1), running))
        times.append(process_time() - start)
    return batch * steps / median(times)


def _where(mask: Any, new: Any, old: Any) -> Any:
    return jnp.where(mask.reshape(mask.shape + (1,) * (new.ndim - 1)), new, old)


def single_rate(name: str, seconds: float = 2.0, **options: Any) -> float:
    """Steps a second of one single environment."""
    env: gymnasium.Env[Any, Any] = ScenarioEnv(name, **options)
    actions = np.random.default_rng(0).integers(0, len(env.unwrapped.scenario.world.actions), 4096)  # type: ignore[attr-defined]
    env.reset(seed=0)
    start, steps = process_time(), 0
    while (spent := process_time() - start) < seconds:
        _, _, terminated, truncated, _ = env.step(actions[steps % len(actions)])
        steps += 1
        if terminated or truncated:
            env.reset()
    return steps / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["cheese_corner"])
    parser.add_argument("--batch", type=int, nargs="*", default=[8, 64, 1_024, 8_192])
    arguments = parser.parse_args()
    print(f"{'':42}{'batch':>7}{'loop/s':>14}{'vector/s':>14}{'share':>7}{'call us':>10}{'levels us':>10}")
    for name in arguments.names:
        print(f"{name + ', single':42}{1:7}{'':14}{single_rate(name):14,.0f}")
        for batch in arguments.batch:
            for words, options in (
                ("planes", {}),
                ("bytes, not copied", {"copy": False, "planes": False}),
                (
                    "bytes, not copied, SameStep",
                    {"copy": False, "planes": False, "autoreset_mode": AutoresetMode.SAME_STEP},
                ),
            ):
                found = cost(name, batch, **options)
                share = found.vector / found.loop
                print(
                    f"{name + ', ' + words:42}{batch:7}{found.loop:14,.0f}{found.vector:14,.0f}{share:7.0%}"
                    f"{found.call_us:10,.0f}{found.levels_us:10,.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
