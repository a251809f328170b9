"""Sprites: pictures of things, written down as shapes in colors. No image files."""

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


class Sprite(NamedTuple):
    """A picture of a thing: layers from back to front. A flat one lies on the floor, and others stand on it."""

    layers: tuple[Layer, ...]
    flat: bool = False


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

WALL_SPRITE = Sprite(
    (
        Layer(box(0, 0, 1, 1), WALL_FACE),
        Layer(polygon((0, 0), (1, 0), (0.86, 0.14), (0.14, 0.14)), WALL_LIGHT, 8),
        Layer(polygon((0, 0), (0.14, 0.14), (0.14, 0.86), (0, 1)), WALL_LIGHT, 8),
        Layer(polygon((1, 1), (0, 1), (0.14, 0.86), (0.86, 0.86)), WALL_SHADE, 8),
        Layer(polygon((1, 1), (0.86, 0.86), (0.86, 0.14), (1, 0)), WALL_SHADE, 8),
    )
)


def _mouse(fur: Color, dark: Color) -> Sprite:
    return Sprite(
        (
            Layer(disk(0.22, 0.26, 0.22), dark),
            Layer(disk(0.78, 0.26, 0.22), dark),
            Layer(disk(0.22, 0.26, 0.13), (255, 170, 185), 6),
            Layer(disk(0.78, 0.26, 0.13), (255, 170, 185), 6),
            Layer(ellipse(0.5, 0.58, 0.42, 0.38), dark),
            Layer(ellipse(0.5, 0.57, 0.38, 0.34), fur),
            Layer(ellipse(0.5, 0.74, 0.19, 0.14), (226, 238, 255), 8),
            Layer(ellipse(0.35, 0.53, 0.09, 0.11), WHITE, 6),
            Layer(ellipse(0.65, 0.53, 0.09, 0.11), WHITE, 6),
            Layer(disk(0.37, 0.55, 0.06), INK, 6),
            Layer(disk(0.63, 0.55, 0.06), INK, 6),
            Layer(ellipse(0.5, 0.68, 0.06, 0.045), (255, 120, 145), 8),
        )
    )


def _key(color: Color, dark: Color) -> Sprite:
    return Sprite(
        (
            Layer(disk(0.3, 0.34, 0.32), color, 0, 8),
            Layer(polygon((0.4, 0.4), (0.6, 0.3), (1.0, 0.8), (0.8, 1.0)), dark, 0, 8),
            Layer(ring(0.3, 0.36, 0.26, 0.09), dark, 8),
            Layer(polygon((0.42, 0.36), (0.54, 0.34), (0.94, 0.76), (0.84, 0.88)), dark, 8),
            Layer(polygon((0.76, 0.62), (0.9, 0.48), (0.99, 0.57), (0.85, 0.71)), dark, 8),
            Layer(ring(0.3, 0.36, 0.22, 0.12), color, 8),
            Layer(polygon((0.44, 0.4), (0.51, 0.37), (0.89, 0.77), (0.84, 0.83)), color, 8),
        )
    )


def _ball(color: Color, dark: Color) -> Sprite:
    return Sprite(
        (
            Layer(disk(0.5, 0.5, 0.4), dark),
            Layer(disk(0.5, 0.5, 0.34), color),
            Layer(ellipse(0.38, 0.36, 0.1, 0.07), WHITE, 8),
        )
    )


def _cube(color: Color, dark: Color) -> Sprite:
    return Sprite(
        (
            Layer(box(0.12, 0.12, 0.88, 0.88), dark),
            Layer(box(0.19, 0.19, 0.81, 0.81), color),
            Layer(polygon((0.28, 0.28), (0.6, 0.28), (0.28, 0.6)), WHITE, 8),
        )
    )


def _gem(color: Color, dark: Color) -> Sprite:
    return Sprite(
        (
            Layer(diamond(0.48), dark),
            Layer(diamond(0.4), color),
            Layer(polygon((0.5, 0.18), (0.62, 0.42), (0.5, 0.5), (0.38, 0.42)), WHITE, 8),
        )
    )


_COLORS: dict[str, tuple[Color, Color]] = {
    "red": ((232, 64, 72), (150, 28, 48)),
    "green": ((60, 184, 96), (22, 112, 62)),
    "blue": ((74, 104, 232), (36, 52, 150)),
    "purple": ((170, 92, 220), (102, 44, 150)),
    "orange": ((250, 140, 50), (176, 82, 20)),
    "yellow": ((250, 214, 60), (184, 140, 16)),
}

