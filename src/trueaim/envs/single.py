"""The single form: one episode at a time, for programs that put batches together themselves."""

from collections.abc import Mapping
from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode

from trueaim.core.scenario import Scenario
from trueaim.envs.seeing import row_of
from trueaim.envs.vector import FRAMES_A_SECOND, ScenarioVectorEnv


class ScenarioEnv(gymnasium.Env[Any, Any]):
    """A scenario as an environment: `gymnasium.make("trueaim/CheeseCorner-v0")`.

    The reward is the intended goal's. `info["goal"]` holds the reward of every goal by name.

    Args:
        scenario: a name as in `trueaim list`, `package.module:NAME`, or a scenario.
        render_mode: "rgb_array", "ansi" or None.
        **options: as in `trueaim.envs.vector.ScenarioVectorEnv`: which levels, how they are seen, and the scenario's.

    Attributes:
        scenario: what is played.
        lane: the same as a vector environment of one.

    Raises:
        TrueAimError: for unknown names, and for values that cannot be honored.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": FRAMES_A_SECOND}  # noqa: RUF012

    def __init__(self, scenario: Scenario | str, *, render_mode: str | None = None, **options: Any) -> None:
        mode = AutoresetMode.DISABLED
        self.lane = ScenarioVectorEnv(scenario, 1, autoreset_mode=mode, render_mode=render_mode, **options)
        self.scenario, self.render_mode = self.lane.scenario, render_mode
        self.metadata = {**type(self).metadata, "render_modes": self.lane.metadata["render_modes"]}
        self.observation_space = self.lane.single_observation_space
        self.action_space = self.lane.single_action_space

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """What is seen at the start of the next episode, and no info.

        Args:
            seed: the same one gives the same levels, in the same order. Without one, the next level; at first, one
                drawn by chance.
            options: none are known.

        Raises:
            TrueAimError: for options.
        """
        super().reset(seed=seed)
        seen, info = self.lane.reset(seed=seed, options=options)
        return row_of(seen, 0), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step: what is seen, the reward, terminated, truncated, and the reward of every goal by name.

        Raises:
            TrueAimError: before the first reset, for an action that does not exist, and once the episode is over.
        """
        seen, rewards, terminated, truncated, infos = self.lane.step([action])
        goals = {name: float(infos["goal"][name][0]) for name in self.scenario.goal_names}
        return row_of(seen, 0), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), {"goal": goals}

    def render(self) -> Any:
        """The episode as it stands: a picture in red, green and blue, or a text; None without a render mode."""
        shown = self.lane.render()
        return None if shown is None else shown[0]
