"""Tables of tiles and sprites as packed pixels, at every place that they can have between two pixels.

A word is a pixel: red in its lowest byte, then green, then blue, then how far in front it is. What lies in a cell is
drawn on every cell of every wallpaper beforehand, with smooth edges, so that a picture is gathered and not mixed.
Bodies that move are cut out, nothing being 0: where they meet, the largest word is seen.
"""

import math
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt32

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.sprites.shapes import Layers
from trueaim.worlds.platform.art.sprites import (
    AGENTS,
    COIN,
    CRATE,
    ENEMIES,
    LAVA_DEEP,
    LAVA_TOP,
    POSES,
    agent,
    saw,
)
from trueaim.worlds.platform.art.themes import GROUNDS, PLAIN, REPEAT, WALLPAPERS, Wallpaper

KINDS = ("nothing", "coin", "crate", "saw", "turned saw", "lava surface", "lava", "wall top", "wall")
"""What a cell can show."""
_ON_PAPER: tuple[Layers, ...] = ((), COIN, CRATE, saw(0.0), saw(0.5), LAVA_TOP)
NUM_ON_PAPER = len(_ON_PAPER)
"""Kinds through which the wallpaper is seen; the others fill their cells, and do not move on it."""
BOX = 1.6
"""Cells across the square in which the agent is drawn."""
MOST_PIXELS = 32
"""Across a cell; more would make the tables large."""
BEHIND, IN_FRONT = 1, 2
"""How far in front enemies and the agent are."""
_SPARSE = 8
"""A shape on a wallpaper that none of every so many samples meets is not there."""
_SAMPLES = 60
"""At least that many across a cell."""


class Grain(NamedTuple):
    """How finely a picture is drawn.

    Attributes:
        pixels: across a cell.
        phases: places between two pixels that are told apart, across and down.
        across: pixels across the whole picture.
    """

    pixels: int
    phases: int
    across: int

    @property
    def steps(self) -> int:
        """Places that a body can have in a cell, across."""
        return self.pixels * self.phases

    @property
    def box(self) -> int:
        """Pixels across the agent's square; even or odd as the picture is, since both have the same middle."""
        least = math.ceil(BOX * self.pixels)
        return least + (least + self.across) % 2


class Tables(NamedTuple):
    """All tiles and sprites of one grain.

    Attributes:
        tiles: first what lies on wallpaper, by phase down, phase across, wallpaper, kind, and cell of the wallpaper;
            then what fills its cell, by phases, ground, and kind. The last wallpaper is plain.
        enemies: by species, step, heading (left first), phase down, steps from the phase across to the left edge, of
            which the first is `1 - phases`, and by which of the two cells it is that an enemy is in.
        agents: by suit, pose, and whether it looks to the left.
    """

    tiles: UInt32[np.ndarray, "tile row column"]
    enemies: UInt32[np.ndarray, "look row column"]
    agents: UInt32[np.ndarray, "look high wide"]


@lru_cache(maxsize=4)
def tables(grain: Grain) -> Tables:
    """All tiles and sprites of a grain; raises `TrueAimError` for too many pixels."""
    if not 1 <= grain.pixels <= MOST_PIXELS:
        raise TrueAimError(f"pixels: got {grain.pixels}, needs 1 to {MOST_PIXELS} across a cell; choose some of these.")
    found = Tables(np.concatenate([_on_paper(grain), _filling(grain)]), _enemies(grain), _agents(grain))
    for table in found:
        table.setflags(write=False)  # they are cached, so nobody may write on them
    return found


def _on_paper(grain: Grain) -> UInt32[np.ndarray, "tile row column"]:
    things = _phased(np.stack([_drawn(layers, grain) for layers in _ON_PAPER]), grain)[:, :, None, :, None]
    papers = _phased(np.stack([_paper(paper, grain) for paper in (*WALLPAPERS, PLAIN)]), grain)[:, :, :, None]
    mixed = things + (1 - things[..., 3:]) * papers
    return _packed(mixed).reshape(-1, grain.pixels, grain.pixels)


def _filling(grain: Grain) -> UInt32[np.ndarray, "tile row column"]:
    looks = [(LAVA_DEEP, ground.upper(), ground.deep()) for ground in GROUNDS]
    tiles = _phased(np.stack([[_drawn(kind, grain) for kind in kinds] for kinds in looks]), grain)
    return _packed(tiles).reshape(-1, grain.pixels, grain.pixels)


