"""From what a network puts out to actions: logits, a value beside them, a distribution, or the actions themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from jaxtyping import Float, Int

from trueaim.core.errors import TrueAimError

Sampler = Callable[[Any, np.random.Generator], Any]
SPACES = (Discrete, MultiDiscrete, MultiBinary, Box)


def array_of(output: Any) -> np.ndarray:
    """A tensor of whatever library as a NumPy array."""
    if hasattr(output, "detach"):
        output = output.detach().cpu()
    return np.asarray(output)


def is_distribution(output: Any) -> bool:
    """Whether this can be sampled and tells its mode or its logits."""
    return hasattr(output, "sample") and any(hasattr(output, name) for name in ("logits", "mode", "mean"))


def num_rows(output: Any) -> int | None:
    """How many rows an output has; None where it has none."""
    if is_distribution(output):
        logits = getattr(output, "logits", None)
        return next(iter(output.batch_shape)) if logits is None and len(output.batch_shape) else num_rows(logits)
    if isinstance(output, tuple | list) and output and not np.isscalar(output[0]):
        return num_rows(output[0])
    array = array_of(output)
    return len(array) if array.ndim else None


def chosen(
    output: Any, space: Space[Any], num: int, greedy: bool, draw: np.random.Generator, sample: Sampler
) -> np.ndarray:
    """The actions that an output stands for, with the batch as first axis.

    Fractions are logits where actions are numbered and the last axis has one entry for each; else outputs are actions.

    Args:
        output: logits, (logits, value), a distribution, or actions.
        space: of the actions.
        num: episodes in the batch.
        greedy: take the likeliest action instead of sampling.
        draw: where samples come from.
        sample: draws from a distribution of the library in question.

    Raises:
        TrueAimError: the output fits neither actions nor logits of this space.
    """
    if is_distribution(output):
        if getattr(output, "logits", None) is not None and isinstance(space, Discrete | MultiBinary):
            output = output.logits
        else:
            output = _mode(output) if greedy else sample(output, draw)
    elif isinstance(output, tuple | list) and len(output) and num_rows(output[0]) == num:
        output = output[0]
    array = array_of(output)
    actions = _interpreted(array, space, num, greedy, draw)
    if actions is None:
        raise TrueAimError(
            f"policy: got an output of shape {array.shape} and type {array.dtype} for {num} observations, needs "
            f"{_needed(space, num)}; correct what the policy returns"
        )
    return actions


def _mode(distribution: Any) -> Any:
    mode = getattr(distribution, "mode", None)
    if mode is None:
        mode = distribution.mean
    return mode() if callable(mode) else mode


def _interpreted(
    array: np.ndarray, space: Space[Any], num: int, greedy: bool, draw: np.random.Generator
) -> np.ndarray | None:
    """The actions, or None where the shape fits none."""
    whole = array.dtype.kind in "iub"
    if isinstance(space, Discrete):
        if array.size == num and (whole or space.n > 1) and np.equal(np.mod(array, 1), 0).all():
            return array.reshape(num).astype(np.int64)
        return _picked(array, greedy, draw) + space.start if array.shape == (num, space.n) and not whole else None
    if isinstance(space, MultiDiscrete) and space.nvec.ndim == 1:
        if array.shape == (num, len(space.nvec)) and whole:
            return array.astype(np.int64)
        if array.shape == (num, space.nvec.sum()) and not whole:
            parts = np.split(array, np.cumsum(space.nvec)[:-1], axis=-1)
            return np.stack([_picked(part, greedy, draw) for part in parts], -1) + space.start
        return None
    if isinstance(space, MultiBinary) and array.shape == (num, *space.shape):
        if whole:
            return array.astype(np.int8)
        chance = 0.5 if greedy else draw.uniform(size=array.shape)
        return np.asarray(1 / (1 + np.exp(-array)) > chance, np.int8)
    if isinstance(space, Box) and array.ndim and array.size == num * int(np.prod(space.shape)) and len(array) == num:
        return array.reshape(num, *space.shape).astype(space.dtype)
    return None


def _picked(logits: Float[np.ndarray, "batch action"], greedy: bool, draw: np.random.Generator) -> Int[Any, " batch"]:
    """The likeliest action, or one sampled in proportion to exp(logit), by the largest of logits with Gumbel noise."""
    return np.argmax(logits if greedy else logits + draw.gumbel(size=logits.shape), -1)


def _needed(space: Space[Any], num: int) -> str:
    if isinstance(space, Discrete):
        return f"{num} whole numbers or logits of shape ({num}, {space.n})"
    if isinstance(space, MultiDiscrete):
        return f"whole numbers of shape ({num}, {len(space.nvec)}) or logits of shape ({num}, {space.nvec.sum()})"
    if isinstance(space, SPACES):
        return f"numbers of shape {(num, *(space.shape or ()))}"
    return f"an action space that is one of {', '.join(kind.__name__ for kind in SPACES)} instead of {space}"
