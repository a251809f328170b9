"""From words on the command line to a checked plan."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from trueaim import scenarios
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.scenario import EVERYWHERE, Scenario, adjusted
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import Plan, default_group

SECTIONS = ("scenario", "learner", EVERYWHERE)
"""Where a change can go, beside the names of settings."""


def changes_of(words: list[str]) -> dict[str, dict[str, str]]:
    """`["learner.width=64", ...]` as {"learner": {"width": "64"}}; raises where a word has another form."""
    changes: dict[str, dict[str, str]] = {}
    for word in words:
        path, equals, value = word.partition("=")
        section, dot, name = path.partition(".")
        if not (equals and dot and section and name):
            raise TrueAimError(f"--set: got {word!r}, needs the form a.b=c; for example --set scenario.size=9")
        changes.setdefault(section.strip(), {})[name.strip()] = value.strip()
    return changes


def scenario_of(name: str, preset: str | None, changes: Mapping[str, Mapping[str, str]]) -> Scenario:
    """The scenario with changed options (`scenario.size`) and knobs (`knob.density`, `anywhere.spread`)."""
    built = scenarios.scenario(name, preset=preset, options=changes.get("scenario"))
    known = {*SECTIONS, *built.settings}
    for section in changes:
        if section not in known:
            raise unknown_name("--set section", section, known)
    knobs = {
        section: {name: _number(f"{section}.{name}", value) for name, value in values.items()}
        for section, values in changes.items()
        if section not in ("scenario", "learner")
    }
    return adjusted(built, knobs) if knobs else built


def learner_of(changes: Mapping[str, str], network: str | None = None) -> PPO:
    """The hyper-parameters with changed values; raises for unknown names and values that do not fit."""
    known = {field.name: field for field in fields(PPO)}
    values: dict[str, Any] = {} if network is None else {"network": network}
    for name, value in changes.items():
        if name not in known:
            raise unknown_name("learner option", name, known)
        try:
            values[name] = TypeAdapter(get_type_hints(PPO)[name]).validate_python(value)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].lower()
            raise TrueAimError(f"learner.{name}: got {value!r}, needs another value ({problem})") from None
    return PPO(**values)


def plan_for(
    name: str,
    *,
    steps: int,
    seed: int,
    seeds: int,
    alpha: float,
    toward: str | None,
    preset: str | None,
    network: str | None,
    exact: bool,
    group: int | None,
    words: list[str],
) -> Plan:
    """The plan behind a train command."""
    if seeds < 1:
        raise TrueAimError(f"--seeds: got {seeds}, needs at least 1; raise it")
    if group is not None and group < 1:
        raise TrueAimError(f"--group: got {group}, needs at least 1; raise it")
    changes = changes_of(words)
    return Plan(
        scenario=scenario_of(name, preset, changes),
        steps=steps,
        seeds=tuple(range(seed, seed + seeds)),
        alpha=alpha,
        toward=toward or "",
        config=learner_of(changes.get("learner", {}), network),
        exact=exact,
        group=group or default_group(),
        named=name if ":" in name else "",
    )


def default_name(plan: Plan) -> str:
    """A folder name that is the same for the same request."""
    text = json.dumps(plan.asked().model_dump(), sort_keys=True)
    return f"{plan.scenario.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise TrueAimError(f"{name}: got {value!r}, needs a number; change it") from None
