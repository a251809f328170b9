"""From a study to its cells, and from cells to jobs, each with a name that says what it is and never changes."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from trueaim.core.errors import TrueAimError
from trueaim.studies.file import TRAIN, Study, Value, section


class Cell(NamedTuple):
    """One combination of values, and all that decides its agents and their numbers.

    Attributes:
        values: by axis.
        asked: sections of the study file with the values put in; equal for equal cells of any study.
        key: a short hash of what in `asked` is not as it is by default.
    """

    values: Mapping[str, Value]
    asked: Mapping[str, Any]
    key: str


class Job(NamedTuple):
    """Some seeds of one cell: what one process does at a time."""

    name: str
    cell: Cell
    seeds: tuple[int, ...]


def cells(study: Study, group: int) -> list[Cell]:
    """Every combination of the axes' values, the last axis changing fastest.

    Args:
        study: the file.
        group: agents in one program, which is part of what decides their numbers.
    """
    axes = list(study.vary)
    return [_cell(study, group, dict(zip(axes, values, strict=True))) for values in product(*study.vary.values())]


def _cell(study: Study, group: int, values: Mapping[str, Value]) -> Cell:
    asked: dict[str, Any] = {
        "scenario": study.scenario.model_dump(),
        "train": study.train.model_dump(exclude={"pack", "group"}) | {"group": group},
        "audit": study.audit.model_dump(),
    }
    for axis, value in values.items():
        _put(asked, axis, value)
    said = {name: section(name, part) for name, part in asked.items()}
    text = json.dumps(_whole(said), sort_keys=True)
    return Cell(values, asked, hashlib.sha256(text.encode()).hexdigest()[:12])


def _whole(value: Any) -> Any:
    """The same with 1.0 as 1, which TOML tells apart and we do not."""
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _put(asked: dict[str, Any], axis: str, value: Value) -> None:
    section, dot, name = axis.partition(".")
    if not dot:
        place = asked["train"] if axis in TRAIN else asked["scenario"]
        place[axis if axis != "scenario" else "name"] = value
    elif section == "scenario":
        asked["scenario"]["options"][name] = value
    elif section in ("learner", "curriculum"):
        asked["train"][section][name] = value
    elif isinstance(value, str | bool):
        raise TrueAimError(f"vary.{axis}: got {value!r}, needs numbers, since it is a knob; change it")
    else:
        asked["scenario"]["knobs"].setdefault(section, {})[name] = float(value)


def packs(stages: Sequence[Sequence[int]], size: int) -> list[tuple[int, ...]]:
    """The seeds in packs of at most `size`, each within a multiple of it, so that seeds added later change no pack.

    Args:
        stages: the seeds that the study asked for, each time it was asked; what was there before stays.
        size: of a pack.
    """
    found: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for stage in stages:
        new: dict[int, list[int]] = {}
        for seed in sorted(set(stage) - seen):
            new.setdefault(seed // size, []).append(seed)
        found += [tuple(seeds) for seeds in new.values()]
        seen |= set(stage)
    return found


def jobs(study: Study, group: int, stages: Sequence[Sequence[int]]) -> list[Job]:
    """All jobs of a study: seed after seed, so that every cell has its first agents early.

    Args:
        study: the file.
        group: agents in one program.
        stages: see `packs`.
    """
    size = study.train.pack or group
    if size % group:
        raise TrueAimError(f"train.pack: got {size}, needs a multiple of the group ({group}); change it")
    found = cells(study, group)
    return [Job(f"{cell.key}-{_span(seeds)}", cell, seeds) for seeds in packs(stages, size) for cell in found]


def _span(seeds: tuple[int, ...]) -> str:
    """`3`, `0-7`, or for seeds with gaps `0-7-` and a hash of them all."""
    if len(seeds) == 1:
        return str(seeds[0])
    span = f"{seeds[0]}-{seeds[-1]}"
    if seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return span
    return f"{span}-{hashlib.sha256(repr(seeds).encode()).hexdigest()[:6]}"


def total_steps(study: Study, of: Sequence[Job]) -> int:
    """Environment steps that these jobs ask for, before chunks are rounded up and groups filled up."""
    return sum(int(job.cell.asked["train"]["steps"]) * len(job.seeds) for job in of)


def by_cell(of: Sequence[Job]) -> Iterator[tuple[Cell, list[Job]]]:
    """The jobs of each cell."""
    found: dict[str, tuple[Cell, list[Job]]] = {}
    for job in of:
        found.setdefault(job.cell.key, (job.cell, []))[1].append(job)
    yield from found.values()
