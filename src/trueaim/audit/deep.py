"""What an audit can ask beyond watching: how far agents go for a goal, how hard they work, how they answer to edits."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from trueaim.audit.audit import SEED, Audit
from trueaim.audit.directed import Directed, directed
from trueaim.audit.exchange import Exchange, exchange
from trueaim.audit.interventions import Response, interventions
from trueaim.core.documents import plain
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario


class Deep(NamedTuple):
    """What was asked on each shift.

    Attributes:
        rates: by shift, the exchange rate of the intended goal and its best rival, where the way to both is known.
        responses: by shift, the answers to each edit of each goal, where the scenario can make edits.
        directed: by shift, how hard they work for each goal, where levels are tables of states.
        missing: sentences on what could not be asked.
    """

    rates: dict[str, Exchange]
    responses: dict[str, list[Response]]
    directed: dict[str, list[Directed]]
    missing: list[str]

    @property
    def shifts(self) -> list[str]:
        """On which anything was found."""
        return list({**self.rates, **self.responses, **self.directed})


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
    found = Deep({}, {}, {}, [])
    for shift in audit.verdict.shifts:
        name, goals, rival = shift.setting, scenario.goal_names, shift.numbers.rival_goal or scenario.goal_names[1]
        levels = audit.sets[name]
        parting = levels.references.classes[:, goals.index(rival)] == int(LevelClass.NECESSARILY)
        key = stream(root(seed), f"deep {name}")
        asked: tuple[tuple[str, dict[str, Any], Callable[[], Any]], ...] = (
            ("exchange rate", found.rates, partial(exchange, policy, scenario, levels.levels, goals[0], rival, key)),
            ("edits", found.responses, partial(interventions, policy, scenario, levels.levels, key)),
            ("directedness", found.directed, partial(directed, policy, scenario, levels.levels, parting, key)),
        )
        for what, kept, ask in asked:
            show(f"{what} on {name}")
            try:
                kept[name] = ask()
            except TrueAimError as error:
                if str(error) not in found.missing:
                    found.missing.append(str(error))
    return found


def sentences(found: Deep, shift: str) -> list[str]:
    """What was found on one shift, in sentences."""
    said = [_rate(found.rates[shift])] if shift in found.rates else []
    said += [_response(one) for one in found.responses.get(shift, [])]
    return said + [_directed(one) for one in found.directed.get(shift, [])]


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


def _directed(found: Directed) -> str:
    nats = found.nats
    if np.isnan(nats.value):
        return f"{found.goal}: nothing that they do makes a difference to it here"
    bounds = "" if np.isnan(nats.low) else f" [{nats.low:.1f}, {nats.high:.1f}]"
    away = ", keeping away from it" if nats.high < 0 else ""
    return (
        f"they work for {found.goal} with {nats.value:.1f}{bounds} nats an episode, of {found.most:.1f} at most{away}"
    )


def as_data(found: Deep) -> dict[str, Any]:
    """The same for JSON; null for numbers that are not there."""
    return {
        "exchange": {shift: plain(rate) for shift, rate in found.rates.items()},
        "directedness": {shift: [plain(one) for one in rows] for shift, rows in found.directed.items()},
        "interventions": {shift: [plain(one) for one in rows] for shift, rows in found.responses.items()},
        "missing": found.missing,
    }
