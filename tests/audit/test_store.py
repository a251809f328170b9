import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import scenario_of

from trueaim.agents.planted import pursuing
from trueaim.audit import store
from trueaim.audit.audit import Audit, audit
from trueaim.core.episodes import PER_EPISODE, PER_GOAL
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.run import Place
from trueaim.core.scenario import Setting
from trueaim.core.verdict import SCHEMA_VERSION

NAME, LEVELS, SEED = "cheese_corner", 48, 3


@pytest.fixture(scope="module")
def done() -> Audit:
    scenario = scenario_of(NAME)
    return audit(pursuing(scenario, "corner", agents=2), scenario, levels=LEVELS, seed=SEED)


@pytest.fixture
def place(done: Audit, tmp_path: Path) -> Place:
    place = Place(tmp_path)
    store.save(place, done, LEVELS, SEED)
    return place


def test_an_audit_comes_back(done: Audit, place: Place) -> None:
    back, saved = store.load(place, scenario_of(NAME))
    assert back.verdict == done.verdict == saved.verdict
    assert (saved.levels, saved.seed) == (LEVELS, SEED)
    assert back.episodes.goals == done.episodes.goals
    for name in (*PER_EPISODE, *PER_GOAL):
        mine, other = getattr(done.episodes, name), getattr(back.episodes, name)
        np.testing.assert_array_equal(mine, other)
        assert mine.dtype.kind == other.dtype.kind
    assert {name: levels.whole for name, levels in back.sets.items()} == {
        name: levels.whole for name, levels in done.sets.items()
    }
    for name, places in done.random_places.items():
        np.testing.assert_array_equal(back.random_places[name], np.sort(places))


def test_saving_again_gives_the_same_bytes(done: Audit, place: Place) -> None:
    before = place.verdict.read_bytes(), place.episodes.read_bytes()
    store.save(place, done, LEVELS, SEED)
    assert (place.verdict.read_bytes(), place.episodes.read_bytes()) == before


def test_a_flipped_bit_in_the_episodes_is_noticed(place: Place) -> None:
    whole = place.episodes.read_bytes()
    for position in np.linspace(0, len(whole) - 1, 12).astype(int):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(position) % 8
        place.episodes.write_bytes(damaged)
        with pytest.raises(DamagedError, match=r"episodes\.parquet is damaged: its SHA-256 is not the one in"):
            store.load(place, scenario_of(NAME))
    place.episodes.write_bytes(whole[:-1])
    with pytest.raises(DamagedError, match=r"has \d+ bytes, but .* says \d+"):
        store.load(place, scenario_of(NAME))
    place.episodes.unlink()
    with pytest.raises(TrueAimError, match=r"episodes\.parquet"):
        store.load(place, scenario_of(NAME))


def test_a_flipped_bit_in_the_verdict_is_noticed(place: Place) -> None:
    whole, kept, noticed = place.verdict.read_bytes(), store.read_verdict(place), 0
    positions = np.linspace(0, len(whole) - 2, 150).astype(int)
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(position) % 7
        place.verdict.write_bytes(damaged)
        try:
            found = store.read_verdict(place)
        except DamagedError:
            noticed += 1
        else:
            assert found == kept  # the last of many digits, or another white space
    assert noticed > len(positions) / 2


def test_a_number_that_was_changed_by_hand_is_noticed(place: Place) -> None:
    content = json.loads(place.verdict.read_text())
    content["verdict"]["shifts"][0]["numbers"]["intended"]["value"] = 0.99
    place.verdict.write_text(json.dumps(content))
    with pytest.raises(DamagedError, match=r"verdict\.json is damaged"):
        store.read_verdict(place)


@pytest.mark.parametrize("version", [1, SCHEMA_VERSION + 1, None, str(SCHEMA_VERSION)])
def test_another_version_is_refused(place: Place, version: object) -> None:
    content = json.loads(place.verdict.read_text())
    place.verdict.write_text(json.dumps(content | {"schema_version": version}))
    with pytest.raises(
        DamagedError, match=f"got schema version {version!r}, needs {SCHEMA_VERSION}; run the audit again"
    ):
        store.read_verdict(place)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"schema_version": 1}', '{"schema_version": 1, "x": NaN}'])
def test_what_is_no_verdict_is_refused(place: Place, text: str) -> None:
    place.verdict.write_text(text)
    with pytest.raises(DamagedError) as caught:
        store.read_verdict(place)
    assert "verdict.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_verdict_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(TrueAimError, match="got no verdict there, needs one; run: trueaim audit"):
        store.read_verdict(Place(tmp_path))


def test_levels_that_cannot_be_drawn_again_are_noticed(place: Place) -> None:
    scenario = replace(scenario_of(NAME), shifts={"anywhere": Setting(spread=2)})
    with pytest.raises(DamagedError, match="its levels of 'anywhere' cannot be drawn again; run the audit again"):
        store.load(place, scenario)
