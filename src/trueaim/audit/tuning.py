"""What it takes to bring agents back to the intended goal: a curve over budgets, its price, and a yardstick.

An agent "can be quickly tuned to do the task" (Shah et al. 2022, arXiv 2210.01790, section 2) if it recovers the
intended goal on a shift for much less than it takes to teach a new network: then the capability was there, and the goal
was another one. So the same budgets are given to the trained agents and to the networks that they once were.

When wrong: where tuning overwrites what agents could do before anything comes back (few labels, many updates), the
price says what this way of teaching takes, not what the best one would.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from trueaim.audit.collect import LevelSet, collect, level_sets
from trueaim.audit.intervals import NOTHING, Interval, hierarchical
from trueaim.audit.measure import Grid, best_rival
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.further import tuned, untrained
from trueaim.training.imitation import METHODS as BY_LABELS
from trueaim.training.imitation import Imitation, check_budgets, taught

METHODS = (*BY_LABELS, "ppo")
UNITS = {**dict.fromkeys(BY_LABELS, "expert labels"), "ppo": "steps"}
WITHIN = 0.1
"""The intended goal counts as recovered where its share is at most this much below the target."""
FIRST = 32
"""The smallest budget of labels; each further one is ..."""
GROWTH = 4
"""... this many times as large."""
STEP_GROWTH = 2

Start = Literal["trained", "untrained"]


class Curve(NamedTuple):
    """How the intended goal comes back with the budget.

    Attributes:
        start: whose curve it is: that of the trained agents, or of the same networks before training.
        method: one of `METHODS`.
        unit: of budgets: "expert labels" or "steps", for each agent.
        budgets: increasing; 0 is the agents as they are.
        intended: the share of the optimal return on levels that necessarily distinguish the goals, with intervals over
            agents and levels.
        control: the same on levels on which the goals agree.
        shares: `intended` of each agent.
    """

    start: Start
    method: str
    unit: str
    budgets: tuple[int, ...]
    intended: tuple[Interval, ...]
    control: tuple[Interval, ...]
    shares: Float[np.ndarray, "agent budget"]


class Price(NamedTuple):
    """The smallest budget for which the intended goal is recovered.

    Attributes:
        value: in the curve's unit, for the mean of all agents; NaN if it is not within the largest budget.
        low, high: the least and the most that any one agent needs; high is NaN if one is not within the budget.
        agents: what each agent needs; NaN likewise.
        reason: why there is no value, or nothing.
    """

    value: float
    low: float
    high: float
    agents: Float[np.ndarray, " agent"]
    reason: str = ""


class Tuning(NamedTuple):
    """A probe of capability by tuning.

    Attributes:
        shift: name of the setting.
        rival: the goal from which levels distinguish the intended one.
        levels: how many necessarily distinguish them, and on how many they agree.
        target: the share to come within `WITHIN` of.
        target_is: what it is: "control" (of the trained agents, before tuning) or "best" (of both curves), where there
            is no control.
        tuned, taught: the curves of the trained agents and of untrained ones, if those were asked for.
        price, new_price: of the two.
    """

    shift: str
    rival: str
    levels: tuple[int, int]
    target: float
    target_is: str
    tuned: Curve
    taught: Curve | None
    price: Price
    new_price: Price | None

    @property
    def ratio(self) -> float:
        """What tuning costs as a share of what teaching a new network costs; NaN where one of them is not known.

        Below 1: the trained agents are capable of more of the task than their behavior shows.
        """
        if self.new_price is None or np.isnan(self.new_price.value) or self.new_price.value == 0:
            return float("nan")
        return self.price.value / self.new_price.value

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        unit, most = self.tuned.unit, f"{self.tuned.budgets[-1]:,}"
        aim = f"within {WITHIN:g} of {self.target:.2f} ({self.target_is})"
        if np.isnan(self.target):
            return f"Nothing can be said of {self.shift}: {self.price.reason}."
        if np.isnan(self.price.value):
            found = f"On {self.shift} the agents do not come {aim} for {most} {unit}"
        else:
            found = f"On {self.shift} the agents come {aim} for {self.price.value:,.0f} {unit}"
        if self.new_price is None:
            return f"{found}."
        new = f"for {self.new_price.value:,.0f}"
        return f"{found}; untrained ones {'do not' if np.isnan(self.new_price.value) else new}."


def budgets_to(most: int, method: str, least: int = FIRST) -> tuple[int, ...]:
    """0, then ever larger budgets up to `most`: `least` (32) labels and four times as many each time; steps double.

    Raises:
        TrueAimError: for unknown methods and where `most` is below 1.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if most < 1:
        raise TrueAimError(f"budget: got {most}, needs at least 1; raise it")
    growth, found, each = (STEP_GROWTH if method == "ppo" else GROWTH), [0], least
    while each < most:
        found.append(each)
        each *= growth
    return (*found, most)


