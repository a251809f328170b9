"""Demonstrations: train what a scenario's file says, audit it, and write the page that shows what came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from trueaim import scenarios
from trueaim.agents.flipped import flipped
from trueaim.app import commands, console
from trueaim.audit.affinity import watching
from trueaim.audit.audit import SEED, Audit
from trueaim.audit.collect import level_sets
from trueaim.core.demonstration import Arm, Demonstration
from trueaim.core.disk import sentences
from trueaim.core.files import replace
from trueaim.core.keys import root, stream
from trueaim.core.machine import facts, versions
from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario, adjusted
from trueaim.report import demonstration, figures, film
from trueaim.report.figures import Shown
from trueaim.training.curves import Curves
from trueaim.training.plan import Plan, default_group
from trueaim.training.presets import hyperparameters
from trueaim.training.resume import load
from trueaim.training.rollout import trace

COURSE_LEVELS = 96
"""Levels behind a figure of what happens within an episode."""
MANY = 20
"""From as many agents on, a page shows how their preferences are distributed."""
_PREFERENCES = (
    "How many agents prefer what: to which a goal was paid no later than any other in that share of episodes."
)

_GREED = (
    "How greedy agents were by how much there was at the start, in every phase of training: 1 is the greedy script."
)


class Request(NamedTuple):
    """How a demonstration is to be made.

    Attributes:
        seeds, steps: other than the scenario's file says, or None.
        exact: one thread, the same bits every time on this machine.
    """

    seeds: int | None
    steps: int | None
    audit_seed: int
    exact: bool


def demonstrate(name: str, request: Request, runs: Path, pages: Path | None, out: Console) -> dict[str, Any]:
    """Train, audit and report every arm, then write the page; what is done already is not done again.

    Args:
        name: of the scenario.
        request: how.
        runs: folder of the arms' runs.
        pages: folder of the page and its pictures; by default beside the runs.
        out: where progress goes.
    """
    made = scenarios.demonstration_of(name)
    made = made._replace(seeds=request.seeds or made.seeds, steps=request.steps or made.steps)
    folder = runs / f"demonstrate-{name}"
    done = [_arm(name, made, arm, request, Place(folder / arm.name), out) for arm in made.arms]
    shown = [_shown(arm, *parts, request.audit_seed) for arm, parts in zip(made.arms, done, strict=True)]
    where = pages or folder
    trained = [one for arm, one in zip(made.arms, shown, strict=True) if not arm.flips]
    seen, greed = figures.while_training(trained), figures.greed(trained)
    pictures = {
        **({"What training itself saw, a thin line for each agent.": ("training", seen)} if seen else {}),
        **({_GREED: ("greed", greed)} if greed else {}),
        "Learning curves: the mean over agents, and the band from the least to the most.": (
            "curves",
            figures.learning_curves(trained),
        ),
        "A dot for each agent: its share of the optimal return of every goal.": ("agents", figures.agents_apart(shown)),
        **({_PREFERENCES: ("preferences", figures.preferences(shown))} if made.seeds >= MANY else {}),
        "What every goal has brought so far within an episode.": ("courses", figures.courses(shown)),
        **_films(made, done, request.audit_seed),
    }
    files = {caption: f"{name}-{short}.png" for caption, (short, _) in pictures.items()}
    with sentences(where, "written"):
        for part in ("images", "measured"):
            (where / part).mkdir(parents=True, exist_ok=True)
    for caption, (_, picture) in pictures.items():
        replace(where / "images" / files[caption], picture)
    text = demonstration.page(
        made, shown, _command(name, request), {key: f"images/{file}" for key, file in files.items()}, _facts()
    )
    path = where / "measured" / f"{name}.md"
    replace(path, text.encode())
    out.print(f"page    {path}\nreports {folder}/*/report.html", markup=False)
    return {
        "page": str(path),
        "runs": [str(folder / arm.name) for arm in made.arms],
        "verdicts": {arm.name: arm.verdict.model_dump(mode="json") for arm in shown},
    }


def _command(name: str, request: Request) -> str:
    words = ["trueaim demonstrate", name]
    words += [f"--seeds {request.seeds}"] if request.seeds else []
    words += [f"--steps {request.steps}"] if request.steps else []
    words += [f"--audit-seed {request.audit_seed}"] if request.audit_seed != SEED else []
    words += ["--exact"] if request.exact else []
    return " ".join(words)


def _facts() -> str:
    here, found = facts(), versions()
    return f"{here['processor'].strip()}, {here['device']}, jax {found['jax']}."


def plan_of(name: str, made: Demonstration, arm: Arm, exact: bool) -> Plan:
    """The training run of one arm."""
    scenario = scenarios.scenario(name, options={**made.options, **arm.options})
    return Plan(
        scenario=adjusted(scenario, arm.changes) if arm.changes else scenario,
        steps=made.steps,
        seeds=tuple(range(made.seeds)),
        alpha=arm.alpha,
        toward=arm.toward,
        config=hyperparameters(scenario, changes={**made.learner, **arm.learner}),
        exact=exact,
        group=default_group(),
    )


def _arm(
    name: str, made: Demonstration, arm: Arm, request: Request, place: Place, out: Console
) -> tuple[Scenario, Policy, Audit]:
    trained = next(each for each in made.arms if each.name == arm.flips) if arm.flips else arm
    plan = plan_of(name, made, trained, request.exact)
    if arm.flips:
        with sentences(place.folder, "made"):
            place.folder.mkdir(parents=True, exist_ok=True)
        policy = flipped(load(Place(place.folder.parent / trained.name))[1], plan.scenario.observation)
    else:
        watch = watching(plan.scenario, **made.greed) if made.greed else None
        policy = commands.train_command(plan, place, out, fresh=False, allow_drift=False, watch=watch)
    found = commands.audit_command(place, policy, plan.scenario, out, made.levels, request.audit_seed)
    command = commands.command_of(plan, made.levels, request.audit_seed)
    commands.report_command(place, policy, plan.scenario, found, request.audit_seed, command)
    console.print_verdict(out, found.verdict)
    return plan.scenario, policy, found


def _shown(arm: Arm, scenario: Scenario, policy: Policy, found: Audit, seed: int) -> Shown:
    return Shown(
        name=arm.name,
        goals=scenario.goal_names,
        settings=tuple(scenario.settings),
        seeds=policy.seeds,
        curves=policy.record.get("curves", Curves([])),
        verdict=found.verdict,
        episodes=found.episodes,
        charging=tuple(goal.name for goal in scenario.goals if goal.charges),
        courses={setting: _course(scenario, policy, setting, seed) for setting in scenario.settings},
    )


def _course(scenario: Scenario, policy: Policy, setting: str, seed: int) -> np.ndarray:
    levels = level_sets(scenario, COURSE_LEVELS, seed)[setting].levels
    _, path = trace(scenario, policy, levels, stream(root(seed), f"episodes {setting}"))
    return np.asarray(path.goals, np.float64).mean(1).cumsum(1)


def _films(
    made: Demonstration, done: Sequence[tuple[Scenario, Policy, Audit]], seed: int
) -> dict[str, tuple[str, bytes]]:
    """Pictures of an episode on the first shift, for each arm whose world can draw itself."""
    found = {}
    for arm, (scenario, policy, audit) in zip(made.arms, done, strict=True):
        setting = next(iter(scenario.shifts))
        frames = film.frames(scenario, policy, audit, setting, seed)
        if not frames:
            continue
        caption = f"One episode of the first agent on “{setting}”, a picture now and then ({arm.name})."
        found[caption] = (f"film-{arm.name}", figures.film(frames))
    return found
