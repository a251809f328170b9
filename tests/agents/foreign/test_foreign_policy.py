from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from trueaim.agents.foreign import policy
from trueaim.agents.foreign.host import HostPolicy, ready
from trueaim.agents.foreign.outputs import chosen
from trueaim.core.errors import TrueAimError
from trueaim.core.policy import Policy

OBSERVATIONS = np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5], [-2.0, 0.0, 4.0], [1.0, 1.0, 1.0]])
WEIGHTS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]])
TWO = Discrete(2)
BEST = np.argmax(OBSERVATIONS @ WEIGHTS, -1)


def acted(taken: HostPolicy | Policy, space=TWO, observations=OBSERVATIONS, seed=0):
    assert isinstance(taken, HostPolicy)
    fitted = ready(taken, observations[0], space)
    agent = fitted.agents[0]
    starts = np.ones(len(observations), bool)
    actions, memory = agent.act(observations, starts, agent.memory(len(observations)), np.random.default_rng(seed))
    return actions, memory, agent.detected


def test_a_function_of_one_observation_is_found_out():
    actions, _, detected = acted(policy(lambda seen: int(np.argmax(seen @ WEIGHTS))))
    np.testing.assert_array_equal(actions, BEST)
    assert detected.batched is False
    assert detected.remarks == ("The function was found to take one observation at a time.",)


def test_a_function_of_a_batch_is_found_out():
    actions, _, detected = acted(policy(lambda seen: np.argmax(seen @ WEIGHTS, -1)))
    np.testing.assert_array_equal(actions, BEST)
    assert detected.batched is True


def test_a_function_that_indexes_into_a_batch_by_accident_is_no_batch_function():
    """`seen[1] > 0` of a batch is a row of answers, one for each feature, whatever the size of the batch."""
    actions, _, detected = acted(policy(lambda seen: seen[1] > 0))
    np.testing.assert_array_equal(actions, OBSERVATIONS[:, 1] > 0)
    assert detected.batched is False


def test_dictionaries_are_passed_on_row_by_row():
    observations = {"a": OBSERVATIONS, "b": np.arange(4)}
    agent = policy(lambda seen: int(seen["b"] % 2 == 0 and seen["a"][0] >= 0)).agents[0]
    fitted = agent.fit({"a": OBSERVATIONS[0], "b": np.array(0)}, TWO)
    actions, _ = fitted.act(observations, np.ones(4, bool), (), np.random.default_rng(0))
    assert actions.tolist() == [1, 0, 0, 0]


def test_a_jax_function_with_parameters_takes_its_likeliest_action():
    taken = policy(
        lambda parameters, seen: (seen @ parameters, jnp.zeros(seen.shape[0])), parameters=jnp.array(WEIGHTS)
    )
    actions, _, detected = acted(taken)
    np.testing.assert_array_equal(actions, BEST)
    assert detected.kind == "JAX function"


def test_an_equinox_module_of_single_observations_is_vectorized():
    linear = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    actions, _, detected = acted(policy(linear))
    logits = OBSERVATIONS @ np.asarray(linear.weight).T + np.asarray(linear.bias)
    np.testing.assert_array_equal(actions, np.argmax(logits, -1))
    assert detected.batched is False


class _Flax:
    """Has what Flax modules have, which is all that is looked at."""

    def init(self, key):
        del key
        return {"params": jnp.array(WEIGHTS)}

    def apply(self, variables, seen):
        return seen @ variables["params"]


def test_a_flax_module_needs_its_variables():
    module = _Flax()
    actions, _, _ = acted(policy(module, parameters=module.init(None)))
    np.testing.assert_array_equal(actions, BEST)
    with pytest.raises(TrueAimError, match="without its variables, needs them; pass parameters=variables"):
        policy(module)


def test_memory_is_carried_from_step_to_step():
    def counting(seen, count):
        return np.asarray(count) % 2, count + 1

    fitted = ready(policy(counting, memory=lambda num: np.zeros(num, int)), OBSERVATIONS[0], TWO)
    agent, draw = fitted.agents[0], np.random.default_rng(0)
    memory = agent.memory(4)
    for expected in (0, 1, 0):
        actions, memory = agent.act(OBSERVATIONS, np.ones(4, bool), memory, draw)
        assert actions.tolist() == [expected] * 4
    assert agent.detected.recurrent


