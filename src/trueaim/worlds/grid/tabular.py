"""Grid levels as tabular decision problems: the model, the features and the cues that goal inference asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from trueaim.core.model import Cues, Features, Model
from trueaim.worlds.grid.induction import blocked, tables
from trueaim.worlds.grid.level import COLUMN_STEPS, ROW_STEPS, WALL, Levels
from trueaim.worlds.grid.placement import CORNERS, corner_cell
from trueaim.worlds.grid.planner import GridPlanner, limits_of, problem_of, where_of

PLANNING_DISCOUNT = 0.97
"""The discount of plans that are inferred, per step. A wasted step then costs a few hundredths of what a goal is worth,
so that one inverse temperature fits near and far; under a scenario's own, often .999, noise would drown it. Source:
chosen so that the inverse temperatures 10 to 300 range from barely to almost always optimal."""
DEAD_END = 3
"""A cell with so many blocked moves of four is a dead end."""
BINS = 3
"""Cues divide each side of a map into this many parts."""


@dataclass(frozen=True, eq=False)
class GridTabular:
    """Implements `trueaim.core.capabilities.Tabular` for grids in which only the agent moves.

    Attributes:
        planner: of the scenario.
        things: by kind, where its things are in a table of levels: `GridWorld.slots`.
    """

    planner: GridPlanner
    things: Mapping[str, slice]

    def model(self, levels: Levels) -> Model:
        """See `model`."""
        return model(self.planner, levels)

    def features(self, levels: Levels) -> Features:
        """See `features`."""
        return features(self.planner, levels, self.things)

    def cues(self, levels: Levels) -> Cues:
        """See `cues`."""
        return cues(self.planner, levels)


def model(planner: GridPlanner, levels: Levels, discount: float = PLANNING_DISCOUNT) -> Model:
    """The cells of each level as states; a goal's plan takes no notice of the goal that is set against it.

    A plan ends where its goal, if it pays once, is had, and where the episode ends for reasons that concern the goal.
    An agent who learned a rival goal never learned to keep clear of the intended one, so its plan does not either (see
    `GridPlanner.optimal_actions`).
    """
    found: Model = _model(planner, levels)
    return found._replace(discount=discount)


@partial(jax.jit, static_argnums=0)
def _model(planner: GridPlanner, levels: Levels) -> Model:
    problem = problem_of(planner, levels, planner.goals, alone=True)
    pays, stops = (jnp.moveaxis(tables(each), 0, 1) for each in (problem.pays, problem.stops))
    ends = jnp.zeros((levels.start.shape[0], planner.height * planner.width), bool)
    for event in planner.ends:
        ends = ends | tables(where_of(planner, levels, event))
    return Model(
        moves=_moves(planner, levels),
        pays=pays,
        stops=stops,
        ends=ends,
        start=levels.start,
        steps=limits_of(planner, levels),
        discount=1.0,
    )


def _moves(planner: GridPlanner, levels: Levels) -> Int[Array, "level state action"]:
    here = jnp.arange(planner.height * planner.width)
    stuck = _stuck(planner, levels)
    steps = jnp.array([row * planner.width + column for row, column in zip(ROW_STEPS, COLUMN_STEPS, strict=True)])
    return jnp.where(stuck, here[:, None], here[:, None] + steps)


def _stuck(planner: GridPlanner, levels: Levels) -> Bool[Array, "level state action"]:
    return jnp.stack([tables(each) for each in blocked(levels, planner.height, planner.width)], -1)


def features(planner: GridPlanner, levels: Levels, things: Mapping[str, slice]) -> Features:
    """Which cells hold each kind of thing, are corners, the center, beside a wall, or dead ends; then what goals pay.

    Two that are on in the same cells of every level count once, under the first of these names; a goal is added under
    its own name only where it pays elsewhere than all of them.

    Args:
        planner: of the scenario.
        levels: a table of levels.
        things: by kind, where its things are in the table: `GridWorld.slots`.
    """
    found: dict[str, Bool[Array, "level state"]] = {
        kind.replace("_", " "): _cells_of(levels, slots) for kind, slots in things.items()
    }
    free = (levels.cells & WALL) == 0
    cells = jnp.arange(planner.height * planner.width)
    for name in CORNERS:
        found[f"{name.replace('_', ' ')} corner"] = free & (cells == corner_cell(name, planner.height, planner.width))
    found["center"] = free & (cells == planner.height // 2 * planner.width + planner.width // 2)
    num_stuck = _stuck(planner, levels).sum(-1)
    found["walls"] = free & (num_stuck > 0)
    found["dead ends"] = free & (num_stuck >= DEAD_END)
    paid = _model(planner, levels).pays > 0
    return _distinct(found, {goal.name: paid[:, number] for number, goal in enumerate(planner.goals)})


def _cells_of(levels: Levels, slots: slice) -> Bool[Array, "level state"]:
    cells = levels.things[:, slots]
    if levels.looks is not None:
        cells = jnp.where(levels.looks[:, slots] != 0, cells, -1)
    return jnp.any(cells[..., None] == jnp.arange(levels.cells.shape[-1]), 1)


def _distinct(places: Mapping[str, Array], goals: Mapping[str, Array]) -> Features:
    names: list[str] = []
    kept: list[np.ndarray] = []

    def number(name: str, on: Array) -> int:
        table = np.asarray(on)
        for known, other in enumerate(kept):
            if np.array_equal(table, other):
                return known
        names.append(f"{name} (goal)" if name in names else name)
        kept.append(table)
        return len(kept) - 1

    for name, on in places.items():
        number(name, on)
    of_goals = tuple(number(name.replace("_", " "), on) for name, on in goals.items())
    return Features(tuple(names), jnp.asarray(np.stack(kept, -1)), of_goals)


def cues(planner: GridPlanner, levels: Levels) -> Cues:
    """What lies in the 3x3 patch around each cell (what levels hold at the start), and in which ninth of the map it is.

    Patches are numbered in the order of their content, which is why they mean the same on every level of one table, but
    not in another table.
    """
    height, width = planner.height, planner.width
    cells = np.asarray(levels.cells).reshape(-1, height, width)
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1)), constant_values=WALL)
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2)).reshape(-1, 9)
    _, codes = np.unique(np.ascontiguousarray(patches).view("V9"), return_inverse=True)
    rows, columns = np.indices((height, width))
    ninth = (rows * BINS // height * BINS + columns * BINS // width).ravel()
    parts = [codes.reshape(len(cells), -1), np.broadcast_to(ninth, (len(cells), ninth.size))]
    return Cues(("patch", "position"), np.stack(parts, -1).astype(np.int64))
