"""Doing a job: what is counted, and that an agent's numbers do not depend on which job it was in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import content, study

from trueaim.audit.measure import Grid
from trueaim.core.episodes import Episodes
from trueaim.core.errors import TrueAimError
from trueaim.core.run import Place
from trueaim.studies import doing
from trueaim.studies.file import NUMBERS, Study, checked
from trueaim.studies.jobs import Cell, Job, cells, jobs
from trueaim.studies.results import FIXED
from trueaim.training.resume import load

LEARNER = {"network": "flat", "width": 16, "envs": 16, "rollout": 8, "minibatches": 2, "chunk": 2}


def tiny(**changes: Any) -> Study:
    return checked(content(**{"train": {"steps": 512, "learner": LEARNER}, "vary": {"alpha": [1]}, **changes}))


def job(seeds: tuple[int, ...], asked: Study | None = None) -> Job:
    return Job("job", cells(asked or tiny(), 1)[0], seeds)


def done(tmp_path: Path, seeds: tuple[int, ...], told: list[tuple[int, int]] | None = None) -> Any:
    heard = told if told is not None else []
    return doing.do(job(seeds), tmp_path, keep_episodes=True, tell=lambda *steps: heard.append(steps))


def grid() -> Grid:
    """One agent on four levels, goals coin (intended), end and right: when each was first got, -1 for never."""
    first = np.array([[5, 9, 1], [-1, 7, 1], [-1, -1, 1], [6, 6, -1]])
    levels = len(first)
    returns = np.where(first >= 0, 1.0, 0.0)
    return Grid(
        Episodes(
            goals=("coin", "end", "right"),
            setting=np.full(levels, "random"),
            agent=np.zeros(levels, np.int64),
            level=np.arange(levels),
            level_hash=np.full(levels, "x"),
            length=np.full(levels, 10),
            terminated=np.full(levels, True),
            place=np.full(levels, -1),
            returns=returns,
            first=first,
            optimal=np.array([[1.0, 1, 2]] * levels),
            uniform=np.full((levels, 3), 0.25),
            classes=np.full((levels, 3), 3),
        )
    )


def test_every_number_of_every_goal() -> None:
    coin, end, right = (doing.numbers_of(grid(), goal, within=6) for goal in range(3))
    assert coin == {
        "episodes": 4, "share": 0.5, "return": 0.5, "got": 0.5, "first": 0.25, "in_time": 0.5, "failure": 0.5,
        "optimal": 1.0, "random": 0.25,
    }  # fmt: skip
    assert (end["got"], end["first"], end["in_time"], end["failure"]) == (0.75, 0.25, 0.25, 0.25)
    assert (right["got"], right["first"], right["failure"], right["share"]) == (0.75, 0.75, 0.5, 0.375)
    assert doing.numbers_of(grid(), 1)["in_time"] == end["got"]
    assert set(coin) >= set(NUMBERS)


def test_a_job_brings_a_row_for_every_seed_setting_and_goal(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    made = done(tmp_path / "run", (3,), told)
    assert set(made.columns) == set(FIXED) - {"job", "cell"}
    names = zip(made.columns["setting"].tolist(), made.columns["goal"].tolist(), strict=True)
    goals = ("cheese", "corner")
    assert list(names) == [(setting, goal) for setting in ("train", "anywhere") for goal in goals]
    assert set(made.columns["seed"].tolist()) == {3}
    assert set(made.columns["steps"].tolist()) == {512}
    assert made.columns["episodes"].tolist() == [64] * 4
    assert [bool(kind) for kind in made.columns["verdict"]] == [False, False, True, True]
    for name in ("got", "first", "in_time", "failure"):
        assert ((made.columns[name] >= 0) & (made.columns[name] <= 1)).all()
    assert (made.asked["scenario"], made.asked["seeds"], made.asked["alpha"]) == ("cheese_corner", [3], 1.0)
    assert made.episodes is not None
    assert len(made.episodes["agent"]) == 2 * 64
    assert told[-1] == (512, 512)
    assert load(Place(tmp_path / "run"))[1].seeds == (3,)


def test_an_agent_has_the_same_numbers_alone_and_among_others(tmp_path: Path) -> None:
    alone, among = done(tmp_path / "alone", (1,)), done(tmp_path / "among", (0, 1))
    rows = among.columns["seed"] == 1
    for name, values in alone.columns.items():
        np.testing.assert_array_equal(values, among.columns[name][rows], err_msg=name)
    assert not np.array_equal(among.columns["got"][rows], among.columns["got"][~rows])


def test_only_the_settings_that_were_asked_for_are_audited() -> None:
    scenario = doing.plan_of(cell(scenario={"name": "coinrun"}, analysis={}), (0,)).scenario
    shifts = list(scenario.shifts)
    assert len(shifts) > 1
    assert doing._audited(scenario, ()) is scenario
    assert list(doing._audited(scenario, (shifts[1],)).settings) == ["train", shifts[1]]
    assert doing._audited(scenario, (shifts[1],)) is doing._audited(scenario, (shifts[1],))


def cell(**changes: Any) -> Cell:
    return cells(tiny(**changes), 1)[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scenario": {"name": "chese_corner"}}, "did you mean 'cheese_corner'"),
        ({"scenario": {"name": "cheese_corner", "options": {"sise": 7}}}, "did you mean 'size'"),
        ({"scenario": {"name": "cheese_corner", "knobs": {"anywhere": {"spred": 3}}}}, "did you mean 'spread'"),
        ({"train": {"steps": 1, "learner": {"widht": 8}}}, "did you mean 'width'"),
        ({"train": {"steps": 1, "learner": {"width": 8.5}}}, r"learner\.width: got 8\.5, needs another value"),
        ({"train": {"steps": 1, "recipe": "plan"}}, "did you mean 'plain'"),
        ({"train": {"steps": 1, "toward": "anywere"}}, "did you mean 'anywhere'"),
        ({"audit": {"settings": ["anywere"]}}, "did you mean 'anywhere'"),
        ({"analysis": {"numbers": ["anywere/cheese/got"]}}, "did you mean 'anywhere'"),
        ({"analysis": {"numbers": ["train/chese/got"]}}, "did you mean 'cheese'"),
        ({"scenario": {"name": "evil:NAME"}}, "a file never decides which code runs"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(changes: dict[str, Any], words: str) -> None:
    asked = tiny(**{"analysis": {}, **changes})
    with pytest.raises(TrueAimError, match=words):
        doing.check(asked, cells(asked, 1))


def test_a_scenarios_own_learner_stands_behind_that_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    built = doing.plan_of(cell(), (0,)).scenario
    doing._scenario.cache_clear()
    monkeypatch.setattr(doing.scenarios, "scenario", lambda *_, **__: replace(built, learner={"envs": 64, "epochs": 5}))
    config = doing.plan_of(cell(), (0,)).config
    assert (config.envs, config.epochs, config.width) == (16, 5, 16)
    doing._scenario.cache_clear()


def test_the_number_of_training_levels_can_be_an_axis() -> None:
    found = cells(tiny(vary={"num_levels": [0, 100], "alpha": [0.5]}, analysis={}), 1)
    plans = [doing.plan_of(one, (0,)) for one in found]
    assert [(plan.num_levels, plan.alpha) for plan in plans] == [(0, 0.5), (100, 0.5)]


def test_cells_of_the_same_scenario_share_one_object() -> None:
    found = jobs(study(vary={"alpha": [0, 0.5], "learner.width": [8, 16]}, analysis={}), 1, [[0, 1]])
    assert len({id(doing.plan_of(one.cell, one.seeds).scenario) for one in found}) == 1
