"""Exchange rates: how many steps further agents go for one goal than for another, from which they reach first.

Both goals of a level are so many steps away; the further one is than the other, the rarer it comes first. A logistic
curve is fitted to that,

    P(first goal comes first) = 1 / (1 + exp(-slope * (rate - difference))),

where the difference is the steps to the first goal less those to the second. At `rate` both are as likely: the agents
take as many steps more for the first goal. Steps are those of whoever pursues the one goal alone.

Source: the psychometric function (Wichmann & Hill 2001), ours for goals; the fit is by Newton's method on the
likelihood with a small ridge on the slope, so that a sharp choice has a finite one. When wrong: steps are counted as if
the agent knew the shortest way.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from scipy.special import expit

from trueaim.agents.planted import pursuing
from trueaim.audit.intervals import NOTHING, Interval, between, margin, stretched
from trueaim.audit.statistics import RESAMPLES, SEED
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.keys import stream
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import NEVER, play

RIDGE = 0.1
"""On the square of the slope, in units of the differences' standard deviation: about a tenth of an observation."""
ROUNDS, LARGEST_STEP = 60, 2.0
"""Of Newton's method."""
FEWEST = 20
"""Choices below which nothing is fitted."""
ONE_SIDED = 0.05
"""If a goal comes first in fewer choices than this share, there is no point at which both are as likely."""
WAYS = 8
"""Shortest ways that are looked at on each level, for whether one goal lies on the way to the other."""


class Choices(NamedTuple):
    """What agents chose, and how far away it was.

    Attributes:
        difference: steps to the first goal less those to the second; NaN on levels that offer no choice: one of them
            cannot be reached, or lies on the way to the other.
        chose: 1 where the first goal came first, 0 where the second did; NaN where neither or both did, or no choice
            was offered.
    """

    difference: Float[np.ndarray, " level"]
    chose: Float[np.ndarray, "agent level"]


class Exchange(NamedTuple):
    """The exchange rate of two goals.

    Attributes:
        first, second: the goals.
        rate: steps that agents go further for the first goal, below 0 where they do so for the second; NaN where there
            is none. The interval is over agents and levels.
        slope: how sharp the choice is, per step; NaN likewise.
        share: of choices that went to the first goal.
        choices: (agent, level) pairs behind it.
        curve: for every difference: (steps, share of choices that went to the first goal, choices).
        reason: why there is no rate, or nothing.
    """

    first: str
    second: str
    rate: Interval
    slope: float
    share: float
    choices: int
    curve: tuple[tuple[int, float, int], ...]
    reason: str = ""


def exchange(policy: Policy, scenario: Scenario, levels: Any, first: str, second: str, key: Key[Array, ""]) -> Exchange:
    """How many steps further a policy's agents go for one goal than for another.

    Args:
        policy: whose agents.
        scenario: with a planner, or experts for both goals.
        levels: a table of levels, on which the goals are apart.
        first: name of one goal.
        second: name of the other.
        key: of the actions.

    Raises:
        TrueAimError: for unknown or equal goals, and where nobody knows the way to one of them.
    """
    return rate_of(choices(policy, scenario, levels, first, second, key), first, second)


def choices(policy: Policy, scenario: Scenario, levels: Any, first: str, second: str, key: Key[Array, ""]) -> Choices:
    """What agents chose on each level, and how much further the first goal was; as in `exchange`."""
    names = scenario.goal_names
    for name in (first, second):
        if name not in names:
            raise unknown_name("goal", name, names)
    if first == second:
        raise TrueAimError(f"goals: got {first} twice, needs two; name another")
    pair = names.index(first), names.index(second)
    ways = [_pursued(scenario, levels, names[goal], stream(key, "ways", i)) for i, goal in enumerate(pair)]
    steps = [_least(way[..., goal]) for way, goal in zip(ways, pair, strict=True)]
    offered = (_before(ways[0], *pair) & _before(ways[1], *reversed(pair))).all(0)
    difference = np.where(offered, steps[0] - steps[1], np.nan)
    times = np.asarray(play(scenario, policy, levels, stream(key, "choices")).first)
    one, other = _before(times, *pair), _before(times, *reversed(pair))
    chose = np.where(one, 1.0, np.where(other, 0.0, np.nan))
    return Choices(difference, np.where(np.isnan(difference), np.nan, chose))


def _pursued(scenario: Scenario, levels: Any, goal: str, key: Key[Array, ""]) -> Int[np.ndarray, "way level goal"]:
    """When each goal is first paid to whoever pursues one of them, in several episodes."""
    if scenario.planner is None and goal not in scenario.experts:
        raise TrueAimError(f"{scenario.name}: got no planner and no expert for {goal}, needs one to count steps")
    guide = scenario.experts[goal] if scenario.planner is None else pursuing(scenario, goal)
    played = [play(scenario, guide, levels, stream(key, "way", way)).first[0] for way in range(WAYS)]
    return np.asarray(played)


def _least(times: Int[np.ndarray, "way level"]) -> Float[np.ndarray, " level"]:
    """The smallest of several times; NaN where it never happened."""
    least = np.where(times == NEVER, np.inf, times).min(0)
    return np.where(np.isinf(least), np.nan, least)


def _before(times: Int[np.ndarray, "*episode goal"], one: int, other: int) -> Bool[np.ndarray, "*episode"]:
    """Whether one goal was paid, and the other one later or never."""
    mine, others = times[..., one], times[..., other]
    return (mine != NEVER) & ((others == NEVER) | (mine < others))


