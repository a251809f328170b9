"""A network's policy says what states are worth, from what it sees alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.learned import learned
from trueaim.agents.networks import build
from trueaim.agents.planted import uniform
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.play import begin, observe
from trueaim.core.policy import View


@pytest.mark.parametrize("name", ["flat", "gru"])
def test_the_value_is_the_networks_own(name: str) -> None:
    scenario = scenarios.scenario("cheese_corner", size=7)
    levels = audit_levels(scenario, scenario.train, root(0), 5)
    network = build(root(1), name, scenario.observation, len(scenario.world.actions), 8)
    running = jax.vmap(lambda index: begin(scenario, levels, index))(jnp.arange(5))
    view = View(jax.vmap(lambda one: observe(scenario, levels, one))(running), running, None)
    memory = jax.tree.map(lambda table: table + 0.3, network.start(5))
    policy = learned(jax.tree.map(lambda table: table[None], network), (0,))
    assert policy.value is not None
    found = policy.value(network, view, memory)
    assert found.shape == (5,)
    np.testing.assert_array_equal(found, network(view.observation, memory)[0].value)


def test_scripts_have_no_critic() -> None:
    assert uniform(scenarios.scenario("cheese_corner", size=7)).value is None
