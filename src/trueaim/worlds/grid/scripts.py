"""Scripted policies for open grids with rules: foragers that know what they want, and fellers that spare a forest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.core.policy import Policy, View
from trueaim.worlds.grid.level import MOVES, WALL, Levels, State, landings
from trueaim.worlds.grid.world import GridWorld

FAR = 1_000


@dataclass(frozen=True)
class Wary:
    """How a script deals with what chases it (the rules `Chase` and `Attack`).

    Attributes:
        kind: what it is wary of.
        shield: the counter of what protects from it, and the kind of thing by which that rises.
        twice: the chance that one moves two cells in a step, as the script believes.
        hit: what being hit costs.
        safety: what a shield is worth beside its value as a thing, while there are fewer shields than chasers.
        fear: what a chaser at distance 0 costs beyond what it does at once; halved with every cell further.
    """

    kind: str
    shield: str
    twice: float = 0.2
    hit: float = 1.0
    safety: float = 1.0
    fear: float = 1.0


def forage(
    world: GridWorld, values: Mapping[str, float], *, patience: float = 0.9, wary: Wary | None = None, name: str = ""
) -> Policy:
    """Goes for the things that are worth most, and keeps clear of chasers while it has no shield.

    A thing's worth falls with every step on the way to it; what lies near it, two more things deep, adds to it. Paths
    are counted by rows and columns, so it is for maps without walls.

    Args:
        world: where it acts.
        values: what one thing of each kind is worth.
        patience: factor for each step on the way, from 0 to 1.
        wary: of what, if anything.
        name: for people.
    """

    def worth(levels: Levels, state: State) -> Float[Array, " action"]:
        spots = _ahead(world, levels, state)
        places, value = _things(world, levels, state, values, wary)
        between = patience ** _apart(world, places, places).astype(jnp.float32) * (1 - jnp.eye(places.shape[0]))
        total = value
        for _ in range(2):
            total = value + jnp.where(value > 0, (between * total).max(-1), 0.0)
        appeal = (patience ** _apart(world, spots, places).astype(jnp.float32) * total).max(-1)
        return appeal if wary is None else appeal - _danger(world, levels, state, wary, spots)

    return _best(world, worth, name or f"forage for {', '.join(values)}")


def fell(world: GridWorld, kind: str, spare: int = 0, name: str = "") -> Policy:
    """Goes to the nearest thing of a kind and takes it, but stays where it is while no more than `spare` are there.

    Needs a world in which one can stay (the rule `Stay`), where it is to spare any.
    """
    stay = world.actions.index("stay") if spare else 0

    def worth(levels: Levels, state: State) -> Float[Array, " action"]:
        present = world.present(levels, state, kind)
        distance = _apart(world, _ahead(world, levels, state), world.places(levels, state, kind))
        nearest = jnp.where(present, distance, FAR).min(-1)
        waits = jnp.arange(len(world.actions)) == stay
        return jnp.where(present.sum() > spare, -nearest, waits if spare else jnp.zeros_like(nearest)).astype(float)

    return _best(world, worth, name or f"fell {kind}, sparing {spare}")


def _best(world: GridWorld, worth: Any, name: str) -> Policy:
    """The policy that takes the action of the highest worth; among equals, any."""

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters
        worths = jax.vmap(lambda state: worth(view.tables, state))(view.running.state)
        chance = jax.random.uniform(key, worths.shape)
        is_best = worths >= worths.max(-1, keepdims=True) - 1e-6
        return jnp.argmax(jnp.where(is_best, chance, -1.0), -1), memory

    return Policy(name, act, prepare=_themselves)


def _themselves(levels: Any) -> Any:
    return levels


def _ahead(world: GridWorld, levels: Levels, state: State) -> Int[Array, " action"]:
    """Where each action leads; those that are no moves lead nowhere."""
    free = (levels.cells[state.level] & WALL) == 0
    return landings(world.height, world.width, free, state.position, len(world.actions) - len(MOVES))


def _apart(world: GridWorld, cells: Int[Array, " from"], others: Int[Array, " to"]) -> Int[Array, "from to"]:
    rows = jnp.abs(cells[:, None] // world.width - others // world.width)
    return rows + jnp.abs(cells[:, None] % world.width - others % world.width)


def _things(
    world: GridWorld, levels: Levels, state: State, values: Mapping[str, float], wary: Wary | None
) -> tuple[Int[Array, " thing"], Float[Array, " thing"]]:
    """Where everything wanted is and what it is worth now; 0 for what is not there."""
    places, worths = [], []
    for kind, value in values.items():
        now = jnp.float32(value)
        if wary is not None and kind == wary.shield:
            exposed = world.present(levels, state, wary.kind).sum() > state.held[kind]
            now = now + jnp.where(exposed, wary.safety, 0.0)
        places.append(world.places(levels, state, kind))
        worths.append(jnp.where(world.present(levels, state, kind), now, 0.0))
    return jnp.concatenate(places), jnp.concatenate(worths)


def _danger(
    world: GridWorld, levels: Levels, state: State, wary: Wary, spots: Int[Array, " action"]
) -> Float[Array, " action"]:
    """What each action costs: attacks that no shield meets, and chasers that come near."""
    chasers = world.present(levels, state, wary.kind)
    distance = _apart(world, spots, world.places(levels, state, wary.kind))
    chance = jnp.where(distance <= 1, 1.0, jnp.where(distance == 2, wary.twice, 0.0))
    shields = state.held[wary.shield] + _takes(world, levels, state, wary.shield, spots)
    attacks = jnp.sum(chance * chasers, -1)
    near = jnp.sum(jnp.where(chasers, 0.5 ** distance.astype(jnp.float32), 0.0), -1)
    open_to = jnp.sum(chasers) > shields
    return wary.hit * jnp.maximum(attacks - shields, 0) + wary.fear * jnp.where(open_to & (shields == 0), near, 0.0)


def _takes(
    world: GridWorld, levels: Levels, state: State, kind: str, spots: Int[Array, " action"]
) -> Bool[Array, " action"]:
    there = world.present(levels, state, kind)
    return (there & (spots[:, None] == world.places(levels, state, kind))).any(-1)
