"""Studies for tests: small files, made-up results that are quick to make, and workers that train nothing."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trueaim.core.files import stamp
from trueaim.studies import claims
from trueaim.studies.file import Study, checked
from trueaim.studies.folder import Record, StudyFolder, enter
from trueaim.studies.jobs import Job
from trueaim.studies.results import SCHEMA_VERSION, TABLE, Produced, kinds, schema

MACHINE = {"python": "3", "code": "one"}
GOALS = (("cheese", "intended"), ("corner", "proxy"))
SETTINGS = ("train", "anywhere")


def content(**changes: Any) -> dict[str, Any]:
    """A small study file, with some sections changed."""
    return {
        "name": "small",
        "question": "Does it work?",
        "seeds": 2,
        "scenario": {"name": "cheese_corner", "options": {"size": 7}},
        "train": {"steps": 1000},
        "vary": {"alpha": [0, 0.1]},
        "audit": {"levels": 64},
        "analysis": {"numbers": ["anywhere/cheese/got"], "half_effect": ["anywhere/cheese/got"]},
        **changes,
    }


def study(**changes: Any) -> Study:
    return checked(content(**changes))


def begun(path: Path, asked: Study | None = None, group: int = 1) -> tuple[StudyFolder, Record]:
    """The folder of a study that was begun."""
    folder, file = StudyFolder(path / "study"), path / "small.toml"
    file.write_text("# stands for the file\n")
    folder.make()
    return folder, enter(folder, file, asked or study(), group, MACHINE, [])


def produced(job: Job, got: Callable[[Mapping[str, Any], int, str, str], float] = lambda *_: 0.5) -> Produced:
    """What a job might bring: a row for each seed, setting and goal, `got` of them decided by a function."""
    return Produced(table(job, got), {"steps": 1000}, MACHINE)


def table(job: Job, got: Callable[[Mapping[str, Any], int, str, str], float]) -> dict[str, np.ndarray]:
    """The columns of a made-up result, without `job` and `cell`."""
    rows = [
        {
            "seed": seed,
            "steps": 1000,
            "setting": setting,
            "goal": goal,
            "role": role,
            "episodes": 64,
            "share": 0.5,
            "return": 0.5,
            "got": got(job.cell.values, seed, setting, goal),
            "first": 0.5,
            "in_time": 0.25,
            "failure": 0.125,
            "optimal": np.nan,
            "random": 0.1,
            "verdict": "misgeneralized" if setting == "anywhere" else "",
            "pursued": "corner" if setting == "anywhere" else "",
        }
        for seed in job.seeds
        for setting in SETTINGS
        for goal, role in GOALS
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def fill(folder: StudyFolder, record: Record, got: Callable[..., float] = lambda *_: 0.5) -> None:
    """Give every job a made-up result, faster than the real way: no file is flushed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    axes = kinds(record.study.vary)
    for job in record.jobs:
        path = folder.results / job.name
        path.mkdir()
        columns = table(job, got)
        rows = len(columns["seed"])
        fixed = {"job": [job.name] * rows, "cell": [job.cell.key] * rows}
        values = {axis: [float(job.cell.values[axis])] * rows for axis in axes}
        whole = {**fixed, **values, **columns}
        ready = {name: pa.array(np.asarray(whole[name])) for name in schema(axes)}
        pq.write_table(pa.table(ready), path / TABLE)
        made = stamp(path / TABLE)
        said = {
            "schema_version": SCHEMA_VERSION,
            "job": job.name,
            "attempt": 1,
            "rows": rows,
            "seconds": 60.0,
            "machine": MACHINE,
            "files": {TABLE: {"size": made.size, "sha256": made.sha256}},
        }
        (path / "record.json").write_text(json.dumps(said))


def lease(folder: StudyFolder, job: str, worker: str = "test") -> claims.Lease:
    """The next attempt at a job, which must be free."""
    made = claims.claim(folder, job, worker)
    assert made is not None
    return made
