"""Proximal policy optimization on the intended goal alone, with every other goal only watched.

Source: Schulman et al. 2017, arXiv 1707.06347; generalized advantages: arXiv 1506.02438, equation 16.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.agents import networks
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.keys import root, stream
from trueaim.core.levels import training_levels
from trueaim.core.play import Running, advance, begin
from trueaim.core.scenario import Scenario


@dataclass(frozen=True)
class PPO:
    """Hyper-parameters. Defaults are ours, measured on 13x13 mazes with a 2-core CPU, unless a source is named.

    Attributes:
        network: one of `agents.networks.ALL`.
        width: of its hidden layers.
        envs: episodes under way at once.
        rollout: steps of each between two updates.
        epochs: passes over a rollout.
        minibatches: in each pass.
        learning_rate: of Adam, at the start; it falls linearly to `final_rate` of that.
        final_rate: 0 to 1.
        discount: gamma, per step; that of learning, not that by which returns are measured.
        trace: lambda of the advantages (PPO paper: 0.95).
        clip: epsilon of the ratio (PPO paper: 0.2).
        entropy: weight of the entropy bonus, in nats.
        value: weight of the value loss.
        grad_norm: largest global norm of a gradient.
        chunk: iterations between two looks from outside (curves, checkpoints, signals).
    """

    network: str = "window"
    width: int = 128
    envs: int = 1024
    rollout: int = 16
    epochs: int = 2
    minibatches: int = 4
    learning_rate: float = 1e-3
    final_rate: float = 0.1
    discount: float = 0.99
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    grad_norm: float = 0.5
    chunk: int = 4

    def __post_init__(self) -> None:
        if self.network not in networks.ALL:
            raise unknown_name("network", self.network, networks.ALL)
        for name in ("width", "envs", "rollout", "epochs", "minibatches", "chunk"):
            if getattr(self, name) < 1:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs at least 1; raise it")
        if self.envs % self.minibatches:
            raise TrueAimError(
                f"envs: got {self.envs}, needs a multiple of minibatches ({self.minibatches}); change one of them"
            )
        for name in ("learning_rate", "grad_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs a finite number above 0; change it")
        for name in ("entropy", "value"):
            if not 0 <= getattr(self, name) < math.inf:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs a finite number of at least 0; change it")
        for name, low, high in (("discount", 0, 1), ("trace", 0, 1), ("clip", 0, 10), ("final_rate", 0, 1)):
            if not low <= getattr(self, name) <= high:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs {low} to {high}; change it")

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps between two updates."""
        return self.envs * self.rollout


class TrainState(NamedTuple):
    """Everything that training needs to go on, and nothing else: one checkpoint.

    Attributes:
        network: its arrays are the parameters.
        moments: the optimizer's state.
        rows: the level of each environment.
        running: the episode of each environment.
        key: from which every iteration derives its own.
        iteration: how many are done.
    """

    network: Any
    moments: Any
    rows: Any
    running: Running
    key: Key[Array, ""]
    iteration: Int[Array, ""]


class Rollout(NamedTuple):
    """Steps of all environments, in order.

    Attributes:
        value_next: the value of the state each step arrived in: zero after an end, the arrived state's own after a
            time limit (not that of the next episode's start).
        cut: the step was the last of its episode, for either reason.
    """

    observation: Any
    action: Int[Array, "time env"]
    log_prob: Float[Array, "time env"]
    value: Float[Array, "time env"]
    reward: Float[Array, "time env"]
    value_next: Float[Array, "time env"]
    cut: Bool[Array, "time env"]


class Batch(NamedTuple):
    """What the loss looks at."""

    observation: Any
    action: Int[Array, " sample"]
    log_prob: Float[Array, " sample"]
    advantage: Float[Array, " sample"]
    target: Float[Array, " sample"]


class Metrics(NamedTuple):
    """Means over one iteration. Losses are those minimized; entropy and kl in nats; rates are shares of samples."""

    policy_loss: Float[Array, ""]
    value_loss: Float[Array, ""]
    entropy: Float[Array, ""]
    kl: Float[Array, ""]
    clipped_rate: Float[Array, ""]
    grad_norm: Float[Array, ""]


class Episodes(NamedTuple):
    """Counts over one iteration."""

    finished: Int[Array, ""]
    terminated: Int[Array, ""]


