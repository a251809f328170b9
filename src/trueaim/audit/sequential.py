"""Tests that may look after every level: betting on a mean, Wald's ratio test, and how many levels either needs.

A gambler starts with 1 and bets on each value before seeing it, in a game that is fair or worse if the hypothesis
holds. By Ville's inequality the wealth then ever reaches 1/alpha with probability at most alpha, so one may look after
every level and stop when one likes. Values must lie in [0, 1] and be draws from one declared distribution of levels;
levels that a search found are existence proofs and never enter here. A bound taken from the same data voids the
guarantee: to account for a clumsy agent, bet on the `excess` over matched levels instead of moving the bound.

Sources: Waudby-Smith & Ramdas 2024, Estimating means of bounded random variables by betting;
Wald 1945, Sequential tests of statistical hypotheses.
"""

import math
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from trueaim.core.errors import TrueAimError

ALPHA = 0.01
"""Largest chance of a false acceptance."""
STAKE = 0.9
"""Largest share of the wealth that one value may lose; below 1, so that the gambler is never ruined."""
MARGIN = 0.1
"""Mean normalized regret (or excess of it) from which on an agent counts as losing intended return."""
ROWS = 100
"""How many hypotheses a confidence sequence holds in memory at a time."""


class Decision(StrEnum):
    """What has been accepted so far."""

    HIGH = "accepted high"
    LOW = "accepted low"
    UNDECIDED = "undecided"


class Seen(NamedTuple):
    """Sums over the values so far, from which the next stake is taken.

    Attributes:
        num, total, squares: of the values, and of one more that stands for knowing nothing: half a 0 and half a 1.
    """

    num: float = 1.0
    total: float = 0.5
    squares: float = 0.5

    def mirrored(self) -> "Seen":
        """The sums of 1 - x."""
        return Seen(self.num, self.num - self.total, self.num - 2 * self.total + self.squares)


NOTHING_SEEN = Seen()


class Pair(NamedTuple):
    """Two tests of one mean that run side by side.

    Attributes:
        above: HIGH is accepted when "mean <= above" is rejected.
        below: LOW is accepted when "mean >= below" is rejected.
        alpha: largest chance of either false acceptance.
        decision: sticks once it is made.
        looks: values used; up to the decision, if there is one.
        log_high, log_low: log wealth of the two gamblers, in nats; decided at -log(alpha).
        seen: what stakes are taken from.
    """

    above: float = MARGIN
    below: float = MARGIN
    alpha: float = ALPHA
    decision: Decision = Decision.UNDECIDED
    looks: int = 0
    log_high: float = 0.0
    log_low: float = 0.0
    seen: Seen = NOTHING_SEEN


class Band(NamedTuple):
    """Bounds that hold after all looks at once, for each look."""

    low: Float[np.ndarray, " look"]
    high: Float[np.ndarray, " look"]


class Walk(NamedTuple):
    """A ratio test: what it accepted, after how many outcomes, and the log likelihood ratio there (nats)."""

    decision: Decision
    looks: int
    log_ratio: float


class Expected(NamedTuple):
    """Expected number of levels until a ratio test stops, if the rate is the low one and if it is the high one."""

    low: float
    high: float


def log_wealth(
    values: Float[np.ndarray, "*test look"], bound: float | np.ndarray, seen: Seen = NOTHING_SEEN
) -> Float[np.ndarray, "*test look"]:
    """The log wealth (nats) after each look of a gambler who bets that the mean is above `bound`.

    W_n = prod_i (1 + lam_i (x_i - bound)) with lam_i = clip(d / (var + d^2), 0, 0.9 / bound), d = mean - bound, mean
    and variance being those of the values before x_i and of one that is half a 0 and half a 1. Never reaches
    -log(alpha) with a chance above alpha if the mean is at most `bound`. The mirror, for "the mean is at least b", is
    log_wealth(1 - values, 1 - b).

    Args:
        values: in [0, 1].
        bound: in (0, 1); an array is spread against all but the last axis of `values`.
        seen: what came before, where a run is continued.
    Source: Waudby-Smith & Ramdas 2024, appendix B (approximate GRAPA stakes).
    """
    values, bound = _shares(values), np.asarray(bound, float)
    if not ((bound > 0) & (bound < 1)).all():
        raise TrueAimError(f"bound: got {bound}, needs a mean strictly between 0 and 1; move it inside.")
    bound = bound[..., None]
    num = seen.num + np.arange(values.shape[-1])
    mean = (seen.total + np.cumsum(values, -1) - values) / num
    square = (seen.squares + np.cumsum(values**2, -1) - values**2) / num
    away = mean - bound
    variance = np.maximum(square - mean**2, 0)
    stake = np.clip(away / np.maximum(variance + away**2, np.finfo(float).tiny), 0, STAKE / bound)
    return np.asarray(np.cumsum(np.log1p(stake * (values - bound)), -1))


