"""What can be chosen about learning."""

import math
from dataclasses import dataclass

from trueaim.agents import networks
from trueaim.core.errors import TrueAimError, unknown_name


@dataclass(frozen=True)
class PPO:
    """Hyper-parameters. Defaults are ours, measured on 13x13 mazes with a 2-core CPU, unless a source is named.

    Attributes:
        network: one of `agents.networks.ALL`.
        width: of its hidden layers and its memory.
        envs: episodes under way at once.
        rollout: steps of each between two updates; gradients reach as far back through a memory.
        epochs: passes over a rollout.
        minibatches: in each pass.
        learning_rate: of Adam, at the start; it falls linearly to `final_rate` of that.
        final_rate: 0 to 1.
        discount: gamma, per step; that of learning, not that by which returns are measured.
        trace: lambda of the advantages (PPO paper: 0.95).
        clip: epsilon of the ratio (PPO paper: 0.2).
        entropy: weight of the entropy bonus, in nats.
        value: weight of the value loss.
        grad_norm: largest global norm of a gradient.
        scale_rewards: divide rewards by how much returns vary, for worlds whose returns are not near 1.
        chunk: iterations between two looks from outside (curves, checkpoints, signals).
    """

    network: str = "window"
    width: int = 128
    envs: int = 1024
    rollout: int = 16
    epochs: int = 2
    minibatches: int = 4
    learning_rate: float = 1e-3
    final_rate: float = 0.1
    discount: float = 0.99
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    value: float = 0.5
    grad_norm: float = 0.5
    scale_rewards: bool = False
    chunk: int = 4

    def __post_init__(self) -> None:
        if self.network not in networks.ALL:
            raise unknown_name("network", self.network, networks.ALL)
        for name in ("width", "envs", "rollout", "epochs", "minibatches", "chunk"):
            if getattr(self, name) < 1:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs at least 1; raise it")
        if self.envs % self.minibatches:
            raise TrueAimError(
                f"envs: got {self.envs}, needs a multiple of minibatches ({self.minibatches}); change one of them"
            )
        for name in ("learning_rate", "grad_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs a finite number above 0; change it")
        for name in ("entropy", "value"):
            if not 0 <= getattr(self, name) < math.inf:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs a finite number of at least 0; change it")
        for name, low, high in (("discount", 0, 1), ("trace", 0, 1), ("clip", 0, 10), ("final_rate", 0, 1)):
            if not low <= getattr(self, name) <= high:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs {low} to {high}; change it")

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps between two updates."""
        return self.envs * self.rollout
