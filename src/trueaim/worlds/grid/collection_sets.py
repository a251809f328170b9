"""What can be gone while keys are collected and chests opened: the states of a collection, layer by layer, as tables.

Things are numbered keys first, then chests; what is gone (keys taken, chests opened) is a set of them, a bit for each.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int


class Layer(NamedTuple):
    """The sets of one size that an episode under way can be in: first those with a key in hand, then those without.

    Attributes:
        gone: the sets, as bits.
        armed: how many of them have a key in hand, so that stepping on a chest opens it.
        parent: of each armed set, the row in the layer before of the set without `added`.
        added: of each armed set, one of its things.
        taken: of each unarmed set, the row of its keys in `Collection.unarmed`.
        following: [set, thing] the row in the next layer once that thing is gone too; one past its last row where that
            ends the episode.
        allowed: [set, thing] whether that thing can be had next.
    """

    gone: Int[np.ndarray, " set"]
    armed: int
    parent: Int[np.ndarray, " armed"]
    added: Int[np.ndarray, " armed"]
    taken: Int[np.ndarray, " unarmed"]
    following: Int[np.ndarray, "set thing"]
    allowed: Bool[np.ndarray, "set thing"]


class Collection(NamedTuple):
    """All states of what is gone while as many keys and chests lie about.

    Attributes:
        unarmed: sets of keys alone, as bits, with which all may be used up; those before them first.
        parents, added: of each of those, the row of the set without one key, and that key (-1 for the empty set).
        layers: by the number of things gone.
    """

    keys: int
    chests: int
    unarmed: Int[np.ndarray, " keys"]
    parents: Int[np.ndarray, " keys"]
    added: Int[np.ndarray, " keys"]
    layers: tuple[Layer, ...]

    @property
    def things(self) -> int:
        """Keys and chests."""
        return self.keys + self.chests

    @property
    def size(self) -> int:
        """How many sets there are."""
        return sum(len(layer.gone) for layer in self.layers)


def num_sets(keys: int, chests: int) -> int:
    """How many sets `collection` has: no more chests opened than keys taken, nor all that can be."""
    openings = min(keys, chests)
    return sum(
        _choose(keys, taken) * sum(_choose(chests, opened) for opened in range(min(taken, openings - 1) + 1))
        for taken in range(keys + 1)
    )


def _choose(num: int, some: int) -> int:
    return int(np.prod(np.arange(num - some + 1, num + 1) / np.arange(1, some + 1)).round())


@lru_cache(maxsize=64)
def collection(keys: int, chests: int) -> Collection:
    """The tables for this many keys and chests, at least one of each."""
    every = np.arange(1 << (keys + chests), dtype=np.int64)
    taken, opened = _count(every & ((1 << keys) - 1)), _count(every >> keys)
    openings = min(keys, chests)
    under_way = (taken >= opened) & (opened < openings)
    alone = every[(every < 1 << keys) & (taken < openings)]
    alone = alone[np.argsort(_count(alone), kind="stable")]
    rows = np.full(len(every), -1)
    rows[alone] = np.arange(len(alone))
    top = _top(alone)
    parents = np.where(alone == 0, 0, rows[alone & ~_bit(top)])
    layers: list[Layer] = []
    following = np.zeros(0, np.int64)
    for size in reversed(range(keys + chests)):
        gone = every[under_way & (taken + opened == size)]
        if not len(gone):
            continue
        gone = gone[np.argsort(taken[gone] == opened[gone], kind="stable")]
        layers.insert(0, _layer(keys, chests, gone, following, rows))
        following = gone
    return Collection(keys, chests, alone, parents, top, _linked(layers))


def _layer(
    keys: int,
    chests: int,
    gone: Int[np.ndarray, " set"],
    later: Int[np.ndarray, " set"],
    alone: Int[np.ndarray, " all"],
) -> Layer:
    """A layer without its `parent`, which needs the layer before."""
    things = np.arange(keys + chests)
    hand = _count(gone & ((1 << keys) - 1)) - _count(gone >> keys)
    armed = int((hand > 0).sum())
    allowed = ((gone[:, None] >> things & 1) == 0) & ((things < keys) | (hand[:, None] > 0))
    order = np.argsort(later)
    wanted = gone[:, None] | 1 << things
    found = np.searchsorted(later[order], wanted).clip(max=max(len(later) - 1, 0))
    rows = order[found] if len(later) else np.zeros_like(found)
    is_there = later[rows] == wanted if len(later) else np.zeros_like(allowed)
    return Layer(
        gone,
        armed,
        np.zeros(armed, np.int64),
        _top(gone[:armed]),
        alone[gone[armed:] & ((1 << keys) - 1)],
        np.where(is_there, rows, len(later)),
        allowed,
    )


def _linked(layers: list[Layer]) -> tuple[Layer, ...]:
    """The same layers with their parents: a set without its highest thing, so without a chest where it has one."""
    linked = layers[:1]
    for before, layer in pairwise(layers):
        wanted = layer.gone[: layer.armed] & ~_bit(layer.added)
        order = np.argsort(before.gone)
        linked.append(layer._replace(parent=order[np.searchsorted(before.gone[order], wanted)]))
    return tuple(linked)


def _count(sets: Int[np.ndarray, " set"]) -> Int[np.ndarray, " set"]:
    return np.bitwise_count(sets).astype(np.int64)


def _top(sets: Int[np.ndarray, " set"]) -> Int[np.ndarray, " set"]:
    """The highest thing of each set; -1 for the empty one."""
    return np.frexp(sets.astype(np.float64))[1].astype(np.int64) - 1


def _bit(things: Int[np.ndarray, " set"]) -> Int[np.ndarray, " set"]:
    return np.where(things < 0, 0, 1 << np.maximum(things, 0))
