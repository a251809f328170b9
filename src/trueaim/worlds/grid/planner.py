"""The exact planner of worlds in which only the agent moves: optimal and random returns, and which levels part goals.

Such a level is a Markov decision process on cells. A goal is worth something on entering certain cells, once or each
time, and maybe something for every step; an episode ends on certain cells or when its time is up. Returns are
discounted from the first step on (what comes at step t counts discount^(t - 1)), within the time limit (a level's own,
where it has one), and as played: a cell that ends the episode ends it for every goal.

The optimum is that of an agent who sees the whole level. Where a scenario hides something (two things look the same,
sight ends after a few cells), regret holds that against the agent too; so let goals score what is shown rather than
what is meant, as `three_goals` does, and the optimum knows no more than the agent.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.goal import Goal
from trueaim.core.levels import CERTAIN_LOSS, LevelClass, nothing_gained
from trueaim.worlds.grid.events import AnyOf, Ending, Happened, Spot, Sum
from trueaim.worlds.grid.induction import (
    Problem,
    after,
    best_of,
    blocked,
    iterated,
    maps,
    mean_of,
    tables,
    ties,
    worth,
)
from trueaim.worlds.grid.level import Levels

ROUNDING = 1e-5
IMPATIENCE = 1 - 1e-4
"""The largest discount by which plans are made: of equal returns the sooner one, or a plan might never end."""


class Pairs(NamedTuple):
    """What optimal plans for one goal bring another.

    Attributes:
        classes: the `LevelClass` of the pair (judged, pursued); `NON` where both are the same goal.
        best, worst: the highest and the lowest return of the judged goal along plans for the pursued one, which are
            made as if the judged goal ended no episode; where both are the same, what is optimal.
    """

    classes: Int[Array, "level ..."]
    best: Float[Array, "level ..."]
    worst: Float[Array, "level ..."]


@dataclass(frozen=True, eq=False)
class GridPlanner:
    """Implements `trueaim.core.capabilities.Planner` for goals that pay, or charge, on entering cells."""

    height: int
    width: int
    goals: tuple[Goal, ...]
    ends: tuple[Spot, ...]
    horizon: int
    discount: float

    def optimal(self, levels: Levels) -> Float[Array, "level goal"]:
        """The highest return of each goal, by backward induction over the time limit."""
        return _optimal(self, levels)

    def uniform(self, levels: Levels) -> Float[Array, "level goal"]:
        """The expected return of uniformly random moves, by backward induction over the time limit."""
        return _uniform(self, levels)

    def classes(self, levels: Levels, rival: int) -> Int[Array, " level"]:
        """Classes of the pair (intended, rival), the rival's plan made as if the intended goal ended no episode.

        The rival's plan is stationary: at every place what is best for it with as many steps ahead as there are cells,
        whichever of equally good moves, until it is had. With V the optimal intended return and B, W the best and worst
        intended returns along such plans: non-distinguishing if V - W = 0, necessarily distinguishing if V - B >
        `CERTAIN_LOSS` * worth, else possibly distinguishing. The worth is V, or for a goal that also charges V less
        what counts as nothing gained. That a rival's plan stops at the rival keeps apart what a plan *is* from what an
        agent does with the time left over. Unsolvable: nothing that the intended goal pays can be had. Source: arXiv
        2507.03068, definitions 3 and 4; the class "necessarily" is ours.
        """
        return _compared(self, levels, ((rival, 0),)).classes[:, 0]

    def pairs(self, levels: Levels) -> Pairs:
        """What plans for each goal bring every other, [level, pursued, judged].

        As in `classes`, with the judged goal in place of the intended one and the pursued one in place of the rival.
        """
        numbers = range(len(self.goals))
        apart = tuple((pursued, judged) for pursued in numbers for judged in numbers if pursued != judged)
        found = _compared(self, levels, apart)
        optimal = _optimal(self, levels)
        own = jnp.broadcast_to(optimal[:, None], (optimal.shape[0], len(numbers), len(numbers)))
        rows, columns = np.array(apart).T
        classes = jnp.full(own.shape, int(LevelClass.NON)).at[:, rows, columns].set(found.classes)
        return Pairs(classes, *(own.at[:, rows, columns].set(each) for each in (found.best, found.worst)))

    def optimal_actions(self, levels: Levels, goal: int, alone: bool = False) -> Bool[Array, "level place action"]:
        """The moves that begin an optimal plan with the whole time limit ahead, all of them where several are as good.

        None where no move is worth anything. As played, plans keep clear of what ends the episode too early. `alone`,
        they take no notice of the goal that is set against it, the intended one (or for that, its first rival): where
        only that is scored, the episode goes on for them.
        """
        return _actions(self, levels, goal, alone)

    def towards(self, levels: Levels, place: int) -> Bool[Array, "level place action"]:
        """The moves that begin a shortest path to one cell, whether or not any goal lies there."""
        return _towards(self, levels, place)

    def route(self, level: Levels, goal: int) -> list[int] | None:
        """The cells of one optimal plan from the start until the goal is paid, or None where it never is in time."""
        table = jax.tree.map(lambda field: jnp.asarray(field)[None], level)
        best = np.asarray(_actions(self, table, goal, False)[0])
        problem = problem_of(self, table, (self.goals[goal],))
        stuck = np.stack([np.asarray(each).ravel() for each in problem.blocked], -1)
        steps = np.array([-self.width, 1, self.width, -1])
        paid = np.asarray(_payments(self, table, self.goals[goal], charges=False) > 0).ravel()
        stops = np.asarray(problem.stops).ravel()
        cell, path = int(level.start), [int(level.start)]
        for _ in range(int(limits_of(self, table)[0])):
            action = int(np.argmax(best[cell]))
            cell = cell if stuck[cell, action] else cell + int(steps[action])
            path.append(cell)
            if paid[cell] or stops[cell] or not best[cell].any():
                break
        return path if len(path) > 1 and paid[cell] else None


def plan_for(
    goals: tuple[Goal, ...], ends: Ending | None, height: int, width: int, horizon: int, discount: float
) -> GridPlanner | None:
    """The planner for these goals, or None where one of them, or the end, is more than a matter of cells."""
    endings = ends.events if isinstance(ends, AnyOf) else (ends,) if ends is not None else ()
    spots = tuple(event for event in endings if not isinstance(event, Happened))
    if len(spots) < len(endings) or not all(_is_of_cells(goal.score) for goal in goals):
        return None
    return GridPlanner(height, width, goals, spots, horizon, discount)


def _is_of_cells(event: object) -> bool:
    if isinstance(event, Sum):
        return all(_is_of_cells(part) for part, _ in event.parts)
    return isinstance(event, (*get_args(Spot), AnyOf))


def limits_of(planner: GridPlanner, levels: Levels) -> Int[Array, " level"]:
    """The time limit of each level, in steps."""
    return jnp.full(levels.start.shape, planner.horizon) if levels.limit is None else levels.limit


def where_of(planner: GridPlanner, levels: Levels, event: Spot | AnyOf) -> Bool[Array, "h w level"]:
    """On which cells an event happens."""
    rows = jax.vmap(partial(event.on, levels))(jnp.arange(levels.start.shape[0]))
    return maps(rows, planner.height, planner.width)


def _payments(planner: GridPlanner, levels: Levels, goal: Goal, charges: bool = True) -> Float[Array, "h w level"]:
    """What a goal pays on each cell beside what it pays for every step; if not `charges`, that above 0 alone."""
    parts = goal.score.parts if isinstance(goal.score, Sum) else ((goal.score, 1.0),)
    total = jnp.zeros((planner.height, planner.width, levels.start.shape[0]), jnp.float32)
    for event, weight in parts:
        if charges or weight > 0:
            total = total + weight * where_of(planner, levels, event)  # type: ignore[arg-type]
    return total


def _each_step(goal: Goal) -> float:
    return goal.score.each_step if isinstance(goal.score, Sum) else 0.0


def problem_of(
    planner: GridPlanner,
    levels: Levels,
    goals: tuple[Goal, ...],
    alone: bool = False,
    charges: bool = True,
    against: tuple[Goal, ...] = (),
) -> Problem:
    """The decision problem of some goals, as first axis: as played, or each alone as in `optimal_actions`.

    Alone, each takes no notice of the goal of the same number in `against`, where that is given.
    """
    ended = jnp.zeros((planner.height, planner.width, levels.start.shape[0]), bool)
    for event in planner.ends:
        ended = ended | where_of(planner, levels, event)
    pays, stops = [], []
    for number, goal in enumerate(goals):
        scored = _payments(planner, levels, goal)
        each_step = _each_step(goal) if charges else max(_each_step(goal), 0.0)
        pays.append(each_step + (scored if charges else _payments(planner, levels, goal, False)))
        is_own = scored != 0
        if alone:
            usual = planner.goals[0] if goal is not planner.goals[0] else planner.goals[1]
            other = against[number] if against else usual
            heeded = ended & (is_own | (_payments(planner, levels, other) == 0))
        else:
            heeded = ended
        stops.append(heeded | (goal.once & is_own))
    return Problem(blocked(levels, planner.height, planner.width), jnp.stack(pays), jnp.stack(stops))


def _at_start(values: Float[Array, "goal h w level"], levels: Levels) -> Float[Array, "level goal"]:
    flat = values.reshape(values.shape[0], -1, values.shape[-1])
    return flat[:, levels.start, jnp.arange(values.shape[-1])].T


@jax.jit(static_argnums=0)
def _optimal(planner: GridPlanner, levels: Levels) -> Float[Array, "level goal"]:
    problem = problem_of(planner, levels, planner.goals)
    return _at_start(worth(problem, limits_of(planner, levels), planner.discount), levels)


@jax.jit(static_argnums=0)
def _uniform(planner: GridPlanner, levels: Levels) -> Float[Array, "level goal"]:
    problem = problem_of(planner, levels, planner.goals)
    return _at_start(worth(problem, limits_of(planner, levels), planner.discount, mean_of), levels)


@jax.jit(static_argnums=(0, 2, 3))
def _actions(planner: GridPlanner, levels: Levels, goal: int, alone: bool) -> Bool[Array, "level cell action"]:
    return _best(planner, levels, problem_of(planner, levels, (planner.goals[goal],), alone))


@jax.jit(static_argnums=0)
def _towards(planner: GridPlanner, levels: Levels, place: Int[Array, ""]) -> Bool[Array, "level cell action"]:
    cell = jnp.arange(planner.height * planner.width).reshape(1, planner.height, planner.width, 1) == place
    cell = jnp.broadcast_to(cell, (*cell.shape[:-1], levels.start.shape[0]))
    return _best(planner, levels, Problem(blocked(levels, planner.height, planner.width), cell * 1.0, cell))


def _best(planner: GridPlanner, levels: Levels, problem: Problem) -> Bool[Array, "level cell action"]:
    discount = min(planner.discount, IMPATIENCE)
    ahead = after(problem, worth(problem, limits_of(planner, levels) - 1, discount), discount)
    counts = jnp.any(jnp.stack(ahead) != 0, 0)
    return jnp.stack([tables(each[0] & counts[0]) for each in ties(ahead)], -1)


@jax.jit(static_argnums=(0, 2))
def _compared(planner: GridPlanner, levels: Levels, pairs: tuple[tuple[int, int], ...]) -> Pairs:
    """What plans for the first goal of each pair bring the second; the last axis is that of pairs."""
    others, wanted = (tuple(planner.goals[number] for number in numbers) for numbers in zip(*pairs, strict=True))
    limit = limits_of(planner, levels)
    played = problem_of(planner, levels, wanted)
    optimum = _at_start(worth(played, limit, planner.discount), levels)
    chance = jnp.zeros_like(optimum)
    charges = np.array([goal.charges for goal in wanted])
    if charges.any():
        chance = jnp.where(charges[None], _at_start(worth(played, limit, planner.discount, mean_of), levels), 0.0)
    floor = nothing_gained(optimum, chance)
    far = jnp.full(levels.start.shape, planner.height * planner.width)
    best, worst = _along_plans(planner, levels, wanted, others, far)
    is_open = _can_be_had(planner, levels, others, wanted, far)  # else every policy is as good as any for the rival
    best, worst = jnp.where(is_open, best, optimum), jnp.where(is_open, worst, chance)
    classes = jnp.full(optimum.shape, int(LevelClass.POSSIBLY))
    classes = jnp.where(optimum - worst <= ROUNDING, int(LevelClass.NON), classes)
    classes = jnp.where(optimum - best > CERTAIN_LOSS * (optimum - floor), int(LevelClass.NECESSARILY), classes)
    to_be_had = _can_be_had(planner, levels, wanted, (), limit)
    return Pairs(jnp.where(to_be_had, classes, int(LevelClass.UNSOLVABLE)), best, worst)


def _can_be_had(
    planner: GridPlanner,
    levels: Levels,
    goals: tuple[Goal, ...],
    against: tuple[Goal, ...],
    steps: Int[Array, " level"],
) -> Bool[Array, "level goal"]:
    """Whether anything that each goal pays can be had, its charges aside; alone, if there is one `against` it."""
    problem = problem_of(planner, levels, goals, bool(against), False, against)
    return _at_start(worth(problem, steps, min(planner.discount, IMPATIENCE)), levels) > 0


def _along_plans(
    planner: GridPlanner,
    levels: Levels,
    wanted: tuple[Goal, ...],
    others: tuple[Goal, ...],
    steps: Int[Array, " level"],
) -> tuple[Float[Array, "level pair"], Float[Array, "level pair"]]:
    """The highest and lowest return of each goal along plans for the other of its pair.

    A plan lasts until its goal is had or the episode ends.
    """
    discount = min(planner.discount, IMPATIENCE)
    plan = problem_of(planner, levels, others, alone=True, against=wanted)
    chosen = ties(after(plan, worth(plan, steps, discount), discount))
    played = problem_of(planner, levels, wanted)
    problem = played._replace(stops=played.stops | plan.stops)

    def among(sign: float) -> Float[Array, "level pair"]:
        def back(values: Array) -> Array:
            ahead = after(problem, values, planner.discount)
            return sign * best_of(
                tuple(jnp.where(is_best, sign * each, -jnp.inf) for is_best, each in zip(chosen, ahead, strict=True))
            )

        start = jnp.zeros(problem.pays.shape, jnp.float32)
        return _at_start(iterated(start, steps, back), levels)

    return among(1.0), among(-1.0)
