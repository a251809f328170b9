"""Small edits of grid levels that keep them levels of their setting: one wall, or one place, drawn anew.

Each edit is a step of a Gibbs sampler: it draws one part of a level from what the setting allows, given all others, so
many of them in a row lead to levels spread as fresh ones are (nearly: not at the edges of a region around a thing that
moves, and but for walls that places were carved from).
Walls are edited where they are independent of each other, in the layout `blocks`. Things that lie on another (within 0
cells of it) go with it. Where floors, rules or places hang together so that no single place can be drawn alone,
everything but the walls is drawn anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

from trueaim.core.keys import stream
from trueaim.worlds.grid.drawing import Dress, assembled, drawn
from trueaim.worlds.grid.level import WALL, Levels
from trueaim.worlds.grid.placement import CORNERS, choose, corner_cell
from trueaim.worlds.grid.rule import Precomputing
from trueaim.worlds.grid.world import GridWorld

Knobs = Mapping[str, Float[Array, ""]]


class Relations(NamedTuple):
    """What a world says of places, for the slots of its things and, last, the start.

    Attributes:
        apart: which slots never share a cell.
        closed: cells in which a slot never lies.
        anchor: the slot from which a slot's distance is limited, or -1.
        corner: the cell from which it is, where there is no such slot, or -1.
        within: the limit by name or as a number; None for no limit.
    """

    apart: Bool[np.ndarray, "slot slot"]
    closed: Bool[np.ndarray, "slot cell"]
    anchor: Int[np.ndarray, " slot"]
    corner: Int[np.ndarray, " slot"]
    within: tuple[str | int | None, ...]


@dataclass(frozen=True, eq=False)
class GridMutations:
    """Edits of the levels of one world."""

    world: GridWorld

    @cached_property
    def takes_walls(self) -> bool:
        """Whether a wall can be drawn alone: walls are independent, and no table of a rule rests on them."""
        return self.world.layout.name == "blocks" and not self._precomputes

    @cached_property
    def takes_places(self) -> bool:
        """Whether the place of one thing can be drawn alone."""
        things = (*self.world.things, self.world.start)
        follows = {thing.name: thing.near for thing in things}
        chained = any(follows.get(thing.near or "") in follows for thing in things)
        tied = any(thing.among is not None for thing in things) or self.world.floor is not None
        return not (chained or tied or self._precomputes)

    @cached_property
    def _precomputes(self) -> bool:
        return any(isinstance(rule, Precomputing) for rule in self.world.rules)

    def redrawn(self, key: Key[Array, ""], level: Levels, knobs: Knobs) -> Levels:
        """A fresh level on the same walls."""
        walls = (level.cells & WALL) != 0
        layout = self.world.layout._replace(draw=lambda key, density: walls)
        return drawn(replace(self.world, layout=layout), key, knobs)

    def edited(self, key: Key[Array, ""], level: Levels, knobs: Knobs, num: int) -> Levels:
        """The level after `num` edits, each of a wall, the start or a thing with the same chance, where it can be."""
        if not self.takes_places:
            return self._reshaped(key, level, knobs, num)
        walls = (level.cells & WALL) != 0
        places = jnp.append(level.things, level.start)
        there = jnp.append(jnp.ones(level.things.shape, bool) if level.looks is None else level.looks != 0, True)

        def edit(carry: tuple[Array, Array], words: UInt32[Array, " word"]) -> tuple[tuple[Array, Array], None]:
            walls, places = carry
            which = words[0] % 3
            slot = jnp.where(which == 1, places.shape[0] - 1, _any_of(words[1], there & self._is_thing))
            moved = self._moved(words[2], walls, places, there, slot, knobs)
            if not self.takes_walls:
                return moved, None
            bare = jnp.ones(walls.shape, bool).at[places].min(~there)
            rebuilt = self._rewalled(words[1:], walls, bare, knobs)
            is_wall = which == 0
            return (jnp.where(is_wall, rebuilt, moved[0]), jnp.where(is_wall, places, moved[1])), None

        words = jax.random.bits(key, (num, 4), jnp.uint32)
        (walls, places), _ = jax.lax.scan(edit, (walls, places), words)
        return self._rebuilt(level, walls, places[:-1], places[-1])

    @cached_property
    def _is_thing(self) -> Bool[np.ndarray, " slot"]:
        num = sum(thing.count for thing in self.world.things)
        return np.arange(num + 1) < max(num, 1)

    def _reshaped(self, key: Key[Array, ""], level: Levels, knobs: Knobs, num: int) -> Levels:
        """Walls edited where that can be, and then, with chance 1/2, all else drawn anew.

        Where walls stay, always, and once: one draw is as good as many.
        """
        if not self.takes_walls:
            return self.redrawn(key, level, knobs)
        walls = (level.cells & WALL) != 0
        fixed = jnp.append(level.things, level.start)
        there = jnp.append(jnp.ones(level.things.shape, bool) if level.looks is None else level.looks != 0, True)
        bare = (level.cells & ~jnp.uint8(WALL)) == 0
        bare = bare.at[fixed].min(~there)

        def edit(walls: Array, words: UInt32[Array, " word"]) -> tuple[Array, None]:
            return self._rewalled(words, walls, bare, knobs), None

        words = jax.random.bits(stream(key, "walls"), (num, 3), jnp.uint32)
        walls, _ = jax.lax.scan(edit, walls, words)
        floor = level.cells & ~jnp.uint8(WALL)
        same = level._replace(cells=jnp.where(walls, jnp.uint8(WALL), floor))
        anew = self.redrawn(stream(key, "all"), same, knobs)
        is_anew = jax.random.bernoulli(stream(key, "whether"))
        return jax.tree.map(lambda one, other: jnp.where(is_anew, one, other), anew, same)

    def _rewalled(
        self, words: UInt32[Array, " word"], walls: Bool[Array, " cell"], bare: Bool[Array, " cell"], knobs: Knobs
    ) -> Bool[Array, " cell"]:
        """Walls with one bare cell drawn anew: a wall with the chance `density`. Landmarks stay free."""
        marks = [corner_cell(name, self.world.height, self.world.width) for name in self.world.landmarks]
        if marks:
            bare = bare.at[jnp.array(marks)].set(False)
        cell = choose(words[0], jnp.zeros_like(walls), bare)
        is_wall = (words[1] >> 8).astype(jnp.float32) * 2.0**-24 < knobs.get("density", 0.0)
        return jnp.where(bare.any(), walls.at[cell].set(is_wall), walls)

    def _moved(
        self,
        word: UInt32[Array, ""],
        walls: Bool[Array, " cell"],
        places: Int[Array, " slot"],
        there: Bool[Array, " slot"],
        slot: Int[Array, ""],
        knobs: Knobs,
    ) -> tuple[Bool[Array, " cell"], Int[Array, " slot"]]:
        """Walls and places with one slot's place drawn anew; where it can lie nowhere else, as they were."""
        relations = self._relations
        limit = jnp.stack([jnp.inf if each is None else _number(each, knobs) for each in relations.within])
        anchor, corner = jnp.asarray(relations.anchor), jnp.asarray(relations.corner)
        goes_along = (anchor == slot) & (limit < 1)
        group = goes_along | (jnp.arange(places.shape[0]) == slot)
        apart = (jnp.asarray(relations.apart) & group[:, None]).any(0) & ~group
        closed = (jnp.asarray(relations.closed) & group[:, None]).any(0)
        taken = jnp.zeros(walls.shape, bool).at[places].max(apart)
        origin = jnp.where(anchor[slot] >= 0, places[anchor[slot]], corner[slot])
        is_tied = (anchor[slot] >= 0) | (corner[slot] >= 0)
        allowed = ~taken & ~closed & (~is_tied | (self._distance(origin) <= limit[slot]))
        for other in np.flatnonzero(relations.anchor >= 0).tolist():
            follows = (anchor[other] == slot) & ~goes_along[other]
            allowed = allowed & (~follows | (self._distance(places[other]) <= limit[other]))
        cell = choose(word, walls, allowed)
        moves = allowed.any() & there[slot]
        carved = walls.at[cell].set(False)
        return jnp.where(moves, carved, walls), jnp.where(group & moves, cell, places)

    def _distance(self, cell: Int[Array, ""]) -> Int[Array, " cell"]:
        """Of every cell from one, along the longer axis."""
        cells, width = np.arange(self.world.height * self.world.width), self.world.width
        return jnp.maximum(jnp.abs(cells // width - cell // width), jnp.abs(cells % width - cell % width))

    @cached_property
    def _relations(self) -> Relations:
        world, things = self.world, (*self.world.things, self.world.start)
        kinds = [thing for thing in things for _ in range(thing.count)]
        first = {name: slots.start for name, slots in world.slots.items()}
        cells = {name: corner_cell(name, world.height, world.width) for name in CORNERS}
        together = [[one.name in other.apart or other.name in one.apart for other in kinds] for one in kinds]
        same = [[one is other for other in kinds] for one in kinds]
        closed = np.zeros((len(kinds), world.height * world.width), bool)
        for slot, thing in enumerate(kinds):
            closed[slot, [cells[name] for name in thing.apart if name in cells]] = True
        near = [thing.near if thing.within is not None else None for thing in kinds]
        return Relations(
            apart=np.array(together) | np.array(same) & ~np.eye(len(kinds), dtype=bool),
            closed=closed,
            anchor=np.array([first.get(name or "", -1) for name in near]),
            corner=np.array([cells.get(name or "", -1) for name in near]),
            within=tuple(thing.within if thing.near else None for thing in kinds),
        )

    def _rebuilt(self, level: Levels, walls: Array, things: Int[Array, " thing"], start: Int[Array, ""]) -> Levels:
        """The level with other walls and places, and all else as it was."""
        dress = None
        if level.looks is not None:
            dress = Dress(level.looks, jnp.uint8(0) if level.hint is None else level.hint)
        new = assembled(self.world, walls, things, start, dress)
        return level._replace(cells=new.cells, things=new.things, start=new.start, lies=new.lies)


def _number(limit: str | int, knobs: Knobs) -> Float[Array, ""]:
    return jnp.asarray(knobs[limit] if isinstance(limit, str) else limit, jnp.float32)


def _any_of(word: UInt32[Array, ""], allowed: Bool[Array, " slot"]) -> Int[Array, ""]:
    """One of the allowed slots, each with the same chance."""
    place = (word % jnp.maximum(allowed.sum(), 1).astype(jnp.uint32)).astype(jnp.int32)
    return jnp.argmax(jnp.cumsum(allowed) > place)
