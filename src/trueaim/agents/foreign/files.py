"""Policies that come as files: what others made is data, so nothing in it is run unless its digest is trusted."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError, missing_extra, unknown_name
from trueaim.core.reading import read_bytes

MAX_MODEL_BYTES = 2 * 1024**3
PICKLED = {".zip": "sb3", ".pt": "torch", ".pth": "torch", ".pkl": "", ".pickle": "", ".joblib": ""}
"""Endings of files that hold pickled Python, and the extra that reads them."""


def foreign_model(path: Path, trusted: str | None, algorithm: str | None) -> Any:
    """The model in a file whose digest is trusted.

    The digest ties trust to these very bytes. It limits accidents and is no security boundary.

    Args:
        path: of a model saved by Stable-Baselines3 (.zip) or of a TorchScript module (.pt).
        trusted: its SHA-256, as the user has checked it.
        algorithm: the class of a Stable-Baselines3 model ("PPO"); its file does not say.

    Raises:
        TrueAimError: not trusted, with the digest it has; or a kind of file that is never loaded.
    """
    ending = path.suffix.lower()
    if ending not in PICKLED:
        raise TrueAimError(
            f"policy: got the file {shown(path)}, needs a finished run's folder, a model saved as .zip or .pt, or the "
            "policy itself; load it and pass what comes back"
        )
    data = read_bytes(path, MAX_MODEL_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if (trusted or "").removeprefix("sha256:").lower() != digest:
        got = f"its SHA-256 is {digest}, not the trusted one" if trusted else f"its SHA-256 is {digest}"
        raise TrueAimError(
            f"{shown(path, 60)}: may hold pickled Python, which runs whatever code its author put there, and {got}; "
            "if you trust its author, pass trusted= that digest, or load it yourself and pass the model"
        )
    return _stable_baselines(data, path, algorithm) if ending == ".zip" else _torch_script(data, path)


def _stable_baselines(data: bytes, path: Path, algorithm: str | None) -> Any:
    known = {name: kind for name, kind in _algorithms().items() if hasattr(kind, "load")}
    if algorithm is None:
        raise TrueAimError(
            f"{shown(path, 60)}: got a model whose file does not name its algorithm, needs one of "
            f"{', '.join(sorted(known))}; pass algorithm="
        )
    if algorithm not in known:
        raise unknown_name("algorithm", algorithm, known)
    return known[algorithm].load(io.BytesIO(data), device="cpu")


def _algorithms() -> dict[str, Any]:
    try:
        import stable_baselines3
    except ImportError:
        raise missing_extra("stable-baselines3", "sb3", "a model saved by Stable-Baselines3") from None
    found = {name: getattr(stable_baselines3, name) for name in ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")}
    try:
        import sb3_contrib
    except ImportError:
        return found
    names = ("ARS", "CrossQ", "MaskablePPO", "QRDQN", "RecurrentPPO", "TQC", "TRPO")
    return found | {name: getattr(sb3_contrib, name) for name in names if hasattr(sb3_contrib, name)}


def _torch_script(data: bytes, path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "torch", "a module saved by torch") from None
    load: Callable[..., Any] = torch.jit.load
    try:
        return load(io.BytesIO(data), map_location="cpu")
    except RuntimeError:
        raise TrueAimError(
            f"{shown(path, 60)}: is no TorchScript module, and weights alone do not say what they belong to; load them "
            "into your module with torch.load(weights_only=True) and pass the module"
        ) from None
