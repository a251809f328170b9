"""Anyone's policy: Stable-Baselines3 models, torch modules, JAX functions, plain functions, in one form."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trueaim.agents.foreign.files import foreign_model
from trueaim.agents.foreign.functions import Memory, function_agent, plain
from trueaim.agents.foreign.host import Agent, Detected, HostPolicy, group
from trueaim.agents.foreign.jax_function import is_apply, jax_agent
from trueaim.agents.foreign.normalizer import saved_normalizer
from trueaim.agents.foreign.sb3 import is_model, sb3_agent
from trueaim.agents.foreign.torch_module import is_module, torch_agent
from trueaim.core.errors import TrueAimError
from trueaim.core.policy import Policy

ACCEPTED = (
    "a Stable-Baselines3 model, a torch module, an Equinox module, a Flax module or a JAX function with parameters=, "
    "a function of an observation, a finished run's folder, or a list of independently trained ones"
)


def policy(
    x: Any,
    *,
    parameters: Any = None,
    normalize: Any = None,
    stack: int = 1,
    env: Any = None,
    memory: Memory | None = None,
    greedy: bool = True,
    batched: bool | None = None,
    name: str = "",
    trusted: str | None = None,
    algorithm: str | None = None,
    runs: Callable[[Path], Policy] | None = None,
) -> HostPolicy | Policy:
    """Anything that acts, as a policy that can be audited.

    Args:
        x: one of `ACCEPTED`; a list becomes one policy with several agents, the unit of all statistics.
        parameters: of a JAX apply function or the variables of a Flax module; a list for a list.
        normalize: the VecNormalize of a Stable-Baselines3 model's training, if it has lost it, or the file that
            `trueaim convert` made of it; a list for a list.
        stack: frames in an observation of such a model, on the last axis, if the model has lost its VecFrameStack.
        env: the environment of such a model, if it has lost it, or if its file does not tell its spaces.
        memory: `num -> memory` of a recurrent module or function, which then is `(observations, memory) -> (output,
            memory)` for a batch.
        greedy: take the likeliest action; else sample. Functions that return actions decide themselves.
        batched: the function takes batches of observations; None: find out when it first acts.
        name: for people.
        trusted: SHA-256 of a file with pickled Python, or of a TorchScript module, that you trust.
        algorithm: class of a Stable-Baselines3 model in a file ("PPO"), where you want it checked.
        runs: loads the policy of a finished run from its folder.

    Raises:
        TrueAimError: anything else, or a file that is not trusted.
    """
    if isinstance(x, Policy | HostPolicy):
        return x
    if isinstance(x, list | tuple):
        return _several(x, parameters, normalize, stack, env, memory, greedy, batched, name)
    if isinstance(x, str | os.PathLike):
        path = Path(x)
        if path.is_dir():
            return _run(path, runs)
        x = foreign_model(path, trusted, algorithm, env)
        name = name or getattr(x, "algorithm", "")
    if isinstance(normalize, str | os.PathLike):
        normalize = saved_normalizer(Path(normalize))
    agent = _agent(x, parameters, normalize, stack, env, memory, greedy, batched)
    return HostPolicy(name or getattr(x, "__name__", None) or type(x).__name__, (agent,))


def _run(folder: Path, runs: Callable[[Path], Policy] | None) -> Policy:
    if runs is None:
        raise TrueAimError(
            f"policy: got the folder {folder.name!r}, needs a way to load runs here; use trueaim.policy, which has one"
        )
    return runs(folder)


def _several(
    items: Any,
    parameters: Any,
    normalize: Any,
    stack: int,
    env: Any,
    memory: Any,
    greedy: bool,
    batched: Any,
    name: str,
) -> HostPolicy:
    if not items:
        raise TrueAimError("policy: got an empty list, needs at least one trained agent; list them")
    given = [
        _for_each(option, len(items), word) for word, option in (("parameters", parameters), ("normalize", normalize))
    ]
    taken = [
        policy(
            item, parameters=own, normalize=norm, stack=stack, env=env, memory=memory, greedy=greedy, batched=batched
        )
        for item, own, norm in zip(items, *given, strict=True)
    ]
    if not all(isinstance(one, HostPolicy) for one in taken):
        raise TrueAimError("policy: got a list with policies trained here, needs foreign ones alone; audit those apart")
    return group([one for one in taken if isinstance(one, HostPolicy)], name)


def _for_each(option: Any, num: int, word: str) -> list[Any]:
    if not isinstance(option, list | tuple):
        return [option] * num
    if len(option) != num:
        raise TrueAimError(f"{word}: got {len(option)} for {num} agents, needs one for each; correct the list")
    return list(option)


def _agent(
    x: Any,
    parameters: Any,
    normalize: Any,
    stack: int,
    env: Any,
    memory: Memory | None,
    greedy: bool,
    batched: bool | None,
) -> Agent:
    if is_model(x):
        return sb3_agent(x, normalize, stack, env, greedy)
    if normalize is not None or stack != 1:
        raise TrueAimError(
            f"policy: got normalize= or stack= with a {type(x).__name__}, needs a Stable-Baselines3 model for them; "
            "normalize and stack inside the function instead"
        )
    if is_module(x):
        return torch_agent(x, greedy, batched, memory)
    if is_apply(x, parameters) and (callable(x) or hasattr(x, "apply")):
        return jax_agent(x, parameters, greedy, batched, memory)
    if callable(x):
        return function_agent(plain(x), Detected("function"), greedy, batched, memory)
    raise TrueAimError(f"policy: got {type(x).__name__}, needs {ACCEPTED}; pass one of these")
