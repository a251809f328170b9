"""Things that the agent takes by stepping on them, and things that what it holds opens."""

from dataclasses import dataclass

import jax.numpy as jnp

from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Counter, Needs, Turn, counted, holding, showing, underfoot


@dataclass(frozen=True)
class Take:
    """The agent takes what it steps on: it vanishes, and the event of the kind's name happens.

    Attributes:
        kind: of things.
        held: how many it can hold, or 0 where nothing is kept; one more than that stays where it lies.
        spills: one more than that is taken all the same, and lost.
    """

    kind: str
    held: int = 0
    spills: bool = False

    @property
    def needs(self) -> Needs:
        """Things that vanish, a counter for what is held, and the event."""
        held = (Counter(self.kind, self.held),) if self.held else ()
        return Needs(vanishing=(self.kind,), held=held, events=(self.kind,))

    def __call__(self, turn: Turn, state: State) -> State:
        """The state without what was taken."""
        taken = underfoot(turn, state, self.kind)
        if self.held:
            has_room = state.held[self.kind] < self.held
            taken &= has_room | self.spills
            state = holding(state, self.kind, state.held[self.kind] + (taken.any() & has_room))
        return counted(showing(state, self.kind, state.present[self.kind] & ~taken), self.kind, taken.any())


@dataclass(frozen=True)
class Open:
    """The agent opens what it steps on, if it holds a key: both are gone, and the event of the kind's name happens.

    Attributes:
        kind: of things that are opened.
        key: what must be held.
    """

    kind: str
    key: str

    @property
    def needs(self) -> Needs:
        """Things that vanish, and the event."""
        return Needs(vanishing=(self.kind,), events=(self.kind,))

    def __call__(self, turn: Turn, state: State) -> State:
        """The state without what was opened."""
        opened = underfoot(turn, state, self.kind) & (state.held[self.key] > 0)
        state = holding(state, self.key, state.held[self.key] - opened.any().astype(jnp.int8))
        return counted(showing(state, self.kind, state.present[self.kind] & ~opened), self.kind, opened.any())


@dataclass(frozen=True)
class Exhaust:
    """The event "finished": nothing more can be opened, since all is open or no key is left, in hand or lying about.

    That is when as many are open as there were keys or things to open, whichever are fewer. It happens once, in the
    step of the last opening.

    Attributes:
        kind: of things that are opened (the rule `Open`, which comes before this one).
        key: what opens them (the rule `Take`).
    """

    kind: str
    key: str

    @property
    def needs(self) -> Needs:
        """The event."""
        return Needs(vanishing=(self.kind, self.key), events=("finished",))

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with the event counted."""
        all_spent = ~state.present[self.key].any() & (state.held[self.key] == 0)
        ended = all_spent | ~state.present[self.kind].any()
        return counted(state, "finished", ended & (state.happened[self.kind] > 0))
