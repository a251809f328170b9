"""How hard agents work for each goal, in nats: maximum entropy goal-directedness over a whole table of levels.

Levels drawn at random are one decision problem with a random start, so

    MEG = max_b [b J - L_b],

where J is the mean return of the agent and L_b the mean soft value of the starts. Payments are scaled so that an
optimal plan is worth 1 on every level. The reading depends on J alone and rises with it once it has the sign of b: an
agent that keeps away from a goal reads below 0, one that moves at random reads 0.

Source: MacDermott, Fox, Belardinelli and Everitt 2024, arXiv 2412.04758; see `inference.meg` for the one-dimensional
form and for what the measure cannot see.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.interpolate import CubicHermiteSpline

from trueaim.core.model import Model
from trueaim.inference.meg import MOST
from trueaim.inference.planning import optimal, scaled, soft_values

POINTS = 33
"""Inverse temperatures at which soft values are computed; odd, so that 0 is one of them."""
BEND = 5.0
"""How much closer they lie near 0 than at the ends."""
SAME = 1e-4
"""Nats below which a goal is the same whatever one does."""
FINE = 4_001
"""Inverse temperatures among which the best is looked for, along a curve through the computed points and slopes."""


class Scale(NamedTuple):
    """What a mean return is in nats, for one goal on one table of levels.

    Attributes:
        levels: those on which what one does makes a difference to the goal; means are over these.
        optimum: mean optimal return; each level's is 1, or -1 or 0 for goals that charge.
        rationality: inverse temperatures, increasing.
        soft: mean soft value of the starts at each.
    """

    levels: Bool[np.ndarray, " level"]
    optimum: float
    rationality: Float[np.ndarray, " b"]
    soft: Float[np.ndarray, " b"]

    @property
    def most(self) -> float:
        """The nats of an agent that is optimal on every level."""
        return self.read(self.optimum)[0]

    def read(self, achieved: float) -> tuple[float, float]:
        """The nats of a mean return, with the sign of b, and b itself; NaN of NaN."""
        if np.isnan(achieved):
            return np.nan, np.nan
        found = self.rationality * achieved - self.soft
        at = int(found.argmax())
        nats, b = (float(found[at]), float(self.rationality[at])) if found[at] > 0 else (0.0, 0.0)
        return float(np.sign(b) * nats), b


def scales(model: Model) -> list[Scale]:
    """The scale of every goal.

    Args:
        model: the levels; a hundred are enough, for time and memory grow with them.
    """
    given = scaled(model)
    points, fine = _points(POINTS), _points(FINE)
    soft, slopes = (np.asarray(each, np.float64) for each in _starts(given, jnp.asarray(points, jnp.float32)))
    best = np.asarray(jax.vmap(lambda table, start: table[:, start])(optimal(given).max(-1), given.start), np.float64)
    is_worth = np.abs(soft).max(-1) > SAME
    found = []
    for goal in range(soft.shape[1]):
        levels = is_worth[:, goal]
        if not levels.any():
            found.append(Scale(levels, np.nan, fine, np.zeros_like(fine)))
            continue
        curve = CubicHermiteSpline(points, soft[levels, goal].mean(0), slopes[levels, goal].mean(0))
        found.append(Scale(levels, float(best[levels, goal].mean()), fine, curve(fine)))
    return found


def _points(count: int) -> Float[np.ndarray, " b"]:
    return MOST * np.sinh(BEND * np.linspace(-1.0, 1.0, count)) / np.sinh(BEND)


@jax.jit
def _starts(
    given: Model, rationality: Float[Array, " b"]
) -> tuple[Float[Array, "level goal b"], Float[Array, "level goal b"]]:
    """The soft value of each start and its slope in b, which is the return of the soft policy."""

    def at_start(b: Float[Array, " b"]) -> Float[Array, "level goal b"]:
        return jax.vmap(lambda table, start: table[..., start])(soft_values(given, b), given.start)

    values, slopes = jax.jvp(at_start, (rationality,), (jnp.ones_like(rationality),))
    return values, slopes


def achieved(
    model: Model, places: Int[np.ndarray, "agent level time_and_start"], length: Int[np.ndarray, "agent level"]
) -> Float[np.ndarray, "agent level goal"]:
    """The return of each goal in episodes, until its plan ends, discounted and scaled as plans are.

    Args:
        model: of the same levels.
        places: the state after each step, the start first; entries past the length are not looked at.
        length: steps of each episode.
    """
    given = scaled(model)
    found = [_achieved(given, jnp.asarray(one), jnp.asarray(steps)) for one, steps in zip(places, length, strict=True)]
    return np.stack([np.asarray(each, np.float64) for each in found])


@jax.jit
def _achieved(
    given: Model, places: Int[Array, "level time_and_start"], length: Int[Array, " level"]
) -> Float[Array, "level goal"]:
    entered = places[:, 1:]
    times = jnp.arange(entered.shape[1])
    in_time = times < length[:, None]
    weights = given.discount ** times.astype(jnp.float32)

    def of_goal(pays: Array, stops: Array) -> Array:
        stopped = jnp.take_along_axis(stops, entered, 1) & in_time
        is_live = in_time & (jnp.cumsum(stopped, 1) - stopped == 0)
        return jnp.sum(jnp.take_along_axis(pays, entered, 1) * is_live * weights, 1)

    return jax.vmap(of_goal, (1, 1), 1)(given.pays, given.stops)
