"""What is always logged about a curriculum, cycle by cycle: counts that can be added up, and shares of the buffer."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int8

from trueaim.core.levels import LevelClass
from trueaim.training.curricula.buffer import UNKNOWN
from trueaim.training.curricula.teacher import Proposal, Setup, Teacher


def logged(setup: Setup, teacher: Teacher, teaching: Any, played: Proposal) -> dict[str, Array]:
    """Numbers by name, for one cycle.

    `levels_drawn`, `shift_levels_drawn`: how many fresh levels there were, and how many of those came from the shift
    setting; at small alpha what was asked for and what was drawn are far apart. `levels_trained_on`: environments whose
    steps were learned from; `shift_levels_trained_on`, `distinguishing_levels_trained_on`: how many of those played a
    level of the shift, and one that distinguishes the intended goal from the first rival: by the yardstick's class
    where the level has one, else by its setting. All are counts, so sums over cycles can be divided: the share of shift
    levels in training over that among drawn ones is a curriculum's amplification. Where there is a buffer also
    `buffer_filled` and `buffer_distinguishing`, shares of its slots and of its levels; NaN before it holds any.
    """
    trained = teacher.parts(setup.settings, setup.envs, setup.minibatches).trained
    is_trained = (jnp.arange(setup.envs) < trained) & played.learns
    entries = played.entries
    counts = {
        "levels_drawn": played.is_fresh,
        "shift_levels_drawn": played.is_fresh & entries.is_shifted,
        "levels_trained_on": is_trained,
        "shift_levels_trained_on": is_trained & entries.is_shifted,
        "distinguishing_levels_trained_on": is_trained & distinguishing(entries.kind, entries.is_shifted),
    }
    found = {name: each.sum().astype(jnp.float32) for name, each in counts.items()}
    if teacher.replay is None:
        return found
    buffer, _ = teacher.replay(teaching)
    those = distinguishing(buffer.entries.kind, buffer.entries.is_shifted) & buffer.is_filled
    return found | {
        "buffer_filled": buffer.is_filled.mean(),
        "buffer_distinguishing": those.sum() / buffer.is_filled.sum(),
    }


def distinguishing(kind: Int8[Array, " row"], is_shifted: Bool[Array, " row"]) -> Bool[Array, " row"]:
    """Which levels distinguish the intended goal from the first rival: by class, else by setting."""
    return jnp.where(kind == UNKNOWN, is_shifted, kind >= int(LevelClass.POSSIBLY))
