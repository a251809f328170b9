import io

import numpy as np
from PIL import Image

from trueaim.audit.critic import Critic, Point, Stage
from trueaim.audit.intervals import NOTHING, Interval
from trueaim.report.critic import GRAY, stages
from trueaim.report.figures import COLORS


def about(value: float) -> Interval:
    return Interval(value, value - 0.05, value + 0.05, 8, 2)


def found(hidden: str = "coin", last: Interval | None = None) -> Critic:
    each = [
        Stage("near", 8, 4, about(0.2), about(0.8), about(0.2), about(0.5), about(0.3)),
        Stage("far", 8, 4, last or about(0.4), last or about(0.9), NOTHING, last or about(0.6), NOTHING),
    ]
    curve = tuple(Point(progress, about(progress)) for progress in (0.25, 0.75))
    rest = (NOTHING, NOTHING, NOTHING, NOTHING, 0, NOTHING)
    return Critic("a", "b", "c", hidden, 2, 4, tuple(each), *rest, curve, (), 0)


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)


def has_color(pixels: np.ndarray, color: str) -> bool:
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(pixels - wanted).sum(-1) < 20).any())


def test_the_figure_shows_all_steps_and_those_with_the_thing_in_view() -> None:
    both, one = picture(stages(found())), picture(stages(found("nothing")))
    for color in (COLORS[0], COLORS[1], GRAY):
        assert has_color(both, color)
    assert has_color(one, GRAY)
    assert not has_color(one, COLORS[0])
    assert both.shape[:2] == (300, 660)


def test_what_is_not_known_is_left_out() -> None:
    blank = found(last=NOTHING)
    assert has_color(picture(stages(blank)), COLORS[0])
    assert picture(stages(blank._replace(curve=()))).std() > 0


def test_the_same_data_give_the_same_picture() -> None:
    assert stages(found()) == stages(found())
