"""Seconds of a full verdict with goal inference, and the share of them that goes into planning."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax

from trueaim import scenarios
from trueaim.agents.planted import pursuing
from trueaim.audit.audit import SEED, audit
from trueaim.audit.collect import level_sets
from trueaim.audit.references import references
from trueaim.core.keys import root
from trueaim.inference.likelihood import plans

LEVELS = 1024


class Seconds(NamedTuple):
    """Seconds once programs are compiled.

    Attributes:
        whole: the audit of all settings, from drawing levels to the verdict.
        exact: of these, optimal returns and level classes by backward induction.
        plans: of these, the plans for every goal that decisions are held against.
    """

    whole: float
    exact: float
    plans: float

    @property
    def share(self) -> float:
        """Of planning in the whole."""
        return (self.exact + self.plans) / self.whole


def verdict_seconds(name: str = "color_shape", size: int = 13, levels: int = LEVELS) -> Seconds:
    """A verdict on every shift of a scenario, for one planted agent with some noise."""
    made = scenarios.scenario(name, size=size)
    policy = pursuing(made, made.goal_names[1], 0.1, 1)
    sets = level_sets(made, levels, SEED)
    tabular = made.tabular
    assert tabular is not None
    shifts = [sets[shift].levels for shift in made.shifts]
    return Seconds(
        second(partial(audit, policy, made, levels=levels)),
        second(lambda: [references(made, each.levels, root(SEED)) for each in sets.values()]),
        second(lambda: [plans(tabular.model(each)).policies for each in shifts]),
    )


def second(work: Callable[[], Any]) -> float:
    """Seconds of the second call."""
    jax.block_until_ready(work())
    start = time.perf_counter()
    jax.block_until_ready(work())
    return time.perf_counter() - start


if __name__ == "__main__":
    found = verdict_seconds()
    print(f"{found.whole:.1f} s, exact {found.exact:.1f} s, plans {found.plans:.1f} s: planning {found.share:.0%}")
