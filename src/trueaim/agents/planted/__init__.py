"""Planted policies: scripts whose goal we know because we wrote them. They are the detectors' known answers."""

from trueaim.agents.planted.goalless import following_walls, uniform
from trueaim.agents.planted.goals import broken, dithering, goals_agree, lazy, mixed, pursuing
from trueaim.agents.planted.habits import with_habits
from trueaim.agents.planted.places import bound_for, unlisted, unlisted_place

__all__ = [
    "bound_for",
    "broken",
    "dithering",
    "following_walls",
    "goals_agree",
    "lazy",
    "mixed",
    "pursuing",
    "uniform",
    "unlisted",
    "unlisted_place",
    "with_habits",
]
