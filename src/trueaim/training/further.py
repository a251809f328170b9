"""Trained agents before their training, and after more of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp

from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.policy import Policy
from trueaim.training.chunks import chunk, initial_state, refuse_held_out, refuse_nonfinite
from trueaim.training.plan import Plan


def tuned(policy: Policy, toward: str, budgets: Sequence[int]) -> Iterator[tuple[int, Policy]]:
    """Trained agents after further training on one setting's levels alone: (steps that each agent took, the policy).

    They go on with the learner of their run, at its first learning rate throughout, with new optimizer moments; on new
    levels, whatever they were trained on before.

    Args:
        policy: as `train` or `trueaim.training.resume.load` gives it.
        toward: name of the setting.
        budgets: environment steps for each agent, increasing, rounded up to whole chunks; 0: the agents as they are.

    Raises:
        TrueAimError: for agents that were not trained here, and for unknown settings.
    """
    return _tuned(policy, replace(_plan_of(policy), toward=toward, alpha=1.0, num_levels=0, curriculum=None), budgets)


def _tuned(policy: Policy, plan: Plan, budgets: Sequence[int]) -> Iterator[tuple[int, Policy]]:
    states, done = initial_state(plan, policy.seeds), 0
    refuse_held_out(plan, states)
    keys = jax.vmap(lambda key: stream(key, "tuning"))(states.key)
    states = states._replace(network=jax.tree.map(jnp.copy, policy.parameters), key=keys)
    for budget in budgets:
        while done * plan.steps_per_chunk < budget:
            states, metrics = chunk(plan, float("inf"), states)
            done += 1
            refuse_nonfinite(policy.seeds, done * plan.steps_per_chunk, metrics)
        network = jax.tree.map(jnp.copy, states.network)
        yield done * plan.steps_per_chunk, replace(policy, parameters=network, record={"plan": plan})


def untrained(policy: Policy) -> Policy:
    """The same agents as they were before training; their record holds the plan alone."""
    plan = _plan_of(policy)
    return replace(policy, parameters=initial_state(plan, policy.seeds).network, record={"plan": plan})


def _plan_of(policy: Policy) -> Plan:
    plan = policy.record.get("plan")
    if not isinstance(plan, Plan):
        raise TrueAimError(f"{policy.name}: got agents that were not trained here, needs the plan of a run; train one")
    return plan
