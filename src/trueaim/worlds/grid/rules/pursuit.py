"""Things that chase the agent, and what happens when they reach it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from trueaim.worlds.grid.chance import words
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Drawn, Needs, Turn, counted, holding, moved, showing
from trueaim.worlds.grid.rules.vacancy import check_open

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld

SALT = 21
HALF = 2**-16


@dataclass(frozen=True)
class Chase:
    """Things move towards the agent, each on its own: up, right, down, left, or not at all.

    A move is drawn with weight exp(-keenness * distance of the cell that it leads to), counted by rows and columns; at
    infinite keenness the moves that lead nearer are equally likely and no other is made. They pass over everything.

    Attributes:
        kind: of things.
        twice: the knob that says with which chance a thing moves a second time in the same step.
        keenness: inverse temperature, per cell.
    """

    kind: str
    twice: str = "twice"
    keenness: float = math.inf

    @property
    def needs(self) -> Needs:
        """Things that move, and random numbers."""
        return Needs(moving=(self.kind,), chance=True)

    def tables(self, world: "GridWorld", drawn: Drawn) -> dict[str, Any]:
        """The chance of moving twice. Raises for maps that may have walls, which distances would have to go round."""
        check_open(world, self.kind)
        return {f"{self.kind} {self.twice}": jnp.asarray(drawn.knobs[self.twice], jnp.float32)}

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with the things elsewhere; each chance is honored to 1/65,536."""
        assert state.luck is not None
        places = state.places[self.kind]
        num = places.shape[0]
        first, second = jnp.split(words(state.luck, SALT, 2 * num), 2)
        chance = turn.levels.tables[f"{self.kind} {self.twice}"][state.level]
        is_twice = (second >> 16).astype(jnp.float32) * HALF < chance
        once = self._nearer(turn, state, places, (first >> 16).astype(jnp.float32) * HALF)
        again = self._nearer(turn, state, once, (first & jnp.uint32(0xFFFF)).astype(jnp.float32) * HALF)
        return moved(state, self.kind, jnp.where(is_twice, again, once))

    def _nearer(
        self, turn: Turn, state: State, places: Int[Array, " slot"], draw: Float[Array, " slot"]
    ) -> Int[Array, " slot"]:
        width, height = turn.world.width, turn.world.height
        row, column = places // width, places % width
        below, right = state.position // width - row, state.position % width - column
        stay = math.exp(-self.keenness)  # weights are relative to that of a move that leads nearer
        away = stay * stay
        upto_up = jnp.where(below < 0, 1.0, jnp.where(row > 0, away, 0.0))
        upto_right = upto_up + jnp.where(right > 0, 1.0, jnp.where(column < width - 1, away, 0.0))
        upto_down = upto_right + jnp.where(below > 0, 1.0, jnp.where(row < height - 1, away, 0.0))
        upto_left = upto_down + jnp.where(right < 0, 1.0, jnp.where(column > 0, away, 0.0))
        draw = draw * (upto_left + stay)
        step = jnp.where(
            draw < upto_right, jnp.where(draw < upto_up, -width, 1), jnp.where(draw < upto_down, width, -1)
        )
        return jnp.where(draw < upto_left, places + step, places)


@dataclass(frozen=True)
class Attack:
    """Things that end the step where the agent is attack it: it uses up a shield and the thing is gone, or it is hit.

    The events are `slain` and `hit`, each as often as it happens in the step.

    Attributes:
        kind: of things.
        shield: the counter of what the agent is protected by.
        survives: whether a thing that hit is still there, to hit again in the next step.
    """

    kind: str
    shield: str
    survives: bool = True

    @property
    def needs(self) -> Needs:
        """Things that vanish, and the events."""
        return Needs(vanishing=(self.kind,), events=("hit", "slain"))

    def __call__(self, turn: Turn, state: State) -> State:
        """The state after all attacks."""
        present, held = state.present[self.kind], state.held[self.shield]
        attacks = present & (turn.world.places(turn.levels, state, self.kind) == state.position)
        slain = attacks & (jnp.cumsum(attacks) <= held)
        num_slain = jnp.sum(slain, dtype=jnp.int8)
        state = counted(state, "slain", num_slain)
        state = counted(state, "hit", jnp.sum(attacks, dtype=jnp.int8) - num_slain)
        state = holding(state, self.shield, held - num_slain)
        return showing(state, self.kind, present & ~(slain if self.survives else attacks))
