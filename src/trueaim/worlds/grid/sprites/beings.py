"""Sprites of what moves, and of walls."""

from trueaim.worlds.grid.sprites.shapes import (
    INK,
    WALL_FACE,
    WALL_LIGHT,
    WALL_SHADE,
    WHITE,
    Color,
    Layer,
    Sprite,
    box,
    disk,
    ellipse,
    polygon,
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


AGENT_SPRITE = _mouse((72, 150, 246), (26, 84, 178))

WALL_SPRITE = Sprite(
    (
        Layer(box(0, 0, 1, 1), WALL_FACE),
        Layer(polygon((0, 0), (1, 0), (0.86, 0.14), (0.14, 0.14)), WALL_LIGHT, 8),
        Layer(polygon((0, 0), (0.14, 0.14), (0.14, 0.86), (0, 1)), WALL_LIGHT, 8),
        Layer(polygon((1, 1), (0, 1), (0.14, 0.86), (0.86, 0.86)), WALL_SHADE, 8),
        Layer(polygon((1, 1), (0.86, 0.86), (0.86, 0.14), (1, 0)), WALL_SHADE, 8),
    )
)

BEINGS: dict[str, Sprite] = {
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
}
