"""The probe by tuning as a person and as a program see it."""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from trueaim import scenarios
from trueaim.app import tune_command
from trueaim.app.tuning import Request, record, table, tune
from trueaim.audit.intervals import NOTHING, Interval
from trueaim.audit.tuning import Curve, Tuning, price
from trueaim.core.errors import TrueAimError
from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import train
from trueaim.training.plan import Plan

CONFIG = PPO(network="flat", width=16, envs=16, rollout=8, minibatches=2, chunk=2)


@cache
def run() -> tuple[Policy, Scenario]:
    scenario = scenarios.scenario("cheese_corner", size=7)
    return train(Plan(scenario, 256, (0,), config=CONFIG)), scenario


def tuned(**asked: Any) -> tuple[dict[str, Any], str]:
    policy, scenario = run()
    out = Console(file=io.StringIO(), width=200)
    found = tune(policy, scenario, Request(**{"levels": 64, **asked}), out)
    return found, out.file.getvalue()  # type: ignore[attr-defined]


def test_a_probe_is_a_table_a_sentence_and_json(tmp_path: Path) -> None:
    found, shown = tuned(method="cloning", budget=40, picture=tmp_path / "curve.png")
    assert found["trained"]["budgets"] == found["untrained"]["budgets"] == [0, 32, 40]
    assert (found["shift"], found["rival"]) == ("anywhere", "corner")
    assert (found["method"], found["unit"]) == ("cloning", "expert labels")
    assert found["target"]["is"] == "control"
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["trained"]["intended"][0]["episodes"] == found["levels"]["parting"]
    for words in ("tune", "1 agent(s)", "expert labels", "untrained, where they part", found["sentence"]):
        assert words in shown
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_further_training_is_counted_in_steps_and_can_go_without_the_yardstick() -> None:
    found, shown = tuned(method="ppo", budget=300, from_scratch=False)
    assert found["trained"]["budgets"] == [0, 256, 512]
    assert found["unit"] == "steps"
    assert found["untrained"] is found["ratio"] is None
    assert "untrained" not in shown


def test_what_is_not_known_is_null_and_said() -> None:
    some = Interval(0.5, np.nan, np.nan, 1, 1)
    own = Curve("trained", "ppo", "steps", (0,), (NOTHING,), (some,), np.full((1, 1), np.nan))
    found = Tuning("far", "pear", (0, 1), 0.5, "control", own, None, price(own, 0.5), None)
    told = record(found)
    assert told["trained"]["price"] == {
        "value": None,
        "low": None,
        "high": None,
        "agents": [None],
        "reason": "no level distinguishes the goals",
    }
    assert told["trained"]["intended"] == [{"value": None, "low": None, "high": None, "episodes": 0, "agents": 0}]
    out = Console(file=io.StringIO(), width=200)
    out.print(table(found))
    assert "no data" in out.file.getvalue()  # type: ignore[attr-defined]
    assert "0.50 [?, ?]" in out.file.getvalue()  # type: ignore[attr-defined]


def test_bad_input_is_one_sentence() -> None:
    for asked, sentence in (
        ({"method": "dager"}, "--method: got 'dager', needs one of: cloning, dagger, ppo; did you mean 'dagger'"),
        ({"budget": 0}, "--budget: got 0, needs at least 1"),
        ({"levels": 1}, "--levels: got 1, needs at least 2"),
        ({"shift": "nowhere", "budget": 8}, "shift: got 'nowhere', needs one of: anywhere"),
    ):
        with pytest.raises(TrueAimError) as raised:
            tuned(**asked)
        assert str(raised.value).startswith(sentence)


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command(epilog=tune_command.EPILOG)(tune_command.tune)
    train(Plan(run()[1], 256, (0,), config=CONFIG), Place(tmp_path / "run"))
    words = [str(tmp_path / "run"), "--method", "cloning", "--budget", "32", "--levels", "64", "--no-scratch", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["run"] == str(tmp_path / "run")
    assert found["trained"]["budgets"] == [0, 32]
    assert found["untrained"] is None
