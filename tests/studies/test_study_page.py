"""The page and the figures of a study, from made-up results."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import begun, fill, study
from PIL import Image

from trueaim.app import study_pages
from trueaim.audit.intervals import NOTHING, Interval
from trueaim.core.errors import TrueAimError
from trueaim.core.reading import read_table
from trueaim.report.study import interval, shown, table
from trueaim.report.study_figures import MOST_LINES, across, curves
from trueaim.studies.analysis import Half, Point, mean_over


def made(path: Path, **changes: Any) -> Any:
    folder, record = begun(path, study(**changes))
    fill(folder, record, lambda values, seed, *_: min(1.0, values["alpha"] + seed / 100))
    return folder, record


def test_the_page_says_what_was_asked_and_found(tmp_path: Path) -> None:
    folder, _ = made(tmp_path, seeds=5, vary={"alpha": [0, 0.01, 0.1, 1]})
    path, text = study_pages.report(folder, tmp_path / "docs", "studies/small.toml")
    assert path == tmp_path / "docs" / "small.md"
    assert path.read_text() == text
    for words in (
        "# small",
        "**Does it work?**",
        "Made by `trueaim study run studies/small.toml`: 20 of 20 jobs done in 0.3 hours",
        "- `anywhere/cheese/got`: share of episodes in which it was got",
        "| alpha | agents | anywhere/cheese/got |",
        "| 0 | 5 | 0.02 [0.00, 0.04] |",
        "| alpha | shift | agents | verdicts |",
        "| 0.01 | anywhere | 5 | misgeneralized(corner) 100% [57%, 100%] |",
        "| number | alpha at half effect |",
        "| anywhere/cheese/got | 0.27",
    ):
        assert words in text, words
    assert "Note" not in text
    picture = tmp_path / "docs" / "images" / "small-anywhere-cheese-got.png"
    assert f"](images/{picture.name})" in text
    assert Image.open(io.BytesIO(picture.read_bytes())).size[0] > 200


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder, record = made(tmp_path)
    gone, damaged = (folder.results / job.name for job in record.jobs[:2])
    gone.rename(tmp_path / "gone")
    (damaged / "results.parquet").write_bytes(b"")
    _, text = study_pages.report(folder, None, "a.toml")
    assert "2 of 4 jobs done" in text
    assert "**Note.** 1 jobs have no result (0 failed)" in text
    assert f"**Note.** 1 results are damaged and left out; the first: {record.jobs[1].name}" in text
    assert "**Note.** 2 seeds: intervals over agents are rough." in text


def test_a_study_without_results_has_a_page_without_numbers(tmp_path: Path) -> None:
    folder, _ = begun(tmp_path)
    _, text = study_pages.report(folder, None, "a.toml")
    assert "0 of 4 jobs done" in text
    assert "## Verdicts" not in text
    assert "![" not in text


def test_all_rows_are_exported(tmp_path: Path) -> None:
    folder, _ = made(tmp_path)
    assert study_pages.export(folder, tmp_path / "all.parquet") == 16
    columns = read_table(tmp_path / "all.parquet")
    assert set(columns["study"].tolist()) == {"small"}
    assert sorted(set(columns["alpha"].tolist())) == [0.0, 0.1]
    assert study_pages.export(folder, tmp_path / "all.csv") == 16
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0].startswith("study,job,cell,alpha,seed,steps,setting,goal,role,episodes,share,return,got")
    assert len(lines) == 17
    assert "nan" not in (tmp_path / "all.csv").read_text()
    with pytest.raises(TrueAimError, match=r"got the ending '\.txt', needs one of"):
        study_pages.export(folder, tmp_path / "all.txt")


def test_nothing_to_export_is_said(tmp_path: Path) -> None:
    folder, _ = begun(tmp_path)
    with pytest.raises(TrueAimError, match="got no finished job"):
        study_pages.export(folder, tmp_path / "all.csv")


def test_numbers_read_as_they_are_meant() -> None:
    assert interval(NOTHING) == "no data"
    assert interval(Interval(0.5, np.nan, np.nan, 1, 1)) == "0.50"
    assert interval(Interval(0.5, 0.25, 0.75, 4, 4)) == "0.50 [0.25, 0.75]"
    assert (shown(0.001), shown("gru"), shown(5.0)) == ("0.001", "gru", "5")
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"


def test_an_axis_is_logarithmic_where_it_is_wide_with_zero_apart() -> None:
    wide = across([1, 0, 0.01, 0.1])
    assert wide.is_log
    assert wide.has_gap
    assert [wide.at[word] for word in ("0.01", "0.1", "1")] == pytest.approx([-2, -1, 0])
    assert wide.at["0"] < -2
    narrow = across([0, 1, 2])
    assert narrow == across([2, 1, 0])
    assert (narrow.is_log, narrow.has_gap, narrow.at["2"]) == (False, False, 2)
    assert across([0.01, 1]) == ({"0.01": -2.0, "1": 0.0}, False, True)
    assert across(["flat", "gru"]).at == {"flat": 0.0, "gru": 1.0}
    assert not across([-1, 0.01, 10]).is_log


def point(alpha: Any, agents: list[float], **others: Any) -> Point:
    return Point({"alpha": alpha, **others}, tuple(range(len(agents))), np.array(agents), mean_over(np.array(agents)))


@pytest.mark.parametrize(
    "line",
    [
        [point(0, [0.1, 0.2]), point(0.01, [0.3, 0.4]), point(1, [0.9, 1.0])],
        [point(0, [0.1]), point(1, [np.nan])],
        [point("flat", [0.1, 0.2]), point("gru", [0.3, 0.2])],
        [point(3, [0.1, 0.2])],
    ],
)
def test_a_figure_is_drawn_whatever_the_axis(line: list[Point]) -> None:
    halves = [Half({}, 0.1, 0.05, np.nan, 0, 1, 1.0, 2)]
    picture = curves(line, "alpha", "random/coin/got", halves if len(line) == 3 else ())
    assert picture is not None
    assert picture.startswith(b"\x89PNG")


def test_too_many_lines_make_no_figure() -> None:
    assert curves([point(0, [0.1], width=width) for width in range(MOST_LINES + 1)], "alpha", "x") is None
    assert curves([], "alpha", "x") is None
