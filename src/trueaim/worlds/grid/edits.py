"""Counterfactual levels of grid worlds: the things that a goal is about are put elsewhere, taken away, or put at hand.

A goal is about the things on which it pays: one thing, those that show certain marks or what the level's hint means, or
a kind of which the rules count how many were taken. A fixed place (a corner) can be neither moved nor taken away, so a
goal that pays there has no edits. A wall more or less is an edit too, of no goal.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key, UInt8, UInt32

from trueaim.core.edits import Edited
from trueaim.core.goal import Goal
from trueaim.worlds.grid.distances import UNREACHABLE, distances
from trueaim.worlds.grid.drawing import Dress, assembled
from trueaim.worlds.grid.events import AnyOf, Happened, Hinted, Reached, Showing, Sum
from trueaim.worlds.grid.level import WALL, Levels, thing_bit
from trueaim.worlds.grid.placement import choose, corner_cell
from trueaim.worlds.grid.world import GridWorld


class Parts(NamedTuple):
    """A table of levels taken apart.

    Attributes:
        walls: where they are.
        looks: the marks that each thing shows; 0 for one that is not there.
        floor: the marks that cells show beside things.
        its: which things the goal is about.
    """

    walls: Bool[Array, "level cell"]
    looks: UInt8[Array, "level thing"]
    floor: UInt8[Array, "level cell"]
    its: Bool[Array, "level thing"]


@dataclass(frozen=True, eq=False)
class GridEdits:
    """Implements `trueaim.core.edits.Edits` for worlds of cells.

    No edit where the goal pays on a fixed place, or is about nothing that lies there on any of the levels; where rules
    precomputed more than a number for each level, which may say what lay where; and where floors around a thing show
    its mark, since they would stay behind.

    Attributes:
        world: whose levels are edited.
        goals: of the scenario.
    """

    world: GridWorld
    goals: tuple[Goal, ...]

    def secured(self, levels: Levels, goal: int) -> Edited | None:
        """The first of the goal's things lies where the agent starts, and the agent sees it there; others stay.

        So it is had as soon as a step ends there: after a move against a wall, or a step away and back. None for what
        rules count, of which the agent may want more than it is given.
        """
        if any(isinstance(part, Happened) for part in paying(self.goals[goal])):
            return None
        levels = _dressed(self.world, levels)
        parts = self._parts(levels, goal)
        return None if parts is None else _secured(self.world, levels, parts)

    def removed(self, levels: Levels, goal: int) -> Edited | None:
        """The goal's things are not there, and nobody sees them; an episode that they would end runs out of time."""
        levels = _dressed(self.world, levels)
        parts = self._parts(levels, goal)
        return None if parts is None else _removed(self.world, levels, parts)

    def moved(self, levels: Levels, goal: int, key: Key[Array, ""]) -> Edited | None:
        """Each of the goal's things lies elsewhere, drawn uniformly from the cells that the agent can reach.

        Never on another thing or where one lay, on the start, or on a fixed place of any goal, and on the same floor as
        before. A thing for which no such cell is left stays.
        """
        levels = _dressed(self.world, levels)
        parts = self._parts(levels, goal)
        if parts is None:
            return None
        words = jax.random.bits(key, levels.things.shape, jnp.uint32)
        return _moved(self.world, self._fixed(), levels, parts, words)

    def wall_added(self, levels: Levels, key: Key[Array, ""]) -> Edited | None:
        """A wall in one more cell, drawn uniformly from those that are bare and without which nothing is cut off.

        Bare is a cell where nothing lies, starts or is fixed, and whose floor shows no mark. Whatever else the agent
        could reach it still can, though maybe by a longer way. None where rules precomputed more than a number for each
        level, which may rest on the walls.
        """
        return self._walled(levels, key, True)

    def wall_removed(self, levels: Levels, key: Key[Array, ""]) -> Edited | None:
        """One of the walls, drawn uniformly, is a bare cell; None as for `wall_added`."""
        return self._walled(levels, key, False)

    def _walled(self, levels: Levels, key: Key[Array, ""], adds: bool) -> Edited | None:
        if any(table.ndim > 1 for table in levels.tables.values()):
            return None
        levels = _dressed(self.world, levels)
        parts = _apart(self.world, levels, jnp.zeros(levels.things.shape, bool))
        words = jax.random.bits(key, levels.start.shape, jnp.uint32)
        return _walled(self.world, self._fixed(), adds, levels, parts, words)

    def _parts(self, levels: Levels, goal: int) -> Parts | None:
        if any(table.ndim > 1 for table in levels.tables.values()):
            return None
        found = [_things_of(self.world, part, levels) for part in paying(self.goals[goal])]
        known = [its for its in found if its is not None]
        if not known or len(known) < len(found):
            return None
        parts = _apart(self.world, levels, jnp.any(jnp.stack(known), 0))
        shown = jnp.where(parts.its, parts.looks, jnp.uint8(0))
        marks = jax.lax.reduce(shown, jnp.uint8(0), jax.lax.bitwise_or, (1,))
        return parts if parts.its.any() and not ((parts.floor & marks[:, None]) != 0).any() else None

    def _fixed(self) -> tuple[int, ...]:
        """The cells that goals name, and corners that are kept free."""
        events = [part for goal in self.goals for part in paying(goal)]
        cells = [event.cell for event in events if isinstance(event, Reached) and event.cell is not None]
        corners = [corner_cell(name, self.world.height, self.world.width) for name in self.world.landmarks]
        return tuple(sorted({*cells, *corners}))


