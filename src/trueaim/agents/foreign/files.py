"""Policies that come as files: what others made is data, so nothing in it is run unless its digest is trusted."""

from pathlib import Path
from typing import Any

from trueaim.agents.foreign.saved_sb3 import saved_model
from trueaim.agents.foreign.saved_torch import script_in
from trueaim.agents.foreign.trusted import digest_of, is_trusted
from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError
from trueaim.core.reading import read_bytes

MAX_MODEL_BYTES = 2 * 1024**3
TORCH = (".pt", ".pth")
PICKLED = (".pkl", ".pickle", ".joblib", ".dill", ".npy", ".npz", ".bin", ".ckpt")
"""Endings of files that may hold pickled Python and never are a policy that can be rebuilt."""


def foreign_model(path: Path, trusted: str | None, algorithm: str | None = None, env: Any = None) -> Any:
    """The model in a file.

    A Stable-Baselines3 model (.zip) is read without opening any pickled Python in it. A TorchScript module (.pt) is a
    program and needs a trusted digest, which ties consent to these very bytes.

    Args:
        path: of the file.
        trusted: its SHA-256, as the user has checked it.
        algorithm: the class of a Stable-Baselines3 model ("PPO"), where the user wants it checked.
        env: whatever has the spaces of such a model's training, where the file does not tell them.

    Raises:
        TrueAimError: it cannot be rebuilt or is not trusted, with the digest it has; or a kind that is never loaded.
        DamagedError: not what its name says.
    """
    ending, name = path.suffix.lower(), path.name
    if ending in PICKLED:
        raise TrueAimError(
            f"policy: got the file {shown(name, 40)}, which may hold pickled Python and is never opened, needs a model "
            "saved as .zip or .pt, or the policy itself; load it yourself and pass what comes back"
        )
    if ending != ".zip" and ending not in TORCH:
        raise TrueAimError(
            f"policy: got the file {shown(path)}, needs a finished run's folder, a model saved as .zip or .pt, or the "
            "policy itself; load it and pass what comes back"
        )
    data = read_bytes(path, MAX_MODEL_BYTES)
    if ending == ".zip":
        return saved_model(data, name, trusted, algorithm, env)
    if not is_trusted(data, trusted):
        raise TrueAimError(
            f"{shown(name, 40)}: may hold pickled Python or a program of its author's, and its SHA-256 is "
            f"{digest_of(data)}; if it is a TorchScript module you trust, pass trusted= that digest, else load it "
            "yourself and pass the module"
        )
    return script_in(data, name)
