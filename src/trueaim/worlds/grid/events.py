"""Events over grid transitions: what goals and endings look at."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt8

from trueaim.worlds.grid.level import FIRST_THING, Levels, Transition


@dataclass(frozen=True)
class Reached:
    """The agent stands, after the step, on a thing that lies still or on a fixed cell.

    Attributes:
        thing: number of the thing, or None.
        cell: number of the cell, or None; exactly one of the two is given.
    """

    thing: int | None = None
    cell: int | None = None

    def target(self, levels: Levels, level: Int[Array, ""]) -> Int[Array, ""] | int:
        """The cell in question on row `level` of the table; -1 where the thing is not there."""
        if self.thing is None:
            assert self.cell is not None
            return self.cell
        cell = levels.things[level, self.thing]
        return cell if levels.looks is None else jnp.where(levels.looks[level, self.thing] != 0, cell, -1)

    def on(self, levels: Levels, level: Int[Array, ""]) -> Bool[Array, " cell"]:
        """On which cells of row `level` it happens."""
        return jnp.arange(levels.cells.shape[-1]) == self.target(levels, level)

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it happened."""
        after = transition.after
        return after.position == self.target(transition.levels, after.level)


@dataclass(frozen=True)
class Showing:
    """The agent stands, after the step, on a cell that shows all of these marks, and none of some others.

    Attributes:
        bits: of the marks that it shows.
        without: of the marks that it does not show.
    """

    bits: int
    without: int = 0

    def on(self, levels: Levels, level: Int[Array, ""]) -> Bool[Array, " cell"]:
        """On which cells of row `level` it happens."""
        return (levels.cells[level] & (self.bits | self.without)) == self.bits

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it happened."""
        after = transition.after
        return (transition.levels.cells[after.level, after.position] & (self.bits | self.without)) == self.bits


@dataclass(frozen=True)
class Hinted:
    """The agent stands, after the step, on a cell that shows a mark which the level's hint means.

    Attributes:
        means: by hint, the bits of the marks that it means to whoever has this goal; without them the first hint means
            the first mark, and so on.
    """

    means: tuple[int, ...] = ()

    def on(self, levels: Levels, level: Int[Array, ""]) -> Bool[Array, " cell"]:
        """On which cells of row `level` it happens."""
        return (levels.cells[level] & self._meant(levels, level)) != 0

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it happened."""
        after, levels = transition.after, transition.levels
        return (levels.cells[after.level, after.position] & self._meant(levels, after.level)) != 0

    def _meant(self, levels: Levels, level: Int[Array, ""]) -> UInt8[Array, ""]:
        assert levels.hint is not None
        hint = levels.hint[level]
        if not self.means:
            return hint << FIRST_THING
        meant = jnp.uint8(0)
        for number, bits in enumerate(self.means):
            meant |= (hint >> number & 1) * jnp.uint8(bits)
        return meant


Spot = Reached | Showing | Hinted
"""Events that happen on cells that a level fixes: goals made of them have an exact planner."""


@dataclass(frozen=True)
class Happened:
    """How often something happened in the step, as a rule counts it; as an ending, whether it happened.

    Attributes:
        event: its name.
    """

    event: str

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The count."""
        return transition.after.happened[self.event].astype(jnp.float32)


@dataclass(frozen=True)
class Sum:
    """A weighted sum of events, and a number for every step.

    Attributes:
        parts: (event, weight) of each.
        each_step: what every step is worth.
    """

    parts: tuple[tuple[Spot | Happened, float], ...]
    each_step: float = 0.0

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The sum."""
        total = jnp.float32(self.each_step)
        for event, weight in self.parts:
            total = total + weight * event(transition)
        return total


@dataclass(frozen=True)
class AnyOf:
    """At least one of several events."""

    events: tuple[Spot, ...]

    def on(self, levels: Levels, level: Int[Array, ""]) -> Bool[Array, " cell"]:
        """On which cells of row `level` it happens."""
        happens = self.events[0].on(levels, level)
        for event in self.events[1:]:
            happens = happens | event.on(levels, level)
        return happens

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether one of them happened."""
        happened = self.events[0](transition)
        for event in self.events[1:]:
            happened = happened | event(transition)
        return happened


Ending = Spot | AnyOf | Happened
"""What can end an episode."""


def any_of(*events: Spot) -> AnyOf:
    """The event that at least one of these happens."""
    return AnyOf(events)
