"""The figure of a probe by tuning: how the intended goal comes back with the budget."""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trueaim.audit.tuning import WITHIN, Curve, Tuning
from trueaim.report.figures import COLORS, DASHES, DOTS_PER_INCH

SIZE = (5.2, 3.2)
"""In inches."""
GRAY = "#4D4D4D"
LINEAR_TO = 10
"""Budgets are spaced by their logarithm from here on, so that 0 has a place."""


def curves(found: Tuning) -> bytes:
    """A PNG: the intended share over budgets, of trained agents and of untrained ones, with intervals.

    Thin lines are single agents, the dotted one is the trained agents' share where the goals agree, and what is reached
    within the band below the dashed one counts as recovered.
    """
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=SIZE, dpi=DOTS_PER_INCH, layout="constrained")
        axes = figure.subplots()
        _curve(axes, found.tuned, 0, "trained, tuned")
        if found.taught is not None:
            _curve(axes, found.taught, 1, "untrained, taught")
        control = [each.value for each in found.tuned.control]
        axes.plot(found.tuned.budgets, control, color=COLORS[0], linestyle=":", label="trained, where goals agree")
        if not np.isnan(found.target):
            axes.axhline(found.target, color=GRAY, linestyle="--", linewidth=0.8, label=f"target ({found.target_is})")
            axes.axhspan(found.target - WITHIN, found.target, color=GRAY, alpha=0.08, linewidth=0)
        first = next(budget for budget in found.tuned.budgets if budget) if len(found.tuned.budgets) > 1 else LINEAR_TO
        axes.set_xscale("symlog", linthresh=max(LINEAR_TO, first))
        axes.set_xlim(left=0)
        axes.set_xticks(found.tuned.budgets, [f"{budget:,}" for budget in found.tuned.budgets])
        axes.minorticks_off()
        axes.set_xlabel(f"{found.tuned.unit} for each agent ({found.tuned.method})")
        axes.set_ylabel("intended share of optimal")
        axes.set_title(f"{found.shift}: where {found.rival} is another goal", fontsize=9)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        canvas, done = FigureCanvasAgg(figure), io.BytesIO()
        canvas.print_png(done)
        return done.getvalue()


def _curve(axes: Any, curve: Curve, number: int, label: str) -> None:
    color = COLORS[number]
    values, lows, highs = np.array([each[:3] for each in curve.intended]).T
    axes.plot(curve.budgets, values, color=color, linestyle=DASHES[number], marker="o", markersize=3, label=label)
    axes.fill_between(curve.budgets, np.clip(lows, -1, 1), np.clip(highs, -1, 1), color=color, alpha=0.15, linewidth=0)
    for shares in curve.shares:
        axes.plot(curve.budgets, shares, color=color, alpha=0.3, linewidth=0.7)
