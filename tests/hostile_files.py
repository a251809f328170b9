"""What hostile model files are made of: pickles that would leave a canary, and an honest model to spoil."""

import hashlib
import resource
import time
from pathlib import Path

import pytest

from trueaim.agents.foreign.files import foreign_model
from trueaim.core.errors import TrueAimError

LONGEST_SENTENCE, MOST_SECONDS, MOST_BYTES = 300, 2.0, 300 * 1024**2


class Runs:
    """Something that evaluates an expression when it is unpickled."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def __reduce__(self):
        return eval, (self.expression,)


def canary(folder: Path) -> Runs:
    return Runs(f"open({str(folder / 'canary')!r}, 'w').close()")


def smallest_model(folder: Path) -> bytes:
    """An honest model of the smallest kind, as a file."""
    import gymnasium
    import stable_baselines3

    path = folder / "m.zip"
    env = gymnasium.make("CartPole-v1")
    stable_baselines3.DQN("MlpPolicy", env, device="cpu", buffer_size=10, policy_kwargs={"net_arch": [4]}).save(path)
    foreign_model(path, None)  # torch and the library are loaded from here on
    return path.read_bytes()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(call, folder: Path) -> str:
    """The one sentence with which something was refused: soon, without much memory, and without running anything."""
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(TrueAimError) as caught:
        call()
    took = time.monotonic() - begun
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    said = str(caught.value)
    assert len(said) < LONGEST_SENTENCE, said
    assert said.isprintable()
    assert caught.value.exit_code == 2
    assert took < MOST_SECONDS
    assert grown < MOST_BYTES
    assert not (folder / "canary").exists()
    return said