SPRITES: dict[str, Sprite] = {
    "apple": Sprite(
        (
            Layer(ellipse(0.5, 0.57, 0.42, 0.39), (150, 28, 40)),
            Layer(ellipse(0.5, 0.56, 0.37, 0.34), (228, 58, 62)),
            Layer(box(0.47, 0.06, 0.54, 0.28), (96, 62, 40), 6),
            Layer(ellipse(0.67, 0.15, 0.16, 0.08), (76, 176, 80)),
            Layer(ellipse(0.35, 0.45, 0.08, 0.11), (255, 176, 170), 8),
        )
    ),
    "cheese": Sprite(
        (
            Layer(polygon((0.03, 0.52), (0.72, 0.1), (0.97, 0.45), (0.97, 0.9), (0.03, 0.9)), (196, 126, 12)),
            Layer(polygon((0.1, 0.5), (0.7, 0.16), (0.91, 0.46), (0.91, 0.5)), (255, 226, 110)),
            Layer(box(0.09, 0.54, 0.91, 0.84), (252, 196, 40)),
            Layer(disk(0.3, 0.7, 0.1), (206, 138, 16), 6),
            Layer(disk(0.64, 0.63, 0.08), (206, 138, 16), 8),
            Layer(disk(0.78, 0.78, 0.06), (206, 138, 16), 8),
            Layer(ellipse(0.62, 0.36, 0.09, 0.06), (226, 166, 40), 8),
        )
    ),
    "chest": Sprite(
        (
            Layer(box(0.08, 0.2, 0.92, 0.88), (84, 48, 24)),
            Layer(box(0.14, 0.26, 0.86, 0.46), (186, 116, 58)),
            Layer(box(0.14, 0.52, 0.86, 0.82), (158, 92, 44)),
            Layer(box(0.4, 0.4, 0.6, 0.64), GOLD),
            Layer(box(0.47, 0.5, 0.53, 0.59), INK, 12),
        )
    ),
    "coin": Sprite(
        (
            Layer(disk(0.5, 0.5, 0.42), (178, 110, 10)),
            Layer(disk(0.5, 0.5, 0.36), (255, 206, 60)),
            Layer(ring(0.5, 0.5, 0.28, 0.22), (214, 146, 20), 10),
            Layer(box(0.46, 0.34, 0.54, 0.66), (214, 146, 20), 8),
        )
    ),
    "corner": Sprite(
        (
            Layer(box(0.08, 0.08, 0.92, 0.26), (46, 160, 110)),
            Layer(box(0.08, 0.08, 0.26, 0.92), (46, 160, 110)),
            Layer(disk(0.6, 0.6, 0.16), (46, 160, 110), 6),
        ),
        flat=True,
    ),
    "dish": Sprite(
        (
            Layer(disk(0.5, 0.5, 0.48), (88, 148, 190)),
            Layer(disk(0.5, 0.5, 0.42), (206, 232, 246)),
            Layer(disk(0.5, 0.5, 0.29), (140, 188, 218), 6),
            Layer(disk(0.5, 0.5, 0.25), (240, 250, 255)),
        ),
        flat=True,
    ),
    "exit": Sprite(
        (
            Layer(disk(0.5, 0.42, 0.38), (24, 96, 62)),
            Layer(box(0.12, 0.42, 0.88, 0.98), (24, 96, 62)),
            Layer(disk(0.5, 0.43, 0.28), (96, 214, 142)),
            Layer(box(0.22, 0.43, 0.78, 0.98), (96, 214, 142)),
            Layer(disk(0.67, 0.64, 0.06), (24, 96, 62), 8),
        ),
        flat=True,
    ),
    "heart": Sprite(
        (
            Layer(disk(0.31, 0.36, 0.24), (222, 50, 98)),
            Layer(disk(0.69, 0.36, 0.24), (222, 50, 98)),
            Layer(polygon((0.11, 0.49), (0.5, 0.36), (0.89, 0.49), (0.5, 0.93)), (222, 50, 98)),
            Layer(ellipse(0.28, 0.31, 0.08, 0.06), (255, 190, 208), 8),
        )
    ),
    "key": _key((255, 206, 60), (160, 98, 6)),
    "lava": Sprite(
        (
            Layer(box(0, 0, 1, 1), (226, 74, 26)),
            Layer(ellipse(0.28, 0.3, 0.24, 0.12), (255, 168, 50)),
            Layer(ellipse(0.74, 0.7, 0.24, 0.12), (255, 168, 50)),
            Layer(ellipse(0.28, 0.3, 0.12, 0.05), (255, 226, 120), 8),
            Layer(ellipse(0.74, 0.7, 0.12, 0.05), (255, 226, 120), 8),
        ),
        flat=True,
    ),
    "leader": _mouse((250, 150, 72), (190, 92, 30)),
    "monster": Sprite(
        (
            Layer(disk(0.5, 0.44, 0.4), (92, 40, 132)),
            Layer(box(0.1, 0.44, 0.9, 0.8), (92, 40, 132)),
            Layer(disk(0.235, 0.8, 0.135), (92, 40, 132)),
            Layer(disk(0.5, 0.8, 0.135), (92, 40, 132)),
            Layer(disk(0.765, 0.8, 0.135), (92, 40, 132)),
            Layer(ellipse(0.35, 0.44, 0.11, 0.14), WHITE, 6),
            Layer(ellipse(0.65, 0.44, 0.11, 0.14), WHITE, 6),
            Layer(disk(0.38, 0.47, 0.06), INK, 8),
            Layer(disk(0.68, 0.47, 0.06), INK, 8),
        )
    ),
    "star": Sprite((Layer(star(0.5, 0.22), (196, 120, 8)), Layer(star(0.42, 0.18), (255, 216, 70)))),
    **{f"{name}_ball": _ball(*shades) for name, shades in _COLORS.items()},
    **{f"{name}_cube": _cube(*shades) for name, shades in _COLORS.items()},
    **{f"{name}_gem": _gem(*shades) for name, shades in _COLORS.items()},
    **{f"{name}_key": _key(*shades) for name, shades in _COLORS.items()},
}
"""Every sprite that a thing can have, by name."""

AGENT_SPRITE = _mouse((72, 150, 246), (26, 84, 178))
