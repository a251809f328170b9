"""What a study found: intervals over seeds, half effects that were planted, and verdicts' shares."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import begun, fill, study
from scipy import stats

from trueaim.audit.intervals import hierarchical
from trueaim.core.errors import TrueAimError
from trueaim.studies.analysis import Point, along, crossings, halves, mean_over, points, verdicts
from trueaim.studies.file import figure_of
from trueaim.studies.gathering import Gathered, gather
from trueaim.studies.results import kinds


def found(tmp_path: Path, got: Any, **changes: Any) -> tuple[Gathered, list[str]]:
    folder, record = begun(tmp_path, study(**changes))
    fill(folder, record, got)
    return gather(folder, record.jobs, kinds(record.study.vary)), list(record.study.vary)


def point(alpha: float, agents: list[float], **others: Any) -> Point:
    values = np.array(agents)
    return Point({"alpha": alpha, **others}, tuple(range(len(agents))), values, mean_over(values))


def test_the_interval_is_students() -> None:
    values = np.array([0.1, 0.4, 0.2, np.nan, 0.7])
    over = mean_over(values)
    half = stats.t.ppf(0.975, 3) * np.std([0.1, 0.4, 0.2, 0.7], ddof=1) / 2
    assert over == pytest.approx((0.35, 0.35 - half, 0.35 + half, 4, 4))
    same = hierarchical(values[:, None], method="t")
    assert over[:3] == pytest.approx(same[:3])
    assert mean_over(values, is_share=True).low == max(0.0, over.low)
    assert mean_over(np.array([0.9, 1.0]), is_share=True).high == 1.0


def test_too_few_agents_give_no_bounds_and_none_no_number() -> None:
    assert mean_over(np.array([0.5, np.nan]))[:1] == (0.5,)
    assert np.isnan(mean_over(np.array([0.5]))[1:3]).all()
    nothing = mean_over(np.array([np.nan]))
    assert np.isnan(nothing.value)
    assert nothing.entries == 0


@pytest.mark.parametrize(
    ("across", "up", "where"),
    [
        ([1, 10, 100], [0, 0.5, 1], 10),
        ([1, 100], [0, 1], 10),
        ([1, 100], [1, 0], 10),
        ([0, 1], [0, 1], 0.5),
        ([0, 0.01, 0.1, 1], [0, 0, 0, 1], 10**-0.5),
        ([0, 0.01, 1], [0, 1, 1], 0.005),
        ([1, 10, 100, 1000], [0, 0.6, 0.4, 1], 10 ** (0.5 / 0.6)),
        ([1, 10, 100], [0, np.nan, 1], 10),
        ([1, 10], [0.5, 0.5], np.nan),
        ([1], [0.5], np.nan),
    ],
)
def test_halfway_is_where_it_should_be(across: list[float], up: list[float], where: float) -> None:
    assert crossings(np.array(across, float), np.array([up]))[0] == pytest.approx(where, nan_ok=True)


def test_curves_are_looked_at_one_by_one() -> None:
    ups = np.array([[0, 1.0, 1], [1, 1, 1], [0, 0, 1], [np.nan, 0, 1]])
    assert crossings(np.array([1.0, 10, 100]), ups) == pytest.approx([10**0.5, np.nan, 10**1.5, 10**1.5], nan_ok=True)


def test_a_planted_half_effect_is_held_by_its_interval() -> None:
    """Agents step from 0 to 1 in the logarithm of alpha; the interval is to hold the place in most repetitions."""
    chance, alphas, truth = np.random.default_rng(3), 10.0 ** np.arange(-4, 1, 0.5), 10**-2.2
    held = 0
    for _ in range(60):
        made = []
        for alpha in alphas:
            up = 1 / (1 + np.exp(-4 * (np.log10(alpha) - np.log10(truth))))
            made.append(point(float(alpha), list(np.clip(up + chance.normal(0, 0.1, 6), 0, 1))))
        half = halves(made, "alpha", resamples=400)[0]
        held += half.low <= truth <= half.high
        assert half.low < half.value < half.high
        assert half.crossing == 1.0
    assert held >= 53


def test_lines_run_along_an_axis_in_its_order() -> None:
    made = [point(1, [1, 1], width=8), point(0, [0, 0], width=8), point(0.1, [0.5, 0.5], width=16)]
    lines = along(made, "alpha")
    assert [others for others, _ in lines] == [{"width": 8}, {"width": 16}]
    assert [one.values["alpha"] for one in lines[0][1]] == [0, 1]
    assert [half.others for half in halves(made, "alpha")] == [{"width": 8}]


def test_words_have_no_half_effect() -> None:
    made = [Point({"network": name}, (0,), np.array([0.5]), mean_over(np.array([0.5]))) for name in ("flat", "gru")]
    assert halves(made, "network") == []


def test_no_effect_is_never_halfway() -> None:
    half = halves([point(0, [0.5, 0.5]), point(1, [0.5, 0.5])], "alpha")[0]
    assert np.isnan([half.value, half.low, half.high]).all()
    assert half.crossing == 0


def test_numbers_are_found_by_setting_and_goal(tmp_path: Path) -> None:
    def got(values: Mapping[str, Any], seed: int, setting: str, goal: str) -> float:
        return values["alpha"] + seed / 10 + (setting == "anywhere") / 2 + (goal == "corner") / 4

    table, axes = found(tmp_path, got, seeds=3)
    made = points(table, axes, figure_of("anywhere/corner/got"))
    assert [one.values for one in made] == [{"alpha": 0.0}, {"alpha": 0.1}]
    assert made[0].agents == pytest.approx([0.75, 0.85, 0.95])
    assert made[0].over.value == pytest.approx(0.85)
    assert made[0].seeds == (0, 1, 2)
    intended = points(table, axes, figure_of("anywhere/intended/got"))
    assert intended[0].agents == pytest.approx(points(table, axes, figure_of("anywhere/cheese/got"))[0].agents)
    for name, near in (("anywere/cheese/got", "anywhere"), ("anywhere/chese/got", "cheese")):
        with pytest.raises(TrueAimError, match=f"did you mean '{near}'"):
            points(table, axes, figure_of(name))


def test_verdicts_are_counted_by_agent(tmp_path: Path) -> None:
    table, axes = found(tmp_path, lambda *_: 0.5, seeds=4)
    verdict = table.columns["verdict"].copy()
    verdict[(table.columns["seed"] == 3) & (table.columns["setting"] == "anywhere")] = "aligned"
    pursued = np.where(verdict == "aligned", "", table.columns["pursued"])
    made = verdicts(table._replace(columns={**table.columns, "verdict": verdict, "pursued": pursued}), axes)
    assert [(one.values["alpha"], one.setting) for one in made] == [(0.0, "anywhere"), (0.1, "anywhere")]
    assert list(made[0].shares) == ["misgeneralized(corner)", "aligned"]
    assert [share.value for share in made[0].shares.values()] == [0.75, 0.25]
    assert all(share.entries == 4 and 0 <= share.low < share.high <= 1 for share in made[0].shares.values())
