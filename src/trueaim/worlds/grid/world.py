"""The grid world: levels drawn from a layout and placed things, four moves, and a map of small integers to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt8, UInt32

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.scenario import Cells, Channel, Knob
from trueaim.worlds.grid.events import Reached
from trueaim.worlds.grid.layouts import Layout
from trueaim.worlds.grid.level import AGENT, MOVES, WALL, Levels, State, Transition, thing_bit
from trueaim.worlds.grid.picture import picture
from trueaim.worlds.grid.placement import CORNERS, Thing, choose, corner_cell, within_reach
from trueaim.worlds.grid.text import letters, parse, show

SMALLEST, LARGEST = 3, 31


@dataclass(frozen=True, eq=False)
class GridWorld:
    """A rectangular map without a border (outside is wall), an agent, and things that lie still.

    Attributes:
        layout: how walls are drawn.
        things: what lies on the map, in the order in which it is placed.
        start: where the agent starts, placed like a thing after all others.
        landmarks: corners that are always free of walls, because a goal names them.
        knobs: the numbers that things and layout refer to.
    """

    layout: Layout
    things: tuple[Thing, ...]
    start: Thing = field(default_factory=lambda: Thing("start"))
    landmarks: tuple[str, ...] = ()
    knobs: tuple[Knob, ...] = ()

    def __post_init__(self) -> None:
        sides = (self.height, self.width)
        if not all(SMALLEST <= side <= LARGEST for side in sides):
            raise TrueAimError(f"size: got {sides[0]}x{sides[1]}, needs sides from {SMALLEST} to {LARGEST}; change it")
        for name in letters([thing.name for thing in self.things]):
            if name in (self.start.name, *CORNERS):
                raise TrueAimError(f"things: got the name {name!r}, which the start or a corner has; rename it")
        knobs = {knob.name: knob for knob in self.knobs}
        for number, thing in enumerate((*self.things, self.start)):
            places = {earlier.name for earlier in self.things[:number]} | set(CORNERS)
            for place in (*thing.apart, *([thing.near] if thing.near else [])):
                if place not in places:
                    raise unknown_name(f"place for {thing.name}", place, places)
            if isinstance(thing.within, str) and thing.within not in knobs:
                raise unknown_name("knob", thing.within, knobs)
            least = knobs[thing.within].low if isinstance(thing.within, str) else thing.within
            if least is not None and thing.near is not None:
                self._check_room(thing, thing.near, int(least))

    def _check_room(self, thing: Thing, near: str, least: int) -> None:
        """Raise unless a cell within `least` of `near` is left for the thing, whatever lies where."""
        earlier = {other.name: other for other in self.things}
        taken = set(thing.apart)
        if least == 0:  # the one cell is taken by what may lie there too
            kept_apart = {place for place in taken if place in earlier and near in earlier[place].apart}
            taken &= {near, *earlier} - kept_apart - set(earlier[near].apart if near in earlier else ())
        if (least + 1) ** 2 <= len(taken):
            raise TrueAimError(
                f"{thing.name}: got a place within {least} cells of {near} but never on "
                f"{', '.join(sorted(taken))}, needs a cell that may be taken; choose another place for it"
            )

    @property
    def height(self) -> int:
        """Rows of the map."""
        return self.layout.height

    @property
    def width(self) -> int:
        """Columns of the map."""
        return self.layout.width

    @property
    def actions(self) -> tuple[str, ...]:
        """The four moves."""
        return MOVES

    @property
    def observation(self) -> Cells:
        """A map of bytes whose bits are wall, agent and the things."""
        things = (Channel(thing.name, thing_bit(i), thing.copies) for i, thing in enumerate(self.things))
        return Cells(self.height, self.width, (Channel("wall", WALL), Channel("agent", AGENT), *things), "agent")

    def reached(self, target: str) -> Reached:
        """The event that the agent stands on a thing or on a corner."""
        names = [thing.name for thing in self.things]
        if target in names:
            return Reached(thing=names.index(target))
        if target in CORNERS:
            return Reached(cell=corner_cell(target, self.height, self.width))
        raise unknown_name("place", target, [*names, *CORNERS])

    def draw(self, key: Key[Array, ""], knobs: Mapping[str, Float[Array, ""]]) -> Levels:
        """One level: walls, then each thing in turn, then the start; chosen cells and landmarks are carved free."""
        key_walls, key_places = jax.random.split(key)
        walls = self.layout.draw(key_walls, knobs.get("density", 0.0))
        carved = [corner_cell(name, self.height, self.width) for name in self.landmarks]
        if carved:
            walls = walls.at[jnp.array(carved)].set(False)
        seeds = jax.random.bits(key_places, (len(self.things) + 1,), jnp.uint32)
        places: dict[str, Int[Array, ""]] = {}
        for number, thing in enumerate((*self.things, self.start)):
            cell = choose(seeds[number], walls, self._allowed(thing, places, knobs))
            walls = walls.at[cell].set(False)
            places[thing.name] = cell
        start = places.pop(self.start.name)
        return self.assemble(walls, jnp.array(list(places.values()), jnp.int32), start)

    def assemble(self, walls: Array, things: Int[Array, " thing"], start: Int[Array, ""]) -> Levels:
        """The table row for these walls, things and start."""
        cells = walls.astype(jnp.uint8) * jnp.uint8(WALL)
        for number in range(len(self.things)):
            cells = cells.at[things[number]].add(jnp.uint8(thing_bit(number)))
        return Levels(cells, things, jnp.asarray(start, jnp.int32))

    def _allowed(self, thing: Thing, places: Mapping[str, Array], knobs: Mapping[str, Array]) -> Array:
        allowed = jnp.ones(self.height * self.width, bool)
        if thing.near is not None and thing.within is not None:
            limit = knobs[thing.within] if isinstance(thing.within, str) else thing.within
            allowed = within_reach(self.height, self.width, self._cell(thing.near, places), limit)
        for place in thing.apart:
            allowed = allowed.at[self._cell(place, places)].set(False)
        return allowed

    def _cell(self, place: str, places: Mapping[str, Array]) -> Int[Array, ""] | int:
        return places[place] if place in places else corner_cell(place, self.height, self.width)

    def fingerprint(self, level: Levels) -> UInt32[Array, ""]:
        """A number for the walls (and for what lies on them, where every level has the same walls)."""
        cells = level.cells if not self.layout.varied else level.cells & WALL
        odd = np.random.default_rng(20220520).integers(0, 2**31, self.height * self.width + 1, np.uint32) * 2 + 1
        word = jnp.sum(cells.astype(jnp.uint32) * odd[:-1], dtype=jnp.uint32)
        if not self.layout.varied:
            word += (level.start.astype(jnp.uint32) + 1) * odd[-1]
        word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
        return word ^ (word >> 13)

    def reset(self, levels: Levels, index: Int[Array, ""]) -> State:
        """The agent at the start of level number `index`."""
        return State(jnp.asarray(index, jnp.int32), levels.start[index])

    def move(self, levels: Levels, state: State, action: Int[Array, ""]) -> State:
        """The state after one move; against a wall or the edge the agent stays."""
        row, column = state.position // self.width, state.position % self.width
        row = jnp.clip(row + (action == 2) - (action == 0), 0, self.height - 1)
        column = jnp.clip(column + (action == 1) - (action == 3), 0, self.width - 1)
        target = row * self.width + column
        blocked = (levels.cells[state.level, target] & WALL) != 0
        return State(state.level, jnp.where(blocked, state.position, target))

    def transition(self, levels: Levels, before: State, action: Int[Array, ""], after: State) -> Transition:
        """The record that events look at."""
        return Transition(levels, before, action, after)

    def observe(self, levels: Levels, state: State) -> UInt8[Array, "h w"]:
        """The level's row of the table with the agent on it."""
        cells = levels.cells[state.level].at[state.position].add(jnp.uint8(AGENT))
        return cells.reshape(self.height, self.width)

    def planes(self, levels: Levels) -> tuple[Bool[Array, "level cell"], ...]:
        """The table of levels as booleans, one plane for each channel but the agent's: walls, then each thing."""
        bits = [channel.bit for channel in self.observation.channels if channel.bit != AGENT]
        return tuple((levels.cells & bit) != 0 for bit in bits)

    def observe_planes(
        self, planes: tuple[Bool[Array, "level cell"], ...], state: State
    ) -> tuple[Bool[Array, " cell"], ...]:
        """The same observation as `observe` gives, as one boolean plane for each channel: wall, agent, things.

        Planes stay apart: three rows that are copied are a sixth faster than one row of three planes.
        """
        walls, *things = (plane[state.level] for plane in planes)
        agent = jnp.zeros(self.height * self.width, bool).at[state.position].set(True)
        return (walls, agent, *things)

    def picture(self, levels: Levels, state: State, scale: int | None = None) -> UInt8[Array, "row column rgb"]:
        """What a person would see: 64x64 pixels, or `scale` pixels for each cell."""
        sprites = tuple(thing.sprite or thing.name for thing in self.things)
        return picture(self.observe(levels, state).ravel(), self.height, self.width, sprites, scale=scale)

    def to_text(self, level: Levels) -> str:
        """One level as a map in letters; `from_text` gives it back."""
        return show(level, self.height, self.width, [thing.name for thing in self.things])

    def from_text(self, text: str) -> Levels:
        """A table of one level from a map in letters; raises for other sizes and for what cannot be read."""
        found = parse(text, [thing.name for thing in self.things])
        if (found.height, found.width) != (self.height, self.width):
            raise TrueAimError(
                f"map: got {found.height}x{found.width} cells, needs {self.height}x{self.width}; build that size"
            )
        return jax.tree.map(lambda field: jnp.asarray(field)[None], found.level)
