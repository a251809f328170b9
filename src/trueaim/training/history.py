"""What one group of agents has behind it: its newest state, its curves, and both on disk."""

import os
import shutil
import time
from typing import Any

import jax
import numpy as np

from trueaim.core.errors import TrueAimError
from trueaim.core.run import Asked, Place
from trueaim.training import checkpoint
from trueaim.training.curves import Row

SECONDS_BETWEEN_CHECKPOINTS = 15.0
SECONDS_VARIABLE = "TRUEAIM_CHECKPOINT_SECONDS"
"""Environment variable: another number of seconds; 0 saves after every chunk."""


def seconds_between_checkpoints() -> float:
    """How long training goes on before it saves again: `TRUEAIM_CHECKPOINT_SECONDS`, or 15."""
    chosen = os.environ.get(SECONDS_VARIABLE) or SECONDS_BETWEEN_CHECKPOINTS
    try:
        seconds = float(chosen)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise TrueAimError(f"{SECONDS_VARIABLE}: got {str(chosen)[:40]!r}, needs seconds of at least 0; change it")
    return seconds


class History:
    """Keeps a group's state and curves; with a place, on disk as well.

    Attributes:
        asked: the request.
        seeds: of the group.
        place: the run's folder, or None.
        drifted: whether results may differ from an unbroken run in their last bits.
        rows: all numbers logged so far.
        state: the newest state, once training is done.
        iteration: of the state that was restored; 0 for a new run.
        notices: sentences about damage that was passed over.
    """

    def __init__(self, asked: Asked, seeds: tuple[int, ...], place: Place | None, drifted: bool) -> None:
        self.asked, self.seeds, self.place, self.drifted = asked, seeds, place, drifted
        self.rows: list[Row] = []
        self.state: Any = None
        self.iteration = 0
        self.notices: list[str] = []
        self._unsaved: list[Row] = []
        self._parts: list[checkpoint.Named] = []
        self._every, self._saved_at = seconds_between_checkpoints(), time.monotonic()
        label = f"seed-{seeds[0]}" if len(seeds) == 1 else f"seeds-{seeds[0]}-{seeds[-1]}"
        self._checkpoints = place.checkpoints / label if place else None
        self._metrics = place.metrics / label if place else None

    def restore(self, like: Any) -> Any | None:
        """The newest state on disk that verifies, or None for a new run; changes nothing on disk."""
        if self._checkpoints is None or self._metrics is None or not checkpoint.saved(self._checkpoints):
            return None
        state, manifest, self.notices = checkpoint.read(self._checkpoints, like, self._metrics)
        self.iteration, self._parts = manifest.iteration, list(manifest.metrics)
        self.drifted = self.drifted or manifest.drifted
        for part in self._parts:
            table = checkpoint.read_part(self._metrics, part)
            columns = (table["seed"], table["step"], table["name"], table["value"])
            self.rows += [
                Row(int(seed), int(step), str(name), float(value))
                for seed, step, name, value in zip(*columns, strict=True)
            ]
        return state

    def drop_later(self) -> None:
        """Remove what lies beyond the restored state; only for who holds the folder and trains on."""
        if self._checkpoints is None or self._metrics is None or not self._metrics.is_dir():
            return
        named = {part.name for part in self._parts}
        for path in self._metrics.iterdir():
            if path.name not in named:
                path.unlink()
        for path in checkpoint.saved(self._checkpoints):
            if int(path.name) > self.iteration:
                shutil.rmtree(path)

    def add(self, rows: list[Row]) -> None:
        """Log some numbers."""
        self.rows += rows
        self._unsaved += rows

    def reached(self, state: Any, iteration: int, last: bool) -> None:
        """Save the state if it is time to, or if it is the last one."""
        due = time.monotonic() - self._saved_at >= self._every
        if self._checkpoints is None or self._metrics is None or not (due or last):
            return
        if self._unsaved:
            part = checkpoint.write_part(self._metrics, f"{iteration:09d}.parquet", self._unsaved)
            self._parts.append(part)
            self._unsaved = []
        checkpoint.write(self._checkpoints, state, iteration, list(self.seeds), self._parts, self.drifted)
        self._saved_at = time.monotonic()

    def finish(self, state: Any) -> None:
        """Keep the last state."""
        self.state = jax.tree.map(lambda leaf: leaf, state)
        if any(not np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(state.network)):
            raise TrueAimError(f"seeds {list(self.seeds)}: the network is not finite; begin anew with --fresh")
