"""References in someone else's environment: what goals are worth there, and which episodes can tell them apart."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from trueaim.agents.foreign import policy
from trueaim.agents.foreign.host import HostPolicy
from trueaim.audit.foreign.rollout import play
from trueaim.audit.foreign.rows import unclassified
from trueaim.audit.foreign.scenario import TRAIN, GymScenario
from trueaim.core.episodes import Episodes
from trueaim.core.errors import TrueAimError
from trueaim.core.levels import CERTAIN_LOSS, NO_LOSS, LevelClass, nothing_gained

Reference = float | Mapping[str, float] | HostPolicy


def references(scenario: GymScenario) -> dict[str, Reference]:
    """What is known of each goal's highest return: a number, a number for each setting, or a policy.

    Raises:
        TrueAimError: a reference is something else.
    """
    found: dict[str, Reference] = {}
    for goal, given in (scenario.references or {}).items():
        if given is None:
            continue
        if isinstance(given, Mapping):
            for setting in given:
                scenario.setting(setting)
            found[goal] = {setting: _number(goal, value) for setting, value in given.items()}
        elif isinstance(given, int | float | np.number):
            found[goal] = _number(goal, given)
        else:
            taken = policy(given)
            if not isinstance(taken, HostPolicy):
                raise TrueAimError(f"reference for goal {goal!r}: got a policy trained here, needs one for Gymnasium")
            found[goal] = taken
    return found


def _number(goal: str, value: Any) -> float:
    if isinstance(value, int | float | np.number) and np.isfinite(value):
        return float(value)
    raise TrueAimError(f"reference for goal {goal!r}: got {value!r}, needs a finite number or a policy; correct it")


def with_references(
    scenario: GymScenario,
    setting: str,
    tables: list[Episodes],
    chance: Episodes,
    known: Mapping[str, Reference],
    seed: int,
) -> list[Episodes]:
    """The tables of one setting with optimal and uniform returns and classes of levels.

    The uniform return is the mean over all random episodes of the setting. A policy's return on a level is that of its
    first agent; where its environment failed there, it is NaN.

    Args:
        scenario: the rules.
        setting: whose episodes these are.
        tables: of the policy and of random actions.
        chance: the latter.
        known: from `references`.
        seed: of the audit.
    """
    num = max(int(table.level.max()) for table in tables) + 1
    optimal = np.full((num, len(scenario.goal_names)), np.nan)
    for number, goal in enumerate(scenario.goal_names):
        if goal in known:
            optimal[:, number] = _worth(scenario, setting, known[goal], number, num, seed, f"reference for {goal}")
    uniform = np.nanmean(chance.returns, 0)
    classes = _classes(scenario, setting, known, optimal, uniform, num, seed)
    return [
        replace(
            table,
            optimal=optimal[table.level],
            uniform=np.broadcast_to(uniform, table.returns.shape).copy(),
            classes=classes[table.level],
        )
        for table in tables
    ]


def _worth(
    scenario: GymScenario, setting: str, known: Reference, goal: int, num: int, seed: int, luck: str
) -> Float[np.ndarray, " level"]:
    """What a reference says that a goal is worth on each level."""
    if isinstance(known, float):
        return np.full(num, known)
    if isinstance(known, Mapping):
        return np.full(num, known.get(setting, np.nan))
    played = play(known, scenario, setting, num, seed, luck).episodes
    first = played.where(played.agent == known.seeds[0])
    worth = np.full(num, np.nan)
    worth[first.level] = first.returns[:, goal]
    return worth


def _classes(
    scenario: GymScenario,
    setting: str,
    known: Mapping[str, Reference],
    optimal: Float[np.ndarray, "level goal"],
    uniform: Float[np.ndarray, " goal"],
    num: int,
    seed: int,
) -> Int[np.ndarray, "level goal"]:
    """Classes of levels: as stated, else by what a rival's own policy costs the intended goal, where there are both.

    Both policies play anew for this, so that luck in the episodes of `optimal` does not count as merit.
    """
    classes = unclassified(num, len(scenario.goal_names))
    intended = known.get(scenario.goal_names[0])
    worth = None
    if isinstance(intended, HostPolicy):
        worth = _worth(scenario, setting, intended, 0, num, seed, "classes")
    for number, rival in enumerate(scenario.goal_names[1:], start=1):
        if rival in tuple(scenario.parting.get(setting, ())):
            classes[:, number] = int(LevelClass.NECESSARILY)
        elif scenario.parting and setting == TRAIN:
            classes[:, number] = int(LevelClass.NON)
        elif worth is not None and isinstance(known.get(rival), HostPolicy):
            floor = nothing_gained(worth, uniform[0]) if scenario.goals[0].charges else 0.0
            loss = worth - _worth(scenario, setting, known[rival], 0, num, seed, "classes of rivals")
            classes[loss <= NO_LOSS * (worth - floor), number] = int(LevelClass.NON)
            classes[loss > CERTAIN_LOSS * (worth - floor), number] = int(LevelClass.NECESSARILY)
    if isinstance(intended, HostPolicy):
        floor = nothing_gained(optimal[:, 0], uniform[0]) if scenario.goals[0].charges else 0.0
        classes[optimal[:, 0] - floor <= 0] = int(LevelClass.UNSOLVABLE)
    return classes


def costs(scenario: GymScenario, known: Mapping[str, Reference]) -> list[str]:
    """What it costs that references are absent or estimated, as sentences."""
    said = []
    absent = [goal for goal in scenario.goal_names if goal not in known]
    played = [goal for goal in scenario.goal_names if isinstance(known.get(goal), HostPolicy)]
    if absent:
        said.append(
            f"No reference for {', '.join(absent)}: returns are known, shares of what there is to be had are not; give "
            "a number or a policy that pursues the goal."
        )
    if played:
        said.append(
            f"The reference for {', '.join(played)} is what another policy gets there, which may be less than the "
            "optimum; shares can exceed 1."
        )
    if not scenario.parting and len(played) < len(scenario.goal_names):
        said.append(
            "Nothing tells which levels distinguish the goals: state it with parting=, or give policies as references "
            "for the intended goal and its rivals."
        )
    return said
