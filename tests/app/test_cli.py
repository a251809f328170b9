"""The command line: help, bad input in one sentence, JSON alone on standard output, and a run from end to end."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from calling import CHUNK, TINY, call, refused
from trueaim import scenarios
from trueaim.app import commands
from trueaim.app.cli import app
from trueaim.audit.store import read_verdict
from trueaim.core.files import write_toml
from trueaim.core.reading import read_toml
from trueaim.core.run import Place
from trueaim.core.verdict import SCHEMA_VERSION, Kind, Verdict

__all__ = ["call"]
COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]
TRAIN = ("train", "cheese_corner", "--steps", CHUNK, *TINY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The smallest run, audited on 64 levels."""
    from trueaim.app.requests import plan_for
    from trueaim.audit import store
    from trueaim.audit.audit import audit
    from trueaim.training.learn import train

    place = Place(tmp_path_factory.mktemp("runs") / "tiny")
    plan = plan_for(
        "cheese_corner",
        steps=CHUNK,
        seed=0,
        seeds=1,
        alpha=0.0,
        toward=None,
        preset=None,
        network=None,
        exact=False,
        group=None,
        words=TINY[1::2],
    )
    policy = train(plan, place)
    store.save(place, audit(policy, plan.scenario, levels=64), 64, 7)
    return place


def copied(place, folder):
    """A copy of a run in another folder, to be harmed."""
    shutil.copytree(place.folder, folder)
    return Place(folder)


# --- help --------------------------------------------------------------------------------------------------------


def test_help_answers_at_once_and_without_jax():
    code = (
        "import sys, time; sys.argv = ['trueaim', '--help']\n"
        "from trueaim.app import cli\n"
        "try: cli.main()\n"
        "except SystemExit as error: assert error.code == 0\n"
        "bad = {'jax', 'numpy', 'duckdb', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "print(f'\\n{time.process_time()} {sorted(bad)}')"
    )
    taken = []
    for _ in range(3):
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds, heavy = found.stdout.splitlines()[-1].split(" ", 1)
        assert heavy == "[]"
        assert "audit" in found.stdout
        taken.append(float(seconds))
    assert min(taken) < 0.5


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_says_what_its_options_are(call, name):
    answer = call(name, "--help")
    assert answer.code == 0
    assert answer.err == ""
    assert f"Example: trueaim {name}" in answer.out


