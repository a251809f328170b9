"""A run's critic as a person and as a program see it, and what stays in the run's folder."""

import io
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from trueaim import scenarios
from trueaim.app import critic_command
from trueaim.app.critic import HASH, Request, ask, critic, file_of, kept, read, show
from trueaim.audit.critic import Critic, Point, Stage, Tie
from trueaim.audit.intervals import NOTHING, Interval
from trueaim.core.documents import plain
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import train
from trueaim.training.plan import Plan

CONFIG = PPO(network="flat", width=16, envs=16, rollout=8, minibatches=2, chunk=2)
NUM = 16


@cache
def planned() -> Plan:
    return Plan(scenarios.scenario("cheese_corner", size=7), 256, (0,), config=CONFIG)


@cache
def trained() -> tuple[Policy, Scenario]:
    return train(planned()), planned().scenario


def answered(folder: Path, **words: Any) -> tuple[dict[str, Any], str]:
    out = Console(file=io.StringIO(), width=120)
    found = ask(Place(folder), *trained(), Request(**{"levels": NUM, **words}), out)
    return found, out.file.getvalue()  # type: ignore[attr-defined]


def sample() -> Critic:
    half = Interval(0.5, 0.4, 0.6, 8, 2)
    alone = Interval(0.5, math.nan, math.nan, 1, 1)
    far = Stage("[far]", 0, 0, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
    each = (Stage("near", 1234, 12, half, half, half, alone, half), far)
    return Critic(
        policy="net",
        scenario="somewhere",
        setting="shift",
        hidden="pear",
        agents=2,
        levels=4,
        stages=each,
        effect=half,
        slope=half,
        peak=NOTHING,
        beyond=NOTHING,
        reached=0,
        went_on=NOTHING,
        curve=(Point(0.5, half),),
        ties=(Tie("pear", alone),),
        idle=1500,
    )


def test_an_answer_is_tables_sentences_json_and_a_picture(tmp_path: Path) -> None:
    found, shown = answered(tmp_path)
    assert (found["setting"], found["hidden"]) == ("anywhere", "cheese")
    assert found["asked"] == {"setting": "anywhere", "hide": "cheese", "levels": NUM, "seed": 7}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for words in ("critic", "1 agent(s)", "first third", "steps with cheese in view", "next:  open"):
        assert words in shown
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")
    assert Path(found["saved"]) == tmp_path / "critic-anywhere-cheese.json"
    whole = critic(*trained(), levels=NUM)
    assert found["stages"] == plain(whole)["stages"]
    assert found["sentences"] == whole.sentences


def test_the_same_request_is_answered_from_the_folder(tmp_path: Path) -> None:
    found, shown = answered(tmp_path)
    path = Path(found["saved"])
    before = path.stat().st_mtime_ns
    assert answered(tmp_path) == (found, shown)
    assert path.stat().st_mtime_ns == before
    other, _ = answered(tmp_path, levels=NUM + 1)
    assert other["levels"] == NUM + 1
    assert path.stat().st_mtime_ns > before


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = Path(answered(tmp_path)[0]["saved"])
    content = json.loads(path.read_text())
    content["found"]["reached"] = 99
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedError, match="is damaged: its content is not what its hash says; remove it"):
        answered(tmp_path)
    path.write_text("[]")
    with pytest.raises(DamagedError, match="is damaged"):
        answered(tmp_path)


def test_an_answer_to_another_request_is_none(tmp_path: Path) -> None:
    found, _ = answered(tmp_path)
    path = Path(found["saved"])
    content = json.loads(path.read_text())
    assert set(content) == {"schema_version", "asked", "found", HASH}
    assert kept(path, Request("anywhere", "cheese", NUM)) is not None
    assert kept(path, Request("anywhere", "cheese", NUM, seed=8)) is None
    assert kept(tmp_path / "none.json", Request()) is None


def test_what_is_read_is_what_was_written() -> None:
    again = read(json.loads(json.dumps(plain(sample()), allow_nan=False)))
    assert str(again) == str(sample())
    assert math.isnan(again.stages[1].value.value)
    assert isinstance(again.curve[0], Point)
    np.testing.assert_array_equal(again.effect, sample().effect)


def test_what_is_not_known_is_said() -> None:
    out = Console(file=io.StringIO(), width=120)
    show(out, sample())
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    for words in ("no data", "[far]", "1,234", "0.50 [0.40, 0.60]", "pear 0.50\n", "1,500 steps left out"):
        assert words in shown
    assert "No episode came to where '[far]' begins" in shown


def test_a_little_less_than_nothing_is_nothing() -> None:
    out = Console(file=io.StringIO(), width=120)
    show(out, sample()._replace(slope=Interval(-0.001, -0.004, 0.004, 8, 2)))
    assert "rise over the way 0.00 [0.00, 0.00] " in out.file.getvalue()  # type: ignore[attr-defined]


def test_files_are_named_for_what_was_asked() -> None:
    place = Place("runs/a")
    assert file_of(place, Request("far", "hidden=1")).name == "critic-far-hidden-1.json"
    assert file_of(place, Request("far", "nothing")).name == "critic-far-nothing.json"
    assert file_of(place, Request("far", "../x=1")).parent == place.folder


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    for words, sentence in (
        ({"levels": 1}, "levels: got 1, needs at least 2"),
        ({"setting": "nowhere"}, "setting: got 'nowhere', needs one of: "),
        ({"hide": "chese"}, "hide: got 'chese', needs one of: cheese, corner, nothing; did you mean 'cheese'"),
        ({"hide": "corner"}, "hide: got 'corner', which nothing on a level is about"),
    ):
        with pytest.raises(TrueAimError) as raised:
            answered(tmp_path, **words)
        assert str(raised.value).startswith(sentence)
    assert not list(tmp_path.glob("critic*"))
    with pytest.raises(TrueAimError, match="policy: got str, needs one that acts on cheese_corner"):
        critic("model.zip", trained()[1])


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command(epilog=critic_command.EPILOG)(critic_command.critic)
    train(planned(), Place(tmp_path / "run"))
    words = [str(tmp_path / "run"), "--hide", "nothing", "--levels", str(NUM), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["run"] == str(tmp_path / "run")
    assert found["hidden"] == "nothing"
    assert found["effect"]["value"] is None
    assert (tmp_path / "run" / "critic-anywhere-nothing.json").exists()
