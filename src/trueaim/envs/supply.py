"""Levels for environments: number n of a lane follows from the lane's seed and n alone, whoever plays beside it."""

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key, UInt32

from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.levels import HELD_OUT_ONE_IN, held_out
from trueaim.envs.asked import Asked, Rules, Source

MOST_AHEAD = 16
"""Levels that are kept for each lane: the one in play, and the next ones."""
MOST_BYTES = 64 * 2**20
"""About how much memory they may take, for all lanes together."""
LEAST_DRAWN, MOST_DRAWN = 16, 1024
"""Levels that are drawn at once."""
MOST_ATTEMPTS = 64 * HELD_OUT_ONE_IN
"""Draws after which a setting is said to have no layouts of the split: by chance, less likely than one in 10^28."""


class Supply:
    """A table in which every lane finds the level it plays and some of the next ones.

    Level number n of lane i is in row `i * ahead + n % ahead`. Only levels that a lane used up are replaced.

    Attributes:
        ahead: rows for each lane.
        table: of levels.
    """

    def __init__(self, asked: Asked, num: int) -> None:
        self._asked, self._num = asked, num
        one = _one_level(asked.rules)
        size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(one))
        self.ahead = int(np.clip(MOST_BYTES // (num * size), 2, MOST_AHEAD))
        self.table = jax.tree.map(lambda leaf: np.zeros((num * self.ahead, *leaf.shape), leaf.dtype), one)
        self._words = np.zeros((num, 2), np.uint32)
        self._filled = np.zeros(num, np.int64)
        self._drawn = int(np.clip(1 << (num - 1).bit_length(), LEAST_DRAWN, MOST_DRAWN))

    def seed(self, lanes: Int[np.ndarray, " some"], words: UInt32[np.ndarray, "some 2"]) -> None:
        """Begin the levels of some lanes anew, from number 0, with other random words."""
        self._words[lanes], self._filled[lanes] = words, 0

    def has(self, episode: Int[np.ndarray, " lane"]) -> bool:
        """Whether every lane's level of that number is there."""
        return bool((episode < self._filled).all())

    def fill(self, playing: Int[np.ndarray, " lane"], until: Int[np.ndarray, " lane"]) -> None:
        """Draw what is missing: up to level `until` of each lane, and further ones where that costs little.

        `until` is at most `ahead - 1` more than `playing`, the number of the level that must stay.

        Raises:
            TrueAimError: the setting has (almost) no layouts of the split.
        """
        is_new = not (self._filled > 0).all()
        further = max(2, self._drawn // self._num) if is_new else self.ahead
        end = np.maximum(until + 1, playing + min(further, self.ahead))
        counts = np.maximum(end - self._filled, 0)
        lanes = np.repeat(np.arange(self._num), counts)
        numbers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + self._filled[lanes]
        self._draw(lanes, numbers)
        self._filled += counts

    def _draw(self, lanes: Int[np.ndarray, " some"], numbers: Int[np.ndarray, " some"]) -> None:
        tries = HELD_OUT_ONE_IN if self._asked.rules.split == "held_out" else 1
        at_once = max(1, self._drawn // tries)
        attempts = np.zeros(len(lanes), np.int64)
        while len(lanes):
            now = slice(0, at_once)
            found = self._put(at_once, tries, lanes[now], numbers[now], attempts[now])
            again = np.flatnonzero(~found)
            if len(again) and attempts[again].max() + tries >= MOST_ATTEMPTS:
                raise self._no_layouts()
            order = np.concatenate([np.arange(len(found), len(lanes)), again])
            attempts[again] += tries
            lanes, numbers, attempts = lanes[order], numbers[order], attempts[order]

    def _put(self, at_once: int, tries: int, *wanted: Int[np.ndarray, " some"]) -> Bool[np.ndarray, " some"]:
        """Draw levels with these lanes, numbers and first attempts into the table; which of them were found."""
        num = len(wanted[0])
        lanes, numbers, attempts = (np.pad(part, (0, at_once - num)) for part in wanted)
        slots = lanes * self.ahead + numbers % self.ahead
        slots[num:] = self._num * self.ahead
        rules, source = self._asked
        self.table, found = _drawn_into(
            rules,
            tries,
            self.table,
            source,
            self._words[lanes],
            *(part.astype(np.int32) for part in (slots, numbers, attempts)),
        )
        return np.asarray(found)[:num]

    def _no_layouts(self) -> TrueAimError:
        scenario, split = self._asked.rules[:2]
        which = {"training": "layouts that are kept for audits", "held_out": "layouts that training may see"}[split]
        return TrueAimError(
            f"{scenario.name}: got only {which}, needs others for split={split!r}; change the size, the layout or the "
            "knobs, or ask for split='all'"
        )


def words_of(generator: np.random.Generator, num: int) -> UInt32[np.ndarray, "num 2"]:
    """The random words from which the levels of `num` lanes follow."""
    return generator.integers(0, 2**32, (num, 2), np.uint32)


@lru_cache(maxsize=64)
def _one_level(rules: Rules) -> Any:
    """The shapes of a level."""
    zero = jnp.zeros(())
    knobs = {knob.name: zero for knob in rules.scenario.world.knobs}
    key = jax.random.key(0, impl="threefry2x32")
    return jax.eval_shape(partial(_level, rules), Source(knobs, knobs, zero), key)


def _level(rules: Rules, source: Source, key: Key[Array, ""]) -> Any:
    is_other = jax.random.uniform(stream(key, "mixture")) < source.alpha
    knobs = {name: jnp.where(is_other, source.other[name], value) for name, value in source.knobs.items()}
    return rules.scenario.world.draw(stream(key, "level"), knobs)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def _drawn_into(
    rules: Rules,
    tries: int,
    table: Any,
    source: Source,
    words: UInt32[Array, "some 2"],
    slots: Int[Array, " some"],
    numbers: Int[Array, " some"],
    attempts: Int[Array, " some"],
) -> tuple[Any, Bool[Array, " some"]]:
    """The table with the first of each row's attempts that has an allowed layout, and for which rows there was one."""

    def key_of(words: Array, number: Array, attempt: Array) -> Key[Array, ""]:
        lane = jax.random.wrap_key_data(words, impl="threefry2x32")
        return stream(stream(lane, "episode", number), "attempt", attempt)

    every = (attempts[:, None] + jnp.arange(tries)).ravel()
    keys = jax.vmap(key_of)(jnp.repeat(words, tries, 0), jnp.repeat(numbers, tries), every)
    flat = jax.vmap(partial(_level, rules, source))(keys)
    allowed = _allowed(rules, flat).reshape(-1, tries)
    rows = jnp.arange(len(slots)) * tries + jnp.argmax(allowed, 1)
    found = allowed.any(1)
    here = jnp.where(found, slots, jax.tree.leaves(table)[0].shape[0])
    return jax.tree.map(lambda old, new: old.at[here].set(new[rows], mode="drop"), table, flat), found


def _allowed(rules: Rules, levels: Any) -> Bool[Array, " level"]:
    if rules.split == "all":
        return jnp.ones(jax.tree.leaves(levels)[0].shape[0], bool)
    kept = held_out(rules.scenario, levels)
    return kept if rules.split == "held_out" else ~kept
