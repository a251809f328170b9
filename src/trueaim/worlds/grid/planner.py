"""The exact planner of grid worlds: optimal and random returns, and which levels force goals apart.

A goal it understands is reached on a set of cells and pays once, or ends the episode. Returns are discounted from the
first step on (a goal reached at step t pays discount^(t - 1)), within the horizon, and as played: a cell that ends the
episode ends it for every goal.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.goal import Goal
from trueaim.core.levels import LevelClass
from trueaim.worlds.grid.distances import UNREACHABLE, distances
from trueaim.worlds.grid.events import AnyOf, Reached
from trueaim.worlds.grid.level import COLUMN_STEPS, ROW_STEPS, WALL, Levels

CERTAIN_LOSS = 0.1
"""A level necessarily distinguishes a pair of goals when every rival-optimal plan loses more than this share."""
ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class GridPlanner:
    """Implements `trueaim.core.scenario.Planner` for goals that are reached on cells."""

    height: int
    width: int
    goals: tuple[Reached, ...]
    ends: tuple[Reached, ...]
    horizon: int
    discount: float

    def optimal(self, levels: Levels) -> Float[Array, "level goal"]:
        """The highest return of each goal: discount^(d - 1) for its shortest path of d steps."""
        return _optimal(self, levels)

    def uniform(self, levels: Levels) -> Float[Array, "level goal"]:
        """The expected return of uniformly random moves, by backward induction over the horizon."""
        return _uniform(self, levels)

    def classes(self, levels: Levels, rival: int) -> Int[Array, " level"]:
        """Classes of the pair (intended, rival), each goal's plan made as if the episode ended with that goal alone.

        With V the optimal intended return and B, W the best and worst intended returns along shortest paths to the
        rival: non-distinguishing if V - W = 0, necessarily distinguishing if V - B > `CERTAIN_LOSS` * V, else
        possibly distinguishing. That a rival's plan stops at the rival keeps apart what a plan *is* from what an agent
        does with the time left over. Source: arXiv 2507.03068, definitions 3 and 4; the class "necessarily" is ours.
        """
        return _classes(self, levels, rival)

    def optimal_actions(self, levels: Levels, goal: int, alone: bool = False) -> Bool[Array, "level place action"]:
        """The moves that begin a shortest path to the goal; none where it cannot be reached.

        As played, such a path keeps clear of what ends the episode too early; `alone`, it heeds nothing but the goal.
        """
        return _optimal_actions(self, levels, self.goals[goal], alone)

    def towards(self, levels: Levels, place: int) -> Bool[Array, "level place action"]:
        """The moves that begin a shortest path to one cell, whether or not any goal lies there."""
        return _optimal_actions(self, levels, Reached(cell=place), True)

    def route(self, level: Levels, goal: int) -> list[int] | None:
        """The cells of one shortest path, from the start to the goal."""
        table = jax.tree.map(lambda field: jnp.asarray(field)[None], level)
        best = np.asarray(_optimal_actions(self, table, self.goals[goal], False)[0])
        targets = np.asarray(_target(self, table, self.goals[goal])[0]).ravel()
        cell, path = int(level.start), [int(level.start)]
        if not best[cell].any():
            return None
        while not targets[cell] or len(path) == 1:
            action = int(np.argmax(best[cell]))
            cell = (
                int(_neighbors(self.height, self.width)[cell, action])
                if not _stays(self, level, cell, action)
                else cell
            )
            path.append(cell)
        return path


def plan_for(
    goals: tuple[Goal, ...], ends: Reached | AnyOf | None, height: int, width: int, horizon: int, discount: float
) -> GridPlanner | None:
    """The planner for these goals, or None where one of them is more than a set of cells to be reached once."""
    endings = ends.events if isinstance(ends, AnyOf) else (ends,) if ends is not None else ()
    targets = tuple(goal.score for goal in goals if isinstance(goal.score, Reached))
    simple = all(goal.once or goal.score in endings for goal in goals)
    if len(targets) < len(goals) or not simple:
        return None
    return GridPlanner(height, width, targets, endings, horizon, discount)


def _neighbors(height: int, width: int) -> np.ndarray:
    """The cell that each move from each cell leads to when nothing blocks it; the cell itself at the edge."""
    rows, columns = np.divmod(np.arange(height * width), width)
    rows = np.clip(rows[:, None] + np.array(ROW_STEPS), 0, height - 1)
    columns = np.clip(columns[:, None] + np.array(COLUMN_STEPS), 0, width - 1)
    return rows * width + columns


def _stays(planner: GridPlanner, level: Levels, cell: int, action: int) -> bool:
    return bool(level.cells[_neighbors(planner.height, planner.width)[cell, action]] & WALL)


def _walls(planner: GridPlanner, levels: Levels) -> Bool[Array, "level h w"]:
    return (levels.cells & WALL).astype(bool).reshape(-1, planner.height, planner.width)


def _target(planner: GridPlanner, levels: Levels, event: Reached) -> Bool[Array, "level h w"]:
    num = levels.start.shape[0]
    cell = jax.vmap(lambda index: jnp.asarray(event.target(levels, index)))(jnp.arange(num))
    return (jnp.arange(planner.height * planner.width) == cell[:, None]).reshape(num, planner.height, planner.width)


def _ends(planner: GridPlanner, levels: Levels) -> Bool[Array, "level h w"]:
    ended = jnp.zeros((levels.start.shape[0], planner.height, planner.width), bool)
    for event in planner.ends:
        ended = ended | _target(planner, levels, event)
    return ended


def _step(walls: Bool[Array, "level h w"], values: Array) -> Array:
    """The value of the cell that each move from each cell leads to, with the action as last axis."""
    moved = []
    for row, column in zip(ROW_STEPS, COLUMN_STEPS, strict=True):
        shifted = jnp.roll(values, (-row, -column), (1, 2))
        blocked = jnp.roll(walls, (-row, -column), (1, 2)) | _edge(values.shape[1], values.shape[2], row, column)
        moved.append(jnp.where(blocked, values, shifted))
    return jnp.stack(moved, -1)


def _edge(height: int, width: int, row: int, column: int) -> np.ndarray:
    rows, columns = np.indices((height, width))
    rows, columns = rows + row, columns + column
    return (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)


def _steps_to(
    planner: GridPlanner, levels: Levels, event: Reached, alone: bool = False
) -> Int[Array, "level h w action"]:
    """Steps until the event when each move is made first and a shortest path follows; beyond the horizon if never."""
    walls, targets = _walls(planner, levels), _target(planner, levels, event)
    avoid = jnp.zeros_like(targets) if alone else _ends(planner, levels) & ~targets
    ahead = distances(walls | avoid, targets).astype(jnp.int32)
    return _step(walls, jnp.where(ahead == UNREACHABLE, planner.horizon, ahead)) + 1


def _at(table: Array, cells: Int[Array, " level"]) -> Array:
    """The entry of every level's table at one cell of it."""
    flat = table.reshape(table.shape[0], -1, *table.shape[3:])
    return flat[jnp.arange(flat.shape[0]), cells]


