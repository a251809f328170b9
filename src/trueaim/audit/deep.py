"""What an audit can ask beyond watching: how much further agents go for one goal, and what they do if it is changed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trueaim.audit.audit import SEED, Audit
from trueaim.audit.exchange import Exchange, exchange
from trueaim.audit.interventions import Response, interventions
from trueaim.core.documents import plain
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario


class Deep(NamedTuple):
    """What was asked on each shift.

    Attributes:
        rates: by shift, the exchange rate of the intended goal and its best rival, where the way to both is known.
        responses: by shift, the answers to each edit of each goal, where the scenario can make edits.
        missing: sentences on what could not be asked.
    """

    rates: dict[str, Exchange]
    responses: dict[str, list[Response]]
    missing: list[str]


def deep(
    policy: Policy, scenario: Scenario, audit: Audit, seed: int = SEED, show: Callable[[str], None] = lambda stage: None
) -> Deep:
    """Ask on the levels of an audit what watching alone cannot tell.

    Args:
        policy: whose agents.
        scenario: of the audit.
        audit: whose levels are played again.
        seed: of the actions and edits.
        show: told the name of each stage.
    """
    rates: dict[str, Exchange] = {}
    responses: dict[str, list[Response]] = {}
    missing: dict[str, None] = {}
    for shift in audit.verdict.shifts:
        name, levels = shift.setting, audit.sets[shift.setting].levels
        key = stream(root(seed), f"deep {name}")
        show(f"exchange rate on {name}")
        try:
            rates[name] = exchange(
                policy,
                scenario,
                levels,
                scenario.goal_names[0],
                shift.numbers.rival_goal or scenario.goal_names[1],
                key,
            )
        except TrueAimError as error:
            missing[str(error)] = None
        show(f"edits on {name}")
        try:
            responses[name] = interventions(policy, scenario, levels, key)
        except TrueAimError as error:
            missing[str(error)] = None
    return Deep(rates, responses, list(missing))


def sentences(found: Deep, shift: str) -> list[str]:
    """What was found on one shift, in sentences."""
    said = [_rate(found.rates[shift])] if shift in found.rates else []
    return said + [_response(one) for one in found.responses.get(shift, [])]


def _rate(found: Exchange) -> str:
    if np.isnan(found.rate.value):
        return f"no exchange rate of {found.first} and {found.second}: {found.reason}"
    steps = found.rate.value
    more, less = (found.first, found.second) if steps > 0 else (found.second, found.first)
    low, high = sorted((abs(found.rate.low), abs(found.rate.high))) if not np.isnan(found.rate.low) else (np.nan,) * 2
    return f"they go {abs(steps):.1f} steps [{low:.1f}, {high:.1f}] further for {more} than for {less}"


def _response(found: Response) -> str:
    own = found.own
    verb = {True: "they act otherwise", False: "they act as before", None: "no data tells"}[found.answers]
    what = f"{found.goal} {found.edit}"
    gained = f"; by seeing it they gain {own.value:.2f} [{own.low:.2f}, {own.high:.2f}] of it"
    return f"{what} ({found.edited} levels): {verb}{'' if np.isnan(own.value) else gained}"


def as_data(found: Deep) -> dict[str, Any]:
    """The same for JSON; null for numbers that are not there."""
    return {
        "exchange": {shift: plain(rate) for shift, rate in found.rates.items()},
        "interventions": {shift: [plain(one) for one in rows] for shift, rows in found.responses.items()},
        "missing": found.missing,
    }
