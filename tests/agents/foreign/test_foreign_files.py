"""Models in files act as they did when they were saved, and nothing pickled in them is opened unless it is trusted."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import typer
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from typer.testing import CliRunner

from trueaim.agents.foreign.archive import members, repacked
from trueaim.agents.foreign.files import foreign_model
from trueaim.agents.foreign.normalizer import saved_normalizer
from trueaim.agents.foreign.saved_spaces import printed_space
from trueaim.agents.foreign.saved_torch import weights_in
from trueaim.agents.foreign.sb3 import is_model, is_normalizer
from trueaim.app.convert_command import convert
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.files import write_tensors

sb3 = pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")
torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
NUM = 200
PICTURES = Box(0, 255, (36, 36, 3), np.uint8)


class Shows(gymnasium.Env):
    """Any spaces, one step."""

    def __init__(self, observation_space, action_space) -> None:
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, True, False, {}


FLAT = Box(-1, 1, (3,), np.float32)
ONE = Box(np.array([-2.0, 0.1], np.float32), np.array([2.0, 0.3], np.float32))
CASES = {
    "PPO": (sb3.PPO, "MlpPolicy", FLAT, Discrete(3), {}),
    "PPO continuous": (sb3.PPO, "MlpPolicy", FLAT, ONE, {}),
    "PPO with words": (
        sb3.PPO,
        "MlpPolicy",
        FLAT,
        Discrete(3),
        {"policy_kwargs": {"activation_fn": torch.nn.ELU, "net_arch": {"pi": [5, 7], "vf": [9]}}},
    ),
    "PPO that explores by state": (sb3.PPO, "MlpPolicy", FLAT, ONE, {"use_sde": True}),
    "A2C of pictures": (sb3.A2C, "CnnPolicy", PICTURES, Discrete(4), {}),
    "PPO of choices": (sb3.PPO, "MlpPolicy", MultiDiscrete([3, 4]), MultiDiscrete([2, 3]), {}),
    "PPO of bits": (sb3.PPO, "MlpPolicy", MultiBinary(4), MultiBinary(3), {}),
    "PPO of flat pictures": (sb3.PPO, "MlpPolicy", PICTURES, Discrete(2), {}),
    "PPO with its own layers": (
        sb3.PPO,
        "CnnPolicy",
        PICTURES,
        Discrete(2),
        {"policy_kwargs": {"features_extractor_kwargs": {"features_dim": 16}, "share_features_extractor": False}},
    ),
    "DQN": (sb3.DQN, "MlpPolicy", FLAT, Discrete(3), {"policy_kwargs": {"net_arch": [6]}}),
    "DQN of pictures": (sb3.DQN, "CnnPolicy", PICTURES, Discrete(3), {"buffer_size": 10}),
    "SAC": (sb3.SAC, "MlpPolicy", FLAT, ONE, {"policy_kwargs": {"net_arch": {"pi": [8], "qf": [9, 10]}}}),
    "TD3": (sb3.TD3, "MlpPolicy", FLAT, ONE, {"policy_kwargs": {"net_arch": [8, 8]}}),
    "DDPG": (sb3.DDPG, "MlpPolicy", FLAT, ONE, {"policy_kwargs": {"net_arch": [8]}}),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Every case once: the model and the file it was saved in."""
    folder = tmp_path_factory.mktemp("models")
    made = {}

    def get(name: str):
        if name not in made:
            kind, policy, observation, action, options = CASES[name]
            model = kind(policy, Shows(observation, action), seed=1, device="cpu", **options)
            path = folder / f"{len(made)}.zip"
            model.save(path)
            made[name] = model, path
        return made[name]

    return get


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seen_by(model, num: int = NUM):
    space = model.observation_space
    space.seed(3)
    rows = [space.sample() for _ in range(num)]
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]} if isinstance(space, Dict) else np.stack(rows)


def drawn(model, observations, deterministic: bool) -> np.ndarray:
    torch.manual_seed(5)
    return model.predict(observations, deterministic=deterministic)[0]


@pytest.mark.parametrize("name", CASES)
def test_a_saved_model_acts_as_the_original(saved, name: str):
    """The same likeliest actions, and the same distribution: equal draws from equal noise."""
    model, path = saved(name)
    again = foreign_model(path, None)
    assert is_model(again)
    assert again.algorithm == (type(model).__name__ if name != "DDPG" else "TD3")
    assert again.action_space == model.action_space
    assert again.observation_space == model.observation_space
    observations = seen_by(model)
    np.testing.assert_array_equal(drawn(again, observations, True), drawn(model, observations, True))
    if name.startswith("DQN"):
        assert again.exploration_rate == model.exploration_rate
    elif "by state" not in name:
        np.testing.assert_array_equal(drawn(again, observations, False), drawn(model, observations, False))


