"""Checkpoints: what is written comes back, and damage is passed over or said."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.core.errors import DamagedError, MachineError, TrueAimError
from trueaim.training import checkpoint


class Inner(NamedTuple):
    flag: Any
    small: Any


class State(NamedTuple):
    weights: Any
    key: Any
    inner: Inner
    count: Any


def state_of(number, width=3):
    return State(
        {"w": jnp.full((2, width), number + 0.1), "b": jnp.arange(width) * 1.0},
        jax.random.split(jax.random.key(number, impl="threefry2x32"), 2),
        Inner(jnp.array([True, False]), jnp.array([[1], [255]], jnp.uint8)),
        jnp.int32(number),
    )


def equal(first, second):
    one, other = checkpoint.flatten(first), checkpoint.flatten(second)
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]) for name in one
    )


@pytest.fixture
def folders(tmp_path):
    """Checkpoints at iterations 2, 4 and 6, each with one more part of metrics."""
    checkpoints, metrics = tmp_path / "checkpoints", tmp_path / "metrics"
    parts = []
    for number in (2, 4, 6):
        rows = [(0, number, "loss/value", 0.5), (0, number, "episodes/ended", float("nan"))]
        parts = [*parts, checkpoint.write_part(metrics, f"{number:09d}.parquet", rows)]
        checkpoint.write(checkpoints, state_of(number), number, [0, 1], parts)
    return checkpoints, metrics


def newest(folders):
    return checkpoint.saved(folders[0])[-1]


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def test_what_was_written_comes_back_keys_too(folders):
    state, manifest, passed = checkpoint.read(folders[0], state_of(0), folders[1])
    assert equal(state, state_of(6))
    assert jnp.issubdtype(state.key.dtype, jax.dtypes.prng_key)
    assert jax.random.normal(state.key[1]) == jax.random.normal(state_of(6).key[1])
    assert (manifest.iteration, manifest.seeds, manifest.drifted, passed) == (6, [0, 1], False, [])
    rows = checkpoint.read_part(folders[1], manifest.metrics[-1])
    assert rows["step"].tolist() == [6, 6]
    assert np.isnan(rows["value"][1])


def test_two_checkpoints_are_kept(folders):
    assert [path.name for path in checkpoint.saved(folders[0])] == ["000000004", "000000006"]


@pytest.mark.parametrize("harm", [cut, flip, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["state.safetensors", "manifest.json", "../../metrics/000000006.parquet"])
def test_a_damaged_newest_checkpoint_is_passed_over_with_a_sentence(folders, name, harm):
    harm(newest(folders) / name)
    state, manifest, passed = checkpoint.read(folders[0], state_of(0), folders[1])
    assert manifest.iteration == 4
    assert equal(state, state_of(4))
    assert len(passed) == 1
    assert "000000006" in passed[0]


def test_where_none_verifies_one_sentence_says_so(folders):
    for path in checkpoint.saved(folders[0]):
        flip(path / "state.safetensors")
    with pytest.raises(DamagedError, match=r"No earlier checkpoint verifies; start again with --fresh") as caught:
        checkpoint.read(folders[0], state_of(0), folders[1])
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_no_checkpoint_is_a_sentence(tmp_path):
    with pytest.raises(TrueAimError, match="got no checkpoint"):
        checkpoint.read(tmp_path / "none", state_of(0), tmp_path)


@pytest.mark.parametrize(
    "like",
    [
        state_of(0, width=4),
        state_of(0)._replace(count=jnp.float32(0)),
        state_of(0)._replace(weights={"w": jnp.zeros((2, 3))}),
        state_of(0)._replace(key=jnp.zeros((2, 3), jnp.uint32)),
    ],
)
def test_a_state_of_other_shapes_is_refused(folders, like):
    with pytest.raises(DamagedError, match="belongs to another run"):
        checkpoint.read(folders[0], like, folders[1])


def test_a_failing_disk_is_not_taken_for_damage(folders, monkeypatch):
    """To pass a checkpoint over because memory is short would throw a good one away."""

    def fail(*arguments):
        raise MachineError("the machine is out of memory")

    monkeypatch.setattr(checkpoint, "read_tensors", fail)
    with pytest.raises(MachineError):
        checkpoint.read(folders[0], state_of(0), folders[1])


@pytest.mark.parametrize("name", ["../run.toml", "/etc/passwd", ".tmp-1", "a/b"])
def test_a_manifest_names_no_files_elsewhere(folders, name):
    part = checkpoint.Named(name=name, size=1, sha256="")
    with pytest.raises(DamagedError, match="no name of a metrics part"):
        checkpoint.read_part(folders[1], part)


def test_what_is_no_checkpoint_is_not_looked_at(folders):
    (folders[0] / "notes.txt").write_text("mine")
    (folders[0] / ".tmp-1-12345678-000000009").mkdir()
    assert len(checkpoint.saved(folders[0])) == 2
