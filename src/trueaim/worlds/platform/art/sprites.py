"""What things and bodies look like, as shapes in colors: the project's own art, under the license of the project.

A thing fills its cell, 0 to 1 across and down. A body is drawn around its center, in cells.
"""

import numpy as np

from trueaim.worlds.grid.sprites.shapes import (
    INK,
    WHITE,
    Color,
    Layer,
    Layers,
    Number,
    Shape,
    box,
    disk,
    ellipse,
    polygon,
    ring,
)

FINE = 9
"""From this many pixels across a cell on, small details are drawn."""
GOLD, GOLD_LIGHT, GOLD_SHADE = (255, 205, 40), (255, 244, 160), (196, 120, 8)
STEEL, STEEL_LIGHT, STEEL_SHADE = (172, 180, 192), (228, 233, 240), (70, 76, 92)
WOOD, WOOD_LIGHT, WOOD_SHADE = (186, 124, 62), (222, 168, 98), (104, 62, 26)
FIRE, FIRE_LIGHT, FIRE_SHADE = (236, 78, 26), (255, 198, 54), (190, 40, 18)
SKIN: Color = (255, 220, 178)


def gear(radius: Number, depth: Number, teeth: int, turned: Number) -> Shape:
    """A disk in the middle with teeth; `turned` by a share of a tooth."""

    def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        angle = np.arctan2(y - 0.5, x - 0.5) / (2 * np.pi) * teeth + turned
        found: np.ndarray = np.hypot(x - 0.5, y - 0.5) <= radius - depth * (angle % 1)
        return found

    return inside


def wave(height: Number, swing: Number, phase: Number = 0) -> Shape:
    """All below a wavy line, which goes on from cell to cell."""
    return lambda x, y: y >= height + swing * np.cos(2 * np.pi * (x + phase))


COIN: Layers = (
    Layer(disk(0.5, 0.5, 0.47), GOLD_SHADE),
    Layer(disk(0.5, 0.5, 0.39), GOLD),
    Layer(ring(0.5, 0.5, 0.31, 0.25), GOLD_SHADE, FINE),
    Layer(box(0.44, 0.3, 0.56, 0.7), GOLD_LIGHT),
    Layer(ellipse(0.33, 0.3, 0.08, 0.05), WHITE, FINE),
)

CRATE: Layers = (
    Layer(box(0.0, 0.0, 1.0, 1.0), WOOD_SHADE),
    Layer(box(0.07, 0.07, 0.93, 0.93), WOOD),
    Layer(box(0.2, 0.38, 0.8, 0.43), WOOD_SHADE, FINE),
    Layer(box(0.2, 0.57, 0.8, 0.62), WOOD_SHADE, FINE),
    Layer(polygon((0.16, 0.07), (0.93, 0.84), (0.84, 0.93), (0.07, 0.16)), WOOD_SHADE, FINE),
    Layer(polygon((0.12, 0.07), (0.93, 0.88), (0.88, 0.93), (0.07, 0.12)), WOOD_LIGHT, FINE),
    Layer(polygon((0.07, 0.0), (1.0, 0.93), (0.93, 1.0), (0.0, 0.07)), WOOD_SHADE, 0, FINE),
    Layer(box(0.07, 0.07, 0.93, 0.2), WOOD_LIGHT),
    Layer(box(0.07, 0.8, 0.93, 0.93), WOOD_LIGHT, FINE),
    Layer(box(0.0, 0.84, 1.0, 1.0), WOOD_SHADE, 0, FINE),
)


def saw(turned: Number) -> Layers:
    """A blade, turned by a share of a tooth."""
    return (
        Layer(gear(0.5, 0.13, 8, turned), STEEL_SHADE),
        Layer(gear(0.44, 0.12, 8, turned), STEEL, FINE),
        Layer(disk(0.5, 0.5, 0.26), STEEL_LIGHT, FINE),
        Layer(disk(0.5, 0.5, 0.32), STEEL, 0, FINE),
        Layer(box(0.44, 0.1, 0.56, 0.9) if turned else box(0.1, 0.44, 0.9, 0.56), WHITE, 0, FINE),
        Layer(ring(0.5, 0.5, 0.28, 0.23), STEEL_SHADE, FINE),
        Layer(disk(0.5, 0.5, 0.12), (206, 44, 52), FINE),
        Layer(disk(0.5, 0.5, 0.17), (206, 44, 52), 0, FINE),
    )


LAVA_TOP: Layers = (
    Layer(wave(0.2, 0.09), FIRE_LIGHT),
    Layer(wave(0.42, 0.09, 0.15), FIRE),
    Layer(disk(0.3, 0.76, 0.08), FIRE_LIGHT, FINE),
    Layer(disk(0.72, 0.66, 0.05), FIRE_LIGHT, FINE),
)
LAVA_DEEP: Layers = (
    Layer(box(0, 0, 1, 1), FIRE),
    Layer(ellipse(0.3, 0.3, 0.2, 0.1), FIRE_SHADE),
    Layer(ellipse(0.75, 0.72, 0.17, 0.1), FIRE_SHADE),
    Layer(disk(0.66, 0.25, 0.07), FIRE_LIGHT, FINE),
    Layer(disk(0.22, 0.72, 0.06), FIRE_LIGHT, FINE),
)


def _eyes(x: Number, y: Number, apart: Number, size: Number) -> Layers:
    """A pair of eyes that look to the right."""
    return tuple(
        layer
        for side in (-apart, apart)
        for layer in (
            Layer(ellipse(x + side, y, size, 1.2 * size), WHITE),
            Layer(disk(x + side + 0.4 * size, y + 0.1 * size, 0.55 * size), INK, FINE),
        )
    )


