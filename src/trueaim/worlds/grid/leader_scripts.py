"""Scripts for worlds with a cycle of goals and a leader: what an audit measures agents by.

None of them is proven to be the best for its goal. Those that must not know the order choose by walking distance and by
what goals look like, never by their numbers, which follow the order.
"""

from collections.abc import Callable
from itertools import permutations
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Int16, Key, UInt8, UInt16

from trueaim.core.policy import Policy, View
from trueaim.worlds.grid.distances import distances
from trueaim.worlds.grid.level import WALL, Levels, State
from trueaim.worlds.grid.rules.cycle import goal_here, shown, toward
from trueaim.worlds.grid.world import GridWorld

NOWHERE = -1
"""In place of a goal's number: enter no goal."""


class Ground(NamedTuple):
    """What scripts know of the levels.

    Attributes:
        walls: where they are.
        ways: the ways to the goals, as `Cycle` makes them.
        steps: walking distance of each goal.
        idle: from each cell, a move that enters no goal.
        looks: the marks of the goals.
    """

    walls: Bool[Array, "level h w"]
    ways: UInt16[Array, "level cell"]
    steps: Int16[Array, "level goal cell"]
    idle: Int[Array, "level cell"]
    looks: UInt8[Array, "level goal"]


Choice = Callable[[Ground, State, Any], tuple[Int[Array, " batch"], Any]]
"""From the ground, the states and a memory: the number of the goal to go to, or `NOWHERE`; and the memory."""


def motionless(world: GridWorld) -> Policy:
    """Enters no goal: it walks up as far as it can and stays."""
    return _walker(world, "motionless", lambda ground, state, memory: (jnp.full_like(state.level, NOWHERE), memory))


