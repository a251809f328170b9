"""Habits on top of any policy: steps that are taken along a wall, or just like the last one, whatever the goal."""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from trueaim.agents.planted.acting import NOT_YET, for_each, nothing_done
from trueaim.agents.planted.goalless import Walking, along_the_wall, at_rest, either, faced, moves_of
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.policy import Act, Policy, View
from trueaim.core.scenario import Scenario


class Recalled(NamedTuple):
    """What a policy with habits recalls.

    Attributes:
        own: the policy's own memory.
        walking: of the wall that it follows now and then; None where it never does.
        last: the last action, or `NOT_YET`.
    """

    own: Any
    walking: Walking | None
    last: Int[Array, " batch"]


def with_habits(scenario: Scenario, policy: Policy, wall_following: float = 0.0, repeats: float = 0.0) -> Policy:
    """The same agents, but in a share of their steps they do what they are used to.

    The policy goes on as if each step were its own; only what it recalls of its actions by itself may then be wrong.

    Args:
        scenario: in which they act.
        policy: whichever, learned ones included.
        wall_following: share of the steps that the right-hand rule takes.
        repeats: share of the steps in which the last action is done again. The first step has nothing to repeat: there
            the policy acts in its place.

    Raises:
        TrueAimError: for shares outside [0, 1] or with a sum above 1, and where no wall can be followed.
    """
    if not wall_following + repeats <= 1:
        raise TrueAimError(
            f"repeats: got {repeats:g} beside {wall_following:g} of wall following, needs a sum of at most 1; lower it"
        )
    shares = for_each(len(policy.seeds), wall_following=wall_following, repeats=repeats)
    follows = wall_following > 0
    if follows:
        moves_of(scenario)
    words = [word for word, share in (("wall following", wall_following), ("repeats", repeats)) if share]
    return Policy(
        f"{policy.name}, with {' and '.join(words) or 'no habits'}",
        _habitual(scenario, policy.act, follows),
        (policy.parameters, shares),
        policy.seeds,
        prepare=lambda levels: (policy.prepare(levels), levels if follows else None),
        start=_start(policy.start, follows),
    )


@lru_cache(maxsize=64)
def _start(own: Any, follows: bool) -> Any:
    return lambda num: Recalled(own(num), at_rest(num) if follows else None, nothing_done(num))


@lru_cache(maxsize=64)
def _habitual(scenario: Scenario, own_act: Act, follows: bool) -> Act:
    def act(
        parameters: tuple[Any, tuple[Float[Array, ""], Float[Array, ""]]],
        key: Key[Array, ""],
        view: View,
        memory: Recalled,
    ) -> tuple[Int[Array, " batch"], Recalled]:
        own_parameters, (walls, repeats) = parameters
        tables, levels = view.tables
        action, own = own_act(own_parameters, stream(key, "policy"), view._replace(tables=tables), memory.own)
        drawn = jax.random.uniform(stream(key, "habit"), action.shape)
        is_again = (drawn >= walls) & (drawn < walls + repeats) & (memory.last != NOT_YET)
        action = jnp.where(is_again, memory.last, action).astype(jnp.int32)
        if not follows:
            return action, Recalled(own, None, action)
        assert memory.walking is not None
        by_wall, after = along_the_wall(scenario, levels, view.running.state, memory.walking)
        is_wall = drawn < walls
        action = jnp.where(is_wall, by_wall, action).astype(jnp.int32)
        return action, Recalled(own, either(is_wall, after, faced(scenario, memory.walking, action)), action)

    return act
