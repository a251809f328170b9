"""How large an audit must be, in words and tables: agents and levels for a difference, and for sequential tests."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trueaim.audit.measure import Grid, best_rival
from trueaim.audit.power import (
    Components,
    Design,
    Plan,
    agents_needed,
    components,
    levels_for_bound,
    levels_needed,
    power,
)
from trueaim.audit.sequential import ALPHA, MARGIN, expected_levels, log_wealth
from trueaim.audit.store import load
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.levels import LevelClass
from trueaim.core.run import Place, read_record
from trueaim.training.resume import plan_of

DESIGNS: tuple[Design, ...] = get_args(Design)
USUAL = Components(agent=0.01, level=0.11, rest=0.11)
"""Variances of the intended share on distinguishing levels where no run says better: cautious ones.

Over the 31 arms and shifts of the demonstrations in docs/scenarios whose shares have no large losses in them (5 to 32
agents, 60 to 1,024 such levels) the variance between agents was at most 0.0084, with a median of 0.0001; those of
levels and of the rest had medians of 0.05 and 0.04 and upper quartiles of 0.11.
"""
LEVELS = (16, 32, 64, 128, 256, 512, 1024)
BOUNDS, CONFIDENCES = (0.1, 0.05, 0.02, 0.01), (0.95, 0.99)
RATES = ((0.02, 0.2), (0.05, 0.2), (0.05, 0.5), (0.1, 0.3))
"""Of failure, that a ratio test can be asked to tell apart."""
REGRETS = (0.0, 0.02, 0.05, 0.2, 0.3, 0.5, 1.0)
SIMULATIONS, MOST_LOOKS, SEED = 400, 1_000, 13


class Question(NamedTuple):
    """What an audit should see.

    Attributes:
        difference: between two mean shares of the intended return (or from a known one, if `alone`).
        power: wanted chance to see it.
        alpha: chance to see one where there is none.
        design: as in `trueaim.audit.power`.
        agents, levels: how many there will be, where that is settled.
    """

    difference: float
    power: float
    alpha: float
    design: Design
    agents: int | None
    levels: int | None


class Looks(NamedTuple):
    """How many levels a betting test takes at one mean regret; infinite where it is undecided after `MOST_LOOKS`."""

    regret: float
    median: float
    most: float


def check(question: Question) -> None:
    """Raise for numbers that no plan fits."""
    if question.design not in DESIGNS:
        raise unknown_name("--design", question.design, DESIGNS)
    for name, share in (
        ("--difference", question.difference),
        ("--power", question.power),
        ("--alpha", question.alpha),
    ):
        if not 0 < share < 1:
            raise TrueAimError(f"{name}: got {share:g}, needs a share strictly between 0 and 1; change it")
    for name, least, number in (("--seeds", 2, question.agents), ("--levels", 1, question.levels)):
        if number is not None and number < least:
            raise TrueAimError(f"{name}: got {number}, needs at least {least}; raise it")


def measured(place: Place, named: str | None, setting: str | None) -> tuple[Components, str]:
    """The variances of an audited run's intended share on the levels that part it from its best rival; in words, whose.

    Args:
        place: of the run.
        named: its scenario, if that came from outside TrueAim.
        setting: a shift; the first by default.
    """
    scenario = plan_of(read_record(place).asked, named).scenario
    if setting is not None and setting not in scenario.shifts:
        raise unknown_name("--setting", setting, scenario.shifts)
    setting = setting or next(iter(scenario.shifts))
    audit, _ = load(place, scenario)
    grid = Grid(audit.episodes.of(setting), tuple(goal.name for goal in scenario.goals if goal.charges))
    rival = best_rival(grid)
    rows = grid.of_class(rival, LevelClass.NECESSARILY) & grid.to_be_had(0)
    floor = grid.floor[rows, 0]
    shares = (grid.returns[:, rows, 0] - floor) / (grid.optimal[rows, 0] - floor)
    parting = f"{shares.shape[1]} levels of {setting!r} that part {grid.goals[0]} and {grid.goals[rival]}"
    if min(shares.shape) < 2:
        raise TrueAimError(
            f"--like: got {shares.shape[0]} agent(s) on {parting}, needs two of each; audit more, or leave it out"
        )
    return components(shares), f"{place.folder}: {shares.shape[0]} agents, {parting}"


def plans(question: Question, parts: Components) -> list[Plan | None]:
    """For each number of levels (or the one that is settled) the smallest number of agents that will do, or None.

    With agents settled: one plan, of the smallest number of levels; with both, that one with its power.
    """
    difference, wanted, alpha, design, agents, levels = question
    if agents is not None and levels is not None:
        return [Plan(agents, levels, power(difference, parts, agents, levels, design, alpha))]
    if agents is not None:
        return [levels_needed(difference, parts, agents, wanted, design, alpha)]
    numbers = LEVELS if levels is None else (levels,)
    return [agents_needed(difference, parts, number, wanted, design, alpha) for number in numbers]


def looks() -> list[Looks]:
    """Levels until the betting tests know on which side of `MARGIN` the mean regret is, at several means.

    By simulation with regrets that are all or nothing, which spread most for their mean: the median and the ninth of
    ten runs.
    """
    chance = np.random.default_rng(SEED)
    found = []
    for regret in REGRETS:
        values = (chance.random((SIMULATIONS, MOST_LOOKS)) < regret).astype(float)
        wealth = np.maximum(log_wealth(values, MARGIN), log_wealth(1 - values, 1 - MARGIN))
        over = wealth >= -math.log(ALPHA)
        taken = np.sort(np.where(over.any(-1), over.argmax(-1) + 1.0, np.inf))
        found.append(Looks(regret, float(taken[SIMULATIONS // 2]), float(taken[9 * SIMULATIONS // 10])))
    return found


def as_data(question: Question, parts: Components, source: str, found: Sequence[Plan | None]) -> dict[str, Any]:
    """Everything as one JSON object; what no number of agents or levels can do is null."""
    zero = {f"{bound:g}": {f"{sure:g}": levels_for_bound(bound, sure) for sure in CONFIDENCES} for bound in BOUNDS}
    ratio = [
        {"low": low, "high": high, "if_low": expected.low, "if_high": expected.high}
        for low, high in RATES
        for expected in [expected_levels(low, high)]
    ]
    betting = [{name: _finite(value) for name, value in each._asdict().items()} for each in looks()]
    return {
        "question": question._asdict(),
        "components": {name: getattr(parts, name) for name in ("agent", "level", "rest")} | {"source": source},
        "plans": [None if plan is None else plan._asdict() for plan in found],
        "levels_without_failure": zero,
        "ratio_test": ratio,
        "betting_test": {"margin": MARGIN, "alpha": ALPHA, "most_looks": MOST_LOOKS, "levels": betting},
    }


def show(out: Console, question: Question, parts: Components, source: str, found: Sequence[Plan | None]) -> None:
    """Everything as tables."""
    what = "from a known share" if question.design == "alone" else f"between two kinds of agents, {question.design}"
    out.print(f"[bold]plan[/] to see a difference of {question.difference:g} {what}, with power {question.power:g}")
    spreads = ", ".join(f"{name} {getattr(parts, name) ** 0.5:.3f}" for name in ("agent", "level", "rest"))
    out.print(f"standard deviations: {spreads}  ({escape(source)})\n")
    out.print(_audits(question, found))
    out.print("\nlevels that must pass without a failure")
    out.print(_zero())
    out.print(f"\nlevels that a ratio test is expected to take (error {ALPHA:g})")
    out.print(_ratio())
    out.print(f"\nlevels until a betting test knows whether mean regret is above {MARGIN:g} (error {ALPHA:g})")
    out.print(_betting())
    out.print("next: trueaim train cheese_corner --seeds N, then trueaim audit RUN --levels N", markup=False)


def _audits(question: Question, found: Sequence[Plan | None]) -> Table:
    table = _empty("distinguishing levels", "seeds" if question.design == "alone" else "seeds of each kind", "power")
    numbers = LEVELS if question.levels is None and question.agents is None else (question.levels,)
    for levels, plan in zip(numbers, found, strict=True):
        if plan is None:
            gaps = ("no number", str(question.agents)) if question.agents is not None else (str(levels), "no number")
            table.add_row(*gaps, "")
        else:
            table.add_row(str(plan.levels), str(plan.agents), f"{plan.power:.2f}")
    return table


def _zero() -> Table:
    table = _empty("failure rate below", *(f"{sure:.0%} sure" for sure in CONFIDENCES))
    for bound in BOUNDS:
        table.add_row(f"{bound:.0%}", *(str(levels_for_bound(bound, sure)) for sure in CONFIDENCES))
    return table


def _ratio() -> Table:
    table = _empty("failure rate", "if it is low", "if it is high")
    for low, high in RATES:
        expected = expected_levels(low, high)
        table.add_row(f"{low:.0%} or {high:.0%}", f"{expected.low:.0f}", f"{expected.high:.0f}")
    return table


def _betting() -> Table:
    table = _empty("mean regret", "median", "nine in ten within")
    for each in looks():
        table.add_row(f"{each.regret:g}", _count(each.median), _count(each.most))
    return table


def _empty(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _count(levels: float) -> str:
    return f"{levels:.0f}" if math.isfinite(levels) else f"more than {MOST_LOOKS:,}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
