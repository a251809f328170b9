"""`trueaim ambiguity`: the audit's numbers as JSON, as tables and as a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from trueaim import scenarios
from trueaim.app.ambiguity_command import EPILOG, ambiguity, show
from trueaim.app.console import console
from trueaim.audit.ambiguity import Ambiguity, Breaking, Pair
from trueaim.audit.ambiguity import ambiguity as audit
from trueaim.audit.intervals import NOTHING, Interval
from trueaim.core.documents import plain
from trueaim.core.errors import TrueAimError

SMALL = ("cheese_corner", "--set", "scenario.size=7", "--levels", 64)


def called(*words: object) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(epilog=EPILOG)(ambiguity)
    app([str(word) for word in words], standalone_mode=False)


def test_json_is_the_audit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "both.svg"
    called(*SMALL, "--json", "--picture", picture)
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert found.pop("picture") == str(picture)
    assert found == plain(audit(scenarios.scenario("cheese_corner", size=7), levels=64))
    assert found["groups"] == [["cheese", "corner"]]
    assert picture.read_bytes().startswith(b"<?xml")


def test_people_read_tables(capsys: pytest.CaptureFixture[str]) -> None:
    called(*SMALL, "--alpha", 0.5, "--matters", 0.2)
    out, err = capsys.readouterr()
    assert out == ""
    for text in ("64 training levels, 50% of them anywhere", "tell apart", "no two goals are the same", "loses 20%"):
        assert text in err
    assert err.endswith("next: trueaim train cheese_corner\n")


def shown(capsys: pytest.CaptureFixture[str], **changes: object) -> str:
    share = Interval(0.026, 0.018, 0.0344, 10, 10)
    half = Interval(0.5, 0.4, 0.6, 10, 10)
    pair = Pair("left", "right", half, half, share, 3, half, NOTHING)
    breaking = Breaking("right", "far", share, half, share, half)
    plain = Ambiguity("s", ("left", "right"), 10, 0.0, "far", 7, 0.1, True, (pair,), (), (breaking,), ())
    show(console(), plain._replace(**changes))
    return capsys.readouterr().err


def test_shares_are_shown_as_percent(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    row = next(line for line in text.splitlines() if line.startswith("left"))
    assert row.split("  ")[-1].strip() == "3"
    assert "3% [2, 3]" in row
    assert "50% [40, 60]" in row
    assert "no data" in row
    assert "2.6% [1.8, 3.4]" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_what_no_share_does_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Breaking("right", "far", NOTHING, NOTHING, Interval(np.nan, np.nan, np.nan, 9, 9), NOTHING)
    assert "no share does" in shown(capsys, breaking=(nothing,))
    already = nothing._replace(share=Interval(0.0, 0.0, 0.0, 9, 9))
    assert "none" in shown(capsys, breaking=(already,))


def test_groups_and_gaps_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, groups=(("left", "right"),), missing=("Nobody is known who pursues [left].",))
    assert "no level tells apart left, right" in text
    assert "note Nobody is known who pursues [left]." in text


def test_what_is_not_there_is_null() -> None:
    assert plain(NOTHING) == {"value": None, "low": None, "high": None, "entries": 0, "units": 0}
    assert plain(((1.5, float("inf")), "x")) == [[1.5, None], "x"]


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    called("--help")
    assert "Example: trueaim ambiguity three_goals" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((*SMALL, "--picture", "a.gif"), "--picture: got 'a.gif', needs a name that ends in .svg or .png; change it"),
        (("cheese_corne",), "scenario: got 'cheese_corne', needs one of:"),
        ((*SMALL, "--alpha", 2), "alpha: got 2, needs a share from 0 to 1; change it"),
        ((*SMALL, "--toward", "away"), "setting: got 'away', needs one of: anywhere, train"),
    ],
)
def test_bad_input(words: tuple[object, ...], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        called(*words)
    assert str(caught.value).startswith(text)
