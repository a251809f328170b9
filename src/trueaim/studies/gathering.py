"""The results of all jobs as one table, each checked once and then kept together, so that reading them again is quick.

`gathered.parquet` is a copy that can be thrown away: it is made anew where a job's result is not the one it holds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trueaim.core.disk import shown
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.files import Stamp, write_json, write_table
from trueaim.core.names import refuse_globs
from trueaim.core.reading import read_json, read_table, verify
from trueaim.studies.claims import finished
from trueaim.studies.folder import StudyFolder
from trueaim.studies.jobs import Job
from trueaim.studies.results import RECORD, TABLE, ResultRecord, read_result, schema

COPY, NAMES = "gathered.parquet", "gathered.json"
Table = Mapping[str, np.ndarray]


class Gathered(NamedTuple):
    """The results of all finished jobs of a study.

    Attributes:
        columns: of `trueaim.studies.results.schema`, with the rows of every job, in the order of the jobs.
        seconds: that each job took, by its name.
        machines: how many different machines, versions or states of the code they were made under.
        damaged: a sentence for each result that is not what was written; it is left out.
        missing: names of jobs without a result.
    """

    columns: Table
    seconds: Mapping[str, float]
    machines: int
    damaged: list[str]
    missing: list[str]


def gather(folder: StudyFolder, jobs: Sequence[Job], axes: Mapping[str, str]) -> Gathered:
    """The results of these jobs; what was not read before is checked against its record.

    Args:
        folder: of the study.
        jobs: all of its jobs.
        axes: type of each axis's column, see `trueaim.studies.results.kinds`.
    """
    there, needed = finished(folder), schema(axes)
    records, damaged = _records(folder, [job.name for job in jobs if job.name in there])
    copy, known = _copy(folder, needed)
    new = []
    for name, record in list(records.items()):
        if known.get(name) != record.files[TABLE].sha256:
            try:
                _check(folder, record)
                new.append(name)
            except TrueAimError as error:
                damaged.append(f"{name}: {error}")
                del records[name]
    table = _joined(copy, _read([folder.results / name / TABLE for name in new], needed), {*records} - {*new})
    if odd := set(table["job"].tolist()) - records.keys():
        raise DamagedError(
            f"{shown(min(odd), 40)}: is in a table of another job; remove {shown(folder.results)}/{COPY}"
        )
    places = {job.name: number for number, job in enumerate(jobs)}
    order = np.argsort([places[name] for name in table["job"].tolist()], kind="stable")
    columns = {name: values[order] for name, values in table.items()}
    if new or known.keys() - records.keys():
        _keep(folder, columns, records)
    return Gathered(
        columns,
        {name: record.seconds for name, record in records.items()},
        len({tuple(sorted(record.machine.items())) for record in records.values()}),
        damaged,
        [job.name for job in jobs if job.name not in there],
    )


def _records(folder: StudyFolder, names: Sequence[str]) -> tuple[dict[str, ResultRecord], list[str]]:
    """The records of finished jobs, and a sentence for each that cannot be read."""
    records, damaged = {}, []
    for name in names:
        try:
            record = read_result(folder, name)
            if record.job != name or TABLE not in record.files:
                raise DamagedError("its record is of another job; remove the folder, and the job is done again")
            records[name] = record
        except TrueAimError as error:
            damaged.append(f"{name}: {error}")
    return records, damaged


def _check(folder: StudyFolder, record: ResultRecord) -> None:
    """Return only if the table of a job is what its record says."""
    path, stamp = folder.results / record.job, record.files[TABLE]
    verify(path / TABLE, Stamp(stamp.size, stamp.sha256), path / RECORD)


def _copy(folder: StudyFolder, needed: Mapping[str, str]) -> tuple[Table, dict[str, str]]:
    """The rows that were read before, and the SHA-256 of the table of each job that they are of; nothing if odd."""
    try:
        said: Any = read_json(folder.path / NAMES)
        stamp = Stamp(int(said["size"]), str(said["sha256"]))
        return read_table(folder.path / COPY, stamp, needed), {str(name): str(of) for name, of in said["jobs"].items()}
    except (TrueAimError, KeyError, TypeError, ValueError, AttributeError):
        return _nothing(needed), {}


def _nothing(needed: Mapping[str, str]) -> Table:
    return {name: np.array([], np.str_ if kind == "str" else kind) for name, kind in needed.items()}


def _joined(copy: Table, new: Table, kept: set[str]) -> Table:
    """The rows of the copy that are still those of their job, and the new ones."""
    rows = np.isin(copy["job"], sorted(kept)) if kept else np.zeros(len(copy["job"]), bool)
    return {name: np.concatenate([values[rows], new[name]]) for name, values in copy.items()}


def _keep(folder: StudyFolder, columns: Table, records: Mapping[str, ResultRecord]) -> None:
    """Write the copy, where one may write there."""
    try:
        made = write_table(folder.path / COPY, columns)
        jobs = {name: record.files[TABLE].sha256 for name, record in records.items()}
        write_json(folder.path / NAMES, {"size": made.size, "sha256": made.sha256, "jobs": jobs})
    except TrueAimError:
        return  # whoever may only read a study can still report it


def _read(paths: Sequence[Path], needed: Mapping[str, str]) -> Table:
    """The rows of many small tables that were checked."""
    import duckdb

    if not paths:
        return _nothing(needed)
    refuse_globs(paths[0].parent.parent)
    chosen = ", ".join(f'"{name}"' for name in needed)
    try:
        with duckdb.connect() as database:
            for setting in ("threads=2", "temp_directory=''", "python_enable_replacements=false"):
                database.execute(f"SET {setting}")
            source = "read_parquet(?, hive_partitioning=false)"
            found = database.execute(f"SELECT {chosen} FROM {source}", [list(map(str, paths))]).fetchnumpy()
    except duckdb.Error as error:
        raise DamagedError(
            f"{shown(paths[0])} and others cannot be read together ({shown(str(error).splitlines()[0], 120)}), needs "
            "tables as written here; remove the folder of the odd one, and its job is done again"
        ) from error
    return {name: _column(found[name], kind) for name, kind in needed.items()}


def _column(found: np.ndarray, kind: str) -> np.ndarray:
    if kind.startswith("float"):
        return np.asarray(np.ma.filled(found.astype(kind), np.nan))
    return np.asarray(found).astype(np.str_ if kind == "str" else kind)