def paying(goal: Goal) -> tuple[Any, ...]:
    """The events for which a goal pays, one by one; charges are left out."""
    score: Any = goal.score
    events = [part for part, weight in score.parts if weight > 0] if isinstance(score, Sum) else [score]
    return tuple(part for event in events for part in (event.events if isinstance(event, AnyOf) else (event,)))


def _dressed(world: GridWorld, levels: Levels) -> Levels:
    """The same levels, with what each thing shows: its kind's mark where the table does not say."""
    if levels.looks is not None:
        return levels
    counts = [thing.count for thing in world.things]
    marks = np.repeat([thing_bit(kind) for kind in range(len(counts))], counts).astype(np.uint8)
    return levels._replace(looks=jnp.broadcast_to(jnp.asarray(marks), levels.things.shape))


@partial(jax.jit, static_argnums=0)
def _apart(world: GridWorld, levels: Levels, its: Bool[Array, "level thing"]) -> Parts:
    """Dressed levels taken apart; of the things named, those that are there."""
    assert levels.looks is not None
    walls = (levels.cells & WALL) != 0
    floor = levels.cells & ~_cells(world, levels, walls, levels.things, levels.looks).cells
    return Parts(walls, levels.looks, floor, its & (levels.looks != 0))


def _things_of(world: GridWorld, event: Any, levels: Levels) -> Bool[Array, "level thing"] | None:
    """On which things an event happens, there or not; None for an event that is not about things."""
    slots = np.arange(levels.things.shape[-1])
    if isinstance(event, Reached):
        return None if event.thing is None else jnp.broadcast_to(slots == event.thing, levels.things.shape)
    if isinstance(event, Happened):
        kinds = {kind for rule in world.rules for kind in rule.needs.vanishing}
        if event.event not in kinds & set(world.slots):
            return None
        its = (slots >= world.slots[event.event].start) & (slots < world.slots[event.event].stop)
        return jnp.broadcast_to(its, levels.things.shape)
    if isinstance(event, Showing | Hinted):
        return jnp.stack([_happens_on(event, levels, int(slot)) for slot in slots], -1)
    return None


def _happens_on(event: Showing | Hinted, levels: Levels, slot: int) -> Bool[Array, " level"]:
    """Whether an event would happen on a thing if it lay there alone: things may share a cell."""
    assert levels.looks is not None
    rows = jnp.arange(levels.start.shape[0])
    cell = levels.things[:, slot]
    alone = levels._replace(cells=jnp.zeros_like(levels.cells).at[rows, cell].set(levels.looks[:, slot]))
    return jax.vmap(partial(event.on, alone))(rows)[rows, cell]


def _cells(
    world: GridWorld,
    levels: Levels,
    walls: Bool[Array, "level cell"],
    things: Int[Array, "level thing"],
    looks: UInt8[Array, "level thing"],
) -> Levels:
    """The table for these walls and things, as it was drawn but for floors and what rules need."""
    hints = jnp.zeros(levels.start.shape, jnp.uint8) if levels.hint is None else levels.hint

    def one(walls: Array, things: Array, start: Array, looks: Array, hint: Array) -> Levels:
        return assembled(world, walls, things, start, Dress(looks, hint))

    return jax.vmap(one)(walls, things, levels.start, looks, hints)


