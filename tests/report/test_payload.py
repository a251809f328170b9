"""What the page may be told, and how pictures read as words."""

import math

import pytest
from pydantic import ValidationError
from sample import sample

from trueaim.report import payload as p
from trueaim.report import words


def changed(**fields):
    return p.Payload.model_validate(sample().model_dump() | fields)


# The contract


def test_the_payload_survives_json():
    whole = sample()
    assert p.Payload.model_validate_json(whole.model_dump_json()) == whole


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="extra"):
        changed(surprise=1)


def test_nan_is_no_data_and_infinity_is_refused():
    assert p.Number(value=math.nan, low=math.nan, high=math.nan).value is None
    assert '"value":null' in p.Number(value=math.nan).model_dump_json()
    with pytest.raises(ValidationError, match="finite"):
        p.Number(value=math.inf, count=1)


def test_an_interval_needs_a_value_and_an_order():
    with pytest.raises(ValidationError, match="no interval"):
        p.Number(low=0.1, high=0.2)
    with pytest.raises(ValidationError, match="above high"):
        p.Number(value=0.5, low=0.6, high=0.4)


def test_unknown_goals_and_settings_are_refused():
    row = sample().table[0].model_dump()
    with pytest.raises(ValidationError, match="goal: got 'gold'"):
        changed(table=[row | {"goal": "gold"}])
    with pytest.raises(ValidationError, match="setting: got 'moon'"):
        changed(table=[row | {"setting": "moon"}])


def test_replays_must_fit_their_grid():
    replay = sample().replays[0].model_dump()
    for fields, message in (
        ({"path": [(0, 99)]}, "start"),
        ({"walls": replay["walls"][:-1]}, "walls"),
        ({"things": [{"name": "cheese", "row": 99, "col": 0}]}, "row 99"),
        ({"goals": [replay["goals"][0] | {"scores": [0.0]}]}, "scores"),
        ({"held": [{"name": "key", "counts": [0, 1]}]}, "counts of 'key': got 2"),
        ({"things": [thing([{"time": 1, "cell": (0, 99)}])]}, "column 99"),
        ({"things": [thing([{"time": 2, "cell": None}, {"time": 2, "cell": (0, 0)}])]}, "changes of 'key'"),
        ({"things": [thing([{"time": 9999, "cell": None}])]}, "changes of 'key'"),
    ):
        with pytest.raises(ValidationError, match=message):
            p.Replay.model_validate(replay | fields)


def thing(changes):
    return {"name": "key", "row": 0, "col": 0, "changes": changes}


def test_links_are_web_addresses():
    scenario = sample().scenario.model_dump()
    with pytest.raises(ValidationError, match="source_url"):
        changed(scenario=scenario | {"source_url": "javascript:alert(1)"})


def test_broken_unicode_is_refused():
    with pytest.raises(ValidationError, match="surrogates"):
        changed(title="\ud800")


# Words


def test_numbers_read_like_the_page():
    assert [words.decimal(v) for v in (None, 0.0, -0.001, -0.5, 123.456, 12345.6)] == [
        "no data", "0.00", "0.00", "−0.50", "123.5", "12346",
    ]  # fmt: skip
    assert [words.short(v) for v in (0, 999, 1000, 240_000, 1_500_000, 2e9)] == [
        "0", "999", "1k", "240k", "1.5M", "2B",
    ]  # fmt: skip
    assert [words.percent(v) for v in (0, 0.0004, 0.05, 0.5)] == ["0.0%", "under 0.1%", "5.0%", "50%"]


def test_a_crossing_counts_only_if_it_lasts():
    curves = p.Curves(
        x=(0, 10, 20, 30),
        series=(
            p.Series(setting="anywhere", goal="cheese", seed=0, values=(0, 0.5, 0.3, 0.2)),
            p.Series(setting="anywhere", goal="corner", seed=0, values=(0.1, 0.4, None, 0.9)),
        ),
    )
    assert words.crossings(changed(curves=curves.model_dump())) == [
        "On anywhere, corner stands above cheese for good from 30 environment steps on; "
        "at the end it is 0.90 against 0.20."
    ]


def test_a_replay_in_letters():
    replay = p.Replay(
        setting="s", agent_seed=0, level_hash="h", why="w", level_class="c", height=2, width=3, walls=("...", "#.."),
        things=(p.Thing(name="seed", row=1, col=2),), start=(0, 0), path=((0, 0), (0, 1), (0, 2)), ending="truncated",
        goals=(),
    )  # fmt: skip
    board = words.board(replay)
    assert board.rows == "S*E\n#.D"
    assert ("D", "seed") in board.key


def test_what_changes_is_told_in_words():
    key = p.Thing(name="key", row=0, col=1, changes=(p.Change(time=1, cell=None),))
    later = p.Thing(name="key", row=0, col=2, changes=(p.Change(time=0, cell=None), p.Change(time=2, cell=(0, 2))))
    monster = p.Thing(name="monster", row=1, col=1, changes=(p.Change(time=1, cell=(1, 2)),))
    replay = p.Replay(
        setting="s", agent_seed=0, level_hash="h", why="w", level_class="c", height=2, width=3, walls=("...", "#.."),
        things=(key, later, monster), told=("red",), held=(p.Held(name="key", counts=(0, 1, 1)),),
        start=(0, 0), path=((0, 0), (0, 1), (0, 1)), ending="truncated", goals=(),
    )  # fmt: skip
    assert words.course(replay) == (
        "The agent is told: red. Gone: key at step 1. Moving: key, monster. At the end: key 1."
    )
    board = words.board(replay)
    assert board.rows == "SK.\n#M."
    assert board.key[-2:] == [("K", "key"), ("M", "monster")]
    assert words.course(sample().replays[0]) == ""