@jax.jit(static_argnums=0)
def _optimal(planner: GridPlanner, levels: Levels) -> Float[Array, "level goal"]:
    returns = []
    for event in planner.goals:
        steps = _at(_steps_to(planner, levels, event), levels.start).min(-1)
        returns.append(jnp.where(steps <= planner.horizon, planner.discount ** (steps - 1.0), 0.0))
    return jnp.stack(returns, -1)


@jax.jit(static_argnums=(0, 2, 3))
def _optimal_actions(
    planner: GridPlanner, levels: Levels, event: Reached, alone: bool
) -> Bool[Array, "level cell action"]:
    steps = _steps_to(planner, levels, event, alone)
    best = (steps == steps.min(-1, keepdims=True)) & (steps <= planner.horizon)
    return best.reshape(best.shape[0], -1, best.shape[-1])


@jax.jit(static_argnums=0)
def _uniform(planner: GridPlanner, levels: Levels) -> Float[Array, "level goal"]:
    walls, ended = _walls(planner, levels), _ends(planner, levels)

    def of(event: Reached) -> Float[Array, " level"]:
        targets = _target(planner, levels, event)

        def back(values: Array, _: None) -> tuple[Array, None]:
            landing = jnp.where(targets, 1.0, jnp.where(ended, 0.0, planner.discount * values))
            return _step(walls, landing).mean(-1), None

        values, _ = jax.lax.scan(back, jnp.zeros(walls.shape), None, planner.horizon)
        return _at(values, levels.start)

    return jnp.stack([of(event) for event in planner.goals], -1)


@jax.jit(static_argnums=(0, 2))
def _classes(planner: GridPlanner, levels: Levels, rival: int) -> Int[Array, " level"]:
    walls = _walls(planner, levels)
    wanted = _target(planner, levels, planner.goals[0])
    ahead = distances(walls, _target(planner, levels, planner.goals[rival])).astype(jnp.int32)
    reachable = ahead != UNREACHABLE
    after = _step(walls, ahead)
    nearest = after == after.min(-1, keepdims=True)  # on the rival itself: stay, or out and back

    def spread(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        best, worst, left = carry
        landing = [jnp.where(wanted, 1.0, jnp.where(ahead == 0, 0.0, planner.discount * v)) for v in (best, worst)]
        best = jnp.where(nearest, _step(walls, landing[0]), -jnp.inf).max(-1)
        worst = jnp.where(nearest, _step(walls, landing[1]), jnp.inf).min(-1)
        return jnp.where(reachable, best, 0.0), jnp.where(reachable, worst, 0.0), left - 1

    longest = jnp.where(reachable, ahead, 0).max() + 1
    zeros = jnp.zeros(walls.shape)
    best, worst, _ = jax.lax.while_loop(lambda carry: carry[2] > 0, spread, (zeros, zeros, longest))
    at_start = (_at(best, levels.start), _at(worst, levels.start), _at(reachable, levels.start))
    return _class(_optimal(planner, levels)[:, 0], *at_start)


def _class(optimum: Array, best: Array, worst: Array, rival_reachable: Array) -> Int[Array, " level"]:
    best, worst = jnp.where(rival_reachable, best, optimum), jnp.where(rival_reachable, worst, 0.0)
    classes = jnp.full(optimum.shape, int(LevelClass.POSSIBLY))
    classes = jnp.where(optimum - worst <= ROUNDING, int(LevelClass.NON), classes)
    classes = jnp.where(optimum - best > CERTAIN_LOSS * optimum, int(LevelClass.NECESSARILY), classes)
    return jnp.where(optimum <= 0, int(LevelClass.UNSOLVABLE), classes)
