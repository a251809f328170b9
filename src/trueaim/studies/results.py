"""What came of a job, on disk: one table of numbers and a record that vouches for it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from trueaim.core.disk import shown
from trueaim.core.errors import DamagedError
from trueaim.core.files import write_json, write_table
from trueaim.core.reading import read_json
from trueaim.core.run import parsed
from trueaim.studies.claims import Lease, publish
from trueaim.studies.file import NUMBERS, Value
from trueaim.studies.folder import StudyFolder
from trueaim.studies.jobs import Job

SCHEMA_VERSION = 1
TABLE, EPISODES, ASKED, RECORD = "results.parquet", "episodes.parquet", "asked.json", "record.json"
FIXED = {
    "job": "str",
    "cell": "str",
    "seed": "int64",
    "steps": "int64",
    "setting": "str",
    "goal": "str",
    "role": "str",
    "episodes": "int64",
    **dict.fromkeys(NUMBERS, "float64"),
    "optimal": "float64",
    "random": "float64",
    "verdict": "str",
    "pursued": "str",
}
"""The columns beside the axes: a row for each seed, setting and goal. `verdict` and `pursued` are those of the seed
alone on the shift, and "" on the training setting; `optimal` and `random` are mean returns of the yardsticks."""


class Stamped(BaseModel):
    """A file that a record names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    size: int
    sha256: str


class ResultRecord(BaseModel):
    """The content of a job's `record.json`.

    Attributes:
        job, attempt: whose result.
        rows: of the table.
        seconds: that the attempt took; work of earlier attempts that it went on from is not in it.
        machine: facts under which it was made.
        files: name and stamp of every other file: the table, the training run as it was asked (`asked.json`), and the
            episodes where they are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    job: str
    attempt: int
    rows: int
    seconds: float
    machine: dict[str, str]
    files: dict[str, Stamped]


class Produced(NamedTuple):
    """What doing a job gives.

    Attributes:
        columns: those of `FIXED` without `job` and `cell`, equally long.
        asked: the training run, complete.
        machine: facts under which it was made.
        episodes: columns of the audited episodes, where they are kept.
    """

    columns: Mapping[str, Any]
    asked: Mapping[str, Any]
    machine: Mapping[str, str]
    episodes: Mapping[str, Any] | None = None


def kinds(vary: Mapping[str, Sequence[Value]]) -> dict[str, str]:
    """The type of each axis's column: numbers as fractions, all else as text."""
    return {axis: "str" if isinstance(values[0], str | bool) else "float64" for axis, values in vary.items()}


def axis_value(value: Value, kind: str) -> Value:
    """A value as its column holds it."""
    return float(value) if kind == "float64" else str(value)


def save(lease: Lease, job: Job, axes: Mapping[str, str], produced: Produced, started: float) -> None:
    """Publish what came of a job.

    Args:
        lease: the right to.
        job: which.
        axes: type of each axis's column, see `kinds`.
        produced: what came of it.
        started: the monotonic time at which the attempt began.

    Raises:
        StaleError: another attempt has taken over.
    """
    rows = len(produced.columns["seed"])
    columns = {
        "job": np.full(rows, job.name),
        "cell": np.full(rows, job.cell.key),
        **{axis: np.full(rows, axis_value(job.cell.values[axis], kind)) for axis, kind in axes.items()},
        **produced.columns,
    }
    ready = {name: np.asarray(columns[name], None if kind == "str" else kind) for name, kind in schema(axes).items()}

    def write(folder: Path) -> None:
        stamps = {TABLE: write_table(folder / TABLE, ready), ASKED: write_json(folder / ASKED, dict(produced.asked))}
        if produced.episodes is not None:
            stamps[EPISODES] = write_table(folder / EPISODES, produced.episodes)
        record = ResultRecord(
            schema_version=SCHEMA_VERSION,
            job=job.name,
            attempt=lease.attempt,
            rows=rows,
            seconds=time.monotonic() - started,
            machine=dict(produced.machine),
            files={name: Stamped(size=made.size, sha256=made.sha256) for name, made in stamps.items()},
        )
        write_json(folder / RECORD, record.model_dump())

    publish(lease, write)


def schema(axes: Mapping[str, str]) -> dict[str, str]:
    """All columns of a table with their types: the axes stand behind `job` and `cell`."""
    fixed = dict(FIXED)
    return {name: fixed.pop(name) for name in ("job", "cell")} | dict(axes) | fixed


def read_result(folder: StudyFolder, name: str) -> ResultRecord:
    """The record of a finished job."""
    path = folder.results / name / RECORD
    content = read_json(path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise DamagedError(f"{shown(path)}: got schema version {version!r}, needs {SCHEMA_VERSION}; do the job again")
    return parsed(ResultRecord, content, path)
