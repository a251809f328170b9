"""Policies that know the world: each follows the way to its place that a search by simulation found beforehand.

A way is a list of actions, found once for a table of levels and then followed blindly, which is enough because the
world has no chance in it.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from trueaim.core.levels import table_hash
from trueaim.core.policy import Act, Policy, View
from trueaim.worlds.platform.level import Levels
from trueaim.worlds.platform.routes import HOLD, JUMPS, Routes, Way, routes
from trueaim.worlds.platform.world import ALL_ACTIONS, PlatformWorld

Found = TypeVar("Found")
KNOWN = 16
"""Tables of levels for which answers are kept: audits ask about the same ones again and again."""


def remembered(find: Callable[[Levels], Found]) -> Callable[[Levels], Found]:
    """The same function, which does not work out again what it found for one of the last few tables."""
    known: OrderedDict[str, Found] = OrderedDict()

    def found(levels: Levels) -> Found:
        mark = table_hash(levels)
        known[mark] = known.pop(mark) if mark in known else find(levels)
        if len(known) > KNOWN:
            known.popitem(last=False)
        return known[mark]

    return found


class Ways(NamedTuple):
    """Through each level three ways.

    Attributes:
        coin: to the coin; where touching the end is fatal, without that.
        walked: to the end of the level; what happens to lie on the way is neither sought nor avoided.
        jumped: the same, but never without the jump button.
    """

    coin: Routes
    walked: Routes
    jumped: Routes


@remembered
def ways(levels: Levels) -> Ways:
    """The ways through a table of levels."""
    return Ways(
        routes(levels, levels.coin, Way(minds_the_end=True)),
        routes(levels, levels.end),
        routes(levels, levels.end, Way(JUMPS)),
    )


def to_the_coin(world: PlatformWorld) -> Policy:
    """Goes to the coin, wherever it lies and whether it is seen or not."""
    return Policy("a search for the coin", following(world.actions), prepare=lambda levels: ways(levels).coin)


def to_the_end(world: PlatformWorld) -> Policy:
    """Goes to the end of the level and then on to the right; a coin on its way it neither seeks nor avoids."""
    return Policy("a search for the end", following(world.actions), prepare=lambda levels: ways(levels).walked)


def followed(way: Routes, level: Int[Array, "*batch"], time: Int[Array, "*batch"]) -> Int[Array, "*batch"]:
    """Which of the fifteen actions comes after so many steps of a way; behind its end, always to the right."""
    number = time // HOLD
    planned = way.actions[level, jnp.minimum(number, way.actions.shape[1] - 1)]
    return jnp.where(number < way.length[level], planned, ALL_ACTIONS.index("right"))


@lru_cache(maxsize=8)
def following(actions: tuple[str, ...]) -> Act:
    """Follows the ways in its tables, by actions of these names."""
    own = jnp.array([actions.index(name) if name in actions else 0 for name in ALL_ACTIONS])

    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters, key
        state = view.running.state
        return own[followed(view.tables, state.level, state.time)], memory

    return act
