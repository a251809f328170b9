"""How well each goal explains decisions: nats above a uniform policy, by level, goal and inverse temperature.

Only the first decision in each state of an episode counts. What an agent does in a place to which it came back, or in
which it stays once it has what it wanted, says little about where it was going, and there may be a hundred such steps.
Whether a state was seen before does not depend on the decision, so the counted ones are as good a sample.
"""

from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.model import Model
from trueaim.inference.planning import noisy_policies, scaled, soft_policies

GRID = (10.0, 30.0, 100.0, 300.0)
"""Inverse temperatures that are compared. Values near 0 would imitate random actions, so there are none."""
FORMS = {"noisy": noisy_policies, "entropy": soft_policies}
Form = Literal["noisy", "entropy"]


class Decisions(NamedTuple):
    """What one agent did, one episode on each level.

    Attributes:
        states: in which each decision fell.
        chosen: the share of each action in it: 1 for the one taken, or the agent's probabilities.
        counted: whether it counts: before the episode's end, and the first in its state.
        previous: the action before, or -1 at the start and where it is not known.
        live: whether a plan for each goal still had something to do.
        entered: the state after it; after an episode's end, the last one.
    """

    states: Int[Array, "level time"]
    chosen: Float[Array, "level time action"]
    counted: Bool[Array, "level time"]
    previous: Int[Array, "level time"]
    live: Bool[Array, "level time goal"]
    entered: Int[Array, "level time"]

    def rows(self, levels: Any) -> "Decisions":
        """The decisions on some of the levels."""
        return Decisions(*(table[levels] for table in self))


class Evidence(NamedTuple):
    """What decisions say about goals.

    Attributes:
        nats: log-likelihood above that of uniform actions; after the end of its plan a goal says nothing (0 nats).
        attainable: what the nats would be for an agent that always did what the most rational plan thinks best; where
            many ways are as good, that is far below the logarithm of the number of actions for each decision.
        num_decisions: how many of the counted decisions fell before the end of each goal's plan.
        rationality: the inverse temperatures of the axis b.
    """

    nats: Float[np.ndarray, "level goal b"]
    attainable: Float[np.ndarray, "level goal"]
    num_decisions: Int[np.ndarray, "level goal"]
    rationality: tuple[float, ...]

    def rows(self, levels: Any) -> "Evidence":
        """The evidence of some of the levels."""
        return Evidence(self.nats[levels], self.attainable[levels], self.num_decisions[levels], self.rationality)


def decisions(model: Model, places: Int[Any, "level time_and_start"], length: Int[Any, " level"]) -> Decisions:
    """The decisions of one episode on each level, from the states it went through.

    Where several actions lead to the state that followed (against one wall or another), each gets an equal share: no
    goal tells them apart, because goals are paid on entering states.

    Args:
        model: of the same levels.
        places: the state after each step, the start first; entries past the length are not looked at.
        length: steps of each episode.

    Raises:
        TrueAimError: if a step goes where no action leads.
    """
    places, length = jnp.asarray(places), jnp.asarray(length)
    if places.shape[0] != model.moves.shape[0]:
        raise TrueAimError(
            f"places: got episodes on {places.shape[0]} levels for a model of {model.moves.shape[0]}, needs one on "
            "each; take the rows of the model that were played"
        )
    found: Decisions
    found, is_possible = _decisions(model, places, length)
    if not bool(is_possible):
        raise TrueAimError(
            "places: got a step to a state where no action leads, needs moves of the model; check that levels, places "
            "and lengths are of the same episodes"
        )
    return found


@jax.jit
def _decisions(model: Model, places: Array, length: Array) -> tuple[Decisions, Array]:
    in_time = jnp.arange(places.shape[1] - 1) < length[:, None]
    last = jnp.take_along_axis(places, length[:, None], 1)
    states, entered = places[:, :-1], jnp.where(in_time, places[:, 1:], last)
    leads = jax.vmap(lambda moves, rows: moves[rows])(model.moves, states) == entered[..., None]
    chosen = leads / jnp.maximum(leads.sum(-1, keepdims=True), 1)
    is_sure = in_time & (leads.sum(-1) == 1)
    taken = jnp.where(is_sure, jnp.argmax(leads, -1), -1)
    previous = jnp.concatenate([jnp.full_like(taken[:, :1], -1), taken[:, :-1]], 1)
    stopped = jax.vmap(lambda stops, rows: stops[:, rows].T)(model.stops, entered) & in_time[..., None]
    done = jnp.cumsum(stopped, 1) - stopped > 0
    counted = in_time & _is_first(states, model.moves.shape[1])
    found = Decisions(states, chosen, counted, previous, ~done & counted[..., None], entered)
    return found, jnp.all(leads.any(-1) | ~in_time)


