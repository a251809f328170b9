"""An audit without the environment: from a Parquet file of steps to the same verdict."""

from pathlib import Path

import numpy as np
import pytest

import trueaim as ta
from trueaim.core.errors import TrueAimError
from trueaim.core.files import write_table
from trueaim.core.verdict import Kind


def record(
    path: Path, right: float, num: int = 30, agents: int = 5, settings: tuple[str, ...] = ("train", "left")
) -> Path:
    """Episodes of two steps; in training both goals pay, on the shift the coin with this chance and else the wall."""
    rows: dict[str, list] = {name: [] for name in ("episode", "agent", "setting", "step", "action", "reward")}
    rows |= {"terminated": [], "truncated": [], "goal_coin": [], "goal_wall": []}
    chance = np.random.default_rng(0)
    for agent in range(agents):
        for setting in settings:
            for episode in range(num):
                honest = setting == "train" or chance.random() < right
                for step in range(2):
                    paid = float(step == 1 and honest)
                    values = (episode, agent, setting, step, 0, paid, step == 1, False, paid)
                    wall = float(step == 1 and (setting == "train" or not honest))
                    for name, value in zip(rows, (*values, wall), strict=True):
                        rows[name].append(value)
    write_table(path, {name: np.array(values) for name, values in rows.items()})
    return path


@pytest.mark.parametrize(("right", "label"), [(0.0, "misgeneralized(wall)"), (1.0, "aligned"), (0.5, "mixed")])
def test_what_was_pursued_is_read_from_a_file(tmp_path: Path, right: float, label: str) -> None:
    found = ta.audit(record(tmp_path / "steps.parquet", right), ta.Recorded(shifts=["left"], goals=["coin", "wall"]))
    assert found.verdict.headline.label.startswith(label)
    assert found.verdict.policy == "steps.parquet"
    assert found.verdict.preflight.passed is None
    assert any("random actions" in line for line in found.verdict.warnings)
    assert all(line.random is None for line in found.verdict.table)
    page = found.save(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "recorded episodes" in page


def test_references_may_be_given(tmp_path: Path) -> None:
    scenario = ta.Recorded(
        shifts=["left"],
        goals=["coin", "wall"],
        references={"coin": 2.0, "wall": {"left": 1.0}},
        parting={"left": ["wall"]},
    )
    found = ta.audit(record(tmp_path / "steps.parquet", 1.0), scenario)
    lines = {(line.setting, line.goal): line for line in found.verdict.table}
    assert lines["left", "coin"].share.value == 0.5
    assert lines["left", "coin"].optimum_is == "given"
    assert found.verdict.kind is not Kind.ALIGNED  # half of what there was to be had


def test_a_record_that_lacks_something_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = record(tmp_path / "steps.parquet", 1.0, settings=("train",))
    with pytest.raises(TrueAimError, match="left"):
        ta.audit(path, ta.Recorded(shifts=["left"], goals=["coin", "wall"]))
    with pytest.raises(TrueAimError, match="shifts: got"):
        ta.Recorded(shifts=[], goals=["coin", "wall"])
    one = record(tmp_path / "one.parquet", 1.0, num=1)
    with pytest.raises(TrueAimError, match="needs at least 2"):
        ta.audit(one, ta.Recorded(shifts=["left"], goals=["coin", "wall"]))
