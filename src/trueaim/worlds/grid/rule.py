"""Rules: what changes in a grid world beside the agent's place. Each is a small value; a world lists them in order.

A rule says what it `needs` in the state and is then called once a step, after the agent's move and after the rules
before it. It reads the turn and gives back the state with its own parts changed. Dynamics know no reward: a rule counts
what happened, by name, and goals look at the counts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from trueaim.worlds.grid.level import Levels, State

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld


class Counter(NamedTuple):
    """A small number in the state.

    Attributes:
        name: by which rules and goals know it.
        most: its largest value; more is never counted.
        shown: whether the agent sees it, as `most` flags of which as many are set as it counts.
    """

    name: str
    most: int
    shown: bool = True


class Needs(NamedTuple):
    """What a rule uses.

    Attributes:
        moving: kinds of things whose places change.
        vanishing: kinds of things that come and go.
        held: counters.
        events: what it counts in `State.happened`.
        chance: whether it draws random numbers.
        actions: actions that it adds to the four moves.
    """

    moving: tuple[str, ...] = ()
    vanishing: tuple[str, ...] = ()
    held: tuple[Counter, ...] = ()
    events: tuple[str, ...] = ()
    chance: bool = False
    actions: tuple[str, ...] = ()


class Turn(NamedTuple):
    """What a rule may look at, beside the state that it changes."""

    world: "GridWorld"
    levels: Levels
    before: State
    action: Int[Array, ""]


class Drawn(NamedTuple):
    """A level being drawn, for rules that precompute tables, and for floors."""

    walls: Bool[Array, " cell"]
    things: Int[Array, " thing"]
    word: UInt32[Array, ""]
    knobs: Mapping[str, Float[Array, ""]]
    start: Int[Array, ""]


class Rule(Protocol):
    """One thing that changes."""

    @property
    def needs(self) -> Needs:
        """What it uses."""

    def __call__(self, turn: Turn, state: State) -> State:
        """The state with the rule's own parts changed."""


@runtime_checkable
class Precomputing(Protocol):
    """A rule that reads tables of its own."""

    def tables(self, world: "GridWorld", drawn: Drawn) -> dict[str, Any]:
        """What it precomputes for one level, by names that no other rule has."""


def underfoot(turn: Turn, state: State, kind: str) -> Bool[Array, " slot"]:
    """Which things of a kind are there and lie where the agent stands."""
    return state.present[kind] & (turn.world.places(turn.levels, state, kind) == state.position)


def counted(state: State, event: str, times: Array) -> State:
    """The state in which an event happened this often more in this step."""
    happened = state.happened[event] + jnp.asarray(times, jnp.int8)
    return state._replace(happened={**state.happened, event: happened})


def holding(state: State, name: str, number: Array) -> State:
    """The state with another value of a counter."""
    return state._replace(held={**state.held, name: jnp.asarray(number, jnp.int8)})


def showing(state: State, kind: str, present: Bool[Array, " slot"]) -> State:
    """The state with other things of a kind there."""
    return state._replace(present={**state.present, kind: present})


def moved(state: State, kind: str, places: Int[Array, " slot"]) -> State:
    """The state with the things of a kind elsewhere."""
    return state._replace(places={**state.places, kind: places})
