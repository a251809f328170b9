"""The studies that are shipped can be run as they are."""

from pathlib import Path

import pytest

from trueaim.studies.doing import check
from trueaim.studies.file import read
from trueaim.studies.jobs import cells, jobs
from trueaim.studies.running import refuse_steps

FILES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_study_can_be_run(path: Path) -> None:
    study = read(path)
    assert study.name == path.stem
    check(study, cells(study, 1))
    refuse_steps(study, jobs(study, 1, [study.seed_list]))
    assert study.analysis.numbers
    assert len(study.seed_list) >= 5


def test_there_are_some() -> None:
    assert FILES
