"""The picture of a training distribution's ambiguity: two matrices, of what levels tell and of what pursuit costs."""

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
from trueaim.core.errors import unknown_name

KINDS = ("png", "svg")
COLORS = "cividis"
"""From dark to light, told apart by color-blind people and in gray."""
DOTS_PER_INCH = 150
CELL = 0.75
"""Inches."""
LIGHT = 0.6
"""From this share on a cell is so light that its numbers are black."""


def picture(found: Ambiguity, kind: str) -> bytes:
    """The picture as a PNG or SVG file; the same bytes for the same audit.

    Rows are the goals that are pursued, columns those that are judged. The left matrix has the share of levels that
    necessarily tell the two apart, the right one the share of the judged return that is lost in training with the best
    and with the worst choice among equally good plans. What is not known is hatched.

    Raises:
        TrueAimError: for another kind of file.
    """
    if kind not in KINDS:
        raise unknown_name("kind of picture", kind, KINDS)
    side = CELL * len(found.goals)
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "trueaim", "svg.fonttype": "none", "hatch.linewidth": 0.5}):
        figure = Figure(figsize=(2 * side + 2.2, side + 1.4), dpi=DOTS_PER_INCH, layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _matrix(left, found, "levels that tell them apart", _told_apart(found))
        _matrix(right, found, "return lost in training", *_lost(found))
        left.set_ylabel("pursued")
        mixed = f", {found.alpha:.0%} {found.toward}" if found.alpha else ""
        figure.suptitle(f"{found.scenario}: {found.levels} training levels{mixed}", fontsize=9)
        return _drawn(figure, kind)


def _told_apart(found: Ambiguity) -> Float[np.ndarray, "pursued judged"]:
    return _table(found, lambda pair: pair.necessarily.value)


def _lost(found: Ambiguity) -> tuple[Float[np.ndarray, "pursued judged"], Float[np.ndarray, "pursued judged"]]:
    return _table(found, lambda pair: pair.least.value), _table(found, lambda pair: pair.most.value)


def _table(found: Ambiguity, number: Any) -> Float[np.ndarray, "pursued judged"]:
    pairs = [[found.pair(pursued, judged) for judged in found.goals] for pursued in found.goals]
    return np.array([[np.nan if pair is None else number(pair) for pair in row] for row in pairs])


def _matrix(
    axes: Any,
    found: Ambiguity,
    title: str,
    shares: Float[np.ndarray, "pursued judged"],
    most: Float[np.ndarray, "pursued judged"] | None = None,
) -> None:
    """One matrix, with its numbers in the cells; the diagonal is left empty."""
    num = len(found.goals)
    axes.imshow(np.ma.masked_invalid(shares), cmap=COLORS, vmin=0, vmax=1)
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
        axes.text(column, row, text, ha="center", va="center", color="black" if value > LIGHT else "white")
    words = [goal.replace("_", " ") for goal in found.goals]
    axes.set_xticks(range(num), words, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(num), words)
    axes.set_xlabel("judged")
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
