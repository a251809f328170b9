"""Orders in which spheres are to be visited: cycles that nobody sees, and what a visit is by them.

A cycle is a word with four bits for each sphere, which say the next one.

Source: GoalCycle of Ndousse et al. 2021, arXiv 2010.00581, and GoalCycle3D of the Cultural General Intelligence Team
2023, Nature Communications 14:7536.
"""

from itertools import permutations
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Int32, UInt32

from trueaim.worlds.arena.level import NOWHERE, Visits

BITS = 4


class Rules(NamedTuple):
    """What counts as a right visit. The first one always does.

    Attributes:
        both_ways: one may go around either way, which the second visit, and the second after a mistake, decides.
        restart: the order goes on from a wrong sphere; else from the last right one.
        again: entering the sphere of the phase again is wrong; else it is nothing.
    """

    both_ways: bool = False
    restart: bool = True
    again: bool = False


class Visit(NamedTuple):
    """What entering a sphere is; neither of both where it is nothing."""

    right: Bool[Array, "*batch"]
    wrong: Bool[Array, "*batch"]


def following(order: UInt32[Array, "*batch"], sphere: Int[Array, "*batch"]) -> Int32[Array, "*batch"]:
    """The sphere after one; for `NOWHERE`, that after sphere 0."""
    shift = (BITS * jnp.maximum(sphere, 0)).astype(jnp.uint32)
    return (order >> shift & (2**BITS - 1)).astype(jnp.int32)


def preceding(order: UInt32[Array, "*batch"], sphere: Int[Array, "*batch"], num: int) -> Int32[Array, "*batch"]:
    """The sphere before one of `num`."""
    found = sphere
    for _ in range(num - 1):
        found = following(order, found)
    return found.astype(jnp.int32)


def entered(
    rules: Rules, order: UInt32[Array, "*batch"], visits: Visits, sphere: Int[Array, "*batch"]
) -> tuple[Visit, Visits]:
    """What it is to enter a sphere, and where one is in the order after it."""
    begins, again = visits.phase == NOWHERE, visits.phase == sphere
    onward = (following(order, visits.phase) == sphere) & (visits.way >= 0)
    back = (following(order, sphere) == visits.phase) & (visits.way <= 0) & rules.both_ways
    right = begins | ((onward | back) & ~again)
    wrong = ~right & (~again | rules.again)
    turns = right | wrong if rules.restart else right
    way = jnp.where(right & ~begins, jnp.where(onward, 1, -1), jnp.where(wrong & turns, 0, visits.way))
    after = Visits(
        jnp.asarray(sphere, jnp.int32),
        jnp.where(turns, sphere, visits.phase).astype(jnp.int32),
        (way if rules.both_ways else visits.way).astype(jnp.int32),
    )
    return Visit(right, wrong), after


def to_the_right(order: UInt32[Array, "*batch"], visits: Visits, num: int) -> Int32[Array, "*batch"]:
    """A sphere of `num` that it is right to enter next; before the first visit, just one of them."""
    return jnp.where(visits.way < 0, preceding(order, visits.phase, num), following(order, visits.phase))


def to_the_wrong(rules: Rules, order: UInt32[Array, "*batch"], visits: Visits, num: int) -> Int32[Array, "*batch"]:
    """The sphere that it is wrong to enter next and that comes first when one goes around backward.

    Where none is (with three spheres and a phase that stays), one that is not right.
    """
    sphere = preceding(order, visits.inside, num)
    chosen, level = sphere, jnp.zeros_like(sphere)
    for _ in range(num - 1):
        visit, _ = entered(rules, order, visits, sphere)
        merit = jnp.where(visit.wrong, 2, jnp.where(visit.right, 0, 1))
        chosen, level = jnp.where(merit > level, sphere, chosen), jnp.maximum(merit, level)
        sphere = preceding(order, sphere, num)
    return chosen.astype(jnp.int32)


def every_order(num: int) -> UInt32[np.ndarray, " order"]:
    """The words of all cycles of `num` spheres."""
    words = []
    for rest in permutations(range(1, num)):
        cycle = [0, *rest]
        words.append(sum(after << BITS * one for one, after in zip(cycle, [*rest, 0], strict=True)))
    return np.array(words, np.uint32)


def in_words(order: int, num: int) -> list[int]:
    """The spheres of a cycle in their order, from sphere 0."""
    cycle = [0]
    for _ in range(num - 1):
        cycle.append(order >> BITS * cycle[-1] & (2**BITS - 1))
    return cycle
