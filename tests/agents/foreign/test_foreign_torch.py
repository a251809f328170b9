"""Torch modules and Stable-Baselines3 models act as they do in their own libraries."""

import hashlib
import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from typer.testing import CliRunner

from trueaim.agents.foreign import policy
from trueaim.agents.foreign.host import ready
from trueaim.app.cli import app
from trueaim.core.errors import TrueAimError

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")

OBSERVATIONS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
STARTS = np.ones(5, bool)


def act(taken, space, observations=OBSERVATIONS, starts=STARTS, memory=None, seed=0):
    agent = ready(taken, observations[0], space).agents[0]
    memory = agent.memory(len(observations)) if memory is None else memory
    return agent.act(observations, starts, memory, np.random.default_rng(seed))


def network() -> "torch.nn.Module":
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 3))


def test_a_module_acts_in_evaluation_mode_without_gradients():
    module = network()
    actions, _ = act(policy(module), Discrete(3))
    assert not module.training
    with torch.no_grad():
        expected = module(torch.as_tensor(OBSERVATIONS)).argmax(-1).numpy()
    np.testing.assert_array_equal(actions, expected)


def test_one_thread_while_it_acts_and_as_many_as_before_after():
    class Threads(torch.nn.Module):
        def forward(self, seen):
            assert torch.get_num_threads() == 1
            return torch.zeros(len(seen), 3)

    before = torch.get_num_threads()
    act(policy(Threads()), Discrete(3))
    assert torch.get_num_threads() == before


