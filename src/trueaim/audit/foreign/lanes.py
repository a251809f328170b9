"""Environments stepped together: several single ones, or a vector environment in whatever autoreset mode it has.

Every lane plays one episode from a seed and then waits, so no step can be counted to the wrong episode, and short
episodes are not played more often than long ones.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
from gymnasium import Space
from gymnasium.vector import AutoresetMode, VectorEnv
from jaxtyping import Bool

from trueaim.agents.foreign.batches import arrays_in, mapped, row_of
from trueaim.audit.foreign.answers import problem_of
from trueaim.audit.foreign.limits import Late, within
from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError

MOST_DRAINING = 8
"""Steps that may be spent on resets that are still due before a vector environment is made anew."""

SUSPICIOUS = 4
"""Ends of episodes after which last observations that were all alike the next first ones are no coincidence."""


class Step(NamedTuple):
    """What one lane's environment gave back for a step, or for a reset (with no reward)."""

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


class Fault(NamedTuple):
    """Why an episode could not be played to its end."""

    reason: str


class Broken(Exception):  # noqa: N818 (not an error of the user's)
    """A vector environment failed as a whole; nobody knows in which lane."""


class Lanes(Protocol):
    """Several environments that play one episode each."""

    num: int
    single_observation_space: Space[Any]
    single_action_space: Space[Any]
    doubts: list[str]

    def begin(self, seed: int, num: int) -> list[Step | Fault]:
        """The starts of the first `num` lanes, lane i from seed + i; of all lanes where they cannot be told apart."""

    def step(self, actions: np.ndarray, under_way: Bool[np.ndarray, " lane"]) -> list[Step | Fault | None]:
        """One step of each lane under way; None for the others. Raises `Broken`."""

    def close(self) -> None:
        """Ends the environments."""

    def alone(self, lane: int) -> Callable[[], Any] | None:
        """What makes the single environment of a lane, where that is known."""


def opened(make: Callable[[], Any], num: int, seconds: float, setting: str) -> Lanes:
    """The lanes of what `make` makes: a single environment, of which as many are made, or a vector environment.

    Raises:
        TrueAimError: it raises, or makes something else.
    """
    first = _made(make, seconds, setting)
    if isinstance(first, VectorEnv):
        return VectorLanes(first, lambda: _made(make, seconds, setting), seconds)
    if isinstance(first, gymnasium.Env) or all(hasattr(first, name) for name in ("observation_space", "action_space")):
        if hasattr(first, "num_envs"):
            raise TrueAimError(
                f"setting {setting!r}: got a vectorized environment of another interface ({type(first).__name__}), "
                "needs a Gymnasium environment; give the function that makes a single one"
            )
        return SingleLanes(first, lambda: _made(make, seconds, setting), num, seconds)
    raise TrueAimError(
        f"setting {setting!r}: made {type(first).__name__}, needs a Gymnasium environment; return one from the function"
    )


def _made(make: Callable[[], Any], seconds: float, setting: str) -> Any:
    try:
        with within(seconds):
            return make()
    except (Exception, SystemExit, Late) as error:
        raise TrueAimError(
            f"setting {setting!r}: making the environment {_what(error, seconds)}, needs a function that makes one; "
            "correct it"
        ) from error


def _what(error: BaseException, seconds: float) -> str:
    """What went wrong in others' code, in words that follow its name."""
    if isinstance(error, Late):
        return f"took longer than {seconds:g} s"
    return f"raised {type(error).__name__} ({shown(' '.join(str(error).split()), 120)})"


def _kept(observation: Any) -> Any:
    """A copy: environments may write the next observation over the last one."""
    return mapped(lambda array: array.copy() if array.ndim else array[()], observation)


