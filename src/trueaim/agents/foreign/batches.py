"""Observations in batches: arrays, or dictionaries and tuples of them; and functions that take one or many."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def stacked(rows: Sequence[Any]) -> Any:
    """Several observations as one batch: dictionaries and tuples entry by entry, text as a list, else an array."""
    first = rows[0]
    if isinstance(first, dict):
        return {name: stacked([row[name] for row in rows]) for name in first}
    if isinstance(first, tuple):
        return tuple(stacked(entries) for entries in zip(*rows, strict=True))
    if isinstance(first, str):
        return list(rows)
    return np.stack([np.asarray(row) for row in rows])


def row_of(batch: Any, row: int) -> Any:
    """One observation of a batch, with arrays of its own."""
    if isinstance(batch, dict):
        return {name: row_of(entry, row) for name, entry in batch.items()}
    if isinstance(batch, tuple):
        return tuple(row_of(entry, row) for entry in batch)
    if isinstance(batch, list):
        return batch[row]
    return np.array(batch[row])


def mapped(function: Callable[[np.ndarray], Any], observations: Any) -> Any:
    """The observations with every array in them replaced by what the function makes of it; text stays."""
    if isinstance(observations, dict):
        return {name: mapped(function, entry) for name, entry in observations.items()}
    if isinstance(observations, tuple):
        return tuple(mapped(function, entry) for entry in observations)
    return observations if isinstance(observations, list | str) else function(np.asarray(observations))


def arrays_in(observations: Any) -> list[np.ndarray]:
    """Every array in an observation or batch, in order."""
    if isinstance(observations, dict):
        return [array for entry in observations.values() for array in arrays_in(entry)]
    if isinstance(observations, tuple):
        return [array for entry in observations for array in arrays_in(entry)]
    return [] if isinstance(observations, list | str) else [np.asarray(observations)]


def shapes(observations: Any) -> str:
    """The shapes of an observation, for sentences."""
    if isinstance(observations, dict):
        return "{" + ", ".join(f"{name}: {shapes(entry)}" for name, entry in observations.items()) + "}"
    if isinstance(observations, tuple):
        return "(" + ", ".join(map(shapes, observations)) + ")"
    return "text" if isinstance(observations, list | str) else str(np.shape(observations))


def takes_batches(call: Callable[[Any], Any], length: Callable[[Any], int | None], example: Any) -> Exception | bool:
    """Whether a function of observations takes many of them at once.

    It is asked with 2 and with 3 copies of one observation: only what takes batches answers with as many rows both
    times. Where it raises, the error comes back: it may take single observations, or none like these.

    Args:
        call: the function.
        length: how many rows an answer has; None for none.
        example: one observation.
    """
    for num in (2, 3):
        try:
            found = length(call(stacked([example] * num)))
        except Exception as error:  # whatever the function does with a batch, it is no batch function
            return error
        if found != num:
            return False
    return True
