"""Counterfactual levels: what a goal is about secured, removed or moved, or a wall changed, and all else as it was."""

from typing import Any, NamedTuple, Protocol

from jaxtyping import Array, Bool, Key


class Edited(NamedTuple):
    """Levels after a counterfactual edit.

    Attributes:
        levels: a table of as many levels, in the same order.
        changed: on which of them there was something to edit; the others are as they were.
        parts: which of a level's things the edit changed, none of them where it changed a wall; None where nobody
            counts. It tells an edit from one that does the same and more.
    """

    levels: Any
    changed: Bool[Array, " level"]
    parts: Bool[Array, "level part"] | None = None


class Edits(Protocol):
    """The counterfactual edits that a scenario may offer: what a goal is about, or one wall, changed alone.

    All take a table of levels, and all but those of walls the number of a goal. They give None where no such edit can
    be made.
    """

    def secured(self, levels: Any, goal: int) -> Edited | None:
        """What the goal is about is had from the start, or within a step or two, wherever the agent means to go."""

    def removed(self, levels: Any, goal: int) -> Edited | None:
        """What the goal is about is nowhere."""

    def moved(self, levels: Any, goal: int, key: Key[Array, ""]) -> Edited | None:
        """What the goal is about is somewhere else, at random, where it can be reached."""

    def wall_added(self, levels: Any, key: Key[Array, ""]) -> Edited | None:
        """A wall stands in one more place, at random, where it cuts nothing off that could be reached."""

    def wall_removed(self, levels: Any, key: Key[Array, ""]) -> Edited | None:
        """One wall, at random, is gone."""