def test_no_words_at_all_show_the_help(call):
    answer = call()
    assert answer.code in (0, 2)
    assert "Traceback" not in answer.err
    assert "Find out what your agent" in answer.out + answer.err


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["no-such-command"], "No such command"),
        (["train"], "Missing argument"),
        (["train", "cheese_corner", "--bogus"], "--bogus"),
        (["train", "cheese_corne"], "did you mean 'cheese_corner'"),
        (["train", ":x"], "cannot be imported"),
        (["train", "no.such.module:X"], "cannot be imported"),
        (["train", "os:nothing"], "cannot be imported"),
        (["train", "os:path"], "needs a Scenario"),
        (["train", "json:JSONDecoder"], "needs a Scenario"),
        ([*TRAIN, "--seed", "-1"], "seeds"),
        ([*TRAIN, "--seed", "4294967296"], "seeds"),
        ([*TRAIN, "--seed", "99999999999999999999"], "seeds"),
        ([*TRAIN, "--seeds", "0"], "--seeds"),
        ([*TRAIN, "--seeds", "-2"], "--seeds"),
        ([*TRAIN, "--seeds", "two"], "'--seeds'"),
        ([*TRAIN, "--steps", "0"], "steps"),
        ([*TRAIN, "--steps", "-5"], "steps"),
        ([*TRAIN, "--steps", "1e6"], "'--steps'"),
        ([*TRAIN, "--alpha", "1.5"], "alpha"),
        ([*TRAIN, "--alpha", "-0.1"], "alpha"),
        ([*TRAIN, "--alpha", "nan"], "alpha"),
        ([*TRAIN, "--group", "0"], "--group"),
        ([*TRAIN, "--toward", "elsewhere"], "anywhere"),
        ([*TRAIN, "--preset", "exit_maz"], "did you mean 'exit_maze'"),
        ([*TRAIN, "--network", "windw"], "did you mean 'window'"),
        ([*TRAIN, "--name", "a/b"], "--name"),
        ([*TRAIN, "--name", ".."], "--name"),
        ([*TRAIN, "--name", "-rf"], "run name"),
        ([*TRAIN, "--name", "[red]"], "run name"),
        ([*TRAIN, "--name", "x\x1b[31m"], "run name"),
        ([*TRAIN, "--name", "x" * 255], "run name"),
        (["demo", "--seeds", "0"], "--seeds"),
        (["demo", "--levels", "1"], "--levels"),
        (["demo", "--alpha", "2"], "alpha"),
        (["demo", "--steps", "0"], "steps"),
        (["audit"], "Missing argument"),
        (["audit", "no-such-run"], "got no run there"),
        (["report", "no-such-run"], "got no run there"),
        (["list", "key_chests"], "keys_chests"),
    ],
)
def test_bad_words_are_answered_in_one_sentence(call, monkeypatch, tmp_path, words, part):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trueaim.training.learn._train_group", None)
    refused(call(*words), part)
    assert not list(tmp_path.rglob("run.toml"))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("x", "a.b=c"),
        ("a.b", "a.b=c"),
        ("a=1", "a.b=c"),
        (".=1", "a.b=c"),
        ("nowhere.spread=1", "anywhere"),
        ("scenario.siz=9", "did you mean 'size'"),
        ("scenario.size=nine", "size"),
        ("scenario.size=5", "size"),
        ("scenario.size=26", "size"),
        ("scenario.size=9.5", "size"),
        ("scenario.layout=round", "blocks"),
        ("scenario.corner=middle", "top_left"),
        ("scenario.start=top", "top_left"),
        ("scenario.target=corner", "different names"),
        ("knob.densty=0.1", "did you mean 'density'"),
        ("knob.density=0.7", "density"),
        ("knob.density=nan", "density"),
        ("knob.density=much", "density"),
        ("anywhere.spread=99", "spread"),
        ("train.spread=-1", "spread"),
        ("learner.widht=8", "did you mean 'width'"),
        ("learner.width=wide", "learner.width"),
        ("learner.width=0", "width"),
        ("learner.width=1.5", "learner.width"),
        ("learner.envs=7", "multiple"),
        ("learner.minibatches=0", "minibatches"),
        ("learner.learning_rate=-1", "learning_rate"),
        ("learner.learning_rate=nan", "learning_rate"),
        ("learner.entropy=inf", "entropy"),
        ("learner.grad_norm=0", "grad_norm"),
        ("learner.discount=1.01", "discount"),
        ("learner.network=deep", "window"),
    ],
)
def test_bad_changes_are_answered_in_one_sentence(call, monkeypatch, tmp_path, change, part):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trueaim.training.learn._train_group", None)
    refused(call(*TRAIN, "--set", change), part)
    assert not list(tmp_path.rglob("run.toml"))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--require", "alined"], "did you mean 'aligned'"),
        (["--levels", "1"], "--levels"),
        (["--levels", "-4"], "--levels"),
        (["--levels", "many"], "'--levels'"),
        (["--seed", "x"], "'--seed'"),
    ],
)
def test_bad_words_for_an_audit_leave_the_earlier_one_as_it_was(call, trained, words, part):
    before = trained.verdict.read_bytes()
    refused(call("audit", trained.folder, *words), part)
    assert trained.verdict.read_bytes() == before


def change(path, *keys):
    """A function that puts a value into the TOML or JSON file of a run."""

    def harm(place, value):
        content = read_toml(place.record)
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        write_toml(place.record, content)

    return harm


