"""Random numbers inside an episode: one word that is scrambled anew each step, so that a level carries its own luck.

The same level and the same actions bring the same episode, which is what replays, undoing and counterfactual levels
need; an agent cannot tell, since it sees nothing of the word. A key for each environment and step would cost several
times as much as the step.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32


def scrambled(word: UInt32[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    """The 32-bit finalizer of MurmurHash3: a one-to-one map of words that looks random."""
    word = (word ^ (word >> 16)) * jnp.uint32(0x85EBCA6B)
    word = (word ^ (word >> 13)) * jnp.uint32(0xC2B2AE35)
    return word ^ (word >> 16)


def following(luck: UInt32[Array, ""]) -> UInt32[Array, ""]:
    """The luck of the next step (a Weyl sequence, so it comes round after 2^32 steps)."""
    return luck + jnp.uint32(0x9E3779B9)


def word(luck: UInt32[Array, ""], salt: int) -> UInt32[Array, ""]:
    """A random word for one purpose in one step; purposes have different salts."""
    return scrambled(luck ^ jnp.uint32((salt * 0x632BE5AB + 1) & 0xFFFFFFFF))


def words(luck: UInt32[Array, ""], salt: int, num: int) -> UInt32[Array, " num"]:
    """Several random words for one purpose."""
    return scrambled(word(luck, salt) + jnp.arange(num, dtype=jnp.uint32) * jnp.uint32(0x9E3779B9))


def share(word: UInt32[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A word as a number from 0 to below 1."""
    return (word >> 8).astype(jnp.float32) * jnp.float32(2**-24)
