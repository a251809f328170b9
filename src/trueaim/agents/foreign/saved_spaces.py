"""Gymnasium spaces from what a saved model says of them in plain words and numbers."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from trueaim.core.errors import DamagedError

MAX_ENTRIES = 2**22
"""In one observation or action."""
_KIND = re.compile(r"<class 'gym(?:nasium)?\.spaces\.\w+\.(\w+)'>")
_NUMBER = re.compile(r"[+-]?(?:inf|\d+\.?\d*(?:e[+-]?\d+)?)")
_TYPES = ("float32", "float64", "float16", "uint8", "int8", "int16", "int32", "int64", "bool")


def printed_space(entry: Any) -> Space[Any] | None:
    """The space that Stable-Baselines3 has described beside its pickled form; None where the words do not suffice.

    The library writes every attribute as JSON, or as the text that NumPy prints for it. Bounds are read from that text:
    8 digits after the point, and where NumPy left entries out, all of them only if those it printed are alike.

    Args:
        entry: of the space in the file's `data`.
    """
    if not isinstance(entry, Mapping):
        return None
    kind = _KIND.fullmatch(str(entry.get(":type:")))
    try:
        return _printed(kind[1], entry) if kind else None
    except (DamagedError, ValueError, TypeError, OverflowError, KeyError, AssertionError):
        return None


def _printed(kind: str, entry: Mapping[str, Any]) -> Space[Any] | None:
    if kind == "Discrete":
        return built({"kind": kind, "n": int(entry["n"]), "start": int(entry.get("start", 0))}, {})
    if kind == "MultiBinary":
        return built({"kind": kind, "n": int(entry["n"])}, {})
    if kind == "MultiDiscrete":
        num = np.array(entry["_shape"]).tolist()
        sizes = _array(str(entry["nvec"]), _shape(num)).astype(np.int64)
        starts = _array(str(entry.get("start", "0")), _shape(num)).astype(np.int64)
        return built({"kind": kind}, {"nvec": sizes, "start": starts})
    if kind == "Box":
        shape = _shape(entry["_shape"])
        low, high = (_array(str(entry.get(f"{side}_repr") or entry[side]), shape) for side in ("low", "high"))
        return built({"kind": kind, "dtype": entry["dtype"]}, {"low": low, "high": high})
    return None


def _shape(given: Any) -> tuple[int, ...]:
    shape = tuple(int(number) for number in given)
    if len(shape) > 8 or any(not 0 < number <= MAX_ENTRIES for number in shape) or np.prod(shape) > MAX_ENTRIES:
        raise ValueError(shape)
    return shape


def _array(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers in a printed array."""
    num = int(np.prod(shape))
    found = np.array([float(number) for number in _NUMBER.findall(text)])
    if len(found) == num and "..." not in text:
        return found.reshape(shape)
    if len(found) and (found == found[0]).all() and ("..." in text or len(found) == 1):
        return np.full(shape, found[0])
    raise ValueError(text)


def built(form: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str = "") -> Space[Any]:
    """The space of a description.

    Args:
        form: `kind`, and `n`, `start`, `dtype` or `spaces` as that kind has them.
        arrays: `low` and `high`, or `nvec` and `start`, under `path`.
        path: in front of the names of its arrays.

    Raises:
        DamagedError: no such space.
    """
    try:
        return _built(form, arrays, path)
    except (ValueError, TypeError, OverflowError, KeyError, AssertionError, AttributeError) as error:
        raise DamagedError(
            f"model: describes a space that cannot be ({type(error).__name__}), needs one of Gymnasium; save it again"
        ) from None


def _built(form: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str) -> Space[Any]:
    kind = form["kind"]
    if kind == "Dict" and not path.count("/") > 4:
        return in_order({str(name): _built(part, arrays, f"{path}{name}/") for name, part in form["spaces"].items()})
    if kind == "Discrete" and 0 < form["n"] <= MAX_ENTRIES:
        return Discrete(int(form["n"]), start=int(form["start"]))
    if kind == "MultiBinary" and 0 < form["n"] <= MAX_ENTRIES:
        return MultiBinary(int(form["n"]))
    if kind == "MultiDiscrete":
        sizes = np.asarray(arrays[f"{path}nvec"])
        if sizes.size > 0 and sizes.min() > 0 and sizes.sum() <= MAX_ENTRIES:
            return MultiDiscrete(sizes.astype(np.int64), start=np.asarray(arrays[f"{path}start"]).astype(np.int64))
    if kind == "Box" and form["dtype"] in _TYPES:
        low, high = np.asarray(arrays[f"{path}low"]), np.asarray(arrays[f"{path}high"])
        shape = _shape(low.shape)
        kept = np.dtype(form["dtype"])
        with np.errstate(all="ignore"):
            return Box(low.astype(kept), high.astype(kept), shape, kept.type)
    raise ValueError(kind)


def in_order(parts: Mapping[str, Space[Any]]) -> Dict:
    """The space of dictionaries in just this order (Gymnasium may sort): networks join their entries by it."""
    return Dict(OrderedDict(parts))


def width(space: Space[Any]) -> int:
    """How many numbers a network takes or gives for it: one for each entry, or for each choice."""
    if isinstance(space, Discrete):
        return int(space.n)
    if isinstance(space, MultiDiscrete):
        return int(space.nvec.sum())
    return int(np.prod(space.shape or ()))