def test_pictures_are_taken_as_the_environment_shows_them(saved):
    """Channels last, where the network has them first."""
    model, path = saved("A2C of pictures")
    shown = np.moveaxis(seen_by(model, 20), 1, -1)
    np.testing.assert_array_equal(drawn(foreign_model(path, None), shown, True), drawn(model, shown, True))


def test_its_distribution_is_that_of_the_original(saved):
    model, path = saved("PPO")
    observations = torch.as_tensor(seen_by(model))
    own, other = (one.policy.get_distribution(observations).distribution for one in (model, foreign_model(path, None)))
    assert torch.equal(own.logits, other.logits)


def test_a_saved_dqn_explores_as_often_as_the_original(saved, tmp_path: Path):
    model, _ = saved("DQN")
    before, model.exploration_rate = model.exploration_rate, 0.5
    model.save(tmp_path / "m.zip")
    model.exploration_rate = before
    again = foreign_model(tmp_path / "m.zip", None)
    observations = np.zeros((3000, 3), np.float32)
    best = drawn(again, observations, True)
    shares = (drawn(again, observations, False) != best).mean()
    assert abs(shares - 0.5 * 2 / 3) < 4 * (0.22 / 3000) ** 0.5


def test_reading_a_model_leaves_the_state_of_randomness_alone(saved):
    _, path = saved("PPO")
    state = torch.get_rng_state()
    foreign_model(path, None)
    assert torch.equal(state, torch.get_rng_state())


def test_a_dictionary_of_observations_needs_the_environment_or_trust(tmp_path: Path):
    space = Dict(seen=Box(0, 255, (36, 36, 3), np.uint8), side=Discrete(3), place=FLAT)
    env = Shows(space, Discrete(2))
    options = {"features_extractor_kwargs": {"cnn_output_dim": 8}}
    model = sb3.PPO("MultiInputPolicy", env, seed=0, device="cpu", policy_kwargs=options)
    path = tmp_path / "m.zip"
    model.save(path)
    with pytest.raises(TrueAimError, match=rf"observation space is not written plainly \(give env=\).*{digest(path)}"):
        foreign_model(path, None)
    observations = seen_by(model, 50)
    expected = drawn(model, observations, True)
    for again in (foreign_model(path, None, env=env), foreign_model(path, digest(path))):
        np.testing.assert_array_equal(drawn(again, observations, True), expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"policy_class": {"__module__": "__main__"}}, "of a class that is not rebuilt here"),
        ({"policy_kwargs": {"activation_fn": "<class 'os.system'>"}}, "uses <class 'os.system'>"),
        ({"policy_kwargs": {"activation_fn": "<class 'torch.nn.modules.activation.Evil'>"}}, "uses <class"),
        ({"policy_kwargs": {"features_extractor_class": "<class '__main__.Mine'>"}}, "uses <class '__main__.Mine'>"),
        ({"policy_kwargs": {"squash_output": 3}}, "are not written plainly"),
        ({"policy_kwargs": {"magic": 3}}, "argument 'magic'"),
        ({"policy_kwargs": {":serialized:": "gASV"}}, "arguments of its policy are not written plainly"),
        ({"observation_space": None}, "observation space is not written plainly"),
        (
            {"observation_space": {":type:": "<class 'gymnasium.spaces.discrete.Discrete'>", "n": "7"}},
            "weights are not",
        ),
        (
            {"action_space": {":type:": "<class 'gymnasium.spaces.discrete.Discrete'>", "n": "4000000"}},
            "weights are not",
        ),
    ],
)
def test_what_cannot_be_rebuilt_is_refused_with_count_digest_and_what_to_do(saved, tmp_path: Path, change, words: str):
    _, path = saved("PPO")
    changed = altered(path, tmp_path / "a_name_that_is_rather_long_for_a_model_of_anyone.zip", change)
    with pytest.raises(TrueAimError) as caught:
        foreign_model(changed, None)
    said = str(caught.value)
    assert words in said
    assert f'trusted="sha256:{digest(changed)}"' in said
    assert "or load it and pass the model" in said
    assert len(said) < 300
    num = json.loads(zipfile.ZipFile(changed).read("data"))
    num = sum(isinstance(value, dict) and ":serialized:" in value for value in num.values())
    assert f"its {num} fields of pickled Python" in said