def init(
    scenario: Scenario, config: PPO, seed: int | Int[Array, ""], alpha: Float[Array, ""], toward: str
) -> TrainState:
    """The state before the first iteration of one seed."""
    key = root(seed)  # type: ignore[arg-type]
    build = networks.ALL[config.network]
    network = build(stream(key, "network"), scenario.world.observation, len(scenario.world.actions), config.width)
    rows = training_levels(scenario, stream(key, "first levels"), config.envs, alpha, toward)
    running = jax.vmap(partial(begin, scenario, rows))(jnp.arange(config.envs))
    start = jnp.zeros((), jnp.int32)
    return TrainState(network, _optimizer(config).init(network), rows, running, stream(key, "training"), start)


def iteration(
    scenario: Scenario, config: PPO, total: Float[Array, ""], alpha: Float[Array, ""], toward: str, state: TrainState
) -> tuple[TrainState, tuple[Metrics, Episodes]]:
    """One rollout and the updates that follow; `total` is the number of iterations after which training ends."""
    key = stream(state.key, "iteration", state.iteration)
    state, rollout, episodes = collect(scenario, config, alpha, toward, state, stream(key, "rollout"))
    advantage = advantages(config, rollout)
    batch = Batch(rollout.observation, rollout.action, rollout.log_prob, advantage, advantage + rollout.value)
    done = state.iteration / total
    rate = config.learning_rate * (1 - (1 - config.final_rate) * jnp.minimum(done, 1.0))
    network, moments, metrics = update(config, state.network, state.moments, batch, rate, stream(key, "updates"))
    state = state._replace(network=network, moments=moments, iteration=state.iteration + 1)
    return state, (metrics, episodes)