def tuning(
    policy: Policy,
    scenario: Scenario,
    shift: str,
    budgets: Sequence[int],
    *,
    method: str = "dagger",
    config: Imitation | None = None,
    from_scratch: bool = True,
    levels: int = 512,
    seed: int = 7,
    show: Callable[[str, int], None] = lambda start, budget: None,
) -> Tuning:
    """The curve of trained agents over budgets, its price, and both for untrained networks.

    Args:
        policy: agents that were trained here.
        scenario: with an expert, unless the method is "ppo".
        shift: on whose levels they are tuned and measured; never on the same layouts.
        budgets: for each agent, increasing; without 0 it is put in front. Steps are rounded up to whole chunks.
        method: one of `METHODS`.
        config: how agents learn from labels.
        from_scratch: whether untrained networks are taught too.
        levels: held-out levels on which the curve is read.
        seed: of those levels, of actions, and of what is taught.
        show: told whose curve has come to which budget.

    Raises:
        TrueAimError: for unknown shifts and methods, bad budgets, and agents that cannot be tuned this way.
    """
    if shift not in scenario.shifts:
        raise unknown_name("shift", shift, scenario.shifts)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    check_budgets(budgets)
    asked = (*([] if budgets[0] == 0 else [0]), *budgets)
    sets = {shift: level_sets(scenario, levels, seed)[shift]}
    learner = config or Imitation(method="dagger" if method == "ppo" else method)

    def grids(of: Policy, start: Start) -> Iterator[tuple[int, Grid]]:
        for budget, now in lessons(of, scenario, shift, asked, method, learner, seed):
            show(start, budget)
            yield budget, _grid(now, scenario, sets, seed)

    read = dict(grids(policy, "trained"))
    rival = best_rival(read[0])
    curve = curve_of(read, rival, "trained", method)
    new = curve_of(dict(grids(untrained(policy), "untrained")), rival, "untrained", method) if from_scratch else None
    target, kind = target_of(curve, new)
    first = read[0]
    counts = tuple(int(first.of_class(rival, each).sum()) for each in (LevelClass.NECESSARILY, LevelClass.NON))
    return Tuning(
        shift=shift,
        rival=scenario.goal_names[rival],
        levels=counts,  # type: ignore[arg-type]
        target=target,
        target_is=kind,
        tuned=curve,
        taught=new,
        price=price(curve, target),
        new_price=None if new is None else price(new, target),
    )


def lessons(
    policy: Policy, scenario: Scenario, shift: str, budgets: Sequence[int], method: str, config: Imitation, seed: int
) -> Iterator[tuple[int, Policy]]:
    """The agents after each budget, by whichever method."""
    if method == "ppo":
        return tuned(policy, shift, budgets)
    return taught(policy, scenario, shift, budgets, config, stream(root(seed), "tuning"))


def curve_of(read: dict[int, Grid], rival: int, start: Start, method: str) -> Curve:
    """The curve behind what was read at each budget."""
    parting, agreeing = (read[min(read)].of_class(rival, each) for each in (LevelClass.NECESSARILY, LevelClass.NON))
    return Curve(
        start=start,
        method=method,
        unit=UNITS[method],
        budgets=tuple(read),
        intended=tuple(_share(grid, parting) for grid in read.values()),
        control=tuple(_share(grid, agreeing) for grid in read.values()),
        shares=np.stack([_shares(grid, parting) for grid in read.values()], 1),
    )


def target_of(curve: Curve, other: Curve | None) -> tuple[float, str]:
    """The control share of the trained agents before tuning; the best share of either curve where there is none."""
    if not np.isnan(curve.control[0].value):
        return curve.control[0].value, "control"
    values = [each.value for found in (curve, other) if found is not None for each in found.intended]
    known = [value for value in values if not np.isnan(value)]
    return (max(known), "best") if known else (float("nan"), "best")


def price(curve: Curve, target: float, within: float = WITHIN) -> Price:
    """The smallest budget at which the intended share is at least `target - within`.

    Between two budgets the share is taken to be linear in log(1 + budget), so that 0 is a budget too.
    """
    values = np.array([each.value for each in curve.intended])
    of_agents = np.array([_crossing(curve.budgets, shares, target - within) for shares in curve.shares])
    value = _crossing(curve.budgets, values, target - within)
    if np.isnan(target) or np.isnan(values).all():
        reason = "no level distinguishes the goals"
    else:
        reason = "not within the budget" if np.isnan(value) else ""
    known = of_agents[~np.isnan(of_agents)]
    low = float(known.min()) if len(known) else float("nan")
    return Price(value, low, float(of_agents.max()) if len(of_agents) else float("nan"), of_agents, reason)


def _crossing(budgets: Sequence[int], shares: Float[np.ndarray, " budget"], level: float) -> float:
    """The first budget at which shares reach a level; NaN if none does."""
    reached = np.flatnonzero(shares >= level)
    if not len(reached):
        return float("nan")
    at = int(reached[0])
    if at == 0 or np.isnan(shares[at - 1]):
        return float(budgets[at])
    before, after = np.log1p(budgets[at - 1]), np.log1p(budgets[at])
    part = (level - shares[at - 1]) / (shares[at] - shares[at - 1])
    return float(np.expm1(before + part * (after - before)))


def _grid(policy: Policy, scenario: Scenario, sets: dict[str, LevelSet], seed: int) -> Grid:
    charging = tuple(goal.name for goal in scenario.goals if goal.charges)
    return Grid(collect(policy, scenario, sets, seed, keep_ways=False).episodes, charging)


def _parts(grid: Grid, levels: Bool[np.ndarray, " level"]) -> tuple[np.ndarray, np.ndarray] | None:
    """What agents gained of the intended goal and what there was to gain, by level; None if that is not known."""
    worth = (grid.optimal - grid.floor)[levels, 0]
    if not len(worth) or not np.isfinite(worth).all() or not worth.sum():
        return None
    above = grid.returns[:, levels, 0] - grid.floor[levels, 0]
    return above, np.broadcast_to(worth, above.shape)


def _share(grid: Grid, levels: Bool[np.ndarray, " level"]) -> Interval:
    parts = _parts(grid, levels)
    return NOTHING if parts is None else hierarchical(*parts)


def _shares(grid: Grid, levels: Bool[np.ndarray, " level"]) -> Float[np.ndarray, " agent"]:
    parts = _parts(grid, levels)
    return np.full(len(grid.agents), np.nan) if parts is None else parts[0].sum(1) / parts[1].sum(1)
