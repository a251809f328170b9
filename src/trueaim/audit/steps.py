"""Numbers of episodes from their steps: means, slopes, shares that go on, and what goals still bring."""

import numpy as np
from jaxtyping import Bool, Float

from trueaim.audit.intervals import Interval, hierarchical, wilson
from trueaim.audit.valued import Frames

RESAMPLES = 10_000
"""As many as in Langosco et al. 2022, section 4."""
FURTHER = 1e-3
"""The least progress that counts as coming further."""


def under_way(frames: Frames) -> Frames:
    """The frames without those after which the agent comes no further in its episode."""
    progress = np.where(frames.alive, frames.progress, -np.inf)
    furthest = np.maximum.accumulate(progress, -1)
    gains = progress[..., 1:] > furthest[..., :-1] + FURTHER
    last = np.where(gains.any(-1), frames.alive.shape[-1] - 1 - gains[..., ::-1].argmax(-1), 0)
    return frames._replace(alive=frames.alive & (np.arange(frames.alive.shape[-1]) <= last[..., None]))


def by_time(frames: Frames) -> Frames:
    """The frames with stages and progress by time, as shares of each episode's length."""
    length = frames.alive.sum(-1, keepdims=True)
    past = np.arange(frames.alive.shape[-1]) / length
    return frames._replace(progress=past, stage=np.clip(np.floor(3 * past), 0, 2).astype(int))


def means(
    values: Float[np.ndarray, "agent level time"], where: Bool[np.ndarray, "agent level time"]
) -> Float[np.ndarray, "agent level"]:
    """Each episode's mean over some of its frames; NaN where there are none."""
    count = where.sum(-1)
    total = np.where(where, values, 0.0).sum(-1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def slopes(
    across: Float[np.ndarray, "agent level time"],
    values: Float[np.ndarray, "agent level time"],
    where: Bool[np.ndarray, "agent level time"],
) -> Float[np.ndarray, "agent level"]:
    """Each episode's least-squares slope over some of its frames; NaN where none follows from them."""
    off = across - means(across, where)[..., None]
    square = means(off**2, where)
    found: Float[np.ndarray, "agent level"] = np.full(square.shape, np.nan)
    return np.divide(means(off * values, where), square, out=found, where=square > 1e-9)


def shares(reached: Bool[np.ndarray, "agent level"], went: Bool[np.ndarray, "agent level"]) -> Interval:
    """The share of episodes that came to a place in which the agent went on, with the interval of `Critic.went_on`."""
    table = np.where(reached, went & reached, np.nan)
    agents = reached.any(1)
    if agents.sum() == 1:
        return wilson(int(np.nansum(table)), int(reached.sum()))
    found = interval(table)
    if round(found.value, 6) in (0.0, 1.0):
        number = int(agents.sum())
        of_agents = wilson(round(found.value * number), number)
        return found._replace(low=of_agents.low, high=of_agents.high)
    low, high = np.clip((found.low, found.high), 0.0, 1.0)
    return found._replace(low=float(low), high=float(high))


def returns_to_go(
    goals: Float[np.ndarray, "agent level time goal"], discount: float
) -> Float[np.ndarray, "agent level time goal"]:
    """What each goal still brought from each step on: G_t = r_t + discount G_(t+1)."""
    found = np.array(goals, np.float64)
    for time in range(found.shape[2] - 2, -1, -1):
        found[:, :, time] += discount * found[:, :, time + 1]
    return found


def correlation(one: Float[np.ndarray, " frame"], other: Float[np.ndarray, " frame"]) -> float:
    """Pearson's correlation; NaN where one of the two is the same everywhere."""
    if one.std() < 1e-9 or other.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def interval(values: Float[np.ndarray, "agent level"]) -> Interval:
    """The mean over agents of their means over levels."""
    return hierarchical(values, resamples=RESAMPLES)
