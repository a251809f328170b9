"""Training from the outside: chunks on the device; curves, checkpoints and signals between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from trueaim.agents import networks
from trueaim.agents.learned import learned
from trueaim.core.errors import MachineError, TrueAimError
from trueaim.core.keys import stream
from trueaim.core.levels import held_out
from trueaim.core.policy import Policy
from trueaim.core.run import Asked, Place, opened
from trueaim.core.scenario import Scenario
from trueaim.training import ppo
from trueaim.training.curves import Baseline, Curves, Row, Watch
from trueaim.training.history import History
from trueaim.training.signals import Stop, listening

POINTS = 24
"""About how many points a learning curve has, beside the one before training."""
LARGEST_SEED = 10**9


class Progress(NamedTuple):
    """What is told after every chunk.

    Attributes:
        seeds: of the agents that are being trained now.
        done, total: environment steps, over all agents of the run.
        rows: the newest point of the curves, where this chunk has one.
    """

    seeds: tuple[int, ...]
    done: int
    total: int
    rows: list[Row]


def _silent(progress: Progress) -> None:
    del progress


@dataclass(frozen=True)
class Plan:
    """A training run, checked and complete.

    Attributes:
        steps: environment steps for each agent, rounded up to whole chunks.
        alpha: share of training levels from the shift setting `toward`, 0 to 1.
        group: agents trained in one program; on a CPU one at a time is fastest.
        named: what the scenario was called by, where that is not its name (`package.module:NAME`).
    """

    scenario: Scenario
    steps: int
    seeds: tuple[int, ...]
    alpha: float = 0.0
    toward: str = ""
    config: ppo.PPO = field(default_factory=ppo.PPO)
    exact: bool = False
    group: int = 1
    named: str = ""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise TrueAimError(f"steps: got {self.steps}, needs at least 1; raise it")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise TrueAimError(f"seeds: got {list(self.seeds)}, needs different numbers of at least 0; change them")
        if max(self.seeds) > LARGEST_SEED:
            raise TrueAimError(f"seeds: got {max(self.seeds)}, needs at most {LARGEST_SEED}; lower it")
        if self.group < 1:
            raise TrueAimError(f"group: got {self.group}, needs at least 1; raise it")
        if not 0 <= self.alpha <= 1:
            raise TrueAimError(f"alpha: got {self.alpha:g}, needs a share from 0 to 1; change it")
        object.__setattr__(self, "toward", self.toward or next(iter(self.scenario.shifts)))
        self.scenario.setting(self.toward)
        networks.check(self.config.network, self.scenario.observation)

    @property
    def chunks(self) -> int:
        """How many chunks each agent is trained for."""
        return -(-self.steps // self.steps_per_chunk)

    @property
    def steps_per_chunk(self) -> int:
        """Environment steps of one agent in one chunk."""
        return self.config.chunk * self.config.steps_per_iteration

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The seeds, in groups that are trained in one program; the last one is filled up with further seeds.

        An agent's numbers depend on the size of its group but not on which seeds were asked for.
        """
        firsts = sorted({seed - seed % self.group for seed in self.seeds})
        return [tuple(range(first, first + self.group)) for first in firsts]

    def asked(self) -> Asked:
        """The request as it is recorded."""
        return Asked(
            scenario=self.named or self.scenario.name,
            options=dict(self.scenario.options),
            settings={
                name: {knob: float(value) for knob, value in setting.items()}
                for name, setting in self.scenario.settings.items()
            },
            steps=self.chunks * self.steps_per_chunk,
            seeds=list(self.seeds),
            alpha=float(self.alpha),
            toward=self.toward,
            learner=asdict(self.config),
            exact=self.exact,
            group=self.group,
        )


def default_group() -> int:
    """1 on a CPU, where batched small matrix products are slower than one after another; 8 on an accelerator."""
    return 1 if jax.devices()[0].platform == "cpu" else 8


def train(
    plan: Plan,
    place: Place | None = None,
    *,
    fresh: bool = False,
    allow_drift: bool = False,
    show: Callable[[Progress], None] = _silent,
    watch: Watch | None = None,
) -> Policy:
    """Train one agent for each seed.

    Args:
        plan: what to train.
        place: the folder of the run; checkpoints and curves are kept there, and the same plan continues it. None keeps
            everything in memory.
        fresh: put an earlier run in that folder aside.
        allow_drift: continue although versions or the machine changed; the result is marked.
        show: told about progress after every chunk.
        watch: more numbers to log with every point of the curves.

    Returns:
        The agents as one policy whose `record` holds the curves and what training logged.

    Raises:
        TrueAimError: the folder holds another run; StoppedError: a signal came, and the run can be continued;
        MachineError: disk or memory failed; the last checkpoint stays.
    """
    folder = opened(place, plan.asked(), fresh, allow_drift) if place else nullcontext(False)
    with folder as drifted, listening() as stop:
        histories = []
        for number, seeds in enumerate(plan.groups):
            history = History(plan.asked(), seeds, place, drifted)
            offset = number * plan.chunks * plan.steps_per_chunk * plan.group
            _train_group(plan, seeds, history, stop, partial(_tell, show, plan, seeds, offset), watch)
            histories.append(history)
    return assemble(plan, histories)


