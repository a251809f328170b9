"""Policies that are torch modules: evaluation mode, no gradients, one thread, and draws that repeat.

torch itself is imported only when a module is handed in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from trueaim.agents.foreign.batches import mapped
from trueaim.agents.foreign.functions import Function, Memory, function_agent, plain
from trueaim.agents.foreign.host import Agent, Detected


def is_module(value: Any) -> bool:
    """Whether this is a torch module, told without importing torch."""
    return any(
        kind.__module__ == "torch.nn.modules.module" and kind.__name__ == "Module" for kind in type(value).__mro__
    )


@contextmanager
def quietly() -> Iterator[None]:
    """A block in which torch keeps no gradients and uses one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def repeatably(draw: np.random.Generator) -> Iterator[None]:
    """A block in which torch draws what follows from `draw` alone; its own state of randomness is kept."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(draw.integers(2**62)))
        yield


def torch_agent(module: Any, greedy: bool, batched: bool | None, memory: Memory | None) -> Agent:
    """The agent that a torch module acts out: observations to logits, (logits, value), a distribution or actions.

    The module is put in evaluation mode. Observations become tensors on its device, fractions and bytes in the type of
    its parameters.
    """
    module.eval()
    detected = Detected(
        f"torch module {type(module).__name__}", unused_memory="" if memory else _recurrent_layer(module)
    )
    function = plain(_as_function(module))
    return function_agent(Function(function.many, function.each, _sampled), detected, greedy, batched, memory)


def _as_function(module: Any) -> Callable[..., Any]:
    def call(observations: Any, *memory: Any) -> Any:
        with quietly():
            return module(mapped(_tensor_like(module), observations), *memory)

    return call


def _tensor_like(module: Any) -> Callable[[np.ndarray], Any]:
    """Makes tensors of the type and on the device of the module's parameters."""
    import torch

    first = next((one for one in module.parameters() if one.is_floating_point()), torch.zeros(()))

    def tensor(array: np.ndarray) -> Any:
        made = torch.as_tensor(np.array(array), device=first.device)
        return made.to(first.dtype) if array.dtype.kind == "f" or array.dtype in (np.uint8, np.bool_) else made

    return tensor


def _recurrent_layer(module: Any) -> str:
    """The class of the first recurrent layer in a module, or ""."""
    import torch

    kinds = (torch.nn.RNNBase, torch.nn.RNNCellBase)
    return next((type(layer).__name__ for layer in module.modules() if isinstance(layer, kinds)), "")


def _sampled(distribution: Any, draw: np.random.Generator) -> Any:
    with quietly(), repeatably(draw):
        return distribution.sample()
