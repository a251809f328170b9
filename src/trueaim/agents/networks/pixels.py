"""An eye for pictures, small enough for a CPU: the first two convolutions of Mnih et al. 2015 (Nature 518), thinner.

The first one, 8x8 with stride 4, is done as a 2x2 convolution over blocks of 4x4 pixels: it is the same sum, but over
48 channels at once where a convolution over 3 runs at a tenth of a CPU's speed.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from trueaim.agents.networks.layers import Dense, dense, with_flags
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.scenario import Pixels, Seen

BLOCK = 4
"""Pixels across a block: the stride of the first convolution, whose kernel is two blocks across."""
CHANNELS = (16, 32)
SMALLEST = 20
"""Pixels across a picture of which the second convolution makes one place."""


class Look(eqx.Module):
    """Convolutions 8x8 with stride 4 and 4x4 with stride 2, then a layer on the result and the flags."""

    near: Float[Array, "row column inputs channel"]
    far: Float[Array, "row column inputs channel"]
    last: Dense
    spec: Pixels = eqx.field(static=True)

    def __call__(self, observation: Seen) -> Float[Array, "batch width"]:
        """The last layer's sums, before any nonlinearity."""
        hidden = blocks(observation.cells).astype(jnp.float32) / 255 - 0.5
        hidden = jax.nn.relu(_convolved(hidden, self.near, 1))
        hidden = jax.nn.relu(_convolved(hidden, self.far, 2))
        return self.last(with_flags(hidden.reshape(hidden.shape[0], -1), observation.flags))


def blocks(picture: UInt8[Array, "batch row column rgb"]) -> UInt8[Array, "batch high wide numbers"]:
    """All numbers of each block of pixels beside one another; rows and columns that fill no block are left out."""
    batch, rows, columns, colors = picture.shape
    high, wide = rows // BLOCK, columns // BLOCK
    whole = picture[:, : high * BLOCK, : wide * BLOCK].reshape(batch, high, BLOCK, wide, BLOCK, colors)
    return whole.swapaxes(2, 3).reshape(batch, high, wide, -1)


def _convolved(images: Array, kernel: Array, stride: int) -> Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(images, kernel, (stride, stride), "VALID", dimension_numbers=layout)


def pixels(key: Key[Array, ""], spec: Pixels, width: int) -> Look:
    """One layer of `width` above two convolutions; raises for pictures that leave these nothing to see."""
    if min(spec.height, spec.width) < SMALLEST:
        raise TrueAimError(
            f"picture: got {spec.height}x{spec.width}, needs at least {SMALLEST} pixels across; scale it"
        )
    initial, (first, second) = jax.nn.initializers.he_normal(), CHANNELS
    near = initial(stream(key, "near"), (2, 2, 3 * BLOCK**2, first))
    far = initial(stream(key, "far"), (4, 4, first, second))
    sides = [(length // BLOCK - 1 - 4) // 2 + 1 for length in (spec.height, spec.width)]
    inputs = sides[0] * sides[1] * second + len(spec.flags)
    return Look(near, far, dense(stream(key, "last"), inputs, width), spec)
