"""Files of torch: weights as plain arrays, and TorchScript modules.

A TorchScript module is a program: torch says to treat it as code from whoever made it, and a damaged one can take the
process down (pytorch/pytorch#152336, #179581). It holds no pickled Python that is run, but what it holds runs when it
acts. It cannot be reduced to numbers either. So it needs a trusted digest, and then runs here.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from trueaim.agents.foreign.archive import members, repacked
from trueaim.core.disk import shown
from trueaim.core.errors import DamagedError, TrueAimError, missing_extra

NEEDED = (2, 10)
"""The first torch in which `weights_only` holds what it promises (CVE-2025-32434, CVE-2026-24747)."""
MAX_TENSORS = 2_000
MAX_PICKLE_BYTES = 8 * 1024**2
COPIES = 4
"""How many times as large as the file its tensors may be together: networks share some."""


def weights_in(data: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of a state dictionary saved by torch, by name; read with `weights_only` and never otherwise.

    The archive is unpacked and packed again first, so that torch's own reader sees no size or place made by others.

    Raises:
        DamagedError: no such file, or anything in it but plain finite arrays.
        TrueAimError: a torch older than `NEEDED`, or none.
    """
    torch = _torch()
    content = members(data, name)
    if sum(len(part) for key, part in content.items() if key.endswith(".pkl")) > MAX_PICKLE_BYTES:
        raise _damage(name, "has a table of contents that is too large")
    try:
        found = torch.load(io.BytesIO(repacked(content)), map_location="cpu", weights_only=True)
    except Exception:  # UnpicklingError above all; there is no second way to load
        raise _damage(name, "holds more than arrays, which is not loaded") from None
    if not isinstance(found, dict) or len(found) > MAX_TENSORS:
        raise _damage(name, "holds no table of arrays")
    total = 0
    for key, tensor in found.items():
        if not isinstance(key, str) or not torch.is_tensor(tensor) or not _is_dense(torch, tensor):
            raise _damage(name, f"holds something else than a dense array as {shown(key, 40)!r}")
        total += tensor.numel() * tensor.element_size()
        if total > COPIES * len(data):
            raise _damage(name, "claims arrays larger than itself")
    return checked({key: tensor.detach().contiguous().numpy() for key, tensor in found.items()}, name)


def checked(weights: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The weights, if all are numbers.

    Raises:
        DamagedError: one is not finite.
    """
    for key, array in weights.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _damage(name, f"holds numbers that are not finite in {shown(key, 40)!r}")
    return weights


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "torch", "a file saved by torch") from None
    found = tuple(map(int, re.findall(r"\d+", torch.__version__)[:2]))
    if found < NEEDED:
        raise TrueAimError(
            f"torch: got version {torch.__version__}, needs {'.'.join(map(str, NEEDED))} or later to read files of "
            "others safely; upgrade it"
        )
    return torch


def _is_dense(torch: Any, tensor: Any) -> bool:
    """Whether a tensor is an ordinary array whose numbers are all in the file."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu" or tensor.is_complex():
        return False
    if tensor.dtype == torch.bfloat16:
        return False
    return bool(tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes())


def _damage(name: str, problem: str) -> DamagedError:
    return DamagedError(
        f"{shown(name, 40)} {problem}, and this needs the plain weights of a model (torch.save of a state_dict, or "
        "Stable-Baselines3); check where it came from"
    )


def script_in(data: bytes, name: str) -> Any:
    """The TorchScript module in a trusted file.

    Raises:
        TrueAimError: it is something else.
    """
    torch = _torch()
    load: Callable[..., Any] = torch.jit.load
    try:
        content = members(data, name)
        if not any(key.endswith("constants.pkl") for key in content):
            raise RuntimeError
        return load(io.BytesIO(data), map_location="cpu")
    except (RuntimeError, DamagedError):
        raise TrueAimError(
            f"{shown(name, 60)}: is no TorchScript module, and weights alone do not say what they belong to; load them "
            "into your module with torch.load(weights_only=True) and pass the module"
        ) from None
