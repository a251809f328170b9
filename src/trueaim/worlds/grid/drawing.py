"""Drawing a level: walls, what things look like, where they lie, and what rules precompute."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, UInt8, UInt32

from trueaim.worlds.grid.level import NO_THING, WALL, Levels, thing_bit
from trueaim.worlds.grid.placement import Thing, choose, corner_cell, within_reach
from trueaim.worlds.grid.rule import Drawn, Precomputing

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld

Knobs = Mapping[str, Float[Array, ""]]


class Dress(NamedTuple):
    """How a level looks.

    Attributes:
        looks: the marks that each thing shows, as bits, all slots of the first kind first; 0 for one that is not there.
        hint: what the agent is told, as bits in the order of `GridWorld.hints`.
    """

    looks: UInt8[Array, " thing"]
    hint: UInt8[Array, ""] | int = 0


def drawn(world: "GridWorld", key: Key[Array, ""], knobs: Knobs) -> Levels:
    """One level. Worlds that need no more draw the same random words as they did before there was more."""
    key_walls, key_places = jax.random.split(key)
    walls = world.layout.draw(key_walls, knobs.get("density", 0.0))
    carved = [corner_cell(name, world.height, world.width) for name in world.landmarks]
    if carved:
        walls = walls.at[jnp.array(carved)].set(False)
    num, plain = sum(thing.count for thing in world.things) + 1, is_plain(world)
    seeds = jax.random.bits(key_places, (num if plain else num + 2,), jnp.uint32)
    dress = None if plain else _dress(world, seeds[num], knobs)
    walls, things, start = _placed(world, walls, dress, seeds, knobs)
    levels = assembled(world, walls, things, start, dress)
    if "steps" in knobs:
        levels = levels._replace(limit=jnp.asarray(knobs["steps"], jnp.int32))
    if plain:
        return levels
    ready = Drawn(walls, things, seeds[num], knobs, start)
    if world.floor is not None:
        levels = levels._replace(cells=levels.cells | jnp.where(walls, jnp.uint8(0), world.floor(ready)))
    if any(rule.needs.chance for rule in world.rules):
        levels = levels._replace(luck=seeds[num + 1])
    return levels._replace(tables=precomputed(world, ready))


def precomputed(world: "GridWorld", ready: Drawn) -> dict[str, Any]:
    """What the world's rules precompute for one level, by name."""
    tables = [rule.tables(world, ready) for rule in world.rules if isinstance(rule, Precomputing)]
    return {name: table for each in tables for name, table in each.items()}


def is_plain(world: "GridWorld") -> bool:
    """Whether its levels are walls, things and a start, and nothing else."""
    parts = (*world.rules, world.dress, world.floor, *(thing.present for thing in world.things))
    return all(part is None for part in parts)


def _dress(world: "GridWorld", word: UInt32[Array, ""], knobs: Knobs) -> Dress:
    """What the world's own function says, or each kind's mark on as many things as there are."""
    if world.dress is not None:
        return world.dress(word, knobs)
    looks = [jnp.zeros(0, jnp.uint8)]
    for number, thing in enumerate(world.things):
        present = knobs[thing.present] if isinstance(thing.present, str) else thing.present
        there = jnp.arange(thing.count) < (thing.count if present is None else present)
        looks.append(there * jnp.uint8(thing_bit(number)))
    return Dress(jnp.concatenate(looks))


def _placed(
    world: "GridWorld", walls: Array, dress: Dress | None, seeds: UInt32[Array, " word"], knobs: Knobs
) -> tuple[Array, Int[Array, " thing"], Int[Array, ""]]:
    places: dict[str, list[Array]] = {}
    slot = 0
    for thing in (*world.things, world.start):
        places[thing.name] = []
        for _ in range(thing.count):
            cell = choose(seeds[slot], walls, _allowed(world, thing, places, knobs))
            is_absent = dress is not None and thing is not world.start and dress.looks[slot] == 0
            walls = walls.at[cell].set(walls[cell] & is_absent if dress is not None else False)
            places[thing.name].append(cell)
            slot += 1
    (start,) = places.pop(world.start.name)
    return walls, jnp.array([cell for cells in places.values() for cell in cells], jnp.int32), start


def _allowed(world: "GridWorld", thing: Thing, places: Mapping[str, list[Array]], knobs: Knobs) -> Array:
    def cells(place: str) -> list[Any]:
        return places[place] if place in places else [corner_cell(place, world.height, world.width)]

    allowed = jnp.ones(world.height * world.width, bool)
    if thing.near is not None and thing.within is not None:
        limit = knobs[thing.within] if isinstance(thing.within, str) else thing.within
        allowed = within_reach(world.height, world.width, cells(thing.near)[0], limit)
    if thing.among is not None:
        allowed = allowed & thing.among(len(places[thing.name]), places, knobs)
    for cell in [cell for place in (*thing.apart, thing.name) for cell in cells(place)]:
        allowed = allowed.at[cell].set(False)
    return allowed


def assembled(
    world: "GridWorld", walls: Array, things: Int[Array, " thing"], start: Int[Array, ""], dress: Dress | None
) -> Levels:
    """The table row for these walls, things and start."""
    cells = walls.astype(jnp.uint8) * jnp.uint8(WALL)
    for number, (name, slots) in enumerate(world.slots.items()):
        for slot in range(slots.start, slots.stop) if name not in world.moving else ():
            look = jnp.uint8(thing_bit(number)) if dress is None else dress.looks[slot]
            cells = cells.at[things[slot]].set(cells[things[slot]] | look)
    levels = Levels(cells, things, jnp.asarray(start, jnp.int32))
    if dress is None:
        return levels
    hint = jnp.asarray(dress.hint, jnp.uint8) if world.hints else None
    return levels._replace(looks=dress.looks, hint=hint, lies=_lies(world, things, dress))


def _lies(world: "GridWorld", things: Int[Array, " thing"], dress: Dress) -> UInt8[Array, " cell"] | None:
    if not world.vanishing:
        return None
    slots = [slot for kind in world.vanishing for slot in range(world.slots[kind].start, world.slots[kind].stop)]
    lies = jnp.full(world.height * world.width, NO_THING, jnp.uint8)
    for number, slot in enumerate(slots):
        lies = lies.at[things[slot]].set(jnp.where(dress.looks[slot] != 0, jnp.uint8(number), lies[things[slot]]))
    return lies
