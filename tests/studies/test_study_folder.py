"""A study in its folder may be asked for more, and for nothing else."""

from pathlib import Path
from typing import Any

import pytest
from made_up import MACHINE, begun, study

from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.studies.folder import StudyFolder, enter, read_record


def again(folder: StudyFolder, file: Path, **changes: Any) -> Any:
    file.write_text(f"# {changes}\n")
    return enter(folder, file, study(**changes), 1, MACHINE, [])


def test_more_seeds_and_values_add_jobs_and_keep_the_others(tmp_path: Path) -> None:
    folder, first = begun(tmp_path)
    file = tmp_path / "small.toml"
    more = again(folder, file, seeds=4, vary={"alpha": [0.5, 0.1, 0]})
    names = {job.name for job in more.jobs}
    assert {job.name for job in first.jobs} < names
    assert (len(first.jobs), len(names)) == (4, 12)
    assert len(more.stages) == 2
    assert read_record(folder) == more
    assert folder.file.read_bytes() == file.read_bytes()
    assert again(folder, file, seeds=4, vary={"alpha": [0.5, 0.1, 0]}).stages == more.stages


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"seeds": 1}, "seeds"),
        ({"vary": {"alpha": [0]}}, "vary.alpha"),
        ({"vary": {"alpha": [0, 0.1], "scenario.size": [7]}}, "vary"),
        ({"train": {"steps": 2000}}, "train.steps"),
        ({"question": "Another?"}, "question"),
        ({"analysis": {"numbers": []}}, "analysis"),
        ({"audit": {"levels": 65}}, "audit.levels"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    folder, first = begun(tmp_path)
    with pytest.raises(TrueAimError, match=f"holds a study with {word}.*only seeds and values may be added"):
        again(folder, tmp_path / "small.toml", **changes)
    assert read_record(folder) == first


def test_another_machine_is_refused_unless_drift_is_allowed(tmp_path: Path) -> None:
    folder, first = begun(tmp_path)
    file, other = tmp_path / "small.toml", {**MACHINE, "code": "two"}
    with pytest.raises(TrueAimError, match=r"code: one -> two.*--allow-drift"):
        enter(folder, file, study(), 1, other, [])
    assert enter(folder, file, study(), 1, other, [], allow_drift=True).machine == first.machine


def test_the_group_is_settled_when_a_study_begins(tmp_path: Path) -> None:
    folder, first = begun(tmp_path, group=2)
    assert enter(folder, tmp_path / "small.toml", study(), 8, MACHINE, []).group == first.group == 2


def test_no_study_and_a_foreign_one_are_said(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    with pytest.raises(TrueAimError, match="got no study there"):
        read_record(folder)
    folder.record.write_text('{"schema_version": 99}')
    with pytest.raises(DamagedError, match="got schema version 99, needs 1"):
        read_record(folder)
