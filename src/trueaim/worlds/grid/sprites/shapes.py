"""Shapes and colors, of which sprites are made."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

Number = int | float
Color = tuple[int, int, int]
Mask = Bool[np.ndarray, "row column"]
Shape = Callable[[Float[np.ndarray, "row column"], Float[np.ndarray, "row column"]], Mask]
"""Which points are inside, from how far right and how far down they are: 0 to 1 across the sprite."""


class Layer(NamedTuple):
    """A shape in one color; only where the sprite is at least `least_pixels` and less than `below_pixels` across."""

    shape: Shape
    color: Color
    least_pixels: Number = 0
    below_pixels: Number = np.inf


Layers = tuple[Layer, ...]


class Sprite(NamedTuple):
    """A picture of a thing.

    Attributes:
        layers: from back to front.
        flat: it lies on the floor, and others stand on it.
        ground: it is a kind of floor, below all else.
        part: all parts in a cell are drawn over each other, as one thing.
        dyed: how it looks in another color and its shade, for what takes on the color of dyes in its cell.
        dye: the color that it gives to what can be dyed in its cell, as bits (`DYES`); where nothing can, it shows
            itself. 0 for what is no dye.
    """

    layers: Layers
    flat: bool = False
    ground: bool = False
    part: bool = False
    dyed: Callable[[Color, Color], Layers] | None = None
    dye: int = 0


def disk(x: Number, y: Number, radius: Number) -> Shape:
    """A filled circle."""
    return ellipse(x, y, radius, radius)


def ellipse(x: Number, y: Number, across: Number, down: Number) -> Shape:
    """A filled ellipse of these half axes."""
    return lambda right, low: ((right - x) / across) ** 2 + ((low - y) / down) ** 2 <= 1


def ring(x: Number, y: Number, outer: Number, inner: Number) -> Shape:
    """What is between two circles."""
    return lambda right, low: disk(x, y, outer)(right, low) & ~disk(x, y, inner)(right, low)


def box(left: Number, top: Number, right: Number, bottom: Number) -> Shape:
    """A filled rectangle."""
    return lambda x, y: (x >= left) & (x <= right) & (y >= top) & (y <= bottom)


def polygon(*corners: tuple[Number, Number]) -> Shape:
    """A filled convex polygon, its corners clockwise as seen."""

    def inside(x: Float[np.ndarray, "row column"], y: Float[np.ndarray, "row column"]) -> Mask:
        edges = zip(corners, corners[1:] + corners[:1], strict=True)
        return np.logical_and.reduce([(bx - ax) * (y - ay) >= (by - ay) * (x - ax) for (ax, ay), (bx, by) in edges])

    return inside


def diamond(radius: Number) -> Shape:
    """A filled square on its corner, in the middle."""
    return lambda x, y: np.abs(x - 0.5) + np.abs(y - 0.5) <= radius


def star(outer: Number, inner: Number) -> Shape:
    """A filled five-pointed star, in the middle."""

    def inside(x: Float[np.ndarray, "row column"], y: Float[np.ndarray, "row column"]) -> Mask:
        angle = np.abs((np.arctan2(x - 0.5, 0.53 - y) / (2 * np.pi) * 5 + 0.5) % 1 - 0.5) * 2 * np.pi / 5
        reach = np.hypot(x - 0.5, y - 0.53)
        bend = np.pi / 5
        return reach * (np.cos(angle) * inner * np.sin(bend) + np.sin(angle) * (outer - inner * np.cos(bend))) <= (
            outer * inner * np.sin(bend)
        )

    return inside


INK: Color = (38, 40, 58)
WHITE: Color = (255, 255, 255)
FLOOR: tuple[Color, Color] = ((243, 237, 222), (233, 226, 208))
WALL_FACE: Color = (84, 92, 118)
WALL_LIGHT: Color = (118, 128, 158)
WALL_SHADE: Color = (58, 64, 86)
GOLD: Color = (247, 190, 40)
