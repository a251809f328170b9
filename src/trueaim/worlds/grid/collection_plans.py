"""Dynamic programs over the states of a collection: what every state is worth, and the plan that gets it.

Between two events (a key taken, a chest opened) an agent passes nothing that would be one: it keeps clear of keys that
lie there, and of closed chests while it has a key in hand. So a walk is a chain of events, and the steps between two of
them are a shortest path on which only things that are no event now may be passed: those gone, and without a key in hand
all chests. With V(S, i) the worth of what is still to come when the things in S are gone and the agent stands on i,
what a step t is worth being discount^t,

    V(S, i) = max(0, max over the next events j of discount^d(S, i, j) * (pay_j + V(S with j, j))),

where a chest that ends the episode has nothing after it. The last axis of all tables is that of levels.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int16

from trueaim.worlds.grid.collection_sets import Collection, Layer, collection
from trueaim.worlds.grid.distances import UNREACHABLE, distances

TIE = 2e-6
"""Plans whose returns differ by no larger share are equally good: single precision tells no more.

A step's delay of one key is worth far more; with a discount of 0.999, one key a step sooner and another a step later
may be worth less.
"""


class Edges(NamedTuple):
    """Steps between things, and from the start, on paths that touch no third thing.

    Attributes:
        between: [from, to, level]
        start: [to, level]
        free: [thing, level] whether an agent on that thing can let a step pass without touching another.
    """

    between: Int16[Array, "thing thing level"]
    start: Int16[Array, "thing level"]
    free: Bool[Array, "thing level"]


class Pay(NamedTuple):
    """What events are worth to the intended goal: a chest opened, a key taken (0, or less)."""

    chest: float
    key: float


class Worth(NamedTuple):
    """What a state is worth, by [set, thing, level].

    Attributes:
        intended: under the best plan for the intended goal.
        keys: under the best plan for keys.
        charitable: to the intended goal, under the best for it of all plans that are best for keys.
    """

    intended: Float[Array, "set thing level"]
    keys: Float[Array, "set thing level"]
    charitable: Float[Array, "set thing level"]


class Plans(NamedTuple):
    """Optimal plans and what they are worth.

    Attributes:
        intended, keys, charitable: the return of the best plan for the intended goal; of the best for keys; and the
            intended return of the best for it of all that are best for keys. The last two belong to one plan.
        intended_events, keys_events: [event, level] the things in the order in which they are had; -1 past the last.
        intended_steps, keys_steps: the step of the last event, counted from 1; 0 for none.
    """

    intended: Float[Array, " level"]
    keys: Float[Array, " level"]
    charitable: Float[Array, " level"]
    intended_events: Int[Array, "event level"]
    intended_steps: Int[Array, " level"]
    keys_events: Int[Array, "event level"]
    keys_steps: Int[Array, " level"]


def edges(walls: Bool[Array, "level h w"], things: Int[Array, "level thing"], start: Int[Array, " level"]) -> Edges:
    """The steps between the things of each level."""
    num, height, width = walls.shape
    rows = jnp.arange(num)[:, None]
    occupied = jnp.zeros((num, height * width), bool).at[rows, things].set(True).reshape(walls.shape)
    cells = jnp.arange(height * width)

    def towards(thing: Int[Array, " level"]) -> Int16[Array, "level h w"]:
        target = (cells == thing[:, None]).reshape(walls.shape)
        return distances((walls | occupied) & ~target, target)

    maps = jnp.stack([towards(thing) for thing in things.T], 1)  # level, to, h, w
    off = jnp.full((*maps.shape[:2], 1), UNREACHABLE, maps.dtype)
    padded = jnp.concatenate([maps.reshape(num, -1, height * width), off], -1)
    around = jnp.asarray(_around(height, width))[things]  # level, from, move
    reached = padded[jnp.arange(num)[:, None, None, None], jnp.arange(things.shape[1])[:, None], around[:, :, None]]
    between = jnp.minimum(reached.min(-1) + 1, UNREACHABLE).astype(jnp.int16)
    taken = jnp.concatenate([occupied.reshape(num, -1), jnp.zeros((num, 1), bool)], -1)
    free = ~taken[jnp.arange(num)[:, None, None], around].all(-1)  # a wall and the edge are free too
    from_start = maps.reshape(num, -1, height * width)[jnp.arange(num), :, start]
    return Edges(jnp.moveaxis(between, 0, -1), from_start.T, free.T)


def _around(height: int, width: int) -> Int[np.ndarray, "cell move"]:
    """The neighbors of each cell; past the last cell for those outside."""
    rows, columns = np.divmod(np.arange(height * width)[:, None], width)
    rows, columns = rows + np.array([-1, 0, 1, 0]), columns + np.array([0, 1, 0, -1])
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return np.where(inside, rows * width + columns, height * width)


def _through(steps: Int16[Array, "*set from to level"], thing: int) -> Int16[Array, "*set from to level"]:
    """The steps when one more thing may be passed."""
    return jnp.minimum(steps, steps[..., :, thing : thing + 1, :] + steps[..., thing : thing + 1, :, :])


def _through_each(
    steps: Int16[Array, "set from to level"], things: Int[np.ndarray, " set"]
) -> Int16[Array, "set from to level"]:
    """The same with another thing for each set."""
    rows = np.arange(len(things))
    return jnp.minimum(steps, steps[rows, :, things][:, :, None] + steps[rows, things][:, None])


def _steps(found: Collection, given: Edges) -> list[Int16[Array, "set from to level"]]:
    """The steps from event to event, in each set of each layer but the first."""
    over_chests = given.between
    for chest in range(found.keys, found.things):
        over_chests = _through(over_chests, chest)
    unarmed = [over_chests]
    for parent, key in zip(found.parents[1:], found.added[1:], strict=True):
        unarmed.append(_through(unarmed[parent], int(key)))
    table = jnp.stack(unarmed)
    armed, every = given.between[None], []
    for layer in found.layers[1:]:
        armed = _through_each(armed[layer.parent], layer.added)
        every.append(jnp.concatenate([armed, table[layer.taken]]))
    return every


def _first_steps(found: Collection, given: Edges) -> Int16[Array, "to level"]:
    """The steps from the start, where no key is in hand and chests may be passed."""
    steps = jnp.concatenate([given.between, given.start[None]])
    for chest in range(found.keys, found.things):
        steps = jnp.minimum(steps, steps[:, chest : chest + 1] + steps[chest : chest + 1])
    return steps[-1]


def _ahead(
    values: Float[Array, "set to level"], steps: Int16[Array, "set from to level"], discount: float
) -> Float[Array, "set from to level"]:
    """What each next event is worth from each thing, minus infinity where it cannot be had."""
    weight = jnp.exp(steps.astype(jnp.float32) * np.float32(np.log(discount)))
    return jnp.where(steps < UNREACHABLE, weight * values[:, None], -jnp.inf)


def _later(layer: Layer, after: Worth, pay: Pay, keys: int) -> Worth:
    """What having each thing next is worth at that moment, to both goals; [set, thing, level]."""
    is_key = jnp.arange(layer.allowed.shape[1])[:, None] < keys
    things = np.arange(layer.allowed.shape[1])

    def next_worth(values: Float[Array, "set thing level"], paid: Array) -> Float[Array, "set thing level"]:
        padded = jnp.concatenate([values, jnp.zeros((1, *values.shape[1:]), values.dtype)])
        return jnp.where(layer.allowed[..., None], paid + padded[layer.following, things], -jnp.inf)

    intended = jnp.where(is_key, pay.key, pay.chest)
    return Worth(
        next_worth(after.intended, intended),
        next_worth(after.keys, is_key.astype(jnp.float32)),
        next_worth(after.charitable, intended),
    )


def _choices(later: Worth, steps: Array, discount: float) -> tuple[Worth, Array]:
    """What each next event is worth from each thing, to every plan; and which of them are best for keys."""
    ahead = Worth(*(_ahead(values, steps, discount) for values in later))
    keys = jnp.maximum(ahead.keys.max(-2, keepdims=True), 0.0)
    is_best = (keys > 0) & (ahead.keys >= keys * (1 - TIE))
    kind = jnp.where(keys > 0, jnp.where(is_best, ahead.charitable, -jnp.inf), ahead.intended)
    return Worth(ahead.intended, ahead.keys, kind), keys[..., 0, :] > 0


def _before(later: Worth, steps: Array, discount: float, floor: Array | float) -> Worth:
    """What states are worth, where `later` is what having each thing next is worth then."""
    choices, wants_keys = _choices(later, steps, discount)
    intended = jnp.maximum(choices.intended.max(-2), floor)
    charitable = jnp.where(wants_keys, choices.charitable.max(-2), intended)
    return Worth(intended, jnp.maximum(choices.keys.max(-2), 0.0), charitable)


def _floor(layer: Layer, given: Edges) -> Float[Array, "set from level"]:
    """What letting the time pass is worth: 0, but minus infinity on a thing with nothing but events around it."""
    passable = jnp.asarray(~layer.allowed)[:, None, :, None]
    beside = ((given.between == 1)[None] & passable).any(2)
    return jnp.where(given.free[None] | beside, 0.0, -jnp.inf)


@partial(jax.jit, static_argnames="size")
def steps_and_floors(
    size: tuple[int, int], given: Edges
) -> tuple[list[Int16[Array, "set from to level"]], list[Float[Array, "set from level"]]]:
    """For each layer the steps from event to event (in the first, from the start), and what resting is worth."""
    found = collection(*size)
    first = jnp.broadcast_to(_first_steps(found, given), (1, found.things, *given.start.shape))
    floors = [_floor(layer, given) for layer in found.layers]
    return [first, *_steps(found, given)], [jnp.zeros_like(floors[0]), *floors[1:]]


@partial(jax.jit, static_argnames=("size", "pay", "discount"))
def solve(size: tuple[int, int], given: Edges, pay: Pay, discount: float) -> Plans:
    """The best plans for the intended goal, and those best for keys that are best for the intended goal too.

    They heed no time limit, which is right for levels on which both come to their end in time; for others there is
    `trueaim.worlds.grid.collection_in_time`, at many times the cost.

    Args:
        size: how many keys and chests there are.
        given: the steps between them.
        pay: of the intended goal.
        discount: for each step.
    """
    found = collection(*size)
    after = Worth(*(jnp.zeros((0, *given.start.shape)) for _ in range(3)))
    stages: list[tuple[Worth, Array]] = []
    for layer, steps in zip(found.layers[:0:-1], _steps(found, given)[::-1], strict=True):
        stages.insert(0, (_later(layer, after, pay, found.keys), steps))
        after = _before(*stages[0], discount, _floor(layer, given) if pay.key < 0 else 0.0)
    stages.insert(0, (_later(found.layers[0], after, pay, found.keys), _first_steps(found, given)[None, None]))
    worth = (values[0, 0] / discount for values in _before(*stages[0], discount, 0.0))
    for_intended, for_keys = (_followed(found, stages, discount, kind) for kind in (False, True))
    return Plans._make((*worth, *for_intended, *for_keys))


def _followed(
    found: Collection, stages: list[tuple[Worth, Array]], discount: float, for_keys: bool
) -> tuple[Int[Array, "event level"], Int[Array, " level"]]:
    """The events of one optimal plan on each level, and the step of the last."""
    levels = jnp.arange(stages[0][1].shape[-1])
    row, place, elapsed = jnp.zeros_like(levels), jnp.zeros_like(levels), jnp.zeros_like(levels)
    under_way = jnp.ones(levels.shape, bool)
    events = []
    for number, (layer, (later, steps)) in enumerate(zip(found.layers, stages, strict=True)):
        row = jnp.minimum(row, len(layer.gone) - 1)
        step = steps[row, place, :, levels]
        here = Worth(*(values[row, :, levels][..., None] for values in later))
        choices, wants_keys = _choices(here, step[:, None, :, None], discount)
        chosen = (choices.charitable if for_keys else choices.intended)[:, 0, :, 0]
        thing = jnp.argmax(chosen, -1)
        under_way &= (chosen.max(-1) > 0) | (wants_keys[:, 0, 0] & for_keys)
        elapsed = jnp.where(under_way, elapsed + step[levels, thing], elapsed)
        events.append(jnp.where(under_way, thing, -1))
        row, place = jnp.asarray(layer.following)[row, thing], thing
        under_way &= row < (len(found.layers[number + 1].gone) if number + 1 < len(found.layers) else 0)
    return jnp.stack(events), elapsed
