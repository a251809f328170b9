"""Results of jobs: written once, vouched for, read as one table, and damage is left out and said."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from made_up import MACHINE, begun, fill, lease, produced, study

from trueaim.core.errors import TrueAimError
from trueaim.core.reading import read_table
from trueaim.studies.folder import Record, StudyFolder
from trueaim.studies.gathering import COPY, NAMES, Gathered, gather
from trueaim.studies.results import kinds, read_result, save, schema


def gathered(folder: StudyFolder, record: Record) -> Gathered:
    return gather(folder, record.jobs, kinds(record.study.vary))


def test_a_saved_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    folder, record = begun(tmp_path, study(vary={"alpha": [0.1], "learner.network": ["flat"]}))
    axes, job = kinds(record.study.vary), record.jobs[1]
    save(lease(folder, job.name), job, axes, produced(job, lambda values, seed, *_: seed / 4), time.monotonic())
    table = read_table(folder.results / job.name / "results.parquet", schema=schema(axes))
    assert table["alpha"].tolist() == [0.1] * 4
    assert table["learner.network"].tolist() == ["flat"] * 4
    assert table["job"].tolist() == [job.name] * 4
    assert table["got"].tolist() == [0.25] * 4
    assert np.isnan(table["optimal"]).all()
    said = read_result(folder, job.name)
    assert (said.attempt, said.rows, said.machine, said.job) == (1, 4, MACHINE, job.name)
    assert 0 <= said.seconds < 60
    assert json.loads((folder.results / job.name / "asked.json").read_text()) == {"steps": 1000}
    assert not (folder.results / job.name / "episodes.parquet").exists()


def test_episodes_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    job = record.jobs[0]
    made = produced(job)._replace(episodes={"agent": np.array([0, 0])})
    save(lease(folder, job.name), job, kinds(record.study.vary), made, time.monotonic())
    assert read_table(folder.results / job.name / "episodes.parquet")["agent"].tolist() == [0, 0]
    assert "episodes.parquet" in read_result(folder, job.name).files


def test_all_results_are_one_table_in_the_order_of_the_jobs(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    for job in reversed(record.jobs):
        save(lease(folder, job.name), job, {"alpha": "float64"}, produced(job), time.monotonic())
    found = gathered(folder, record)
    assert list(dict.fromkeys(found.columns["job"].tolist())) == [job.name for job in record.jobs]
    assert len(found.columns["job"]) == 4 * 4
    assert (found.missing, found.damaged, found.machines) == ([], [], 1)
    assert {name: values.dtype.kind for name, values in found.columns.items()}["alpha"] == "f"


def test_nothing_done_is_an_empty_table(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    found = gathered(folder, record)
    assert {len(values) for values in found.columns.values()} == {0}
    assert found.missing == [job.name for job in record.jobs]
    assert set(found.columns) == set(schema({"alpha": "float64"}))


def test_results_are_read_once_and_new_ones_are_added(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    save(lease(folder, record.jobs[0].name), record.jobs[0], {"alpha": "float64"}, produced(record.jobs[0]), 0.0)
    first = gathered(folder, record)
    (folder.results / record.jobs[0].name / "results.parquet").write_bytes(b"gone bad since it was read")
    assert gathered(folder, record).columns["got"].tolist() == first.columns["got"].tolist()
    job = record.jobs[1]
    save(lease(folder, job.name), job, {"alpha": "float64"}, produced(job, lambda *_: 1.0), 0.0)
    assert gathered(folder, record).columns["got"].tolist() == [0.5] * 4 + [1.0] * 4
    assert set(json.loads((folder.path / NAMES).read_text())["jobs"]) == {record.jobs[0].name, job.name}


def test_a_job_that_was_done_again_replaces_its_old_rows(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    fill(folder, record)
    assert set(gathered(folder, record).columns["got"].tolist()) == {0.5}
    for path in folder.results.iterdir():
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    assert len(gathered(folder, record).columns["got"]) == 0
    fill(folder, record, lambda *_: 0.75)
    assert set(gathered(folder, record).columns["got"].tolist()) == {0.75}


@pytest.mark.parametrize("what", ["flip", "cut", "record", "swap", "missing"])
def test_damage_is_left_out_and_said_and_stops_nothing(tmp_path: Path, what: str) -> None:
    folder, record = begun(tmp_path)
    fill(folder, record)
    bad, other = (folder.results / job.name for job in record.jobs[:2])
    data = bytearray((bad / "results.parquet").read_bytes())
    if what == "flip":
        data[len(data) // 2] ^= 1
        (bad / "results.parquet").write_bytes(data)
    elif what == "cut":
        (bad / "results.parquet").write_bytes(data[:-7])
    elif what == "record":
        (bad / "record.json").write_text("{")
    elif what == "swap":
        for name in ("record.json", "results.parquet"):
            (bad / name).write_bytes((other / name).read_bytes())
    else:
        (bad / "results.parquet").unlink()
    found = gathered(folder, record)
    assert len(found.damaged) == 1
    assert found.damaged[0].startswith(record.jobs[0].name)
    assert record.jobs[0].name not in found.columns["job"]
    assert len(found.columns["job"]) == 3 * 4


def test_a_damaged_copy_is_made_anew(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    fill(folder, record)
    whole = gathered(folder, record)
    (folder.path / COPY).write_bytes(b"PAR1")
    again = gathered(folder, record)
    assert all((again.columns[name] == whole.columns[name]).all() for name in ("job", "got", "verdict"))
    (folder.path / NAMES).write_text("[]")
    assert gathered(folder, record).columns["got"].tolist() == whole.columns["got"].tolist()


def test_results_of_other_machines_are_counted(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    for job, code in zip(record.jobs, ("one", "two", "two", "one"), strict=True):
        made = produced(job)._replace(machine={**MACHINE, "code": code})
        save(lease(folder, job.name), job, {"alpha": "float64"}, made, 0.0)
    assert gathered(folder, record).machines == 2


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    folder, record = begun(tmp_path)
    fill(folder, record)
    path = folder.results / record.jobs[0].name / "record.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(TrueAimError, match="got schema version 2, needs 1"):
        read_result(folder, record.jobs[0].name)


@pytest.mark.slow
def test_ten_thousand_jobs_are_listed_and_read_quickly(tmp_path: Path) -> None:
    """Processor seconds: other work on the machine does not count."""
    from trueaim.app import study_pages, studying

    asked = study(
        seeds=10,
        vary={"alpha": [n / 100 for n in range(100)], "learner.width": [2**n for n in range(10)]},
        analysis={"numbers": ["anywhere/cheese/got", "train/corner/failure"], "half_effect": ["anywhere/cheese/got"]},
    )
    folder, record = begun(tmp_path, asked)
    fill(folder, record, lambda values, seed, *_: min(1.0, values["alpha"] + seed / 100))
    began = time.process_time()
    assert len(studying.listing(folder, studying.status(folder)[0])) == 10_000
    assert time.process_time() - began < 1.0
    study_pages.gathered(folder, record)
    began = time.process_time()
    path, text = study_pages.report(folder, None, "a.toml")
    assert time.process_time() - began < 5.0
    assert path.read_text() == text
    assert "10,000 of 10,000 jobs done" in text
