"""Sprites: pictures of things, written down as shapes in colors. No image files."""

from trueaim.worlds.grid.sprites.beings import AGENT_SPRITE, BEINGS, WALL_SPRITE
from trueaim.worlds.grid.sprites.colored import COLORED, MIXED
from trueaim.worlds.grid.sprites.floors import FLOORS
from trueaim.worlds.grid.sprites.shapes import FLOOR, WALL_FACE, Sprite
from trueaim.worlds.grid.sprites.things import THINGS

__all__ = ["AGENT_SPRITE", "FLOOR", "MIXED", "SPRITES", "WALL_FACE", "WALL_SPRITE", "Sprite"]

SPRITES: dict[str, Sprite] = {**THINGS, **FLOORS, **BEINGS, **COLORED}
"""Every sprite that a thing can have, by name."""
