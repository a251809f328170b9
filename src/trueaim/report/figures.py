"""Figures of a demonstration, as PNG files: learning curves, agents apart, and goals within an episode."""

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from trueaim.audit.measure import Grid
from trueaim.core.episodes import Episodes
from trueaim.core.verdict import Verdict
from trueaim.report.phases import Phase, phases
from trueaim.training.curves import Curves

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#4D4D4D")
"""One for each goal, the intended one first (Okabe & Ito's palette: told apart by color-blind people)."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
PANEL = (3.1, 2.3)
DOTS_PER_INCH = 100
LETTER = 0.065
"""Inches across, in a legend."""
AFFINITY = "affinity/mean"
MOST_COLORS = 96


class Shown(NamedTuple):
    """One arm of a demonstration, as figures and tables see it.

    Attributes:
        name: of the arm.
        goals: names, the intended one first.
        settings: names, training first.
        seeds: of the agents.
        curves: what training logged.
        verdict, episodes: of the audit.
        charging: goals whose shares are counted from random actions.
        courses: by setting, the mean total of every goal after each step of an episode, for each agent.
    """

    name: str
    goals: tuple[str, ...]
    settings: tuple[str, ...]
    seeds: tuple[int, ...]
    curves: Curves
    verdict: Verdict
    episodes: Episodes
    charging: tuple[str, ...]
    courses: dict[str, Float[np.ndarray, "agent time goal"]]


def learning_curves(arms: Sequence[Shown]) -> bytes:
    """The mean return of every goal on every setting during training: a line for each, a band from least to most."""

    def draw(axes: Any, arm: Shown, setting: str) -> None:
        for number, goal in enumerate(arm.goals):
            runs = [arm.curves.series(f"return/{setting}/{goal}", seed) for seed in arm.seeds]
            _band(axes, np.array(runs[0][0]) / 1e6, np.array([values for _, values in runs]), number, goal)

    return _panels(arms, arms[0].settings, draw, "million steps", "mean return")


def while_training(arms: Sequence[Shown]) -> bytes | None:
    """What training itself saw: the intended score of a step, every measure, and the affinity to greed where watched.

    None where the scenario measures nothing.
    """
    names = [f"score/{arms[0].goals[0]}"]
    names += sorted({row.name for row in arms[0].curves.rows if row.name.startswith("measure/")})
    if len(names) == 1:
        return None
    if any(row.name == AFFINITY for row in arms[0].curves.rows):
        names.append(AFFINITY)

    def draw(axes: Any, arm: Shown, name: str) -> None:
        runs = [arm.curves.series(name, seed) for seed in arm.seeds]
        for _, values in runs:
            axes.plot(np.array(runs[0][0]) / 1e6, values, color=COLORS[0], alpha=0.25, linewidth=0.7)
        _band(axes, np.array(runs[0][0]) / 1e6, np.array([values for _, values in runs]), 0, "mean")
        _shade(axes, arm)

    return _panels(arms, names, draw, "million steps", "in training", legend=False)


def greed(arms: Sequence[Shown]) -> bytes | None:
    """The affinity to greed by what is there at the start, in every phase of training; None where it was not watched.

    Source: Shah et al. 2022, the figure of Tree Gridworld.
    """
    at = sorted(
        {
            float(row.name.split("/")[1])
            for row in arms[0].curves.rows
            if row.name.startswith("affinity/") and row.name != AFFINITY
        }
    )
    if not at:
        return None

    def draw(axes: Any, arm: Shown, name: str) -> None:
        del name
        steps = np.array(arm.curves.series(AFFINITY, arm.seeds[0])[0]) / 1e6
        runs = np.array([[arm.curves.series(f"affinity/{value:g}", seed)[1] for value in at] for seed in arm.seeds])
        for number, (phase, first, last) in enumerate(_phases(arm)):
            during = (steps > first) & (steps <= last)
            if during.any():
                _band(axes, np.array(at), runs[..., during].mean(-1), number, f"{phase.letter} {phase.what}")
        axes.axhline(1, color="#BBBBBB", linewidth=0.6, zorder=0)

    return _panels(arms, ["by phase"], draw, "there at the start", "affinity to greed")


def _phases(arm: Shown) -> list[tuple[Phase, float, float]]:
    """Those of the mean intended score over agents, with the million steps after which each begins and ends."""
    name = f"score/{arm.goals[0]}"
    steps = np.array(arm.curves.series(name, arm.seeds[0])[0]) / 1e6
    found = phases(np.mean([arm.curves.series(name, seed)[1] for seed in arm.seeds], 0))
    return [(phase, steps[phase.first - 1] if phase.first else 0.0, steps[phase.last]) for phase in found]


def _shade(axes: Any, arm: Shown) -> None:
    """A band for each phase, with its letter."""
    for number, (phase, first, last) in enumerate(_phases(arm)):
        axes.axvspan(first, last, color="#000000", alpha=0.03 + 0.04 * (number % 2), linewidth=0, zorder=0)
        axes.text((first + last) / 2, 0.98, phase.letter, transform=axes.get_xaxis_transform(), ha="center", va="top")


def courses(arms: Sequence[Shown]) -> bytes:
    """What every goal has brought so far within an episode, by setting: how it goes on, and when it stops."""

    def draw(axes: Any, arm: Shown, setting: str) -> None:
        totals = arm.courses[setting]
        for number, goal in enumerate(arm.goals):
            _band(axes, np.arange(1, totals.shape[1] + 1), totals[..., number], number, goal)

    return _panels(arms, arms[0].settings, draw, "step of the episode", "mean total")


def agents_apart(arms: Sequence[Shown]) -> bytes:
    """A dot for each agent: its share of the optimal return of every goal, on every setting."""

    def draw(axes: Any, arm: Shown, setting: str) -> None:
        grid = Grid(arm.episodes.of(setting), arm.charging)
        jitter = np.random.default_rng(0).uniform(-0.18, 0.18, len(grid.agents))
        for number in range(len(arm.goals)):
            color = COLORS[number % len(COLORS)]
            axes.scatter(number + jitter, grid.shares(number), s=20, color=color, edgecolors="white", linewidths=0.4)
        axes.set_xticks(range(len(arm.goals)), arm.goals, rotation=20, ha="right")
        axes.set_xlim(-0.6, len(arm.goals) - 0.4)

    return _panels(arms, arms[0].settings, draw, "", "share of optimal", legend=False)


def preferences(arms: Sequence[Shown]) -> bytes:
    """How many agents are paid by a goal no later than by any other, in how large a share of episodes; by shift."""
    bins = np.linspace(0, 1, 11)

    def draw(axes: Any, arm: Shown, setting: str) -> None:
        grid = Grid(arm.episodes.of(setting), arm.charging)
        for number, goal in enumerate(arm.goals):
            if grid.to_be_had(number).any():
                color, shares = COLORS[number % len(COLORS)], grid.came_first(number).mean(1)
                axes.hist(shares, bins, histtype="stepfilled", alpha=0.2, color=color)
                axes.hist(shares, bins, histtype="step", linewidth=1.5, color=color, label=goal)

    shifts = [name for name in arms[0].settings if name != arms[0].settings[0]]
    return _panels(arms, shifts, draw, "share of episodes in which it came first", "agents")


def film(frames: Sequence[UInt8[np.ndarray, "row column rgb"]], gap: int = 6) -> bytes:
    """Pictures of one episode, side by side."""
    height = frames[0].shape[0]
    between = np.full((height, gap, 3), 255, np.uint8)
    strip = [part for frame in frames for part in (frame, between)][:-1]
    return _small(Image.fromarray(np.concatenate(strip, 1)))


def _panels(
    arms: Sequence[Shown],
    columns: Iterable[str],
    draw: Callable[[Any, Shown, str], None],
    across: str,
    up: str,
    legend: bool = True,
) -> bytes:
    """One panel for each arm (rows) and setting, or whatever else the columns are."""
    names = list(columns)
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        size = (PANEL[0] * len(names), PANEL[1] * len(arms) + 0.4)
        figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
        grid = figure.subplots(len(arms), len(names), squeeze=False, sharey="row" if legend or not across else False)
        for row, arm in zip(grid, arms, strict=True):
            for axes, setting in zip(row, names, strict=True):
                draw(axes, arm, setting)
                axes.set_title(setting if len(arms) == 1 else f"{arm.name}: {setting}", fontsize=9)
                axes.axhline(0, color="#BBBBBB", linewidth=0.6, zorder=0)
                axes.set_xlabel(across)
            row[0].set_ylabel(up)
        if legend:
            pairs = [zip(*axes.get_legend_handles_labels()[::-1], strict=True) for axes in grid.flat]
            named = {label: handle for pair in reversed(pairs) for label, handle in pair}
            fitting = int(size[0] / (0.6 + LETTER * max(map(len, named), default=1)))
            ncols = max(1, min(len(named), fitting))
            figure.legend(named.values(), named, loc="outside upper center", ncols=ncols, frameon=False)
        return _saved(figure)


def _band(axes: Any, across: np.ndarray, values: Float[np.ndarray, "agent point"], number: int, goal: str) -> None:
    color = COLORS[number % len(COLORS)]
    axes.plot(across, values.mean(0), color=color, linestyle=DASHES[number % len(DASHES)], label=goal)
    axes.fill_between(across, values.min(0), values.max(0), color=color, alpha=0.15, linewidth=0)


def _saved(figure: Figure) -> bytes:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return _small(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))


def _small(picture: Image.Image) -> bytes:
    """PNG with few colors: a fifth of the size, and no difference that can be seen."""
    done = io.BytesIO()
    picture.quantize(MOST_COLORS, dither=Image.Dither.NONE).save(done, "png", optimize=True)
    return done.getvalue()
