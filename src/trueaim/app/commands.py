"""What the commands do; the command line itself only reads words and calls these."""

import shlex
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from rich.console import Console
from rich.markup import escape

from trueaim import scenarios
from trueaim.app import console, requests
from trueaim.audit import store
from trueaim.audit.audit import Audit, audit
from trueaim.audit.deep import Deep
from trueaim.core.errors import TrueAimError
from trueaim.core.files import replace
from trueaim.core.lock import hold
from trueaim.core.names import check_name
from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario
from trueaim.report.build import build
from trueaim.report.page import render
from trueaim.training import resume
from trueaim.training.curricula import Curriculum
from trueaim.training.curves import Watch
from trueaim.training.learn import train
from trueaim.training.plan import Plan
from trueaim.training.presets import hyperparameters

DEMO = {"scenario.size": "9", "knob.density": "0.15"}


def train_command(
    plan: Plan, place: Place, out: Console, fresh: bool, allow_drift: bool, watch: Watch | None = None
) -> Policy:
    """Train, or continue, a run in its folder."""
    goal = plan.scenario.goal_names[0]
    heading = f"[bold]train[/] {plan.scenario.name}  {len(plan.seeds)} agent(s)"
    heading += (
        f"  {plan.chunks * plan.steps_per_chunk:,} steps each  alpha {plan.alpha:g}  -> {escape(str(place.folder))}"
    )
    with console.training(out, goal, heading) as show:
        policy = train(plan, place, fresh=fresh, allow_drift=allow_drift, show=show, watch=watch)
    for notice in policy.record["notices"]:
        out.print(f"[yellow]note[/] {escape(notice)}")
    return policy