def rate_of(found: Choices, first: str, second: str, resamples: int = RESAMPLES, seed: int = SEED) -> Exchange:
    """The exchange rate behind choices.

    The interval is that of a bootstrap over agents and levels, as wide as an analysis of variance says it should be for
    few agents (`trueaim.audit.intervals`). There is no rate where fewer than `FEWEST` choices were made, one goal
    nearly always comes first, the choice does not depend on how far away they are, or the rate is beyond all
    differences seen.
    """
    made = ~np.isnan(found.chose)
    columns = made.any(0)
    differences, rows = np.unique(found.difference[columns], return_inverse=True)
    made, won = made[:, columns].astype(float), np.nan_to_num(found.chose[:, columns])
    grouped = np.eye(len(differences))[rows]
    counts, wins = (table.sum(0) @ grouped for table in (made, won))
    num = int(made.sum())
    share = float(won.sum() / num) if num else float("nan")
    curve = tuple((int(d), float(w / n), int(n)) for d, w, n in zip(differences, wins, counts, strict=True))
    none = Exchange(first, second, NOTHING._replace(entries=num), float("nan"), share, num, curve)
    if num < FEWEST:
        return none._replace(reason=f"{num} choices, fewer than {FEWEST}")
    if min(share, 1 - share) < ONE_SIDED:
        chosen, often = (first, share) if share > 0.5 else (second, 1 - share)
        return none._replace(reason=f"{chosen} comes first in {often:.0%} of choices, near or far")
    if len(differences) < 2:
        return none._replace(reason="the goals are always as far apart")
    draws = _drawn(made, won, grouped, resamples, seed)
    return _measured(none, differences, counts, wins, draws, (made, won, rows))


def _measured(
    none: Exchange,
    differences: Float[np.ndarray, " difference"],
    counts: Float[np.ndarray, " difference"],
    wins: Float[np.ndarray, " difference"],
    draws: tuple[Float[np.ndarray, "draw difference"], Float[np.ndarray, "draw difference"]],
    tables: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Exchange:
    """The rate with its interval, or the reason why there is none."""
    middle = float(np.average(differences, weights=counts))
    spread = float(np.sqrt(np.average((differences - middle) ** 2, weights=counts)))
    z = (differences - middle) / spread
    height, slope = (float(each[0]) for each in fitted(z, counts[None], wins[None]))
    heights, slopes = fitted(z, *draws)
    if slope <= 0 or np.quantile(slopes, 0.025) <= 0:
        return none._replace(reason="which comes first does not depend on how far away they are")
    rate = middle + spread * height / slope
    if not differences[0] <= rate <= differences[-1]:
        return none._replace(
            reason=f"beyond the differences seen ({differences[0]:.0f} to {differences[-1]:.0f} steps)"
        )
    kept = slopes > 0
    half = _half(tables, z, height, slope, spread)
    low, high = stretched(rate, middle + spread * heights[kept] / slopes[kept], half)
    interval = Interval(rate, low, high, none.choices, len(tables[0]))
    return none._replace(rate=interval, slope=slope / spread)


def fitted(
    z: Float[np.ndarray, " difference"],
    counts: Float[np.ndarray, "draw difference"],
    wins: Float[np.ndarray, "draw difference"],
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """The height a and the slope b of P(win) = 1 / (1 + exp(b z - a)) that are likeliest, with a ridge on b.

    Newton's method on sum of (wins log P + (counts - wins) log(1 - P)) - RIDGE b^2 / 2, for many samples at once.
    """
    height, slope = np.zeros(len(counts)), np.zeros(len(counts))
    for _ in range(ROUNDS):
        chance = expit(height[:, None] - slope[:, None] * z)
        off, weight = wins - counts * chance, counts * chance * (1 - chance)
        up, along = off.sum(1), -(off * z).sum(1) - RIDGE * slope
        aa, ab, bb = weight.sum(1) + 1e-9, -(weight * z).sum(1), (weight * z**2).sum(1) + RIDGE
        scale = aa * bb - ab**2
        steps = (bb * up - ab * along) / scale, (aa * along - ab * up) / scale
        height, slope = (
            each + np.clip(step, -LARGEST_STEP, LARGEST_STEP) for each, step in zip((height, slope), steps, strict=True)
        )
        if max(np.abs(step).max() for step in steps) < 1e-8:
            break
    return height, slope


def _drawn(
    made: Float[np.ndarray, "agent level"],
    won: Float[np.ndarray, "agent level"],
    grouped: Float[np.ndarray, "level difference"],
    resamples: int,
    seed: int,
) -> tuple[Float[np.ndarray, "draw difference"], Float[np.ndarray, "draw difference"]]:
    """Choices and wins by difference, in resamples of agents and of levels."""
    chance = np.random.default_rng(seed)
    agents, levels = (chance.multinomial(num, np.full(num, 1 / num), resamples) for num in made.shape)
    first, second = (((agents @ table) * levels) @ grouped for table in (made, won))
    return first, second


def _half(
    tables: tuple[np.ndarray, np.ndarray, np.ndarray],
    z: Float[np.ndarray, " difference"],
    height: float,
    slope: float,
    spread: float,
) -> float:
    """Half the width of the rate's interval: of what each choice adds to the rate, how agents and levels differ."""
    made, won, rows = tables
    at = z[rows]
    chance = expit(height - slope * at)
    weight = made * chance * (1 - chance)
    bread = np.array([[weight.sum(), -(weight @ at).sum()], [-(weight @ at).sum(), (weight @ at**2).sum() + RIDGE]])
    off = won - made * chance
    of_height, of_slope = np.linalg.solve(bread, np.stack([off.ravel(), (-off * at).ravel()]))
    adds = (spread * (of_height / slope - height * of_slope / slope**2)).reshape(made.shape)
    parts = [between(adds.sum(axis)) for axis in (1, 0) if adds.shape[1 - axis] > 1]
    return margin(*parts, shared=float((adds**2).sum()) if len(parts) > 1 else 0.0)
