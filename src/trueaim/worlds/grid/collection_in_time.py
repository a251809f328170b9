"""The same plans under a time limit that cuts them short: what a state is worth then depends on the steps left.

One level at a time, in NumPy: of all next events only those are looked at that can be reached in time, which no shape
that is fixed beforehand could do.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from trueaim.worlds.grid.collection_plans import TIE, Edges, Pay, Plans, steps_and_floors
from trueaim.worlds.grid.collection_sets import Collection, collection
from trueaim.worlds.grid.distances import UNREACHABLE


class Moves(NamedTuple):
    """All next events from the states of a layer, sorted by state.

    Attributes:
        row, place: the state: set and thing stood on.
        thing: the event.
        following: row of the next set; one past the last where the episode ends.
    """

    row: Int[np.ndarray, " move"]
    place: Int[np.ndarray, " move"]
    thing: Int[np.ndarray, " move"]
    following: Int[np.ndarray, " move"]


class Stage(NamedTuple):
    """A layer solved: the moves that can be made in time, and what they are worth, by the steps left.

    Attributes:
        intended: to the best plan for the intended goal.
        choice: to the intended goal, under plans that are best for keys while there are any to be had.
        keys: what states are worth to the plan for keys.
    """

    moves: Moves
    steps: Int[np.ndarray, " move"]
    intended: Float[np.ndarray, "move left"]
    choice: Float[np.ndarray, "move left"]
    keys: Float[np.ndarray, "set thing left"]


Values = tuple[
    Float[np.ndarray, "set thing left"], Float[np.ndarray, "set thing left"], Float[np.ndarray, "set thing left"]
]


@lru_cache(maxsize=8)
def _moves(keys: int, chests: int) -> tuple[Moves, ...]:
    found, things = collection(keys, chests), np.arange(keys + chests)
    tables = []
    for number, layer in enumerate(found.layers):
        stands = (layer.gone[:, None] >> things & 1) == 1 if number else things[None] == 0
        row, place, thing = np.nonzero(stands[:, :, None] & layer.allowed[:, None])
        tables.append(Moves(row, place, thing, layer.following[row, thing]))
    return tuple(tables)


def solve_in_time(size: tuple[int, int], given: Edges, pay: Pay, discount: float, limit: int) -> Plans:
    """The plans of one level (`given` has one), none of which takes more than `limit` steps. Fields have no level axis.

    As `trueaim.worlds.grid.collection_plans.solve`, by the same equation with the steps left as a part of the state.
    """
    found = collection(*size)
    tables, floors = steps_and_floors(size, given)
    steps = [np.asarray(table)[..., 0].astype(np.int64) for table in tables]
    moves = _in_time(found, _moves(*size), steps, limit)
    values: Values = (np.zeros((0, found.things, limit + 1)),) * 3
    stages: list[Stage] = []
    for number in reversed(range(len(moves))):
        floor = np.asarray(floors[number])[..., 0] if pay.key < 0 else np.zeros(steps[number].shape[:2])
        stage, values = _solved(found, moves[number], steps[number], values, pay, discount, floor)
        stages.insert(0, stage)
    worth = [float(table[0, 0, limit]) / discount for table in values]
    followed = [_followed(stages, limit, for_keys) for for_keys in (False, True)]
    return Plans._make((*worth, *followed[0], *followed[1]))


def _in_time(
    found: Collection, moves: tuple[Moves, ...], steps: list[Int[np.ndarray, "set from to"]], limit: int
) -> list[Moves]:
    """The moves that some walk gets to make before its time is up."""
    earliest, kept = np.zeros((1, found.things), np.int64), []
    for number, (all_of, ahead) in enumerate(zip(moves, steps, strict=True)):
        arrival = earliest[all_of.row, all_of.place] + ahead[all_of.row, all_of.place, all_of.thing]
        reached = arrival <= limit
        some = Moves(*(table[reached] for table in all_of))
        kept.append(some)
        size = len(found.layers[number + 1].gone) if number + 1 < len(found.layers) else 0
        earliest = np.full((size + 1, found.things), UNREACHABLE)
        np.minimum.at(earliest, (some.following, some.thing), arrival[reached])
    return kept


def _solved(
    found: Collection,
    moves: Moves,
    steps: Int[np.ndarray, "set from to"],
    after: Values,
    pay: Pay,
    discount: float,
    floor: Float[np.ndarray, "set thing"],
) -> tuple[Stage, Values]:
    """What the states of a layer are worth, and the moves from them."""
    length = after[0].shape[-1]
    taken = steps[moves.row, moves.place, moves.thing]
    left = np.arange(length) - taken[:, None]
    at = (moves.following[:, None], moves.thing[:, None], np.maximum(left, 0))
    weight = discount ** taken[:, None]
    is_key = (moves.thing < found.keys)[:, None]

    def ahead(values: Float[np.ndarray, "set thing left"], paid: np.ndarray) -> Float[np.ndarray, "move left"]:
        ended = np.concatenate([values, np.zeros((1, *values.shape[1:]))])
        return np.where(left >= 0, weight * (paid + ended[at]), -np.inf)

    def best(ahead: Float[np.ndarray, "move left"]) -> Float[np.ndarray, "set thing left"]:
        table = np.full((*steps.shape[:2], length), -np.inf)
        firsts = np.flatnonzero(np.diff(state, prepend=-1))
        if len(firsts):
            table.reshape(-1, length)[state[firsts]] = np.maximum.reduceat(ahead, firsts, axis=0)
        return table

    state = moves.row * steps.shape[1] + moves.place
    paid = np.where(is_key, pay.key, pay.chest)
    for_intended, for_keys = ahead(after[0], paid), ahead(after[1], is_key.astype(float))
    intended = np.maximum(best(for_intended), floor[..., None])
    keys = np.maximum(best(for_keys), 0.0)
    most = keys[moves.row, moves.place]
    charitable = np.where((most > 0) & (for_keys >= most * (1 - TIE)), ahead(after[2], paid), -np.inf)
    choice = np.where(most > 0, charitable, for_intended)
    kind = np.where(keys > 0, best(charitable), intended)
    return Stage(moves, taken, for_intended, choice, keys), (intended, keys, kind)


def _followed(stages: list[Stage], limit: int, for_keys: bool) -> tuple[np.ndarray, int]:
    """The events of one optimal plan, and the step of the last."""
    events = np.full(len(stages), -1)
    row, place, left = 0, 0, limit
    for number, stage in enumerate(stages):
        moves = stage.moves
        options = np.flatnonzero((moves.row == row) & (moves.place == place))
        if not len(options):
            break
        worth = (stage.choice if for_keys else stage.intended)[options, left]
        wants_keys = for_keys and stage.keys[row, place, left] > 0
        if worth.max() <= 0 and not wants_keys:
            break
        best = options[np.argmax(worth)]
        events[number] = moves.thing[best]
        row, place, left = int(moves.following[best]), int(moves.thing[best]), left - int(stage.steps[best])
    return events, limit - left