def collect(
    scenario: Scenario, config: PPO, alpha: Float[Array, ""], toward: str, state: TrainState, key: Key[Array, ""]
) -> tuple[TrainState, Rollout, Episodes]:
    """A rollout of every environment; an environment whose episode ends goes on with a fresh level.

    Each environment has one fresh level for every 16 steps of a rollout; where more episodes than that end, the last
    ones come around again.
    """
    fresh_each = max(1, config.rollout // 16)
    fresh = training_levels(scenario, stream(key, "levels"), config.envs * fresh_each, alpha, toward)
    table = jax.tree.map(lambda rows, new: jnp.concatenate([rows, new]), state.rows, fresh)
    shape = (config.rollout, config.envs, len(scenario.world.actions))
    noise = jax.random.gumbel(stream(key, "actions"), shape)
    slots = config.envs + fresh_each * jnp.arange(config.envs)

    def step(carry: tuple[Running, Array], noise: Array) -> tuple[tuple[Running, Array], tuple[Any, ...]]:
        running, resets = carry
        observation = jax.vmap(partial(scenario.world.observe, table))(running.state)
        logits, value = state.network(observation)
        action = jnp.argmax(logits + noise, -1)
        log_prob = jnp.take_along_axis(jax.nn.log_softmax(logits), action[:, None], 1)[:, 0]
        arrived, outcome = jax.vmap(partial(advance, scenario, table))(running, action)
        cut = outcome.terminated | outcome.truncated
        begun = jax.vmap(partial(begin, scenario, table))(slots + resets % fresh_each)
        running = jax.tree.map(lambda new, old: jnp.where(_as(cut, new), new, old), begun, arrived)
        kept = (observation, action, log_prob, value, outcome, arrived.state)
        return (running, resets + cut), kept

    running = _renumbered(state.running, jnp.arange(config.envs))
    begun = (running, jnp.zeros(config.envs, jnp.int32))
    (running, _), (observation, action, log_prob, value, outcome, arrived) = jax.lax.scan(step, begun, noise)
    last = state.network(jax.vmap(partial(scenario.world.observe, table))(running.state))[1]
    value_next = jnp.concatenate([value[1:], last[None]])
    value_next = _bootstrap(scenario, config, state.network, table, arrived, outcome.truncated, value_next)
    cut = outcome.terminated | outcome.truncated
    rollout = Rollout(
        observation, action, log_prob, value, outcome.goals[0], jnp.where(outcome.terminated, 0.0, value_next), cut
    )
    rows = jax.tree.map(lambda tables: tables[running.state.level], table)
    state = state._replace(rows=rows, running=_renumbered(running, jnp.arange(config.envs)))
    return state, rollout, Episodes(cut.sum(), outcome.terminated.sum())


def _bootstrap(
    scenario: Scenario, config: PPO, network: Any, table: Any, arrived: Any, truncated: Array, value_next: Array
) -> Float[Array, "time env"]:
    """`value_next` with, after each time limit, the value of the state in which the episode was cut off."""
    most = config.envs * -(-config.rollout // scenario.horizon)
    times, envs = jnp.nonzero(truncated, size=most, fill_value=config.rollout)
    states = jax.tree.map(lambda field: field[times, envs], arrived)
    values = network(jax.vmap(partial(scenario.world.observe, table))(states))[1]
    return value_next.at[times, envs].set(values, mode="drop")


def _renumbered(running: Running, rows: Int[Array, " env"]) -> Running:
    return running._replace(state=running.state._replace(level=rows))


def _as(mask: Bool[Array, " env"], like: Array) -> Array:
    return mask.reshape(mask.shape + (1,) * (like.ndim - 1))


def advantages(config: PPO, rollout: Rollout) -> Float[Array, "time env"]:
    """A_t = delta_t + gamma lambda A_{t+1}, delta_t = r_t + gamma V(s_{t+1}) - V(s_t); A is cut where episodes are."""
    delta = rollout.reward + config.discount * rollout.value_next - rollout.value

    def back(following: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        delta_t, cut_t = step
        advantage_t = delta_t + config.discount * config.trace * jnp.where(cut_t, 0.0, following)
        return advantage_t, advantage_t

    return jax.lax.scan(back, jnp.zeros_like(delta[0]), (delta, rollout.cut), reverse=True)[1]


def loss(config: PPO, network: Any, batch: Batch) -> tuple[Float[Array, ""], Metrics]:
    """-E[min(r A, clip(r, 1 - eps, 1 + eps) A)] + c_v E[(V - R)^2] - c_e E[H(pi)], r = pi(a|s) / pi_old(a|s).

    Equations 7 and 9 of the source; A is normalized to mean 0 and deviation 1 over the minibatch.
    """
    logits, value = network(batch.observation)
    log_pi = jax.nn.log_softmax(logits)
    log_ratio = jnp.take_along_axis(log_pi, batch.action[:, None], 1)[:, 0] - batch.log_prob
    ratio = jnp.exp(log_ratio)
    advantage = (batch.advantage - batch.advantage.mean()) / (batch.advantage.std() + 1e-8)
    clipped = jnp.clip(ratio, 1 - config.clip, 1 + config.clip)
    policy_loss = -jnp.minimum(ratio * advantage, clipped * advantage).mean()
    value_loss = jnp.square(value - batch.target).mean()
    entropy = -(jnp.exp(log_pi) * log_pi).sum(-1).mean()
    total = policy_loss + config.value * value_loss - config.entropy * entropy
    kl = (ratio - 1 - log_ratio).mean()
    clipped_rate = (jnp.abs(ratio - 1) > config.clip).mean()
    return total, Metrics(policy_loss, value_loss, entropy, kl, clipped_rate, jnp.zeros(()))


def _optimizer(config: PPO) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(config.grad_norm), optax.scale_by_adam(eps=1e-5))


def update(
    config: PPO, network: Any, moments: Any, batch: Batch, rate: Float[Array, ""], key: Key[Array, ""]
) -> tuple[Any, Any, Metrics]:
    """The network after `epochs` passes over the rollout, each in minibatches of whole environments, shuffled."""
    optimizer, size = _optimizer(config), config.envs // config.minibatches

    def minibatch(carry: tuple[Any, Any], envs: Int[Array, " env"]) -> tuple[tuple[Any, Any], Metrics]:
        network, moments = carry
        part = jax.tree.map(lambda x: x[:, envs].reshape((-1, *x.shape[2:])), batch)
        (_, metrics), gradient = jax.value_and_grad(partial(loss, config), has_aux=True)(network, part)
        direction, moments = optimizer.update(gradient, moments)
        network = jax.tree.map(lambda parameter, step: parameter - rate * step, network, direction)
        return (network, moments), metrics._replace(grad_norm=optax.tree.norm(gradient))

    orders = jax.vmap(lambda key: jax.random.permutation(key, config.envs))(jax.random.split(key, config.epochs))
    (network, moments), metrics = jax.lax.scan(minibatch, (network, moments), orders.reshape(-1, size))
    return network, moments, jax.tree.map(jnp.mean, metrics)