def altered(path: Path, to: Path, change: dict) -> Path:
    """The same model with other fields in its data."""
    content = members(path.read_bytes(), "m")
    content["data"] = json.dumps(json.loads(content["data"]) | change).encode()
    to.write_bytes(repacked(content))
    return to


def test_another_algorithm_than_the_one_asked_for_is_named(saved):
    _, path = saved("DQN")
    assert foreign_model(path, None, "DQN").algorithm == "DQN"
    assert foreign_model(saved("DDPG")[1], None, "DDPG").algorithm == "DDPG"
    with pytest.raises(TrueAimError, match="saved by DQN, not PPO"):
        foreign_model(path, None, "PPO")
    with pytest.raises(TrueAimError, match=r"algorithm: got 'PPPO'.*did you mean 'PPO'"):
        foreign_model(path, None, "PPPO")


def test_a_trusted_model_says_how_it_was_read(saved):
    model, path = saved("PPO continuous")
    again = foreign_model(path, f"sha256:{digest(path)}")
    assert again.action_space == model.action_space
    observations = seen_by(model)
    np.testing.assert_array_equal(drawn(again, observations, False), drawn(model, observations, False))
    assert again.remarks[0].startswith(f"{path.name} was unpickled, as its digest is trusted, in a process with")


def test_trust_in_other_bytes_is_no_trust(saved):
    _, path = saved("PPO")
    with pytest.raises(TrueAimError, match=rf"file's SHA-256 is {digest(path)}, not the trusted one"):
        foreign_model(path, "f" * 64)
    for wrong in ("yes", "sha256:", "f" * 63):
        with pytest.raises(TrueAimError, match="needs the SHA-256 of the file, 64 digits"):
            foreign_model(path, wrong)


@pytest.mark.parametrize("name", ["m.pkl", "m.npy", "m.npz", "m.joblib", "m.ckpt"])
def test_pickled_files_that_are_no_policy_are_never_opened(tmp_path: Path, name: str):
    with pytest.raises(TrueAimError, match="may hold pickled Python and is never opened"):
        foreign_model(tmp_path / name, "0" * 64)


def test_weights_alone_get_a_clear_sentence(tmp_path: Path):
    path = tmp_path / "weights.pt"
    torch.save(torch.nn.Linear(4, 2).state_dict(), path)
    with pytest.raises(
        TrueAimError, match=rf"may hold pickled Python.* its SHA-256 is {digest(path)}.*pass the module"
    ):
        foreign_model(path, None)
    with pytest.raises(TrueAimError, match=r"is no TorchScript module.*torch.load\(weights_only=True\)"):
        foreign_model(path, digest(path))


def packed_weights(content) -> bytes:
    made = io.BytesIO()
    torch.save(content, made)
    return made.getvalue()


def test_weights_are_read_as_they_were_written():
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}
    found = weights_in(packed_weights(state), "m")
    np.testing.assert_array_equal(found["a"], state["a"])
    np.testing.assert_array_equal(found["b"], state["b"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": torch.tensor(float("nan"))}, "not finite in 'a'"),
        ({"a": torch.zeros(1).expand(10**9)}, "something else than a dense array as 'a'"),
        ({"a": torch.eye(3).to_sparse()}, "something else than a dense array"),
        ({"a": 3}, "something else than a dense array"),
        ([torch.zeros(2)], "holds no table of arrays"),
        (torch.nn.Linear(2, 2), "holds more than arrays, which is not loaded"),
        ({f"a{n}": tensor for tensor in [torch.zeros(50_000)] for n in range(5)}, "claims arrays larger than itself"),
    ],
)
def test_weights_that_are_something_else_are_refused(content, words: str):
    with pytest.raises(DamagedError, match=words):
        weights_in(packed_weights(content), "m")


def test_an_old_torch_is_refused(monkeypatch):
    data = packed_weights({"a": torch.zeros(1)})
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(TrueAimError, match=r"torch: got version 2\.9\.1\+cpu, needs 2\.10 or later"):
        weights_in(data, "m")


