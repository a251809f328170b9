"""What can be chosen about learning."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trueaim.agents import networks
from trueaim.core.errors import TrueAimError, unknown_name

NORMALIZE = ("minibatch", "batch", "none")
"""Over what advantages can be brought to mean 0 and deviation 1."""
SHARES = ("discount", "trace", "final_rate", "scale_discount")
LATER: Mapping[str, str | bool | int | float] = {
    "parts": 1,
    "adam_eps": 1e-5,
    "normalize": "minibatch",
    "clip_value": 0.0,
    "scale_discount": 0.0,
    "clip_reward": 10.0,
}
"""What could not be chosen from the beginning, and what records of runs that do not say were trained with."""


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
        parts: of a minibatch, whose gradients are added up before a step is taken: the same step, up to rounding, in a
            fraction of the memory. For large networks on pictures.
        learning_rate: of Adam, at the start; it falls linearly to `final_rate` of that.
        final_rate: 0 to 1.
        adam_eps: epsilon of Adam.
        discount: gamma, per step; that of learning, not that by which returns are measured.
        trace: lambda of the advantages (PPO paper: 0.95).
        normalize: over what advantages are brought to mean 0 and deviation 1: each "minibatch", the whole "batch" of a
            rollout, or "none".
        clip: epsilon of the ratio (PPO paper: 0.2).
        clip_value: how far a value may move from that of the rollout before the loss stops pulling it; 0: any distance.
            See `training.ppo.loss`, which also halves the value loss then.
        entropy: weight of the entropy bonus, in nats.
        value: weight of the value loss.
        grad_norm: largest global norm of a gradient.
        scale_rewards: divide rewards by how much returns vary, for worlds whose returns are not near 1.
        scale_discount: of these returns, per step; 0: that of learning.
        clip_reward: to which divided rewards are clipped, either way; 0: not at all.
        chunk: iterations between two looks from outside (curves, checkpoints, signals).
    """

    network: str = "window"
    width: int = 128
    envs: int = 1024
    rollout: int = 16
    epochs: int = 2
    minibatches: int = 4
    parts: int = 1
    learning_rate: float = 1e-3
    final_rate: float = 0.1
    adam_eps: float = 1e-5
    discount: float = 0.99
    trace: float = 0.95
    normalize: str = "minibatch"
    clip: float = 0.2
    clip_value: float = 0.0
    entropy: float = 0.01
    value: float = 0.5
    grad_norm: float = 0.5
    scale_rewards: bool = False
    scale_discount: float = 0.0
    clip_reward: float = 10.0
    chunk: int = 4

    def __post_init__(self) -> None:
        if self.network not in networks.ALL:
            raise unknown_name("network", self.network, networks.ALL)
        if self.normalize not in NORMALIZE:
            raise unknown_name("normalize", self.normalize, NORMALIZE)
        for name in ("width", "envs", "rollout", "epochs", "minibatches", "parts", "chunk"):
            if getattr(self, name) < 1:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs at least 1; raise it")
        if self.envs % self.minibatches:
            raise TrueAimError(
                f"envs: got {self.envs}, needs a multiple of minibatches ({self.minibatches}); change one of them"
            )
        if self.envs // self.minibatches % self.parts:
            raise TrueAimError(
                f"parts: got {self.parts}, needs a divisor of the {self.envs // self.minibatches} environments of a "
                "minibatch; change it"
            )
        self._check_ranges()

    def _check_ranges(self) -> None:
        for name in ("learning_rate", "grad_norm", "adam_eps"):
            if not 0 < getattr(self, name) < math.inf:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs a finite number above 0; change it")
        for name in ("entropy", "value", "clip_value", "clip_reward"):
            if not 0 <= getattr(self, name) < math.inf:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs a finite number of at least 0; change it")
        for name, low, high in (*((name, 0, 1) for name in SHARES), ("clip", 0, 10)):
            if not low <= getattr(self, name) <= high:
                raise TrueAimError(f"{name}: got {getattr(self, name)}, needs {low} to {high}; change it")

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps between two updates."""
        return self.envs * self.rollout
