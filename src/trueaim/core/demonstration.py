"""A demonstration as data: which agents to train so that a reader sees what a scenario is about."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Arm(NamedTuple):
    """One way of training.

    Attributes:
        name: a short word for folders and figures.
        what: one line for people; empty for the scenario as it is.
        alpha: share of training levels from the shift setting `toward` (by default the first), 0 to 1.
        toward: that setting.
        changes: knob values by setting, as `trueaim.core.scenario.adjusted` takes them.
        options: of the scenario, over those of the demonstration.
        learner: hyper-parameters, over those of the demonstration.
        flips: another arm, whose agents are shown everything upside down instead of training new ones: the control
            that shows what a failure of capability looks like.
    """

    name: str
    what: str = ""
    alpha: float = 0.0
    toward: str = ""
    changes: Mapping[str, Mapping[str, float]] = {}
    options: Mapping[str, Any] = {}
    learner: Mapping[str, Any] = {}
    flips: str = ""


class Demonstration(NamedTuple):
    """What to train, and what a reader should look for.

    Attributes:
        looks_for: the shape that the literature reports, in one or two sentences.
        steps: environment steps for each agent.
        arms: ways of training that are compared.
        seeds: agents of each arm.
        options: of the scenario, where they differ from its defaults.
        learner: hyper-parameters, where they differ from the defaults.
        levels: audited levels of each setting.
        seen: for the documentation, what came of it where that is not what the literature reports: numbers, and what
            else was tried.
        greed: arguments of `trueaim.audit.affinity.affinity`, to be watched while training; empty for not at all.
    """

    looks_for: str
    steps: int
    arms: tuple[Arm, ...] = (Arm("plain"),)
    seeds: int = 5
    options: Mapping[str, Any] = {}
    learner: Mapping[str, Any] = {}
    levels: int = 1024
    greed: Mapping[str, Any] = {}
    seen: str = ""
