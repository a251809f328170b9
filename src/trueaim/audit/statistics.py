"""Numbers with intervals that treat the independently trained agent as the unit and levels as nested under it.

Agents and levels are crossed (all agents play the same levels), so a resample draws agents and levels, both with
replacement; the bounds are then corrected for few agents as in `trueaim.audit.intervals`. With one agent only levels
can be drawn, and the interval says nothing about training again.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from trueaim.audit.intervals import RESAMPLES, SEED, half_width, stretched
from trueaim.core.verdict import Number

Table = Float[np.ndarray, "agent level"]


def ratio(above: Table, below: Table, resamples: int = RESAMPLES) -> Number:
    """The sum of `above` divided by the sum of `below`, with its 95% interval.

    The bounds never leave the range of what single episodes got. Levels on which `below` is NaN or the sum is 0 cannot
    be judged: no value, with a count of 0.

    Args:
        above: one entry for each agent and level.
        below: the same shape, or one row for all agents.
        resamples: how many bootstrap draws.
    """
    num_agents, num_levels = above.shape
    below = np.broadcast_to(below, above.shape)
    if above.size == 0 or not np.isfinite(above).all() or not np.isfinite(below).all() or below.sum() == 0:
        return Number(value=None, low=None, high=None, count=0, agents=0)
    value = float(above.sum() / below.sum())
    if above.size == 1:
        return Number(value=value, low=None, high=None, count=1, agents=1)
    agents = _weights("agents", resamples, num_agents)
    levels = _weights("levels", resamples, num_levels)
    numerators = ((agents @ above) * levels).sum(1)
    denominators = ((agents @ below) * levels).sum(1)
    drawn = numerators[denominators != 0] / denominators[denominators != 0]
    found = stretched(value, drawn, half_width(above, below))
    single = (above / np.where(below == 0, np.nan, below))[below != 0]
    low, high = np.clip(found, min(single.min(), value), max(single.max(), value))
    return Number(value=value, low=float(low), high=float(high), count=int(above.size), agents=num_agents)


def mean(values: Table, resamples: int = RESAMPLES) -> Number:
    """The mean over agents and levels, with its interval."""
    return ratio(values.astype(float), np.ones((1, values.shape[1])), resamples)


def difference(first: Number, second: Number) -> tuple[float, float]:
    """A cautious interval for first - second, from the two intervals (as if errors could add up at their worst)."""
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return float("-inf"), float("inf")
    return first.low - second.high, first.high - second.low


@lru_cache(maxsize=64)
def _weights(unit: str, resamples: int, num: int) -> Float[np.ndarray, "resample unit"]:
    """How often each unit is drawn in each resample; the same for the same arguments."""
    if num == 1:
        return np.ones((resamples, 1))
    generator = np.random.Generator(np.random.Philox([SEED, len(unit), ord(unit[0])]))
    return generator.multinomial(num, np.full(num, 1 / num), resamples).astype(float)
