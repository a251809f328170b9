"""What an agent is after that nobody listed: the reward over named features of states that explains its ways.

Its size tells little, because rewards are fixed only up to shaping and scale; what counts is how much better than the
listed goals it explains decisions on levels that it was not fitted to, and which feature weighs most.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.optimize import minimize

from trueaim.core.errors import TrueAimError
from trueaim.core.model import Features, Model
from trueaim.inference.likelihood import Decisions
from trueaim.inference.planning import settled

PENALTY = 5.0
"""What the sum over levels loses for the squared weights: they are taken to be around 0, give or take 0.3."""
HELD_OUT_ONE_IN = 3
LEAST_NATS = 0.1
"""Below so many nats per decision there is no aim worth words."""
NO_AIM = "shows no aim that these features tell"
LEAST_WEIGHT = 0.3
"""Random agents get weights up to this."""
BESIDE = 0.6
"""A second feature is named if its weight has at least this share of the first's. What ends an episode gets up to half
from agents who merely do not keep clear of it."""


class Discovery(NamedTuple):
    """The fitted goal of an agent.

    Attributes:
        names: of the features.
        weights: what a step onto each is worth, in nats.
        nats: E of the fitted goal, nats per decision above uniform actions, on levels held out; NaN without a decision.
        listed_nats: the same with nothing but the features of the listed goals.
        fitted_levels, held_out_levels: how many levels each rests on; with 5 fitted ones weights are not to be trusted.
        num_decisions: on the levels held out.
        words: what the agent does, for people.
    """

    names: tuple[str, ...]
    weights: Float[np.ndarray, " feature"]
    nats: float
    listed_nats: float
    fitted_levels: int
    held_out_levels: int
    num_decisions: int
    words: str

    @property
    def gain(self) -> float:
        """By how many nats per decision the features explain more than the listed goals."""
        return self.nats - self.listed_nats

    @property
    def top(self) -> str:
        """The feature with the largest weight in size."""
        return self.names[int(np.argmax(np.abs(self.weights)))]


class _Ways(NamedTuple):
    """Levels on which an episode's end is a state that one stays in, and what was seen on them."""

    moves: Int[Array, "level state action"]
    on: Float[Array, "level state feature"]
    start: Int[Array, " level"]
    steps: Int[Array, " level"]
    seen: Float[Array, "level feature"]


def discover(
    model: Model,
    found: Decisions,
    features: Features,
    held_out: Bool[np.ndarray, " level"] | None = None,
    penalty: float = PENALTY,
) -> Discovery:
    """The weights theta that maximize sum_levels [theta . mu - L_theta(start)] - penalty |theta|^2, and what they mean.

    mu counts, discounted, how often each feature was entered within the time limit, where an episode that ended is
    taken to stay where it did; L is the soft value of those who are paid theta for the same. The sum is concave, its
    gradient mu minus what the soft policy of theta is expected to enter.

    Args:
        model: the levels.
        found: one episode's decisions on each.
        features: of the same levels.
        held_out: levels to judge by, not to fit; by default every third.
        penalty: on squared weights.

    Raises:
        TrueAimError: for features of other levels, or when no level is left to fit or to judge by.

    Source: maximum causal entropy inverse reinforcement learning (Ziebart 2010), relative to uniform actions.
    """
    apart = np.arange(len(features.on)) % HELD_OUT_ONE_IN == HELD_OUT_ONE_IN - 1 if held_out is None else held_out
    _check(model, features, apart)
    ways = _ways(model, found, features)
    rows, rest = np.flatnonzero(~apart), np.flatnonzero(apart)
    every = np.ones(len(features.names), bool)
    listed = np.zeros(len(features.names), bool)
    listed[list(features.of_goals)] = True
    fitted, judged = (jax.tree.map(lambda table, r=r: table[r], ways) for r in (rows, rest))
    shown = found.states[rest], found.chosen[rest], found.counted[rest]
    count = int(shown[-1].sum())

    def nats_of(theta: Float[np.ndarray, " feature"]) -> float:
        return float(_explained(judged, model.discount, jnp.asarray(theta), *shown)) / count if count else float("nan")

    weights = _fitted(fitted, model.discount, every, penalty)
    nats, listed_nats = nats_of(weights), nats_of(_fitted(fitted, model.discount, listed, penalty))
    words = in_words(features.names, weights, nats)
    return Discovery(features.names, weights, nats, listed_nats, len(rows), len(rest), count, words)


def in_words(names: tuple[str, ...], weights: Float[np.ndarray, " feature"], nats: float) -> str:
    """What an agent with these weights does: "heads for the cheese", or that it shows no aim."""
    order = np.argsort(-np.abs(weights))
    largest = float(np.abs(weights[order[0]]))
    if not nats >= LEAST_NATS or largest < LEAST_WEIGHT:
        return NO_AIM
    named = [number for number in order if abs(weights[number]) >= BESIDE * largest]
    parts = []
    for verb, sign in (("heads for", 1), ("keeps away from", -1)):
        what = [f"the {names[number]}" for number in named if sign * weights[number] > 0]
        parts += [f"{verb} {' and '.join(what)}"] if what else []
    return " and ".join(parts)


