"""The figure of a critic: what it says by stage, with something in view and hidden, and along the way."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trueaim.audit.critic import Critic
from trueaim.audit.intervals import Interval
from trueaim.audit.valued import NOTHING_HIDDEN
from trueaim.report.figures import COLORS, DASHES, DOTS_PER_INCH

SIZE = (6.6, 3.0)
"""In inches."""
GRAY = "#4D4D4D"


def stages(found: Critic) -> bytes:
    """A PNG: on the left the critic's value by stage, on the right by progress.

    The gray line is of all steps; the two colored ones are of those in which what was hidden on the twins is in view,
    as the critic sees it and as it would without. The dotted line is where the way ends that training knows.
    """
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=SIZE, dpi=DOTS_PER_INCH, layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        across = list(range(len(found.stages)))
        if found.hidden != NOTHING_HIDDEN:
            _line(left, across, [stage.seen for stage in found.stages], COLORS[0], DASHES[0], f"{found.hidden} in view")
            hidden = [stage.hidden for stage in found.stages]
            _line(left, across, hidden, COLORS[1], DASHES[1], f"the same steps, {found.hidden} hidden")
        _line(left, across, [stage.value for stage in found.stages], GRAY, DASHES[3], "all steps")
        left.set_xticks(across, [stage.name for stage in found.stages])
        left.set_xlim(-0.3, len(across) - 0.7)
        left.set_ylabel("critic's value")
        _line(right, [each.progress for each in found.curve], [each.value for each in found.curve], GRAY, "-", None)
        right.axvline(1, color=GRAY, linestyle=":", linewidth=0.8)
        right.set_xlabel("progress (1: end of the way in training)")
        figure.suptitle(f"{found.scenario}: {found.setting}", fontsize=9)
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        canvas, done = FigureCanvasAgg(figure), io.BytesIO()
        canvas.print_png(done)
        return done.getvalue()


def _line(
    axes: Any,
    across: Sequence[float] | np.ndarray,
    values: Sequence[Interval],
    color: str,
    dash: Any,
    label: str | None,
) -> None:
    means, lows, highs = np.array([each[:3] for each in values], float).reshape(-1, 3).T
    axes.plot(across, means, color=color, linestyle=dash, marker="o", markersize=3, label=label)
    axes.fill_between(across, lows, highs, color=color, alpha=0.15, linewidth=0)