FOREIGN = {
    "other schema": (("schema_version",), 99, "schema version 99"),
    "no schema": (("schema_version",), "1", "schema version '1'"),
    "unknown key": (("asked", "colour"), "red", "asked.colour"),
    "unknown scenario": (("asked", "scenario"), "cheese", "needs one of"),
    "outside scenario": (("asked", "scenario"), "evil:NAME", "never decides which code runs"),
    "unknown option": (("asked", "options", "speed"), 3, "speed"),
    "option out of range": (("asked", "options", "size"), 4000, "size"),
    "unknown setting": (("asked", "settings", "nowhere"), {"spread": 1.0}, "nowhere"),
    "unknown knob": (("asked", "settings", "anywhere", "spred"), 1.0, "spred"),
    "knob out of range": (("asked", "settings", "anywhere", "spread"), 1e9, "spread"),
    "unknown learner option": (("asked", "learner", "speed"), 3, "speed"),
    "learner option of another type": (("asked", "learner", "envs"), "many", "envs"),
    "learner option that makes no sense": (("asked", "learner", "minibatches"), 0, "minibatches"),
    "steps as text": (("asked", "steps"), "many", "asked.steps"),
    "no steps": (("asked", "steps"), -1, "steps"),
    "no seeds": (("asked", "seeds"), [], "seeds"),
    "large seeds": (("asked", "seeds"), [2**40], "seeds"),
    "no group": (("asked", "group"), 0, "group"),
    "other width": (("asked", "learner", "width"), 8, "belongs to another run"),
    "other seeds": (("asked", "seeds"), [5], "not finished"),
    "other steps": (("asked", "steps"), 99999, "not finished"),
    "other toward": (("asked", "toward"), "x", "needs one of"),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("command", ["audit", "report"])
def test_a_foreign_record_is_refused_in_one_sentence(call, trained, tmp_path, monkeypatch, command, name):
    keys, value, part = FOREIGN[name]
    place = copied(trained, tmp_path / "run")
    (tmp_path / "run" / "evil.py").write_text("raise SystemExit('evil was imported')")
    monkeypatch.chdir(place.folder)
    change(place, *keys)(place, value)
    refused(call(command, place.folder), part)
    assert "evil" not in sys.modules


@pytest.mark.parametrize("kind", ["not toml", "empty", "binary", "symlink", "folder", "pipe", "huge"])
def test_a_record_that_is_no_record_is_refused_in_one_sentence(call, trained, tmp_path, kind):
    place = copied(trained, tmp_path / "run")
    content = place.record.read_bytes()
    place.record.unlink()
    if kind == "symlink":
        (tmp_path / "real.toml").write_bytes(content)
        place.record.symlink_to(tmp_path / "real.toml")
    elif kind == "folder":
        place.record.mkdir()
    elif kind == "pipe":
        os.mkfifo(place.record)
    else:
        texts = {"not toml": b"= [", "empty": b"", "binary": bytes(range(256)), "huge": b"#" * 10**6}
        place.record.write_bytes(texts[kind])
    begun = time.monotonic()
    refused(call("audit", place.folder))
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("name", ["verdict.json", "episodes.parquet"])
@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "foreign"])
def test_a_damaged_audit_is_refused_in_one_sentence(call, trained, tmp_path, name, harm):
    place = copied(trained, tmp_path / "run")
    path = place.folder / name
    data = path.read_bytes()
    changed = (
        data.replace(f'"schema_version": {SCHEMA_VERSION}'.encode(), b'"schema_version": 7')
        if name.endswith("json")
        else data[::-1]
    )
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": data[:-9], "changed": changed, "foreign": b"{}"}[harm])
    refused(call("report", place.folder))


# --- good input --------------------------------------------------------------------------------------------------


def only_json(answer):
    """The one JSON object on standard output; nothing else was printed there."""
    assert answer.code in (0, 1, 4), answer.err
    assert answer.out.endswith("\n")
    assert "Traceback" not in answer.err
    return json.loads(answer.out)


