"""Events over grid transitions: what goals and endings look at."""

from dataclasses import dataclass

from jaxtyping import Array, Bool, Int

from trueaim.worlds.grid.level import Levels, Transition


@dataclass(frozen=True)
class Reached:
    """The agent stands, after the step, on a thing or on a fixed cell.

    Attributes:
        thing: number of the thing, or None.
        cell: number of the cell, or None; exactly one of the two is given.
    """

    thing: int | None = None
    cell: int | None = None

    def target(self, levels: Levels, level: Int[Array, ""]) -> Int[Array, ""] | int:
        """The cell in question on row `level` of the table."""
        if self.thing is None:
            assert self.cell is not None
            return self.cell
        return levels.things[level, self.thing]

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it happened."""
        after = transition.after
        return after.position == self.target(transition.levels, after.level)


@dataclass(frozen=True)
class AnyOf:
    """At least one of several events."""

    events: tuple[Reached, ...]

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether one of them happened."""
        happened = self.events[0](transition)
        for event in self.events[1:]:
            happened = happened | event(transition)
        return happened


def any_of(*events: Reached) -> AnyOf:
    """The event that at least one of these happens."""
    return AnyOf(events)
