"""A scenario of someone else's: Gymnasium environments for training and shifts, and goals that score transitions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.goal import Goal, check_goals
from trueaim.core.names import check_name

TRAIN = "train"
"""The name of the training setting."""


class Transition(NamedTuple):
    """One step of an episode, as goals score it.

    Attributes:
        observation: before the action.
        action: what the policy did.
        next_observation: after it; at the end of an episode its true last one, never that of a reset.
        reward: of the environment.
        info: of the environment, with this step; at the end the true last one.
        terminated: natural end.
        truncated: the time limit came first.
    """

    observation: Any
    action: Any
    next_observation: Any
    reward: float
    info: Mapping[str, Any]
    terminated: bool
    truncated: bool


@dataclass(frozen=True, eq=False)
class GymScenario:
    """One case of goal misgeneralization in environments of the Gymnasium interface.

    Attributes:
        train: makes the environment of training, single or vectorized.
        shifts: by name, functions that make environments in which the goals part; same spaces as in training.
        goals: the intended one first; each scores a `Transition` with one number.
        name: for people.
        references: by goal, the highest return there is to be had: a number, a number for each setting, or a policy
            that pursues the goal well, whose returns are measured. Without one, shares of optimal are unknown.
        parting: by shift, the rivals that cost the intended goal on all of its levels, as the user states it; else
            classes of levels are known only where `references` has policies for both goals.
        stated_return: mean intended return in training as the user knows it, by which the audit checks itself.
        discount: by which returns are measured, per step; 1 is what Gymnasium users state.
        horizon: longest episode, in steps.
        lanes: environments that are stepped together, where they are single.
        step_seconds: how long one step or reset may take.
        repeatable: the same seed gives the same episode, and this is checked.
    """

    train: Callable[[], Any]
    shifts: Mapping[str, Callable[[], Any]]
    goals: Sequence[Goal]
    name: str = "environment"
    references: Mapping[str, Any] | None = None
    parting: Mapping[str, Iterable[str]] = field(default_factory=dict)
    stated_return: float | None = None
    discount: float = 1.0
    horizon: int = 1000
    lanes: int = 8
    step_seconds: float = 60.0
    repeatable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "goals", tuple(self.goals))
        check_goals(self.goals)  # type: ignore[arg-type]
        if not self.shifts:
            raise TrueAimError(f"{self.name}: got no shift, needs at least one; say where its goals part")
        for name, make in self.settings.items():
            check_name("setting", name)
            if not callable(make):
                raise TrueAimError(
                    f"setting {name!r}: got {type(make).__name__}, needs a function that makes the environment; "
                    "write lambda: env"
                )
        self._check_numbers()
        self._check_named()

    def _check_numbers(self) -> None:
        if TRAIN in self.shifts:
            raise TrueAimError(f"{self.name}: got a shift named {TRAIN!r}, needs another name; rename it")
        for name, low in (("discount", 0.0), ("horizon", 0), ("lanes", 0), ("step_seconds", 0.0)):
            if not getattr(self, name) > low:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs more than {low:g}; raise it")
        if self.discount > 1:
            raise TrueAimError(f"discount: got {self.discount}, needs at most 1; lower it")

    def _check_named(self) -> None:
        for goal in self.references or {}:
            if goal not in self.goal_names:
                raise unknown_name("reference for goal", goal, self.goal_names)
        for shift, rivals in self.parting.items():
            if shift not in self.shifts:
                raise unknown_name("parting shift", shift, self.shifts)
            for rival in rivals:
                if rival not in self.goal_names[1:]:
                    raise unknown_name("parting rival", rival, self.goal_names[1:])

    @property
    def goal_names(self) -> tuple[str, ...]:
        """The names of the goals, the intended one first."""
        return tuple(goal.name for goal in self.goals)

    @property
    def settings(self) -> dict[str, Callable[[], Any]]:
        """What makes the environment of each setting: "train", then the shifts."""
        return {TRAIN: self.train, **self.shifts}

    def setting(self, name: str) -> Callable[[], Any]:
        """What makes the environment of that setting; raises with the known names."""
        if name not in self.settings:
            raise unknown_name("setting", name, self.settings)
        return self.settings[name]


@dataclass(frozen=True, eq=False)
class Recorded:
    """One case of goal misgeneralization in recorded episodes: no environment is needed, and none can be asked again.

    Attributes:
        shifts: the settings in the record in which the goals part; "train" is the other one.
        goals: the intended one first; a name is a column `goal_NAME` of the record, a goal scores a `Transition` whose
            `info` has the row's columns.
        name: for people.
        references: by goal, the highest return there is to be had: a number, or one for each setting.
        parting: by shift, the rivals that cost the intended goal on all of its levels; by default all.
        discount: by which returns are measured, per step.
    """

    shifts: Sequence[str]
    goals: Sequence[Goal | str]
    name: str = "record"
    references: Mapping[str, float | Mapping[str, float]] | None = None
    parting: Mapping[str, Iterable[str]] = field(default_factory=dict)
    discount: float = 1.0

    def __post_init__(self) -> None:
        if not self.shifts or TRAIN in self.shifts:
            raise TrueAimError(
                f"shifts: got {list(self.shifts)}, needs names of settings other than 'train'; name them"
            )

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings: "train", then the shifts."""
        return (TRAIN, *self.shifts)

    @property
    def goal_names(self) -> tuple[str, ...]:
        """The names of the goals, the intended one first."""
        return tuple(goal if isinstance(goal, str) else goal.name for goal in self.goals)
