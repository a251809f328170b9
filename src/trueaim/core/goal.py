"""A goal: a named function of a transition, scored on every step, whatever the agent is trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.names import check_name


class Role(StrEnum):
    """What a goal is to the designer."""

    INTENDED = "intended"
    PROXY = "proxy"
    RIVAL = "rival"


INTENDED, PROXY, RIVAL = Role.INTENDED, Role.PROXY, Role.RIVAL


@dataclass(frozen=True)
class Goal:
    """One goal of a scenario.

    Attributes:
        name: a short word ("cheese"), unique in its scenario.
        score: what one transition is worth for this goal; reads the transition, never changes it.
        role: `INTENDED` is what the designer wants and the only goal that training pays; a `PROXY` is correlated with
            it in training; a `RIVAL` is any other goal worth watching.
        once: pays at most once in an episode.
        charges: may score below 0, so that doing nothing can be better than random actions.
        description: the goal in words, continuing "the agent wants to ...".
    """

    name: str
    score: Callable[[Any], Any]
    role: Role | str = RIVAL
    once: bool = False
    charges: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        if self.role not in list(Role):
            raise unknown_name("goal role", str(self.role), list(Role))
        object.__setattr__(self, "role", Role(self.role))


def check_goals(goals: tuple[Goal, ...]) -> None:
    """Raise unless there are at least two goals with different good names, exactly one of them intended, and first."""
    names = [check_name("goal", goal.name) for goal in goals]
    if len(names) < 2:
        raise TrueAimError(f"goals: got {names}, needs at least two; add the rival that training cannot tell apart")
    if len(set(names)) < len(names):
        raise TrueAimError(f"goals: got {names}, needs different names; rename one of them")
    intended = [goal.name for goal in goals if goal.role is INTENDED]
    if len(intended) != 1 or goals[0].role is not INTENDED:
        raise TrueAimError(
            f"goals: got {intended or 'none'} as intended, needs exactly one, listed first; mark it role='intended'"
        )