def _tell(
    show: Callable[[Progress], None], plan: Plan, seeds: tuple[int, ...], offset: int, chunks: int, rows: list[Row]
) -> None:
    done = offset + chunks * plan.steps_per_chunk * plan.group
    total = len(plan.groups) * plan.group * plan.chunks * plan.steps_per_chunk
    show(Progress(seeds, done, total, rows))


def assemble(plan: Plan, histories: list[History]) -> Policy:
    """The policy of all finished groups, without the agents that only filled a group up."""
    wanted = [(history, row) for history in histories for row, seed in enumerate(history.seeds) if seed in plan.seeds]
    agents = [jax.tree.map(lambda table, row=row: table[row], history.state.network) for history, row in wanted]
    network = jax.tree.map(lambda *tables: jnp.stack(tables), *agents)
    seeds = tuple(history.seeds[row] for history, row in wanted)
    rows = [row for history in histories for row in history.rows if row.seed in plan.seeds]
    record: Mapping[str, Any] = {
        "asked": plan.asked(),
        "plan": plan,
        "curves": Curves(rows),
        "drifted": any(history.drifted for history in histories),
        "notices": [notice for history in histories for notice in history.notices],
    }
    return learned(network, seeds, name=f"{plan.config.network} network", record=record)


def _train_group(
    plan: Plan,
    seeds: tuple[int, ...],
    history: History,
    stop: Stop,
    tell: Callable[[int, list[Row]], None],
    watch: Watch | None,
) -> None:
    every = max(1, plan.chunks // POINTS)
    baseline = Baseline(plan.scenario, watch)
    alpha = jnp.float32(plan.alpha)
    begun = initial_state(plan, seeds)
    _refuse_held_out(plan, begun)
    state = history.restore(begun)
    history.drop_later()
    if state is None:
        state = begun
        history.add(baseline.rows(learned(state.network, seeds), 0))
    chunk = history.iteration // plan.config.chunk
    tell(chunk, [])
    while chunk < plan.chunks:
        total = jnp.float32(plan.chunks * plan.config.chunk)
        state, metrics = _guarded(_chunk, plan.scenario, plan.config, plan.toward, total, alpha, state)
        chunk += 1
        step = chunk * plan.steps_per_chunk
        rows = _metric_rows(plan.scenario.goal_names, seeds, step, metrics)
        if chunk % every == 0 or chunk == plan.chunks:
            rows += baseline.rows(learned(state.network, seeds), step)
        history.add(rows)
        _refuse_nonfinite(seeds, step, metrics)
        tell(chunk, rows)
        history.reached(state, chunk * plan.config.chunk, last=chunk == plan.chunks or stop.number is not None)
        stop.check("the run is saved; give the same command again to continue" if history.place else "nothing was kept")
    history.finish(state)


@partial(jax.jit, static_argnums=0)
def _held_out(scenario: Scenario, rows: Any) -> Array:
    return jax.vmap(partial(held_out, scenario))(rows).any()


def _refuse_held_out(plan: Plan, begun: ppo.TrainState) -> None:
    """Raise where so few layouts exist that training would use those which audits draw from."""
    if _held_out(plan.scenario, begun.rows):
        raise TrueAimError(
            f"{plan.scenario.name}: got only layouts that are kept for audits, needs others to train on; "
            "change the size, the layout or the corner"
        )


def initial_state(plan: Plan, seeds: tuple[int, ...]) -> ppo.TrainState:
    """The state of a group of agents before training."""
    return _initial(plan.scenario, plan.config, plan.toward, jnp.array(seeds), jnp.float32(plan.alpha))


def tuned(policy: Policy, toward: str, budgets: Sequence[int]) -> Iterator[tuple[int, Policy]]:
    """Trained agents after further training on one setting's levels alone: (steps that each agent took, the policy).

    They go on with the learner of their run, at its first learning rate throughout, with new optimizer moments.

    Args:
        policy: as `train` or `trueaim.training.resume.load` gives it.
        toward: name of the setting.
        budgets: environment steps for each agent, increasing, rounded up to whole chunks; 0: the agents as they are.

    Raises:
        TrueAimError: for agents that were not trained here, and for unknown settings.
    """
    return _tuned(policy, replace(_plan_of(policy), toward=toward, alpha=1.0), budgets)


def _tuned(policy: Policy, plan: Plan, budgets: Sequence[int]) -> Iterator[tuple[int, Policy]]:
    fixed = (plan.scenario, plan.config, plan.toward, jnp.float32(jnp.inf), jnp.float32(plan.alpha))
    states, chunks = initial_state(plan, policy.seeds), 0
    _refuse_held_out(plan, states)
    keys = jax.vmap(lambda key: stream(key, "tuning"))(states.key)
    states = states._replace(network=jax.tree.map(jnp.copy, policy.parameters), key=keys)
    for budget in budgets:
        while chunks * plan.steps_per_chunk < budget:
            states, metrics = _guarded(_chunk, *fixed, states)
            chunks += 1
            _refuse_nonfinite(policy.seeds, chunks * plan.steps_per_chunk, metrics)
        network = jax.tree.map(jnp.copy, states.network)
        yield chunks * plan.steps_per_chunk, replace(policy, parameters=network, record={"plan": plan})


def untrained(policy: Policy) -> Policy:
    """The same agents as they were before training; their record holds the plan alone."""
    plan = _plan_of(policy)
    return replace(policy, parameters=initial_state(plan, policy.seeds).network, record={"plan": plan})


def _plan_of(policy: Policy) -> Plan:
    plan = policy.record.get("plan")
    if not isinstance(plan, Plan):
        raise TrueAimError(f"{policy.name}: got agents that were not trained here, needs the plan of a run; train one")
    return plan


@partial(jax.jit, static_argnums=(0, 1, 2))
def _initial(
    scenario: Scenario, config: ppo.PPO, toward: str, seeds: Int[Array, " agent"], alpha: Float[Array, ""]
) -> ppo.TrainState:
    return jax.vmap(lambda seed: ppo.init(scenario, config, seed, alpha, toward))(seeds)


@partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=5)
def _chunk(
    scenario: Scenario,
    config: ppo.PPO,
    toward: str,
    total: Float[Array, ""],
    alpha: Float[Array, ""],
    states: ppo.TrainState,
) -> tuple[ppo.TrainState, Any]:
    def of_agent(state: ppo.TrainState) -> tuple[ppo.TrainState, Any]:
        def body(state: ppo.TrainState, _: None) -> tuple[ppo.TrainState, Any]:
            return ppo.iteration(scenario, config, total, alpha, toward, state)

        return jax.lax.scan(body, state, None, config.chunk)

    return jax.vmap(of_agent)(states)


