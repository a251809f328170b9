"""Plans for every goal of a model: exact values of actions, and soft values and policies of every inverse temperature.

All are stationary: what an action is worth with the whole time limit ahead, whatever the time. Arrays inside have the
goals last, because one gather then fetches them together.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.model import Model

STILL = 1e-6
"""Values that change by no larger share (or, below 1, amount) are taken to have settled."""

Values = Float[Array, "level state column"]
Ahead = Float[Array, "level state action column"]


@jax.jit
def optimal(model: Model) -> Float[Array, "level goal state action"]:
    """Q*: what each action is worth to whoever pursues the goal from there on.

    Q(s, a) = r(s') + discount * max_a' Q(s', a'), nothing after a stop, by as many backups as the time limit has steps
    (fewer where nothing changes any more).
    """
    pays, stops = _columns(model.pays), _columns(model.stops)
    values = settled(model.steps, pays, lambda values: ahead(model, pays, stops, values).max(2))
    return _goals_first(ahead(model, pays, stops, values))


@jax.jit
def soft_values(model: Model, rationality: Float[Array, " b"]) -> Float[Array, "level goal b state"]:
    """L_b: the soft value of each state in nats, 0 where an agent can do no better than at random.

    L_b(s) = log mean_a exp(b r(s') + discount L_b(s')), L_b = 0 after a stop.

    Args:
        model: the levels.
        rationality: the inverse temperatures b, of either sign; from -300 to 300 nothing overflows.

    Source: maximum causal entropy (Ziebart 2010) relative to uniform actions, so that a step as such costs nothing.
    """
    pays, stops = _by_rationality(model, rationality)
    values = settled(model.steps, pays, lambda values: log_mean_exp(ahead(model, pays, stops, values)))
    return jnp.moveaxis(values, 1, -1).reshape(*model.pays.shape[:2], rationality.shape[0], -1)


@jax.jit
def soft_policies(model: Model, rationality: Float[Array, " b"]) -> Float[Array, "level goal b state action"]:
    """The logarithm of pi_b(a|s), which is proportional to exp(b r(s') + discount L_b(s'))."""
    pays, stops = _by_rationality(model, rationality)
    values = settled(model.steps, pays, lambda values: log_mean_exp(ahead(model, pays, stops, values)))
    found = _goals_first(jax.nn.log_softmax(ahead(model, pays, stops, values), 2))
    return found.reshape(*model.pays.shape[:2], rationality.shape[0], *found.shape[2:])


@jax.jit
def noisy_policies(model: Model, rationality: Float[Array, " b"]) -> Float[Array, "level goal b state action"]:
    """The logarithm of pi_b(a|s), which is proportional to exp(b Q*(s, a)); b = 0 is uniform."""
    worth = optimal(model)[:, :, None]
    return jax.nn.log_softmax(rationality[:, None, None] * worth, -1)


@jax.jit
def scaled(model: Model) -> Model:
    """The model with payments such that an optimal plan from the start is worth 1 (or -1), for each level and goal.

    Only then does an inverse temperature mean the same for all goals. Otherwise a goal farther away makes a noisier
    plan for the same way, and of two goals on one way the nearer would be inferred whichever is pursued. Goals that are
    worth 0 on a level stay as they are.
    """
    values = optimal(model).max(-1)
    worth = jnp.abs(jax.vmap(lambda table, start: table[:, start])(values, model.start))
    return model._replace(pays=model.pays / jnp.where(worth > 0, worth, 1.0)[..., None])


def ahead(model: Model, pays: Values, stops: Bool[Array, "level state column"], values: Values) -> Ahead:
    """By action, what it is worth, if states are worth these values after it."""
    entered = pays + jnp.where(stops, 0.0, model.discount * values)
    found: Ahead = jax.vmap(lambda rows, moves: rows[moves])(entered, model.moves)
    return found


def log_mean_exp(worth: Ahead) -> Values:
    """The logarithm of the mean over actions of exp; never overflows, because the largest is taken out first."""
    most = worth.max(2)
    return most + jnp.log(jnp.mean(jnp.exp(worth - most[:, :, None]), 2))


def settled(steps: Int[Array, " level"], like: Values, back: Callable[[Values], Values]) -> Values:
    """The values after each level's number of backups, starting from 0; stops early once they have settled."""
    most = jnp.max(steps)

    def under_way(carry: tuple[Array, Array, Values]) -> Array:
        done, is_moving, _ = carry
        return is_moving & (done < most)

    def one(carry: tuple[Array, Array, Values]) -> tuple[Array, Array, Values]:
        done, _, values = carry
        new = jnp.where((done < steps)[:, None, None], back(values), values)
        is_moving = jnp.any(jnp.abs(new - values) > STILL * jnp.maximum(1.0, jnp.abs(new)))
        return done + 1, is_moving, new

    start = (jnp.int32(0), jnp.array(True), jnp.zeros(like.shape, jnp.float32))
    return jax.lax.while_loop(under_way, one, start)[2]


def _columns(table: Array) -> Array:
    return jnp.swapaxes(table, 1, 2)


def _goals_first(worth: Ahead) -> Float[Array, "level column state action"]:
    return jnp.moveaxis(worth, -1, 1)


def _by_rationality(model: Model, rationality: Float[Array, " b"]) -> tuple[Values, Bool[Array, "level state column"]]:
    """Payments times every inverse temperature, as columns (goal, b), and stops to match."""
    num = rationality.shape[0]
    pays = (model.pays[:, :, None] * rationality[:, None]).reshape(model.pays.shape[0], -1, model.pays.shape[-1])
    return _columns(pays), jnp.repeat(_columns(model.stops), num, -1)
