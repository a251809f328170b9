"""How fast the grid kernels are here: `python benchmarks/grid_kernels.py`.

Every figure is the median of several calls, each awaited, after one that compiles.
"""

import platform
from collections.abc import Callable
from os import sched_getaffinity
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from trueaim.worlds.grid.distances import distances
from trueaim.worlds.grid.layouts import LAYOUTS, Layout, blocks
from trueaim.worlds.grid.level import AGENT, WALL, thing_bit
from trueaim.worlds.grid.picture import packed_picture, picture

SPRITES = ("cheese", "dish")


class Rate(NamedTuple):
    """How many things are made in a second: the middle of several calls, the slowest, and the fastest."""

    middle: float
    least: float
    most: float


def rate(call: Callable[..., Any], *inputs: Any, count: int, repeats: int = 21) -> Rate:
    """How many things a second a jitted call makes that makes `count` of them."""
    jax.block_until_ready(call(*inputs))
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        jax.block_until_ready(call(*inputs))
        seconds.append(perf_counter() - start)
    return Rate(count / median(seconds), count / max(seconds), count / min(seconds))


def layout_rate(layout: Layout, batch: int = 4_096, density: float = 0.25) -> Rate:
    """Wall layouts a second."""
    keys = jax.random.split(jax.random.key(0), batch)
    return rate(jax.jit(jax.vmap(layout.draw, in_axes=(0, None))), keys, density, count=batch)


def distance_rate(height: int = 13, width: int = 13, batch: int = 4_096, density: float = 0.25) -> Rate:
    """Distance maps a second, each from one target that lies anywhere, walls by chance."""
    key_walls, key_targets = jax.random.split(jax.random.key(0))
    walls = jax.vmap(blocks(height, width).draw, in_axes=(0, None))(jax.random.split(key_walls, batch), density)
    place = jax.random.randint(key_targets, (batch,), 0, height * width)
    targets = jnp.zeros((batch, height * width), bool).at[jnp.arange(batch), place].set(True)
    shape = (batch, height, width)
    return rate(jax.jit(distances), walls.reshape(shape), targets.reshape(shape), count=batch)


def maze_distance_rate(height: int = 13, width: int = 13, batch: int = 4_096) -> Rate:
    """Distance maps a second on tree mazes, from the upper left corner: the longest ways."""
    keys = jax.random.split(jax.random.key(0), batch)
    walls = jax.vmap(LAYOUTS["kruskal"](height, width).draw, in_axes=(0, None))(keys, 0.0)
    targets = jnp.zeros((batch, height * width), bool).at[:, 0].set(True)
    shape = (batch, height, width)
    return rate(jax.jit(distances), walls.reshape(shape), targets.reshape(shape), count=batch)


def frame_rate(height: int = 13, width: int = 13, batch: int = 256, *, is_packed: bool = True) -> Rate:
    """Frames of 64 by 64 pixels a second: packed, or as red, green and blue."""
    draw = packed_picture if is_packed else picture
    keys = jax.random.split(jax.random.key(0), batch)
    walls = jax.vmap(blocks(height, width).draw, in_axes=(0, None))(keys, 0.25)
    cells = (walls * WALL).astype(jnp.uint8).at[:, 0].set(AGENT).at[:, 7].set(thing_bit(0)).at[:, 9].set(thing_bit(1))
    return rate(jax.jit(jax.vmap(lambda each: draw(each, height, width, SPRITES))), cells, count=batch, repeats=101)


def all_rates(height: int = 13, width: int = 13) -> dict[str, Rate]:
    """Every figure of this file by name."""
    rates = {f"layouts/s {name}": layout_rate(make(height, width)) for name, make in LAYOUTS.items()}
    rates["distance maps/s blocks 25%"] = distance_rate(height, width)
    rates["distance maps/s kruskal"] = maze_distance_rate(height, width)
    rates["frames/s 64x64 packed"] = frame_rate(height, width)
    rates["frames/s 64x64 rgb"] = frame_rate(height, width, is_packed=False)
    return rates


def main() -> None:
    cores = len(sched_getaffinity(0))
    print(f"13x13, {jax.default_backend()}, {platform.machine()}, {cores} cores, jax {jax.__version__}")
    print(f"{'':32}{'median':>14}{'slowest':>14}{'fastest':>14}")
    for name, figures in all_rates().items():
        print(f"{name:32}" + "".join(f"{figure:14,.0f}" for figure in figures))


if __name__ == "__main__":
    main()
