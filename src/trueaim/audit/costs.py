"""What pursuing each goal costs every other on a table of levels.

Where a scenario offers a planner, losses are exact on each level, for the luckiest and the unluckiest of all plans that
are equally good for the pursued goal. Elsewhere its experts play, once as they are, and may be beaten.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int, Key

from trueaim.audit.references import EXPERT_EPISODES, references
from trueaim.core.capabilities import Planner
from trueaim.core.keys import stream
from trueaim.core.levels import CERTAIN_LOSS, NO_LOSS, LevelClass, nothing_gained
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play

UNCLASSIFIED = -1
"""The class of a pair of which nothing is known."""


class Compared(NamedTuple):
    """Levels in numbers. Classes are `UNCLASSIFIED`, and losses NaN, where nothing is known.

    Attributes:
        classes: `LevelClass` of the pair (judged, pursued).
        least, most: of the judged return, lost by a policy that is optimal for the pursued goal; 0 where unsolvable.
        worth: what is to be gained of each goal; 0 where unsolvable.
    """

    classes: Int[np.ndarray, "level pursued judged"]
    least: Float[np.ndarray, "level pursued judged"]
    most: Float[np.ndarray, "level pursued judged"]
    worth: Float[np.ndarray, "level judged"]


def compare(scenario: Scenario, levels: Any, key: Key[Array, ""]) -> Compared:
    """What pursuing each goal costs every other on these levels; `key` is for experts, where there is no planner."""
    return _planned(scenario, scenario.planner, levels) if scenario.planner else _played(scenario, levels, key)


def _planned(scenario: Scenario, planner: Planner, levels: Any) -> Compared:
    classes, best, worst = (np.array(each) for each in planner.pairs(levels))
    optimal = np.asarray(planner.optimal(levels), np.float64)
    chance = planner.uniform(levels)
    worth = optimal - _floor(scenario, optimal, np.zeros_like(optimal) if chance is None else np.asarray(chance))
    gone = (classes == int(LevelClass.UNSOLVABLE)).any(1) | ~(worth > 0)
    least, most = (np.where(gone[:, None], 0.0, np.maximum(optimal[:, None] - each, 0.0)) for each in (best, worst))
    return Compared(classes, least, most, np.where(gone, 0.0, worth))


def _floor(scenario: Scenario, optimal: np.ndarray, chance: np.ndarray) -> Float[np.ndarray, "level goal"]:
    charges = np.array([goal.charges for goal in scenario.goals])
    return np.where(charges[None], nothing_gained(optimal, chance), 0.0)


def _played(scenario: Scenario, levels: Any, key: Key[Array, ""]) -> Compared:
    found = references(scenario, levels, stream(key, "references"))
    worth = found.optimal - _floor(scenario, found.optimal, found.uniform)
    num, goals = worth.shape
    lost = np.full((num, goals, goals), np.nan)
    for pursued, goal in enumerate(scenario.goal_names):
        if goal in scenario.experts:
            expert, own_key = scenario.experts[goal], stream(key, f"expert for {goal}")
            played = [play(scenario, expert, levels, stream(own_key, "episode", i)) for i in range(EXPERT_EPISODES)]
            lost[:, pursued] = found.optimal - np.mean([np.asarray(each.returns)[0] for each in played], 0)
    classes = np.full(lost.shape, int(LevelClass.POSSIBLY))
    classes[lost <= NO_LOSS * worth[:, None]] = int(LevelClass.NON)
    classes[lost > CERTAIN_LOSS * worth[:, None]] = int(LevelClass.NECESSARILY)
    classes[np.isnan(lost)] = UNCLASSIFIED
    if scenario.yardstick is not None:
        classes[:, 1:, 0] = found.classes[:, 1:]
    gone = ~(worth > 0)
    classes = np.where(gone[:, None] & (classes != UNCLASSIFIED), int(LevelClass.UNSOLVABLE), classes)
    lost = np.where(gone[:, None], 0.0 * lost, lost)
    return Compared(classes, lost, lost, np.where(gone, 0.0, worth))