def audit_command(
    place: Place,
    policy: Policy,
    scenario: Scenario,
    out: Console,
    levels: int,
    seed: int,
    until_certain: bool = False,
) -> Audit:
    """Audit a policy and keep verdict and episodes in its folder."""
    enough(levels)
    most = "at most " if until_certain else ""
    out.print(f"[bold]audit[/] {policy.name}  {len(policy.seeds)} agent(s)  {most}{levels} held-out levels a setting")
    with out.status("  levels") as status, hold(place.folder):
        found = audit(
            policy,
            scenario,
            levels=levels,
            seed=seed,
            until_certain=until_certain,
            show=lambda stage: status.update(f"  {stage}"),
        )
        store.save(place, found, len(found.episodes.of("train").level) // len(policy.seeds), seed)
    return found


def enough(levels: int) -> None:
    """Raise, before any work, for fewer levels than an audit needs."""
    if levels < 2:
        raise TrueAimError(f"--levels: got {levels}, needs at least 2; ask for more")


def report_command(
    place: Place,
    policy: Policy,
    scenario: Scenario,
    found: Audit,
    seed: int,
    command: str,
    asked: Deep | None = None,
) -> Path:
    """Write the report of an audit into its folder, with what was asked beyond watching."""
    page = render(build(policy, scenario, found, command, seed, asked))
    replace(place.report, page.encode())
    return place.report


def command_of(plan: Plan, levels: int, seed: int) -> str:
    """The shell commands that make a run's report again."""
    asked = plan.asked()
    if ":" not in asked.scenario and asked.scenario not in {builder.__name__ for builder in scenarios.ALL}:
        return f"# {asked.scenario} is a scenario that was built in Python: train and audit it there"
    words = ["trueaim", "train", asked.scenario, "--steps", str(asked.steps), "--seed", str(asked.seeds[0])]
    words += ["--seeds", str(len(asked.seeds)), "--alpha", f"{asked.alpha:g}", "--toward", asked.toward]
    words += ["--levels", str(asked.num_levels)] if asked.num_levels else []
    words += _curriculum_words(plan)
    words += ["--group", str(asked.group), *(["--exact"] if asked.exact else [])]
    defaults = requests.scenario_of(asked.scenario, None, {})
    for name, value in asked.options.items():
        if defaults.options.get(name) != value:
            words += ["--set", f"scenario.{name}={value}"]
    for setting, knobs in asked.settings.items():
        for name, knob in knobs.items():
            words += ["--set", f"{setting}.{name}={knob:g}"]
    usual = asdict(hyperparameters(plan.scenario))
    for name, value in asked.learner.items():
        if usual[name] != value:
            words += ["--set", f"learner.{name}={value}"]
    return f"{shlex.join(words)} --name again && trueaim audit runs/again --levels {levels} --seed {seed}"


def _curriculum_words(plan: Plan) -> list[str]:
    if plan.curriculum is None:
        return []
    settings, usual = asdict(plan.curriculum), asdict(Curriculum())
    words = ["--curriculum", settings.pop("name"), "--score", settings.pop("score")]
    changed = [f"curriculum.{name}={value}" for name, value in settings.items() if usual[name] != value]
    return words + [word for change in changed for word in ("--set", change)]


def demo(
    out: Console, runs: Path, alpha: float, seeds: int, steps: int, levels: int, seed: int, exact: bool
) -> dict[str, Any]:
    """Train, audit and report the small maze, from nothing."""
    enough(levels)
    started = time.monotonic()
    words = [f"{name}={value}" for name, value in DEMO.items()]
    plan = requests.plan_for(
        "cheese_corner",
        steps=steps,
        seed=0,
        seeds=seeds,
        alpha=alpha,
        toward=None,
        preset=None,
        network=None,
        exact=exact,
        group=None,
        words=words,
    )
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    place = Place(runs / f"demo-{stamp}-{token_hex(2)}")
    out.print(
        "A mouse is paid for reaching the cheese. In training the cheese always lies in the top right corner.\n"
        "Then the cheese is put anywhere. Which goal did the mouse learn?\n"
    )
    policy = train_command(plan, place, out, fresh=False, allow_drift=False)
    found = audit_command(place, policy, plan.scenario, out, levels, seed)
    path = report_command(place, policy, plan.scenario, found, seed, command_of(plan, levels, seed))
    out.print()
    console.print_verdict(out, found.verdict)
    took = time.monotonic() - started
    out.print(f"\nreport  {path}  ({took:.0f} s in all)")
    other = "--alpha 0" if alpha else "--alpha 1"
    what = "in the corner again" if alpha else "with the cheese anywhere in training"
    out.print(f"next:   open {path} in a browser, or: trueaim demo {other}  ({what})")
    return {
        "run": str(place.folder),
        "report": str(path),
        "seconds": took,
        "verdict": found.verdict.model_dump(mode="json"),
    }


def loaded(run: Path, named: str | None = None) -> tuple[Place, Scenario, Policy]:
    """The run in this folder, ready to be audited."""
    place = Place(run)
    scenario, policy = resume.load(place, named)
    return place, scenario, policy


def listing(name: str | None = None) -> list[dict[str, Any]]:
    """Every scenario, or the one of this name, with its goals, settings, knobs and options."""
    names = [builder.__name__ for builder in scenarios.ALL] if name is None else [name]
    return [_listed(name) for name in names]


def _listed(name: str) -> dict[str, Any]:
    built = scenarios.scenario(name)
    return {
        "name": name,
        "claim": built.claim,
        "source": str(built.source),
        "url": built.source.url,
        "goals": [{"name": goal.name, "role": str(goal.role), "description": goal.description} for goal in built.goals],
        "settings": {setting: built.knob_values(built.setting(setting)) for setting in built.settings},
        "knobs": [knob._asdict() for knob in built.world.knobs],
        "options": dict(built.options),
        "presets": {preset: dict(values) for preset, values in scenarios.presets_of(name).items()},
    }


def brief(one: dict[str, Any]) -> list[str]:
    """A scenario in three lines."""
    goals = ", ".join(f"{goal['name']} ({goal['role']})" for goal in one["goals"])
    return [f"{one['name']}: {one['claim']}", f"  goals     {goals}", f"  settings  {', '.join(one['settings'])}"]


def full(one: dict[str, Any]) -> list[str]:
    """Everything about a scenario."""
    lines = [f"{one['name']}: {one['claim']}", f"  source    {one['source']}"]
    lines += [f"  goal      {goal['name']} ({goal['role']}): {goal['description']}" for goal in one["goals"]]
    for name, values in one["settings"].items():
        lines.append(f"  setting   {name}: " + ", ".join(f"{knob} {value:g}" for knob, value in values.items()))
    for knob in one["knobs"]:
        lines.append(f"  knob      {knob['name']} ({knob['low']:g} to {knob['high']:g}): {knob['meaning']}")
    lines.append("  options   " + ", ".join(f"{name}={value}" for name, value in one["options"].items()))
    lines.append("  view      " + ", ".join(f"{name}={value}" for name, value in scenarios.VIEW.items()))
    for name, values in one["presets"].items():
        lines.append(f"  preset    {name}: " + ", ".join(f"{key}={value}" for key, value in values.items()))
    return lines


def named_run(runs: Path, name: str | None, plan: Plan) -> Place:
    """The folder of a run: the name that was given, or one that is the same for the same request."""
    if name is not None and ("/" in name or name in (".", "..")):
        raise TrueAimError(f"--name: got {name!r}, needs a name without slashes; use --runs for the folder")
    return Place(runs / check_name("run", name or requests.default_name(plan)))
