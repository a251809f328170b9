"""How far the returns of goals go together in whatever episodes there are, of someone else's environment or a record.

Weaker evidence than what pursuing one goal costs another: goals that agree in what one policy does, random actions for
example, may part in what another does.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from trueaim.audit.intervals import CONFIDENCE, NOTHING, RESAMPLES, SEED, Interval, wilson
from trueaim.core.episodes import Episodes


class Agreement(NamedTuple):
    """How far two goals went together in the episodes of one player.

    Attributes:
        setting, player: where, and whose episodes: "random actions", "reference for GOAL", or a policy's name.
        one, other: names of the goals.
        episodes: how many there were in which both goals were scored.
        both: of those in which at least one of the two paid, the share in which both did, with Wilson's interval;
            nothing where neither ever paid.
        only_one, only_other: in how many episodes that goal alone paid.
        correlation: of the two returns over episodes, -1 to 1, with its bootstrap interval; no value where one of them
            never varied.
    """

    setting: str
    player: str
    one: str
    other: str
    episodes: int
    both: Interval
    only_one: int
    only_other: int
    correlation: Interval


def agreements(episodes: Episodes, player: str) -> list[Agreement]:
    """How far every two goals went together in episodes of one setting; episodes without a number are left out."""
    return [_agreement(episodes, player, [one, other]) for one, other in combinations(range(len(episodes.goals)), 2)]


def _agreement(episodes: Episodes, player: str, pair: list[int]) -> Agreement:
    rows = np.isfinite(episodes.returns[:, pair]).all(1)
    returns, paid = episodes.returns[rows][:, pair], episodes.first[rows][:, pair] >= 0
    one, other = (episodes.goals[goal] for goal in pair)
    return Agreement(
        setting=str(episodes.setting[0]),
        player=player,
        one=one,
        other=other,
        episodes=len(returns),
        both=wilson(int(paid.all(1).sum()), int(paid.any(1).sum())),
        only_one=int((paid[:, 0] & ~paid[:, 1]).sum()),
        only_other=int((paid[:, 1] & ~paid[:, 0]).sum()),
        correlation=correlation(returns),
    )


def correlation(returns: Float[np.ndarray, "episode 2"]) -> Interval:
    """Pearson's correlation of two returns over episodes, with its percentile bootstrap interval.

    No value where one of the two never varies; resamples in which one does not are left out.
    """
    num = len(returns)
    if num < 2 or not (returns != returns[0]).any(0).all():
        return NOTHING
    centered = returns - returns.mean(0)
    drawn = np.random.default_rng(SEED).multinomial(num, np.full(num, 1 / num), RESAMPLES) / num
    value = float(_correlations(np.full((1, num), 1 / num), centered)[0])
    tail = (1 - CONFIDENCE) / 2
    draws = _correlations(drawn, centered)
    low, high = np.quantile(draws[np.isfinite(draws)], [tail, 1 - tail])
    return Interval(value, float(low), float(high), num, num)


def _correlations(weights: np.ndarray, values: Float[np.ndarray, "episode 2"]) -> Float[np.ndarray, " draw"]:
    means, squares = weights @ values, weights @ values**2
    spread = np.maximum(squares - means**2, 0.0)
    spread = np.where(spread > 1e-12 * values.var(0), spread, np.nan).prod(-1) ** 0.5
    return np.asarray(np.clip((weights @ values.prod(-1) - means.prod(-1)) / spread, -1.0, 1.0))
