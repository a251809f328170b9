"""A grid scenario from its parts: the planner and the map come with it."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from trueaim.core.citation import Citation
from trueaim.core.errors import unknown_name
from trueaim.core.goal import Goal
from trueaim.core.scenario import Knob, Map, Scenario, Setting
from trueaim.worlds.grid.edits import GridEdits
from trueaim.worlds.grid.events import Ending
from trueaim.worlds.grid.layouts import LAYOUTS, Layout
from trueaim.worlds.grid.level import WALL, Levels, State, thing_bit
from trueaim.worlds.grid.placement import corner_cell
from trueaim.worlds.grid.planner import plan_for
from trueaim.worlds.grid.scene import names, scene, told
from trueaim.worlds.grid.tabular import GridTabular
from trueaim.worlds.grid.world import GridWorld

DISCOUNT = 0.999
"""Per step, as in arXiv 2507.03068: a return is nearly the rate of success, and a detour costs a little."""


def square_layout(name: str, size: int) -> Layout:
    """The layout of that name on a square map; raises with the known names, and for sizes that it cannot have."""
    if name not in LAYOUTS:
        raise unknown_name("layout", name, LAYOUTS)
    return LAYOUTS[name](size, size)


def density_knob(layout: Layout) -> tuple[Knob, ...]:
    """The knob `density`, for layouts that look at it; a knob that changes nothing is not offered."""
    meaning = "chance of each further door" if layout.name == "rooms" else "chance that a cell is a wall"
    return (Knob("density", 0.25, 0, 0.6, meaning),) if layout.takes_density else ()


TREE_STEPS = 500
"""Time limit in tree mazes, as in Langosco et al. 2022: their paths are long, and random moves must find the end now
and then, or there is nothing to learn from."""


def steps_for(layout: Layout) -> int:
    """The time limit that suits a map: 128 steps for 13x13 as in arXiv 2507.03068, in proportion to the area."""
    side = max(layout.height, layout.width)
    return TREE_STEPS if layout.name == "kruskal" else max(32, round(128 * side * side / 169))


def grid_scenario(
    *,
    name: str,
    claim: str,
    source: Citation,
    world: GridWorld,
    goals: tuple[Goal, ...],
    ends: Ending | None,
    train: Setting,
    shifts: Mapping[str, Setting],
    options: Mapping[str, str | bool | int | float],
    horizon: int | None = None,
    discount: float = DISCOUNT,
) -> Scenario:
    """A scenario on a grid, with its exact planner where its goals allow one, and its map."""
    limit = horizon or steps_for(world.layout)
    planner = None if world.rules else plan_for(goals, ends, world.height, world.width, limit, discount)
    return Scenario(
        name=name,
        claim=claim,
        source=source,
        world=world,
        goals=goals,
        ends=ends,
        train=train,
        shifts=dict(shifts),
        horizon=limit,
        discount=discount,
        options=dict(options),
        planner=planner,
        map=map_of(world),
        tabular=None if planner is None else GridTabular(planner, world.slots),
        edits=GridEdits(world, goals),
    )


def map_of(world: GridWorld) -> Map:
    """The flat map of a grid world: its cells are the places."""

    def place(state: State) -> object:
        return state.position

    def drawing(level: Levels) -> tuple[list[str], list[tuple[str, int]]]:
        walls = (np.asarray(level.cells) & WALL).reshape(world.height, world.width)
        rows = ["".join("#" if wall else "." for wall in row) for row in walls]
        return rows, [*_in_words(world, level), ("start", int(level.start))]

    marks = tuple((name, corner_cell(name, world.height, world.width)) for name in world.landmarks)
    return Map(
        world.height,
        world.width,
        place,  # type: ignore[arg-type]
        drawing,
        marks,
        scene=partial(scene, world),
        names=partial(names, world),
        told=partial(told, world),
        picture=world.picture,
    )


def _in_words(world: GridWorld, level: Levels) -> list[tuple[str, int]]:
    """What is where: things by their kind, or by what they show where that is not the same; then what floors show."""
    kinds = [kind for kind, slots in world.slots.items() for _ in range(slots.start, slots.stop)]
    places = np.asarray(level.things).tolist()
    looks = [None] * len(kinds) if level.looks is None else np.asarray(level.looks).tolist()
    marks = {mark.name: thing_bit(number) for number, mark in enumerate(world.marks)}
    found, shown = [], dict[int, int]()
    for kind, place, look in zip(kinds, places, looks, strict=True):
        if look != 0:
            words = [mark for mark, bit in marks.items() if look is not None and look & bit]
            found.append(("_".join(words) if words and kind not in marks else kind, place))
            shown[place] = shown.get(place, 0) | (look or 0)
    if world.floor is not None:
        for place, cell in enumerate(np.asarray(level.cells).tolist()):
            found += [(mark, place) for mark, bit in marks.items() if cell & bit & ~shown.get(place, 0)]
    return found
