"""A run on disk: what was asked, on which machine, and where each kind of file lies."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.files import sweep, write_toml
from trueaim.core.lock import hold
from trueaim.core.machine import differing, facts
from trueaim.core.reading import check_name, read_toml

SCHEMA_VERSION = 1
RECORD = "run.toml"
Model = TypeVar("Model", bound=BaseModel)


class Asked(BaseModel):
    """What a run was asked to do; the same request in the same folder continues it.

    Attributes:
        scenario: name of the scenario.
        options: how it was built.
        settings: knob values of every setting, by its name.
        steps: environment steps for each agent.
        seeds: one for each agent.
        alpha: share of training levels drawn from the shift setting `toward`.
        toward: name of that setting.
        learner: the hyper-parameters of training.
        exact: one thread, so that results repeat bit for bit.
        group: how many agents are trained in one program.
        num_levels: how many levels each agent is trained on; 0: new ones without end.
        curriculum: settings of what picks the levels; empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    scenario: str
    options: dict[str, str | bool | int | float]
    settings: dict[str, dict[str, float]]
    steps: int
    seeds: list[int]
    alpha: float
    toward: str
    learner: dict[str, str | bool | int | float]
    exact: bool
    group: int
    num_levels: int = 0
    curriculum: dict[str, str | bool | int | float] = {}


class Record(BaseModel):
    """The content of `run.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    asked: Asked
    machine: dict[str, str]


class Place:
    """The folder of one run."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.record = self.folder / RECORD
        self.checkpoints = self.folder / "checkpoints"
        self.metrics = self.folder / "metrics"
        self.episodes = self.folder / "episodes.parquet"
        self.verdict = self.folder / "verdict.json"
        self.report = self.folder / "report.html"


def read_record(place: Place) -> Record:
    """What was asked of a run.

    Raises:
        TrueAimError: where there is no run; DamagedError: where its record is not one of ours, or of another version.
    """
    if not place.record.exists():
        raise TrueAimError(f"{place.folder}: got no run there (no {RECORD}), needs one; run: trueaim train")
    content = read_toml(place.record)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise DamagedError(
            f"{place.record}: got schema version {content.get('schema_version')!r}, needs {SCHEMA_VERSION}; "
            "use the version of TrueAim that made it, or train again"
        )
    return parsed(Record, content, place.record)


def parsed(model: type[Model], content: Any, path: Path) -> Model:
    """The content of a file as a checked record; raises with the first thing that is wrong in it."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise DamagedError(
            f"{path}: {where} is wrong ({first['msg'].lower()}); restore the file or make it again"
        ) from None


@contextmanager
def opened(place: Place, asked: Asked, fresh: bool = False, allow_drift: bool = False) -> Iterator[bool]:
    """Holds the run's folder while the block runs; gives whether results may no longer repeat bit for bit.

    A new folder gets its record; one that asks the same is continued.

    Args:
        place: where the run is or will be.
        asked: what is wanted now.
        fresh: put an earlier run in this folder aside and begin anew.
        allow_drift: continue although versions or the machine changed.

    Raises:
        TrueAimError: another process holds the folder, the folder holds a run that was asked something else, or the
            machine or versions differ and drift was not allowed.
    """
    check_name("run", place.folder.name)
    if fresh and place.record.exists():
        _put_aside(place)
    _make_folder(place.folder)
    with hold(place.folder):
        sweep(place.folder)
        here = facts()
        if not place.record.exists():
            record = Record(schema_version=SCHEMA_VERSION, asked=asked, machine=here)
            write_toml(place.record, record.model_dump())
            yield False
            return
        earlier = read_record(place)
        _same_request(place, earlier.asked, asked)
        changes = differing(earlier.machine, here)
        if changes and not allow_drift:
            raise TrueAimError(
                f"{place.folder}: was made under other conditions ({changes[0]}), needs the same to continue exactly; "
                "repeat with --allow-drift, or begin anew with --fresh"
            )
        yield bool(changes)


def _same_request(place: Place, earlier: Asked, asked: Asked) -> None:
    before, now = _flat(earlier.model_dump()), _flat(asked.model_dump())
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise TrueAimError(
                f"{place.folder}: holds a run with {name} = {before.get(name)}, got {now.get(name)}; "
                "choose another --name, or begin anew with --fresh"
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value})
    return flat


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrueAimError(
            f"{folder}: cannot be made ({error.strerror}); choose a folder that can be written"
        ) from None
    if not os.access(folder, os.W_OK):
        raise TrueAimError(f"{folder}: cannot be written to; choose another folder or change its permissions")


def _put_aside(place: Place) -> None:
    with hold(place.folder):
        for number in range(1, 1000):
            aside = place.folder.with_name(f"{place.folder.name}.old-{number}")
            if not aside.exists():
                place.folder.rename(aside)
                return