def test_a_distribution_is_sampled_repeatably_and_leaves_the_state_of_randomness_alone():
    class Gaussian(torch.nn.Module):
        def forward(self, seen):
            return torch.distributions.Normal(seen[:, :2], torch.ones(2))

    space = Box(-np.inf, np.inf, (2,))
    state = torch.get_rng_state()
    (first, _), (again, _), (other, _) = (act(policy(Gaussian(), greedy=False), space, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(state, torch.get_rng_state())
    greedy, _ = act(policy(Gaussian()), space)
    np.testing.assert_allclose(greedy, OBSERVATIONS[:, :2])


def test_doubles_and_bytes_become_what_the_parameters_are():
    module = torch.nn.Linear(4, 2)
    for observations in (OBSERVATIONS.astype(np.float64), (OBSERVATIONS > 0).astype(np.uint8)):
        actions, _ = act(policy(module), Discrete(2), observations)
        assert actions.shape == (5,)


def test_an_lstm_without_memory_is_noticed():
    module = torch.nn.LSTM(4, 3, batch_first=True)
    assert policy(module).detected.unused_memory == "LSTM"
    assert policy(module, memory=lambda num: None).detected.unused_memory == ""


def test_a_pickled_file_is_refused_with_its_digest(tmp_path: Path):
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(4, 2).state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(TrueAimError, match=f"may hold pickled Python.* its SHA-256 is {digest}"):
        policy(path)
    with pytest.raises(TrueAimError, match="not the trusted one"):
        policy(path, trusted="0" * 64)
    with pytest.raises(TrueAimError, match="is no TorchScript module"):
        policy(path, trusted=digest)


def test_a_trusted_torchscript_module_acts(tmp_path: Path):
    module = torch.nn.Linear(4, 3)
    torch.jit.script(module).save(tmp_path / "model.pt")
    digest = hashlib.sha256((tmp_path / "model.pt").read_bytes()).hexdigest()
    actions, _ = act(policy(tmp_path / "model.pt", trusted=digest), Discrete(3))
    with torch.no_grad():
        np.testing.assert_array_equal(actions, module(torch.as_tensor(OBSERVATIONS)).argmax(-1).numpy())


def test_nothing_in_a_refused_file_runs(tmp_path: Path):
    """A pickle that would make a file if it were opened."""
    canary, path = tmp_path / "canary", tmp_path / "model.zip"
    path.write_bytes(b"cposix\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR.")
    for trusted in (None, "f" * 64):
        with pytest.raises(TrueAimError, match=r"is no zip archive|not the trusted one"):
            policy(path, trusted=trusted, algorithm="PPO")
    assert not canary.exists()


class TestStableBaselines:
    @pytest.fixture(scope="class")
    def sb3(self):
        return pytest.importorskip("stable_baselines3")

    @staticmethod
    def venv(num: int = 2):
        from stable_baselines3.common.vec_env import DummyVecEnv

        return DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * num)

    def test_normalization_and_frames_are_those_of_its_environment(self, sb3):
        """Against the library's own pipeline: the same observations into both."""
        from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

        venv = VecNormalize(VecFrameStack(self.venv(), 3), norm_reward=False)
        model = sb3.PPO("MlpPolicy", venv, n_steps=64, batch_size=64, seed=0, device="cpu").learn(256)
        taken = policy(model)
        assert (taken.detected.normalization, taken.detected.stacked) == ("VecNormalize", 3)
        venv.training = False
        agent, memory = taken.agents[0], taken.agents[0].memory(2)
        seen, starts = venv.reset(), np.ones(2, bool)
        raw = np.array(venv.venv.venv.buf_obs[None])
        for _ in range(60):
            np.testing.assert_allclose(agent.inputs(raw, starts, memory), seen, rtol=1e-5, atol=1e-6)
            actions, memory = agent.act(raw, starts, memory, np.random.default_rng(0))
            np.testing.assert_array_equal(actions, model.predict(seen, deterministic=True)[0])
            seen, _, starts, _ = venv.step(actions)
            raw = np.array(venv.venv.venv.buf_obs[None])

    def test_recurrent_state_is_carried_and_forgotten_at_starts(self, sb3):
        contrib = pytest.importorskip("sb3_contrib")
        del sb3
        model = contrib.RecurrentPPO("MlpLstmPolicy", self.venv(), n_steps=16, batch_size=16, seed=0, device="cpu")
        taken = policy(model)
        assert taken.detected.recurrent
        agent, memory, state = taken.agents[0], taken.agents[0].memory(5), None
        for step in range(4):
            starts = np.full(5, step == 0)
            actions, memory = agent.act(OBSERVATIONS * step, starts, memory, np.random.default_rng(0))
            expected, state = model.predict(OBSERVATIONS * step, state, starts, deterministic=True)
            np.testing.assert_array_equal(actions, expected)
            np.testing.assert_array_equal(memory[1][0], state[0])

    def test_samples_repeat(self, sb3):
        model = sb3.PPO("MlpPolicy", self.venv(), seed=0, device="cpu")
        taken = policy(model, greedy=False)
        observations = np.zeros((200, 4), np.float32)
        draws = [act(taken, Discrete(2), observations, np.ones(200, bool), seed=seed)[0] for seed in (1, 1, 2)]
        np.testing.assert_array_equal(draws[0], draws[1])
        assert not np.array_equal(draws[0], draws[2])

    def test_a_saved_model_acts_without_anything_pickled_in_it(self, sb3, tmp_path: Path):
        model = sb3.PPO("MlpPolicy", self.venv(), seed=0, device="cpu")
        model.save(tmp_path / "model.zip")
        digest = hashlib.sha256((tmp_path / "model.zip").read_bytes()).hexdigest()
        taken = policy(tmp_path / "model.zip")
        assert (taken.name, taken.detected.kind, taken.detected.remarks) == ("PPO", "Stable-Baselines3 PPO", ())
        trusting = policy(tmp_path / "model.zip", trusted=f"sha256:{digest}", algorithm="PPO")
        assert "unpickled, as its digest is trusted" in trusting.detected.remarks[0]
        for one in (taken, trusting):
            actions, _ = act(one, Discrete(2))
            np.testing.assert_array_equal(actions, model.predict(OBSERVATIONS, deterministic=True)[0])

    def test_a_converted_normalization_is_that_of_the_original(self, sb3, tmp_path: Path):
        from stable_baselines3.common.vec_env import VecNormalize

        venv = VecNormalize(self.venv(), clip_obs=0.5)
        venv.reset()
        venv.save(str(tmp_path / "v.pkl"))
        model = sb3.PPO("MlpPolicy", venv, seed=0, device="cpu")
        with pytest.raises(TrueAimError, match="convert it to plain numbers: trueaim convert FILE"):
            policy(model, normalize=tmp_path / "v.pkl")
        digest = hashlib.sha256((tmp_path / "v.pkl").read_bytes()).hexdigest()
        words = ["convert", str(tmp_path / "v.pkl"), "--trust-pickle", f"sha256:{digest}", "--json"]
        done = CliRunner().invoke(app, words)
        assert json.loads(done.stdout)["converted"] == str(tmp_path / "v.safetensors")
        taken = policy(model, normalize=tmp_path / "v.safetensors")
        assert taken.detected.normalization == "Normalizer"
        venv.training = False
        inputs = taken.agents[0].inputs(OBSERVATIONS, STARTS, taken.agents[0].memory(5))
        np.testing.assert_array_equal(inputs, venv.normalize_obs(OBSERVATIONS))

    def test_observations_that_do_not_fit_are_named(self, sb3):
        model = sb3.PPO("MlpPolicy", self.venv(), seed=0, device="cpu")
        with pytest.raises(TrueAimError, match="needs the observations of its training"):
            act(policy(model), Discrete(2), np.zeros((5, 7), np.float32))

    def test_something_else_is_no_normalization(self, sb3):
        model = sb3.PPO("MlpPolicy", self.venv(), seed=0, device="cpu")
        with pytest.raises(TrueAimError, match="normalize: got int, needs the VecNormalize of training"):
            policy(model, normalize=3)
