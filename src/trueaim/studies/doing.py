"""Doing a job: train its agents, audit each alone on the same held-out levels, and count what they did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from trueaim import scenarios
from trueaim.agents.planted import uniform
from trueaim.audit.audit import verdict_on
from trueaim.audit.case import Thresholds
from trueaim.audit.collect import LevelSet, collect, level_sets
from trueaim.audit.measure import Grid
from trueaim.core.episodes import Episodes, joined
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.machine import facts
from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario, adjusted
from trueaim.core.verdict import Verdict
from trueaim.studies import recipes
from trueaim.studies.file import INTENDED, Study, figure_of
from trueaim.studies.jobs import Cell, Job
from trueaim.studies.results import Produced
from trueaim.training import curricula
from trueaim.training.curricula import Curriculum
from trueaim.training.fields import fitting
from trueaim.training.plan import Plan
from trueaim.training.presets import hyperparameters

Told = Callable[[int, int], None]
"""Told how many of how many environment steps are done."""


def do(
    job: Job, folder: Path, *, keep_episodes: bool, trusted: Sequence[str] = (), allow_drift: bool = False, tell: Told
) -> Produced:
    """What comes of a job; training goes on where an earlier attempt stopped.

    Args:
        job: which.
        folder: of its training run.
        keep_episodes: whether to give the episodes too.
        trusted: scenarios from outside this package that may be loaded.
        allow_drift: go on although versions or the machine changed since an earlier attempt.
        tell: told about progress.
    """
    plan = plan_of(job.cell, job.seeds, trusted)
    recipe = recipes.ALL[job.cell.asked["train"]["recipe"]]
    policy = recipe(
        plan, Place(folder), allow_drift=allow_drift, show=lambda progress: tell(progress.done, progress.total)
    )
    asked = job.cell.asked["audit"]
    scenario = _audited(plan.scenario, tuple(asked["settings"]))
    parts, episodes = [], []
    for row, seed in enumerate(policy.seeds):
        alone = replace(policy, parameters=_row(policy.parameters, row), seeds=(seed,))
        verdict, played = _audit(alone, scenario, asked["levels"], asked["seed"])
        parts.append(_rows(plan, scenario, seed, played, verdict, asked["within"]))
        episodes.append(played)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    kept = joined(episodes).columns() if keep_episodes else None
    return Produced(columns, plan.asked().model_dump(), facts(), kept)


def _row(parameters: Any, row: int) -> Any:
    """The parameters of one agent, which keeps the axis of agents."""
    return jax.tree.map(lambda table: table[row : row + 1], parameters)


def check(study: Study, cells: Sequence[Cell], trusted: Sequence[str] = ()) -> None:
    """Return only if every cell can be trained and audited, and every declared number will be there.

    Raises:
        TrueAimError: with the first thing that is wrong.
    """
    for cell in cells:
        plan = plan_of(cell, (0,), trusted)
        scenario = _audited(plan.scenario, tuple(cell.asked["audit"]["settings"]))
        for text in study.analysis.numbers:
            figure = figure_of(text)
            if figure.setting not in scenario.settings:
                raise unknown_name("analysis setting", figure.setting, scenario.settings)
            if figure.goal not in (*scenario.goal_names, INTENDED):
                raise unknown_name("analysis goal", figure.goal, (*scenario.goal_names, INTENDED))


def plan_of(cell: Cell, seeds: tuple[int, ...], trusted: Sequence[str] = ()) -> Plan:
    """The training run behind some seeds of a cell.

    Raises:
        TrueAimError: for what cannot be honored, and for a scenario from outside that nobody named.
    """
    asked, train = cell.asked["scenario"], cell.asked["train"]
    if ":" in asked["name"] and asked["name"] not in trusted:
        raise TrueAimError(
            f"scenario: got {asked['name'][:80]!r}, which is not one of TrueAim's, and a file never decides which "
            "code runs; name it on the command line with --scenario if you trust it"
        )
    if train["recipe"] not in recipes.ALL:
        raise unknown_name("recipe", train["recipe"], recipes.ALL)
    scenario = _scenario(asked["name"], asked["preset"], _items(asked["options"]), _items(asked["knobs"]))
    return Plan(
        scenario=scenario,
        steps=train["steps"],
        seeds=seeds,
        alpha=train["alpha"],
        toward=train["toward"],
        num_levels=train["num_levels"],
        config=hyperparameters(scenario, changes=train["learner"]),
        curriculum=curriculum_of(train["curriculum"]),
        exact=True,
        group=train["group"],
        named=asked["name"] if ":" in asked["name"] else "",
    )


def curriculum_of(values: Mapping[str, Any]) -> Curriculum | None:
    """The curriculum with these settings; None without a name. Raises for unknown names and values that do not fit."""
    if not values.get("name"):
        return None
    if values["name"] not in curricula.ALL:
        raise unknown_name("curriculum", str(values["name"]), curricula.ALL)
    return Curriculum(**fitting(Curriculum, "curriculum", values))


def _items(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """A mapping as something that can be looked up in a cache."""
    found = ((name, _items(value) if isinstance(value, Mapping) else value) for name, value in values.items())
    return tuple(sorted(found))


@lru_cache(maxsize=256)
def _scenario(name: str, preset: str, options: tuple[Any, ...], knobs: tuple[Any, ...]) -> Scenario:
    """The same object for the same words: compiled programs are found by it."""
    built = scenarios.scenario(name, preset=preset or None, options=dict(options))
    changes = {setting: dict(values) for setting, values in knobs}
    return adjusted(built, changes) if changes else built


@lru_cache(maxsize=256)
def _audited(scenario: Scenario, settings: tuple[str, ...]) -> Scenario:
    """The scenario with these shifts alone; all where none is named."""
    for name in settings:
        if name not in scenario.shifts:
            raise unknown_name("audit setting", name, scenario.shifts)
    return replace(scenario, shifts={name: scenario.shifts[name] for name in settings}) if settings else scenario


@lru_cache(maxsize=4)
def _levels(scenario: Scenario, levels: int, seed: int) -> tuple[dict[str, LevelSet], Episodes]:
    """The audit's levels and what random actions do there; the same for all agents, so made once in a process."""
    sets = level_sets(scenario, levels, seed)
    return sets, collect(uniform(scenario), scenario, sets, seed + 1, keep_ways=False).episodes


