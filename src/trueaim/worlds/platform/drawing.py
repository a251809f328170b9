"""Drawing pictures of the platform world from a few bytes, which say what is to be seen.

On a CPU each step of drawing is kept from being fused into the next one, which would do it again for every pixel and
color: what ends in a scatter is not. So the order here is tiles' numbers, one gather of whole tiles, bodies, and then
the part that is seen.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Int32, UInt8, UInt32

from trueaim.worlds.platform.art.tables import KINDS, NUM_ON_PAPER, Grain, Tables, tables
from trueaim.worlds.platform.art.themes import GROUNDS, REPEAT, WALLPAPERS

FRAME = 64
"""Pixels across the picture that an agent sees."""
FINE = Grain(pixels=5, phases=4, across=FRAME)
"""How that is drawn."""
CELLS = 13
"""Cells across a picture for people."""
SEEN = CELLS + 1
"""Cells across what a picture shows, those at its borders in part."""
MOST_SEEN = 20
"""Enemies that a picture can show. In 4,000 hard levels, 15 were the most in sight of any place."""
CHUNK = 128
"""Pictures that a CPU draws at a time, so that all that it works on stays in its cache: four times as fast as all."""
NUM_PAPERS = len(WALLPAPERS) + 1


class Header(NamedTuple):
    """What holds for a whole picture.

    Attributes:
        right, low: steps from the corner of the cell at the upper left to the middle of the first pixel.
        paper_column, paper_row: the wallpaper's cell there.
        ground: of `GROUNDS`.
        paper: of `WALLPAPERS`, or the number after them for the plain one.
        agent: suit, pose, and whether it looks to the left, as one number.
        enemies: species and step of their walk, as one number.
    """

    right: Int[Array, ""]
    low: Int[Array, ""]
    paper_column: Int[Array, ""]
    paper_row: Int[Array, ""]
    ground: Int[Array, ""]
    paper: Int[Array, ""]
    agent: Int[Array, ""]
    enemies: Int[Array, ""]


NUM_NOTES = len(Header._fields) + SEEN**2 + 3 * MOST_SEEN
"""Bytes that describe a picture: a header, then what each cell shows, then three numbers of each enemy."""


@dataclass(frozen=True)
class Drawing:
    """Draws pictures of one grain from notes, alone or in batches.

    A CPU draws a batch by chunks, anything else all at once, whether it is an axis of the notes or of `jax.vmap`.

    Attributes:
        grain: how finely.
    """

    grain: Grain

    def __call__(self, notes: UInt8[Array, "*batch byte"]) -> UInt8[Array, "*batch row column rgb"]:
        """The pictures that notes describe."""
        if notes.ndim == 1:
            return self._one(notes)
        pixels = self._many(notes.reshape(-1, notes.shape[-1]))
        return pixels.reshape(*notes.shape[:-1], *pixels.shape[1:])

    @cached_property
    def _tables(self) -> Tables:
        return tables(self.grain)

    @cached_property
    def _one(self) -> Any:
        return self._batched(self._drawn)

    @cached_property
    def _many(self) -> Any:
        return self._batched(self._in_chunks)

    def _batched(self, kernel: Any) -> Any:
        """The kernel, whose batches, and batches of batches, are drawn by this very rule as one flat batch."""
        found = jax.custom_batching.custom_vmap(kernel)
        found.def_vmap(lambda size, batched, notes: (self(notes), True))
        return found

    def _in_chunks(self, notes: UInt8[Array, "picture byte"]) -> UInt8[Array, "picture row column rgb"]:
        pixels: UInt8[Array, "picture row column rgb"] = jax.lax.platform_dependent(
            notes,
            cpu=lambda all_notes: jax.lax.map(self._drawn, all_notes, batch_size=min(CHUNK, len(all_notes))),
            default=jax.vmap(self._drawn),
        )
        return pixels

    def _drawn(self, notes: UInt8[Array, " byte"]) -> UInt8[Array, "row column rgb"]:
        grain, found, count = self.grain, self._tables, len(Header._fields)
        head = Header(*notes[:count].astype(jnp.int32))
        shown = notes[count : count + SEEN**2].reshape(SEEN, SEEN)
        bodies = notes[count + SEEN**2 :].reshape(MOST_SEEN, 3).astype(jnp.int32)
        corner = (head.low // grain.phases, head.right // grain.phases)
        pixels = with_enemies(grain, laid_out(found, tile_numbers(grain, shown, head)), bodies, head)
        whole = pixels.reshape(SEEN * grain.pixels, SEEN * grain.pixels)
        margin = (grain.across - grain.box) // 2
        whole = with_agent(found, whole, head.agent, (corner[0] + margin, corner[1] + margin))
        return unpacked(jax.lax.dynamic_slice(whole, corner, (grain.across, grain.across)))


@lru_cache(maxsize=4)
def drawing(grain: Grain) -> Drawing:
    """What draws pictures of this grain; the same one each time, so that it is compiled once."""
    return Drawing(grain)


def tile_numbers(grain: Grain, shown: UInt8[Array, "row column"], head: Header) -> Int32[Array, "row column"]:
    """The tile of each cell, which shows one of `KINDS`."""
    rows, columns = shown.shape
    down, across = (head.paper_row + jnp.arange(rows)) % REPEAT, (head.paper_column + jnp.arange(columns)) % REPEAT
    turn = head.low % grain.phases * grain.phases + head.right % grain.phases
    kind, filling = shown.astype(jnp.int32), len(KINDS) - NUM_ON_PAPER
    on_paper = ((turn * NUM_PAPERS + head.paper) * NUM_ON_PAPER + kind) * REPEAT**2 + down[:, None] * REPEAT + across
    first = grain.phases**2 * NUM_PAPERS * NUM_ON_PAPER * REPEAT**2
    solid = first + (turn * len(GROUNDS) + head.ground) * filling + kind - NUM_ON_PAPER
    numbers = jnp.where(kind < NUM_ON_PAPER, on_paper, solid).astype(jnp.int32).ravel()
    return written(numbers).reshape(rows, columns)


def written(numbers: Array) -> Array:
    """The same numbers, put into memory by a scatter, so that they are not worked out again wherever they are used."""
    blank = jnp.zeros(numbers.shape, numbers.dtype)
    return blank.at[np.arange(numbers.shape[0])].set(numbers, unique_indices=True, indices_are_sorted=True)


def laid_out(found: Tables, numbers: Int32[Array, "row column"]) -> UInt32[Array, "row high column wide"]:
    """Whole tiles where they belong, in one gather. A flat shape would cost a division for every pixel."""
    where = jax.lax.GatherDimensionNumbers(offset_dims=(1, 3), collapsed_slice_dims=(0,), start_index_map=(0,))
    tiles = jnp.asarray(found.tiles)
    pixels: UInt32[Array, "row high column wide"] = jax.lax.gather(
        tiles, numbers[..., None], where, (1, *tiles.shape[1:]), mode="promise_in_bounds"
    )
    return pixels


def with_enemies(
    grain: Grain,
    pixels: UInt32[Array, "row high column wide"],
    bodies: Int[Array, "enemy 3"],
    head: Header,
) -> UInt32[Array, "row high column wide"]:
    """The same pixels with enemies on them, each in the two cells that it overlaps.

    Args:
        grain: of the pixels.
        pixels: of whole cells.
        bodies: row and heading, 0 for none; the cell of the left edge, counted from before the first; steps into that.
        head: how the pixels lie, and what enemies look like.
    """
    row, heading = (bodies[:, 0] - 1) // 2, (bodies[:, 0] - 1) % 2
    edges = grain.steps + grain.phases - 1
    edge = bodies[:, 2] - head.right % grain.phases + grain.phases - 1
    number = (((head.enemies * 2 + heading) * grain.phases + head.low % grain.phases) * edges + edge) * 2
    sprites = jnp.asarray(tables(grain).enemies)[jnp.concatenate([number, number + 1])]
    row = jnp.where(bodies[:, 0] > 0, row, -1)
    cells = jnp.stack([jnp.tile(row, 2), jnp.concatenate([bodies[:, 1] - 1, bodies[:, 1]])], -1)
    where = jax.lax.ScatterDimensionNumbers(
        update_window_dims=(1, 2), inserted_window_dims=(0, 2), scatter_dims_to_operand_dims=(0, 2)
    )
    return jax.lax.scatter_max(pixels, cells, sprites, where, mode="drop")


def with_agent(
    found: Tables,
    pixels: UInt32[Array, "row column"],
    look: Int[Array, ""],
    corner: tuple[Int[Array, ""], Int[Array, ""]],
) -> UInt32[Array, "row column"]:
    """The same pixels with the agent on them: suit, pose and side; row and column of the corner of its square."""
    where = jax.lax.ScatterDimensionNumbers(
        update_window_dims=(0, 1), inserted_window_dims=(), scatter_dims_to_operand_dims=(0, 1)
    )
    return jax.lax.scatter_max(pixels, jnp.stack(corner), jnp.asarray(found.agents)[look], where, mode="clip")


def unpacked(pixels: UInt32[Array, "row column"]) -> UInt8[Array, "row column rgb"]:
    """Red, green and blue of packed pixels, from 0 to 255."""
    return jax.lax.bitcast_convert_type(pixels, jnp.uint8)[..., :3]


def large(pixels: int) -> Grain:
    """The grain of pictures for people, with so many pixels across a cell and 13 cells across."""
    return Grain(pixels, 1, CELLS * pixels)
