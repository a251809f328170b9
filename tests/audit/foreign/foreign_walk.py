"""A small environment of the Gymnasium interface whose every number is known, shared by the tests of this folder."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from trueaim.audit.foreign.scenario import GymScenario
from trueaim.core.goal import Goal

LONGEST = 6
ARRIVED = Goal("arrived", lambda t: float(t.terminated and t.next_observation[0] == t.info["length"]), role="intended")
RIGHT = Goal("right", lambda t: t.next_observation[1] > t.observation[1])


class Walk(gymnasium.Env):
    """Lasts 1 to 6 steps, as the seed says. Shows the steps so far and the place; action 1 goes right, 0 left.

    The last observation shows as many steps as the episode has.
    """

    observation_space = Box(-10, 10, (2,), np.float32)
    action_space = Discrete(2)

    def __init__(self, fails_at: int = 0, start: int = 0, overwrites: bool = True) -> None:
        self.fails_at, self.start, self.overwrites = fails_at, start, overwrites
        self._shown = np.zeros(2, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        del options
        self.length = int(self.np_random.integers(1, LONGEST + 1))
        self._shown[:] = 0, self.start
        return self._seen(), {"length": self.length}

    def _seen(self):
        """The observation; where it overwrites, the very array that it gave before, as environments may."""
        return self._shown if self.overwrites else self._shown.copy()

    def step(self, action):
        self._shown += (1, 1 if action else -1)
        if self.fails_at and self._shown[0] == self.fails_at and self.length == LONGEST:
            raise RuntimeError("the motor is\nbroken")
        ended = bool(self._shown[0] == self.length)
        return self._seen(), 1.0, ended, False, {"length": self.length}


def length_of(seed: int) -> int:
    """How long the episode from this seed lasts, by the same draw."""
    return int(np.random.default_rng(seed).integers(1, LONGEST + 1))


def walk_scenario(train: Any = Walk, shift: Any = lambda: Walk(start=1), **options: Any) -> GymScenario:
    return GymScenario(train, {"moved": shift}, (ARRIVED, RIGHT), **options)
