"""Sampling for learnability: now and then many levels are searched for those that are solved sometimes.

Half of what is trained on comes from the levels that the last search kept, evenly; the other half is fresh. Source:
Rutherford et al. 2024, arXiv 2408.15099, algorithm 1. As there, a search takes cycles of its own in which nothing is
learned; here they count as environment steps like all others, and each level is played in several environments at once
rather than for a long time in one.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from trueaim.core.keys import stream
from trueaim.training.curricula import buffer
from trueaim.training.curricula.buffer import Buffer
from trueaim.training.curricula.curriculum import Curriculum
from trueaim.training.curricula.plr import grouped
from trueaim.training.curricula.teacher import Parts, Proposal, Setup, Teacher, chosen, drawn, joined, rows


class Search(NamedTuple):
    """The levels of the last search, and the cycle."""

    buffer: Buffer
    cycle: Int[Array, ""]


def _tries(settings: Curriculum, envs: int) -> int:
    """The environments for each level of a search: the largest divisor of all that is not above what was asked."""
    return next(tries for tries in range(min(settings.tries, envs), 0, -1) if envs % tries == 0)


def _parts(settings: Curriculum, envs: int, minibatches: int) -> Parts:
    del settings, minibatches
    return Parts(trained=envs, known=0)


def _begin(setup: Setup, key: Key[Array, ""]) -> Search:
    size = max(setup.settings.keep, setup.envs // _tries(setup.settings, setup.envs))
    return Search(buffer.empty(drawn(setup, key, 1), size), jnp.zeros((), jnp.int32))


def _propose(setup: Setup, state: Search, key: Key[Array, ""]) -> tuple[Proposal, Search]:
    settings, envs, half = setup.settings, setup.envs, setup.envs // 2
    turn, tries = state.cycle % settings.period, _tries(settings, envs)
    searches = turn < settings.scans
    kept = state.buffer._replace(is_filled=state.buffer.is_filled & (turn != 0))
    fresh = drawn(setup, stream(key, "fresh"), envs)
    number = jnp.arange(envs)
    first = number // tries * tries
    slots = buffer.sample(stream(key, "kept"), _chances(kept), half, repeats=True)
    trained = joined(buffer.taken(kept, slots), rows(fresh, slice(half, None)))
    candidates = rows(fresh, first)
    slots = jnp.where(searches | ~kept.is_filled.any(), -1, jnp.concatenate([slots, jnp.full(envs - half, -1)]))
    is_from_buffer = slots >= 0
    entries = chosen(searches, candidates, chosen(is_from_buffer, trained, fresh))
    group = jnp.where(searches, first, grouped(slots, state.buffer.visited.shape[0]))
    proposal = Proposal(entries, slots, jnp.broadcast_to(searches, envs), ~is_from_buffer, group, ~searches)
    return proposal, Search(kept, state.cycle + 1)


def _chances(kept: Buffer) -> Float[Array, " slot"]:
    """Even over levels from which something can be learned; over all, where there are none."""
    able = kept._replace(is_filled=kept.is_filled & (kept.entries.score > 0))
    return jnp.where(able.is_filled.any(), buffer.even(able), buffer.even(kept))


def _absorb(setup: Setup, state: Search, played: Proposal) -> Search:
    tries = _tries(setup.settings, setup.envs)
    new, offered = rows((played.entries, played.is_offered), slice(None, None, tries))
    score = jnp.where(state.buffer.is_filled, state.buffer.entries.score, -jnp.inf)
    kept = buffer.inserted(buffer.ticked(state.buffer), buffer.ranked(score, state.buffer.is_filled, 1.0), new, offered)
    return state._replace(buffer=kept)


def _replay(state: Search) -> tuple[Buffer, Float[Array, " slot"]]:
    return state.buffer, _chances(state.buffer)


SFL = Teacher(_parts, _begin, _propose, _absorb, _replay, score="learnability")
