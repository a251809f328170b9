"""Pickled files that would do harm: not opened by default, and confined where their digest is trusted."""

import io
import json
import os
import pickle
import socket
import time
import types
from pathlib import Path

import numpy as np
import pytest

from hostile_files import LONGEST_SENTENCE, Runs, canary, digest, refused, smallest_model
from trueaim.agents.foreign import trusted
from trueaim.agents.foreign.archive import members, repacked
from trueaim.agents.foreign.files import foreign_model
from trueaim.agents.foreign.normalizer import saved_normalizer
from trueaim.agents.foreign.trusted import opened
from trueaim.core.errors import TrueAimError

sb3 = pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")
torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> bytes:
    return smallest_model(tmp_path_factory.mktemp("model"))


def saved(value: object) -> bytes:
    made = io.BytesIO()
    torch.save(value, made)
    return made.getvalue()


def with_data(model: bytes, **change: object) -> bytes:
    content = members(model, "m")
    content["data"] = json.dumps(json.loads(content["data"]) | change).encode()
    return repacked(content)


class TestCanaries:
    """Pickles that would leave a file behind."""

    def test_a_pickled_field_of_a_model_is_never_looked_at(self, model: bytes, tmp_path: Path):
        """The model is whole without it, and acts."""
        import base64

        evil = {":type:": "<class 'int'>", ":serialized:": base64.b64encode(pickle.dumps(canary(tmp_path))).decode()}
        path = tmp_path / "m.zip"
        path.write_bytes(with_data(model, verbose=evil, replay_buffer=evil))
        assert foreign_model(path, None).predict(np.zeros((1, 4), np.float32), deterministic=True)[0].shape == (1,)
        with pytest.raises(TrueAimError, match="not the trusted one"):
            foreign_model(path, "f" * 64)
        assert not (tmp_path / "canary").exists()

    @pytest.mark.parametrize("name", ["v.pkl", "m.pt", "m.pth", "m.npy", "m.npz", "replay_buffer.pkl", "m.joblib"])
    def test_other_pickles_are_refused(self, tmp_path: Path, name: str):
        path, evil = tmp_path / name, canary(tmp_path)
        if name.endswith(("pt", "pth")):
            path.write_bytes(saved(evil))
        elif name.endswith(("npy", "npz")):
            with path.open("wb") as file:
                (np.savez if name.endswith("z") else np.save)(file, np.array([evil], object), allow_pickle=True)
        else:
            path.write_bytes(pickle.dumps(evil))
        for given in (None, "f" * 64):
            refused(lambda given=given: foreign_model(path, given), tmp_path)
            refused(lambda given=given: saved_normalizer(path, given), tmp_path)
        refused(lambda: foreign_model(path, digest(path)), tmp_path)  # a pickle that is no model runs even then not

    def test_a_trusted_model_is_opened_in_a_child_without_the_secrets_of_this_process(
        self, model: bytes, tmp_path: Path, monkeypatch
    ):
        import base64

        monkeypatch.setenv("PLANTED_TOKEN", "planted-secret-4711")
        look = (
            "(lambda os: 0.25 * ('planted-secret' in str(dict(os.environ)))"
            f" + 0.5 * (os.getpid() == {os.getpid()} or {str(Path.cwd())!r} == os.getcwd()))(__import__('os'))"
        )
        said = base64.b64encode(pickle.dumps(Runs(look))).decode()
        path = tmp_path / "m.zip"
        path.write_bytes(with_data(model, exploration_rate={":type:": "<class 'float'>", ":serialized:": said}))
        assert foreign_model(path, digest(path)).exploration_rate == 0.0

    def test_what_a_trusted_pickle_can_reach(self, tmp_path: Path, monkeypatch):
        """It reports by the statistics that it stands for: secret, writing, network, processes, memory, file size."""
        monkeypatch.setenv("PLANTED_TOKEN", "planted-secret-4711")
        with socket.create_server(("127.0.0.1", 0)) as server:
            tried = {
                "secret": "'planted-secret' in str(dict(os.environ)) or 'planted-secret' in str(sys.argv)",
                "writing": f"bool(os.open({str(tmp_path / 'canary')!r}, os.O_CREAT | os.O_WRONLY))",
                "network": f"bool(socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1))",
                "processes": "any(name.isdigit() and int(name) > 2 for name in os.listdir('/proc'))",
                "memory": "len(bytearray(64 * 1024 ** 3)) > 0",
                "file": "open('own', 'wb').write(bytes(10 ** 8)) > 0 and os.path.getsize('own') > 10 ** 7",
                "own": "open('own2', 'w').write('fine') == 4",
                "core": "resource.getrlimit(resource.RLIMIT_CORE)[1] != 0",
            }
            said = confess(tmp_path / "v.pkl", tried)
        found, remark = said
        assert not found["secret"] + found["memory"] + found["file"] + found["core"]
        assert found["own"]
        without = remark.split("process without")[-1].split("but with")[0] if "without" in remark else ""
        for name, word in (("network", "network"), ("writing", "writing elsewhere"), ("processes", "sight of other")):
            if word in without:
                assert not found[name], name
        assert not (tmp_path / "canary").exists() or "writing elsewhere" not in without

    @pytest.mark.parametrize("namespaces", [True, pytest.param(False, marks=pytest.mark.slow)])
    def test_a_trusted_pickle_cannot_outlive_its_time_nor_leave_anyone_behind(
        self, tmp_path: Path, monkeypatch, namespaces: bool
    ):
        """It forks a process that leaves its session, and both sleep."""
        if not namespaces:
            without_namespaces(tmp_path, monkeypatch)
        leave = (
            "(lambda os, time: (os.fork() == 0 and os.setsid(), time.sleep(100)))(__import__('os'), __import__('time'))"
        )
        begun = time.monotonic()
        with pytest.raises(TrueAimError, match="opening it took longer than 3 s and was stopped"):
            opened("normalizer", [pickle.dumps(Runs(leave))], "v.pkl", seconds=3)
        assert time.monotonic() - begun < 10
        assert confined_processes() == []

    @pytest.mark.slow
    def test_where_there_are_no_namespaces_the_remark_says_so(self, tmp_path: Path, monkeypatch):
        without_namespaces(tmp_path, monkeypatch)
        found, remark = confess(tmp_path / "v.pkl", {"own": "open('own', 'w').write('fine') == 4"})
        assert found["own"]
        assert "but with network, writing elsewhere, sight of other processes, as this machine allows no" in remark

    @pytest.mark.parametrize(
        ("expression", "words"),
        [
            ("__import__('os')._exit(0)", "ended without an answer"),
            *(
                pytest.param(expression, words, marks=pytest.mark.slow)
                for expression, words in (
                    ("__import__('ctypes').string_at(0)", "ended without an answer"),
                    ("1 / 0", "opening it raised 'ZeroDivisionError"),
                    ("[__import__('os').write(n, b'[]\\n' + bytes(20)) for n in range(3, 9)] * 0", ""),
                )
            ),
        ],
    )
    def test_a_trusted_pickle_that_dies_or_answers_nonsense_is_a_sentence(self, tmp_path: Path, expression, words):
        path = tmp_path / "v.pkl"
        path.write_bytes(pickle.dumps(Runs(expression)))
        with pytest.raises(TrueAimError, match=words) as caught:
            saved_normalizer(path, digest(path))
        assert len(str(caught.value)) < LONGEST_SENTENCE
        assert confined_processes() == []