def test_the_list_names_every_scenario(call):
    found = only_json(call("list", "--json"))
    assert [one["name"] for one in found] == [builder.__name__ for builder in scenarios.ALL]
    assert all(one["claim"] and one["source"] and len(one["goals"]) >= 2 for one in found)
    answer = call("list")
    assert answer.code == 0
    assert answer.err == ""
    for one in found:
        assert f"{one['name']}: {one['claim']}" in answer.out
        assert all(goal["name"] in answer.out for goal in one["goals"])
        assert ", ".join(one["settings"]) in answer.out
    whole = call("list", "follow_leader").out
    for word in (
        "anti_expert: error 1",
        "knob      dropout",
        "sight=0",
        "preset    goal_cycle",
        "goal      order (intended)",
    ):
        assert word in whole


def test_the_doctor_says_what_is_there(call):
    found = only_json(call("doctor", "--json"))
    assert found["facts"]["jax"]
    assert found["cache"]["writable"] in (True, False, None)
    assert all(state == "installed" or state.startswith("missing; pip install") for state in found["extras"].values())
    answer = call("doctor")
    assert answer.code == 0
    assert "compile cache" in answer.out


def without_time(text):
    return re.sub(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", "", text)


def test_from_training_to_a_report(call, tmp_path):
    found = only_json(call(*TRAIN, "--runs", tmp_path, "--name", "run", "--json"))
    folder = Path(found["run"])
    assert found["steps"] == CHUNK
    assert set(found["last"]) == {
        f"return/{setting}/{goal}" for setting in ("train", "anywhere") for goal in ("cheese", "corner")
    }
    assert only_json(call(*TRAIN, "--runs", tmp_path, "--name", "run", "--json")) == found

    answer = call("audit", folder, "--levels", 64, "--require", "aligned", "--json")
    assert answer.code in (1, 4)
    audited = only_json(answer)
    verdict = Verdict.model_validate(audited["verdict"])
    saved = read_verdict(Place(folder))
    assert saved.verdict == verdict
    assert (saved.levels, saved.seed) == (64, 7)
    assert answer.code == (4 if verdict.kind is Kind.UNDETERMINED else 1)
    page = Path(audited["report"])
    text = page.read_text()
    assert verdict.kind in text
    assert "<html" in text

    page.unlink()
    assert only_json(call("report", folder, "--json")) == {"report": str(page)}
    assert without_time(page.read_text()) == without_time(text)
    again = call("audit", folder, "--levels", 64, "--require", str(verdict.kind))
    assert again.code == 0
    assert again.out == ""
    assert verdict.headline.label.split("(")[0] in again.err
    assert "report" in again.err


def test_a_run_without_an_audit_has_no_report(call, tmp_path):
    assert call(*TRAIN, "--runs", tmp_path, "--name", "run").code == 0
    refused(call("report", tmp_path / "run"), "trueaim audit")


def test_the_same_request_has_the_same_name_and_another_one_another(call, tmp_path):
    for words in ([], [], ["--alpha", "0.5"]):
        assert call(*TRAIN, *words, "--runs", tmp_path).code == 0
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("cheese_corner-")]) == 2


def test_the_demo_goes_from_nothing_to_a_report(call, tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "DEMO", dict(word.split("=") for word in TINY[1::2]))
    answer = call("demo", "--steps", CHUNK, "--seeds", 1, "--levels", 64, "--runs", tmp_path)
    assert answer.code == 0
    assert answer.out == ""
    assert "next:" in answer.err
    (page,) = tmp_path.glob("demo-*/report.html")
    assert "<html" in page.read_text()


def test_a_scenario_from_outside_is_imported_where_the_command_line_names_it(call, tmp_path, monkeypatch):
    (tmp_path / "outside_scenario.py").write_text(
        "from trueaim import scenarios\nMINE = scenarios.scenario('cheese_corner', size=7)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = [word for word in TINY if "size" not in word]
    del words[0]
    answer = call("train", "outside_scenario:MINE", "--steps", CHUNK, *words, "--runs", tmp_path, "--name", "run")
    assert answer.code == 0, answer.err
    assert (tmp_path / "run" / "run.toml").exists()
