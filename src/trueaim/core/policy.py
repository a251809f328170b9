"""A policy: anything that acts. Networks, scripts and adapters all have this one form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jaxtyping import Array, Float, Int, Key

from trueaim.core.play import Running


class View(NamedTuple):
    """What a policy may look at when it acts. A learned policy looks at `observation` alone.

    Attributes:
        observation: what the world shows, for a batch of episodes.
        running: the episodes' states, for scripts that know the world.
        tables: whatever the policy's own `prepare` made of the levels.
    """

    observation: Any
    running: Running
    tables: Any


Act = Callable[[Any, Key[Array, ""], View, Any], tuple[Int[Array, " batch"], Any]]
Value = Callable[[Any, View, Any], Float[Array, " batch"]]


def _no_tables(levels: Any) -> None:
    del levels


def _no_memory(num: int) -> tuple[()]:
    del num
    return ()


@dataclass(frozen=True, eq=False)
class Policy:
    """One policy, or a group of independently trained ones that differ in their seeds alone.

    Attributes:
        name: for people.
        act: `(parameters, key, view, memory) -> (actions, memory)` for a batch of episodes.
        parameters: what `act` needs, with the agents as first axis of every array; `()` for a script.
        seeds: one number for each agent: the unit of all statistics.
        prepare: makes tables from the levels once, before a rollout.
        start: the memory of `num` episodes at their beginning.
        record: how the policy came to be (steps, settings, the return that training logged), where that is known.
        value: `(parameters, view, memory) -> values`: what its critic says a batch of episodes is still worth, where it
            has one. It sees what `act` would see, before the action; the unit is that of the rewards it learned from.
    """

    name: str
    act: Act
    parameters: Any = ()
    seeds: tuple[int, ...] = (0,)
    prepare: Callable[[Any], Any] = _no_tables
    start: Callable[[int], Any] = _no_memory
    record: Mapping[str, Any] = field(default_factory=dict)
    value: Value | None = None
