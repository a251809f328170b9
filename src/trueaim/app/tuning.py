"""A probe of capability by tuning for people and programs: as a table, as JSON, and as a picture."""

import math
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trueaim.audit.intervals import Interval
from trueaim.audit.tuning import METHODS, Curve, Price, Tuning, budgets_to, tuning
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.files import replace
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.report.tuning import curves

BUDGETS = {"cloning": 8192, "dagger": 8192, "ppo": 2_000_000}
"""By method, the largest budget if none is asked for."""


class Request(NamedTuple):
    """What was asked for.

    Attributes:
        shift: name of the setting; "" for the first shift.
        method: one of `trueaim.audit.tuning.METHODS`.
        budget: the largest, for each agent; None for `BUDGETS`.
        levels: held-out levels on which the curve is read.
        seed: of levels, actions and what is taught.
        from_scratch: whether untrained networks are taught too.
        picture: where a PNG of the curves goes, or None.
    """

    shift: str = ""
    method: str = "dagger"
    budget: int | None = None
    levels: int = 512
    seed: int = 7
    from_scratch: bool = True
    picture: Path | None = None


def tune(policy: Policy, scenario: Scenario, request: Request, out: Console) -> dict[str, Any]:
    """Tune a run's agents, show the curve, and give back what `--json` prints.

    Raises:
        TrueAimError: for unknown shifts and methods, bad budgets, and agents that cannot be tuned this way.
    """
    shift = request.shift or next(iter(scenario.shifts))
    if request.method not in METHODS:
        raise unknown_name("--method", request.method, METHODS)
    if request.levels < 2:
        raise TrueAimError(f"--levels: got {request.levels}, needs at least 2; ask for more")
    budgets = _budgets(policy, request)
    heading = f"[bold]tune[/] {escape(policy.name)}  {len(policy.seeds)} agent(s)  on {escape(shift)}"
    out.print(f"{heading}  by {request.method}  to {budgets[-1]:,} for each")
    with out.status("  levels") as status:
        found = tuning(
            policy,
            scenario,
            shift,
            budgets,
            method=request.method,
            from_scratch=request.from_scratch,
            levels=request.levels,
            seed=request.seed,
            show=lambda start, budget: status.update(f"  {start} agents, {budget:,} of {budgets[-1]:,}"),
        )
    out.print(table(found))
    out.print(f"\n{escape(found.sentence)}")
    if not math.isnan(found.ratio):
        out.print(f"Tuning costs {found.ratio:.2f} of what teaching untrained agents costs.")
    if request.picture is not None:
        replace(request.picture, curves(found))
        out.print(f"picture {request.picture}", markup=False)
    return record(found)


def _budgets(policy: Policy, request: Request) -> tuple[int, ...]:
    most = BUDGETS[request.method] if request.budget is None else request.budget
    if most < 1:
        raise TrueAimError(f"--budget: got {most}, needs at least 1; raise it")
    plan = policy.record.get("plan")
    if request.method == "ppo" and plan is not None:
        return budgets_to(most, "ppo", plan.steps_per_chunk)
    return budgets_to(most, request.method)


def table(found: Tuning) -> Table:
    """The curves as a table: a row for each budget."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    words = [found.tuned.unit, "intended where the goals part", "where they agree"]
    words += ["untrained, where they part"] if found.taught is not None else []
    for word in words:
        shown.add_column(word, justify="right", no_wrap=True)
    for number, budget in enumerate(found.tuned.budgets):
        cells = [found.tuned.intended[number], found.tuned.control[number]]
        cells += [found.taught.intended[number]] if found.taught is not None else []
        shown.add_row(f"{budget:,}", *map(_plain, cells))
    return shown


def _plain(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "no data"
    return f"{interval.value:.2f} [{_number(interval.low)}, {_number(interval.high)}]"


def _number(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.2f}"


def record(found: Tuning) -> dict[str, Any]:
    """The whole probe as JSON; what is not known is null."""
    return {
        "shift": found.shift,
        "rival": found.rival,
        "levels": {"parting": found.levels[0], "agreeing": found.levels[1]},
        "method": found.tuned.method,
        "unit": found.tuned.unit,
        "target": {"share": _known(found.target), "is": found.target_is},
        "trained": {**_curve(found.tuned), "price": _price(found.price)},
        "untrained": (
            None
            if found.taught is None or found.new_price is None
            else {**_curve(found.taught), "price": _price(found.new_price)}
        ),
        "ratio": _known(found.ratio),
        "sentence": found.sentence,
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "budgets": list(curve.budgets),
        "intended": [_interval(each) for each in curve.intended],
        "control": [_interval(each) for each in curve.control],
        "agents": [[_known(share) for share in shares] for shares in curve.shares],
    }


def _interval(interval: Interval) -> dict[str, Any]:
    numbers = {name: _known(getattr(interval, name)) for name in ("value", "low", "high")}
    return {**numbers, "episodes": interval.entries, "agents": interval.units}


def _price(price: Price) -> dict[str, Any]:
    return {
        "value": _known(price.value),
        "low": _known(price.low),
        "high": _known(price.high),
        "agents": [_known(each) for each in price.agents],
        "reason": price.reason,
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