def pair(above: float = MARGIN, below: float | None = None, alpha: float = ALPHA) -> Pair:
    """Two tests before their first look: is the mean above `above`, is it below `below` (by default the same).

    With above < below no mean makes both hypotheses true, and a false acceptance of either has a chance of at most
    alpha; with above >= below it is twice that for the means in between.

    Raises:
        TrueAimError: for a bound or an alpha that is not strictly between 0 and 1.
    """
    below = above if below is None else below
    for name, share in (("above", above), ("below", below), ("alpha", alpha)):
        _inside(name, share)
    return Pair(above, below, alpha)


def look(tests: Pair, values: Float[np.ndarray, " look"]) -> Pair:
    """The tests after further values in [0, 1], looked at one by one; unchanged if they had decided.

    Raises:
        TrueAimError: for values outside [0, 1] or missing ones.
    """
    values = _shares(values)
    if tests.decision is not Decision.UNDECIDED or not len(values):
        return tests
    high = tests.log_high + log_wealth(values, tests.above, tests.seen)
    low = tests.log_low + log_wealth(1 - values, 1 - tests.below, tests.seen.mirrored())
    over = np.maximum(high, low) >= -math.log(tests.alpha)
    last = int(over.argmax()) if over.any() else len(values) - 1
    decision = Decision.UNDECIDED
    if over.any():
        decision = Decision.HIGH if high[last] >= low[last] else Decision.LOW
    used, seen = values[: last + 1], tests.seen
    return tests._replace(
        decision=decision,
        looks=tests.looks + last + 1,
        log_high=float(high[last]),
        log_low=float(low[last]),
        seen=Seen(seen.num + last + 1, seen.total + float(used.sum()), seen.squares + float((used**2).sum())),
    )


def excess(
    distinguishing: Float[np.ndarray, " look"], matched: Float[np.ndarray, " look"]
) -> Float[np.ndarray, " look"]:
    """Regret on distinguishing levels minus regret on matched non-distinguishing ones, rescaled from [-1, 1] to [0, 1].

    (d - m + 1) / 2, in which an agent that is merely clumsy cancels out; compare with `rescaled` bounds.

    Args:
        distinguishing: normalized regret in [0, 1], one level for each look.
        matched: the same for the level it is paired with, chosen before either was played.
    """
    first, second = _shares(distinguishing), _shares(matched)
    if first.shape != second.shape:
        got = f"got {first.size} distinguishing and {second.size} matched levels, needs one for each"
        raise TrueAimError(f"matched: {got}; pair them before playing.")
    return np.asarray((first - second + 1) / 2)


def rescaled(margin: float) -> float:
    """The mean of `excess` values that stands for this excess regret: (1 + margin) / 2, 0.55 for 0.1."""
    return (1 + margin) / 2


def confidence_sequence(values: Float[np.ndarray, " look"], alpha: float = 0.05, steps: int = 1_000) -> Band:
    """Bounds on the mean of values in [0, 1] after every look, all of which hold it at once with a chance of 1 - alpha.

    Against each mean on a grid two gamblers play with half the wealth each, one on more and one on less; a mean that
    either ever beats by 1/alpha is out. Bounds are rounded outwards by one step of the grid, with which the guarantee
    covers the means between its points too, and never move apart again. Low above high, which has a chance of at most
    alpha otherwise, says that the values are not draws with one mean.

    Args:
        values: in the order in which they came.
        alpha: chance of ever missing the mean.
        steps: of the grid on [0, 1].
    Source: Waudby-Smith & Ramdas 2024 (hedged capital); split wealth and rounding: ours.
    """
    _inside("alpha", alpha)
    values = _shares(values)
    return Band(_lower(values, alpha, steps), 1 - _lower(1 - values, alpha, steps))


