"""Rise, collapse, drought and recovery: the phases of agents that used up what they live from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

DROP = 0.25
"""Less of a fall than this share of the peak is no collapse."""
LEVEL = 0.25
"""A drought is where no more than this share of the fall (or of the recovery after it) lies above the lowest point."""


class Phase(NamedTuple):
    """A stretch of training.

    Attributes:
        letter: as in the source's figure, "A" to "D".
        what: the same in words.
        first, last: its points on the curve, both included.
    """

    letter: str
    what: str
    first: int
    last: int


def phases(reward: Float[np.ndarray, " point"] | Sequence[float]) -> list[Phase]:
    """The phases of a learning curve, in order; empty where it never falls by much.

    A: up to the highest point before the largest fall. B: down to the drought. C: the drought. D: from where the curve
    has left it for good. C or D may be missing at the end.

    Source: the phases of Shah et al. 2022, figure 4 (Tree Gridworld), drawn there by hand; these rules are ours.
    """
    values = np.asarray(reward, np.float64)
    if len(values) < 2:
        return []
    falls = np.maximum.accumulate(values) - values
    lowest = int(falls.argmax())
    peak = int(values[: lowest + 1].argmax())
    if falls[lowest] <= DROP * values[peak]:
        return []
    dry = peak + int((values[peak : lowest + 1] <= values[lowest] + LEVEL * falls[lowest]).argmax())
    rise = values[lowest:].max() - values[lowest]
    below = np.flatnonzero(values[lowest:] <= values[lowest] + LEVEL * max(rise, LEVEL * falls[lowest]))
    end = lowest + int(below[-1])
    bounds = [
        ("A", "learning to harvest", 0, peak),
        ("B", "collapse", peak + 1, dry - 1),
        ("C", "drought", dry, end),
        ("D", "recovery", end + 1, len(values) - 1),
    ]
    return [Phase(*bound) for bound in bounds if bound[2] <= bound[3]]
