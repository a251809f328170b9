import importlib
import json

import pytest

from calling import LEARNER, call, refused
from trueaim.core.demonstration import Arm, Demonstration

__all__ = ["call"]

MADE = Demonstration(
    looks_for="the corner",
    steps=1,
    arms=(
        Arm("plain"),
        Arm("far", "cheese far away", changes={"train": {"spread": 3}}, options={"layout": "open"}),
        Arm("flipped", "plain upside down", flips="plain"),
    ),
    options={"size": 7},
    learner=LEARNER,
    levels=64,
)


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(importlib.import_module("trueaim.scenarios.cheese_corner"), "DEMONSTRATION", MADE)


def test_a_demonstration_leaves_a_page_with_its_pictures_and_reports(call, made, tmp_path):
    words = ("demonstrate", "cheese_corner", "--seeds", 2, "--runs", tmp_path / "runs", "--pages", tmp_path / "pages")
    answer = call(*words, "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    page = (tmp_path / "pages" / "measured" / "cheese_corner.md").read_text()
    assert found["page"].endswith("pages/measured/cheese_corner.md")
    assert "Made by `trueaim demonstrate cheese_corner --seeds 2`: 2 agents of each kind" in page
    assert "### far: cheese far away (layout open)" in page
    assert "### flipped: plain upside down" in page
    assert "| anywhere | cheese |" in page
    assert "(exact)" in page
    for short in ("curves", "agents", "courses", "film-plain", "film-far", "film-flipped"):
        assert f"](images/cheese_corner-{short}.png)" in page
        assert (tmp_path / "pages" / "images" / f"cheese_corner-{short}.png").read_bytes()[:4] == b"\x89PNG"
    assert set(found["verdicts"]) == {"plain", "far", "flipped"}
    assert found["verdicts"]["flipped"]["table"] != found["verdicts"]["plain"]["table"]
    for arm in ("plain", "far", "flipped"):
        assert (tmp_path / "runs" / "demonstrate-cheese_corner" / arm / "report.html").exists()
    checkpoints = sorted((tmp_path / "runs").rglob("manifest.json"))
    times = [path.stat().st_mtime_ns for path in checkpoints]
    again = call(*words, "--json")  # trained already: nothing is trained twice
    assert json.loads(again.out)["verdicts"] == found["verdicts"]
    assert [path.stat().st_mtime_ns for path in checkpoints] == times


def test_what_cannot_be_demonstrated_is_refused(call, tmp_path):
    refused(call("demonstrate", "cheese_cornr"), "scenario: got 'cheese_cornr'", "did you mean 'cheese_corner'")
    refused(call("demonstrate", "cheese_corner", "--seeds", 0), "--seeds: got 0, needs at least 1")
