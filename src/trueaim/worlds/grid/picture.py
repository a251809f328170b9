"""Pictures of levels: tiles gathered from the atlas as packed pixels, which only the end spreads out to colors."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, UInt8, UInt32

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.tiles import atlas

FRAME = 64
"""Pixels across a policy's frame."""


def picture(
    cells: UInt8[Array, " cell"], height: int, width: int, sprites: tuple[str, ...], *, scale: int | None = None
) -> UInt8[Array, "row column rgb"]:
    """A picture of a map as red, green and blue from 0 to 255.

    Args:
        cells: the cells as observed, the agent's bit among them; no bits of things beyond `sprites`.
        height: rows of the map.
        width: columns of the map.
        sprites: the sprite of each thing, in order; names in `sprites.SPRITES`.
        scale: pixels across a cell. Without it the picture is a policy's frame: `FRAME` pixels in square, the map as
            large as whole pixels allow, in its middle, and the color of walls around it.

    Raises:
        TrueAimError: for an unknown sprite, a scale out of range, or a map with more cells across than a frame pixels.
    """
    return unpacked(packed_picture(cells, height, width, sprites, scale=scale))


def packed_picture(
    cells: UInt8[Array, " cell"], height: int, width: int, sprites: tuple[str, ...], *, scale: int | None = None
) -> UInt32[Array, "row column"]:
    """The same as `picture`, a pixel being one word: red in its lowest byte, then green, then blue. Twice as fast."""
    if max(height, width) > FRAME and scale is None:
        raise TrueAimError(
            f"map: got {height} by {width} cells, needs at most {FRAME} across to fit a frame; pass a scale."
        )
    tiles = atlas(sprites, FRAME // max(height, width) if scale is None else scale)
    is_odd = np.add.outer(np.arange(height), np.arange(width)) % 2
    number = cells.reshape(height, width).astype(jnp.int32) * 2 + is_odd
    pixels = _laid_out(jnp.asarray(tiles.pixels), number)
    return pixels if scale is not None else _in_frame(pixels, jnp.uint32(tiles.outside))


def unpacked(pixels: UInt32[Array, "*shape"]) -> UInt8[Array, "*shape rgb"]:
    """Red, green and blue of packed pixels, from 0 to 255."""
    return jnp.stack([pixels, pixels >> 8, pixels >> 16], -1).astype(jnp.uint8)


def _laid_out(tiles: UInt32[Array, "tile side side"], number: Int32[Array, "h w"]) -> UInt32[Array, "row column"]:
    # One gather that puts whole tiles where they belong. On a CPU XLA does again for every pixel what is fused into a
    # gather or reads its result by other axes: one index for each pixel, and the margin around it, took twice as long.
    where = jax.lax.GatherDimensionNumbers(offset_dims=(1, 3), collapsed_slice_dims=(0,), start_index_map=(0,))
    _, side, _ = tiles.shape
    pixels = jax.lax.gather(tiles, number[..., None], where, (1, side, side), mode="clip")
    return pixels.reshape(number.shape[0] * side, number.shape[1] * side)


def _in_frame(pixels: UInt32[Array, "h w"], outside: UInt32[Array, ""]) -> UInt32[Array, "row column"]:
    margins = [((FRAME - length) // 2, FRAME - length - (FRAME - length) // 2, 0) for length in pixels.shape]
    return jax.lax.pad(pixels, outside, margins)
