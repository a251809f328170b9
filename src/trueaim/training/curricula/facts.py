"""From a rollout in which every environment plays its own level again and again, to what came of each level.

An episode counts if it began early enough to be over before the rollout is, whatever happens in it: not later than
`rollout - horizon` steps after the start. Whoever counts all that ended, and leaves out what did not, counts short
episodes more often, and those are the solved ones; whoever takes what was cut off for failures finds regret where there
is none. Where a rollout is shorter than the time limit, the first episode counts, and what the critic expects of the
rest stands for it; the share of such episodes is told.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from trueaim.training.curricula.scores import Facts
from trueaim.training.ppo import Rollout


class Sums(NamedTuple):
    """Sums over the episodes of each environment that count, and the best of all that ended; names as in `Facts`."""

    episodes: Float[Array, " env"]
    unfinished: Float[Array, " env"]
    returned: Float[Array, " env"]
    success: Float[Array, " env"]
    positive: Float[Array, " env"]
    absolute: Float[Array, " env"]
    value: Float[Array, " env"]
    best: Float[Array, " env"]
    best_learned: Float[Array, " env"]


class Discounts(NamedTuple):
    """Per step: that by which the scenario measures returns, and that by which the learner does."""

    measured: float
    learned: float


def sums(
    rollout: Rollout,
    advantage: Float[Array, "time env"],
    unit: Float[Array, ""] | float,
    horizon: int,
    discounts: Discounts,
) -> Sums:
    """What came of the episodes of each environment.

    Args:
        rollout: begun with the first step of an episode everywhere; `reward` as the goal pays it.
        advantage: of every step.
        unit: what values and advantages of 1 are worth in rewards.
        horizon: the time limit, in steps.
        discounts: of returns.
    """
    length = rollout.cut.shape[0]
    begin, end = _episodes(rollout.cut)
    time = jnp.arange(length)[:, None]
    is_end = time == end
    counts = begin <= max(0, length - horizon)
    so_far, learned, paid = _so_far(rollout.reward, time == begin, discounts)
    is_cut_off = is_end & ~rollout.cut
    rest = jnp.where(is_cut_off, discounts.measured ** (end - begin + 1.0) * rollout.value_next * unit, 0.0)
    closes = (is_end & counts).astype(jnp.float32)
    share = jnp.where(counts, 1.0 / (end - begin + 1.0), 0.0)
    ended = is_end & rollout.cut
    return Sums(
        episodes=closes.sum(0),
        unfinished=(closes * is_cut_off).sum(0),
        returned=(closes * (so_far + rest)).sum(0),
        success=(closes * paid).sum(0),
        positive=(share * jnp.maximum(advantage, 0.0)).sum(0) * unit,
        absolute=(share * jnp.abs(advantage)).sum(0) * unit,
        value=(share * rollout.value).sum(0) * unit,
        best=jnp.where(ended, so_far, -jnp.inf).max(0),
        best_learned=jnp.where(ended, learned, -jnp.inf).max(0),
    )


def _episodes(cut: Bool[Array, "time env"]) -> tuple[Int[Array, "time env"], Int[Array, "time env"]]:
    """The first and the last step of the episode that each step belongs to."""
    length = cut.shape[0]
    time = jnp.broadcast_to(jnp.arange(length)[:, None], cut.shape)
    starts = jnp.concatenate([jnp.ones_like(cut[:1]), cut[:-1]])
    begin = jax.lax.cummax(jnp.where(starts, time, 0), axis=0)
    end = jax.lax.cummin(jnp.where(cut, time, length - 1), axis=0, reverse=True)
    return begin, end


def _so_far(
    reward: Float[Array, "time env"], is_start: Bool[Array, "time env"], discounts: Discounts
) -> tuple[Float[Array, "time env"], Float[Array, "time env"], Bool[Array, "time env"]]:
    """The two discounted returns of each step's episode up to it, and whether it has paid."""

    def step(carry: tuple[Array, ...], now: tuple[Array, Array]) -> tuple[tuple[Array, ...], Any]:
        reward_t, is_start_t = now
        zero = jnp.zeros_like(reward_t)
        measured, learned, first, second, paid = (
            jnp.where(is_start_t, begun, old)
            for begun, old in zip((zero, zero, zero + 1, zero + 1, zero > 0), carry, strict=True)
        )
        measured, learned = measured + first * reward_t, learned + second * reward_t
        paid = paid | (reward_t > 0)
        return (measured, learned, first * discounts.measured, second * discounts.learned, paid), (
            measured,
            learned,
            paid,
        )

    zero = jnp.zeros_like(reward[0])
    begun: tuple[Array, ...] = (zero, zero, zero, zero, zero > 0)
    found: tuple[Array, Array, Array] = jax.lax.scan(step, begun, (reward, is_start))[1]
    return found


def merged(found: Sums, group: Int[Array, " env"]) -> Sums:
    """For each environment the sums over all of its group, which play the same level.

    Args:
        found: of each environment.
        group: the number of one environment that stands for each one's group.
    """
    num = group.shape[0]
    added = jax.tree.map(lambda each: jax.ops.segment_sum(each, group, num)[group], found)
    best, best_learned = (jax.ops.segment_max(each, group, num)[group] for each in (found.best, found.best_learned))
    return added._replace(best=best, best_learned=best_learned)


def facts(
    found: Sums,
    highest: Float[Array, " env"],
    highest_learned: Float[Array, " env"],
    optimum: Float[Array, " env"],
) -> Facts:
    """The record for scores, from the sums and what was known before of each environment's level."""
    episodes = found.episodes
    means = {name: getattr(found, name) / episodes for name in ("returned", "success", "positive", "absolute", "value")}
    return Facts(
        episodes=episodes,
        unfinished=found.unfinished,
        **means,
        best=found.best,
        best_learned=found.best_learned,
        highest=jnp.maximum(highest, found.best),
        highest_learned=jnp.maximum(highest_learned, found.best_learned),
        optimum=optimum,
    )
