"""Networks: shapes, gradients, and the window and the copies against explicit slow computations."""

from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.agents import networks
from trueaim.agents.learned import learned
from trueaim.core.play import Running
from trueaim.core.policy import View
from trueaim.core.scenario import Cells, Channel

WALL, AGENT, CHEESE, DISH = 1, 2, 4, 8
ACTIONS, WIDTH, BATCH = 3, 8, 5


def spec(copies=1):
    channels = (
        Channel("wall", WALL),
        Channel("agent", AGENT),
        Channel("cheese", CHEESE, copies),
        Channel("dish", DISH),
    )
    return Cells(4, 6, channels, "agent")


@partial(jax.jit, static_argnums=(0, 2))
def build(name, seed, cells):
    return networks.ALL[name](jax.random.key(seed), cells, ACTIONS, WIDTH)


@pytest.fixture(scope="module")
def seen():
    """A batch of maps with one agent each, and where it is."""
    generator = np.random.default_rng(0)
    maps = generator.choice([0, WALL, CHEESE, DISH, CHEESE + DISH], (BATCH, 4, 6)).astype(np.uint8)
    places = [(0, 0), (3, 5), (1, 2), (2, 0), (0, 5)]
    for number, place in enumerate(places):
        maps[number][place] = AGENT + CHEESE
    return jnp.array(maps), places


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("name", networks.ALL)
def test_outputs_have_their_shapes_and_gradients_reach_every_weight(name, copies, seen):
    network = build(name, 0, spec(copies))

    @jax.jit
    @partial(jax.grad, has_aux=True)
    def gradient(network):
        logits, value = network(seen[0])
        return jnp.square(logits).sum() * 1e4 + jnp.square(value - 1).sum(), (logits, value)

    slopes, (logits, value) = gradient(network)
    assert logits.shape == (BATCH, ACTIONS)
    assert value.shape == (BATCH,)
    assert np.isfinite(logits).all()
    assert np.isfinite(value).all()
    for path, leaf in jax.tree_util.tree_leaves_with_path(slopes):
        assert np.isfinite(leaf).all(), path
        assert (leaf != 0).any(), path


@pytest.mark.parametrize("name", networks.ALL)
def test_new_policies_are_nearly_uniform(name, seen):
    network = build(name, 1, spec())
    np.testing.assert_allclose(jax.nn.softmax(network(seen[0])[0]), 1 / ACTIONS, atol=0.05)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("sight", [1, 4])
def test_the_window_is_a_sum_over_what_is_there(copies, sight, seen):
    maps, places = seen
    network = build("window", 2, spec(copies))
    side = 2 * sight + 1
    around = jax.random.normal(jax.random.key(3), (2 + copies, side * side, WIDTH))
    whole = jax.random.normal(jax.random.key(4), (1 + copies, 24, WIDTH))
    network = replace(network, around=around, whole=whole, sight=sight)
    found = network.features(maps)
    maps, around, whole, standing = (np.asarray(array) for array in (maps, around, whole, network.standing))
    copied = {"wall": [0], "cheese": list(range(1, 1 + copies)), "dish": [1 + copies]}
    bits = {"wall": WALL, "cheese": CHEESE, "dish": DISH}
    for number, (row, column) in enumerate(places):
        total = np.asarray(network.bias) + standing[row * 6 + column]
        for name, rows in copied.items():
            for below in range(-sight, sight + 1):
                for right in range(-sight, sight + 1):
                    y, x = row + below, column + right
                    inside = 0 <= y < 4 and 0 <= x < 6
                    if maps[number, y, x] & bits[name] if inside else name == "wall":
                        spot = (below + sight) * side + right + sight
                        total = total + sum(around[copy, spot] for copy in rows)
            for place in range(24):
                if name != "wall" and maps[number].ravel()[place] & bits[name]:
                    total = total + sum(whole[copy - 1, place] for copy in rows)
        np.testing.assert_allclose(found[number], total, rtol=1e-4, atol=1e-4)


def test_three_copies_of_a_channel_are_three_inputs(seen):
    """A network with three equal cheese channels and one with a single channel of three copies agree."""
    maps = seen[0]
    triple = (
        Channel("wall", WALL),
        Channel("agent", AGENT),
        *(Channel(f"cheese {number}", CHEESE) for number in range(3)),
        Channel("dish", DISH),
    )
    for name in networks.ALL:
        one, three = build(name, 5, spec(3)), build(name, 5, Cells(4, 6, triple, "agent"))
        for left, right in zip(one(maps), three(maps), strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5, err_msg=name)


def test_greedy_takes_the_likeliest_and_sampling_all_in_their_shares(seen):
    class Fixed(eqx.Module):
        logits: jax.Array

        def __call__(self, observation):
            shape = (observation.shape[0], len(self.logits))
            return jnp.broadcast_to(self.logits, shape), jnp.zeros(shape[0])

    shares = jnp.array([0.2, 0.5, 0.3])
    network, num = Fixed(jnp.log(shares)), 4000
    running = Running(None, jnp.zeros(num, jnp.int32), ())
    view = View(jnp.zeros((num, 1, 1), jnp.uint8), running, None)
    greedy, sampled = learned(network, (0,), greedy=True), learned(network, (0,))
    assert (greedy.act(network, jax.random.key(0), view, ())[0] == 1).all()
    actions, _ = sampled.act(network, jax.random.key(0), view, ())
    error = 4 * np.sqrt(np.asarray(shares * (1 - shares)) / num)
    assert (np.abs(np.bincount(actions, minlength=3) / num - shares) < error).all()
    again, _ = sampled.act(network, jax.random.key(0), view, ())
    assert (actions == again).all()
