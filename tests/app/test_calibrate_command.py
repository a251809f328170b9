"""`trueaim calibrate`: as a table and as JSON, and what it refuses."""

import json

import pytest
from typer.testing import CliRunner

from trueaim.app.cli import app

RUN = ["calibrate", "cheese_corner", "--set", "scenario.size=7", "--agents", "1", "--levels", "40"]


def test_it_prints_what_was_found_of_each_kind_and_the_same_as_json() -> None:
    found = CliRunner().invoke(app, [*RUN, "--json"])
    assert found.exit_code == 0, found.output
    data = json.loads(found.stdout)
    assert set(data) >= {"accuracy", "false_misgeneralized", "confusion", "median_levels", "kinds"}
    assert data["counts"]["agents"] == sum(each["agents"] for each in data["kinds"].values()) >= 24
    assert 0.6 < data["accuracy"] <= 1
    assert data["intervals"]["accuracy"][0] < data["accuracy"]
    assert data["false_misgeneralized"] == 0
    assert sum(sum(row.values()) for row in data["confusion"].values()) == data["counts"]["agents"]
    assert 8 <= data["median_levels"] <= 40


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cheese_corner", "--agents", "0"], "--agents: got 0, needs at least 1"),
        (["cheese_corner", "--levels", "1"], "--levels: got 1, needs at least 2"),
        (["monsters", "--agents", "1", "--levels", "8"], "needs one for planted policies"),
    ],
)
def test_what_cannot_be_calibrated_is_said(words: list[str], sentence: str) -> None:
    found = CliRunner().invoke(app, ["calibrate", *words])
    assert sentence in str(found.exception)
