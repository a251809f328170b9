"""Scores by which curricula choose levels: guesses at regret, and measures of how much there is to learn.

Each is a function of one record of what came of a level. All but the first are biased, each in its own way: what a
score hides, a curriculum never trains on.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from trueaim.core.errors import unknown_name


class Facts(NamedTuple):
    """What came of one cycle's episodes on each level; means are over episodes, within each first over its steps.

    Attributes:
        episodes: how many count; all numbers below but the last five are of these.
        unfinished: how many of those the cycle cut off; they count with what the critic expects of the rest.
        returned: mean return of the intended goal, discounted as the scenario measures.
        success: share of episodes in which the intended goal ever paid.
        positive: mean of max(A, 0), where A are the advantages (GAE), in units of reward.
        absolute: mean of |A|.
        value: mean of the critic's value, in units of reward, discounted as the learner does.
        best: the highest return of an episode that ended in this cycle; -inf where none did.
        best_learned: the same, discounted as the learner does.
        highest, highest_learned: the same of all cycles up to this one.
        optimum: the highest return of any policy; NaN where it is not known.
    """

    episodes: Float[Array, " level"]
    unfinished: Float[Array, " level"]
    returned: Float[Array, " level"]
    success: Float[Array, " level"]
    positive: Float[Array, " level"]
    absolute: Float[Array, " level"]
    value: Float[Array, " level"]
    best: Float[Array, " level"]
    best_learned: Float[Array, " level"]
    highest: Float[Array, " level"]
    highest_learned: Float[Array, " level"]
    optimum: Float[Array, " level"]


def oracle_latest(facts: Facts) -> Float[Array, " level"]:
    """Regret: the optimum less the mean return now; NaN where the optimum is not known.

    Unbiased, as far as episodes are finished; noisy where few are. It knows the intended goal's optimum, which plain
    reinforcement learning does not. Source: arXiv 2507.03068, section 5.
    """
    return facts.optimum - facts.returned


def max_latest(facts: Facts) -> Float[Array, " level"]:
    """The highest return ever seen less the mean return now; NaN where no episode ever ended.

    Bias: a level that was never solved looks as if it could not be, has 0, and leaves the buffer, so agents with a
    proxy goal are not shown what they fail. Source: arXiv 2507.03068, section 5.
    """
    return jnp.where(jnp.isfinite(facts.highest), facts.highest - facts.returned, jnp.nan)


def positive_value_loss(facts: Facts) -> Float[Array, " level"]:
    """The mean of max(A_t, 0).

    Bias: it is 0 where the critic expects too much, as it does where a proxy goal can be reached. Scores follow the
    success rate more than what can be learned (arXiv 2408.15099). Source: Jiang et al. 2021, arXiv 2110.02439,
    section 4.
    """
    return facts.positive


def max_monte_carlo(facts: Facts) -> Float[Array, " level"]:
    """The highest return ever seen less the mean value; NaN where no episode ever ended.

    The return is discounted as values are; the source mixes an undiscounted one with discounted values, which scores
    long ways as regret. Bias: that of `max_latest`, and values late in an episode are of less that is still to come.
    Source: arXiv 2110.02439, section 4.
    """
    return jnp.where(jnp.isfinite(facts.highest_learned), facts.highest_learned - facts.value, jnp.nan)


def absolute_value_loss(facts: Facts) -> Float[Array, " level"]:
    """The mean of |A_t|.

    Not a regret: it is high where chance decides, however well the agent does. Source: arXiv 2010.03934, section 3.
    """
    return facts.absolute


def learnability(facts: Facts) -> Float[Array, " level"]:
    """The variance of success, p (1 - p), where p is the success rate.

    Bias: it is 0 with one episode, and on levels that are never solved; and where part of the goal is easily had (one
    chest of ten), all levels count as solved. Source: Rutherford et al. 2024, arXiv 2408.15099, equation 2.
    """
    return facts.success * (1 - facts.success)


class Score(NamedTuple):
    """A score by name.

    Attributes:
        of: the function.
        needs_optimum: whether it needs the optimum of every level.
    """

    of: Callable[[Facts], Float[Array, " level"]]
    needs_optimum: bool = False


ALL: dict[str, Score] = {
    "oracle": Score(oracle_latest, needs_optimum=True),
    "max_latest": Score(max_latest),
    "pvl": Score(positive_value_loss),
    "max_mc": Score(max_monte_carlo),
    "l1": Score(absolute_value_loss),
    "learnability": Score(learnability),
}
"""Scores by name, as in `--score`."""


def find(name: str) -> Score:
    """The score of that name; raises with the known names."""
    if name not in ALL:
        raise unknown_name("score", name, ALL)
    return ALL[name]


def rank_correlation(first: Float[Array, " level"], second: Float[Array, " level"]) -> Float[Array, ""]:
    """Spearman's correlation over the rows on which both are finite, equal values sharing their mean rank.

    NaN where fewer than two rows are left, or one side is the same on all.
    """
    is_known = jnp.isfinite(first) & jnp.isfinite(second)
    one, other = (_centered_ranks(each, is_known) for each in (first, second))
    return (one * other).sum() / jnp.sqrt((one**2).sum() * (other**2).sum())


def _centered_ranks(values: Float[Array, " level"], is_known: Array) -> Float[Array, " level"]:
    below = (values[:, None] > values[None]) & is_known[None]
    equal = (values[:, None] == values[None]) & is_known[None]
    ranks = jnp.where(is_known, below.sum(-1) + 0.5 * equal.sum(-1), 0.0)
    mean = ranks.sum() / is_known.sum()
    return jnp.where(is_known, ranks - mean, 0.0)
