"""The picture of a training distribution's ambiguity: two matrices, of what levels tell and of what pursuit costs.

Where no policy pursues the goals of someone else's environment, of how far goals went together in what was played.
"""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from trueaim.audit.ambiguity import Ambiguity
from trueaim.audit.foreign.agreement import Agreement
from trueaim.audit.foreign.ambiguity import ForeignAmbiguity
from trueaim.audit.foreign.scenario import TRAIN
from trueaim.core.errors import unknown_name

KINDS = ("png", "svg")
COLORS = "cividis"
"""From dark to light, told apart by color-blind people and in gray."""
DOTS_PER_INCH = 150
CELL = 0.75
"""Inches."""
LIGHT = 0.6
"""From this share on a cell is so light that its numbers are black."""


def picture(found: Ambiguity | ForeignAmbiguity, kind: str) -> bytes:
    """The picture as a PNG or SVG file; the same bytes for the same audit.

    Rows are the goals that are pursued, columns those that are judged. The left matrix has the share of levels that
    necessarily tell the two apart, the right one the share of the judged return that is lost in training with the best
    and with the worst choice among equally good plans. What is not known is hatched.

    Where nothing is known of any pair, the left matrix has, of the training episodes in which one of two goals paid,
    the share in which both did, and the right one the correlation of their returns: of the first player, which is
    random actions only where nobody else played.

    Raises:
        TrueAimError: for another kind of file.
    """
    if kind not in KINDS:
        raise unknown_name("kind of picture", kind, KINDS)
    measured = found if isinstance(found, Ambiguity) else found.measured
    played = [] if isinstance(found, Ambiguity) or measured.pairs else _first_player(found)
    side = CELL * len(measured.goals)
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "trueaim", "svg.fonttype": "none", "hatch.linewidth": 0.5}):
        figure = Figure(figsize=(2 * side + 2.2, side + 1.4), dpi=DOTS_PER_INCH, layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        if played:
            _went_together(left, right, measured.goals, played)
            about = f"{played[0].episodes} training episodes of {played[0].player}"
        else:
            _matrix(left, measured.goals, "levels that tell them apart", _told_apart(measured))
            _matrix(right, measured.goals, "return lost in training", *_lost(measured))
            for axes in (left, right):
                axes.set_xlabel("judged")
            left.set_ylabel("pursued")
            mixed = f", {measured.alpha:.0%} {measured.toward}" if measured.alpha else ""
            about = f"{measured.levels} training levels{mixed}"
        figure.suptitle(f"{measured.scenario}: {about}", fontsize=9)
        return _drawn(figure, kind)


def _first_player(found: ForeignAmbiguity) -> list[Agreement]:
    """How far goals went together in the training episodes of whoever played first."""
    train = [one for one in found.agreement if one.setting == TRAIN]
    return [one for one in train if one.player == train[0].player]


def _went_together(left: Any, right: Any, goals: tuple[str, ...], played: list[Agreement]) -> None:
    both, correlations = np.full((2, len(goals), len(goals)), np.nan)
    for each in played:
        pair = goals.index(each.one), goals.index(each.other)
        for row, column in (pair, pair[::-1]):
            both[row, column], correlations[row, column] = each.both.value, each.correlation.value
    _matrix(left, goals, "paid in the same episodes", both)
    _matrix(right, goals, "correlation of returns", correlations, low=-1.0)


def _told_apart(found: Ambiguity) -> Float[np.ndarray, "pursued judged"]:
    return _table(found, lambda pair: pair.necessarily.value)


def _lost(found: Ambiguity) -> tuple[Float[np.ndarray, "pursued judged"], Float[np.ndarray, "pursued judged"]]:
    return _table(found, lambda pair: pair.least.value), _table(found, lambda pair: pair.most.value)


def _table(found: Ambiguity, number: Any) -> Float[np.ndarray, "pursued judged"]:
    pairs = [[found.pair(pursued, judged) for judged in found.goals] for pursued in found.goals]
    return np.array([[np.nan if pair is None else number(pair) for pair in row] for row in pairs])


def _matrix(
    axes: Any,
    goals: tuple[str, ...],
    title: str,
    shares: Float[np.ndarray, "pursued judged"],
    most: Float[np.ndarray, "pursued judged"] | None = None,
    low: float = 0.0,
) -> None:
    """One matrix, with its numbers (from `low`, the darkest, to 1) in the cells; the diagonal is left empty."""
    num = len(goals)
    axes.imshow(np.ma.masked_invalid(shares), cmap=COLORS, vmin=low, vmax=1)
    for row, column in np.ndindex(num, num):
        if row == column:
            continue
        value = shares[row, column]
        if np.isnan(value):
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", linewidth=0, color="#999999"))
            continue
        text = f"{value:.2f}"
        if most is not None and f"{most[row, column]:.2f}" != text:
            text += f"\nto {most[row, column]:.2f}"
        axes.text(
            column, row, text, ha="center", va="center", color="black" if value > low + LIGHT * (1 - low) else "white"
        )
    words = [goal.replace("_", " ") for goal in goals]
    axes.set_xticks(range(num), words, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(num), words)
    axes.set_title(title, fontsize=8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _drawn(figure: Figure, kind: str) -> bytes:
    done = io.BytesIO()
    if kind == "png":
        FigureCanvasAgg(figure).print_png(done, metadata={"Software": None})
    else:
        FigureCanvasSVG(figure).print_svg(done, metadata={"Date": None})
    return done.getvalue()
