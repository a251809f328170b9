"""What is known of new levels without playing them: the intended goal's optimum, and their class."""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from trueaim.core.capabilities import Yardstick
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import training_levels
from trueaim.core.scenario import Scenario
from trueaim.training.curricula.buffer import UNKNOWN

RIVAL = 1
"""The goal against which levels are classified: the first that a scenario lists after the intended one."""


class Known(NamedTuple):
    """Names as in `buffer.Entries`."""

    optimum: Float[Array, " row"]
    kind: Int8[Array, " row"]


def yardstick_of(scenario: Scenario) -> Yardstick | None:
    """The exact yardstick of a scenario, where it has one."""
    return scenario.yardstick or scenario.planner


@lru_cache(maxsize=64)
def is_traceable(scenario: Scenario) -> bool:
    """Whether the yardstick can run inside of a compiled program: some sort levels on the host."""
    yardstick = yardstick_of(scenario)
    if yardstick is None:
        return False
    levels = jax.eval_shape(lambda: training_levels(scenario, root(0), 2))
    try:
        jax.eval_shape(yardstick.optimal, levels)
        jax.eval_shape(lambda levels: yardstick.classes(levels, RIVAL), levels)
    except jax.errors.JAXTypeError:
        return False
    return True


def check(scenario: Scenario) -> None:
    """Raise unless optima of new levels can be computed while training."""
    if yardstick_of(scenario) is None:
        raise TrueAimError(
            f"score: got oracle for {scenario.name}, which has no exact yardstick, needs the optimum of every level; "
            "choose max_latest, max_mc, pvl, l1 or learnability"
        )


def known_in_program(scenario: Scenario, levels: Any) -> Known:
    """Optima and classes, inside of a compiled program; NaN and `UNKNOWN` where the yardstick cannot run there."""
    yardstick, num = yardstick_of(scenario), jax.tree.leaves(levels)[0].shape[0]
    if yardstick is None or not num or not is_traceable(scenario):
        return Known(jnp.full(num, jnp.nan), jnp.full(num, UNKNOWN, jnp.int8))
    return _known(yardstick, levels)


def known_on_host(scenario: Scenario, levels: Any) -> Known:
    """The same between two programs, for yardsticks that run on the host alone."""
    yardstick = yardstick_of(scenario)
    assert yardstick is not None
    return _known(yardstick, levels)


def _known(yardstick: Yardstick, levels: Any) -> Known:
    optimum = jnp.asarray(yardstick.optimal(levels)[:, 0], jnp.float32)
    return Known(optimum, jnp.asarray(yardstick.classes(levels, RIVAL), jnp.int8))
