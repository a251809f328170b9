"""Goals that are to be visited in a cyclic order which nobody sees, and the ways to them.

The goals of a level are numbered along their order: after goal k comes goal k + 1, after the last one the first. Where
they lie and what they look like is drawn independently of the numbers, so that nothing shown tells the order.

Source: GoalCycle of Ndousse et al. 2021, arXiv 2010.00581, and GoalCycle3D of Cultural General Intelligence Team 2023,
Nature Communications 14:7536, whose game this is on a grid. In 3-D both directions of the cycle count as correct, which
takes at least four goals; here as in the former only one does, since with three goals every order would be correct.
"""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Int16, UInt16

from trueaim.worlds.grid.distances import UNREACHABLE, distances
from trueaim.worlds.grid.level import State
from trueaim.worlds.grid.rule import Counter, Drawn, Needs, Turn, counted, holding, moved, showing
from trueaim.worlds.grid.world import GridWorld

MOST_GOALS = 4
"""Four directions of two bits each fill one byte."""
NEAREST, OPEN, HERE = 8, 10, 11
"""Shifts within a word of `ways`: the nearest goal, whether every goal can be reached, and 1 + the goal here."""


def later(goal: Int[Array, "*shape"], than: Int[Array, "*shape"], goals: int) -> Int[Array, "*shape"]:
    """How many places later in the cycle one goal comes than another, 0 to goals - 1."""
    return jnp.where(goal < than, goal - than + goals, goal - than)


def toward(ways: Int[Array, "*shape"], goal: Int[Array, "*shape"]) -> Int[Array, "*shape"]:
    """The number of the move that leads to a goal (counted from 0) from a cell with these ways."""
    return (ways >> (2 * goal)) & 3


def goal_here(ways: Int[Array, "*shape"]) -> Int[Array, "*shape"]:
    """1 + the number of the goal in a cell with these ways; 0 for none."""
    return ways >> HERE


def ways_to(walls: Bool[Array, "h w"], goals: Int[Array, " goal"]) -> UInt16[Array, " cell"]:
    """For every cell: the first move of a shortest path to each goal, and what `NEAREST`, `OPEN` and `HERE` say.

    A path goes around the other goals, since entering one would count as a visit; it leads across them only where there
    is no other. Among equally short paths it is the one that goes up first, then right, down, left.
    """
    flat, count = walls.ravel(), goals.shape[0]
    goal_cells = jnp.arange(flat.shape[0]) == goals[:, None]
    closed = flat | (goal_cells.any(0) & ~goal_cells)
    maps = jnp.concatenate([closed, jnp.broadcast_to(flat, closed.shape)]).reshape(-1, *walls.shape)
    found = distances(maps, jnp.concatenate([goal_cells, goal_cells]).reshape(maps.shape))
    moves, ahead = _first_moves(found)
    moves = jnp.where(ahead[:count] < UNREACHABLE, moves[:count], moves[count:])
    shifts = 2 * jnp.arange(count)[:, None, None]
    ways = jnp.sum(moves << shifts, 0) | jnp.argmin(found[count:], 0) << NEAREST
    ways = (ways | (ahead[count:] < UNREACHABLE).all(0).astype(int) << OPEN).ravel()
    return (ways | jnp.max(goal_cells * jnp.arange(1, count + 1)[:, None], 0) << HERE).astype(jnp.uint16)


def _first_moves(found: Int16[Array, "map h w"]) -> tuple[Int[Array, "map h w"], Int16[Array, "map h w"]]:
    """The move to the neighbor with the least distance, and that distance."""
    edged = jnp.pad(found, ((0, 0), (1, 1), (1, 1)), constant_values=UNREACHABLE)
    up, down, left, right = edged[:, :-2, 1:-1], edged[:, 2:, 1:-1], edged[:, 1:-1, :-2], edged[:, 1:-1, 2:]
    around = jnp.stack([up, right, down, left])
    return jnp.argmin(around, 0), around.min(0)


@dataclass(frozen=True)
class Cycle:
    """Counts the agent's visits to goals: `right` and `wrong` ones, and by the order that the leader showed.

    Only entering counts. The first goal is always right and sets the phase; from then on right is the goal after that
    of the phase, which then moves on to it.

    Counts `followed` where the agent went from the goal of its phase to the one to which the leader last went from
    there, `strayed` where it went to another; neither at its first goal, nor before the leader has gone from there. So
    once an expert has shown its order, `followed` is `right` and `strayed` is `wrong`, whatever the agent does.

    Attributes:
        kind: of the goals; they are as many as the kind has slots, all of them there.
        restart: whether a wrong goal sets the phase, as in 3-D; else the phase stays, as in the earlier grid world.
        again: whether entering the goal of the phase again is wrong, as in the earlier grid world; else it is nothing.
        marker: a kind of one thing that is then on the goal of the phase, where the agent sees it; "" for none.
        hides: whether the goal of the phase is not to be seen, as if it were gone until the next one is entered.
    """

    kind: str
    restart: bool = True
    again: bool = False
    marker: str = ""
    hides: bool = False

    @property
    def needs(self) -> Needs:
        """The phase (1 + its goal, 0 before the first), which the agent does not see, and the events."""
        marker = (self.marker,) if self.marker else ()
        phase = Counter("phase", MOST_GOALS, shown=False)
        events = ("right", "wrong", "followed", "strayed")
        vanishing = (*marker, *((self.kind,) if self.hides else ()))
        return Needs(moving=marker, vanishing=vanishing, held=(phase,), events=events)

    def tables(self, world: GridWorld, drawn: Drawn) -> dict[str, Any]:
        """`ways`: for every cell, the ways to the goals."""
        walls = drawn.walls.reshape(world.height, world.width)
        return {"ways": ways_to(walls, drawn.things[world.slots[self.kind]])}

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with the visit counted."""
        goals = turn.world.slots[self.kind]
        ways = turn.levels.tables["ways"][state.level, state.position].astype(jnp.int32)
        phase, here = state.held["phase"].astype(jnp.int32), goal_here(ways)
        entered = (here > 0) & (state.position != turn.before.position)
        ahead = later(here, phase, goals.stop - goals.start)
        right = entered & ((phase == 0) | (ahead == 1))
        wrong = entered & ~right & ((ahead != 0) | self.again)
        led = shown(state, phase)
        taught = entered & (phase > 0) & (led > 0) & (ahead != 0)
        turns = entered if self.restart else right
        state = holding(state, "phase", jnp.where(turns, here, phase))
        if self.marker:
            state = moved(state, self.marker, jnp.where(turns, state.position, state.places[self.marker]))
            state = showing(state, self.marker, state.present[self.marker] | turns)
        if self.hides:
            numbers = jnp.arange(1, goals.stop - goals.start + 1)
            state = showing(state, self.kind, numbers != state.held["phase"])
        for event, happened in (
            ("right", right),
            ("wrong", wrong),
            ("followed", taught & (ahead == led)),
            ("strayed", taught & (ahead != led)),
        ):
            state = counted(state, event, happened)
        return state


def shown(state: State, phase: Int[Array, ""]) -> Int[Array, ""]:
    """How many places later in the cycle the leader last went from the goal of a phase; 0: it never left from there."""
    return (state.held["shown"].astype(jnp.int32) >> (2 * jnp.maximum(phase - 1, 0))) & 3
