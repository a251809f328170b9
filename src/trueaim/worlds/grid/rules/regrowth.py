"""Things that grow again, the faster the more of them are left."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from trueaim.worlds.grid.chance import word
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Drawn, Needs, Turn, moved, showing
from trueaim.worlds.grid.rules.vacancy import check_open, vacant_cell

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld

SALT_WHETHER, SALT_WHERE = 31, 32


@dataclass(frozen=True)
class Regrow:
    """At the end of a step in which fewer than all are there, one more may appear on a cell on which nothing is.

    Its chance with n of them there is max(least, most * log(1 + n) / log(1 + n_max)); n_max is how many there can be.

    Attributes:
        kind: of things.
        least, most: the knobs of the two chances.

    Source: Shah et al. 2022, Tree Gridworld.
    """

    kind: str
    least: str
    most: str

    @property
    def needs(self) -> Needs:
        """Things that move and vanish, and random numbers."""
        return Needs(moving=(self.kind,), vanishing=(self.kind,), chance=True)

    def tables(self, world: "GridWorld", drawn: Drawn) -> dict[str, Any]:
        """The chance by how many are there. Raises for maps that may have walls."""
        check_open(world, "things that grow")
        slots = world.slots[self.kind]
        num = slots.stop - slots.start
        curve = np.log1p(np.arange(num + 1)) / math.log1p(num)
        chance = jnp.maximum(drawn.knobs[self.least], drawn.knobs[self.most] * curve.astype(np.float32))
        return {f"{self.kind} chance": jnp.where(np.arange(num + 1) < num, chance, 0.0)}

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with one more there, or none."""
        assert state.luck is not None
        present, places = state.present[self.kind], state.places[self.kind]
        chance = turn.levels.tables[f"{self.kind} chance"][state.level, jnp.sum(present)]
        taken, counts = jnp.append(places, state.position), jnp.append(present, True)  # the agent never is on one
        cell = vacant_cell(word(state.luck, SALT_WHERE), taken, counts, turn.world.height * turn.world.width)
        is_due = word(state.luck, SALT_WHETHER).astype(jnp.float32) * 2**-32 < chance
        new = is_due & (jnp.arange(present.shape[0]) == jnp.argmin(present))
        return showing(moved(state, self.kind, jnp.where(new, cell, places)), self.kind, present | new)
