"""Arenas as read-only tables, the small state that changes in them, and what a step did, as facts.

Lengths are in meters, speeds in meters per step, of which ten make a second. The field is a square around (0, 0) with x
to the right and y upward. What moves is flat: height is for pictures alone.

A row of a level table is drawn in multiples of 1 / `GRAIN`, which floats hold exactly, so that levels are the same on
every machine.
"""

from typing import NamedTuple

from jaxtyping import Array, Bool, Float, Int, Int32, UInt8, UInt32

GRAIN = 128
"""Parts of a meter in which places are drawn."""
SPHERE_RADIUS = 1.2
BODY_RADIUS = 0.4
"""Of the agent and of its partner; they walk through each other."""
NOWHERE = -1
"""In place of a sphere's number: none."""
SPHERES = (3, 6)
"""The fewest and the most."""
COLORS = ("yellow", "cyan", "green", "purple", "orange", "brown")
"""Of spheres, by number; numbers say nothing about the order."""
FAR = 1000.0
"""Where towers are put that a level does not have."""

ENTERED, RIGHT, WRONG, WITH_PARTNER, NEAREST, PARTNER_RIGHT, PARTNER_WRONG = (1 << bit for bit in range(7))
"""Facts of a step, as bits.

The agent entered a sphere; and that was right, or wrong, by the order; the sphere was the one that its partner had just
entered; the one that was nearest at the last visit. The partner entered one, and that would have been right, or wrong.
"""

PRESENT, SWAP, DEPARTS, MIRRORED = (1 << bit for bit in range(4))
"""Traits of a level, as bits: there is a partner; from half-time on it errs where it was right, and the other way
round; it goes away at half-time; agents see left and right exchanged."""


class Levels(NamedTuple):
    """A table of levels: every field has the level as its first axis (a single level has none).

    Attributes:
        half: half the side of the field.
        spheres: (x, y) of each center.
        towers: (x, y, radius) of each; radius 0 and far away for one that is not there.
        order: after each sphere the next, in four bits for each, from the lowest.
        start: (x, y) of the agent and the unit vector that it faces.
        partner: (x, y) where the partner starts.
        pace: its speed.
        error: chance that it goes on to a wrong sphere.
        stray: chance that it goes on to any other sphere, whatever the order.
        leaves, returns: chances in each step that it goes away, and comes back.
        penalty: what a wrong sphere costs. No move depends on it.
        square: for how many steps after a visit the agent sees a white or black square.
        traits: what else is special about the level, as bits.
        luck: a random word, from which chance in episodes follows.
    """

    half: Float[Array, "*level"]
    spheres: Float[Array, "*level sphere 2"]
    towers: Float[Array, "*level tower 3"]
    order: UInt32[Array, "*level"]
    start: Float[Array, "*level 4"]
    partner: Float[Array, "*level 2"]
    pace: Float[Array, "*level"]
    error: Float[Array, "*level"]
    stray: Float[Array, "*level"]
    leaves: Float[Array, "*level"]
    returns: Float[Array, "*level"]
    penalty: Float[Array, "*level"]
    square: Int32[Array, "*level"]
    traits: UInt8[Array, "*level"]
    luck: UInt32[Array, "*level"]


class Body(NamedTuple):
    """The agent's body: its place, the unit vector that it faces, and its velocity."""

    x: Float[Array, "*batch"]
    y: Float[Array, "*batch"]
    facing_x: Float[Array, "*batch"]
    facing_y: Float[Array, "*batch"]
    vx: Float[Array, "*batch"]
    vy: Float[Array, "*batch"]


class Visits(NamedTuple):
    """Where somebody is in the order.

    Attributes:
        inside: the sphere that it is in, or `NOWHERE`.
        phase: the sphere after which the order goes on, or `NOWHERE` before the first visit.
        way: where both ways around count, which of them was begun: 1 forward, -1 backward, 0 neither.
    """

    inside: Int32[Array, "*batch"]
    phase: Int32[Array, "*batch"]
    way: Int32[Array, "*batch"]


class Partner(NamedTuple):
    """The partner.

    Attributes:
        x, y: its place.
        facing_x, facing_y: the unit vector along which it last moved.
        target: the sphere that it goes to.
        present: whether it can be seen; it walks on unseen.
        visits: where it is in the order, by the rules that hold for the agent.
        shown: the sphere that it entered last while present, until the agent entered it too; else `NOWHERE`.
        shown_at: the time of that.
    """

    x: Float[Array, "*batch"]
    y: Float[Array, "*batch"]
    facing_x: Float[Array, "*batch"]
    facing_y: Float[Array, "*batch"]
    target: Int32[Array, "*batch"]
    present: Bool[Array, "*batch"]
    visits: Visits
    shown: Int32[Array, "*batch"]
    shown_at: Int32[Array, "*batch"]


class State(NamedTuple):
    """What changes while a level is played.

    Attributes:
        level: row of the table.
        body: the agent's.
        visits: where the agent is in the order.
        partner: the other one.
        square: for how many steps more the square is white, or, below 0, black.
        nearest: the sphere that was nearest at the last visit, that of the visit left out; before it, at the start.
        facts: what the last step did, as bits.
        time: steps taken.
    """

    level: Int32[Array, "*batch"]
    body: Body
    visits: Visits
    partner: Partner
    square: Int32[Array, "*batch"]
    nearest: Int32[Array, "*batch"]
    facts: UInt8[Array, "*batch"]
    time: Int32[Array, "*batch"]


class Transition(NamedTuple):
    """One step as goals see it: the table, the state before, the action, the state after."""

    levels: Levels
    before: State
    action: Int[Array, "*batch"]
    after: State