def _is_first(states: Int[Array, "level time"], num_states: int) -> Bool[Array, "level time"]:
    times = jnp.arange(states.shape[1])

    def of_level(row: Int[Array, " time"]) -> Bool[Array, " time"]:
        earliest = jnp.full(num_states, states.shape[1]).at[row].min(times)
        return earliest[row] == times

    return jax.vmap(of_level)(states)


def with_probabilities(found: Decisions, probabilities: Float[Any, "level time action"]) -> Decisions:
    """The same decisions with the agent's own probabilities in place of the action it happened to take.

    Far less noisy, for whoever can look into the agent. Raises `TrueAimError` unless they sum to 1 where they count.
    """
    table = jnp.asarray(probabilities)
    total = jnp.where(found.counted, table.sum(-1), 1.0) if table.shape == found.chosen.shape else jnp.zeros(1)
    if not bool(jnp.all(jnp.abs(total - 1) < 1e-3)):
        raise TrueAimError(
            f"probabilities: got shape {table.shape} or sums other than 1, needs shape {found.chosen.shape} and "
            "probabilities that sum to 1 over the actions; normalize them"
        )
    return found._replace(chosen=jnp.where(found.counted[..., None], table, found.chosen))


def everywhere(model: Model, probabilities: Float[Any, "level state action"]) -> Decisions:
    """One decision in every state for which the probabilities are finite: an agent's whole field of decisions.

    Most such states the agent would never come to, so what it would do there is off its own distribution: say so
    wherever this is reported. States in which a goal's plan ends say nothing about it.
    """
    table = jnp.asarray(probabilities)
    counted = jnp.isfinite(table).all(-1)
    states = jnp.broadcast_to(jnp.arange(table.shape[1]), table.shape[:2])
    live = counted[..., None] & ~jnp.swapaxes(model.stops, 1, 2)
    chosen = jnp.where(counted[..., None], table, 0.0)
    return Decisions(states, chosen, counted, jnp.full(states.shape, -1), live, states)


class Plans(NamedTuple):
    """How likely each action is to whoever plans for a goal, for many agents to be held against.

    Attributes:
        policies: nats of each action above a uniform one.
        best: the most nats that any action has, at the highest inverse temperature.
        rationality: the inverse temperatures of the axis b.
    """

    policies: Float[Array, "level goal b state action"]
    best: Float[Array, "level goal state"]
    rationality: tuple[float, ...]

    def rows(self, levels: Any) -> "Plans":
        """The plans on some of the levels."""
        return Plans(self.policies[levels], self.best[levels], self.rationality)


def plans(model: Model, rationality: tuple[float, ...] = GRID, form: str = "noisy") -> Plans:
    """The plans for every goal and inverse temperature.

    Args:
        model: the levels; payments are scaled as in `planning.scaled`.
        rationality: the inverse temperatures to compare.
        form: "noisy", pi proportional to exp(b Q*), or "entropy", maximum causal entropy; see `planning`.
    """
    if form not in FORMS:
        raise unknown_name("form", form, FORMS)
    policies, best = _policies(model, jnp.asarray(rationality, jnp.float32), form)
    return Plans(policies, best, tuple(float(b) for b in rationality))


@partial(jax.jit, static_argnames="form")
def _policies(
    model: Model, rationality: Float[Array, " b"], form: str
) -> tuple[Float[Array, "level goal b state action"], Float[Array, "level goal state"]]:
    policies = FORMS[form](scaled(model), rationality) + jnp.log(model.moves.shape[-1])
    return policies, policies[:, :, jnp.argmax(rationality)].max(-1)


def evidence(planned: Plans, found: Decisions) -> Evidence:
    """What the decisions of one agent say about every goal and inverse temperature."""
    nats, attainable = (np.asarray(each, np.float64) for each in _nats(planned.policies, planned.best, found))
    return Evidence(nats, attainable, np.asarray(found.live.sum(1), np.int64), planned.rationality)


@jax.jit
def _nats(
    policies: Float[Array, "level goal b state action"], best: Float[Array, "level goal state"], found: Decisions
) -> tuple[Float[Array, "level goal b"], Float[Array, "level goal"]]:
    def of_level(policy: Array, most: Array, states: Array, chosen: Array, live: Array) -> tuple[Array, Array]:
        nothing = jnp.zeros(policy.shape[2:])
        given = jax.vmap(lambda weight: nothing.at[states].add(weight[:, None] * chosen))(live.T.astype(jnp.float32))
        return jnp.einsum("gbsa,gsa->gb", policy, given), jnp.sum(most * given.sum(-1), -1)

    return jax.vmap(of_level)(policies, best, found.states, found.chosen, found.live)


def explained(found: Evidence) -> Float[np.ndarray, " goal"]:
    """E: nats per decision above a uniform policy, at each goal's best inverse temperature; NaN without a decision.

    At most the logarithm of the number of actions. Below 0, even the least rational plan for the goal explains the
    decisions worse than chance.
    """
    count = found.num_decisions.sum(0)
    best = found.nats.sum(0).max(-1)
    return np.where(count > 0, best / np.maximum(count, 1), np.nan)
