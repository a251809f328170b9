"""What others made does harm to nobody: models, statistics, trajectories, folders of code, and environments."""

import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from foreign_walk import LONGEST, Walk, walk_scenario

from hostile_files import LONGEST_SENTENCE, canary, refused, smallest_model
from trueaim.agents.foreign import policy
from trueaim.agents.foreign.archive import members, repacked
from trueaim.agents.foreign.files import foreign_model
from trueaim.agents.foreign.normalizer import saved_normalizer
from trueaim.audit.foreign.rollout import rollout
from trueaim.audit.foreign.trajectories import from_parquet
from trueaim.core.errors import TrueAimError
from trueaim.core.files import write_table, write_toml
from trueaim.core.run import SCHEMA_VERSION, Place

sb3 = pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")
torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
ONE_STEP = {
    "episode": np.zeros(2, np.int64),
    "agent": np.zeros(2, np.int64),
    "setting": np.array(["train", "s"]),
    "step": np.zeros(2, np.int64),
    "reward": np.ones(2),
    "terminated": np.ones(2, bool),
    "truncated": np.zeros(2, bool),
    "goal_a": np.ones(2),
    "goal_b": np.ones(2),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> bytes:
    return smallest_model(tmp_path_factory.mktemp("model"))


def archive(*content: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as into:
        for name, data in content:
            into.writestr(name, data)
    return made.getvalue()


def saved(value: object) -> bytes:
    made = io.BytesIO()
    torch.save(value, made)
    return made.getvalue()


def with_data(model: bytes, **change: object) -> bytes:
    content = members(model, "m")
    content["data"] = json.dumps(json.loads(content["data"]) | change).encode()
    return repacked(content)


def with_weights(model: bytes, data: bytes) -> bytes:
    return repacked(members(model, "m") | {"policy.pth": data})


def link(name: str) -> bytes:
    member = zipfile.ZipInfo(name)
    member.external_attr = 0o120777 << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as into:
        into.writestr(member, "/etc/passwd")
    return made.getvalue()


def claiming(model: bytes, num: int, num_bytes: int) -> bytes:
    """The model with another number of members, and another size of their list, at its end."""
    end = model.rfind(b"PK\x05\x06")
    return model[: end + 10] + struct.pack("<HL", num, num_bytes) + model[end + 16 :]


def box(shape: list[int]) -> dict[str, object]:
    kind = "<class 'gymnasium.spaces.box.Box'>"
    return {":type:": kind, "_shape": shape, "dtype": "float32", "low_repr": "-1.0", "high_repr": "1.0"}


def discrete(num: str) -> dict[str, object]:
    return {":type:": "<class 'gymnasium.spaces.discrete.Discrete'>", "n": num, "start": "0"}


def bomb_in_weights() -> bytes:
    content = members(saved({"a": torch.zeros(3)}), "m")
    name = next(name for name in content if name.endswith("data/0"))
    return archive(*(content | {name: bytes(30 * 1024**2)}).items(), compression=zipfile.ZIP_DEFLATED)


def wide(model: bytes) -> bytes:
    """The model with a weight that claims 40 TB."""
    state = torch.load(io.BytesIO(members(model, "m")["policy.pth"]), weights_only=True)
    return with_weights(model, saved(state | {"q_net.q_net.0.weight": torch.zeros(1).expand(10**6, 10**7)}))


ZIPS = {
    "nothing": lambda model, folder: b"",
    "no archive": lambda model, folder: b"cposix\nsystem\n(S'true'\ntR.",
    "an archive that is cut": lambda model, folder: model[: len(model) // 2],
    "an archive without its end": lambda model, folder: model[:-5],
    "an archive with noise": lambda model, folder: model[:50] + os.urandom(200) + model[250:],
    "an archive of something else": lambda model, folder: archive(("a.txt", b"a")),
    "a climbing name": lambda model, folder: archive(("../../data", b"{}"), ("policy.pth", b"")),
    "a climbing name with backslashes": lambda model, folder: archive(("..\\data", b"{}")),
    "an absolute name": lambda model, folder: archive(("/etc/data", b"{}")),
    "a link": lambda model, folder: link("data"),
    "a zip bomb": lambda model, folder: archive(
        ("data", bytes(20 * 1024**2)), ("policy.pth", b""), compression=zipfile.ZIP_DEFLATED
    ),
    "60,000 members": lambda model, folder: claiming(model, 60_000, 10**6),
    "a list of 4 GB": lambda model, folder: claiming(model, 5, 0xFFFFFFFF),
    "data that is deep": lambda model, folder: archive(("data", b"[" * 200_000), ("policy.pth", b"")),
    "data that is no table": lambda model, folder: archive(("data", b"[1]"), ("policy.pth", saved({}))),
    "data with NaN": lambda model, folder: archive(("data", b'{"a": NaN}'), ("policy.pth", b"")),
    "data with a name twice": lambda model, folder: archive(("data", b'{"a": 1, "a": 2}'), ("policy.pth", b"")),
    "data with 5,000 digits": lambda model, folder: archive(
        ("data", b'{"a": ' + b"9" * 5000 + b"}"), ("policy.pth", b"")
    ),
    "data of bytes": lambda model, folder: archive(("data", b"\xff\xfe\x00"), ("policy.pth", b"")),
    "a space of 10^12": lambda model, folder: with_data(model, observation_space=box([10**6, 10**6])),
    "a space of negative size": lambda model, folder: with_data(model, observation_space=box([-3])),
    "10^30 actions": lambda model, folder: with_data(model, action_space=discrete("1" + "0" * 30)),
    "4 million actions": lambda model, folder: with_data(model, action_space=discrete("4000000")),
    "a class of its own": lambda model, folder: with_data(model, policy_class={"__module__": "evil"}),
    "an activation of its own": lambda model, folder: with_data(
        model, policy_kwargs={"activation_fn": "<class 'evil.E'>"}
    ),
    "weights that are pickled Python": lambda model, folder: with_weights(model, saved(canary(folder))),
    "weights that are a bare pickle": lambda model, folder: with_weights(model, pickle.dumps(canary(folder))),
    "weights that unpack to 30 MB": lambda model, folder: with_weights(model, bomb_in_weights()),
    "weights that claim 40 TB": lambda model, folder: wide(model),
    "weights of nothing": lambda model, folder: with_weights(model, saved({})),
    "weights that are not finite": lambda model, folder: with_weights(model, saved({"a": torch.tensor([np.inf])})),
    "weights that are cut": lambda model, folder: with_weights(model, members(model, "m")["policy.pth"][:-40]),
}


@pytest.mark.parametrize("kind", ZIPS)
def test_a_hostile_model_is_refused_in_a_sentence(model: bytes, tmp_path: Path, kind: str):
    path = tmp_path / "m.zip"
    path.write_bytes(ZIPS[kind](model, tmp_path))
    assert "m.zip" in refused(lambda: foreign_model(path, None), tmp_path)
    assert os.listdir(tmp_path) == ["m.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(tmp_path: Path):
    (tmp_path / "m.zip").write_bytes(archive(("data", b"{}"), ("data", b"[]"), ("policy.pth", b"")))
    assert "holds a member twice" in refused(lambda: foreign_model(tmp_path / "m.zip", None), tmp_path)


def test_an_encrypted_member_is_refused(model: bytes, tmp_path: Path):
    changed = bytearray(archive(("data", b"{}"), ("policy.pth", b"")))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(mark) + place] |= 1
    (tmp_path / "m.zip").write_bytes(changed)
    assert "linked or encrypted" in refused(lambda: foreign_model(tmp_path / "m.zip", None), tmp_path)


STRANGE_FILES = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "10 GB of nothing": lambda path: (path.touch(), os.truncate(path, 10 * 1024**3)),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("kind", STRANGE_FILES)
@pytest.mark.parametrize("name", ["m.zip", "m.pt", "v.pkl", "v.safetensors", "e.parquet"])
def test_what_is_no_regular_file_of_bearable_size_is_refused(tmp_path: Path, kind: str, name: str):
    path = tmp_path / name
    STRANGE_FILES[kind](path)
    if name.startswith("v"):
        refused(lambda: saved_normalizer(path, "0" * 64), tmp_path)
    elif name.startswith("e"):
        refused(lambda: from_parquet(path, ["a", "b"]), tmp_path)
    else:
        refused(lambda: foreign_model(path, None), tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (2**60).to_bytes(8, "little") + b"{}",
        (10).to_bytes(8, "little") + b'{"a":3}   ',
        (2).to_bytes(8, "little") + b"[]",
        (62).to_bytes(8, "little") + b'{"clip":{"dtype":"F64","shape":[9],"data_offsets":[0,7200000]}}',
        pickle.dumps({"clip": 1}),
    ],
)
def test_hostile_statistics_are_refused(tmp_path: Path, data: bytes):
    (tmp_path / "v.safetensors").write_bytes(data)
    refused(lambda: saved_normalizer(tmp_path / "v.safetensors"), tmp_path)


def parquet(path: Path, **change: object) -> None:
    write_table(path, {name: column for name, column in (ONE_STEP | change).items() if column is not None})


TRAJECTORIES = {
    "nothing": lambda path: path.write_bytes(b""),
    "its mark alone": lambda path: path.write_bytes(b"PAR1PAR1"),
    "a foot of 4 GB": lambda path: path.write_bytes(b"PAR1" + bytes(100) + b"\xff\xff\xff\xffPAR1"),
    "noise": lambda path: path.write_bytes(b"PAR1" + os.urandom(4000) + b"\x40\0\0\0PAR1"),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(canary(path.parent))),
    "text": lambda path: path.write_text("select * from read_text('/etc/passwd')"),
    "a file that is cut": lambda path: (parquet(path), path.write_bytes(path.read_bytes()[:-30])),
    "no steps": lambda path: parquet(path, step=None),
    "text for rewards": lambda path: parquet(path, reward=np.array(["a", "b"])),
    "no goals": lambda path: parquet(path, goal_a=None),
    "goals that are not finite": lambda path: parquet(path, goal_a=np.array([np.inf, np.nan])),
    "steps out of order": lambda path: parquet(path, step=np.array([3, -(2**62)])),
    "episodes without an end": lambda path: parquet(path, terminated=np.zeros(2, bool)),
    "a setting of control characters": lambda path: parquet(
        path, setting=np.array(["\x1b[2J\u202e" * 40, "s"]), terminated=np.zeros(2, bool)
    ),
}


@pytest.mark.parametrize("kind", TRAJECTORIES)
def test_a_hostile_trajectory_is_refused_in_a_sentence(tmp_path: Path, kind: str):
    path = tmp_path / "e.parquet"
    TRAJECTORIES[kind](path)
    refused(lambda: from_parquet(path, ["a", "b"]), tmp_path)


@pytest.mark.parametrize("name", ["e*.parquet", "e[1].parquet", "e?.parquet"])
def test_a_name_that_stands_for_several_files_is_refused(tmp_path: Path, name: str):
    parquet(tmp_path / "e1.parquet")
    refused(lambda: from_parquet(tmp_path / name, ["a", "b"]), tmp_path)


def test_a_parquet_file_is_still_fine_after_all_that(tmp_path: Path):
    parquet(tmp_path / "e.parquet")
    assert len(from_parquet(tmp_path / "e.parquet", ["a", "b"])[0]) == 2


class TestFolder:
    """A folder that ships modules under every name of Python's own, and some that Python or pytest look for."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory) -> Path:
        place = tmp_path_factory.mktemp("shipped")
        names = {
            *sys.stdlib_module_names,
            "evil",
            "conftest",
            "sitecustomize",
            "usercustomize",
            "trueaim",
            "numpy",
            "jax",
        }
        for name in names:
            (place / f"{name}.py").write_text("import builtins\nbuiltins.open(__file__ + '.ran', 'w').close()\n")
        run = Place(place / "run")
        run.folder.mkdir()
        asked = {
            "scenario": "evil:NAME",
            "options": {},
            "settings": {},
            "steps": 1,
            "seeds": [0],
            "alpha": 0.0,
            "toward": "s",
            "learner": {},
            "exact": False,
            "group": 1,
        }
        write_toml(run.record, {"schema_version": SCHEMA_VERSION, "asked": asked, "machine": {}})
        here = Path(__file__).with_name("foreign_walk.py").read_text()
        (place / "wanted.py").write_text(
            f"{here}\nfrom trueaim.agents.foreign import policy\n"
            "def make():\n    return policy(lambda seen: 1), walk_scenario()\n"
        )
        return place

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["report", "run"], 2),
            pytest.param(["audit", "run"], 2, marks=pytest.mark.slow),
            pytest.param(["audit", "wanted:make", "--levels", "8", "--no-cache"], 0, marks=pytest.mark.slow),
        ],
    )
    def test_nothing_in_it_is_imported_unless_it_is_named(self, folder: Path, words: list[str], code: int):
        command = Path(sys.executable).with_name("trueaim")
        if not command.exists():
            pytest.skip("the command line is not installed beside this Python")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [command, *words], cwd=folder, capture_output=True, text=True, env=environment, timeout=120
        )
        assert [path.name for path in folder.glob("*.ran")] == []
        assert done.returncode == code, done.stderr
        if code:
            assert re.fullmatch(r"trueaim: .{10,290}\n", done.stderr)
            assert "a run's folder never decides which code runs" in done.stderr


def of_long_episodes(answer):
    """A walk that gives something else back in the second step of its longest episodes."""

    class Strange(Walk):
        def step(self, action):
            usual = super().step(action)
            return answer(*usual) if self.length == LONGEST and self._shown[0] == 2 else usual

    return Strange


def raising(error: BaseException):
    def answer(*usual):
        raise error

    return answer


def hang(*usual):
    """Far longer than the limit, yet not for ever, so that a limit that fails does not stop the tests."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        time.sleep(0.01)


class Odd(BaseException):
    pass


def swallow(seen, *rest):
    """Catches the first call to order, and goes on."""
    try:
        hang()
    except BaseException:
        hang()


ENVIRONMENTS = {
    "hangs": (hang, "took longer than 0.3 s"),
    "hangs on after the first call to order": (swallow, "took longer than 0.3 s"),
    "shows NaN": (lambda seen, *rest: (seen * np.nan, *rest), "gave an observation that is not finite"),
    "shows another shape": (lambda seen, *rest: (np.zeros(3), *rest), "does not have the shape of its space"),
    "shows 800 MB": (lambda seen, *rest: (np.zeros(10**8), *rest), "does not have the shape of its space"),
    "shows nothing": (lambda seen, *rest: (None, *rest), "does not have the shape of its space"),
    "shows something ragged": (lambda seen, *rest: ([[1], [1, 2]], *rest), "does not have the shape of its space"),
    "pays nothing": (lambda seen, pay, *rest: (seen, None, *rest), "gave a reward that is no number (NoneType)"),
    "pays text": (lambda seen, pay, *rest: (seen, "1", *rest), "gave a reward that is no number (str)"),
    "pays twice": (lambda seen, pay, *rest: (seen, np.ones(2), *rest), "gave a reward that is no number (ndarray)"),
    "ends in text": (lambda seen, pay, end, *rest: (seen, pay, "no", *rest), "neither true nor false"),
    "tells nothing": (lambda *usual: (*usual[:4], None), "gave an info that is no table (NoneType)"),
    "tells 100 MB": (lambda *usual: (*usual[:4], {"a": [np.zeros(10**8, np.uint8)]}), "gave an info of 100.0 MB"),
    "gives four values": (lambda *usual: usual[:4], "gave back 4 values"),
    "gives nothing": (lambda *usual: None, "raised TypeError"),
    "raises": (raising(RuntimeError("x" * 10_000)), "raised RuntimeError"),
    "leaves Python": (raising(SystemExit(0)), "raised SystemExit (0)"),
    "raises what is no Exception": (raising(Odd("odd")), "raised Odd (odd)"),
    "runs out of memory": (raising(MemoryError()), "raised MemoryError"),
    "calls itself": (lambda *usual: (lambda f: f(f))(lambda f: f(f)), "raised RecursionError"),
}


@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_a_hostile_environment_is_a_named_failure_and_the_other_episodes_stay(kind: str):
    answer, words = ENVIRONMENTS[kind]
    scenario = walk_scenario(of_long_episodes(answer), step_seconds=0.3)
    begun = time.monotonic()
    episodes, notices = rollout(policy(lambda seen: 1), scenario, "train", 12, 5)
    assert 0 < len(episodes) < 12
    assert words in notices[0]
    assert len(notices[0]) < LONGEST_SENTENCE
    assert "\n" not in notices[0]
    assert (episodes.length < LONGEST).all()
    assert time.monotonic() - begun < 5


def test_an_environment_that_forks_does_not_play_twice():
    """The process that comes out of the environment's own fork ends with that step."""
    here, left = os.getpid(), []

    def fork(*usual):
        child = os.fork()
        if child:
            left.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return usual

    episodes, _ = rollout(policy(lambda seen: 1), walk_scenario(of_long_episodes(fork)), "train", 12, 5)
    if os.getpid() != here:
        os._exit(7)
    assert set(left) == {0}
    assert len(episodes) == 12


def test_an_environment_that_cannot_even_be_made_is_named():
    for error in (RuntimeError("broken"), SystemExit(3)):
        with pytest.raises(TrueAimError, match=r"setting 'train': making the environment raised"):
            rollout(policy(lambda seen: 1), walk_scenario(raising(error)), "train", 4, 5)
