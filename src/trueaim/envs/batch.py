"""A batch of lanes, each of which plays one episode after the other on the levels that follow from its seed."""

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from jaxtyping import Bool, Int, UInt32

from trueaim.core.errors import TrueAimError
from trueaim.envs.asked import Asked
from trueaim.envs.stepping import Batch, Stepped, begun, restarted, stepped
from trueaim.envs.supply import Supply


class Lanes:
    """What both forms of environment stand on: programs do the steps, the host counts episodes and has levels drawn.

    Attributes:
        asked: what is played.
        num: how many lanes.
        mode: what follows an episode's end.
        supply: of levels.
        batch: the episodes, once there was a reset.
        is_over: lanes whose episode ended in the last step and was not begun anew in it.
    """

    def __init__(self, asked: Asked, num: int, mode: AutoresetMode) -> None:
        self.asked, self.num, self.mode = asked, num, mode
        self.supply = Supply(asked, num)
        self.batch: Batch | None = None
        self.is_over = np.zeros(num, bool)
        self._episode = np.full(num, -1, np.int64)
        self._actions = len(asked.rules.scenario.world.actions)

    def reset(
        self, mask: Bool[np.ndarray, " lane"], lanes: Int[np.ndarray, " some"], words: UInt32[np.ndarray, "some 2"]
    ) -> Any:
        """What is seen once each lane in `mask` is at the start of its next episode; of its first one in `lanes`.

        Args:
            mask: who begins anew; at first, all.
            lanes: who begins with new random words; at first, all.
            words: theirs.
        """
        episode = self._episode + mask
        episode[lanes] = 0
        self.supply.seed(lanes, words)
        if not self.supply.has(episode):
            self.supply.fill(episode, episode)
        rules, numbers = self.asked.rules, episode.astype(np.int32)
        if self.batch is None or mask.all():
            self.batch, seen = begun(rules, self.supply.ahead, self.supply.table, numbers)
        else:
            self.batch, seen = restarted(rules, self.supply.ahead, self.supply.table, self.batch, mask, numbers)
        self._episode = episode
        self.is_over = self.is_over & ~mask
        return seen

    def step(self, actions: Any) -> tuple[Stepped, Bool[np.ndarray, "2 lane"]]:
        """One step of every lane, and how it ended: terminated, then truncated.

        Raises:
            TrueAimError: before the first reset, for actions that do not exist, and where an episode is over that
                nobody began anew.
        """
        if self.batch is None:
            raise TrueAimError("step: got no reset before it, needs one; call reset() first")
        if self.mode is AutoresetMode.DISABLED and self.is_over.any():
            raise self._is_over_error()
        chosen = self._checked(actions)
        upcoming = self._episode + (1 if self.mode is AutoresetMode.SAME_STEP else self.is_over)
        if not self.supply.has(upcoming):
            self.supply.fill(self._episode, upcoming)
        rules, ahead = self.asked.rules, self.supply.ahead
        self.batch, found = stepped(rules, self.mode, ahead, self.supply.table, self.batch, chosen)
        ends = np.array(found.ends)
        cut = ends[0] | ends[1]
        if self.mode is AutoresetMode.SAME_STEP:
            self._episode += cut
        else:
            self._episode, self.is_over = upcoming if self.mode is AutoresetMode.NEXT_STEP else self._episode, cut
        return found, ends

    def _checked(self, actions: Any) -> Int[np.ndarray, " lane"]:
        given = np.asarray(actions)
        is_whole = given.dtype.kind in "iu"
        if given.shape == (self.num,) and is_whole and given.astype(np.uint64).max() < self._actions:  # below 0 is huge
            return given.astype(np.int32)
        shown = f"{given.dtype} of shape {given.shape}"
        if given.shape == (self.num,) and is_whole:
            shown = str(given[(given < 0) | (given >= self._actions)][0])
        raise TrueAimError(
            f"actions: got {shown}, needs {self.num} whole numbers from 0 to {self._actions - 1}; correct the policy"
        )

    def _is_over_error(self) -> TrueAimError:
        if self.num == 1:
            return TrueAimError("step: got an episode that is over, needs a new one; call reset() first")
        over = np.flatnonzero(self.is_over)
        return TrueAimError(
            f"step: got {len(over)} of {self.num} episodes that are over (the first in lane {over[0]}), needs them "
            "begun anew; call reset(options={'reset_mask': mask}) first"
        )
