"""Domain randomization: fresh levels in every cycle, all of them trained on. The baseline of every other curriculum."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Key

from trueaim.training.curricula.curriculum import Curriculum
from trueaim.training.curricula.teacher import Parts, Proposal, Setup, Teacher, drawn


def _parts(settings: Curriculum, envs: int, minibatches: int) -> Parts:
    del settings, minibatches
    return Parts(trained=envs, known=envs)


def _begin(setup: Setup, key: Key[Array, ""]) -> tuple[()]:
    del setup, key
    return ()


def _propose(setup: Setup, state: Any, key: Key[Array, ""]) -> tuple[Proposal, Any]:
    number = jnp.arange(setup.envs)
    every = number >= 0
    fresh = drawn(setup, key, setup.envs)
    return Proposal(fresh, jnp.full(setup.envs, -1), ~every, every, number, jnp.ones((), bool)), state


def _absorb(setup: Setup, state: Any, played: Proposal) -> Any:
    del setup, played
    return state


DR = Teacher(_parts, _begin, _propose, _absorb, needs_score=False)
