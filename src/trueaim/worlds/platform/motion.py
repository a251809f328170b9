"""How enemies move: to and fro between walls and barriers, whatever the agent does, so time alone says where they are.

An enemy walks in four sub-steps. At the middle of the last free cell it is mirrored. A barrier or a wall one cell high
turns it at full speed; a higher wall also takes the speed of the sub-step in which it turned, a quarter. All such
motions, for every width of the stretch, every first cell and both kinds of end, are one table by time; a level names a
row of it for each enemy.

In the original an enemy that turns at a high wall less than a cell from a crate may lose more speed, if the agent is
falling just then from above that crate's height: its crate rule looks at the agent alone. That is not done here.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Array, Bool, Float, Int

HORIZON = 1000
"""The time limit of an episode, in steps."""
SPEED = 0.15
"""Of an enemy, in cells per step, until it meets a wall."""
WIDEST = 16
"""The longest stretch that an enemy can walk, in cells; levels that are drawn here need 10."""
NUM_STRETCHES = WIDEST * (WIDEST + 1) // 2
SUB_STEPS = 4
REACH = 0.98
"""The share of a body's half-size at which it feels the grid."""


def track(
    width: Int[Array, "*enemy"],
    first: Int[Array, "*enemy"],
    wall_behind: Bool[Array, "*enemy"],
    wall_ahead: Bool[Array, "*enemy"],
) -> Int[Array, "*enemy"]:
    """The row of `motions` for an enemy that starts in free cell `first` of `width`, counted from behind it.

    "Ahead" is where it first walks. A wall counts as one where it is at least two cells high.
    """
    kind = wall_behind.astype(np.int32) * 2 + wall_ahead.astype(np.int32)
    return kind * NUM_STRETCHES + width.astype(np.int32) * (width - 1) // 2 + first


@lru_cache(maxsize=1)
def motions() -> Float[np.ndarray, "track time"]:
    """How far an enemy has come from the middle of the first free cell behind it, in cells, at times 0 to `HORIZON`."""
    width = np.concatenate([np.full(cells, cells) for cells in range(1, WIDEST + 1)])
    first = np.concatenate([np.arange(cells) for cells in range(1, WIDEST + 1)])
    shapes = [(behind, ahead) for behind in (0, 1) for ahead in (0, 1)]
    behind = np.repeat([shape[0] for shape in shapes], NUM_STRETCHES)
    ahead = np.repeat([shape[1] for shape in shapes], NUM_STRETCHES)
    end = np.tile(width - 1, 4).astype(float)
    place, speed = np.tile(first, 4).astype(float), np.full(end.shape, SPEED)
    found = np.empty((HORIZON + 1, end.size), np.float32)
    found[0] = place
    for time in range(1, HORIZON + 1):
        place, speed = _walked(place, speed, end, behind, ahead)
        found[time] = place
    return found.T.copy()


def _walked(
    place: np.ndarray, speed: np.ndarray, end: np.ndarray, behind: np.ndarray, ahead: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place and velocity one step later."""
    kept = np.zeros(place.shape)
    slack = 0.5 * (1 - REACH)
    for _ in range(SUB_STEPS):
        place = place + speed / SUB_STEPS
        low, high = place < -slack, place >= end + slack
        place = np.where(low, -place, np.where(high, 2 * end - place, place)).clip(-slack, end + slack)
        speed = np.where(low | high, -speed, speed)
        kept += 1 - (low & (behind == 1)) - (high & (ahead == 1))
    return place, speed * kept / SUB_STEPS
