"""Every scenario trains, several seeds in one program, and each seed as it would alone."""

import numpy as np
import pytest

from trueaim import scenarios
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import train
from trueaim.training.plan import Plan

CONFIG = PPO(width=16, envs=16, rollout=8, minibatches=2, chunk=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios.NAMES)
def test_seeds_train_together_as_they_do_alone(name: str) -> None:
    scenario = scenarios.scenario(name, **({"size": 7} if "size" in scenarios.options_of(name) else {}))
    together = train(Plan(scenario, 512, (0, 1), config=CONFIG, group=2)).record["curves"]
    alone = train(Plan(scenario, 512, (1,), config=CONFIG)).record["curves"]
    names = {row.name for row in alone.rows if row.seed == 1}
    assert {f"return/{setting}/{goal}" for setting in scenario.settings for goal in scenario.goal_names} <= names
    for curve in sorted(names):
        values = together.series(curve, 1)[1]
        assert np.isfinite(values).all() or curve == "episodes/ended", curve  # of none, where none is over yet
        np.testing.assert_allclose(values, alone.series(curve, 1)[1], rtol=0.05, atol=0.05, err_msg=curve)
    pairs = [(together.series(curve, 0)[1], together.series(curve, 1)[1]) for curve in sorted(names)]
    assert any(first != second for first, second in pairs)
