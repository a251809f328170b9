"""What an environment was asked for: a scenario, which of its levels, and how they are seen."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.scenario import Scenario, Setting
from trueaim.scenarios import scenario as scenario_named

TRAIN = "train"
SPLITS = ("training", "held_out", "all")
"""Which layouts: those that training may see, those that audits keep to themselves, or both."""


class Source(NamedTuple):
    """Where levels come from.

    Attributes:
        knobs: values of every knob.
        other: the same of the setting that is mixed in.
        alpha: chance that a level is from there.
    """

    knobs: Mapping[str, Float[Array, ""]]
    other: Mapping[str, Float[Array, ""]]
    alpha: Float[Array, ""]


class Rules(NamedTuple):
    """What programs are made for: the same rules share them.

    Attributes:
        scenario: what is played.
        split: one of `SPLITS`.
        is_endless: no time limit.
    """

    scenario: Scenario
    split: str
    is_endless: bool


class Asked(NamedTuple):
    """A checked request: what programs are made for, and where levels come from."""

    rules: Rules
    source: Source


def asked(
    scenario: Scenario | str,
    options: Mapping[str, Any],
    *,
    preset: str | None,
    setting: str,
    knobs: Mapping[str, float] | None,
    alpha: float,
    toward: str | None,
    split: str,
    endless: bool | None,
) -> Asked:
    """The request, checked; arguments as in `trueaim.envs.vector.ScenarioVectorEnv`.

    Raises:
        TrueAimError: for unknown names, and for values that cannot be honored.
    """
    found = _found(scenario, options, preset)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if not 0 <= alpha <= 1:
        raise TrueAimError(f"alpha: got {alpha:g}, needs a share from 0 to 1; change it")
    if alpha and setting != TRAIN:
        raise TrueAimError(f"alpha: got {alpha:g} with setting {setting!r}, needs 'train'; leave one of them out")
    base = found.knob_values(Setting(**{**found.setting(setting), **(knobs or {})}))
    shift = found.knob_values(found.setting(toward or next(iter(found.shifts))))
    source = Source(
        {name: jnp.float32(value) for name, value in base.items()},
        {name: jnp.float32(value) for name, value in (shift if alpha else base).items()},
        jnp.float32(alpha),
    )
    is_endless = found.endless and setting == TRAIN if endless is None else endless
    return Asked(Rules(found, split, is_endless), source)


def _found(scenario: Scenario | str, options: Mapping[str, Any], preset: str | None) -> Scenario:
    if isinstance(scenario, str):
        return scenario_named(scenario, preset=preset, options=options)
    if preset is not None or options:
        given = [*([f"preset={preset!r}"] if preset is not None else []), *options]
        raise TrueAimError(
            f"scenario: got {scenario.name}, which is built already, with {', '.join(given)}; give its name instead"
        )
    return scenario
