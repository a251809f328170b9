"""What hostile model files are made of: pickles that would leave a canary, and an honest model to spoil."""

import hashlib
from pathlib import Path

from trueaim.agents.foreign.files import foreign_model

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
