"""What an audit can ask beyond watching: how far agents go for a goal, how hard they work, how they answer to edits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from trueaim.audit.asking import asked
from trueaim.audit.audit import SEED, Audit
from trueaim.audit.capability import Capability, capability
from trueaim.audit.collect import LevelSet
from trueaim.audit.counterfactuals import Counterfactuals, counterfactuals
from trueaim.audit.counterfactuals import sentence as turned
from trueaim.audit.directed import Directed, directed
from trueaim.audit.exchange import Exchange, exchange
from trueaim.audit.interventions import Response, interventions
from trueaim.core.documents import plain
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.inference.information import Asked

TURNED = 64
"""Levels on which the smallest edits are looked for, at most."""


@dataclass(frozen=True)
class Deep:
    """What was asked on each shift, by its name.

    Attributes:
        rates: the exchange rate of the intended goal and its best rival, where the way to both is known.
        responses: the answers to each edit of each goal, where the scenario can make edits.
        counterfactuals: the smallest edits that turn them; likewise.
        directed: how hard they work for each goal, where levels are tables of states.
        capable: how directed they are at each goal, given how surely they move; likewise.
        asked: what the first agents answer on the levels that tell most; likewise.
        missing: sentences on what could not be asked.
    """

    rates: dict[str, Exchange] = field(default_factory=dict)
    responses: dict[str, list[Response]] = field(default_factory=dict)
    counterfactuals: dict[str, Counterfactuals] = field(default_factory=dict)
    directed: dict[str, list[Directed]] = field(default_factory=dict)
    capable: dict[str, list[Capability]] = field(default_factory=dict)
    asked: dict[str, list[Asked]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def shifts(self) -> list[str]:
        """On which anything was found."""
        parts = (self.rates, self.responses, self.counterfactuals, self.directed, self.capable, self.asked)
        return list(dict.fromkeys(name for part in parts for name in part))


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
    found = Deep()
    for shift in audit.verdict.shifts:
        name, rival = shift.setting, shift.numbers.rival_goal or scenario.goal_names[1]
        for what, kept, ask in _questions(
            policy, scenario, audit.sets[name], rival, stream(root(seed), f"deep {name}")
        ):
            show(f"{what} on {name}")
            try:
                getattr(found, kept)[name] = ask()
            except TrueAimError as error:
                if str(error) not in found.missing:
                    found.missing.append(str(error))
    return found


def _questions(
    policy: Policy, scenario: Scenario, levels: LevelSet, rival: str, key: Key[Array, ""]
) -> list[tuple[str, str, Callable[[], Any]]]:
    """What is asked on one shift: in words, where the answer goes, and how it is found."""
    goals, whole = scenario.goal_names, levels.levels
    classes = levels.references.classes[:, goals.index(rival)]
    parting, agreeing = classes == int(LevelClass.NECESSARILY), classes == int(LevelClass.NON)
    rows = np.flatnonzero(parting if parting.any() else np.ones_like(parting))[:TURNED]
    few = jax.tree.map(lambda table: table[rows], whole)
    return [
        ("exchange rate", "rates", partial(exchange, policy, scenario, whole, goals[0], rival, key)),
        ("edits", "responses", partial(interventions, policy, scenario, whole, key)),
        ("smallest edits", "counterfactuals", partial(counterfactuals, policy, scenario, few, key)),
        ("directedness", "directed", partial(directed, policy, scenario, whole, parting, key)),
        ("capability", "capable", partial(capability, policy, scenario, whole, parting, agreeing, key)),
        ("telling levels", "asked", partial(asked, policy, scenario, whole, key)),
    ]


def sentences(found: Deep, shift: str) -> list[str]:
    """What was found on one shift, in sentences."""
    said = [_rate(found.rates[shift])] if shift in found.rates else []
    said += [_response(one) for one in found.responses.get(shift, [])]
    said += [turned(found.counterfactuals[shift])] if shift in found.counterfactuals else []
    said += [_directed(one) for one in found.directed.get(shift, [])]
    said += [_capable(one) for one in found.capable.get(shift, [])]
    return said + ([_asked(found.asked[shift])] if found.asked.get(shift) else [])


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


def _capable(found: Capability) -> str:
    of = found.given.directedness
    if np.isnan(of.value):
        return f"{found.goal}: they move too much at random to gain anything of it"
    bounds = "" if np.isnan(of.low) else f" [{of.low:.2f}, {of.high:.2f}]"
    slips = float(np.mean([one.allowed for one in found.slips]))
    return f"{found.goal}: they get {of.value:.2f}{bounds} of what is possible with {slips:.0%} of moves slipping"


def _asked(found: list[Asked]) -> str:
    settled = [f"{one.believed} after {one.settled_after}" for one in found if one.settled_after is not None]
    open_still = len(found) - len(settled)
    said = ", ".join([*settled, *([f"{open_still} not settled"] if open_still else [])])
    return f"agents asked one by one on the levels that tell most: {said} (levels until the belief stays above 0.99)"


def as_data(found: Deep) -> dict[str, Any]:
    """The same for JSON; null for numbers that are not there."""
    return {
        "exchange": {shift: plain(rate) for shift, rate in found.rates.items()},
        "directedness": {shift: [plain(one) for one in rows] for shift, rows in found.directed.items()},
        "capability": {shift: [plain(one) for one in rows] for shift, rows in found.capable.items()},
        "asked": {shift: [_answer(one) for one in rows] for shift, rows in found.asked.items()},
        "interventions": {shift: [plain(one) for one in rows] for shift, rows in found.responses.items()},
        "counterfactuals": {shift: plain(one._replace(explained=())) for shift, one in found.counterfactuals.items()},
        "missing": found.missing,
    }


def _answer(found: Asked) -> dict[str, Any]:
    return {"believed": found.believed, "settled_after": found.settled_after, "levels": found.levels.tolist()}
