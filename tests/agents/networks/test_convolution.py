"""Convolutions and their gradients are those of XLA, and fast within a loop."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.agents.networks.convolution import LAYOUT, convolved

CASES = [
    ((8, 9), 3, 1, "SAME"),
    ((8, 9), 3, 2, "SAME"),
    ((7, 8), 4, 2, "VALID"),
    ((9, 8), 2, 1, "VALID"),
    ((1, 2), 3, 1, "SAME"),
    ((11, 10), 3, 3, "VALID"),
]


def stock(images, kernel, stride, padding):
    return jax.lax.conv_general_dilated(images, kernel, (stride, stride), padding, dimension_numbers=LAYOUT)


@pytest.mark.parametrize(("side", "size", "stride", "padding"), CASES)
def test_values_and_gradients_are_those_of_xla(side, size, stride, padding):
    """Also where the last rows and columns take no part, and under vmap over kernels."""
    keys = jax.random.split(jax.random.key(0), 3)
    images = jax.random.normal(keys[0], (2, 2, *side, 3))
    kernels = jax.random.normal(keys[1], (2, size, size, 3, 5))

    @partial(jax.jit, static_argnums=0)
    def both(function):
        def of_one(images, kernel, key):
            values, back = jax.vjp(lambda *given: function(*given, stride, padding), images, kernel)
            return values, *back(jax.random.normal(key, values.shape))

        return jax.vmap(of_one)(images, kernels, jax.random.split(keys[2]))

    for found, expected in zip(both(convolved), both(stock), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="elsewhere the gradients are those of XLA")
def test_gradients_within_a_loop_are_much_faster_than_those_of_xla():
    start = jnp.ones((16, 16, 16, 16)), jnp.ones((3, 3, 16, 16))

    def seconds(function):
        def slopes(given, _):
            values, back = jax.vjp(lambda *given: function(*given, 1, "SAME"), *given)
            return back(values), None

        run = jax.jit(lambda: jax.lax.scan(slopes, start, None, 4))
        jax.block_until_ready(run())
        begun = time.process_time()
        jax.block_until_ready(run())
        return time.process_time() - begun

    assert seconds(stock) > 5 * seconds(convolved)
