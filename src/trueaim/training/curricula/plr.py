"""Prioritized level replay: levels with high scores are kept and played again.

Three forms. In the first (arXiv 2010.03934) each cycle either replays or plays fresh levels, and learns from both. The
robust one (arXiv 2110.02439) learns from replays alone: fresh levels are only scored. The parallel one (Jiang et al.
2023, arXiv 2311.12716, section 4) is robust and does both in every cycle, in different environments: no cycle is
played for nothing but scores, and none has to choose, which a program of several agents could only do by doing both.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.core.keys import stream
from trueaim.training.curricula import buffer
from trueaim.training.curricula.buffer import Buffer, Entries
from trueaim.training.curricula.curriculum import Curriculum
from trueaim.training.curricula.teacher import Parts, Proposal, Setup, Teacher, chosen, drawn, joined, rows


class Replay(NamedTuple):
    """The state of a curriculum with a buffer.

    Attributes:
        buffer: the levels.
        chances: of each slot to be replayed, as of the last proposal.
        offered: how many levels were offered to the buffer, equal ones among them.
    """

    buffer: Buffer
    chances: Float[Array, " slot"]
    offered: Int[Array, ""]


def begin(setup: Setup, key: Key[Array, ""]) -> Replay:
    """An empty buffer."""
    size = setup.settings.size
    return Replay(buffer.empty(drawn(setup, key, 1), size), jnp.zeros(size), jnp.zeros((), jnp.int32))


def is_ready(settings: Curriculum, state: Replay) -> Bool[Array, ""]:
    """Whether there is enough to replay."""
    wanted = max(1, round(settings.fill * settings.size))
    return (state.offered >= wanted) & state.buffer.is_filled.any()


def weighed(settings: Curriculum, state: Replay) -> Replay:
    """The state with the chances of its slots now."""
    return state._replace(chances=buffer.weights(state.buffer, settings.temperature, settings.staleness))


def replays(setup: Setup, state: Replay, key: Key[Array, ""], num: int) -> tuple[Entries, Int[Array, " num"]]:
    """Levels to replay, and where they come from."""
    slots = buffer.sample(key, state.chances, num, setup.settings.repeats)
    return buffer.taken(state.buffer, slots), slots


def grouped(slots: Int[Array, " env"], size: int) -> Int[Array, " env"]:
    """For each environment the first one with the same slot; its own number where that is -1."""
    number = jnp.arange(slots.shape[0])
    first = jnp.full(size, slots.shape[0]).at[jnp.where(slots < 0, size, slots)].min(number, mode="drop")
    return jnp.where(slots < 0, number, first[slots])


def replay_envs(settings: Curriculum, envs: int, minibatches: int) -> int:
    """How many environments replay where others do not: what is asked for, rounded to what minibatches divide."""
    most = envs // minibatches - 1
    return minibatches * min(max(1, round(settings.replay * envs / minibatches)), max(1, most))


def propose_in_turn(setup: Setup, state: Replay, key: Key[Array, ""], is_robust: bool) -> tuple[Proposal, Replay]:
    """Replays in all environments with the chance `replay` once there is enough, else fresh levels in all."""
    settings, envs = setup.settings, setup.envs
    state = weighed(settings, state)
    fresh = drawn(setup, stream(key, "fresh"), envs)
    again, slots = replays(setup, state, stream(key, "replay"), envs)
    again_now = is_ready(settings, state) & (jax.random.uniform(stream(key, "turn")) < settings.replay)
    slots = jnp.where(again_now, slots, -1)
    is_fresh = jnp.broadcast_to(~again_now, envs)
    learns = again_now | (not is_robust)
    entries = chosen(again_now, again, fresh)
    return Proposal(entries, slots, is_fresh, is_fresh, grouped(slots, settings.size), learns), state


def propose_in_parallel(setup: Setup, state: Replay, key: Key[Array, ""]) -> tuple[Proposal, Replay]:
    """Replays in the first environments, fresh levels in the others; before there is enough, nothing is learned."""
    settings, envs = setup.settings, setup.envs
    num = replay_envs(settings, envs, setup.minibatches)
    state = weighed(settings, state)
    fresh = drawn(setup, stream(key, "fresh"), envs)
    again, slots = replays(setup, state, stream(key, "replay"), num)
    ready = is_ready(settings, state)
    slots = jnp.concatenate([jnp.where(ready, slots, -1), jnp.full(envs - num, -1)])
    is_fresh = jnp.arange(envs) >= num
    entries = joined(chosen(ready, again, rows(fresh, slice(num))), rows(fresh, slice(num, None)))
    return Proposal(entries, slots, is_fresh, is_fresh, grouped(slots, settings.size), ready), state


def absorb(setup: Setup, state: Replay, played: Proposal, known: int) -> Replay:
    """The buffer with new scores of what was replayed, and with what was offered, the first `known` rows aside."""
    del setup
    kept = buffer.rescored(buffer.ticked(state.buffer), played.slot, played.entries, played.slot >= 0)
    new, offered = rows((played.entries, played.is_offered), slice(known, None))
    kept = buffer.inserted(kept, state.chances, new, offered)
    return state._replace(buffer=kept, offered=state.offered + offered.sum())


def held(state: Replay) -> tuple[Buffer, Float[Array, " slot"]]:
    """The buffer and the chances of its slots."""
    return state.buffer, state.chances


def in_turn(is_robust: bool) -> Teacher:
    """The forms in which each cycle either replays or does not."""

    def propose(setup: Setup, state: Replay, key: Key[Array, ""]) -> tuple[Proposal, Replay]:
        return propose_in_turn(setup, state, key, is_robust)

    def absorb_all(setup: Setup, state: Replay, played: Proposal) -> Replay:
        return absorb(setup, state, played, 0)

    return Teacher(lambda settings, envs, minibatches: Parts(envs, 0), begin, propose, absorb_all, held)


def _parallel_parts(settings: Curriculum, envs: int, minibatches: int) -> Parts:
    num = replay_envs(settings, envs, minibatches)
    return Parts(trained=num, known=num)


def _parallel_absorb(setup: Setup, state: Replay, played: Proposal) -> Replay:
    return absorb(setup, state, played, replay_envs(setup.settings, setup.envs, setup.minibatches))


PLR = in_turn(is_robust=False)
ROBUST = in_turn(is_robust=True)
PARALLEL = Teacher(_parallel_parts, begin, propose_in_parallel, _parallel_absorb, held)
