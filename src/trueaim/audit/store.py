"""An audit on disk: the episodes as Parquet, then the verdict, which names them with their hash."""

import hashlib
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from trueaim.audit.audit import Audit
from trueaim.audit.collect import level_sets
from trueaim.core.documents import encode_json
from trueaim.core.episodes import from_columns, schema
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.files import Stamp, write_json, write_table
from trueaim.core.reading import read_json, read_table
from trueaim.core.run import Place, parsed
from trueaim.core.scenario import Scenario
from trueaim.core.verdict import SCHEMA_VERSION, Verdict

HASH = "content_sha256"
"""Where `verdict.json`, which no other file names, keeps the SHA-256 of its other entries."""


class Saved(BaseModel):
    """The content of `verdict.json`, but for the hash of all this that stands beside it.

    Attributes:
        levels, seed: what the audit was asked for.
        episodes_size, episodes_sha256: of `episodes.parquet`.
        random_places: how many uniformly random episodes ended in each place, by setting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int
    levels: int
    seed: int
    episodes_size: int
    episodes_sha256: str
    random_places: dict[str, list[int]]
    verdict: Verdict


def save(place: Place, audit: Audit, levels: int, seed: int) -> None:
    """Write the episodes, then the verdict that vouches for them."""
    stamp = write_table(place.episodes, audit.episodes.columns())
    found = {name: places[places >= 0] for name, places in audit.random_places.items()}
    saved = Saved(
        schema_version=SCHEMA_VERSION,
        levels=levels,
        seed=seed,
        episodes_size=stamp.size,
        episodes_sha256=stamp.sha256,
        random_places={name: np.bincount(places).tolist() for name, places in found.items()},
        verdict=audit.verdict,
    )
    content = saved.model_dump(mode="json")
    write_json(place.verdict, content | {HASH: _hash(content)})


def _hash(content: Any) -> str:
    return hashlib.sha256(encode_json(content, "verdict.json")).hexdigest()


def read_verdict(place: Place) -> Saved:
    """The saved verdict of a run.

    Raises:
        TrueAimError: there is none; DamagedError: it is not one of ours, or of another version.
    """
    if not place.verdict.exists():
        raise TrueAimError(f"{place.folder}: got no verdict there, needs one; run: trueaim audit {place.folder}")
    content: Any = read_json(place.verdict)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise DamagedError(
            f"{place.verdict}: got schema version {version!r}, needs {SCHEMA_VERSION}; run the audit again"
        )
    if content.pop(HASH, None) != _hash(content):
        raise DamagedError(f"{place.verdict} is damaged: its content is not what its hash says; run the audit again")
    return parsed(Saved, content, place.verdict)


def load(place: Place, scenario: Scenario) -> tuple[Audit, Saved]:
    """The audit of a run, its levels drawn again and held against their hashes.

    Raises:
        DamagedError: the episodes or the levels are not those of the verdict.
    """
    saved = read_verdict(place)
    goals = scenario.goal_names
    stamp = Stamp(saved.episodes_size, saved.episodes_sha256)
    episodes = from_columns(read_table(place.episodes, stamp, schema(goals)), goals)
    sets = level_sets(scenario, saved.levels, saved.seed)
    for name, levels in sets.items():
        if saved.verdict.level_hashes.get(name) != levels.whole:
            raise DamagedError(f"{place.verdict}: its levels of {name!r} cannot be drawn again; run the audit again")
    places = {name: np.repeat(np.arange(len(found)), found) for name, found in saved.random_places.items()}
    return Audit(saved.verdict, episodes, sets, places), saved