def without_namespaces(folder: Path, monkeypatch) -> None:
    """As on a machine that allows none."""
    program = folder / "foreign" / "confined.py"
    program.parent.mkdir()
    program.write_text(trusted._PROGRAM.read_text().replace("if LIBC.unshare(flags) == 0:", "if False:"))
    monkeypatch.setattr(trusted, "_PROGRAM", program)


def confess(path: Path, tried: dict[str, str]) -> tuple[dict[str, bool], str]:
    """What of this a trusted VecNormalize manages, and how it was confined."""
    modules = ", ".join(f"{name}=__import__('{name}')" for name in ("os", "sys", "socket", "resource"))
    values = []
    for expression in tried.values():
        values.append(Runs(f"eval({expression!r}, dict({modules}))"))
    attempts = [f"(lambda: {value.expression})" for value in values]
    code = (
        "(lambda s: (exec('def tried(f):\\n try: return float(f())\\n except BaseException: return 0.0', s), "
        f"__import__('numpy').array([s['tried'](f) for f in ({', '.join(attempts)},)]))[1])({{}})"
    )
    stands = types.SimpleNamespace(mean=Runs(code), var=np.ones(len(tried)), count=1.0)
    given = types.SimpleNamespace(obs_rms=stands, norm_obs=True, clip_obs=10.0, epsilon=1e-8)
    path.write_bytes(pickle.dumps(given))
    found = saved_normalizer(path, digest(path))
    return dict(zip(tried, (found.obs_rms[""].mean > 0).tolist(), strict=True)), found.remarks[0]


def confined_processes() -> list[str]:
    """Processes of the program that opens pickles, told by their command line, whoever their parent is."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes()
        except OSError:
            continue
        if b"foreign/confined.py" in words:
            found.append(place.parent.name)
    return found
