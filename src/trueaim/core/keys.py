"""Named random keys: every stream is derived from (key, purpose, index), so a new consumer shifts no other stream."""

import zlib

import jax
from jaxtyping import Array, Key


def stream(key: Key[Array, ""], purpose: str, index: int | Array = 0) -> Key[Array, ""]:
    """The key of one named purpose; the same three arguments always give the same key.

    Args:
        key: the parent.
        purpose: what the randomness is for, in words ("levels", "actions").
        index: which of many, for streams that come in numbers (an iteration, a level).
    """
    return jax.random.fold_in(jax.random.fold_in(key, zlib.crc32(purpose.encode())), index)


def root(seed: int) -> Key[Array, ""]:
    """The key at which all streams of a run with this seed begin."""
    return jax.random.key(seed, impl="threefry2x32")
