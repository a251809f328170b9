"""How many agents and levels an audit needs to see a difference of a given size.

A score of agent a on level l is mean + agent + level + rest, and an earlier audit says how large each of the three
varies. Levels are cheap and agents dear, but only agents bring the spread between agents down: with endless levels the
standard error of a mean is still that spread over the root of the number of agents.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from trueaim.audit.intervals import Interval, Part, Seed, between, margin, wilson
from trueaim.audit.sequential import levels_without_failure
from trueaim.audit.statistics import SEED
from trueaim.core.errors import TrueAimError

ALPHA = 0.05
POWER = 0.8
MOST = 10**6
"""More agents or levels than anyone has."""

Design = Literal["paired", "separate", "alone"]


class Components(NamedTuple):
    """Variances of a score on one level.

    Attributes:
        agent: between agents' true means over all levels.
        level: between levels' true means over all agents.
        rest: of one agent on one level around the two: interaction, and luck within the level.
        mean: over everything; NaN where not measured.
        agents, levels: how many it was estimated from; 0 where given.
    """

    agent: float
    level: float
    rest: float
    mean: float = np.nan
    agents: int = 0
    levels: int = 0


class Plan(NamedTuple):
    """An audit of this many agents on this many levels, and its chance to see the difference."""

    agents: int
    levels: int
    power: float


def components(table: Float[np.ndarray, "agent level"]) -> Components:
    """The variances behind an earlier audit, from a two-way analysis of variance.

    rest = MS_rest, agent = (MS_agent - MS_rest) / levels, level = (MS_level - MS_rest) / agents, not below 0. An
    estimate of `agent` from few agents is rough: five agents leave its upper 95% bound about eight times as high.

    Args:
        table: scores; agents or levels with a NaN in them are left out, whichever loses fewer entries.

    Raises:
        TrueAimError: if fewer than two agents or two levels are complete.

    Source: Searle, Casella & McCulloch 1992, Variance components, chapter 4.
    """
    table = _complete(np.asarray(table, float))
    num_agents, num_levels = table.shape
    if num_agents < 2 or num_levels < 2:
        got = f"got {num_agents} complete agents on {num_levels} complete levels, needs two of each"
        raise TrueAimError(f"table: {got}; audit more agents or give the variances yourself.")
    mean, of_agents, of_levels = table.mean(), table.mean(1), table.mean(0)
    rest = table - of_agents[:, None] - of_levels + mean
    ms_rest = float((rest**2).sum()) / ((num_agents - 1) * (num_levels - 1))
    agent = max(0.0, float(of_agents.var(ddof=1)) - ms_rest / num_levels)
    level = max(0.0, float(of_levels.var(ddof=1)) - ms_rest / num_agents)
    return Components(agent, level, ms_rest, float(mean), num_agents, num_levels)


def standard_error(parts: Components, agents: int, levels: int, design: Design = "paired") -> float:
    """How far off a result of so many agents on so many levels is, as a standard deviation.

    `alone` is one mean: sqrt(agent / A + level / L + rest / (A L)). `separate` is the difference between two such, each
    with levels of its own; `paired` plays both on the same levels, and the variance of levels drops out.

    Args:
        parts: of both kinds of agents.
        agents: of each kind.
        levels: each agent plays.
        design: what is compared.

    Raises:
        TrueAimError: for fewer than one agent or level, or a variance below 0.
    """
    if min(parts[:3]) < 0:
        raise TrueAimError(f"parts: got a variance of {min(parts[:3])}, needs 0 or more; estimate them anew.")
    if agents < 1 or levels < 1:
        raise TrueAimError(f"agents: got {agents} on {levels} levels, needs at least 1 of each; plan for more.")
    variance = parts.agent / agents + parts.rest / (agents * levels)
    if design != "paired":
        variance += parts.level / levels
    return float(variance**0.5 if design == "alone" else (2 * variance) ** 0.5)


def power(
    difference: float, parts: Components, agents: int, levels: int, design: Design = "paired", alpha: float = ALPHA
) -> float:
    """The chance that a two-sided t test of agents' means sees a true difference of this size.

    With noncentral t on 2 (A - 1) degrees of freedom (A - 1 for `alone`): exact for normal agents on paired levels, up
    to 0.03 too low where levels are not paired and their spread matters (see `simulated_power`). NaN for one agent,
    which has nothing to compare its spread with; 1 where nothing varies.

    Args:
        difference: in units of the score.
        parts: variances of the score.
        agents: of each kind.
        levels: each agent plays.
        design: what is compared; `alone` is one mean with a number known beforehand.
        alpha: chance to see a difference where there is none.
    """
    error = standard_error(parts, agents, levels, design)
    if agents < 2:
        return np.nan
    if error == 0:
        return 1.0 if difference else alpha
    freedom = (agents - 1) * (1 if design == "alone" else 2)
    bar, shift = stats.t.ppf(1 - alpha / 2, freedom), abs(difference) / error
    if shift > bar + 40:
        return 1.0
    return float(stats.nct.sf(bar, freedom, shift) + stats.nct.cdf(-bar, freedom, shift))


def agents_needed(
    difference: float,
    parts: Components,
    levels: int,
    wanted: float = POWER,
    design: Design = "paired",
    alpha: float = ALPHA,
) -> Plan | None:
    """The smallest number of agents of each kind with this power on so many levels; None if no number has it."""
    _check(difference, wanted)
    agents = _smallest(lambda num: power(difference, parts, num, levels, design, alpha) >= wanted, first=2)
    return None if agents is None else Plan(agents, levels, power(difference, parts, agents, levels, design, alpha))


def levels_needed(
    difference: float,
    parts: Components,
    agents: int,
    wanted: float = POWER,
    design: Design = "paired",
    alpha: float = ALPHA,
) -> Plan | None:
    """The smallest number of levels with this power for so many agents; None if these agents are too few on any."""
    _check(difference, wanted)
    levels = _smallest(lambda num: power(difference, parts, agents, num, design, alpha) >= wanted, first=1)
    return None if levels is None else Plan(agents, levels, power(difference, parts, agents, levels, design, alpha))


def simulated_power(
    difference: float,
    parts: Components,
    agents: int,
    levels: int,
    design: Design = "paired",
    alpha: float = ALPHA,
    replicates: int = 2_000,
    seed: Seed = SEED,
) -> Interval:
    """The share of simulated audits that see the difference, with Wilson's interval: a check on `power`.

    Draws normal agents, levels and rests, plays every agent on every level, and judges by what the tables show alone,
    with `trueaim.audit.intervals.margin` for bounds. With a difference of 0 it gives the share of false alarms.

    Args:
        difference: in units of the score.
        parts: variances of the score.
        agents: of each kind; at least 2.
        levels: each agent plays; at least 2.
        design: what is compared.
        alpha: chance to see a difference where there is none.
        replicates: how many audits.
        seed: of the draws.
    """
    standard_error(parts, agents, levels, design)
    if agents < 2 or levels < 2:
        raise TrueAimError(f"agents: got {agents} on {levels} levels, needs at least 2 of each; simulate more.")
    chance = np.random.default_rng(seed)
    seen = (_sees(_audit(difference, parts, agents, levels, design, chance), design, alpha) for _ in range(replicates))
    return wilson(sum(seen), replicates)


def levels_for_bound(bound: float, confidence: float = 0.95, failures: int = 0) -> int:
    """How many levels must show at most this many failures for the failure rate to be below `bound`.

    The smallest n with P(at most `failures` of n | rate = bound) <= 1 - confidence; for the agents that play alone, and
    levels that are independent draws.
    """
    none = levels_without_failure(bound, confidence)
    if failures == 0:
        return none
    levels = _smallest(lambda num: bool(stats.binom.cdf(failures, num, bound) <= 1 - confidence), first=failures + 1)
    if levels is None:
        raise TrueAimError(f"bound: got {bound}, needs one that {MOST} levels can show; raise it.")
    return levels


def failure_bound(levels: int, failures: int = 0, confidence: float = 0.95) -> float:
    """The failure rate that is not exceeded, at this confidence, after so many failures on so many levels.

    The upper end of Clopper and Pearson's one-sided interval; 1 - (1 - confidence)^(1 / levels) without a failure, 1 if
    every level failed, NaN without levels.
    """
    if not 0 <= failures <= levels:
        raise TrueAimError(f"failures: got {failures} on {levels} levels, needs 0 to {levels}; count them again.")
    if levels == 0:
        return np.nan
    return 1.0 if failures == levels else float(stats.beta.ppf(confidence, failures + 1, levels - failures))


def _audit(
    difference: float, parts: Components, agents: int, levels: int, design: Design, chance: np.random.Generator
) -> list[Float[np.ndarray, "agent level"]]:
    """One table, or two that differ by so much."""
    tables, shared = [], chance.normal(0, parts.level**0.5, levels)
    for mean in [difference] if design == "alone" else [difference, 0.0]:
        of_agents = chance.normal(mean, parts.agent**0.5, (agents, 1))
        of_levels = shared if design == "paired" else chance.normal(0, parts.level**0.5, levels)
        tables.append(of_agents + of_levels + chance.normal(0, parts.rest**0.5, (agents, levels)))
    return tables


def _sees(tables: list[Float[np.ndarray, "agent level"]], design: Design, alpha: float) -> bool:
    """Whether the interval around the mean, or around the difference, leaves out 0."""
    found = [components(table) for table in tables]
    agents, levels = tables[0].shape
    variance = sum(between(table.mean(1) / agents).variance for table in tables)
    parts = [Part(variance, len(tables) * (agents - 1))]
    if design != "paired":
        extra = sum(part.level / levels for part in found)
        parts.append(Part(extra, len(tables) * (levels - 1)))
    means = [part.mean for part in found]
    shift = means[0] - (means[1] if len(means) == 2 else 0.0)
    return abs(shift) > margin(*parts, confidence=1 - alpha)


def _complete(table: Float[np.ndarray, "agent level"]) -> Float[np.ndarray, "agent level"]:
    """The table without agents, or without levels, in which something is missing."""
    if table.ndim != 2:
        raise TrueAimError(f"table: got shape {table.shape}, needs [agent, level]; average episodes first.")
    there = ~np.isnan(table)
    by_agents, by_levels = table[there.all(1)], table[:, there.all(0)]
    return by_agents if by_agents.size >= by_levels.size else by_levels


def _check(difference: float, wanted: float) -> None:
    if difference == 0:
        raise TrueAimError("difference: got 0, needs a size to look for; name the smallest one that matters.")
    if not 0 < wanted < 1:
        raise TrueAimError(f"wanted: got a power of {wanted}, needs a number strictly between 0 and 1; try {POWER}.")


def _smallest(enough: Callable[[int], bool], first: int) -> int | None:
    """The smallest number from `first` on that is enough, where more is never worse; None if MOST is not."""
    low, high = first - 1, first
    while not enough(high):
        if high >= MOST:
            return None
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
