"""Counterfactual levels: what a goal is about secured, removed or moved, and all else as it was."""

from typing import Any, NamedTuple, Protocol

from jaxtyping import Array, Bool, Key


class Edited(NamedTuple):
    """Levels after a counterfactual edit.

    Attributes:
        levels: a table of as many levels, in the same order.
        changed: on which of them there was something to edit; the others are as they were.
    """

    levels: Any
    changed: Bool[Array, " level"]


class Edits(Protocol):
    """The counterfactual edits that a scenario may offer: what a goal is about, changed alone, all else as it was.

    All take a table of levels and the number of a goal, and give None where no such edit can be made of that goal.
    """

    def secured(self, levels: Any, goal: int) -> Edited | None:
        """What the goal is about is had from the start, or within a step or two, wherever the agent means to go."""

    def removed(self, levels: Any, goal: int) -> Edited | None:
        """What the goal is about is nowhere."""

    def moved(self, levels: Any, goal: int, key: Key[Array, ""]) -> Edited | None:
        """What the goal is about is somewhere else, at random, where it can be reached."""
