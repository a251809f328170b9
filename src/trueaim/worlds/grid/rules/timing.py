"""What has to do with time alone: staying where one is, and what happens early in an episode."""

from dataclasses import dataclass

import jax.numpy as jnp

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Counter, Needs, Turn, counted, holding

MOST_STEPS = 127


@dataclass(frozen=True)
class Stay:
    """One action more, by which the agent stays where it is."""

    @property
    def needs(self) -> Needs:
        """The action."""
        return Needs(actions=("stay",))

    def __call__(self, turn: Turn, state: State) -> State:
        """The same state: no move is made for an action that is not one."""
        del turn
        return state


@dataclass(frozen=True)
class Early:
    """The event `early <event>`, as often as `event` happens within the first steps; list it after what counts that.

    Attributes:
        event: what may happen.
        steps: how many steps are early, at most 127.
    """

    event: str
    steps: int

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise TrueAimError(f"steps: got {self.steps}, needs 1 to {MOST_STEPS} to be early; change it")

    @property
    def needs(self) -> Needs:
        """A clock that the agent does not see, and the event."""
        return Needs(held=(Counter("clock", self.steps, shown=False),), events=(f"early {self.event}",))

    def __call__(self, turn: Turn, state: State) -> State:
        """The state one step later."""
        del turn
        clock = state.held["clock"]
        early = jnp.where(clock < self.steps, state.happened[self.event], 0)
        return holding(counted(state, f"early {self.event}", early), "clock", jnp.minimum(clock + 1, self.steps))
