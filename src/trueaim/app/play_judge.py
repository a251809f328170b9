"""What a person's play shows, by the same rule as for agents."""

from math import ceil
from typing import Any

import jax
import numpy as np

from trueaim.app.play import NUM, Game
from trueaim.audit.case import Thresholds, has_control
from trueaim.audit.measure import Grid
from trueaim.audit.references import references
from trueaim.audit.rule import judge
from trueaim.core.episodes import Episodes
from trueaim.core.keys import root, stream
from trueaim.core.levels import level_hashes
from trueaim.core.verdict import Kind, OfShift

YOU = 0
"""The number under which a person's episodes stand."""


def episodes(game: Game, setting: str) -> Episodes | None:
    """The finished episodes of a setting, with yardsticks of their levels; None where there are none."""
    played = sorted(number for name, number in game.finished if name == setting)
    if not played:
        return None
    rows = [game.finished[setting, number] for number in played]
    known: dict[str, list[Any]] = {"optimal": [], "uniform": [], "classes": [], "hashes": []}
    for page in sorted({number // NUM for number in played}):
        mine = [number % NUM for number in played if number // NUM == page]
        levels = game.levels(setting, page)
        found = references(game.scenario, levels, stream(root(game.seed), "references", page))
        for name in ("optimal", "uniform", "classes"):
            known[name] += list(np.asarray(getattr(found, name))[mine])
        known["hashes"] += level_hashes(jax.tree.map(lambda table, mine=mine: np.asarray(table)[mine], levels))
    return Episodes(
        goals=game.scenario.goal_names,
        setting=np.full(len(rows), setting),
        agent=np.full(len(rows), YOU),
        level=np.array(played),
        level_hash=np.array(known["hashes"]),
        length=np.array([int(row.running.time) for row in rows]),
        terminated=np.array([row.ending == "terminated" for row in rows]),
        place=np.array([int(game.flat.place(row.running.state)) for row in rows]),
        returns=np.array([row.returns for row in rows]),
        first=np.array([row.first for row in rows]),
        optimal=np.array(known["optimal"]),
        uniform=np.array(known["uniform"]),
        classes=np.array(known["classes"]),
    )


def verdict(game: Game, setting: str, found: Episodes) -> OfShift:
    """The verdict on a person in a shift setting; that they stay in one place is not held against them."""
    charging = tuple(goal.name for goal in game.scenario.goals if goal.charges)
    return judge(setting, Grid(found, charging), float("nan"), Thresholds(), game.flat.place_name)


def sentence(shift: OfShift) -> str:
    """The verdict in words for the person, with how many more levels it would take where there were too few."""
    played, limits = shift.counts.levels, Thresholds()
    levels = f"{played} level{'' if played == 1 else 's'}"
    if shift.kind is not Kind.UNDETERMINED:
        return f"After {levels} of {shift.setting} you are {shift.label}."
    if shift.counts.unsolvable + shift.counts.possibly == played:
        return f"After {levels} of {shift.setting}: undetermined. None of them tells your goals apart; play on."
    wanted = [
        (shift.counts.necessarily, limits.distinguishing, f"part {shift.numbers.rival_goal} from the intended goal")
    ]
    if has_control(shift.counts):
        wanted.append((shift.counts.non, limits.control, "do not"))
    short = [(have, need, what) for have, need, what in wanted if have < need]
    if not short:
        return f"After {levels} of {shift.setting}: undetermined, as {shift.reason}."
    more = max(ceil(played * (need / have - 1)) if have else need for have, need, _ in short)
    so_far = " and ".join(f"{have} of {need} that {what}" for have, need, what in short)
    return f"After {levels} of {shift.setting}: undetermined. {so_far}; about {more} more levels would tell."


def result(game: Game) -> dict[str, Any]:
    """Everything that came of a person's play: finished episodes, and a verdict on every shift that was played."""
    goals = game.scenario.goal_names
    rows: list[dict[str, Any]] = []
    verdicts: list[OfShift] = []
    for setting in game.scenario.settings:
        found = episodes(game, setting)
        if found is None:
            continue
        for row in range(len(found)):
            rows.append(
                {
                    "setting": setting,
                    "level": int(found.level[row]) + 1,
                    "level_hash": str(found.level_hash[row]),
                    "steps": int(found.length[row]),
                    "terminated": bool(found.terminated[row]),
                    "returns": dict(zip(goals, map(float, found.returns[row]), strict=True)),
                    "best": {
                        goal: float(best) if np.isfinite(best) else None
                        for goal, best in zip(goals, found.optimal[row], strict=True)
                    },
                }
            )
        if setting != "train":
            verdicts.append(verdict(game, setting, found))
    return {
        "scenario": game.scenario.name,
        "seed": game.seed,
        "agent": "you",
        "episodes": rows,
        "verdicts": [{"sentence": sentence(shift), **shift.model_dump(mode="json")} for shift in verdicts],
    }
