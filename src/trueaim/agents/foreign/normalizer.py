"""The statistics of a VecNormalize, as plain numbers: from the pickled file, or from what it was converted to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from trueaim.agents.foreign.trusted import digest_of, is_trusted, opened
from trueaim.core.disk import shown
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.reading import read_bytes
from trueaim.core.tensors import decode_tensors

MAX_BYTES = 256 * 1024**2
CLIP, EPSILON = "clip", "epsilon"


class Statistics(NamedTuple):
    """Running statistics of one array of observations.

    Attributes:
        mean, var: of each entry.
        num: observations they rest on.
    """

    mean: Float[np.ndarray, " *shape"]
    var: Float[np.ndarray, " *shape"]
    num: float


@dataclass(frozen=True, eq=False)
class Normalizer:
    """What normalizes observations as a VecNormalize of Stable-Baselines3 does that learns no more.

    Attributes:
        obs_rms: statistics by the name of the entry they are of; under "" for observations that are one array; none
            for a VecNormalize that left observations alone.
        clip: largest absolute value after normalization.
        epsilon: added to the variance.
        remarks: sentences about where it is from.
    """

    obs_rms: Mapping[str, Statistics]
    clip: float
    epsilon: float
    remarks: tuple[str, ...] = ()

    def normalize_obs(self, observations: Any) -> Any:
        """Observations in standard deviations from the mean, clipped, as float32; entries without statistics as is."""
        if "" in self.obs_rms:
            return self._normalized(np.asarray(observations), self.obs_rms[""])
        if not self.obs_rms:
            return observations
        return {
            name: self._normalized(array, self.obs_rms[name]) if name in self.obs_rms else array
            for name, array in observations.items()
        }

    def _normalized(self, array: np.ndarray, of: Statistics) -> np.ndarray:
        normal = (array - of.mean) / np.sqrt(of.var + self.epsilon)
        return np.clip(normal, -self.clip, self.clip).astype(np.float32)

    def tensors(self) -> dict[str, np.ndarray]:
        """All of it as arrays, as `saved_normalizer` reads them: mean/NAME, var/NAME, count/NAME, clip, epsilon."""
        found = {CLIP: np.array(self.clip), EPSILON: np.array(self.epsilon)}
        for name, of in self.obs_rms.items():
            found |= {f"mean/{name}": of.mean, f"var/{name}": of.var, f"count/{name}": np.array(of.num)}
        return found


def saved_normalizer(path: Path, trusted: str | None = None) -> Normalizer:
    """The normalizer in a file.

    Args:
        path: of a VecNormalize saved by Stable-Baselines3 (.pkl), or of what `trueaim convert` made of it
            (.safetensors).
        trusted: SHA-256 of a pickled file, as the user has checked it.

    Raises:
        TrueAimError: pickled and not trusted, with the digest it has; or another kind of file.
        DamagedError: no statistics in it.
    """
    ending, name = path.suffix.lower(), path.name
    if ending == ".safetensors":
        return _normalizer(decode_tensors(read_bytes(path, MAX_BYTES), name), name)
    if ending not in (".pkl", ".pickle"):
        raise TrueAimError(
            f"normalize: got the file {shown(name, 60)}, needs the VecNormalize of training, as .pkl or .safetensors; "
            "save it with venv.save"
        )
    data = read_bytes(path, MAX_BYTES)
    if not is_trusted(data, trusted):
        raise TrueAimError(
            f"{shown(name, 30)}: is pickled Python, which would run whatever code its author put there; if you trust "
            f"the author, convert it to plain numbers: trueaim convert FILE --trust-pickle sha256:{digest_of(data)}"
        )
    answer = opened("normalizer", [data], name)
    counts = answer.value.get("counts")
    if not isinstance(counts, dict):
        raise _damage(name)
    arrays = answer.tensors | {key: _number(answer.value.get(key)) for key in (CLIP, EPSILON)}
    return _normalizer(arrays | {f"count/{key}": _number(count) for key, count in counts.items()}, name, answer.remark)


def _number(value: Any) -> np.ndarray:
    return np.array(value if isinstance(value, int | float) else np.nan, np.float64)


def _normalizer(arrays: Mapping[str, np.ndarray], name: str, *remarks: str) -> Normalizer:
    """The normalizer of these arrays, if they are just what one has."""
    names = [key.removeprefix("mean/") for key in arrays if key.startswith("mean/")]
    needed = {CLIP, EPSILON, *(f"{word}/{key}" for key in names for word in ("mean", "var", "count"))}
    if set(arrays) != needed or ("" in names and len(names) > 1):
        raise _damage(name)
    if not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in arrays.values()):
        raise _damage(name)
    numbers = {key: float(array) for key, array in arrays.items() if array.ndim == 0}
    found = {}
    for key in names:
        mean, var = arrays[f"mean/{key}"], arrays[f"var/{key}"]
        if mean.shape != var.shape or (var < 0).any() or f"count/{key}" not in numbers:
            raise _damage(name)
        found[key] = Statistics(mean.astype(np.float64), var.astype(np.float64), numbers[f"count/{key}"])
    if not (CLIP in numbers and EPSILON in numbers and numbers[CLIP] > 0 and numbers[EPSILON] >= 0):
        raise _damage(name)
    return Normalizer(found, numbers[CLIP], numbers[EPSILON], remarks)


def _damage(name: str) -> DamagedError:
    return DamagedError(
        f"{shown(name, 60)}: holds no statistics of a VecNormalize, needs mean, var and count of observations, clip "
        "and epsilon; make it with trueaim convert"
    )
