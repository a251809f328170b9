"""The exact planner of keys and chests: every order in which keys are taken and chests opened, at once.

Exact as the world is: a key is taken and, with a key in hand, a chest is opened by whoever steps on it, wanted or not;
the episode ends with the last chest that can be opened. Returns are discounted from the first step on (what comes at
step t counts discount^(t - 1)), within the time limit. The optimum is that of an agent who sees the whole level, as it
does. `collection_plans` has the equation, `collection_sets` the states: 258 sets of things gone for 3 keys and 10
chests, 7,132 for 10 and 3; each with as many places to stand on as there are things.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from trueaim.core.levels import CERTAIN_LOSS, NO_LOSS, LevelClass
from trueaim.worlds.grid.collection_in_time import solve_in_time
from trueaim.worlds.grid.collection_plans import Edges, Pay, Plans, edges, solve
from trueaim.worlds.grid.collection_sets import num_sets
from trueaim.worlds.grid.level import WALL, Levels

MOST_SETS = 2**16
"""More states than this are not looked through; returns are NaN then."""
ENTRIES = 2**24
"""Entries of the largest table that is made at once; so many levels are solved together."""


class Solved(NamedTuple):
    """What the planner finds on a table of levels. Things are numbered as in the table; -1 past a plan's last.

    Attributes:
        intended, keys, charitable: returns, as in `Plans`; NaN on levels with more than `MOST_SETS` states.
        intended_events, keys_events: the things in the order in which the two plans have them.
    """

    intended: Float[np.ndarray, " level"]
    keys: Float[np.ndarray, " level"]
    charitable: Float[np.ndarray, " level"]
    intended_events: Int[np.ndarray, "level event"]
    keys_events: Int[np.ndarray, "level event"]


@dataclass(frozen=True, eq=False)
class CollectionPlanner:
    """Implements `trueaim.core.capabilities.Yardstick` for the goals (open chests, take keys).

    Attributes:
        height, width: of the map.
        most_keys: slots for keys; those for chests follow.
        key_penalty: what the intended goal charges for each key.
        horizon: time limit, in steps.
        discount: for each step, below 1.
    """

    height: int
    width: int
    most_keys: int
    key_penalty: float
    horizon: int
    discount: float

    def optimal(self, levels: Levels) -> Float[Array, "level goal"]:
        """The highest return of each goal; NaN where there are too many orders to look through."""
        found = self.solved(levels)
        return jnp.asarray(np.stack([found.intended, found.keys], -1))

    def uniform(self, levels: Levels) -> None:
        """None: what uniformly random moves get is found by playing."""
        del levels

    def classes(self, levels: Levels, rival: int) -> Int[Array, " level"]:
        """Classes of the pair (chests, keys), by the keys plan that is best for chests.

        Many plans are best for keys: what they leave open (which of two equally short ways, and what to do when no key
        is left) is done for the sake of chests, as whoever was paid for chests would. With V the optimal intended
        return and B that of this plan: necessarily distinguishing if V - B > `CERTAIN_LOSS` * V, since then every plan
        that is best for keys loses as much; non-distinguishing if it is at most `NO_LOSS` * V, a few steps' delay;
        possibly distinguishing between. (That one could also do nothing when no key is left would make every level
        possibly distinguishing.) Source: arXiv 2507.03068, definitions 3 and 4; the
        plan's charity is ours.
        """
        del rival
        found = self.solved(levels)
        loss = found.intended - found.charitable
        classes = np.full(loss.shape, int(LevelClass.POSSIBLY))
        classes = np.where(loss <= NO_LOSS * found.intended, int(LevelClass.NON), classes)
        classes = np.where(loss > CERTAIN_LOSS * found.intended, int(LevelClass.NECESSARILY), classes)
        return jnp.asarray(np.where(found.intended <= 0, int(LevelClass.UNSOLVABLE), classes))

    def solved(self, levels: Levels) -> Solved:
        """Both plans on every level, and what they are worth. Runs outside of `jit`: levels are sorted by counts."""
        if _latest and _latest[0][0] is self and _latest[0][1] is levels.things:
            return _latest[0][2]
        found = _solved(self, levels)
        _latest[:] = [(self, levels.things, found)]
        return found


_latest: list[tuple[CollectionPlanner, Any, Solved]] = []
"""The last answer, since whoever asks for optima asks for classes of the same levels next."""


def _solved(planner: CollectionPlanner, levels: Levels) -> Solved:
    assert levels.looks is not None
    there = np.asarray(levels.looks) != 0
    num, slots = there.shape
    unknown = np.full(num, np.nan)
    found = Solved(unknown, unknown.copy(), unknown.copy(), np.full((num, slots), -1), np.full((num, slots), -1))
    keys, chests = there[:, : planner.most_keys].sum(-1), there[:, planner.most_keys :].sum(-1)
    for size in sorted(set(zip(keys.tolist(), chests.tolist(), strict=True))):
        rows = np.flatnonzero((keys == size[0]) & (chests == size[1]))
        if 0 < num_sets(*size) <= MOST_SETS:
            _solve_rows(planner, levels, size, rows, there, found)
    return found


def _solve_rows(
    planner: CollectionPlanner,
    levels: Levels,
    size: tuple[int, int],
    rows: Int[np.ndarray, " row"],
    there: np.ndarray,
    found: Solved,
) -> None:
    """Fills in the answers for levels with as many keys and chests."""
    slots = np.argsort(~there[rows], axis=-1, kind="stable")[:, : sum(size)]
    things = np.take_along_axis(np.asarray(levels.things)[rows], slots, -1)
    walls = (np.asarray(levels.cells)[rows] & WALL).astype(bool).reshape(-1, planner.height, planner.width)
    limits = np.full(len(rows), planner.horizon) if levels.limit is None else np.asarray(levels.limit)[rows]
    given = jax.jit(edges)(jnp.asarray(walls), jnp.asarray(things), jnp.asarray(np.asarray(levels.start)[rows]))
    plans = _in_batches(planner, size, given, limits.astype(np.int32))
    for name in ("intended", "keys", "charitable"):
        getattr(found, name)[rows] = getattr(plans, name)
    for name in ("intended_events", "keys_events"):
        events = np.asarray(getattr(plans, name)).T
        named = np.where(events < 0, -1, np.take_along_axis(slots, np.maximum(events, 0), -1))
        getattr(found, name)[rows, : events.shape[1]] = named


def _in_batches(
    planner: CollectionPlanner, size: tuple[int, int], given: Edges, limits: Int[np.ndarray, " level"]
) -> Plans:
    """The plans of all levels; of those whose plans would outlast the time limit again, with heed to it."""
    pay, num = Pay(1.0, -planner.key_penalty), len(limits)
    batch = max(1, min(16, ENTRIES // (num_sets(*size) * sum(size) ** 2)))
    parts = []
    for first in range(0, num, batch):
        rows = np.minimum(np.arange(first, first + batch), num - 1)
        some = solve(size, _only(given, rows), pay, planner.discount)
        parts.append([np.asarray(table)[..., : num - first] for table in some])
    plans = Plans._make(np.concatenate(tables, -1) for tables in zip(*parts, strict=True))
    for row in np.flatnonzero(np.maximum(plans.intended_steps, plans.keys_steps) > limits).tolist():
        again = solve_in_time(size, _only(given, np.array([row])), pay, planner.discount, int(limits[row]))
        for table, value in zip(plans, again, strict=True):
            table[..., row] = value
    return plans


def _only(given: Edges, rows: Int[np.ndarray, " row"]) -> Edges:
    return jax.tree.map(lambda table: table[..., rows], given)
