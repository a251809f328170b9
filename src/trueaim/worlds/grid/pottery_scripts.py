"""Scripts for the pottery: one carries everything to a place, by ways that spare urns, or do not."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.core.policy import Policy, View
from trueaim.worlds.grid.level import WALL, Levels, State, landings
from trueaim.worlds.grid.placement import CORNERS, corner_cell
from trueaim.worlds.grid.world import GridWorld

NEVER = 1e6
DETOUR = 100.0
"""Steps that a script would rather walk than break an urn: it breaks one where there is no other way."""


class Ways(NamedTuple):
    """From every cell, the steps to carry something to the target, and those to fetch something and carry it there."""

    carry: Float[Array, " cell"]
    fetch: Float[Array, " cell"]


def carrier(
    world: GridWorld, kind: str, target: str, breaks: str, toll: float = DETOUR, noise: float = 0.0, agents: int = 1
) -> Policy:
    """Picks up the thing by which it makes its next delivery soonest, puts it down at the target, and so on.

    It chooses greedily: nearly optimal, since after the first delivery every way begins and ends at the target, and
    then the shortest first is best. With nothing left to carry it stays. At no toll it goes for urns too, since what is
    left of one is one thing more to carry.

    Args:
        world: with the rules `Carry`, `Break` and `Stay`.
        kind: of things to carry.
        target: a thing, or a corner.
        breaks: the kind of things that break when stepped on.
        toll: how many steps it would rather walk than break one: 0, `DETOUR`, or `NEVER`, which rather stays.
        noise: chance of a random action, 0 to 1.
        agents: how many of them.
    """
    stay, pick_up, put_down = (world.actions.index(name) for name in ("stay", "pick_up", "put_down"))

    def goal(levels: Levels, state: State) -> Int[Array, ""] | int:
        if target in CORNERS:
            return corner_cell(target, world.height, world.width)
        return world.places(levels, state, target)[0]

    def action(levels: Levels, state: State, key: Key[Array, ""], chance: Float[Array, ""]) -> Int[Array, ""]:
        end, carries = goal(levels, state), state.held[kind] > 0
        wanted = _lying(world, levels, state, kind, end)
        sources = wanted | _lying(world, levels, state, breaks, end) if toll <= 0 else wanted
        ways = _ways(world, levels, state, breaks, sources, end, toll)
        is_here = jnp.where(carries, state.position == end, wanted[state.position])
        costs = jnp.where(carries, ways.carry, ways.fetch)
        spots = landings(world.height, world.width, (levels.cells[state.level] & WALL) == 0, state.position)
        reached = (costs + _toll(world, levels, state, breaks, toll))[spots]
        chosen = jnp.where(is_here, jnp.where(carries, put_down, pick_up), jnp.argmin(reached))
        chosen = jnp.where(~is_here & (reached.min() >= NEVER), stay, chosen)
        key_noise, key_action = jax.random.split(key)
        randomly = jax.random.uniform(key_noise) < chance
        return jnp.where(randomly, jax.random.randint(key_action, (), 0, len(world.actions)), chosen)

    def act(chance: Float[Array, ""], key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        keys = jax.random.split(key, view.running.time.shape[0])
        return jax.vmap(action, (None, 0, 0, None))(view.tables, view.running.state, keys, chance), memory

    manner = {0.0: " and breaks all there is", NEVER: " and breaks nothing"}.get(toll, "")
    return Policy(
        f"carries {kind} to {target}{manner}",
        act,
        jnp.full(agents, noise),
        tuple(range(agents)),
        prepare=lambda levels: levels,
    )


def _lying(
    world: GridWorld, levels: Levels, state: State, kind: str, end: Int[Array, ""] | int
) -> Bool[Array, " cell"]:
    """On which cells things of a kind lie that are not at the target yet."""
    places, present = world.places(levels, state, kind), world.present(levels, state, kind)
    return jnp.zeros(world.height * world.width, bool).at[places].max(present & (places != end))


def _toll(world: GridWorld, levels: Levels, state: State, breaks: str, toll: float) -> Float[Array, " cell"]:
    """What it costs to enter each cell."""
    places, present = world.places(levels, state, breaks), world.present(levels, state, breaks)
    walls = ((levels.cells[state.level] & WALL) != 0) * NEVER
    return 1.0 + walls + jnp.zeros_like(walls).at[places].max(present * toll)


def _ways(
    world: GridWorld,
    levels: Levels,
    state: State,
    breaks: str,
    sources: Bool[Array, " cell"],
    end: Int[Array, ""] | int,
    toll: float,
) -> Ways:
    entering = _toll(world, levels, state, breaks, toll)
    at_end = jnp.arange(entering.shape[0]) == end
    carry = _spread(world, jnp.where(at_end, 0.0, NEVER), entering)
    return Ways(carry, _spread(world, jnp.where(sources, carry, NEVER), entering))


def _spread(world: GridWorld, known: Float[Array, " cell"], toll: Float[Array, " cell"]) -> Float[Array, " cell"]:
    """The least cost of getting to a cell whose cost is known, from every cell."""

    def once(costs: Float[Array, " cell"], _: None) -> tuple[Float[Array, " cell"], None]:
        entered = jnp.pad((costs + toll).reshape(world.height, world.width), 1, constant_values=2 * NEVER)
        beside = jnp.stack([entered[:-2, 1:-1], entered[2:, 1:-1], entered[1:-1, :-2], entered[1:-1, 2:]])
        return jnp.minimum(costs, beside.min(0).ravel()), None

    return jax.lax.scan(once, known, None, world.height * world.width // 2)[0]