class SingleLanes:
    """Single environments, one for each lane. One that failed is replaced before its lane begins again."""

    def __init__(self, first: Any, make: Callable[[], Any], num: int, seconds: float) -> None:
        self.num, self._make, self._seconds = num, make, seconds
        self.single_observation_space, self.single_action_space = first.observation_space, first.action_space
        self.doubts: list[str] = []
        self._envs: list[Any] = [first]

    def begin(self, seed: int, num: int) -> list[Step | Fault]:
        """As in `Lanes`."""
        for lane in range(num):
            if lane == len(self._envs):
                self._envs.append(None)
            if self._envs[lane] is None:
                self._envs[lane] = self._fresh()
        return [self._started(lane, seed + lane) for lane in range(num)]

    def _fresh(self) -> Any:
        made = self._make()
        if any(made is other for other in self._envs):
            raise TrueAimError(
                "environment: got the same one again, needs a new one at each call; make it inside the function"
            )
        return made

    def _started(self, lane: int, seed: int) -> Step | Fault:
        answer = self._asked(lane, "reset", lambda env: env.reset(seed=seed))
        if isinstance(answer, Fault):
            return answer
        return Step(_kept(answer[0]), 0.0, False, False, answer[1])

    def step(self, actions: np.ndarray, under_way: Bool[np.ndarray, " lane"]) -> list[Step | Fault | None]:
        """As in `Lanes`."""
        return [self._stepped(lane, actions[lane]) if going else None for lane, going in enumerate(under_way)]

    def _stepped(self, lane: int, action: Any) -> Step | Fault:
        answer = self._asked(lane, "step", lambda env: env.step(action))
        return answer if isinstance(answer, Fault) else Step(_kept(answer[0]), *answer[1:])

    def _asked(self, lane: int, name: str, ask: Callable[[Any], Any]) -> Any:
        process = os.getpid()
        try:
            with within(self._seconds):
                answer = tuple(ask(self._envs[lane]))
            if os.getpid() != process:
                os._exit(0)
            if len(answer) == (2 if name == "reset" else 5):
                what = problem_of(answer, self.single_observation_space)
                if not what:
                    return answer
            else:
                what = f"gave back {len(answer)} values where Gymnasium's interface has {2 if name == 'reset' else 5},"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the environment is someone else's code
            if os.getpid() != process:
                os._exit(0)
            what = _what(error, self._seconds)
        with suppress(Exception):
            self._envs[lane].close()
        self._envs[lane] = None
        return Fault(f"{what} in {name}()")

    def close(self) -> None:
        """As in `Lanes`."""
        for env in self._envs:
            if env is not None:
                with suppress(Exception):
                    env.close()

    def alone(self, lane: int) -> Callable[[], Any] | None:
        """As in `Lanes`."""
        del lane
        return self._make


