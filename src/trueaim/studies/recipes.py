"""How agents of a study are trained, by name: each a function of a plan and a folder that gives back the agents."""

from collections.abc import Callable, Mapping
from typing import Protocol

from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.training.learn import Progress, train
from trueaim.training.plan import Plan


class Recipe(Protocol):
    """Trains, or continues, the run of this plan in this folder.

    Args:
        plan: what to train.
        place: the run's folder, where it continues after a stop.
        allow_drift: continue although versions or the machine changed.
        show: told about progress after every chunk.
    """

    def __call__(self, plan: Plan, place: Place, *, allow_drift: bool, show: Callable[[Progress], None]) -> Policy:
        """The trained agents."""


ALL: Mapping[str, Recipe] = {"plain": train}
"""`plain` is reinforcement learning on the levels that the plan says."""