@pytest.mark.parametrize(
    ("space"),
    [
        Discrete(5, start=2),
        MultiBinary(3),
        MultiDiscrete([2, 3, 4]),
        Box(-np.inf, np.inf, (2, 3)),
        Box(0, 255, (84, 84, 4), np.uint8),
        Box(np.array([0.5, -1e9]), np.array([1.5, 2e9]), dtype=np.float64),
        Box(-1, 1, (2000,)),
    ],
)
def test_a_space_is_read_from_what_the_library_prints_of_it(space):
    from stable_baselines3.common.save_util import data_to_json

    assert printed_space(json.loads(data_to_json({"a": space}))["a"]) == space


def test_a_space_whose_printed_numbers_were_left_out_is_not_guessed():
    from stable_baselines3.common.save_util import data_to_json

    uneven = Box(np.linspace(-2, -1, 2000), np.ones(2000))
    assert printed_space(json.loads(data_to_json({"a": uneven}))["a"]) is None


class TestNormalizer:
    @pytest.fixture(scope="class")
    def of(self):
        from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

        def made(space, **options):
            venv = VecNormalize(DummyVecEnv([lambda: Shows(space, Discrete(2))]), **options)
            venv.reset()
            for _ in range(20):
                venv.step(np.zeros(1, int))
            venv.training = False
            return venv

        return made

    @pytest.mark.parametrize(
        ("space", "options"),
        [
            (FLAT, {"clip_obs": 1.5}),
            pytest.param(FLAT, {"norm_obs": False}, marks=pytest.mark.slow),
            pytest.param(Dict(a=FLAT, b=Box(0, 9, (2,))), {}, marks=pytest.mark.slow),
            (Dict(a=FLAT, b=Box(0, 9, (2,))), {"norm_obs_keys": ["b"]}),
        ],
    )
    def test_it_normalizes_as_the_original_before_and_after_conversion(self, of, tmp_path: Path, space, options):
        venv, path = of(space, **options), tmp_path / "v.pkl"
        venv.save(str(path))
        with pytest.raises(TrueAimError, match=f"trueaim convert FILE --trust-pickle sha256:{digest(path)}"):
            saved_normalizer(path)
        found = saved_normalizer(path, digest(path))
        assert is_normalizer(found)
        assert "unpickled, as its digest is trusted" in found.remarks[0]
        write_tensors(tmp_path / "v.safetensors", found.tensors())
        observations = seen_by(Shows(space, Discrete(2)))
        for one in (found, saved_normalizer(tmp_path / "v.safetensors")):
            own, expected = one.normalize_obs(observations), venv.normalize_obs(observations)
            for key in space if isinstance(space, Dict) else [...]:
                np.testing.assert_array_equal(own[key], expected[key])

    @pytest.mark.parametrize(
        "arrays",
        [
            {},
            {"clip": np.array(1.0), "epsilon": np.array(1e-8), "mean/": np.zeros(2)},
            {"clip": np.array(1.0), "epsilon": np.array(np.nan)},
            {"clip": np.array([1.0]), "epsilon": np.array(1e-8)},
            {
                "clip": np.array(1.0),
                "epsilon": np.array(1e-8),
                "mean/": np.zeros(2),
                "var/": -np.ones(2),
                "count/": np.array(3.0),
            },
        ],
    )
    def test_numbers_that_are_no_statistics_are_refused(self, tmp_path: Path, arrays):
        write_tensors(tmp_path / "v.safetensors", arrays)
        with pytest.raises(DamagedError, match="holds no statistics of a VecNormalize"):
            saved_normalizer(tmp_path / "v.safetensors")

    def test_the_command_converts_what_is_trusted_and_nothing_else(self, of, tmp_path: Path):
        path, command = tmp_path / "v.pkl", typer.Typer()
        of(FLAT).save(str(path))
        command.command()(convert)
        refused = CliRunner().invoke(command, [str(path)])
        assert isinstance(refused.exception, TrueAimError)
        assert not (tmp_path / "v.safetensors").exists()
        words = [str(path), "--trust-pickle", f"sha256:{digest(path)}", "--json"]
        done = CliRunner().invoke(command, words)
        assert json.loads(done.stdout)["converted"] == str(tmp_path / "v.safetensors")
        assert saved_normalizer(tmp_path / "v.safetensors").obs_rms[""].mean.shape == (3,)

    def test_another_file_is_no_normalizer(self, tmp_path: Path):
        with pytest.raises(TrueAimError, match=r"normalize: got the file v.txt, needs the VecNormalize of training"):
            saved_normalizer(tmp_path / "v.txt")
