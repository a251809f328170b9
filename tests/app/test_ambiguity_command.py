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


MODULE = '''
import gymnasium
import numpy as np
import trueaim as ta

class Choice(gymnasium.Env):
    """One step: action 1 gets both goals in training, and coin alone on the shift, where action 2 gets right."""
    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, parts):
        self.parts = parts

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        got = (action > 0, action > 0) if not self.parts else (action == 1, action == 2)
        return np.ones(1, np.float32), float(got[0]), True, False, {"right": float(got[1])}

def made(references):
    goals = [ta.Goal("coin", lambda t: t.reward, role="intended"), ta.Goal("right", lambda t: t.info["right"])]
    return ta.GymScenario(lambda: Choice(False), {"far": lambda: Choice(True)}, goals, "choice", references)

def doing(action):
    return ta.policy(lambda seen: np.full(len(seen), action), name=f"doing {action}", batched=True)

SCENARIO = made({"coin": doing(1), "right": doing(2)})
NOTHING = made(None)

def make_audit():
    return doing(1), NOTHING

def make_ours():
    return ta.scenario("cheese_corner", size=7)

def fails():
    return 1 / 0
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"choice_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return name


def test_an_environment_of_ones_own_with_policies_for_its_goals(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    called(f"{module}:SCENARIO", "--levels", 40, "--json")
    out, _ = capsys.readouterr()
    found = json.loads(out)
    assert found["groups"] == [["coin", "right"]]
    assert [one["least"]["value"] for one in found["pairs"]] == [0, 0]
    (breaking,) = found["breaking"]
    assert (breaking["on_shift"]["value"], breaking["share"]["value"]) == (1, pytest.approx(0.1))
    assert breaking["check"]["value"] == pytest.approx(0.1)
    assert {one["player"] for one in found["agreement"]} == {
        "reference for coin",
        "reference for right",
        "random actions",
    }
    assert [one["share"]["value"] for one in found["luck"]] == [0, 0]
    called(f"{module}:SCENARIO", "--levels", 40)
    _, err = capsys.readouterr()
    for text in ("choice  40 training levels", "no level tells apart coin, right", "by the best and the worst policy"):
        assert text in err
    rows = [line.split()[1] for line in err.splitlines() if line.startswith(("train", "far"))]
    assert rows == ["random", "random"]  # the losses of references say more than how their returns went together
    assert err.endswith("next: train, then trueaim audit my_module:make_audit\n")


def test_an_environment_of_ones_own_without_them(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    called(f"{module}:make_audit", "--levels", 20, "--picture", "together.svg")
    _, err = capsys.readouterr()
    assert "note No policy pursues coin" in err
    rows = [line for line in err.splitlines() if line.startswith(("train", "far"))]
    assert [row.split()[1] for row in rows] == ["doing", "random"] * 2
    assert "100% [84, 100]" in rows[0]
    assert "tell apart" not in err
    assert "the same on all levels" not in err
    drawing = Path("together.svg").read_text(encoding="utf-8")
    assert "choice: 20 training episodes of doing 1" in drawing
    assert "paid in the same episodes" in drawing
    assert "pursued" not in drawing


def test_a_function_may_give_a_scenario_of_trueaim(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    called(f"{module}:make_ours", "--levels", 64, "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["scenario"], found["levels"], found["is_exact"]) == ("cheese_corner", 64, True)
    assert "agreement" not in found


def test_what_cannot_be_audited_is_one_sentence(module: str) -> None:
    for words, text in (
        (
            (f"{module}:SCENARIO", "--set", "knob.x=1"),
            f"{module}:SCENARIO: got --preset or --set, needs a scenario of ",
        ),
        ((f"{module}:fails",), f"{module}:fails: it failed with ZeroDivisionError: division by zero; call it yourself"),
        ((f"{module}:MISSING",), f"scenario: got '{module}:MISSING', which cannot be imported ("),
        ((f"{module}:Choice",), f"{module}:Choice: got type from it, needs a scenario; return one, or"),
        (("no_such_module:X",), "scenario: got 'no_such_module:X', which cannot be imported ("),
    ):
        with pytest.raises(TrueAimError) as caught:
            called(*words)
        assert str(caught.value).startswith(text)


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
