"""Where hyper-parameters come from, and what goes over what."""

from dataclasses import asdict, fields, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents import networks
from trueaim.app import library, requests
from trueaim.core.errors import TrueAimError
from trueaim.training import ppo
from trueaim.training.hyperparameters import LATER, PPO
from trueaim.training.plan import Plan
from trueaim.training.presets import PRESETS, hyperparameters

MAPS = scenarios.scenario("cheese_corner", size=7)
PICTURES = scenarios.scenario("cheese_corner", size=7, pixels=True)


def test_without_a_word_it_is_the_defaults_and_a_network_that_sees_what_is_shown():
    assert hyperparameters(MAPS) == PPO()
    assert hyperparameters(PICTURES) == PPO(network="pixels")
    for scenario in (MAPS, PICTURES):
        assert networks.default(scenario.observation) == hyperparameters(scenario).network
        Plan(scenario, 1, (0,), config=hyperparameters(scenario))  # which raises for a network that cannot see


def test_the_scenario_goes_over_defaults_a_preset_over_the_scenario_and_changes_over_all():
    scenario = replace(PICTURES, learner={"envs": 64, "parts": 2, "network": "pixels_gru"})
    assert hyperparameters(scenario) == PPO(envs=64, parts=2, network="pixels_gru")
    published = hyperparameters(scenario, "langosco_2022")
    assert (published.envs, published.parts, published.network) == (256, 2, "impala")
    changed = hyperparameters(scenario, "langosco_2022", {"network": "pixels", "envs": 64})
    assert changed == replace(published, network="pixels", envs=64)


def test_a_network_for_another_view_than_was_asked_for_gives_way():
    scenario = replace(PICTURES, learner={"network": "flat", "width": 8})
    assert hyperparameters(scenario) == PPO(network="pixels", width=8)
    assert hyperparameters(replace(scenario, world=MAPS.world)).network == "flat"


def test_words_become_numbers_and_what_does_not_fit_is_refused():
    words = {"width": "64", "scale_rewards": "true", "clip_value": "0.2", "normalize": "batch"}
    assert hyperparameters(MAPS, changes=words) == PPO(width=64, scale_rewards=True, clip_value=0.2, normalize="batch")
    for changes, part in (
        ({"widht": 8}, "learner option: got 'widht'.*did you mean 'width'"),
        ({"width": "wide"}, "learner.width: got 'wide'"),
        ({"width": 1.5}, "learner.width: got 1.5"),
        ({"network": "impla"}, "network: got 'impla'.*did you mean 'impala'"),
        ({"normalize": "minibach"}, "normalize: got 'minibach', needs one of: batch, minibatch, none"),
    ):
        with pytest.raises(TrueAimError, match=part):
            hyperparameters(MAPS, changes=changes)
    with pytest.raises(TrueAimError, match="learner: got 'langosco', needs one of: langosco_2022; did you mean"):
        hyperparameters(MAPS, "langosco")
    with pytest.raises(TrueAimError, match="learner option: got 'speed'"):
        hyperparameters(replace(MAPS, learner={"speed": 2}))
    with pytest.raises(TrueAimError, match="network: got 'windw'"):
        hyperparameters(replace(MAPS, learner={"network": "windw"}))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_everything_but_how_memory_is_spent(name):
    assert set(PRESETS[name]) == {field.name for field in fields(PPO)} - {"parts"}
    for key, value in PRESETS[name].items():
        assert type(value) is type(getattr(PPO(), key)), key


def test_the_published_runs_come_out_at_their_checkpoints():
    """65,536 steps an update, 8,192 a minibatch; 200 million steps end at 200,015,872, and 80 million at 80,084,992."""
    config = hyperparameters(PICTURES, "langosco_2022")
    assert config.steps_per_iteration == 65_536
    assert config.steps_per_iteration // config.minibatches == 8_192
    assert Plan(PICTURES, 200_000_000, (0,), config=config).asked().steps == 200_015_872
    larger = hyperparameters(PICTURES, "langosco_2022", {"envs": 512, "minibatches": 16, "network": "impala_x4"})
    assert Plan(PICTURES, 80_000_000, (0,), config=larger).asked().steps == 80_084_992


def test_a_preset_for_pictures_says_so_where_maps_are_seen():
    with pytest.raises(TrueAimError, match="network: got 'impala' where maps of cells are seen, needs one of: window"):
        Plan(MAPS, 1, (0,), config=hyperparameters(MAPS, "langosco_2022"))


def test_the_command_line_and_the_library_take_presets_by_name():
    asked = {"steps": 1, "seed": 0, "seeds": 1, "alpha": 0.0, "toward": None, "preset": None, "exact": True, "group": 1}
    words = ["scenario.size=7", "scenario.pixels=true", "learner.envs=64"]
    plan = requests.plan_for("cheese_corner", **asked, network="pixels", words=words, learner="langosco_2022")
    assert plan.config == replace(hyperparameters(PICTURES, "langosco_2022"), network="pixels", envs=64)
    assert requests.plan_for("cheese_corner", **asked, network=None, words=words).config == PPO("pixels", envs=64)
    with pytest.raises(TrueAimError, match=r"learner: got 'langosco_2021'.*did you mean 'langosco_2022'"):
        library.train(PICTURES, 1, learner="langosco_2021")
    with pytest.raises(TrueAimError, match="learner option: got 'widht'"):
        library.train(PICTURES, 1, widht=8)


def test_agents_learn_from_a_preset_made_small():
    """All options of the published agents at once, on maps instead of pictures."""
    small = {"network": "flat", "width": 8, "envs": 8, "rollout": 4, "minibatches": 2, "parts": 2, "epochs": 1}
    config = hyperparameters(MAPS, "langosco_2022", small)
    fixed = MAPS, config, jnp.float32(3), jnp.float32(0), "anywhere"

    @jax.jit
    def steps():
        begun = ppo.init(MAPS, config, 0, fixed[3], "anywhere")
        return begun, *jax.lax.scan(lambda state, _: ppo.iteration(*fixed, state), begun, None, 3)

    begun, ended, (metrics, _) = steps()
    assert all(np.isfinite(each).all() for each in metrics)
    assert (metrics.grad_norm > 0).all()
    for one, other in zip(*(jax.tree.leaves(state.network) for state in (begun, ended)), strict=True):
        assert (one != other).any()


def test_what_came_later_is_as_it_was_before():
    assert {name: asdict(PPO())[name] for name in LATER} == LATER
