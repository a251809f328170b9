"""Policies without a goal: random actions, and the right-hand rule."""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.agents.planted.acting import for_each, happens
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.policy import Act, Policy, View
from trueaim.core.scenario import Map, Scenario

MOVES = ("up", "right", "down", "left")
"""The actions by which one can follow a wall, each a quarter turn to the right of the one before."""
AT_A_WALL = (1, 0, 3, 2)
"""Quarter turns to the right, in the order in which they are tried: right, straight on, left, back."""
IN_THE_OPEN = (0, 3, 2, 1)
"""Straight on until something is ahead; then to the left, so that it is on the right hand."""


class Walking(NamedTuple):
    """What an agent recalls that follows walls.

    Attributes:
        heading: the move (a number in `MOVES`) that it made last.
        touching: whether it has a wall on its right hand.
    """

    heading: Int[Array, " batch"]
    touching: Bool[Array, " batch"]


def uniform(scenario: Scenario, agents: int = 1) -> Policy:
    """Uniformly random actions."""
    for_each(agents)
    return Policy("uniform", _uniform(len(scenario.world.actions)), seeds=tuple(range(agents)))


def following_walls(scenario: Scenario, noise: float = 0.0, agents: int = 1) -> Policy:
    """Goes up to the first wall and then along it by the right-hand rule; with probability `noise` a random action.

    A wall is whatever keeps the agent where it is. After a random action it looks for the next wall straight ahead.

    Raises:
        TrueAimError: where the scenario has no map, or lacks one of the four moves.
    """
    chance = for_each(agents, noise=noise)[0]
    return Policy(
        "following walls", _following(scenario), chance, tuple(range(agents)), levels_themselves, start=at_rest
    )


def levels_themselves(levels: Any) -> Any:
    """The levels as they are: the tables of a policy that looks around itself."""
    return levels


def at_rest(num: int) -> Walking:
    """What agents recall at the start of `num` episodes: they face up and touch nothing."""
    return Walking(jnp.zeros(num, jnp.int32), jnp.zeros(num, bool))


def moves_of(scenario: Scenario) -> tuple[Map, Int[np.ndarray, " move"]]:
    """The map of a scenario, and the numbers of its four moves; raises where it lacks one."""
    if scenario.map is None:
        raise TrueAimError(f"{scenario.name}: got no map, needs one to follow walls; plant another policy")
    missing = [name for name in MOVES if name not in scenario.world.actions]
    if missing:
        raise TrueAimError(f"{scenario.name}: got no action {missing[0]!r}, needs it to follow walls; plant another")
    return scenario.map, np.array([scenario.world.actions.index(name) for name in MOVES])


def along_the_wall(
    scenario: Scenario, levels: Any, state: Any, walking: Walking
) -> tuple[Int[Array, " batch"], Walking]:
    """The action of the right-hand rule in each state, and what to recall if it is taken."""
    flat, moves = moves_of(scenario)
    is_open = _open(scenario, flat, moves, levels, state)
    right = jnp.take_along_axis(is_open, _turned(walking.heading, jnp.array([1])), 1)[:, 0]
    touching = walking.touching | ~right
    turns = jnp.where(touching[:, None], jnp.array(AT_A_WALL)[None], jnp.array(IN_THE_OPEN)[None])
    tried = _turned(walking.heading, turns)
    can = jnp.take_along_axis(is_open, tried, 1)
    first = jnp.argmax(can, 1)[:, None]
    heading = jnp.take_along_axis(tried, first, 1)[:, 0].astype(jnp.int32)
    return jnp.asarray(moves)[heading], Walking(heading, touching | ~can[:, 0])


def faced(scenario: Scenario, walking: Walking, action: Int[Array, " batch"]) -> Walking:
    """What to recall after an action that was not the wall's: where it led, and nothing at hand."""
    _, moves = moves_of(scenario)
    is_move = action[:, None] == jnp.asarray(moves)[None]
    heading = jnp.where(is_move.any(1), jnp.argmax(is_move, 1), walking.heading)
    return Walking(heading.astype(jnp.int32), jnp.zeros_like(walking.touching))


def either(condition: Bool[Array, " batch"], one: Walking, other: Walking) -> Walking:
    """What to recall: the one where the condition holds, else the other."""
    return Walking(*(jnp.where(condition, *fields) for fields in zip(one, other, strict=True)))


def _turned(heading: Int[Array, " batch"], turns: Int[Array, "*batch turn"]) -> Int[Array, "batch turn"]:
    return (heading[:, None] + jnp.broadcast_to(turns, (heading.shape[0], turns.shape[-1]))) % len(MOVES)


def _open(
    scenario: Scenario, flat: Map, moves: Int[np.ndarray, " move"], levels: Any, state: Any
) -> Bool[Array, "batch move"]:
    """Which moves lead to another place."""

    def reached(state: Any) -> Int[Array, " move"]:
        after = jax.vmap(partial(scenario.world.move, levels, state))(jnp.asarray(moves))
        return jax.vmap(flat.place)(after)

    return jax.vmap(reached)(state) != jax.vmap(flat.place)(state)[:, None]


@lru_cache(maxsize=64)
def _uniform(num: int) -> Act:
    def act(parameters: Any, key: Key[Array, ""], view: View, memory: Any) -> tuple[Int[Array, " batch"], Any]:
        del parameters
        return jax.random.randint(key, view.running.time.shape, 0, num), memory

    return act


@lru_cache(maxsize=64)
def _following(scenario: Scenario) -> Act:
    moves_of(scenario)
    num = len(scenario.world.actions)

    def act(
        noise: Float[Array, ""], key: Key[Array, ""], view: View, walking: Walking
    ) -> tuple[Int[Array, " batch"], Walking]:
        own, after = along_the_wall(scenario, view.tables, view.running.state, walking)
        is_random = happens(noise, stream(key, "noise"), own.shape[0])
        other = jax.random.randint(stream(key, "random action"), own.shape, 0, num)
        return jnp.where(is_random, other, own), either(is_random, faced(scenario, walking, other), after)

    return act