def oracle(world: GridWorld) -> Policy:
    """Knows the order: to the nearest goal, then along the cycle. What nobody can do who was not told."""

    def choose(ground: Ground, state: State, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        phase, count = state.held["phase"].astype(jnp.int32), ground.looks.shape[1]
        nowhere_yet = jnp.zeros((*phase.shape, count), jnp.int32)
        return jnp.where(phase == 0, _best(ground, state, nowhere_yet), phase % count), memory

    return _walker(world, "oracle", choose)


class Known(NamedTuple):
    """What an explorer remembers: which of all orders it has not ruled out, and its phase."""

    possible: Bool[Array, "batch order"]
    phase: Int[Array, " batch"]


def explorer(world: GridWorld) -> Policy:
    """Learns the order from its own rewards: the yardstick that neither knows what is hidden nor trusts the leader.

    It goes to the goal that is next by most of the orders which its rewards have not ruled out, to the nearest of
    several. With three goals two orders are possible, so it knows after its second visit and loses at most that one.
    """
    orders = _orders(_count(world))

    def choose(ground: Ground, state: State, memory: Known) -> tuple[Int[Array, " batch"], Known]:
        here = goal_here(ground.ways[state.level, state.position].astype(jnp.int32))
        says = orders[memory.phase] == here[:, None]
        learned = (state.happened["right"] > 0) & (memory.phase > 0)
        possible = memory.possible & (says | ~learned[:, None]) & ~(says & (state.happened["wrong"] > 0)[:, None])
        phase = state.held["phase"].astype(jnp.int32)
        return _best(ground, state, _votes(orders, possible, phase)), Known(possible, phase)

    def start(num: int) -> Known:
        return Known(jnp.ones((num, orders.shape[1]), bool), jnp.zeros(num, jnp.int32))

    return _walker(world, "explorer", choose, start)


def follower(world: GridWorld) -> Policy:
    """Takes the leader's order for the right one, and goes along it without waiting for the leader.

    From the goal of its phase it goes to the one to which the leader last went from there. Where it has seen no such
    thing it goes by the orders that agree best with all that the leader has shown, its present way among it, and to the
    nearest of several goals. With nothing shown and no leader there it enters no goal.
    """
    orders = _orders(_count(world))

    def choose(ground: Ground, state: State, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        phase, count = state.held["phase"].astype(jnp.int32), ground.looks.shape[1]
        stands, bound = (state.held[name].astype(jnp.int32) for name in ("stands", "bound"))
        present = state.present["leader"][:, 0]
        agreeing = (orders[stands] == bound[:, None]) & (present & (stands > 0))[:, None]
        score = agreeing.astype(jnp.int32)
        for goal in range(1, count + 1):
            led = shown(state, jnp.int32(goal))
            score += (orders[goal] == ((goal - 1 + led) % count + 1)[:, None]) & (led > 0)[:, None]
        votes = _votes(orders, score == score.max(-1, keepdims=True), phase)
        led = shown(state, phase)
        imitated = jnp.where((phase > 0) & (led > 0), (phase - 1 + led) % count, _best(ground, state, votes))
        is_blind = (score.max(-1) == 0) & ~present
        return jnp.where(is_blind, NOWHERE, imitated), memory

    return _walker(world, "follower", choose)


def companion(world: GridWorld) -> Policy:
    """Goes to where the leader is, by shortest paths; stays where it is while there is none."""

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters, key
        ground, state = view.tables, view.running.state
        walls, place = ground.walls[state.level], state.places["leader"][:, 0]
        target = jnp.arange(walls[0].size) == place[:, None]
        ahead = distances(walls, target.reshape(walls.shape))
        around = _around(ahead, jnp.iinfo(jnp.int16).max).reshape(4, len(walls), -1)
        move = jnp.argmin(around[:, jnp.arange(len(walls)), state.position], 0)
        is_there = (state.position == place) | ~state.present["leader"][:, 0]
        return jnp.where(is_there, ground.idle[state.level, state.position], move), memory

    return Policy("companion", act, prepare=lambda levels: _ground(world, levels))


def _walker(
    world: GridWorld, name: str, choose: Choice, start: Callable[[int], Any] = lambda num: jnp.zeros(num)
) -> Policy:
    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters, key
        ground, state = view.tables, view.running.state
        goal, memory = choose(ground, state, memory)
        ways = ground.ways[state.level, state.position].astype(jnp.int32)
        idle = ground.idle[state.level, state.position]
        return jnp.where(goal == NOWHERE, idle, toward(ways, jnp.maximum(goal, 0))), memory

    return Policy(name, act, prepare=lambda levels: _ground(world, levels), start=start)


def _count(world: GridWorld) -> int:
    return world.slots["goal"].stop - world.slots["goal"].start


def _ground(world: GridWorld, levels: Levels) -> Ground:
    assert levels.looks is not None
    num, count = levels.start.shape[0], _count(world)
    walls = ((levels.cells & WALL) != 0).reshape(num, world.height, world.width)
    goals = jnp.arange(world.height * world.width) == levels.things[:, :count, None]
    steps = distances(
        jnp.broadcast_to(walls[:, None], (num, count, world.height, world.width)),
        goals.reshape(num, count, world.height, world.width),
    )
    entering = _around(goals.any(1).reshape(walls.shape), False)
    idle = jnp.argmin(entering, 0).reshape(num, -1)
    return Ground(walls, levels.tables["ways"], steps.reshape(num, count, -1), idle, levels.looks[:, :count])


def _around(maps: Array, outside: Any) -> Array:
    """What lies in the cell that each move leads to, with the move as first axis."""
    edged = jnp.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=outside)
    return jnp.stack([edged[:, :-2, 1:-1], edged[:, 1:-1, 2:], edged[:, 2:, 1:-1], edged[:, 1:-1, :-2]])


def _orders(count: int) -> Int[Array, "phase order"]:
    """Every cyclic order: after each goal (counted from 1; row 0 is unused), the next."""
    table = np.zeros((count + 1, len(list(permutations(range(count - 1))))), np.int32)
    for number, rest in enumerate(permutations(range(2, count + 1))):
        cycle = [1, *rest]
        for goal, following in zip(cycle, [*rest, 1], strict=True):
            table[goal, number] = following
    return jnp.asarray(table)


def _votes(
    orders: Int[Array, "phase order"], possible: Bool[Array, "batch order"], phase: Int[Array, " batch"]
) -> Int[Array, "batch goal"]:
    """By how many of the possible orders each goal is next; before the first visit, none."""
    count = orders.shape[0] - 1
    says = orders[phase][:, :, None] == jnp.arange(1, count + 1)
    return jnp.sum(says & possible[:, :, None], 1)


def _best(ground: Ground, state: State, votes: Int[Array, "batch goal"]) -> Int[Array, " batch"]:
    """The goal with most votes, the nearest of several, of equally near ones that with the first mark; not the phase's.

    A look is one bit below 256 and a distance below 2^14, so one number holds all three.
    """
    steps = ground.steps[state.level, :, state.position].astype(jnp.int32)
    worth = (votes << 23) - (steps << 8) - ground.looks[state.level].astype(jnp.int32)
    own = jnp.arange(1, votes.shape[1] + 1) == state.held["phase"][:, None]
    return jnp.argmax(jnp.where(own, jnp.iinfo(jnp.int32).min, worth), -1)
