"""Modules of real Flax, in both of its interfaces, act as they do by themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Discrete

pytest.importorskip("flax")
import flax.linen as nn
from flax import nnx

from trueaim.agents.foreign import policy
from trueaim.agents.foreign.host import ready
from trueaim.core.errors import TrueAimError

OBSERVATIONS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
ACTIONS = Discrete(3)


class Network(nn.Module):
    width: int = 8

    @nn.compact
    def __call__(self, seen):
        hidden = nn.tanh(nn.Dense(self.width)(seen))
        return nn.Dense(3)(hidden), nn.Dense(1)(hidden)


def acted(taken, seed=0, memory=None, starts=None):
    agent = ready(taken, OBSERVATIONS[0], ACTIONS).agents[0]
    starts = np.ones(6, bool) if starts is None else starts
    memory = agent.memory(6) if memory is None else memory
    return agent.act(OBSERVATIONS, starts, memory, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def trained():
    module = Network()
    return module, module.init(jax.random.key(1), jnp.zeros((1, 4)))


def test_a_linen_module_with_its_variables_acts(trained):
    module, variables = trained
    taken = policy(module, parameters=variables)
    assert taken.detected.kind == "Flax module Network"
    np.testing.assert_array_equal(acted(taken)[0], np.argmax(module.apply(variables, OBSERVATIONS)[0], -1))


def test_a_linen_module_samples_repeatably(trained):
    module, variables = trained
    taken = policy(module, parameters=variables, greedy=False)
    np.testing.assert_array_equal(acted(taken, 1)[0], acted(taken, 1)[0])
    assert any((acted(taken, seed)[0] != acted(taken, 1)[0]).any() for seed in range(2, 9))


def test_a_linen_module_without_its_variables_is_refused(trained):
    with pytest.raises(TrueAimError, match="got a Flax module Network without its variables"):
        policy(trained[0])


def test_variables_of_another_shape_are_a_sentence(trained):
    module, _ = trained
    wrong = module.init(jax.random.key(1), jnp.zeros((1, 5)))
    with pytest.raises(TrueAimError, match=r"policy: raised ScopeParamShapeError"):
        acted(policy(module, parameters=wrong))


def test_a_recurrent_linen_module_carries_its_memory():
    class Remembers(nn.Module):
        @nn.compact
        def __call__(self, seen, memory):
            memory, out = nn.GRUCell(5)(memory, seen)
            return nn.Dense(3)(out), memory

    module = Remembers()
    variables = module.init(jax.random.key(0), jnp.zeros((2, 4)), jnp.zeros((2, 5)))
    taken = policy(module, parameters=variables, memory=lambda num: np.zeros((num, 5), np.float32))
    assert taken.detected.recurrent
    actions, memory = acted(taken)
    logits, expected = module.apply(variables, OBSERVATIONS, np.zeros((6, 5), np.float32))
    np.testing.assert_array_equal(actions, np.argmax(logits, -1))
    np.testing.assert_allclose(memory, expected, rtol=1e-6)
    again, _ = acted(taken, memory=memory, starts=np.zeros(6, bool))
    np.testing.assert_array_equal(again, np.argmax(module.apply(variables, OBSERVATIONS, expected)[0], -1))


def test_an_nnx_module_acts_as_it_is():
    """It holds its own parameters, and is called like a function."""

    class Stateful(nnx.Module):
        def __init__(self, rngs):
            self.first, self.last = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)

        def __call__(self, seen):
            return self.last(nnx.relu(self.first(seen)))

    module = Stateful(nnx.Rngs(0))
    taken = policy(module)
    np.testing.assert_array_equal(acted(taken)[0], np.argmax(module(OBSERVATIONS), -1))
    assert ready(taken, OBSERVATIONS[0], ACTIONS).agents[0].detected.batched is True
