"""One training cycle under a curriculum: levels are proposed, played, trained on where the curriculum says, and scored.

Every environment plays its own level from the cycle's first step, again and again, for `rollout` steps. A cycle is two
programs, `proposed` and `completed`; between them the optima of new levels are worked out. Where the scenario's
yardstick can run inside of a program, `iteration` is all three in one.
"""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from trueaim.agents import networks
from trueaim.agents.networks import Network
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.keys import root, stream
from trueaim.core.play import advance, begin, observe
from trueaim.core.scenario import Scenario
from trueaim.training import curricula, ppo
from trueaim.training.curricula import oracle, scores
from trueaim.training.curricula.curriculum import Curriculum
from trueaim.training.curricula.facts import Discounts, Sums, facts, merged, sums
from trueaim.training.curricula.logged import logged
from trueaim.training.curricula.mutators import mutator
from trueaim.training.curricula.oracle import Known
from trueaim.training.curricula.teacher import Proposal, Setup, Teacher, chosen, rows
from trueaim.training.hyperparameters import PPO
from trueaim.training.scaling import Scale, scaled, unscaled


class State(NamedTuple):
    """Everything that training under a curriculum needs to go on: one checkpoint.

    Attributes:
        network, moments, scale, key, iteration: as in `ppo.TrainState`.
        rows: the levels of the last cycle, one for each environment.
        teaching: the curriculum's own state.
    """

    network: Network
    moments: Any
    rows: Any
    scale: Scale
    key: Key[Array, ""]
    iteration: Int[Array, ""]
    teaching: Any


def check(scenario: Scenario, config: PPO, settings: Curriculum) -> None:
    """Raise unless this curriculum can be run on this scenario with this learner."""
    if settings.name not in curricula.ALL:
        raise unknown_name("curriculum", settings.name, curricula.ALL)
    teacher = curricula.ALL[settings.name]
    if teacher.needs_edits:
        mutator(scenario)
    if (score := score_of(teacher, settings)) is not None and score.needs_optimum:
        oracle.check(scenario)
    if teacher.replay is not None and settings.size < config.envs:
        raise TrueAimError(
            f"curriculum.size: got {settings.size}, needs room for the {config.envs} levels of a cycle; "
            "raise it or lower learner.envs"
        )
    replace(config, envs=teacher.parts(settings, config.envs, config.minibatches).trained)
    if teacher.needs_score and teacher.parts(settings, config.envs, config.minibatches).known >= config.envs:
        raise TrueAimError(
            f"learner.envs: got {config.envs} with {config.minibatches} minibatches, needs at least two for each; "
            "raise it"
        )


def score_of(teacher: Teacher, settings: Curriculum) -> scores.Score | None:
    """The score that a curriculum works with, or None where it scores no level."""
    return scores.find(teacher.score or settings.score) if teacher.needs_score else None


def _setup(scenario: Scenario, config: PPO, settings: Curriculum, alpha: Float[Array, ""], toward: str) -> Setup:
    return Setup(scenario, settings, config.envs, config.minibatches, alpha, toward)


def init(
    scenario: Scenario, config: PPO, settings: Curriculum, seed: int | Int[Array, ""], alpha: Array, toward: str
) -> State:
    """The state before the first cycle of one seed; the network is the one that `ppo.init` begins with."""
    key, teacher = root(seed), curricula.ALL[settings.name]  # type: ignore[arg-type]
    setup = _setup(scenario, config, settings, alpha, toward)
    actions = len(scenario.world.actions)
    network = networks.build(stream(key, "network"), config.network, scenario.observation, actions, config.width)
    teaching = teacher.begin(setup, stream(key, "teaching"))
    proposal, _ = teacher.propose(setup, teaching, stream(key, "first levels"))
    return State(
        network=network,
        moments=ppo.optimizer_of(config).init(network),
        rows=proposal.entries.levels,
        scale=unscaled(config.envs),
        key=stream(key, "training"),
        iteration=jnp.zeros((), jnp.int32),
        teaching=teaching,
    )