class VectorLanes:
    """The lanes of a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any], make: Callable[[], Any], seconds: float) -> None:
        self._env, self._make, self._seconds = env, make, seconds
        self.num = env.num_envs
        self.single_observation_space, self.single_action_space = env.single_observation_space, env.single_action_space
        self.doubts: list[str] = []
        self._ended = np.zeros(self.num, bool)
        self._finals = self._copies = 0
        self._last_actions: np.ndarray | None = None
        self._is_broken = False
        self._mode = self._declared()

    def _declared(self) -> AutoresetMode | None:
        mode = (self._env.metadata or {}).get("autoreset_mode")
        if mode is None:
            self._doubt("it does not declare an autoreset mode")
            return None
        return mode if isinstance(mode, AutoresetMode) else AutoresetMode(mode)

    def _doubt(self, problem: str) -> None:
        sentence = f"Wrong autoreset: {problem}, so the last observations of episodes may not be theirs."
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def begin(self, seed: int, num: int) -> list[Step | Fault]:
        """As in `Lanes`; all lanes begin."""
        del num
        self._settle()
        try:
            with within(self._seconds):
                observations, infos = self._env.reset(seed=seed)
        except (Exception, SystemExit, Late) as error:
            raise self._broken("reset", error) from error
        self._ended[:] = False
        return [
            Step(row_of(observations, lane), 0.0, False, False, info_of(infos, lane, self.num))
            for lane in range(self.num)
        ]

    def _settle(self) -> None:
        """Lets resets that are still due happen: not every vector environment forgets them when it is reset."""
        for _ in range(MOST_DRAINING):
            if self._is_broken or self._mode is not AutoresetMode.NEXT_STEP or not self._ended.any():
                break
            try:
                with within(self._seconds):
                    _, _, terminated, truncated, _ = self._env.step(self._last_actions)
            except (Exception, SystemExit, Late):
                self._is_broken = True
                break
            self._ended = np.asarray(terminated) | np.asarray(truncated)
        if self._is_broken or (self._mode is AutoresetMode.NEXT_STEP and self._ended.any()):
            self.close()
            self._env, self._is_broken = self._make(), False

    def step(self, actions: np.ndarray, under_way: Bool[np.ndarray, " lane"]) -> list[Step | Fault | None]:
        """As in `Lanes`; lanes that wait are stepped along, and what they give back is not looked at."""
        before = self._ended
        self._last_actions = np.asarray(actions, self.single_action_space.dtype)
        try:
            with within(self._seconds):
                if self._mode is AutoresetMode.DISABLED and before.any():
                    self._env.reset(options={"reset_mask": before.copy()})
                observations, rewards, terminated, truncated, infos = self._env.step(self._last_actions)
            rewards = np.asarray(rewards, np.float64)
            terminated, truncated = np.asarray(terminated, bool), np.asarray(truncated, bool)
            if not {rewards.shape, terminated.shape, truncated.shape} == {(self.num,)}:
                raise ValueError(f"rewards and ends of shapes {rewards.shape}, {terminated.shape}, {truncated.shape}")
        except (Exception, SystemExit, Late) as error:
            raise self._broken("step", error) from error
        self._ended = terminated | truncated
        if self._mode is AutoresetMode.NEXT_STEP and (before & (self._ended | (np.asarray(rewards) != 0))).any():
            self._doubt("it declares NextStep, but the step after an episode's end is no reset")
        return [
            self._of_lane(lane, observations, rewards, terminated, truncated, infos) if going else None
            for lane, going in enumerate(under_way)
        ]

    def _of_lane(
        self, lane: int, observations: Any, rewards: Any, terminated: Any, truncated: Any, infos: Mapping[str, Any]
    ) -> Step:
        observation, info = row_of(observations, lane), info_of(infos, lane, self.num)
        if self._ended[lane]:
            final = infos.get("final_obs")
            if final is not None and final[lane] is not None:
                self._compare(final[lane], observation)
                observation, info = _kept(final[lane]), dict(info.get("final_info", {}))
                if self._mode is not AutoresetMode.SAME_STEP:
                    self._doubt("it resets in the step in which an episode ends, but does not declare SameStep")
            elif self._mode is AutoresetMode.SAME_STEP:
                self._doubt("it declares SameStep, but gives no final_obs")
        return Step(observation, float(rewards[lane]), bool(terminated[lane]), bool(truncated[lane]), info)

    def _compare(self, final: Any, begun: Any) -> None:
        """Last observations that all equal the next first ones were written over by the reset."""
        pairs = zip(arrays_in(final), arrays_in(begun), strict=True)
        self._finals += 1
        self._copies += all(np.array_equal(one, other) for one, other in pairs)
        if self._copies == self._finals == SUSPICIOUS:
            self._doubt(
                "each final_obs equals the first observation of the next episode, as if written over by the reset"
            )

    def _broken(self, name: str, error: BaseException) -> Broken:
        self._is_broken = True
        return Broken(f"{_what(error, self._seconds)} in {name}()")

    def close(self) -> None:
        """As in `Lanes`."""
        with suppress(Exception), within(self._seconds):
            if self._is_broken and hasattr(self._env, "processes"):
                self._env.close(terminate=True)
            else:
                self._env.close()

    def alone(self, lane: int) -> Callable[[], Any] | None:
        """As in `Lanes`; None where wrappers of the whole vector would be lost."""
        makers: Sequence[Callable[[], Any]] = getattr(self._env, "env_fns", ())
        return makers[lane] if self._env is self._env.unwrapped and lane < len(makers) else None


def info_of(infos: Mapping[str, Any], lane: int, num: int) -> dict[str, Any]:
    """What the infos of a vector environment say of one lane.

    Each entry is an array over lanes with a mask of the same name after an underscore; entries without a mask belong
    to all lanes, row by row where they have as many rows.
    """
    found: dict[str, Any] = {}
    for name, value in infos.items():
        if name.startswith("_") and name[1:] in infos:
            continue
        mask = infos.get(f"_{name}")
        if mask is not None and not np.asarray(mask)[lane]:
            continue
        if isinstance(value, Mapping):
            found[name] = info_of(value, lane, num)
        else:
            has_rows = hasattr(value, "__len__") and not isinstance(value, str) and len(value) == num
            found[name] = value[lane] if has_rows else value
    return found