def slime(step: int) -> Layers:
    """A purple blob that stretches as it goes, to the right."""
    low, wide = 0.03 * step, 0.03 * step
    body, shade = (176, 66, 214), (88, 20, 122)
    return (
        Layer(ellipse(0.5, 0.6 + low, 0.47 + wide, 0.5 - low), shade),
        Layer(box(0.03 - wide, 0.6, 0.97 + wide, 1.0), shade),
        Layer(ellipse(0.5, 0.61 + low, 0.4 + wide, 0.42 - low), body),
        Layer(box(0.1 - wide, 0.6, 0.9 + wide, 0.92), body),
        *_eyes(0.58, 0.5, 0.19, 0.13),
        Layer(box(0.42, 0.72, 0.78, 0.78), shade, FINE),
    )


def beetle(step: int) -> Layers:
    """A red bug with a spiked back and legs that take turns, walking to the right."""
    body, shade = (216, 40, 60), (112, 8, 26)
    feet = (0.14, 0.5, 0.86) if step else (0.3, 0.66)
    return (
        *(Layer(box(foot - 0.08, 0.8, foot + 0.08, 1.0), INK) for foot in feet),
        *(Layer(polygon((x - 0.13, 0.42), (x, 0.06), (x + 0.13, 0.42)), shade) for x in (0.22, 0.48, 0.74)),
        Layer(ellipse(0.5, 0.6, 0.5, 0.33), shade),
        Layer(ellipse(0.48, 0.58, 0.43, 0.25), body),
        Layer(ellipse(0.36, 0.48, 0.14, 0.06), (255, 130, 140), FINE),
        *_eyes(0.76, 0.54, 0.09, 0.09),
    )


def robot(step: int) -> Layers:
    """A dark box on wheels, with one eye that burns, rolling to the right."""
    body, shade = (92, 102, 122), (34, 38, 52)
    return (
        *(Layer(disk(x, 0.86, 0.14), shade) for x in (0.22, 0.5, 0.78)),
        *(Layer(disk(x + 0.03 * (1 - 2 * step), 0.86, 0.05), STEEL_LIGHT, FINE) for x in (0.22, 0.5, 0.78)),
        Layer(box(0.06, 0.16, 0.94, 0.82), shade),
        Layer(box(0.13, 0.23, 0.87, 0.75), body),
        Layer(box(0.28, 0.3, 0.96, 0.6), shade),
        Layer(ellipse(0.7, 0.45, 0.2, 0.13), (255, 70, 50)),
        Layer(ellipse(0.75, 0.43, 0.07, 0.06), (255, 220, 190), FINE),
        Layer(box(0.3, 0.0, 0.36, 0.18), shade, FINE),
        Layer(disk(0.33, 0.05, 0.06), (255, 70, 50), FINE),
    )


ENEMIES = (slime, beetle, robot)
"""Each draws an enemy that goes to the right, in one of two steps of its walk."""

AGENTS: tuple[tuple[Color, Color], ...] = (
    ((40, 116, 246), (14, 52, 150)),
    ((30, 178, 74), (8, 92, 40)),
    ((246, 92, 168), (150, 24, 92)),
    ((20, 190, 204), (4, 96, 112)),
    ((238, 238, 244), (110, 112, 134)),
)
"""The colors of the agent's suit, and their shades."""
POSES = ("stands", "runs", "strides", "jumps")
_FEET = {
    "stands": ((-0.18, 0.58), (0.18, 0.58)),
    "runs": ((-0.4, 0.5), (0.36, 0.58)),
    "strides": ((-0.06, 0.58), (0.12, 0.48)),
    "jumps": ((-0.34, 0.44), (0.22, 0.56)),
}


def agent(pose: str, suit: Color, shade: Color) -> Layers:
    """The agent around its center, looking to the right: a runner in a suit and a helmet with a visor."""
    legs = tuple(
        Layer(polygon((hip - 0.1, 0.2), (hip + 0.1, 0.2), (x + 0.13, y), (x - 0.11, y)), shade)
        for hip, (x, y) in zip((-0.12, 0.12), _FEET[pose], strict=True)
    )
    arm = {"stands": 0.3, "runs": 0.1, "strides": 0.26, "jumps": -0.14}[pose]
    return (
        *legs,
        Layer(box(-0.31, -0.04, 0.31, 0.36), INK, FINE),
        Layer(box(-0.26, -0.02, 0.26, 0.32), shade, FINE),
        Layer(box(-0.3, -0.02, 0.3, 0.3), suit, 0, FINE),
        Layer(ellipse(-0.02, -0.26, 0.46, 0.34), INK, FINE),
        Layer(ellipse(-0.02, -0.26, 0.4, 0.29), suit, FINE),
        Layer(ellipse(0.0, -0.26, 0.5, 0.36), suit, 0, FINE),
        Layer(ellipse(-0.14, -0.4, 0.13, 0.06), WHITE, FINE),
        Layer(ellipse(0.17, -0.22, 0.26, 0.18), INK, FINE),
        Layer(ellipse(0.18, -0.22, 0.23, 0.15), SKIN, FINE),
        Layer(disk(0.24, -0.22, 0.07), INK, FINE),
        Layer(box(-0.1, -0.34, 0.5, 0.06), SKIN, 0, FINE),
        Layer(box(0.16, -0.34, 0.36, -0.04), INK, 0, FINE),
        Layer(polygon((-0.16, 0.04), (0.0, 0.04), (0.1, arm), (-0.06, arm)), suit, FINE),
    )