def _check(model: Model, features: Features, held_out: Bool[np.ndarray, " level"]) -> None:
    levels = model.moves.shape[0]
    if features.on.shape[:2] != model.moves.shape[:2] or len(held_out) != levels:
        raise TrueAimError(
            f"features: got {features.on.shape[0]} levels, {len(held_out)} of them marked, for a model of {levels}, "
            "needs the same levels; take their rows"
        )
    if held_out.all() or not held_out.any():
        raise TrueAimError(
            f"held_out: got {int(held_out.sum())} of {levels} levels, needs some to fit and some to judge by; use more "
            "levels"
        )


def _ways(model: Model, found: Decisions, features: Features) -> _Ways:
    here = jnp.arange(model.moves.shape[1])[:, None]
    moves = jnp.where(model.ends[..., None], here, model.moves)
    on = features.on.astype(jnp.float32)
    more = max(int(jnp.max(model.steps)) - found.entered.shape[1], 0)
    entered = jnp.pad(found.entered, ((0, 0), (0, more)), mode="edge")
    times = jnp.arange(entered.shape[1])
    weight = jnp.where(times < model.steps[:, None], model.discount**times, 0.0)
    seen = jax.vmap(lambda table, states, late: late @ table[states])(on, entered, weight)
    return _Ways(moves, on, model.start, model.steps, seen)


def _fitted(
    ways: _Ways, discount: float, free: Bool[np.ndarray, " feature"], penalty: float
) -> Float[np.ndarray, " feature"]:
    """The best weights, 0 where they are not free."""

    def lost(some: Float[np.ndarray, " free"]) -> tuple[float, Float[np.ndarray, " free"]]:
        theta = np.zeros(len(free))
        theta[free] = some
        value, slope = _gained(ways, discount, jnp.asarray(theta, jnp.float32))
        loss = penalty * some @ some - float(value)
        return float(loss), 2 * penalty * some - np.asarray(slope, np.float64)[free]

    found = minimize(
        lost,
        np.zeros(int(free.sum())),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 1e-5, "gtol": 1e-2, "maxiter": 100},
    )
    theta = np.zeros(len(free))
    theta[free] = found.x
    return theta


@jax.jit
def _gained(
    ways: _Ways, discount: float, theta: Float[Array, " feature"]
) -> tuple[Float[Array, ""], Float[Array, " feature"]]:
    """sum_levels [theta . mu - L(start)] and its gradient."""
    values = _values(ways, discount, theta)
    at_start = jax.vmap(lambda table, start: table[start])(values, ways.start)
    return jnp.sum(ways.seen @ theta - at_start[:, 0]), jnp.sum(ways.seen - at_start[:, 1:], 0)


def _values(ways: _Ways, discount: float, theta: Float[Array, " feature"]) -> Float[Array, "level state column"]:
    """The soft value of each state, and as further columns what its soft policy is expected to enter: its gradient."""

    def back(values: Float[Array, "level state column"]) -> Float[Array, "level state column"]:
        worth = _ahead(ways, discount, theta, values)
        most = worth[..., 0].max(-1, keepdims=True)
        likely = jnp.exp(worth[..., 0] - most)
        soft = most[..., 0] + jnp.log(jnp.mean(likely, -1))
        expected = jnp.sum(worth[..., 1:] * (likely / likely.sum(-1, keepdims=True))[..., None], 2)
        return jnp.concatenate([soft[..., None], expected], -1)

    like = jnp.zeros((*ways.on.shape[:2], 1 + ways.on.shape[2]))
    return settled(ways.steps, like, back)


def _ahead(
    ways: _Ways, discount: float, theta: Float[Array, " feature"], values: Float[Array, "level state column"]
) -> Float[Array, "level state action column"]:
    entered = jnp.concatenate([(ways.on @ theta)[..., None], ways.on], -1) + discount * values
    found: Float[Array, "level state action column"]
    found = jax.vmap(lambda rows, moves: rows[moves])(entered, ways.moves)
    return found


@jax.jit
def _explained(
    ways: _Ways, discount: float, theta: Float[Array, " feature"], states: Array, chosen: Array, counted: Array
) -> Float[Array, ""]:
    """The nats of all counted decisions above uniform ones."""
    theta = theta.astype(jnp.float32)
    worth = _ahead(ways, discount, theta, _values(ways, discount, theta))[..., 0]
    policy = jax.nn.log_softmax(worth, -1) + jnp.log(ways.moves.shape[-1])
    taken = jax.vmap(lambda table, rows: table[rows])(policy, states)
    return jnp.sum(jnp.where(counted[..., None], chosen * taken, 0.0))
