"""Policies that are JAX functions: apply functions with parameters, Equinox modules, Flax modules with variables."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from trueaim.agents.foreign.functions import Function, Memory, function_agent
from trueaim.agents.foreign.host import Agent, Detected
from trueaim.core.errors import TrueAimError


def is_apply(value: Any, parameters: Any) -> bool:
    """Whether this is an Equinox module, a Flax module, or anything that came with parameters."""
    return isinstance(value, eqx.Module) or _is_flax(value) or parameters is not None


def _is_flax(value: Any) -> bool:
    return callable(getattr(value, "apply", None)) and callable(getattr(value, "init", None))


def jax_agent(value: Any, parameters: Any, greedy: bool, batched: bool | None, memory: Memory | None) -> Agent:
    """The agent that a JAX function acts out: observations to logits, (logits, value), a distribution or actions.

    Args:
        value: `apply(parameters, observations)`, a Flax module, or an Equinox module (called as it is).
        parameters: of the first two.
        greedy: take the likeliest action of logits and distributions.
        batched: it takes batches; None: find out. What takes single observations is vectorized.
        memory: of `num` episodes at their beginning, where it has memory.

    Raises:
        TrueAimError: a Flax module without its variables.
    """
    call, held, kind = _parts(value, parameters)
    arrays, rest = eqx.partition(held, eqx.is_array_like)

    def once(arrays: Any, *inputs: Any) -> Any:
        return call(eqx.combine(arrays, rest), *inputs)

    def each(arrays: Any, *inputs: Any) -> Any:
        return jax.vmap(lambda *one: once(arrays, *one))(*inputs)

    def bound(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled = eqx.filter_jit(function)
        return lambda *inputs: compiled(arrays, *inputs)

    return function_agent(Function(bound(once), bound(each), _sampled), Detected(kind), greedy, batched, memory)


def _parts(value: Any, parameters: Any) -> tuple[Callable[..., Any], Any, str]:
    """How to call it with what it holds, what it holds, and what it is."""
    if isinstance(value, eqx.Module) and parameters is None:
        inference = eqx.nn.inference_mode(value)
        return (lambda held, *inputs: held(*inputs)), inference, f"Equinox module {type(value).__name__}"
    if _is_flax(value):
        if parameters is None:
            raise TrueAimError(
                f"policy: got a Flax module {type(value).__name__} without its variables, needs them; "
                "pass parameters=variables"
            )
        return value.apply, parameters, f"Flax module {type(value).__name__}"
    return value, parameters, "JAX function"


def _sampled(distribution: Any, draw: np.random.Generator) -> Any:
    return distribution.sample(seed=jax.random.key(int(draw.integers(2**31))))
