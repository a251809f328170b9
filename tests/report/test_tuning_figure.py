import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trueaim.audit.intervals import NOTHING, Interval
from trueaim.audit.tuning import Curve, Tuning, price
from trueaim.report.figures import COLORS
from trueaim.report.tuning import GRAY, curves

BUDGETS = (0, 32, 128, 512)


def curve(start: Any, values: tuple[float, ...]) -> Curve:
    intended = tuple(Interval(value, value - 0.1, value + 0.1, 8, 2) for value in values)
    control = tuple(Interval(0.9, 0.8, 1.0, 8, 2) for _ in values)
    shares = np.array([values, values]) + np.array([[-0.05], [0.05]])
    return Curve(start, "dagger", "expert labels", BUDGETS[: len(values)], intended, control, shares)


def found(new: bool = True, target: float = 0.9) -> Tuning:
    own, other = curve("trained", (0.1, 0.6, 0.85, 0.9)), curve("untrained", (0.0, 0.1, 0.4, 0.8))
    prices = price(own, target), price(other, target) if new else None
    return Tuning("apart", "dish", (6, 2), target, "control", own, other if new else None, *prices)


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)


def has_color(pixels: np.ndarray, color: str) -> bool:
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(pixels - wanted).sum(-1) < 20).any())


def test_the_figure_shows_both_curves_and_the_target() -> None:
    both, one = picture(curves(found())), picture(curves(found(new=False)))
    for color in (COLORS[0], COLORS[1], GRAY):
        assert has_color(both, color)
    assert has_color(one, COLORS[0])
    assert not has_color(one, COLORS[1])
    assert both.shape[:2] == (320, 520)


def test_what_is_not_known_is_left_out() -> None:
    blank = found(new=False, target=float("nan"))
    own = blank.tuned._replace(intended=(NOTHING,) * 4, control=(NOTHING,) * 4, shares=np.full((2, 4), np.nan))
    pixels = picture(curves(blank._replace(tuned=own)))
    assert pixels.std() > 0  # axes and words


@pytest.mark.parametrize("budgets", [(0,), (0, 5)])
def test_few_budgets_will_do(budgets: tuple[int, ...]) -> None:
    own = curve("trained", (0.1, 0.6)[: len(budgets)])._replace(budgets=budgets)
    assert has_color(picture(curves(found(new=False)._replace(tuned=own))), COLORS[0])


def test_the_same_data_give_the_same_picture() -> None:
    assert curves(found()) == curves(found())
