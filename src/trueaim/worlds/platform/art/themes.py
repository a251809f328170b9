"""What walls and backgrounds look like: six grounds and six wallpapers, which mix freely.

A wallpaper repeats every `REPEAT` cells and is tied to the level, like paper on the wall behind it, so that the agent
can see itself move.
"""

from typing import NamedTuple

import numpy as np

from trueaim.worlds.grid.sprites.shapes import Color, Layer, Layers, Number, Shape, box, disk, ellipse, polygon
from trueaim.worlds.platform.art.sprites import FINE

REPEAT = 8
"""Cells after which a wallpaper repeats itself, across and down."""


class Ground(NamedTuple):
    """How walls look.

    Attributes:
        name: in words.
        top: color of the upper edge of a wall that can be stood on.
        light: color of the rim of that edge.
        face: color of the wall below.
        marks: shapes on the face, for the eye to hold on to.
    """

    name: str
    top: Color
    light: Color
    face: Color
    marks: Layers

    def deep(self) -> Layers:
        """A wall with more wall, or lava, above it."""
        return (Layer(box(0, 0, 1, 1), self.face), *self.marks)

    def upper(self) -> Layers:
        """A wall that can be stood on."""
        fringe = (polygon((x, 0.3), (x + 0.25, 0.3), (x + 0.125, 0.46)) for x in (0, 0.25, 0.5, 0.75))
        return (
            *self.deep(),
            Layer(box(0, 0, 1, 0.32), self.top),
            *(Layer(part, self.top, FINE) for part in fringe),
            Layer(box(0, 0, 1, 0.1), self.light),
        )


class Wallpaper(NamedTuple):
    """What is seen behind everything: shapes on one color, 0 to 1 across and down in `REPEAT` cells."""

    name: str
    color: Color
    layers: Layers


def _bricks(shade: Color) -> Layers:
    rows = (box(0, 0.44, 1, 0.52), box(0, 0.92, 1, 1))
    return (
        *(Layer(row, shade) for row in rows),
        Layer(box(0.2, 0, 0.28, 0.46), shade),
        Layer(box(0.7, 0.5, 0.78, 0.96), shade),
    )


def _stones(shade: Color, light: Color) -> Layers:
    return (
        Layer(ellipse(0.26, 0.62, 0.15, 0.1), shade),
        Layer(ellipse(0.72, 0.82, 0.17, 0.1), shade),
        Layer(ellipse(0.7, 0.24, 0.1, 0.07), shade, FINE),
        Layer(ellipse(0.24, 0.6, 0.08, 0.04), light, FINE),
        Layer(ellipse(0.7, 0.8, 0.09, 0.04), light, FINE),
    )


def _plates(shade: Color, light: Color) -> Layers:
    bolts = ((0.16, 0.16), (0.84, 0.16), (0.16, 0.84), (0.84, 0.84))
    return (
        Layer(box(0, 0.9, 1, 1), shade),
        Layer(box(0.9, 0, 1, 1), shade),
        *(Layer(disk(x, y, 0.06), light, FINE) for x, y in bolts),
        Layer(box(0.3, 0.46, 0.62, 0.54), light),
    )


def _layers_of_sand(shade: Color) -> Layers:
    return tuple(Layer(_ripple(y, 0.05, 1, 0.07), shade) for y in (0.38, 0.68, 0.96))


def _ripple(y: Number, swing: Number, times: int, width: Number) -> Shape:
    return lambda x, low: np.abs(low - y - swing * np.sin(2 * np.pi * times * x)) <= width / 2


GROUNDS = (
    Ground("meadow", (96, 186, 58), (160, 226, 96), (136, 90, 54), _stones((104, 66, 38), (168, 120, 78))),
    Ground("desert", (244, 206, 120), (255, 234, 172), (204, 150, 78), _layers_of_sand((176, 122, 56))),
    Ground("snow", (238, 246, 252), (255, 255, 255), (118, 150, 186), _stones((92, 120, 158), (158, 188, 216))),
    Ground("castle", (150, 154, 160), (196, 200, 204), (112, 112, 120), _bricks((76, 76, 86))),
    Ground("dusk", (178, 116, 222), (222, 176, 250), (84, 58, 116), _stones((60, 38, 88), (122, 92, 160))),
    Ground("factory", (216, 128, 66), (246, 178, 116), (122, 78, 66), _plates((84, 50, 44), (168, 112, 90))),
)


