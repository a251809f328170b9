"""The interval of any statistic of independent units: bias-corrected and accelerated (BCa)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import stats

from trueaim.audit.intervals import AT_ONCE, CONFIDENCE, NOTHING, RESAMPLES, SEED, Interval, Seed, chunks, upper_level


def bca(
    values: Float[np.ndarray, "unit ..."],
    statistic: Callable[[Float[np.ndarray, "draw unit ..."]], Float[np.ndarray, " draw"]],
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: Seed = SEED,
) -> Interval:
    """A statistic of independent units with its bias-corrected and accelerated bootstrap interval.

    Corrects the percentile interval for median bias (how many draws lie below the value) and for a standard error that
    changes with the value (from leaving one unit out at a time), not for few units: below about 20 it is too short; for
    agents use `hierarchical`.

    Args:
        values: one row for each unit; units with a NaN in them are left out.
        statistic: of many samples at once, each as a row.
        resamples: how many bootstrap draws.
        confidence: share of intervals that are to hold the truth.
        seed: of the draws.
    Source: Efron 1987, Better bootstrap confidence intervals; Efron & Tibshirani 1993, section 14.3.
    """
    values = np.asarray(values, float)
    values = values[~np.isnan(values.reshape(len(values), -1)).any(1)] if len(values) else values
    num = len(values)
    if num == 0:
        return NOTHING
    value = float(statistic(values[None])[0])
    if num == 1:
        return Interval(value, np.nan, np.nan, values.size, 1)
    chance = np.random.default_rng(seed)
    parts = chunks(resamples, values.size)
    draws = np.concatenate([statistic(values[chance.integers(0, num, (rows, num))]) for rows in parts])
    kept = np.arange(num - 1) + (np.arange(num - 1) >= np.arange(num)[:, None])
    jackknife = np.concatenate(
        [statistic(values[part]) for part in np.array_split(kept, -(-num * values.size // AT_ONCE))]
    )
    low, high = np.quantile(draws, _bca_levels(value, draws, jackknife, confidence))
    return Interval(value, float(low), float(high), values.size, num)


def _bca_levels(
    value: float, draws: Float[np.ndarray, " draw"], jackknife: Float[np.ndarray, " unit"], confidence: float
) -> Float[np.ndarray, " 2"]:
    """At which quantiles of the draws the two bounds are."""
    below = (np.sum(draws < value) + np.sum(draws == value) / 2) / len(draws)
    bias = stats.norm.ppf(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
    away = jackknife.mean() - jackknife
    squares = np.sum(away**2)
    acceleration = np.sum(away**3) / (6 * squares**1.5) if squares > 0 else 0.0
    z = bias + stats.norm.ppf([1 - upper_level(confidence), upper_level(confidence)])
    return np.asarray(stats.norm.cdf(bias + z / (1 - acceleration * z)))