def _guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, waited for; an allocation that fails becomes one sentence."""
    try:
        return jax.block_until_ready(function(*arguments))
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error) and "memory" not in str(error).lower():
            raise
        first = str(error).splitlines()[0][:160]
        raise MachineError(f"memory: got too little ({first}); lower learner.envs or the group of seeds") from None


def _metric_rows(goals: tuple[str, ...], seeds: tuple[int, ...], step: int, metrics: Any) -> list[Row]:
    losses, episodes = jax.tree.map(np.asarray, metrics)
    rows = []
    for row, seed in enumerate(seeds):
        rows += [Row(seed, step, f"loss/{name}", float(getattr(losses, name)[row].mean())) for name in losses._fields]
        finished = int(episodes.finished[row].sum())
        share = episodes.terminated[row].sum() / finished if finished else float("nan")
        rows += [Row(seed, step, "episodes/finished", float(finished)), Row(seed, step, "episodes/ended", float(share))]
        scores = episodes.scores[row].mean(0)
        rows += [Row(seed, step, f"score/{goal}", float(score)) for goal, score in zip(goals, scores, strict=True)]
        rows += [Row(seed, step, f"measure/{name}", float(of[row].mean())) for name, of in episodes.measures.items()]
    return rows


def _refuse_nonfinite(seeds: tuple[int, ...], step: int, metrics: Any) -> None:
    losses, _ = jax.tree.map(np.asarray, metrics)
    for row, seed in enumerate(seeds):
        bad = [name for name in losses._fields if not np.isfinite(getattr(losses, name)[row]).all()]
        if bad:
            raise TrueAimError(
                f"seed {seed}: {bad[0]} is not finite at step {step}, needs finite numbers; "
                "lower learner.learning_rate and begin anew with --fresh"
            )