def test_samples_follow_the_logits_and_repeat():
    logits = np.log(np.tile([0.2, 0.8], (4000, 1)))
    taken = policy(lambda seen: logits[: len(seen)], greedy=False)
    observations = np.zeros((4000, 3))
    first, again = (acted(taken, observations=observations, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert abs(first.mean() - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 4000)


@pytest.mark.parametrize(
    ("output", "space", "expected"),
    [
        (np.array([1, 0]), Discrete(3), [1, 0]),
        (np.array([[1.0], [2.0]]), Discrete(3), [1, 2]),
        (np.array([[0.1, 0.9, 0.0], [5.0, 1.0, 2.0]]), Discrete(3), [1, 0]),
        (np.array([[0.1, 0.9, 0.0], [5.0, 1.0, 2.0]]), Discrete(3, start=10), [11, 10]),
        (np.array([[0.0, 1.0, 3.0, 2.0, 1.0], [1.0, 0.0, 0.0, 2.0, 9.0]]), MultiDiscrete([2, 3]), [[1, 0], [0, 2]]),
        (np.array([[3.0, -2.0], [-1.0, 1.0]]), MultiBinary(2), [[1, 0], [0, 1]]),
        (np.array([[0.25], [-0.5]]), Box(-1, 1, (1,)), [[0.25], [-0.5]]),
        (np.array([0.25, -0.5]), Box(-1, 1, (1,)), [[0.25], [-0.5]]),
    ],
)
def test_outputs_become_actions(output, space, expected):
    actions = chosen(output, space, 2, True, np.random.default_rng(0), lambda *_: None)
    np.testing.assert_allclose(actions, expected)


@pytest.mark.parametrize(
    ("output", "space", "needs"),
    [
        (np.zeros((2, 4)), Discrete(3), r"2 whole numbers or logits of shape \(2, 3\)"),
        (np.array([0.5, 0.5]), Discrete(3), "2 whole numbers or logits"),
        (np.zeros((2, 3)), MultiDiscrete([2, 2]), r"whole numbers of shape \(2, 2\) or logits of shape \(2, 4\)"),
        (np.zeros((2, 3)), Box(-1, 1, (2,)), r"numbers of shape \(2, 2\)"),
    ],
)
def test_outputs_that_fit_nothing_are_named(output, space, needs):
    with pytest.raises(TrueAimError, match=needs):
        chosen(output, space, 2, True, np.random.default_rng(0), lambda *_: None)


def test_a_list_is_a_group_of_agents():
    taken = policy([lambda seen: 0, lambda seen: 1], name="pair")
    assert isinstance(taken, HostPolicy)
    assert (taken.name, taken.seeds, len(taken.agents)) == ("pair", (0, 1), 2)


def test_parameters_in_a_list_belong_to_the_agents_one_by_one():
    def apply(parameters, seen):
        return seen @ parameters

    taken = policy([apply, apply], parameters=[jnp.array(WEIGHTS), -jnp.array(WEIGHTS)])
    fitted = ready(taken, OBSERVATIONS[0], TWO)
    chosen_by = [agent.act(OBSERVATIONS, np.ones(4, bool), (), np.random.default_rng(0))[0] for agent in fitted.agents]
    np.testing.assert_array_equal(chosen_by[0], BEST)
    np.testing.assert_array_equal(chosen_by[1], np.argmin(OBSERVATIONS @ WEIGHTS, -1))


def test_our_own_policies_pass_through(tmp_path: Path):
    own = Policy("own", lambda *_: None)
    assert policy(own) is own
    assert policy(tmp_path, runs=lambda folder: Policy(folder.name, lambda *_: None)).name == tmp_path.name


@pytest.mark.parametrize(
    ("given", "options", "sentence"),
    [
        (3, {}, "policy: got int, needs a Stable-Baselines3 model, a torch module, .* pass one of these"),
        ([], {}, "policy: got an empty list"),
        ([lambda seen: 0], {"parameters": [1, 2]}, "parameters: got 2 for 1 agents"),
        (lambda seen: 0, {"stack": 4}, "normalize= or stack= with a function, needs a Stable-Baselines3 model"),
        ("nowhere.zip", {}, "could not be read"),
        ("notes.txt", {}, "needs a finished run's folder"),
    ],
)
def test_what_is_not_accepted_is_named(given, options, sentence):
    with pytest.raises(TrueAimError, match=sentence):
        policy(given, **options)


def test_a_folder_needs_a_loader(tmp_path: Path):
    with pytest.raises(TrueAimError, match="needs a way to load runs here"):
        policy(tmp_path)


def test_a_function_that_takes_nothing_of_the_kind_says_so():
    with pytest.raises(TrueAimError, match=r"raised KeyError .* for one observation of shape \(3,\)"):
        acted(policy(lambda seen: {}["x"]))


def test_a_policy_that_raises_later_is_named():
    calls = []

    def failing(seen):
        calls.append(1)
        if len(calls) > 3:
            raise ValueError("too late")
        return np.zeros(len(seen), int)

    fitted = ready(policy(failing), OBSERVATIONS[0], TWO)
    agent = fitted.agents[0]
    agent.act(OBSERVATIONS, np.ones(4, bool), (), np.random.default_rng(0))
    with pytest.raises(TrueAimError, match=r"raised ValueError \(too late\) for observations of shape \(4, 3\)"):
        agent.act(OBSERVATIONS, np.ones(4, bool), (), np.random.default_rng(0))
