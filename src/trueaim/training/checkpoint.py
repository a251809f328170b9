"""Full-state checkpoints: a folder of tensors and a manifest written last; a folder that verifies is whole."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import BaseModel, ConfigDict

from trueaim.core.errors import DamagedError, MachineError, TrueAimError
from trueaim.core.files import Stamp, ensure_room, new_folder, write_json, write_table, write_tensors
from trueaim.core.reading import read_json, read_table, read_tensors
from trueaim.core.run import SCHEMA_VERSION, parsed

KEPT = 2
"""Checkpoints that stay; older ones are removed after a newer one is safely there."""
COLUMNS = {"seed": "int64", "step": "int64", "name": "str", "value": "float64"}
"""The columns of a metrics part: one number per row."""


class Named(BaseModel):
    """A file that a manifest names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    size: int
    sha256: str

    @property
    def stamp(self) -> Stamp:
        """Size and hash."""
        return Stamp(self.size, self.sha256)


class Manifest(BaseModel):
    """What a checkpoint holds, and which metrics parts lead up to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int
    iteration: int
    seeds: list[int]
    drifted: bool
    state: Named
    metrics: list[Named]


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """The arrays of a tree by their path; random keys as their data."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(_plain(leaf)) for path, leaf in leaves}


def _plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def unflatten(arrays: dict[str, np.ndarray], like: Any, path: Path) -> Any:
    """The arrays put back into a tree of the same paths, shapes and types as `like`; raises where they do not fit."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    names = [jax.tree_util.keystr(path) for path, _ in leaves]
    if set(names) != set(arrays):
        odd = sorted(set(names) ^ set(arrays))[0]
        raise DamagedError(f"{path}: does not fit this run ({odd} is on one side only); it belongs to another run")
    restored = []
    for name, (_, leaf) in zip(names, leaves, strict=True):
        array, is_key = arrays[name], jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        shape, kind = ((*leaf.shape, 2), "uint32") if is_key else (leaf.shape, leaf.dtype.name)
        if array.shape != tuple(shape) or array.dtype.name != kind:
            raise DamagedError(
                f"{path}: {name} is {array.dtype.name}{list(array.shape)}, needs {kind}{list(shape)}; "
                "it belongs to another run"
            )
        restored.append(
            jax.random.wrap_key_data(jnp.asarray(array), impl="threefry2x32") if is_key else jnp.asarray(array)
        )
    return jax.tree_util.tree_unflatten(structure, restored)


def write(
    folder: Path, state: Any, iteration: int, seeds: list[int], parts: list[Named], drifted: bool = False
) -> None:
    """Save a state under `folder/<iteration>`, then remove all but the newest `KEPT` checkpoints.

    Raises:
        MachineError: the disk is full; the earlier checkpoints stay.
    """
    final = folder / f"{iteration:09d}"
    if final.exists():
        return
    arrays = flatten(state)
    folder.mkdir(parents=True, exist_ok=True)
    ensure_room(folder, 2 * sum(array.nbytes for array in arrays.values()))
    with new_folder(final) as temporary:
        stamp = write_tensors(temporary / "state.safetensors", arrays)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            iteration=iteration,
            seeds=seeds,
            drifted=drifted,
            state=Named(name="state.safetensors", size=stamp.size, sha256=stamp.sha256),
            metrics=parts,
        )
        write_json(temporary / "manifest.json", manifest.model_dump())
    for old in saved(folder)[:-KEPT]:
        shutil.rmtree(old)


def saved(folder: Path) -> list[Path]:
    """The checkpoints under a folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.isdigit())


def read(folder: Path, like: Any, metrics: Path) -> tuple[Any, Manifest, list[str]]:
    """The newest checkpoint that verifies, with its metrics parts.

    Args:
        folder: where the checkpoints lie.
        like: a state of the same shapes.
        metrics: where the metrics parts lie.

    Returns:
        The state, its manifest, and one sentence for each newer checkpoint that had to be passed over.

    Raises:
        DamagedError: there are checkpoints, but none verifies.
        MachineError: the disk or the memory failed while reading.
        TrueAimError: there is none.
    """
    passed: list[str] = []
    for path in reversed(saved(folder)):
        try:
            manifest = parsed(Manifest, read_json(path / "manifest.json"), path / "manifest.json")
            if manifest.schema_version != SCHEMA_VERSION or manifest.iteration != int(path.name):
                raise DamagedError(f"{path}: its manifest is of another version or place; restore it")
            arrays = read_tensors(path / "state.safetensors", manifest.state.stamp)
            for part in manifest.metrics:
                read_part(metrics, part)
            return unflatten(arrays, like, path), manifest, passed
        except MachineError:
            raise  # the checkpoint may be whole; to pass it over would lose it
        except TrueAimError as error:
            passed.append(str(error))
    if passed:
        raise DamagedError(f"{passed[0].rstrip('.')}. No earlier checkpoint verifies; start again with --fresh")
    raise TrueAimError(f"{folder}: got no checkpoint, needs one; train first")


def write_part(metrics: Path, name: str, rows: Sequence[tuple[int, int, str, float]]) -> Named:
    """Write one immutable part of the metrics and return what a manifest says of it."""
    metrics.mkdir(parents=True, exist_ok=True)
    seeds, steps, names, values = zip(*rows, strict=True)
    columns = {
        "seed": np.array(seeds, np.int64),
        "step": np.array(steps, np.int64),
        "name": np.array(names),
        "value": np.array(values, np.float64),
    }
    stamp = write_table(metrics / name, columns)
    return Named(name=name, size=stamp.size, sha256=stamp.sha256)


def read_part(metrics: Path, part: Named) -> dict[str, np.ndarray]:
    """The rows of one metrics part."""
    if "/" in part.name or part.name.startswith("."):
        raise DamagedError(f"{part.name!r} is no name of a metrics part; restore the manifest")
    return read_table(metrics / part.name, part.stamp, COLUMNS)
