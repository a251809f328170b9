"""Where regret sits: its profile over levels, its worst tenth, and robust summaries that hide just that.

Goal misgeneralization lives in the tail: an agent may be optimal on nine levels of ten and pursue another goal on the
tenth. The profile and the mean of the worst levels are the headline; the interquartile mean, which was made to leave
tails out, is a second number beside them. Tables have independently trained agents as rows and shared levels as
columns; regret is normalized (0 optimal, 1 worst), scores are shares of optimal; NaN stands for what was not judged.

Sources: Rockafellar & Uryasev 2000, Optimization of conditional value-at-risk; Agarwal, Schwarzer, Castro, Courville &
Bellemare 2021, Deep reinforcement learning at the edge of the statistical precipice, section 4.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from trueaim.audit.intervals import (
    CONFIDENCE,
    NOTHING,
    RESAMPLES,
    SEED,
    Interval,
    Part,
    Seed,
    between,
    hierarchical,
    margin,
    stretched,
    wilson,
)
from trueaim.core.errors import TrueAimError

WORST = 0.1
"""The share of levels that counts as the tail."""
THRESHOLDS = tuple(float(number) for number in np.linspace(0, 0.95, 20).round(2))
"""Regrets at which a profile is taken."""
LEVELS_AT_ONCE = 100
"""How many resamples of levels are held in memory at a time."""

Table = Float[np.ndarray, "agent level"]


class Profile(NamedTuple):
    """The share of levels on which regret is above a threshold, for each threshold, with bands in [0, 1].

    Attributes:
        thresholds: regret, from small to large.
        share: mean over agents of the share of their levels with more regret.
        low, high: bounds for each threshold alone.
        entries: levels judged, over all agents.
        units: agents.
    """

    thresholds: Float[np.ndarray, " threshold"]
    share: Float[np.ndarray, " threshold"]
    low: Float[np.ndarray, " threshold"]
    high: Float[np.ndarray, " threshold"]
    entries: int
    units: int


def profile(
    regret: Table,
    thresholds: tuple[float, ...] = THRESHOLDS,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: Seed = SEED,
) -> Profile:
    """The regret profile of these agents, with bands that are corrected for few agents as in `hierarchical`.

    Where all agents agree on all levels the band is Wilson's for as many levels and says nothing about training again.
    NaN throughout where nothing was judged.

    Args:
        regret: normalized regret of each agent on each level.
        thresholds: at which regrets to look.
        resamples: bootstrap draws of agents and levels, the same for all thresholds.
        confidence: of each bound alone.
        seed: of the draws.
    """
    regret, chance = _judged(regret), np.random.default_rng(seed)
    if not regret.size:
        nothing = np.full(len(thresholds), np.nan)
        return Profile(np.asarray(thresholds, float), nothing, nothing, nothing, 0, 0)
    agents, levels = (_weights(num, resamples, chance) for num in regret.shape)
    rows = []
    for threshold in thresholds:
        above = np.where(np.isnan(regret), np.nan, regret > threshold)
        found = hierarchical(above, method="t", confidence=confidence)
        if found.value in (0.0, 1.0):
            _, low, high, *_ = wilson(int(found.value) * regret.shape[1], regret.shape[1], confidence)
        else:
            draws = _pooled(_drawn_means(above, levels), agents)
            low, high = stretched(found.value, draws, found.high - found.value, confidence)
        rows.append((threshold, found.value, *np.clip([low, high], 0, 1)))
    at, share, low, high = np.array(rows).T
    return Profile(at, share, low, high, found.entries, found.units)


def cvar(regret: Float[np.ndarray, "*table level"], worst: float = WORST) -> Float[np.ndarray, "*table"]:
    """The mean regret on the worst share of the levels (conditional value at risk), along the last axis.

    A level that only partly belongs to that share counts in part. NaN entries are left out; NaN where none is left.

    Args:
        regret: larger is worse.
        worst: in (0, 1]; 1 is the mean.
    """
    if not 0 < worst <= 1:
        raise TrueAimError(f"worst: got {worst}, needs a share above 0 and at most 1; try {WORST}.")
    falling = -np.sort(-np.asarray(regret, float), axis=-1)
    mass = worst * (~np.isnan(falling)).sum(-1, keepdims=True)
    counted = np.clip(mass - np.arange(falling.shape[-1]), 0, 1)
    total = np.where(counted > 0, falling * counted, 0.0).sum(-1)
    return _over(total, mass[..., 0])


def over_agents(
    regret: Table,
    statistic: Callable[[Float[np.ndarray, "... level"]], Float[np.ndarray, "..."]] = cvar,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: Seed = SEED,
) -> Interval:
    """The mean over agents of what a statistic says of each agent's levels; by default the CVaR, agent by agent.

    Agents and levels are drawn, the levels for all agents alike; the bounds are corrected for few agents with `margin`.
    One agent: only levels are drawn.

    Args:
        regret: normalized regret of each agent on each level.
        statistic: along the last axis, of many samples at once; it leaves NaN out itself.
        resamples: how many bootstrap draws.
        confidence: share of intervals that are to hold the truth.
        seed: of the draws.
    """
    regret, chance = _judged(regret), np.random.default_rng(seed)
    entries, (num_agents, num_levels) = int((~np.isnan(regret)).sum()), regret.shape
    if not regret.size:
        return NOTHING
    each = np.asarray(statistic(regret))
    value = float(each.mean())
    if regret.size == 1:
        return Interval(value, np.nan, np.nan, entries, num_agents)
    drawn = _levels_drawn(regret, statistic, resamples, chance)
    draws = _pooled(drawn, _weights(num_agents, resamples, chance))
    parts, shared = [between(each / num_agents)] if num_agents > 1 else [], 0.0
    if num_levels > 1:
        common = np.nanmean(drawn, axis=0)
        unbiased = num_levels / (num_levels - 1)
        parts.append(Part(float(np.var(common)) * unbiased, num_levels - 1))
    if len(parts) > 1:
        shared = float(np.nanvar(drawn - common, axis=1).sum()) * unbiased / (num_agents * (num_agents - 1))
    half = margin(*parts, shared=shared, confidence=confidence)
    return Interval(value, *stretched(value, draws, half, confidence), entries, num_agents)


def iqm(scores: Float[np.ndarray, "*draw agent level"]) -> Float[np.ndarray, "*draw"]:
    """The mean of the middle half of all scores of all agents on all levels; NaN where there are none.

    A quarter of them, rounded down, is left out at either end. It is blind to goals that show on less than a quarter of
    the levels: never the only number.
    """
    scores = np.asarray(scores, float)
    rising = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    num = (~np.isnan(rising)).sum(-1, keepdims=True)
    rank = np.arange(rising.shape[-1])
    middle = (rank >= num // 4) & (rank < num - num // 4)
    return _over(np.where(middle, rising, 0.0).sum(-1), middle.sum(-1))


def optimality_gap(scores: Float[np.ndarray, "*draw agent level"], target: float = 1.0) -> Float[np.ndarray, "*draw"]:
    """How far scores are below the target on average, those above it counting as at it; NaN where there are none."""
    short = target - np.minimum(np.asarray(scores, float), target)
    there = ~np.isnan(short)
    return _over(np.where(there, short, 0.0).sum((-2, -1)), there.sum((-2, -1)))


def stratified(
    scores: Table,
    statistic: Callable[[Float[np.ndarray, "draw agent level"]], Float[np.ndarray, " draw"]] = iqm,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: Seed = SEED,
) -> Interval:
    """A statistic of the whole table with a percentile interval from agents drawn anew on each level.

    As the field reports it, for comparison with published numbers: it takes levels for given and agents on different
    levels for different agents, and is too short where an agent that is bad on one level is bad on others.

    Args:
        scores: of each agent on each level; NaN is left to the statistic.
        statistic: of many tables at once.
        resamples: how many bootstrap draws; the source takes 50,000.
        confidence: share of intervals that are to hold the truth.
        seed: of the draws.
    Source: Agarwal et al. 2021, section 4.1.
    """
    scores, chance = _judged(scores), np.random.default_rng(seed)
    if not scores.size:
        return NOTHING
    entries, num_agents = int((~np.isnan(scores)).sum()), len(scores)
    value = float(statistic(scores[None])[0])
    if num_agents == 1:
        return Interval(value, np.nan, np.nan, entries, 1)
    drawn = []
    for start in range(0, resamples, LEVELS_AT_ONCE):
        rows = chance.integers(0, num_agents, (min(LEVELS_AT_ONCE, resamples - start), *scores.shape))
        drawn.append(statistic(np.take_along_axis(scores[None], rows, axis=1)))
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(np.concatenate(drawn), [tail, 1 - tail])
    return Interval(value, float(low), float(high), entries, num_agents)


def probability_of_improvement(
    first: Float[np.ndarray, "agent level"],
    second: Float[np.ndarray, "other level"],
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: Seed = SEED,
) -> Interval:
    """The chance that an agent of the first kind scores higher than one of the second on the same level, ties half.

    Mean over levels of the Mann-Whitney statistic; bounds in [0, 1] by drawing both kinds of agents and levels, and
    corrected for few agents. Counts comparisons, and the agents of the smaller side as units.

    Args:
        first: scores of each agent on each level, larger is better.
        second: the same levels, other agents.
        resamples: how many bootstrap draws.
        confidence: share of intervals that are to hold the truth.
        seed: of the draws.
    Source: Agarwal et al. 2021, section 4.3; bounds ours.
    """
    if first.shape[1:] != second.shape[1:]:
        got = f"got tables of shapes {first.shape} and {second.shape}, needs the same levels"
        raise TrueAimError(f"second: {got}; audit both on one set of levels.")
    one, other, chance = first[:, None].astype(float), second[None].astype(float), np.random.default_rng(seed)
    there = ~np.isnan(one + other)
    won = np.where(there, (one > other) + (one == other) / 2, 0.0)
    entries, units = int(there.sum()), min(len(first), len(second))
    if not entries:
        return NOTHING
    value = float(won.sum() / entries)
    off = np.where(there, won - value, 0.0) / entries
    parts = [between(off.sum(axes)) for axes in ((1, 2), (0, 2), (0, 1)) if off.sum(axes).size > 1]
    if not parts:
        return Interval(value, np.nan, np.nan, entries, units)
    weights = [_weights(num, resamples, chance) for num in there.shape]
    total, possible = (
        np.einsum("ra,rb,abl,rl->r", *weights[:2], table, weights[2], optimize="greedy")
        for table in (won, there.astype(float))
    )
    draws = total[possible > 0] / possible[possible > 0]
    low, high = np.clip(stretched(value, draws, margin(*parts, confidence=confidence), confidence), 0, 1)
    return Interval(value, float(low), float(high), entries, units)


def _judged(table: Table) -> Table:
    """The table without agents and levels that have no entry at all."""
    table = np.asarray(table, float)
    if table.ndim != 2:
        raise TrueAimError(f"table: got shape {table.shape}, needs [agent, level]; average episodes first.")
    there = ~np.isnan(table)
    return np.asarray(table[there.any(1)][:, there.any(0)])


def _over(total: np.ndarray, num: np.ndarray) -> np.ndarray:
    """Total / num, NaN where num is 0."""
    return np.asarray(np.where(num > 0, total / np.where(num > 0, num, 1), np.nan))


def _weights(num: int, resamples: int, chance: np.random.Generator) -> Float[np.ndarray, "draw unit"]:
    """How often each of `num` units is drawn in each resample; each once where there is only one."""
    return chance.multinomial(num, np.full(num, 1 / num), resamples).astype(float)


def _drawn_means(table: Table, levels: Float[np.ndarray, "draw level"]) -> Float[np.ndarray, "agent draw"]:
    """Each agent's mean over the drawn levels; NaN where it has none of them."""
    there = ~np.isnan(table)
    return _over(np.where(there, table, 0.0) @ levels.T, there.astype(float) @ levels.T)


def _levels_drawn(
    regret: Table, statistic: Callable[[np.ndarray], np.ndarray], resamples: int, chance: np.random.Generator
) -> Float[np.ndarray, "agent draw"]:
    """The statistic of each agent on drawn levels, the same levels for all."""
    num, drawn = regret.shape[1], []
    for start in range(0, resamples, LEVELS_AT_ONCE):
        levels = chance.integers(0, num, (min(LEVELS_AT_ONCE, resamples - start), num))
        drawn.append(statistic(regret[:, levels]))
    return np.concatenate(drawn, axis=1)


def _pooled(
    drawn: Float[np.ndarray, "agent draw"], agents: Float[np.ndarray, "draw agent"]
) -> Float[np.ndarray, " draw"]:
    """The mean over drawn agents in each draw, leaving out those without a number and draws without any."""
    there = ~np.isnan(drawn)
    mean = _over((np.where(there, drawn, 0.0) * agents.T).sum(0), (there * agents.T).sum(0))
    return np.asarray(mean[~np.isnan(mean)])
