"""Observation and action spaces: whether two of them fit, and whether an action is legal."""

from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from jaxtyping import Bool

from trueaim.agents.foreign.batches import arrays_in
from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError

SLACK = 1e-5
"""Rounding beyond the bounds of an action that is not held against a policy, as a share of them."""


def alike(one: Space[Any], other: Space[Any]) -> bool:
    """Whether observations of one space can stand for those of the other: the same form; bounds may differ."""
    if isinstance(one, Dict) and isinstance(other, Dict):
        return set(one) == set(other) and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, Tuple) and isinstance(other, Tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, Box) and isinstance(other, Box):
        return one.shape == other.shape and one.dtype == other.dtype
    return type(one) is type(other) and (not isinstance(one, Discrete | MultiDiscrete | MultiBinary) or one == other)


def check_actions(space: Space[Any]) -> None:
    """Returns only for action spaces that audits know how to sample and check.

    Raises:
        TrueAimError: another one.
    """
    if not isinstance(space, Discrete | MultiDiscrete | MultiBinary | Box):
        raise TrueAimError(
            f"action space: got {shown(space)}, needs Discrete, MultiDiscrete, MultiBinary or Box; flatten the actions"
        )


def legal(actions: np.ndarray, space: Space[Any]) -> Bool[np.ndarray, " batch"]:
    """Which actions of a batch an environment with this space takes."""
    one = space.shape or ()
    if actions.shape[1:] != one or actions.dtype.kind not in "iubf":
        return np.zeros(len(actions), bool)
    low, high = bounds(space)
    with np.errstate(invalid="ignore"):
        slack = SLACK * np.maximum(1, np.abs(np.where(np.isfinite(high), high, 1))) if isinstance(space, Box) else 0
        fine = np.isfinite(actions) & (actions >= low - slack) & (actions <= high + slack)
        if not isinstance(space, Box):
            fine &= np.equal(np.mod(actions, 1), 0)
    return np.asarray(fine.reshape(len(actions), -1).all(-1))


def bounds(space: Space[Any]) -> tuple[Any, Any]:
    """The lowest and the highest action, inclusive."""
    if isinstance(space, Discrete):
        return space.start, space.start + space.n - 1
    if isinstance(space, MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    return (space.low, space.high) if isinstance(space, Box) else (0, 1)


def sampled(space: Space[Any], num: int, draw: np.random.Generator) -> np.ndarray:
    """Actions drawn as the space samples them: uniformly, or normally where it has no bounds."""
    if isinstance(space, Discrete):
        return np.asarray(space.start + draw.integers(space.n, size=num))
    space.seed(int(draw.integers(2**31)))
    return np.stack([np.asarray(space.sample()) for _ in range(num)])


def is_finite(observation: Any) -> bool:
    """Whether every fraction in an observation is a finite number."""
    return all(np.isfinite(array).all() for array in arrays_in(observation) if array.dtype.kind == "f")


def is_shaped(observation: Any, space: Space[Any]) -> bool:
    """Whether an observation has the entries and shapes that its space promises."""
    if isinstance(space, Dict):
        return isinstance(observation, dict) and all(
            name in observation and is_shaped(observation[name], space[name]) for name in space
        )
    if isinstance(space, Tuple):
        return len(observation) == len(space) and all(map(is_shaped, observation, space))
    return space.shape is None or np.shape(observation) == space.shape
