"""A leader that walks from goal to goal by shortest paths, in the right order or in a wrong one."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32

from trueaim.worlds.grid.chance import word
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Counter, Drawn, Needs, Turn, counted, holding, moved, showing
from trueaim.worlds.grid.rules.cycle import MOST_GOALS, NEAREST, OPEN, goal_here, later, toward
from trueaim.worlds.grid.world import GridWorld

SALT = 0x1EAD
ERROR_BITS, DROPOUT_BITS = 16, 15
NEAR = 2
"""Up to so many cells away, along the longer axis, the agent is near the leader."""


@dataclass(frozen=True)
class Lead:
    """The leader walks to the goal that is nearest to its start, then from goal to goal.

    At each goal it picks the next one: with the chance that the knob `error` says a wrong one, each equally likely, by
    the rules that hold for the agent and with a phase of its own; else the right one. So 0 is an expert and 1 an
    anti-expert, each of whose visits but the first would cost an agent the penalty. It rests in the first step, and for
    good where some goal cannot be reached. Nothing is in its way, and it is in nobody's.

    In every step it goes away, or comes back, with the chance that the knob `dropout` says; it walks on unseen.

    Counts `near` in each step after which the agent is at most `NEAR` cells from it. Use it before `Cycle`.

    Attributes:
        kind: of the leader.
        goals: their kind.
        restart: as in `Cycle`.
    """

    kind: str = "leader"
    goals: str = "goal"
    restart: bool = True

    @property
    def needs(self) -> Needs:
        """Where it is and whether it is seen; where it goes and what it has shown, of which agents see nothing."""
        held = ("heading", "bound", "stands", "shown", *(() if self.restart else ("own_phase",)))
        return Needs(
            moving=(self.kind,),
            vanishing=(self.kind,),
            held=tuple(Counter(name, 127, shown=False) for name in held),
            events=("near",),
            chance=True,
        )

    def tables(self, world: GridWorld, drawn: Drawn) -> dict[str, Any]:
        """`leading`: the chance of an error in the low 17 bits, in 1/65,536, and that of leaving above, in 1/32,768."""
        error = jnp.round(drawn.knobs["error"] * (1 << ERROR_BITS)).astype(jnp.uint32)
        most = (1 << DROPOUT_BITS) - 1
        dropout = jnp.minimum(jnp.round(drawn.knobs["dropout"] * (1 << DROPOUT_BITS)), most).astype(jnp.uint32)
        return {"leading": error | jnp.where(drawn.knobs["leaders"] > 0, dropout, 0) << (ERROR_BITS + 1)}

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with the leader one cell further."""
        assert state.luck is not None
        held = {name: number.astype(jnp.int32) for name, number in state.held.items()}
        leading, chance = turn.levels.tables["leading"][state.level], word(state.luck, SALT)
        place = state.places[self.kind][0] + _step(held["heading"], turn.world.width)
        ways = turn.levels.tables["ways"][state.level, place].astype(jnp.int32)
        bound, stands = held["bound"], held["stands"]
        arrived = (bound > 0) & (goal_here(ways) == bound)
        next_one, own_phase = self._next(turn.world, held, leading, chance)
        nearest = ((ways >> NEAREST) & 3) + 1
        present = state.present[self.kind] ^ ((chance >> ERROR_BITS & 0x7FFF) < leading >> (ERROR_BITS + 1))
        new_bound = jnp.where(bound == 0, nearest, jnp.where(arrived, next_one, bound))
        heading = jnp.where((ways >> OPEN) & 1 == 1, toward(ways, new_bound - 1) + 1, 0)
        shown = jnp.where(arrived & present[0], self._shown(turn.world, held), held["shown"])
        state = moved(state, self.kind, place[None])
        state = showing(state, self.kind, present)
        state = holding(holding(state, "heading", heading), "bound", new_bound)
        state = holding(holding(state, "stands", jnp.where(arrived, bound, stands)), "shown", shown)
        if not self.restart:
            state = holding(state, "own_phase", jnp.where(arrived, own_phase, held["own_phase"]))
        return counted(state, "near", present[0] & _is_near(state.position, place, turn.world.width))

    def _count(self, world: GridWorld) -> int:
        return world.slots[self.goals].stop - world.slots[self.goals].start

    def _next(
        self, world: GridWorld, held: dict[str, Array], leading: UInt32[Array, ""], chance: UInt32[Array, ""]
    ) -> tuple[Int[Array, ""], Int[Array, ""]]:
        """Where it would go after the goal that it is bound for, and the phase that it would have there."""
        count, here = self._count(world), held["bound"]
        phase = here
        if not self.restart:
            old = held["own_phase"]
            phase = jnp.where((old == 0) | (later(here, old, count) == 1), here, old)
        right = jnp.where(phase == count, 1, phase + 1)
        # Wrong are all but the goal where it stands and the right one: some places later, the right one left out.
        places = 1 + (chance >> (ERROR_BITS + DROPOUT_BITS)).astype(jnp.int32) % (count - 2)
        places = places + (places >= later(right, here, count))
        wrong = here + places
        wrong = jnp.where(wrong > count, wrong - count, wrong)
        return jnp.where((chance & 0xFFFF) < (leading & 0x1FFFF), wrong, right), phase

    def _shown(self, world: GridWorld, held: dict[str, Array]) -> Int[Array, ""]:
        """What it has shown once it is where it is bound for: for each goal, how many places later it last went."""
        stands, places = held["stands"], later(held["bound"], held["stands"], self._count(world))
        shift = 2 * jnp.maximum(stands - 1, 0)
        return jnp.where(stands > 0, (held["shown"] & ~(3 << shift)) | places << shift, held["shown"])


def _step(heading: Int[Array, ""], width: int) -> Int[Array, ""]:
    """By how much a cell's number changes with a heading: 0 for rest, then 1 + the number of the move."""
    return (
        (heading == 2).astype(jnp.int32) - (heading == 4) + width * ((heading == 3).astype(jnp.int32) - (heading == 1))
    )


def _is_near(cell: Int[Array, ""], other: Int[Array, ""], width: int) -> Array:
    rows, columns = cell // width - other // width, cell % width - other % width
    return jnp.maximum(abs(rows), abs(columns)) <= NEAR


assert MOST_GOALS == 4  # `shown` has two bits for each goal, and a single random bit chooses between two wrong ones
