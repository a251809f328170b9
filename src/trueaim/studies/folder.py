"""The folder of a study: what was asked of it, and where claims, work under way and results lie."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.files import replace, write_json
from trueaim.core.machine import differing
from trueaim.core.reading import read_bytes, read_json
from trueaim.core.run import parsed
from trueaim.studies.file import Study, checked
from trueaim.studies.jobs import Job, jobs

SCHEMA_VERSION = 1


class Stage(BaseModel):
    """One state of the study file: its SHA-256 and the seeds it asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: str
    seeds: list[int]


class Record(BaseModel):
    """The content of `study.json`.

    Attributes:
        asked: the study file, complete.
        group: agents in one program, settled when the study began.
        stages: every state that the file has had.
        machine: the facts under which the study began.
        trusted: scenarios from outside this package that the person who began the study named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    asked: dict[str, Any]
    group: int
    stages: list[Stage]
    machine: dict[str, str]
    trusted: list[str]

    @property
    def study(self) -> Study:
        """The study as it was asked last."""
        return checked(self.asked)

    @property
    def jobs(self) -> list[Job]:
        """All of its jobs."""
        return jobs(self.study, self.group, [stage.seeds for stage in self.stages])


class StudyFolder:
    """Where everything of one study lies."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.file = self.path / "study.toml"
        self.record = self.path / "study.json"
        self.claims = self.path / "claims"
        self.work = self.path / "work"
        self.results = self.path / "results"

    def make(self) -> None:
        """Make the folders that are not there yet."""
        for folder in (self.path, self.claims, self.work, self.results):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise TrueAimError(f"{folder}: cannot be made ({error.strerror}); choose another --runs") from None


def read_record(folder: StudyFolder) -> Record:
    """What was asked of the study in this folder.

    Raises:
        TrueAimError: there is none; DamagedError: its record is not one of ours, or of another version.
    """
    if not folder.record.exists():
        raise TrueAimError(f"{folder.path}: got no study there (no study.json), needs one; run: trueaim study run FILE")
    content = read_json(folder.record)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise DamagedError(
            f"{folder.record}: got schema version {version!r}, needs {SCHEMA_VERSION}; "
            "use the version of TrueAim that made it, or begin another study"
        )
    return parsed(Record, content, folder.record)


def enter(
    folder: StudyFolder,
    file: Path,
    study: Study,
    group: int,
    machine: Mapping[str, str],
    trusted: list[str],
    allow_drift: bool = False,
) -> Record:
    """The record of a new study, or of an earlier one that asks the same or less; call it while holding the folder.

    Args:
        folder: where.
        file: from which `study` was read.
        study: what is asked now.
        group: agents in one program, for a new study.
        machine: facts here.
        trusted: scenarios from outside that may be loaded.
        allow_drift: go on although versions or the machine changed.

    Raises:
        TrueAimError: the folder holds a study that asked something else, or the machine or versions changed.
    """
    data = read_bytes(file, 64 * 1024)
    stage = Stage(sha256=hashlib.sha256(data).hexdigest(), seeds=study.seed_list)
    stages = [stage]
    if folder.record.exists():
        earlier = read_record(folder)
        _only_more(folder, earlier.study, study)
        changes = differing(earlier.machine, machine)
        if changes and not allow_drift:
            raise TrueAimError(
                f"{folder.path}: was begun under other conditions ({changes[0]}), needs the same for all of its jobs; "
                "repeat with --allow-drift, or give the study another name"
            )
        group, machine = earlier.group, earlier.machine
        trusted = sorted({*earlier.trusted, *trusted})
        stages = [*earlier.stages, *([stage] if stage != earlier.stages[-1] else [])]
    record = Record(
        schema_version=SCHEMA_VERSION,
        asked=study.model_dump(),
        group=group,
        stages=stages,
        machine=dict(machine),
        trusted=trusted,
    )
    replace(folder.file, data)
    write_json(folder.record, record.model_dump())
    return record


def _only_more(folder: StudyFolder, earlier: Study, now: Study) -> None:
    """Raise unless nothing but seeds and values of axes was added."""
    before, after = _rest(earlier), _rest(now)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            raise _changed(folder, name, before.get(name), after.get(name))
    if list(earlier.vary) != list(now.vary):
        raise _changed(folder, "vary", list(earlier.vary), list(now.vary))
    lists = {f"vary.{axis}": (values, now.vary[axis]) for axis, values in earlier.vary.items()}
    lists["seeds"] = (list(earlier.seed_list), list(now.seed_list))
    for name, (old, new) in lists.items():
        gone = [value for value in old if value not in new]
        if gone:
            raise _changed(folder, name, old, new)


def _rest(study: Study) -> dict[str, Any]:
    """Everything but seeds and axes, by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in study.model_dump(exclude={"seeds", "vary"}).items():
        flat |= {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _changed(folder: StudyFolder, name: str, before: Any, after: Any) -> TrueAimError:
    return TrueAimError(
        f"{folder.path}: holds a study with {name} = {before}, got {after}; only seeds and values may be added: "
        "change it back, or give the study another name"
    )
