"""The alternative to every goal: a device, that is a direct map from what is seen to what is done.

A rich enough device predicts any deterministic policy in the end. So it is scored on each level by what it learned on
the levels before: of a goal, unlike of a habit, everything carries over to a new layout.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from trueaim.core.errors import TrueAimError
from trueaim.core.model import Cues
from trueaim.inference.likelihood import Decisions

PREVIOUS = "previous action"
UNIFORM = "uniform"
HALF = 0.5
"""What a Krichevsky-Trofimov predictor adds to every count; also the prior weight of the uniform device."""


class Device(NamedTuple):
    """How well devices explain decisions.

    Attributes:
        nats: log-likelihood of the mixture of all devices above that of uniform actions, given the levels before.
        names: of the devices: to what each reacts.
        each: the same for each device alone.
        weights: of the devices after all levels; they sum to 1.
    """

    nats: Float[np.ndarray, " level"]
    names: tuple[str, ...]
    each: Float[np.ndarray, "level device"]
    weights: Float[np.ndarray, " device"]


def device(found: Decisions, cues: Cues | None = None) -> Device:
    """The evidence for the device class, level by level in their order.

    One device acts uniformly. The others react to k = 0, 1, 2 or 3 of the cues and the previous action, each by the
    Krichevsky-Trofimov rule, (n(c, a) + 1/2) / (n(c) + |A| / 2), with counts from the levels before. The prior gives
    half to the uniform one; of the rest every k gets as much, and so does every set of that size.

    Args:
        found: an agent's decisions; only those that count are scored, and learned from.
        cues: of the same levels, where there are any.

    Raises:
        TrueAimError: for cues of other levels.

    Source: "Agents and Devices", Orseau, McGregor McGill and Legg 2018, arXiv 1805.12387, for the question; the scoring
    over levels and the sets of cues are ours.
    """
    names, codes = _contexts(found, cues)
    sets = [each for size in range(min(len(names), 3) + 1) for each in combinations(range(len(names)), size)]
    each = np.stack([np.zeros(len(codes)), *(_prequential(found, codes, columns) for columns in sets)], -1)
    sizes = [len(columns) for columns in sets]
    rest = [HALF / (max(sizes) + 1) / sizes.count(size) for size in sizes]
    prior = np.log([HALF, *rest])
    running = np.concatenate([np.zeros((1, len(prior))), each.cumsum(0)]) + prior
    total = np.logaddexp.reduce(running, -1)
    words = tuple(" and ".join(names[column] for column in columns) or "nothing" for columns in sets)
    return Device(np.diff(total), (UNIFORM, *words), each, np.exp(running[-1] - total[-1]))


def _contexts(found: Decisions, cues: Cues | None) -> tuple[tuple[str, ...], Int[np.ndarray, "level time cue"]]:
    states, previous = np.asarray(found.states), np.asarray(found.previous)[..., None]
    if cues is None:
        return (PREVIOUS,), previous
    if len(cues.codes) != len(states):
        raise TrueAimError(
            f"cues: got {len(cues.codes)} levels for decisions on {len(states)}, needs the same levels; take their rows"
        )
    seen = np.take_along_axis(np.asarray(cues.codes), states[..., None], 1)
    return (*cues.names, PREVIOUS), np.concatenate([seen, previous], -1)


def _prequential(
    found: Decisions, codes: Int[np.ndarray, "level time cue"], columns: tuple[int, ...]
) -> Float[np.ndarray, " level"]:
    """The nats of one device on each level, learning after it."""
    chosen, counted = np.asarray(found.chosen, np.float64), np.asarray(found.counted)
    num_levels, _, num_actions = chosen.shape
    kinds = np.zeros(counted.shape, np.int64)
    for column in columns:
        _, number = np.unique(codes[..., column], return_inverse=True)
        kinds = kinds * (number.max() + 1) + number.reshape(kinds.shape)
    _, number = np.unique(kinds, return_inverse=True)
    number = number.reshape(kinds.shape)
    counts = np.full((number.max() + 1, num_actions), HALF)
    nats = np.zeros(num_levels)
    for level in range(num_levels):
        rows, what = number[level, counted[level]], chosen[level, counted[level]]
        likely = counts[rows] / counts[rows].sum(-1, keepdims=True)
        nats[level] = np.sum(what * np.log(num_actions * likely))
        np.add.at(counts, rows, what)
    return nats
