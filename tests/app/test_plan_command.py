"""`trueaim plan`: the same numbers as the library's, from stated variances or from a run."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from trueaim.agents.planted import mixed
from trueaim.app import requests
from trueaim.app.plan_command import EPILOG, plan
from trueaim.app.planning import LEVELS, USUAL, looks
from trueaim.audit import store
from trueaim.audit.audit import audit
from trueaim.audit.power import agents_needed, components, levels_needed, power
from trueaim.audit.sequential import ALPHA, MARGIN, Decision, expected_levels, look, pair
from trueaim.core.errors import TrueAimError
from trueaim.core.levels import LevelClass
from trueaim.core.run import Place, opened

AUDITED, SEED = 64, 7


def called(*words: object) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(epilog=EPILOG)(plan)
    app([str(word) for word in words], standalone_mode=False)


@pytest.fixture
def answered(capsys: pytest.CaptureFixture[str]):
    def run(*words: object) -> dict:
        called(*words, "--json")
        out, err = capsys.readouterr()
        assert err == ""
        return json.loads(out)

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run of four agents that go for the corner on some levels, as if they had been trained."""
    asked = requests.plan_for(
        "cheese_corner",
        steps=256,
        seed=0,
        seeds=4,
        alpha=0.0,
        toward=None,
        preset=None,
        network=None,
        exact=False,
        group=None,
        words=["scenario.size=7"],
    )
    place = Place(tmp_path_factory.mktemp("runs") / "planted")
    with opened(place, asked.asked()):
        policy = mixed(asked.scenario, "corner", "cheese", 0.6, noise=0.2, agents=4)
        store.save(place, audit(policy, asked.scenario, levels=AUDITED, seed=SEED), AUDITED, SEED)
    return place


def test_without_a_run_variances_are_the_stated_ones(answered) -> None:
    found = answered("--difference", 0.2, "--power", 0.9)
    assert [found["components"][name] for name in ("agent", "level", "rest")] == list(USUAL[:3])
    expected = [agents_needed(0.2, USUAL, levels, 0.9) for levels in LEVELS]
    assert [one["agents"] for one in found["plans"]] == [one.agents for one in expected if one]
    assert all(one["power"] >= 0.9 for one in found["plans"])
    assert [one["levels"] for one in found["plans"]] == list(LEVELS)


def test_what_is_settled_is_kept(answered) -> None:
    few = levels_needed(0.3, USUAL, 6, 0.8, "alone", 0.01)
    assert few is not None
    options = ("--difference", 0.3, "--power", 0.8, "--design", "alone", "--alpha", 0.01)
    assert answered(*options, "--seeds", 6)["plans"] == [few._asdict()]
    many = agents_needed(0.3, USUAL, 50, 0.8, "alone", 0.01)
    assert many is not None
    assert answered(*options, "--levels", 50)["plans"] == [many._asdict()]
    both = answered(*options, "--seeds", 6, "--levels", 50)["plans"]
    assert both == [{"agents": 6, "levels": 50, "power": power(0.3, USUAL, 6, 50, "alone", 0.01)}]


def test_what_no_number_can_do_is_null(answered, capsys: pytest.CaptureFixture[str]) -> None:
    assert answered("--difference", 0.05, "--seeds", 3)["plans"] == [None]
    called("--difference", 0.05, "--seeds", 3)
    assert "no number" in capsys.readouterr().err


def test_levels_for_bounds_and_ratio_tests(answered) -> None:
    found = answered()
    assert found["levels_without_failure"]["0.05"] == {"0.95": 59, "0.99": 90}
    for one in found["ratio_test"]:
        assert (one["if_low"], one["if_high"]) == tuple(expected_levels(one["low"], one["high"]))


def test_betting_tests_take_as_many_levels_as_they_say() -> None:
    """Always and never failing agents take the same number each time; by the tests themselves."""
    found = {one.regret: one for one in looks()}
    for regret, decision in ((0.0, Decision.LOW), (1.0, Decision.HIGH)):
        number = int(found[regret].median)
        assert found[regret].most == number
        tests = look(pair(MARGIN, alpha=ALPHA), np.full(number, regret))
        assert (tests.decision, tests.looks) == (decision, number)
    medians = [found[regret].median for regret in (0.2, 0.3, 0.5, 1.0)]
    assert medians == sorted(medians, reverse=True)
    assert np.isinf(found[0.05].most)


def test_a_run_lends_its_variances(answered, run: Place) -> None:
    found = answered("--like", run.folder)
    scenario = requests.scenario_of("cheese_corner", None, {"scenario": {"size": "7"}})
    episodes = store.load(run, scenario)[0].episodes.of("anywhere")
    parts = episodes.where(episodes.classes[:, 1] == int(LevelClass.NECESSARILY))
    shares = (parts.returns / parts.optimal)[:, 0].reshape(4, -1)
    expected = components(shares)
    assert [found["components"][name] for name in ("agent", "level", "rest")] == pytest.approx(list(expected[:3]))
    assert found["components"]["rest"] > 0
    text = f"{run.folder}: 4 agents, {shares.shape[1]} levels of 'anywhere' that part cheese and corner"
    assert found["components"]["source"] == text
    assert [one["agents"] for one in found["plans"]] == [
        one.agents for one in (agents_needed(0.2, expected, levels, 0.9) for levels in LEVELS) if one
    ]


def test_people_read_tables(capsys: pytest.CaptureFixture[str]) -> None:
    called("--difference", 0.2, "--power", 0.9)
    out, err = capsys.readouterr()
    assert out == ""
    for text in ("plan to see a difference of 0.2", "seeds of each kind", "59", "5% or 20%", "mean regret", "next: "):
        assert text in err
    assert "…" not in err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    called("--help")
    out = capsys.readouterr().out
    assert "Example: trueaim plan --difference 0.2" in out
    assert "--like" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--difference", 0), "--difference: got 0, needs a share strictly between 0 and 1; change it"),
        (("--power", 1), "--power: got 1, needs a share strictly between 0 and 1; change it"),
        (("--alpha", 2), "--alpha: got 2, needs a share strictly between 0 and 1; change it"),
        (("--seeds", 1), "--seeds: got 1, needs at least 2; raise it"),
        (("--levels", 0), "--levels: got 0, needs at least 1; raise it"),
        (("--design", "pared"), "--design: got 'pared', needs one of: alone, paired, separate; did you mean 'paired'?"),
    ],
)
def test_bad_numbers(words: tuple[object, ...], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        called(*words)
    assert str(caught.value) == text


def test_bad_runs(run: Place, tmp_path: Path) -> None:
    with pytest.raises(TrueAimError, match="got no run there"):
        called("--like", tmp_path)
    with pytest.raises(TrueAimError, match="--setting: got 'nowhere', needs one of: anywhere"):
        called("--like", run.folder, "--setting", "nowhere")