def iteration(
    scenario: Scenario,
    config: PPO,
    settings: Curriculum,
    total: Float[Array, ""],
    alpha: Float[Array, ""],
    toward: str,
    state: State,
) -> tuple[State, tuple[ppo.Metrics, ppo.Episodes]]:
    """One cycle; arguments and results as of `ppo.iteration`."""
    setup = _setup(scenario, config, settings, alpha, toward)
    proposal, state = proposed(setup, state)
    known = oracle.known_in_program(scenario, new_levels(setup, proposal))
    return completed(setup, config, total, state, proposal, known)


def proposed(setup: Setup, state: State) -> tuple[Proposal, State]:
    """The levels of the next cycle, and the state that knows that they were proposed."""
    key = stream(stream(state.key, "iteration", state.iteration), "levels")
    proposal, teaching = curricula.ALL[setup.settings.name].propose(setup, state.teaching, key)
    return proposal, state._replace(teaching=teaching, rows=proposal.entries.levels)


def new_levels(setup: Setup, proposal: Proposal) -> Any:
    """The levels of environments that may play one that the buffer does not hold."""
    teacher = curricula.ALL[setup.settings.name]
    known = teacher.parts(setup.settings, setup.envs, setup.minibatches).known
    return rows(proposal.entries.levels, slice(known, None))


def completed(
    setup: Setup, config: PPO, total: Float[Array, ""], state: State, proposal: Proposal, known: Known
) -> tuple[State, tuple[ppo.Metrics, ppo.Episodes]]:
    """The rest of the cycle: play, train, score.

    Args:
        setup: of the curriculum.
        config: of the learner.
        total: cycles after which training ends.
        state: as `proposed` gave it.
        proposal: as `proposed` gave it.
        known: of `new_levels`.
    """
    scenario, teacher = setup.scenario, curricula.ALL[setup.settings.name]
    key = stream(state.key, "iteration", state.iteration)
    proposal = _with_known(proposal, known)
    rollout, episodes = played(scenario, config, state.network, proposal.entries.levels, stream(key, "rollout"))
    rewards, scale, unit = rollout.reward, state.scale, jnp.ones(())
    if config.scale_rewards:
        discount, begun = config.scale_discount or config.discount, scale._replace(so_far=jnp.zeros(config.envs))
        scale, reward = scaled(begun, rewards, rollout.cut, discount, config.clip_reward)
        rollout, unit = rollout._replace(reward=reward), scale.unit
    advantage = ppo.advantages(config, rollout)
    network, moments, metrics = _trained(
        setup, config, total, state, rollout, advantage, proposal, stream(key, "updates")
    )
    discounts = Discounts(scenario.discount, config.discount)
    found = sums(rollout._replace(reward=rewards), advantage, unit, scenario.horizon, discounts)
    proposal, about = _scored(setup, proposal, found)
    state = state._replace(
        network=network,
        moments=moments,
        scale=scale,
        iteration=state.iteration + 1,
        teaching=teacher.absorb(setup, state.teaching, proposal),
    )
    measures = {**episodes.measures, **about, **logged(setup, teacher, state.teaching, proposal)}
    return state, (metrics, episodes._replace(measures=measures))


def _with_known(proposal: Proposal, known: Known) -> Proposal:
    """The proposal with what was worked out for levels that did not come from the buffer."""
    entries, first = proposal.entries, proposal.slot.shape[0] - known.optimum.shape[0]
    is_new = proposal.slot[first:] < 0
    both = {
        name: getattr(entries, name).at[first:].set(jnp.where(is_new, new, getattr(entries, name)[first:]))
        for name, new in known._asdict().items()
    }
    return proposal._replace(entries=entries._replace(**both))


