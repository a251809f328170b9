"""The tile atlas: what each cell looks like, for every byte that a cell can hold."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped, UInt32

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.worlds.grid.level import AGENT, FIRST_THING, MOST_THINGS, WALL, thing_bit
from trueaim.worlds.grid.sprites import (
    AGENT_SPRITE,
    FLOOR,
    MIXED,
    SPRITES,
    WALL_FACE,
    WALL_SPRITE,
    Sprite,
)

SAMPLES = 4
"""Each pixel is the mean of this many samples across and down."""
MOST_PIXELS = 64
"""The largest tile, in pixels across."""


class Atlas(NamedTuple):
    """All tiles of one size, as packed pixels: red in the lowest byte, then green, then blue.

    Attributes:
        pixels: the tiles. Number `2 * cell + odd` shows a cell's byte; `odd` is which field of the checkered floor.
        outside: the pixel for what is outside the map.
    """

    pixels: UInt32[np.ndarray, "tile side side"]
    outside: int


@lru_cache(maxsize=32)
def atlas(sprites: tuple[str, ...], side: int) -> Atlas:
    """The tiles of every possible cell, for things that look like `sprites`.

    Args:
        sprites: the sprite of each thing, in order; names in `SPRITES`.
        side: pixels across a tile, from 1 to `MOST_PIXELS`.

    Raises:
        TrueAimError: for an unknown sprite, too many of them, or a side out of range.
    """
    for name in sprites:
        if name not in SPRITES:
            raise unknown_name("sprite", name, SPRITES)
    if len(sprites) > MOST_THINGS:
        raise TrueAimError(f"sprites: got {len(sprites)}, needs at most {MOST_THINGS}; leave some out.")
    if not 1 <= side <= MOST_PIXELS:
        raise TrueAimError(f"side: got {side}, needs 1 to {MOST_PIXELS} pixels across a tile.")
    tiles = [_tile(cell, sprites, side) for cell in range(1 << (FIRST_THING + len(sprites)))]
    pixels = np.concatenate(tiles)
    pixels.setflags(write=False)  # it is cached, so nobody may write on it
    return Atlas(pixels, int(_packed(np.array([WALL_FACE]))[0]))


def _tile(cell: int, sprites: Sequence[str], side: int) -> UInt32[np.ndarray, "odd row column"]:
    """Both tiles of a cell: what is flat lies below, the rest stands on it side by side, the agent in front."""
    things = _whole(_dyed([SPRITES[name] for index, name in enumerate(sprites) if cell & thing_bit(index)]))
    things.sort(key=lambda thing: not thing.ground)
    flat = ([WALL_SPRITE] if cell & WALL else []) + [thing for thing in things if thing.flat]
    standing = [thing for thing in things if not thing.flat] + ([AGENT_SPRITE] if cell & AGENT else [])
    canvas = np.empty((2, side * SAMPLES, side * SAMPLES, 3))
    canvas[:] = np.array(FLOOR)[:, None, None]
    for index, sprite in enumerate(flat):
        size = 1.0 if sprite is WALL_SPRITE or index == 0 else 0.75**index
        _draw(canvas, sprite, ((1 - size) / 2, (1 - size) / 2), size)
    alone = 0.72 if flat else 0.96 if side >= 8 else 1.12
    for sprite, (corner, size) in zip(standing, _places(len(standing), alone), strict=True):
        _draw(canvas, sprite, corner, size)
    return _packed(canvas.reshape(2, side, SAMPLES, side, SAMPLES, 3).mean((2, 4)))


def _dyed(things: list[Sprite]) -> list[Sprite]:
    """The same things in the color that the dyes among them mix; dyes that find nothing to dye show their mixture."""
    mixture = sum(thing.dye for thing in things)  # each dye has a bit of its own
    if not mixture:
        return things
    dyes, others = ([thing for thing in things if bool(thing.dye) is is_dye] for is_dye in (True, False))
    colored = [thing for thing in others if thing.dyed] or dyes[:1]
    looks = {id(thing): thing._replace(layers=thing.dyed(*MIXED[mixture])) for thing in colored if thing.dyed}
    return [looks.get(id(thing), thing) for thing in (others if colored[0] in others else [*others, dyes[0]])]


def _whole(things: list[Sprite]) -> list[Sprite]:
    """The same things, all parts made one thing, without those that cannot be seen."""
    parts = [layer for thing in things if thing.part for layer in thing.layers]
    others = [thing for thing in things if thing.layers and not thing.part]
    return [*others, Sprite(tuple(parts))] if parts else others


def _places(count: int, alone: float) -> list[tuple[tuple[float, float], float]]:
    """Upper left corner and size, for each of `count` sprites in one tile; `alone` is the size of a single one."""
    if count <= 1:
        return [(((1 - alone) / 2, (1 - alone) / 2), alone)] * count
    if count == 2:
        return [((0.0, 0.0), 0.6), ((0.4, 0.4), 0.6)]
    across = 2 if count <= 4 else 3
    return [((index % across / across, index // across / across), 1 / across) for index in range(count)]


def _draw(
    canvas: Float[np.ndarray, "odd row column rgb"], sprite: Sprite, corner: tuple[float, float], size: float
) -> None:
    """Paints a sprite on the canvas, over what is there."""
    middles = (np.arange(canvas.shape[1]) + 0.5) / canvas.shape[1]
    x, y = np.meshgrid((middles - corner[0]) / size, (middles - corner[1]) / size)
    for layer in sprite.layers:
        if layer.least_pixels <= size * canvas.shape[1] / SAMPLES < layer.below_pixels:
            canvas[:, layer.shape(x, y)] = layer.color


def _packed(colors: Shaped[np.ndarray, "*pixels rgb"]) -> UInt32[np.ndarray, "*pixels"]:
    red, green, blue = np.moveaxis(np.rint(colors).astype(np.uint32), -1, 0)
    return red | green << 8 | blue << 16
