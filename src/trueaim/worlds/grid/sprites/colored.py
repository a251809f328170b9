"""Sprites that come in colors, and dyes, which color what stands in their cell.

Where a world says shape and color apart (marks `gem`, `red`, `green`), the picture shows the shape in the mixed color:
red and green light make yellow, as in Procgen's mazes of lines and gems.
"""

from collections.abc import Callable

from trueaim.worlds.grid.sprites.shapes import (
    WHITE,
    Color,
    Layer,
    Layers,
    Sprite,
    box,
    diamond,
    disk,
    ellipse,
    polygon,
    ring,
)

COLORS: dict[str, tuple[Color, Color]] = {
    "red": ((232, 64, 72), (150, 28, 48)),
    "green": ((60, 184, 96), (22, 112, 62)),
    "blue": ((74, 104, 232), (36, 52, 150)),
    "purple": ((170, 92, 220), (102, 44, 150)),
    "orange": ((250, 140, 50), (176, 82, 20)),
    "yellow": ((250, 214, 60), (184, 140, 16)),
}
"""Colors by name, each with its shade."""
DYES = {"red": 1, "green": 2, "blue": 4}
"""The bits of the dyes; other colors are their mixtures."""
MIXED: tuple[tuple[Color, Color], ...] = (
    ((176, 178, 190), (112, 114, 130)),
    COLORS["red"],
    COLORS["green"],
    COLORS["yellow"],
    COLORS["blue"],
    ((236, 84, 208), (158, 32, 134)),
    ((64, 206, 222), (16, 132, 150)),
    ((252, 252, 255), (150, 152, 170)),
)
"""The color and shade of each mixture of dyes; gray for none of them, white for all."""


def key(color: Color, shade: Color) -> Layers:
    """A key with a bow, a shaft and a tooth."""
    return (
        Layer(disk(0.3, 0.34, 0.32), color, 0, 8),
        Layer(polygon((0.4, 0.4), (0.6, 0.3), (1.0, 0.8), (0.8, 1.0)), shade, 0, 8),
        Layer(ring(0.3, 0.36, 0.26, 0.09), shade, 8),
        Layer(polygon((0.42, 0.36), (0.54, 0.34), (0.94, 0.76), (0.84, 0.88)), shade, 8),
        Layer(polygon((0.76, 0.62), (0.9, 0.48), (0.99, 0.57), (0.85, 0.71)), shade, 8),
        Layer(ring(0.3, 0.36, 0.22, 0.12), color, 8),
        Layer(polygon((0.44, 0.4), (0.51, 0.37), (0.89, 0.77), (0.84, 0.83)), color, 8),
    )


def ball(color: Color, shade: Color) -> Layers:
    """A ball with a glint."""
    return (
        Layer(disk(0.5, 0.5, 0.4), shade),
        Layer(disk(0.5, 0.5, 0.34), color),
        Layer(ellipse(0.38, 0.36, 0.1, 0.07), WHITE, 8),
    )


def cube(color: Color, shade: Color) -> Layers:
    """A box with a seam."""
    return (
        Layer(box(0.1, 0.1, 0.9, 0.9), shade),
        Layer(box(0.18, 0.18, 0.82, 0.44), color),
        Layer(box(0.18, 0.52, 0.82, 0.82), color),
        Layer(box(0.4, 0.38, 0.6, 0.6), shade, 8),
        Layer(polygon((0.24, 0.24), (0.5, 0.24), (0.24, 0.38)), WHITE, 10),
    )


def gem(color: Color, shade: Color) -> Layers:
    """A cut stone."""
    return (
        Layer(diamond(0.48), shade),
        Layer(diamond(0.4), color),
        Layer(polygon((0.5, 0.18), (0.62, 0.42), (0.5, 0.5), (0.38, 0.42)), WHITE, 8),
    )


def line(color: Color, shade: Color) -> Layers:
    """A thick line from the lower left to the upper right."""
    return (
        Layer(polygon((0.02, 0.78), (0.78, 0.02), (0.98, 0.22), (0.22, 0.98)), shade),
        Layer(polygon((0.12, 0.78), (0.78, 0.12), (0.88, 0.22), (0.22, 0.88)), color),
        Layer(polygon((0.22, 0.7), (0.66, 0.26), (0.7, 0.3), (0.26, 0.74)), WHITE, 8),
    )


def plate(color: Color, shade: Color) -> Layers:
    """A disk that lies on the floor."""
    return (
        Layer(disk(0.5, 0.5, 0.46), shade),
        Layer(disk(0.5, 0.5, 0.4), color),
        Layer(ring(0.5, 0.5, 0.3, 0.24), shade, 8),
    )


SHAPES: dict[str, Callable[[Color, Color], Layers]] = {"key": key, "ball": ball, "box": cube, "gem": gem, "line": line}
PLAIN = {"key": ((255, 206, 60), (160, 98, 6)), "box": ((206, 154, 96), (124, 80, 38))}
"""What shapes look like where nothing dyes them, if not gray."""

COLORED: dict[str, Sprite] = {
    **{name: Sprite(shape(*PLAIN.get(name, MIXED[0])), dyed=shape) for name, shape in SHAPES.items()},
    **{f"{color}_{name}": Sprite(shape(*COLORS[color])) for name, shape in SHAPES.items() for color in COLORS},
    **{color: Sprite(plate(*MIXED[bit]), flat=True, dyed=plate, dye=bit) for color, bit in DYES.items()},
}
"""Shapes that can be dyed, shapes in colors (`red_key`), and dyes."""
