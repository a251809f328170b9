import io

import numpy as np
import pytest
from PIL import Image

from trueaim.core.episodes import Episodes
from trueaim.core.verdict import Preflight, Verdict
from trueaim.report.figures import (
    COLORS,
    Shown,
    agents_apart,
    courses,
    film,
    greed,
    learning_curves,
    preferences,
    while_training,
)
from trueaim.training.curves import Curves, Row


def shown(name: str = "plain") -> Shown:
    """Two agents on two levels of each of two settings; the second goal charges."""
    rows = [(setting, agent, level) for setting in ("train", "far") for agent in (0, 1) for level in (0, 1)]
    num = len(rows)
    agents = np.array([agent for _, agent, _ in rows])
    returns = np.stack([0.5 + 0.5 * agents, -1.0 + agents], -1)
    episodes = Episodes(
        goals=("apple", "pear"),
        setting=np.array([setting for setting, _, _ in rows]),
        agent=agents,
        level=np.array([level for _, _, level in rows]),
        level_hash=np.array(["x"] * num),
        length=np.ones(num, int),
        terminated=np.ones(num, bool),
        place=np.zeros(num, int),
        returns=returns,
        first=np.ones((num, 2), int),
        optimal=np.ones((num, 2)),
        uniform=np.tile([0.25, -1.0], (num, 1)),
        classes=np.ones((num, 2), int),
    )
    curve = [
        Row(seed, step, f"return/{setting}/{goal}", 0.1 * seed + step / 1e6)
        for seed in (0, 1)
        for step in (0, 1_000_000)
        for setting in ("train", "far")
        for goal in ("apple", "pear")
    ]
    verdict = Verdict(
        scenario="s",
        policy="p",
        agents=[0, 1],
        goals=["apple", "pear"],
        shifts=[],
        table=[],
        preflight=Preflight(passed=None, sentence=""),
        level_hashes={},
    )
    return Shown(
        name=name,
        goals=("apple", "pear"),
        settings=("train", "far"),
        seeds=(0, 1),
        curves=Curves(curve),
        verdict=verdict,
        episodes=episodes,
        charging=("pear",),
        courses={setting: np.cumsum(np.ones((2, 5, 2)), 1) for setting in ("train", "far")},
    )


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)


def has_color(pixels: np.ndarray, color: str) -> bool:
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(pixels - wanted).sum(-1) < 40).any())


@pytest.mark.parametrize("draw", [learning_curves, courses, agents_apart, preferences])
def test_figures_show_every_goal_and_grow_with_the_arms(draw) -> None:
    one, two = picture(draw([shown()])), picture(draw([shown(), shown("mixed")]))
    assert two.shape[0] > 1.5 * one.shape[0]
    assert two.shape[1] == one.shape[1]
    assert has_color(one, COLORS[0])
    assert has_color(one, COLORS[1])
    assert not has_color(one, COLORS[2])


def collapsed() -> Shown:
    """As trees: scores logged often, the affinity seldom."""
    scores = [1, 3, 6, 10, 7, 4, 1, 0, 0, 1, 4, 6, 8]
    rows = [Row(seed, step, "score/apple", float(score)) for seed in (0, 1) for step, score in enumerate(scores)]
    rows += [
        Row(seed, step, f"affinity/{name}", 0.1 * step)
        for seed in (0, 1)
        for step in (0, 3, 5, 8, 12)
        for name in ("1", "10", "mean")
    ]
    rows += [Row(seed, step, "measure/trees", float(step)) for seed in (0, 1) for step in range(len(scores))]
    return shown()._replace(curves=Curves(rows))


def test_greed_is_shown_for_every_phase_by_its_time_not_by_its_number_of_points() -> None:
    png = greed([collapsed()])
    assert png is not None
    for color in COLORS[:4]:  # points of all four phases, though there are fewer points than the curve has
        assert has_color(picture(png), color)


def test_training_is_shown_where_something_was_measured() -> None:
    assert while_training([shown()]) is None
    assert greed([shown()]) is None
    png = while_training([collapsed()])
    assert png is not None
    assert has_color(picture(png), COLORS[0])


def test_the_same_data_give_the_same_picture() -> None:
    assert learning_curves([shown()]) == learning_curves([shown()])


def test_a_film_is_its_frames_side_by_side() -> None:
    frames = [np.full((4, 5, 3), value, np.uint8) for value in (0, 128)]
    strip = picture(film(frames, gap=2))
    assert strip.shape == (4, 12, 3)
    assert (strip[:, :5] == 0).all()
    assert (strip[:, 5:7] == 255).all()
    assert (strip[:, 7:] == 128).all()
