"""What a scenario may offer beyond being played: code asks for the capability, never for the world."""

from typing import Any, Protocol

from jaxtyping import Array, Bool, Float, Int

from trueaim.core.model import Cues, Features, Model


class Yardstick(Protocol):
    """What goals are worth on a level, computed rather than sampled.

    All methods take a table of levels; returns are discounted, within the scenario's horizon, and as played: the
    episode ends when the scenario says so, whichever goal is judged. One whose optima are not exact has a mapping
    `kinds` beside, which says for every goal where they come from.
    """

    def optimal(self, levels: Any) -> Float[Array, "level goal"]:
        """The highest return that any policy reaches, for each goal; NaN where it is not known."""

    def uniform(self, levels: Any) -> Float[Array, "level goal"] | None:
        """The expected return of uniformly random actions, for each goal; None where only playing can tell."""

    def classes(self, levels: Any, rival: int) -> Int[Array, " level"]:
        """The `LevelClass` of each level for the pair (intended goal, goal number `rival`)."""


class Planner(Yardstick, Protocol):
    """The exact planner that a scenario may offer where all that matters is in which place its agent is."""

    def optimal_actions(self, levels: Any, goal: int, alone: bool = False) -> Bool[Array, "level place action"]:
        """Which actions are optimal for one goal at every place; `alone`: as if nothing else ended the episode."""

    def pairs(self, levels: Any) -> tuple[Int[Array, "level pursued judged"], Float[Array, "..."], Float[Array, "..."]]:
        """As `classes`, for the judged goal as the intended one; its best and worst return along the other's plans."""

    def towards(self, levels: Any, place: int) -> Bool[Array, "level place action"]:
        """Which actions lead to one place by a shortest path."""

    def route(self, level: Any, goal: int) -> list[int] | None:
        """The places that one optimal policy passes, from the start to the goal, or None where it cannot be reached."""


class Tabular(Protocol):
    """The decision problems of levels, which a scenario may offer so that goals can be inferred from what agents do.

    States are numbered as the scenario's map numbers places.
    """

    def model(self, levels: Any) -> Model:
        """Where every action leads and what every goal pays, on each level."""

    def features(self, levels: Any) -> Features:
        """Named marks of states, by which a goal that nobody listed is described."""

    def cues(self, levels: Any) -> Cues:
        """What a habit could react to in each state."""