def _trained(
    setup: Setup,
    config: PPO,
    total: Float[Array, ""],
    state: State,
    rollout: ppo.Rollout,
    advantage: Float[Array, "time env"],
    proposal: Proposal,
    key: Key[Array, ""],
) -> tuple[Network, Any, ppo.Metrics]:
    """Network and moments after the updates; where the cycle does not learn they stay, whatever the metrics say.

    Metrics of such a cycle are those of the updates that were thrown away: under `vmap` a branch is computed all the
    same.
    """
    num = curricula.ALL[setup.settings.name].parts(setup.settings, setup.envs, setup.minibatches).trained
    seen, memory, action, log_prob, value, *_ = rollout
    whole = ppo.Batch(
        observation=seen,
        memory=(),
        cut=rollout.cut,
        action=action,
        log_prob=log_prob,
        value=value,
        advantage=advantage,
        target=advantage + value,
    )
    batch = jax.tree.map(lambda field: field[:, :num], whole)._replace(memory=rows(memory, slice(num)))
    if config.normalize == "batch":
        batch = batch._replace(advantage=ppo.normalized(batch.advantage))
    rate = config.learning_rate * (1 - (1 - config.final_rate) * jnp.minimum(state.iteration / total, 1.0))
    network, moments, metrics = ppo.update(replace(config, envs=num), state.network, state.moments, batch, rate, key)
    kept = chosen(proposal.learns, (network, moments), (state.network, state.moments))
    return *kept, metrics


def _scored(setup: Setup, proposal: Proposal, found: Sums) -> tuple[Proposal, dict[str, Array]]:
    """The proposal with scores and highest returns as of now, and what is logged about them."""
    teacher, entries = curricula.ALL[setup.settings.name], proposal.entries
    score = score_of(teacher, setup.settings)
    record = facts(merged(found, proposal.group), entries.highest, entries.highest_learned, entries.optimum)
    values = entries.score if score is None else score.of(record)
    regret = scores.oracle_latest(record)
    entries = entries._replace(score=values, highest=record.highest, highest_learned=record.highest_learned)
    about = {"unfinished": record.unfinished.sum() / record.episodes.sum()}
    if score is not None:
        about["score_to_regret"] = scores.rank_correlation(values, regret)
        about["unscored"] = jnp.isnan(values).sum().astype(jnp.float32)
    return proposal._replace(entries=entries), about


def played(
    scenario: Scenario, config: PPO, network: Network, levels: Any, key: Key[Array, ""]
) -> tuple[ppo.Rollout, ppo.Episodes]:
    """A rollout in which each environment begins its own level anew, at the start and whenever an episode ends."""
    number = jnp.arange(config.envs)
    begun, start = jax.vmap(partial(begin, scenario, levels))(number), network.start(config.envs)
    noise = jax.random.gumbel(stream(key, "actions"), (config.rollout, config.envs, len(scenario.world.actions)))

    def step(carry: tuple[Any, Any], noise: Array) -> tuple[tuple[Any, Any], tuple[Any, ...]]:
        running, memory = carry
        observation = jax.vmap(partial(observe, scenario, levels))(running)
        (logits, value), memory = network(observation, memory)
        action = jnp.argmax(logits + noise, -1)
        log_prob = jnp.take_along_axis(jax.nn.log_softmax(logits), action[:, None], 1)[:, 0]
        arrived, outcome = jax.vmap(partial(advance, scenario, levels))(running, action)
        outcome = outcome._replace(truncated=outcome.truncated & (not scenario.endless))
        cut = outcome.terminated | outcome.truncated
        kept = (observation, action, log_prob, value, outcome, (arrived, memory))
        return (chosen(cut, begun, arrived), chosen(cut, start, memory)), kept

    (running, memory), kept = jax.lax.scan(step, (begun, start), noise)
    observation, action, log_prob, value, (goals, terminated, truncated), arrived = kept
    (_, last), _ = network(jax.vmap(partial(observe, scenario, levels))(running), memory)
    value_next = jnp.concatenate([value[1:], last[None]])
    if not scenario.endless:
        value_next = ppo.bootstrapped(scenario, config, network, levels, arrived, truncated, value_next)
    value_next = jnp.where(terminated, 0.0, value_next)
    cut = terminated | truncated
    rollout = ppo.Rollout(observation, start, action, log_prob, value, goals[0], value_next, cut)
    measures = {
        name: jax.vmap(partial(measure, levels))(running.state).astype(jnp.float32).mean()
        for name, measure in scenario.measures.items()
    }
    return rollout, ppo.Episodes(cut.sum(), terminated.sum(), jnp.stack([score.mean() for score in goals]), measures)
