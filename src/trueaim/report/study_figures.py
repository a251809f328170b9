"""Figures of a study: a number along an axis, with intervals over seeds and a dot for each agent."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trueaim.report.figures import COLORS, DASHES, DOTS_PER_INCH, PANEL
from trueaim.report.study import shown
from trueaim.studies.analysis import Half, Point, along
from trueaim.studies.file import Value

DECADES = 1.0
"""From so many powers of ten on between the least and the most, an axis is logarithmic."""
APART = 0.7
"""How far 0 stands before the least value of a logarithmic axis, in powers of ten."""
MOST_LINES = 16
"""Lines in one figure; a study with more other cells than that is for tables."""


MOST_TICKS = 12
"""Named values on an axis; those that stand closer are left out."""


class Across(NamedTuple):
    """Where the values of an axis stand in a figure.

    Attributes:
        at: place of each value, by how it is shown.
        has_gap: whether 0 stands apart from a logarithmic axis.
        is_log: whether places are powers of ten.
    """

    at: Mapping[str, float]
    has_gap: bool
    is_log: bool


def across(values: Sequence[Value]) -> Across:
    """Places for the values of an axis: even for words, in powers of ten for a wide range with 0 apart, else as is."""
    if any(isinstance(value, str) for value in values):
        return Across({shown(value): float(number) for number, value in enumerate(values)}, False, False)
    numbers = sorted(float(value) for value in values)
    positive = [number for number in numbers if number > 0]
    wide = len(positive) > 1 and np.log10(positive[-1] / positive[0]) >= DECADES
    if not wide or numbers[0] < 0:
        return Across({shown(number): number for number in numbers}, False, False)
    zero = np.log10(positive[0]) - APART
    at = {shown(number): float(np.log10(number) if number > 0 else zero) for number in numbers}
    return Across(at, numbers[0] == 0, True)


def curves(made: Sequence[Point], axis: str, name: str, halves: Sequence[Half] = ()) -> bytes | None:
    """One number along an axis: a line for each combination of the other axes' values; None if that is too many.

    Args:
        made: the points.
        axis: which.
        name: of the number, for the title.
        halves: where lines are halfway; marked by a vertical line with its interval.
    """
    lines = along(made, axis)
    if not lines or len(lines) > MOST_LINES:
        return None
    places = across(list(dict.fromkeys(point.values[axis] for _, line in lines for point in line)))
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(PANEL[0] * 1.5, PANEL[1] * 1.4), dpi=DOTS_PER_INCH, layout="constrained")
        axes = figure.subplots()
        for number, (others, line) in enumerate(lines):
            label = ", ".join(f"{key} {shown(value)}" for key, value in others.items())
            _line(axes, line, axis, places, number, label)
        for number, half in enumerate(halves):
            _mark(axes, half, places, COLORS[number % len(COLORS)])
        _ticks(axes, places)
        axes.set_xlabel(axis)
        axes.set_title(name, fontsize=9)
        if len(lines) > 1:
            figure.legend(loc="outside right upper", frameon=False, fontsize=7)
        canvas, done = FigureCanvasAgg(figure), io.BytesIO()
        canvas.print_png(done)
        return done.getvalue()


def _line(axes: Any, line: Sequence[Point], axis: str, places: Across, number: int, label: str) -> None:
    """Means joined by a line, bounds as bars, agents as dots; 0 that stands apart is not joined."""
    color = COLORS[number % len(COLORS)]
    at = np.array([places.at[shown(point.values[axis])] for point in line])
    means = np.array([point.over.value for point in line])
    bounds = np.array([[point.over.value - point.over.low, point.over.high - point.over.value] for point in line])
    axes.errorbar(at, means, np.maximum(bounds.T, 0), color=color, fmt="o", markersize=3, capsize=2, linewidth=0.9)
    joined = slice(1, None) if places.has_gap and line and line[0].values[axis] == 0 else slice(None)
    axes.plot(at[joined], means[joined], color=color, linestyle=DASHES[number % len(DASHES)], label=label)
    agents = np.concatenate([point.agents for point in line])
    places_of = np.repeat(at, [len(point.agents) for point in line])
    axes.plot(places_of, agents, ".", color=color, alpha=0.3, markersize=3)


def _mark(axes: Any, half: Half, places: Across, color: str) -> None:
    """A vertical line where a curve is halfway, and a band over its interval."""
    found = np.array([half.value, half.low, half.high])
    if np.isnan(found[0]) or (places.is_log and found[0] <= 0):
        return
    middle, low, high = _placed(found, places)
    axes.axvline(middle, color=color, linewidth=0.8, linestyle=":")
    if not np.isnan(low):
        axes.axvspan(max(low, min(places.at.values())), min(high, max(places.at.values())), color=color, alpha=0.08)


def _placed(values: Float[np.ndarray, " value"], places: Across) -> Float[np.ndarray, " value"]:
    return np.log10(values) if places.is_log else values


def _ticks(axes: Any, places: Across) -> None:
    chosen: dict[str, float] = {}
    room = (max(places.at.values()) - min(places.at.values())) / MOST_TICKS
    for word, at in places.at.items():
        if not chosen or at - max(chosen.values()) >= room:
            chosen[word] = at
    axes.set_xticks(list(chosen.values()), list(chosen), rotation=30 if len(chosen) > 6 else 0)
    if places.has_gap:
        zero = min(places.at.values())
        axes.axvline(zero + APART / 2, color="#BBBBBB", linewidth=0.6, linestyle=(0, (2, 3)))