def _edited(
    world: GridWorld,
    levels: Levels,
    parts: Parts,
    things: Int[Array, "level thing"],
    looks: UInt8[Array, "level thing"],
) -> Levels:
    new = _cells(world, levels, parts.walls, things, looks)
    return new._replace(cells=new.cells | parts.floor, limit=levels.limit, luck=levels.luck, tables=levels.tables)


@partial(jax.jit, static_argnums=0)
def _secured(world: GridWorld, levels: Levels, parts: Parts) -> Edited:
    changed = parts.its.any(-1)
    is_first = parts.its & (jnp.cumsum(parts.its, -1) == 1)
    things = jnp.where(is_first, levels.start[:, None], levels.things)
    return Edited(_edited(world, levels, parts, things, parts.looks), changed, is_first)


@partial(jax.jit, static_argnums=0)
def _removed(world: GridWorld, levels: Levels, parts: Parts) -> Edited:
    looks = jnp.where(parts.its, jnp.uint8(0), parts.looks)
    return Edited(_edited(world, levels, parts, levels.things, looks), parts.its.any(-1), parts.its)


@partial(jax.jit, static_argnums=(0, 1))
def _moved(
    world: GridWorld, fixed: tuple[int, ...], levels: Levels, parts: Parts, words: UInt32[Array, "level thing"]
) -> Edited:
    cells = jnp.arange(world.height * world.width)
    square = (world.height, world.width)

    def elsewhere(
        walls: Array, looks: Array, floor: Array, its: Array, things: Array, start: Array, words: Array
    ) -> Any:
        reached = distances(walls.reshape(square), (cells == start).reshape(square)).ravel() < UNREACHABLE
        is_open = reached & (cells != start) & ~jnp.isin(cells, jnp.array(fixed, jnp.int32))
        taken = jnp.zeros(cells.shape, bool).at[things].max(looks != 0)
        places = []
        for slot in range(things.shape[0]):
            allowed = is_open & ~taken & (floor == floor[things[slot]])
            cell = choose(words[slot], jnp.zeros(cells.shape, bool), allowed)
            moves = its[slot] & allowed.any()
            taken = taken.at[cell].max(moves)
            places.append(jnp.where(moves, cell, things[slot]))
        return jnp.stack(places)

    things = jax.vmap(elsewhere)(*parts, levels.things, levels.start, words)
    differs = things != levels.things
    return Edited(_edited(world, levels, parts, things, parts.looks), differs.any(-1), differs)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _walled(
    world: GridWorld, fixed: tuple[int, ...], adds: bool, levels: Levels, parts: Parts, words: UInt32[Array, " level"]
) -> Edited:
    cells = jnp.arange(world.height * world.width)

    def new(walls: Array, looks: Array, floor: Array, its: Array, things: Array, start: Array, word: Array) -> Any:
        del its
        is_bare = ~jnp.zeros(cells.shape, bool).at[things].max(looks != 0) & (cells != start) & (floor == 0)
        allowed = is_bare & ~jnp.isin(cells, jnp.array(fixed, jnp.int32)) & ~walls if adds else walls
        allowed = allowed & ~_cuts(world, walls, start) if adds else allowed
        cell = choose(word, jnp.zeros(cells.shape, bool), allowed)
        return jnp.where(allowed.any(), walls.at[cell].set(adds), walls), allowed.any()

    walls, changed = jax.vmap(new)(*parts, levels.things, levels.start, words)
    done = _edited(world, levels, parts._replace(walls=walls), levels.things, parts.looks)
    return Edited(done, changed, jnp.zeros(parts.its.shape, bool))


def _cuts(world: GridWorld, walls: Bool[Array, " cell"], start: Int[Array, ""]) -> Bool[Array, " cell"]:
    """In which cells a wall would cut others off from the start."""
    cells = jnp.arange(walls.shape[0])

    def reached(walls: Array) -> Bool[Array, " cell"]:
        square = (world.height, world.width)
        return distances(walls.reshape(square), (cells == start).reshape(square)).ravel() < UNREACHABLE

    before = reached(walls)
    return jax.lax.map(lambda cell: (before & ~reached(walls.at[cell].set(True)) & (cells != cell)).any(), cells)
