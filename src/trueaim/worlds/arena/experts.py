"""Scripts for the arena: what an audit measures agents by.

None of them is proven to be the best for its goal. All drive the agent's own body, by the nine actions. Those that must
not know the order choose by distance and by what they were paid, never by a sphere's number.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int32, Key, UInt32

from trueaim.core.policy import Policy, View
from trueaim.worlds.arena.level import ENTERED, NOWHERE, RIGHT, WRONG, Body, Levels, State
from trueaim.worlds.arena.motion import DRAG, SMALL, THRUST, TOP_SPEED, TURN, Discs, toward, turned
from trueaim.worlds.arena.orders import entered, every_order, following
from trueaim.worlds.arena.partner import around, nearest
from trueaim.worlds.arena.world import ACTIONS, ArenaWorld

MARGINS = (0.1, 0.4)
"""By how much scripts keep clear of towers and of spheres that they do not want, in meters."""
BESIDE = 0.9
"""So near to its partner, in meters, a follower means to come to rest."""
GAIN = 0.5
"""How much faster a follower means to go, in meters per step, for each meter that it is farther."""
FULL, HALF = 0.75, 0.25
"""Of the thrust that a script would need along its heading: above these shares it gives all of it, or half."""
STAY = ACTIONS.index("coast")

Choice = Callable[[Key[Array, ""], Levels, State, Any], tuple[Int[Array, ""], Any]]
"""From a key, one level, one state and a memory: the sphere to go to, or `NOWHERE`; and the memory."""


def oracle(world: ArenaWorld) -> Policy:
    """Knows the order: to the nearest sphere, then along the cycle. What nobody can do who was not told."""

    def choose(key: Key[Array, ""], level: Levels, state: State, memory: Any) -> tuple[Int[Array, ""], Any]:
        del key
        phase = state.visits.phase
        return jnp.where(phase == NOWHERE, _closest(level, state), following(level.order, phase)), memory

    return _traveler("oracle", choose)


class Known(NamedTuple):
    """What an explorer remembers: which orders its rewards have not ruled out, and where it was before."""

    possible: Bool[Array, "*batch order"]
    phase: Int32[Array, "*batch"]
    way: Int32[Array, "*batch"]


def explorer(world: ArenaWorld) -> Policy:
    """Learns the order from its own rewards: the yardstick that neither knows what is hidden nor trusts the partner.

    It goes to the sphere that is right by most of the orders which its rewards have not ruled out, to the nearest of
    several. With four spheres six orders are possible.
    """
    orders = jnp.asarray(every_order(world.spheres))

    def choose(key: Key[Array, ""], level: Levels, state: State, memory: Known) -> tuple[Int[Array, ""], Known]:
        del key
        before = state.visits._replace(phase=memory.phase, way=memory.way)
        by_order, _ = jax.vmap(lambda order: entered(world.rules, order, before, state.visits.inside))(orders)
        was_right, was_wrong = ((state.facts & bit) != 0 for bit in (RIGHT, WRONG))
        agrees = (by_order.right == was_right) & (by_order.wrong == was_wrong)
        possible = memory.possible & (agrees | ((state.facts & ENTERED) == 0))
        votes = _votes(world, orders, possible, state)
        return _best(level, state, votes), Known(possible, state.visits.phase, state.visits.way)

    def start(num: int) -> Known:
        everything = jnp.ones((num, orders.shape[0]), bool)
        return Known(everything, jnp.full(num, NOWHERE, jnp.int32), jnp.zeros(num, jnp.int32))

    return _traveler("explorer", choose, start)


def nearest_sphere(world: ArenaWorld) -> Policy:
    """Always goes to the nearest sphere other than that of its last visit."""

    def choose(key: Key[Array, ""], level: Levels, state: State, memory: Any) -> tuple[Int[Array, ""], Any]:
        del key, level
        return state.nearest, memory

    return _traveler("nearest sphere", choose)


def random_sphere(world: ArenaWorld) -> Policy:
    """Goes to any other sphere each time: wandering without a goal, but as ably as those who have one."""

    def choose(
        key: Key[Array, ""], level: Levels, state: State, target: Int[Array, ""]
    ) -> tuple[Int[Array, ""], Int[Array, ""]]:
        num, here = level.spheres.shape[0], state.visits.inside
        first = jax.random.randint(key, (), 0, num)
        other = (here + jax.random.randint(key, (), 1, num)) % num
        chosen = jnp.where(target == NOWHERE, first, jnp.where(here == target, other, target))
        return chosen, chosen

    return _traveler("random sphere", choose, lambda num: jnp.full(num, NOWHERE, jnp.int32))


def follower(world: ArenaWorld) -> Policy:
    """Goes to where its partner is, around towers alone; it coasts while there is none.

    Along its partner's way, so close behind it, it hardly enters a sphere that its partner does not.
    """

    def act(key: Key[Array, ""], level: Levels, state: State, memory: Any) -> tuple[Int[Array, ""], Any]:
        del key
        partner, body = state.partner, state.body
        towers = level.towers.shape[0]
        discs = Discs(*(field[:towers] for field in around(level, jnp.int32(NOWHERE), MARGINS)))
        to = toward(body.x, body.y, partner.x, partner.y, discs)
        return jnp.where(partner.present, _driven(body, *to, _beside(state)), STAY), memory

    return _script("follower", act)


def _beside(state: State) -> Float[Array, ""]:
    """The speed at which one comes to rest beside the partner."""
    off_x, off_y = state.partner.x - state.body.x, state.partner.y - state.body.y
    return jnp.clip(GAIN * (jnp.sqrt(off_x * off_x + off_y * off_y) - BESIDE), 0, TOP_SPEED)


def motionless(world: ArenaWorld) -> Policy:
    """Does nothing."""
    return _script("motionless", lambda key, level, state, memory: (jnp.full_like(state.time, STAY), memory))


def random_actions(world: ArenaWorld) -> Policy:
    """Takes each of the nine actions with equal chances: it hardly gets anywhere."""

    def act(key: Key[Array, ""], level: Levels, state: State, memory: Any) -> tuple[Int[Array, ""], Any]:
        del level, state
        return jax.random.randint(key, (), 0, len(ACTIONS)), memory

    return _script("random actions", act)


SCRIPTS: dict[str, Callable[[ArenaWorld], Policy]] = {
    "oracle": oracle,
    "explorer": explorer,
    "follower": follower,
    "motionless": motionless,
    "random_actions": random_actions,
    "random_sphere": random_sphere,
    "nearest_sphere": nearest_sphere,
}
"""All of them by name. Of the two that act by chance, `random_sphere` is the fair one for "worse than random"."""


def _script(
    name: str,
    one: Callable[[Key[Array, ""], Levels, State, Any], tuple[Int[Array, ""], Any]],
    start: Callable[[int], Any] | None = None,
) -> Policy:
    """A policy from what it does in one episode."""

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters
        state = view.running.state
        rows = jax.tree.map(lambda table: table[state.level], view.tables)
        keys = jax.random.split(key, state.level.shape[0])
        return jax.vmap(one)(keys, rows, state, memory)

    def prepare(levels: Levels) -> Levels:
        return levels

    return Policy(name, act, prepare=prepare, start=start or (lambda num: jnp.zeros(num)))


def _traveler(name: str, choose: Choice, start: Callable[[int], Any] | None = None) -> Policy:
    """A policy that goes from sphere to sphere."""

    def act(key: Key[Array, ""], level: Levels, state: State, memory: Any) -> tuple[Int[Array, ""], Any]:
        target, memory = choose(key, level, state, memory)
        body, goal = state.body, level.spheres[target]
        to = toward(body.x, body.y, goal[0], goal[1], around(level, target, MARGINS))
        return _driven(body, *to), memory

    return _script(name, act, start)


def _driven(
    body: Body, to_x: Float[Array, ""], to_y: Float[Array, ""], speed: Float[Array, ""] | float = TOP_SPEED
) -> Int[Array, ""]:
    """The action that brings the velocity of a body nearer to this speed along a unit vector.

    The body is turned to where thrust is needed, which is not where it goes: it also has to undo what it glides aside.
    """
    need_x, need_y = TOP_SPEED * to_x - DRAG * body.vx, TOP_SPEED * to_y - DRAG * body.vy
    length = jnp.maximum(jnp.sqrt(need_x * need_x + need_y * need_y), SMALL)
    aside = (body.facing_x * need_y - body.facing_y * need_x) / length
    ahead = body.facing_x * need_x + body.facing_y * need_y
    turns = (jnp.abs(aside) > math.sin(TURN / 2)) | (ahead < 0)
    turn = jnp.where(turns, jnp.where(aside >= 0, 1.0, -1.0), 0.0)
    facing_x, facing_y = turned(body.facing_x, body.facing_y, TURN * turn)
    lacks_x, lacks_y = speed * to_x - DRAG * body.vx, speed * to_y - DRAG * body.vy
    thrust = (facing_x * lacks_x + facing_y * lacks_y) / THRUST
    throttle = (thrust > FULL).astype(jnp.int32) + (thrust > HALF)
    return 3 * throttle + (1 - turn).astype(jnp.int32)


def _closest(level: Levels, state: State) -> Int32[Array, ""]:
    return nearest(level.spheres, state.body.x, state.body.y, state.visits.phase)


def _votes(
    world: ArenaWorld, orders: UInt32[Array, " order"], possible: Bool[Array, " order"], state: State
) -> Int[Array, " sphere"]:
    """By how many of the possible orders each sphere is right next."""

    def right(order: UInt32[Array, ""], sphere: Int[Array, ""]) -> Bool[Array, ""]:
        return entered(world.rules, order, state.visits, sphere)[0].right

    spheres = jnp.arange(world.spheres)
    says = jax.vmap(lambda order: jax.vmap(partial(right, order))(spheres))(orders)
    return jnp.sum(says & possible[:, None], 0)


def _best(level: Levels, state: State, votes: Int[Array, " sphere"]) -> Int32[Array, ""]:
    """The sphere with most votes, the nearest of several; never the one of the phase."""
    votes = jnp.where(jnp.arange(votes.shape[0]) == state.visits.phase, -1, votes)
    off = level.spheres - jnp.stack([state.body.x, state.body.y])
    return jnp.argmin(jnp.where(votes == votes.max(), jnp.sum(off * off, -1), jnp.inf)).astype(jnp.int32)
