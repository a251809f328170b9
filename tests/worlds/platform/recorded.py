"""Recordings of the original CoinRun as tables of levels, where they are present."""

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.worlds.platform.level import BARRIER, CRATE, LAVA, MOST_ENEMIES, SAW, WALL, Levels, built

FOLDER = Path(os.environ.get("TRUEAIM_RECORDINGS", Path(__file__).parents[4] / "shared" / "reference" / "coinrun"))
FILES = ("coinrun_easy", "coinrun_hard", "coinrun_random_coin_hard")
needed = pytest.mark.skipif(
    not all((FOLDER / f"{name}.npz").exists() for name in FILES),
    reason="the recordings of the original are not here; TRUEAIM_RECORDINGS names their folder",
)
SOLID, LAVAS, UNSEEN, COIN_CODE, MARKER = (15, 16), (17, 18), 19, 1, -1
SAW_TYPE, ENEMY_TYPE, CRATE_TYPE = 2, 5, 20


class Recording(NamedTuple):
    """All recorded levels in one table, and what was recorded on each: arrays by name, and the file's name."""

    levels: Levels
    arrays: dict[str, np.ndarray]
    files: list[str]


@cache
def recording() -> Recording:
    """The three files together."""
    parts: list[tuple[np.ndarray, ...]] = []
    arrays: dict[str, list[np.ndarray]] = {}
    files = []
    for name in FILES:
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
            data = dict(file)
        parts += [_level(*row) for row in zip(data["grid"], data["entities"], strict=True)]
        files += [name] * len(data["seed"])
        for key in ("actions", "agent", "enemies", "reward", "length", "ended"):
            arrays.setdefault(key, []).append(_wide(data[key]) if key == "enemies" else data[key])
    tables = [jnp.asarray(np.stack(column)) for column in zip(*parts, strict=True)]
    return Recording(jax.jit(jax.vmap(built))(*tables), {k: np.concatenate(v) for k, v in arrays.items()}, files)


def _wide(enemies: np.ndarray) -> np.ndarray:
    found = np.full((*enemies.shape[:2], MOST_ENEMIES), np.nan, np.float32)
    found[..., : enemies.shape[2]] = enemies[..., 0]
    return found


def _level(grid: np.ndarray, entities: np.ndarray) -> tuple[np.ndarray, ...]:
    """What `built` needs of one level: cells, enemies, coin, random place, end."""
    cells = np.zeros(grid.shape, np.uint8)
    for bit, codes in ((WALL, SOLID), (LAVA, LAVAS), (BARRIER, (UNSEEN,))):
        cells |= np.where(np.isin(grid, codes), bit, 0).astype(np.uint8)
    starts: Any = np.zeros((MOST_ENEMIES, 3), np.int32)
    enemies = 0
    for kind, x, y, vx, *_ in entities[~np.isnan(entities[:, 0])]:
        row, column = int(y), int(x)
        if kind == ENEMY_TYPE:
            starts[enemies] = row, column, np.sign(vx)
            enemies += 1
        else:
            cells[row, column] |= {SAW_TYPE: SAW, CRATE_TYPE: CRATE}[int(kind)]
    coin, marker = (np.argwhere(grid == code)[0][::-1].astype(np.int32) for code in (COIN_CODE, MARKER))
    spot, end = sorted((coin, marker), key=lambda place: int(place[0]))
    return cells, starts, coin, spot, end
