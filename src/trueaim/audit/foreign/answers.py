"""What an environment gave back, looked at before anything is done with it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import Space

from trueaim.audit.foreign.spaces import is_shaped
from trueaim.core.disk import shown, size

MOST_INFO_BYTES = 64 * 1024**2
DEEPEST = 8
"""Levels of an info whose sizes are added up."""


def problem_of(answer: tuple[Any, ...], space: Space[Any]) -> str:
    """What is wrong with the answer to a step or a reset, in words that follow "the environment", or "".

    Args:
        answer: (observation, info), or (observation, reward, terminated, truncated, info).
        space: of observations.
    """
    observation, *middle, info = answer
    if not _fits(observation, space):
        return f"gave an observation that does not have the shape of its space {shown(space)}"
    if middle:
        reward, *ends = middle
        if not _is_one(reward, "biuf"):
            return f"gave a reward that is no number ({shown(type(reward).__name__, 40)})"
        if not all(_is_one(end, "biu") for end in ends):
            return "gave an end of the episode that is neither true nor false"
    if not isinstance(info, Mapping):
        return f"gave an info that is no table ({shown(type(info).__name__, 40)})"
    num_bytes = _num_bytes(info, DEEPEST)
    return "" if num_bytes <= MOST_INFO_BYTES else f"gave an info of {size(num_bytes)}, over {size(MOST_INFO_BYTES)}"


def _fits(observation: Any, space: Space[Any]) -> bool:
    try:
        return is_shaped(observation, space)
    except Exception:  # whatever shape it has, NumPy cannot tell
        return False


def _is_one(value: Any, kinds: str) -> bool:
    """Whether this is one number, or one yes or no."""
    if not isinstance(value, bool | int | float | np.generic | np.ndarray):
        return False
    array = np.asarray(value)
    return array.size == 1 and array.dtype.kind in kinds


def _num_bytes(value: Any, levels: int) -> int:
    """The bytes of the arrays and texts in a value."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple | set):
        return 0
    return len(value) + sum(_num_bytes(part, levels - 1) for part in value) if levels else 0
