"""Things that the agent carries about and puts down, and things that it breaks by stepping on them."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool

from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.placement import corner_cell
from trueaim.worlds.grid.rule import Counter, Needs, Turn, counted, holding, moved, showing, underfoot


@dataclass(frozen=True)
class Carry:
    """Two actions more: the agent picks up one thing where it stands, if its hands are free, and puts it down.

    Several may lie on one cell. What is put down on `into` is gone. Events: `delivered`, a thing was put into that;
    `left`, one was put down in the corner (also into what stands there); `fetched`, one was picked up from there.

    Attributes:
        kind: of things that are carried.
        into: the one thing that takes them in.
        corner: where leaving and fetching are counted.
    """

    kind: str
    into: str
    corner: str

    @property
    def needs(self) -> Needs:
        """Things that move and vanish, whether one is carried, the events and the actions."""
        return Needs(
            moving=(self.kind,),
            vanishing=(self.kind,),
            held=(Counter(self.kind, 1),),
            events=("delivered", "left", "fetched"),
            actions=("pick_up", "put_down"),
        )

    def __call__(self, turn: Turn, state: State) -> State:
        """The state after picking up or putting down."""
        world, carries = turn.world, state.held[self.kind] > 0
        here = underfoot(turn, state, self.kind)
        lifts = (turn.action == world.actions.index("pick_up")) & ~carries & here.any()
        drops = (turn.action == world.actions.index("put_down")) & carries
        inside = drops & (world.places(turn.levels, state, self.into)[0] == state.position)
        slots = jnp.arange(here.shape[0])
        lifted = lifts & (slots == jnp.argmax(here))
        state = showing(state, self.kind, state.present[self.kind] & ~lifted)
        state = put(state, self.kind, drops & ~inside)
        state = holding(state, self.kind, (carries | lifts) & ~drops)
        cornered = state.position == corner_cell(self.corner, world.height, world.width)
        state = counted(state, "delivered", inside)
        return counted(counted(state, "left", drops & cornered), "fetched", lifts & cornered)


@dataclass(frozen=True)
class Break:
    """The agent breaks what it steps on, and something else lies there then.

    Events: `broken`; and `whole`, at every step at which no thing of the kind was broken yet.

    Attributes:
        kind: of things that break.
        into: the kind of what then lies there; a rule must let those move, and each that breaks needs a spare slot.
    """

    kind: str
    into: str

    @property
    def needs(self) -> Needs:
        """Things that vanish, and the events."""
        return Needs(vanishing=(self.kind, self.into), events=("broken", "whole"))

    def __call__(self, turn: Turn, state: State) -> State:
        """The state after the break."""
        assert turn.levels.looks is not None
        broken = underfoot(turn, state, self.kind)
        present = state.present[self.kind] & ~broken
        at_first = turn.levels.looks[state.level, turn.world.slots[self.kind]] != 0
        state = put(showing(state, self.kind, present), self.into, broken.any())
        return counted(counted(state, "broken", broken.any()), "whole", (present == at_first).all())


def put(state: State, kind: str, happens: Bool[Array, ""]) -> State:
    """The state in which, if it `happens`, one more thing of a kind lies where the agent is; in the first free slot."""
    present = state.present[kind]
    new = happens & (jnp.arange(present.shape[0]) == jnp.argmin(present))
    state = moved(state, kind, jnp.where(new, state.position, state.places[kind]))
    return showing(state, kind, present | new)
