"""Things that come back elsewhere as soon as they are taken, so that there are always as many."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from trueaim.worlds.grid.chance import word
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Drawn, Needs, Turn, moved, showing
from trueaim.worlds.grid.rules.vacancy import check_open, vacant_cell

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld

SALT = 11


@dataclass(frozen=True)
class Respawn:
    """What was taken in this step lies at once on another cell, drawn uniformly from those that are free.

    Free are cells without the agent and without things of these kinds; other things may be there. No two things of
    these kinds may begin on one cell; then at most one is taken in a step, and no two ever share a cell.

    Attributes:
        kinds: of things that come back.
    """

    kinds: tuple[str, ...]

    @property
    def needs(self) -> Needs:
        """Things that move and vanish, and random numbers."""
        return Needs(moving=self.kinds, vanishing=self.kinds, chance=True)

    def tables(self, world: "GridWorld", drawn: Drawn) -> dict[str, Any]:
        """None; raises for maps that may have walls."""
        del drawn
        check_open(world, "things that come back")
        return {}

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with everything there again."""
        assert state.luck is not None
        # What was taken lies where the agent is, so the agent's cell is among those of the things themselves.
        places = jnp.concatenate([state.places[kind] for kind in self.kinds])
        counts = jnp.concatenate([turn.before.present[kind] for kind in self.kinds])
        cell = vacant_cell(word(state.luck, SALT), places, counts, turn.world.height * turn.world.width)
        for kind in self.kinds:
            taken = turn.before.present[kind] & ~state.present[kind]
            state = moved(state, kind, jnp.where(taken, cell, state.places[kind]))
            state = showing(state, kind, turn.before.present[kind])
        return state