def _enemies(grain: Grain) -> UInt32[np.ndarray, "look row column"]:
    right = np.stack([_drawn(species(step), grain) for species in ENEMIES for step in (0, 1)])
    both = np.stack([right[:, :, ::-1], right], 1)
    down = np.einsum("apy,...yxc->...apxc", _weights(grain, np.arange(grain.phases)), both)
    edges = np.arange(1 - grain.phases, grain.steps)
    first = np.stack([-edges, grain.steps - edges], -1).ravel()
    looks = np.einsum("bqx,...apxc->...abpqc", _weights(grain, first), down)
    return _cut_out(looks, BEHIND).reshape(-1, grain.pixels, grain.pixels)


def _agents(grain: Grain) -> UInt32[np.ndarray, "look high wide"]:
    size, samples = grain.box, -(-_SAMPLES // grain.pixels)
    at = ((np.arange(size * samples) + 0.5) / samples - size / 2) / grain.pixels
    looks = [
        _painted(agent(pose, suit, shade), side * at, at, grain).reshape(size, samples, size, samples, 4).mean((1, 3))
        for suit, shade in AGENTS
        for pose in POSES
        for side in (1, -1)
    ]
    return _cut_out(np.stack(looks), IN_FRONT)


def _paper(paper: Wallpaper, grain: Grain) -> Float[np.ndarray, "cell high wide color"]:
    """A wallpaper's cells, row by row."""
    side = _samples(grain) * REPEAT
    at = (np.arange(side) + 0.5) / side
    canvas = np.zeros((side, side, 4))
    canvas[:] = (*paper.color, 1.0)
    for layer in paper.layers:
        for right, low in product((-1, 0, 1), repeat=2):
            x, y = np.meshgrid(at + right, at + low)
            if layer.shape(x[::_SPARSE, ::_SPARSE], y[::_SPARSE, ::_SPARSE]).any():
                canvas[layer.shape(x, y), :3] = layer.color
    cells = canvas.reshape(REPEAT, side // REPEAT, REPEAT, side // REPEAT, 4).swapaxes(1, 2)
    return cells.reshape(REPEAT**2, side // REPEAT, side // REPEAT, 4)


def _samples(grain: Grain) -> int:
    return grain.steps * -(-_SAMPLES // grain.steps)


def _drawn(layers: Layers, grain: Grain) -> Float[np.ndarray, "high wide color"]:
    """A thing in its cell: red, green and blue where it is, and whether it is there."""
    at = (np.arange(_samples(grain)) + 0.5) / _samples(grain)
    return _painted(layers, at, at, grain)


def _painted(
    layers: Layers, x: Float[np.ndarray, " wide"], y: Float[np.ndarray, " high"], grain: Grain
) -> Float[np.ndarray, "high wide color"]:
    right, low = np.meshgrid(x, y)
    canvas = np.zeros((*right.shape, 4))
    for layer in layers:
        if layer.least_pixels <= grain.pixels < layer.below_pixels:
            canvas[layer.shape(right, low)] = (*layer.color, 1.0)
    return canvas


def _weights(grain: Grain, first: Int[np.ndarray, " place"]) -> Float[np.ndarray, "place pixel sample"]:
    """What share each sample of a cell has in each pixel, by the step in the cell that the first pixel's middle is in.

    A pixel shows what its middle is in, and the mean of what it covers of that.
    """
    weights = np.zeros((len(first), grain.pixels, _samples(grain)))
    each = _samples(grain) // grain.steps
    for place, start in enumerate(first):
        for pixel in range(grain.pixels):
            middle = start + pixel * grain.phases
            if 0 <= middle < grain.steps:
                begin = middle - grain.phases // 2
                weights[place, pixel, max(begin, 0) * each : (begin + grain.phases) * each] = 1
    return weights / np.maximum(weights.sum(-1, keepdims=True), 1)


def _phased(
    canvas: Float[np.ndarray, "*some high wide color"], grain: Grain
) -> Float[np.ndarray, "down across *some row column color"]:
    """A cell in pixels, at every phase."""
    weights = _weights(grain, np.arange(grain.phases))
    down = np.einsum("apy,...yxc->a...pxc", weights, canvas)
    return np.moveaxis(np.einsum("bqx,...pxc->b...pqc", weights, down), 0, 1)


def _cut_out(pixels: Float[np.ndarray, "*some color"], front: int) -> UInt32[np.ndarray, "*some"]:
    """Packed, each pixel either there or not: those that are covered by half, in the mean color of what covers them."""
    cover = pixels[..., 3:]
    there = cover >= 0.5
    words = _packed(np.where(there, pixels[..., :3] / np.where(there, cover, 1), 0))
    return words | np.where(there[..., 0], np.uint32(front << 24), np.uint32(0))


def _packed(pixels: Float[np.ndarray, "*some color"]) -> UInt32[np.ndarray, "*some"]:
    red, green, blue = np.moveaxis(np.rint(pixels[..., :3]).astype(np.uint32), -1, 0)
    return red | green << 8 | blue << 16