def _cloud(x: Number, y: Number, size: Number, color: Color) -> Layers:
    parts = ((-0.1, 0.0, 0.08, 0.05), (0.0, -0.03, 0.09, 0.075), (0.1, 0.0, 0.08, 0.05))
    return tuple(Layer(ellipse(x + size * a, y + size * b, size * w, size * h), color) for a, b, w, h in parts)


def _leaf(x: Number, y: Number, size: Number) -> Shape:
    return lambda right, low: (
        (np.hypot(right - x - size / 2, low - y) <= size) & (np.hypot(right - x + size / 2, low - y) <= size)
    )


def _arch(x: Number, top: Number) -> Shape:
    return lambda right, low: (
        disk(x, top + 0.11, 0.11)(right, low) | box(x - 0.11, top + 0.11, x + 0.11, top + 0.36)(right, low)
    )


_STARS = ((0.08, 0.12), (0.31, 0.3), (0.56, 0.08), (0.82, 0.24), (0.17, 0.55), (0.44, 0.68), (0.7, 0.5), (0.92, 0.8))
_LEAVES = ((0.1, 0.14), (0.42, 0.08), (0.76, 0.18), (0.24, 0.4), (0.58, 0.38), (0.92, 0.48), (0.1, 0.7), (0.44, 0.72))
_DROPS = (
    (0.2, 0.2, 0.11),
    (0.62, 0.12, 0.06),
    (0.84, 0.46, 0.1),
    (0.42, 0.52, 0.07),
    (0.14, 0.74, 0.08),
    (0.6, 0.82, 0.12),
)

WALLPAPERS = (
    Wallpaper(
        "day",
        (158, 212, 244),
        (
            *_cloud(0.26, 0.2, 1.1, (206, 234, 250)),
            *_cloud(0.74, 0.52, 0.9, (198, 230, 249)),
            *_cloud(0.24, 0.8, 0.7, (190, 227, 248)),
        ),
    ),
    Wallpaper(
        "night",
        (30, 36, 76),
        (
            Layer(ellipse(0.5, 0.6, 0.36, 0.2), (38, 44, 90)),
            *(Layer(disk(x, y, 0.016 + 0.006 * (n % 3)), (182, 190, 230)) for n, (x, y) in enumerate(_STARS)),
        ),
    ),
    Wallpaper(
        "forest",
        (192, 222, 176),
        tuple(
            Layer(_leaf(x, y, 0.1 + 0.02 * (n % 2)), ((168, 206, 152), (178, 213, 160))[n % 2])
            for n, (x, y) in enumerate(_LEAVES)
        ),
    ),
    Wallpaper(
        "cavern",
        (66, 58, 62),
        (
            Layer(polygon((0.05, 0.1), (0.4, 0.04), (0.5, 0.3), (0.2, 0.42)), (76, 67, 70)),
            Layer(polygon((0.56, 0.3), (0.9, 0.22), (0.96, 0.52), (0.68, 0.6)), (56, 49, 54)),
            Layer(polygon((0.14, 0.56), (0.46, 0.5), (0.54, 0.84), (0.2, 0.9)), (57, 50, 55)),
            Layer(polygon((0.62, 0.7), (0.94, 0.68), (0.9, 0.92), (0.66, 0.96)), (75, 66, 69)),
        ),
    ),
    Wallpaper(
        "hall",
        (222, 206, 186),
        tuple(Layer(_arch(x, y), (206, 188, 166)) for x, y in ((0.25, 0.06), (0.75, 0.06), (0.5, 0.56), (0.0, 0.56))),
    ),
    Wallpaper(
        "dawn",
        (250, 214, 206),
        tuple(
            Layer(disk(x, y, size), ((246, 198, 196), (252, 226, 214))[n % 2]) for n, (x, y, size) in enumerate(_DROPS)
        ),
    ),
)
PLAIN = Wallpaper("plain", (0, 0, 0), ())
"""Black, as in the source without backgrounds."""
