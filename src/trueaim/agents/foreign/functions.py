"""Policies that are functions of an observation: plain ones, torch modules, and JAX functions with parameters."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium import Space
from jaxtyping import Bool

from trueaim.agents.foreign.batches import row_of, shapes, stacked, takes_batches
from trueaim.agents.foreign.host import Agent, Detected
from trueaim.agents.foreign.outputs import Sampler, array_of, chosen, num_rows
from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError

Memory = Callable[[int], Any]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of observations, in the two ways in which it can be called.

    Where the policy has memory, both take `(observations, memory)` and return `(output, memory)`; else they take
    `(observations,)` and return the output.

    Attributes:
        many: takes a batch.
        each: takes a batch too, and asks for each observation alone.
        sample: draws from a distribution that the function returns.
    """

    many: Callable[..., Any]
    each: Callable[..., Any]
    sample: Sampler


def plain(function: Callable[..., Any]) -> Function:
    """A Python function `observation -> action`, or of a batch of them."""

    def each(observations: Any, *memory: Any) -> Any:
        if memory:
            raise TrueAimError(
                "policy: got a function with memory that takes single observations, needs one that takes a batch; "
                "write it for arrays with the batch as first axis"
            )
        return np.stack([_alone(function(row_of(observations, row))) for row in range(num_rows_of(observations))])

    return Function(function, each, lambda distribution, draw: distribution.sample())


def num_rows_of(observations: Any) -> int:
    """How many observations a batch holds."""
    if isinstance(observations, dict):
        return num_rows_of(next(iter(observations.values())))
    return num_rows_of(observations[0]) if isinstance(observations, tuple) else len(observations)


def _alone(output: Any) -> np.ndarray:
    """One output: the logits of a distribution, the first of (logits, value), or the output itself."""
    logits = getattr(output, "logits", None)
    if logits is None and isinstance(output, tuple) and np.ndim(array_of(output[0])) > 0:
        logits = output[0]
    return array_of(output if logits is None else logits)


def function_agent(
    function: Function, detected: Detected, greedy: bool, batched: bool | None, memory: Memory | None
) -> Agent:
    """The agent that acts by a function, once it is fit to observations and actions.

    Args:
        function: the two ways to call it.
        detected: what is known of it.
        greedy: take the likeliest action of logits and distributions.
        batched: it takes batches; None: find out.
        memory: of `num` episodes at their beginning, where it has memory.
    """
    start = memory or (lambda num: ())
    detected = replace(detected, greedy=greedy, recurrent=memory is not None)

    def fit(example: Any, space: Space[Any]) -> Agent:
        takes = _ask(function, example, start, memory is not None) if batched is None else batched
        call = function.many if takes else function.each

        def act(
            observations: Any, starts: Bool[np.ndarray, " batch"], carried: Any, draw: np.random.Generator
        ) -> tuple[np.ndarray, Any]:
            output, carried = _called(call, observations, carried, memory is not None, detected.kind)
            return chosen(output, space, len(starts), greedy, draw, function.sample), carried

        word = "batches of observations" if takes else "one observation at a time"
        remark = () if batched is not None else (f"The {detected.kind} was found to take {word}.",)
        found = replace(detected, batched=takes, remarks=(*detected.remarks, *remark))
        return Agent(act, found, start)

    def unfit(*_: Any) -> Any:
        raise TrueAimError("policy: got a function that is not fit to an environment, needs `ready` first; call that")

    return Agent(unfit, detected, start, fit=fit)


def _ask(function: Function, example: Any, start: Memory, remembers: bool) -> bool:
    def many(batch: Any) -> Any:
        return _with_memory(function.many, batch, start, remembers)

    answer = takes_batches(many, num_rows, example)
    if answer is True:
        return True
    try:
        _with_memory(function.each, stacked([example] * 2), start, remembers)
    except TrueAimError:
        raise
    except Exception as error:  # whatever a foreign function raises, the user reads one sentence
        many_said = f"{answer} for a batch, and " if isinstance(answer, Exception) else ""
        raise TrueAimError(
            f"policy: raised {type(error).__name__} ({many_said}{shown(error)} for one observation of shape "
            f"{shapes(example)}), needs to take what the environment shows; correct it or wrap the environment"
        ) from error
    return False


def _with_memory(call: Callable[..., Any], batch: Any, start: Memory, remembers: bool) -> Any:
    return call(batch, start(num_rows_of(batch)))[0] if remembers else call(batch)


def _called(call: Callable[..., Any], observations: Any, memory: Any, remembers: bool, kind: str) -> tuple[Any, Any]:
    try:
        return call(observations, memory) if remembers else (call(observations), memory)
    except TrueAimError:
        raise
    except Exception as error:  # as above
        raise TrueAimError(
            f"policy ({kind}): raised {type(error).__name__} ({shown(error)}) for observations of shape "
            f"{shapes(observations)}, needs to take what the environment shows; correct it or wrap the environment"
        ) from error