def _lower(values: Float[np.ndarray, " look"], alpha: float, steps: int) -> Float[np.ndarray, " look"]:
    """The largest multiple of 1/steps up to which all means have ever been rejected, after each look."""
    grid = np.arange(1, steps) / steps
    parts = np.array_split(grid, -(-len(grid) // ROWS))
    wealth = [np.maximum.accumulate(log_wealth(values[None], part), -1) for part in parts]
    kept = np.concatenate([part < math.log(2 / alpha) for part in wealth])
    return np.asarray(np.where(kept.any(0), kept.argmax(0), steps - 1) / steps)


def sprt(
    outcomes: Bool[np.ndarray, " look"], low: float, high: float, alpha: float = ALPHA, beta: float = ALPHA
) -> Walk:
    """Wald's ratio test of a rate: whether it is `low` or `high`, and after how many outcomes that was clear.

    Stops at log((1 - beta) / alpha) for HIGH and at log(beta / (1 - alpha)) for LOW.

    Args:
        outcomes: whether it happened, in order.
        low: the one rate.
        high: the other; nothing is promised for rates between them.
        alpha: chance of HIGH if the rate is `low`, about.
        beta: chance of LOW if the rate is `high`, about.
    """
    ratio = np.cumsum(np.where(np.asarray(outcomes, bool), *_log_ratios(low, high)))
    up, down = _bounds(alpha, beta)
    over = (ratio >= up) | (ratio <= down)
    if not over.any():
        return Walk(Decision.UNDECIDED, len(ratio), float(ratio[-1]) if len(ratio) else 0.0)
    last = int(over.argmax())
    return Walk(Decision.HIGH if ratio[last] >= up else Decision.LOW, last + 1, float(ratio[last]))


def expected_levels(low: float, high: float, alpha: float = ALPHA, beta: float = ALPHA) -> Expected:
    """Wald's approximation of how many outcomes `sprt` needs, in levels, leaving out what it overshoots its bounds by.

    E_low n = ((1 - alpha) log(beta / (1 - alpha)) + alpha log((1 - beta) / alpha)) / E_low z, and E_high likewise, z
    being the log likelihood ratio of one outcome.
    """
    yes, no = _log_ratios(low, high)
    up, down = _bounds(alpha, beta)
    if_low = ((1 - alpha) * down + alpha * up) / (low * yes + (1 - low) * no)
    if_high = (beta * down + (1 - beta) * up) / (high * yes + (1 - high) * no)
    return Expected(if_low, if_high)


def levels_without_failure(bound: float, confidence: float = 0.95) -> int:
    """How many levels must pass without a failure for the failure rate to be below `bound` at this confidence.

    The smallest n with (1 - bound)^n <= 1 - confidence.
    """
    _inside("bound", bound)
    _inside("confidence", confidence)
    return math.ceil(math.log(1 - confidence) / math.log(1 - bound) - 1e-9)


def planning_table(
    bounds: tuple[float, ...] = (0.1, 0.05, 0.02, 0.01), confidences: tuple[float, ...] = (0.95, 0.99)
) -> Int[np.ndarray, "bound confidence"]:
    """`levels_without_failure` for each bound (row) and confidence (column)."""
    return np.array([[levels_without_failure(bound, sure) for sure in confidences] for bound in bounds])


def _shares(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    values = np.asarray(values, float)
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        got = f"got {wrong.sum()} of {values.size} outside [0, 1] or missing, first {values[wrong][0]}"
        raise TrueAimError(f"values: {got}, needs normalized regret; leave out what could not be judged.")
    return values


def _inside(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise TrueAimError(f"{name}: got {share}, needs a number strictly between 0 and 1; move it inside.")


def _log_ratios(low: float, high: float) -> tuple[float, float]:
    """What an outcome adds to the log likelihood ratio: if it happened, if it did not."""
    _inside("low", low)
    _inside("high", high)
    if low >= high:
        raise TrueAimError(f"low: got {low}, needs a rate below the high one, {high}; swap or part them.")
    return math.log(high / low), math.log((1 - high) / (1 - low))


def _bounds(alpha: float, beta: float) -> tuple[float, float]:
    _inside("alpha", alpha)
    _inside("beta", beta)
    if alpha + beta >= 1:
        raise TrueAimError(f"alpha: got {alpha} with beta {beta}, needs a sum below 1; make them smaller.")
    return math.log((1 - beta) / alpha), math.log(beta / (1 - alpha))
