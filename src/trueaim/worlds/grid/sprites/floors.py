"""Sprites of what lies on the floor, and of floors."""

from trueaim.worlds.grid.sprites.colored import COLORS
from trueaim.worlds.grid.sprites.shapes import (
    WHITE,
    Color,
    Layer,
    Sprite,
    box,
    disk,
    ellipse,
    polygon,
    ring,
)


def _goal(color: Color, shade: Color, points: int) -> Sprite:
    """A colored field with so many points."""
    spots = {1: ((0.5, 0.5),), 2: ((0.34, 0.34), (0.66, 0.66)), 3: ((0.3, 0.3), (0.5, 0.5), (0.7, 0.7))}
    spots[4] = ((0.33, 0.33), (0.67, 0.33), (0.33, 0.67), (0.67, 0.67))
    spots[5] = (*spots[4], (0.5, 0.5))
    spots[6] = (*spots[4], (0.33, 0.5), (0.67, 0.5))
    dots = tuple(Layer(disk(x, y, 0.09), WHITE, 8) for x, y in spots[points])
    return Sprite(
        (Layer(box(0.06, 0.06, 0.94, 0.94), shade), Layer(box(0.13, 0.13, 0.87, 0.87), color), *dots), flat=True
    )


GOAL_COLORS = ("orange", "purple", "green", "blue", "red", "yellow")

FLOORS: dict[str, Sprite] = {
    "corner": Sprite(
        (
            Layer(box(0.08, 0.08, 0.92, 0.26), (46, 160, 110)),
            Layer(box(0.08, 0.08, 0.26, 0.92), (46, 160, 110)),
            Layer(disk(0.6, 0.6, 0.16), (46, 160, 110), 6),
        ),
        flat=True,
    ),
    "cue": Sprite(
        (
            Layer(ring(0.5, 0.5, 0.49, 0.34), (150, 60, 190)),
            Layer(ring(0.5, 0.5, 0.45, 0.38), (226, 150, 255), 6),
            Layer(disk(0.5, 0.5, 0.08), (150, 60, 190), 6),
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
    "grass": Sprite(
        (
            Layer(box(0, 0, 1, 1), (168, 212, 112)),
            *(
                Layer(polygon((x - 0.07, y), (x, y - 0.26), (x + 0.07, y)), (98, 160, 62))
                for x, y in (
                    (0.2, 0.4),
                    (0.34, 0.46),
                    (0.72, 0.34),
                    (0.84, 0.4),
                    (0.5, 0.86),
                    (0.64, 0.9),
                    (0.14, 0.92),
                )
            ),
        ),
        flat=True,
        ground=True,
    ),
    "gravel": Sprite(
        (
            Layer(box(0, 0, 1, 1), (196, 192, 184)),
            *(
                Layer(ellipse(x, y, 0.12, 0.09), shade)
                for x, y, shade in (
                    (0.2, 0.2, (150, 146, 140)),
                    (0.62, 0.14, (170, 164, 156)),
                    (0.82, 0.46, (140, 138, 134)),
                    (0.42, 0.5, (166, 160, 150)),
                    (0.16, 0.74, (144, 140, 136)),
                    (0.64, 0.82, (158, 152, 144)),
                )
            ),
        ),
        flat=True,
        ground=True,
    ),
    "lava": Sprite(
        (
            Layer(box(0, 0, 1, 1), (226, 74, 26)),
            Layer(ellipse(0.28, 0.3, 0.24, 0.12), (255, 168, 50)),
            Layer(ellipse(0.74, 0.7, 0.24, 0.12), (255, 168, 50)),
            Layer(ellipse(0.28, 0.3, 0.12, 0.05), (255, 226, 120), 8),
            Layer(ellipse(0.74, 0.7, 0.12, 0.05), (255, 226, 120), 8),
        ),
        flat=True,
        ground=True,
    ),
    "marker": Sprite(
        (
            Layer(polygon((0.06, 0.32), (0.52, 0.32), (0.52, 0.68), (0.06, 0.68)), (16, 110, 54)),
            Layer(polygon((0.46, 0.06), (0.97, 0.5), (0.46, 0.94)), (16, 110, 54)),
            Layer(polygon((0.13, 0.39), (0.55, 0.39), (0.55, 0.61), (0.13, 0.61)), (70, 206, 104)),
            Layer(polygon((0.53, 0.2), (0.87, 0.5), (0.53, 0.8)), (70, 206, 104)),
        ),
        flat=True,
    ),
    "moss": Sprite(
        (
            Layer(box(0, 0, 1, 1), (156, 190, 118)),
            Layer(ellipse(0.26, 0.3, 0.2, 0.14), (118, 160, 84)),
            Layer(ellipse(0.72, 0.24, 0.14, 0.1), (134, 174, 98)),
            Layer(ellipse(0.66, 0.7, 0.22, 0.15), (118, 160, 84)),
            Layer(ellipse(0.2, 0.78, 0.11, 0.09), (134, 174, 98)),
        ),
        flat=True,
        ground=True,
    ),
    "sand": Sprite(
        (
            Layer(box(0, 0, 1, 1), (238, 214, 150)),
            Layer(box(0.08, 0.22, 0.62, 0.28), (214, 184, 112), 6),
            Layer(box(0.36, 0.48, 0.94, 0.54), (214, 184, 112), 6),
            Layer(box(0.12, 0.74, 0.7, 0.8), (214, 184, 112), 6),
        ),
        flat=True,
        ground=True,
    ),
    "target": Sprite(
        (
            Layer(disk(0.5, 0.5, 0.48), (196, 40, 52)),
            Layer(disk(0.5, 0.5, 0.36), WHITE),
            Layer(disk(0.5, 0.5, 0.24), (196, 40, 52)),
            Layer(disk(0.5, 0.5, 0.1), WHITE, 8),
        ),
        flat=True,
    ),
    "tiles": Sprite(
        (
            Layer(box(0, 0, 1, 1), (214, 150, 128)),
            Layer(box(0.04, 0.04, 0.48, 0.48), (232, 176, 154)),
            Layer(box(0.52, 0.52, 0.96, 0.96), (232, 176, 154)),
            Layer(box(0.52, 0.04, 0.96, 0.48), (198, 128, 106)),
            Layer(box(0.04, 0.52, 0.48, 0.96), (198, 128, 106)),
        ),
        flat=True,
        ground=True,
    ),
    "water": Sprite(
        (
            Layer(box(0, 0, 1, 1), (92, 168, 220)),
            Layer(ellipse(0.3, 0.3, 0.2, 0.05), (176, 220, 246)),
            Layer(ellipse(0.68, 0.58, 0.22, 0.05), (176, 220, 246)),
            Layer(ellipse(0.32, 0.82, 0.18, 0.05), (176, 220, 246)),
        ),
        flat=True,
        ground=True,
    ),
    **{
        f"goal_{number}": _goal(*shades, number)
        for number, shades in enumerate(
            (COLORS[name] for name in ("orange", "purple", "green", "blue", "red", "yellow")), 1
        )
    },
}
