"""Stable-Baselines3 trains its own agents in our scenarios, without anything of ours in between."""

import numpy as np
import pytest

from trueaim.gymnasium_plugin import environment_id, register

torch = pytest.importorskip("torch")
stable_baselines3 = pytest.importorskip("stable_baselines3")
make_vec_env = pytest.importorskip("stable_baselines3.common.env_util").make_vec_env
torch.set_num_threads(1)
register()


def test_ppo_learns_to_get_the_cheese():
    """4,096 steps on open 7x7 maps: from finding it in less than two thirds of the episodes to nearly always."""
    options = {"size": 7, "layout": "open"}
    env = make_vec_env(environment_id("cheese_corner"), n_envs=8, seed=0, env_kwargs=options)
    model = stable_baselines3.PPO(
        "MlpPolicy", env, n_steps=64, batch_size=128, n_epochs=4, learning_rate=1e-3, seed=0, device="cpu"
    )
    model.learn(1_024)
    before = np.mean([episode["r"] for episode in model.ep_info_buffer])
    model.learn(3_072, reset_num_timesteps=False)
    assert before < 0.67
    assert np.mean([episode["r"] for episode in model.ep_info_buffer]) > 0.9