def _audit(policy: Policy, scenario: Scenario, levels: int, seed: int) -> tuple[Verdict, Episodes]:
    """As `trueaim.audit.audit.audit`, with levels that were drawn once."""
    sets, chance = _levels(scenario, levels, seed)
    played = collect(policy, scenario, sets, seed)
    return verdict_on(policy, scenario, sets, played, chance, Thresholds()), played.episodes


def _rows(
    plan: Plan, scenario: Scenario, seed: int, episodes: Episodes, verdict: Verdict, within: int
) -> dict[str, np.ndarray]:
    """The numbers of one agent: a row for each setting and goal."""
    charging = tuple(goal.name for goal in scenario.goals if goal.charges)
    judged = {shift.setting: shift for shift in verdict.shifts}
    rows: list[dict[str, Any]] = []
    for setting in scenario.settings:
        grid = Grid(episodes.of(setting), charging)
        shift = judged.get(setting)
        said = {"verdict": str(shift.kind) if shift else "", "pursued": (shift.goal or "") if shift else ""}
        for number, goal in enumerate(scenario.goals):
            fixed = {"seed": seed, "steps": plan.chunks * plan.steps_per_chunk, "setting": setting, "goal": goal.name}
            rows.append({**fixed, "role": str(goal.role), **numbers_of(grid, number, within), **said})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def numbers_of(grid: Grid, goal: int, within: int = 0) -> dict[str, float]:
    """What one agent did about one goal on one setting; see `trueaim.studies.file.NUMBERS`.

    Args:
        grid: the episodes of one agent.
        goal: its number, 0 for the intended one.
        within: steps for `in_time`; 0 for all.
    """
    first = grid.first[0]
    got, missed = first >= 0, first[:, 0] < 0
    in_time = got & (first <= within) if within else got
    rival = got[:, 1:].any(1) if goal == 0 else got[:, goal]
    return {
        "episodes": len(first),
        "share": float(grid.shares(goal)[0]),
        "return": float(grid.returns[0, :, goal].mean()),
        "got": float(got[:, goal].mean()),
        "first": float(grid.came_first(goal)[0].mean()),
        "in_time": float(in_time[:, goal].mean()),
        "failure": float((missed & rival).mean()),
        "optimal": float(grid.optimal[:, goal].mean()),
        "random": float(grid.uniform[:, goal].mean()),
    }
