"""The check before any verdict on someone else's policy: a wrong harness looks exactly like a wrong goal.

Each check says in a sentence what it found; one failure refuses the verdict. Their false alarms: an environment that is
random by itself (say so with `repeatable=False`), and a policy that visits other states in the audit than in the last
rollouts of its training, because that had not converged.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space
from jaxtyping import Bool

from trueaim.agents.foreign.batches import arrays_in, stacked
from trueaim.agents.foreign.host import Agent, HostPolicy
from trueaim.agents.foreign.outputs import array_of
from trueaim.audit.foreign.rollout import play
from trueaim.audit.foreign.scenario import TRAIN, GymScenario
from trueaim.audit.preflight import ERRORS
from trueaim.core.episodes import Episodes
from trueaim.core.errors import TrueAimError
from trueaim.core.verdict import Preflight

MARGIN = 0.05
"""A relative difference of mean returns that is never held against a policy."""
WATCHED_EPISODES = 4
"""Training episodes that are watched step by step."""
WATCHED_STEPS = 256
"""Steps of them that are kept for each agent."""
OUTSIDE = 0.1
"""Share of a network's inputs that may lie far outside what training saw."""
SHRUNK = 20.0
"""How many times less than in training a network's inputs may vary."""


class Watched(NamedTuple):
    """One step of a batch of episodes, as an agent was asked: the first draws of its generator follow from `step`."""

    step: int
    observations: Any
    starts: Bool[np.ndarray, " batch"]
    memory: Any
    actions: np.ndarray


def preflight(policy: HostPolicy, scenario: GymScenario, episodes: Episodes, doubts: list[str], seed: int) -> Preflight:
    """Whether the audit sees the policy that training saw, as far as can be told.

    Args:
        policy: who is audited, fit to the environment (`trueaim.agents.foreign.host.ready`).
        scenario: where.
        episodes: of the policy, in all settings.
        doubts: about the environment's account of its episodes.
        seed: of the audit.
    """
    first, watched = _watch(policy, scenario, seed)
    again, _ = _watch(policy, scenario, seed)
    problems = [
        *doubts,
        *(_differing(first, again) if scenario.repeatable else []),
        *(sentence for agent, steps in zip(policy.agents, watched, strict=True) for sentence in _of(agent, steps)),
    ]
    stated, sentence = stated_return(scenario.stated_return, episodes)
    if stated is False:
        problems.append(sentence)
    if problems:
        return Preflight(passed=False, sentence=" ".join(dict.fromkeys(problems)))
    return Preflight(passed=stated, sentence=f"{sentence} Nothing else was found that differs from training.")


def check_observations(policy: HostPolicy, space: Space[Any], observation: Any) -> None:
    """Returns only if what the policy's own wrappers make of an observation is what it was trained on.

    Args:
        policy: who is audited.
        space: of the environment's observations.
        observation: its first.

    Raises:
        TrueAimError: with the likely reason: frames that are not stacked, another environment.
    """
    for agent in policy.agents:
        wanted = agent.detected.observation_space
        if wanted is None or wanted.shape is None or space.shape is None:
            continue
        batch = stacked([observation])
        inputs = np.asarray(agent.inputs(batch, np.ones(1, bool), agent.memory(1)))
        got = inputs.shape[1:]
        turned = got[-1:] + got[:-1] if len(got) == 3 else got
        if wanted.shape not in (got, turned):
            raise TrueAimError(
                f"policy {policy.name!r}: got observations of shape {got}, needs {wanted.shape}; "
                f"{_advice(wanted.shape, got)}"
            )


def _advice(wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """What may have gone wrong between two shapes."""
    for turned in (got, got[-1:] + got[:-1]):
        if len(turned) == len(wanted) and sum(one != other for one, other in zip(turned, wanted, strict=True)) == 1:
            big, small = next((one, other) for one, other in zip(wanted, turned, strict=True) if one != other)
            if small and big % small == 0:
                frames = big // small
                return f"it was trained on {frames} stacked frames, so pass stack={frames} or its VecFrameStack"
            if big and small % big == 0:
                return f"{small // big} frames are stacked that it was not trained on, so drop stack= or the wrapper"
    return "wrap the environment as in training"


def _watch(policy: HostPolicy, scenario: GymScenario, seed: int) -> tuple[Episodes, list[list[Watched]]]:
    """A few training episodes, and how each agent was asked at their first steps."""
    kept: list[list[Watched]] = [[] for _ in policy.agents]
    agents = tuple(_watching(agent, steps) for agent, steps in zip(policy.agents, kept, strict=True))
    episodes = play(replace(policy, agents=agents), scenario, TRAIN, WATCHED_EPISODES, seed, "preflight").episodes
    return episodes, kept


def _watching(agent: Agent, kept: list[Watched]) -> Agent:
    """The same agent, which leaves a record of its steps and draws afresh at each."""

    def act(
        observations: Any, starts: Bool[np.ndarray, " batch"], memory: Any, draw: np.random.Generator
    ) -> tuple[np.ndarray, Any]:
        del draw
        step = len(kept)
        actions, after = agent.act(observations, starts, memory, np.random.default_rng([step]))
        if step < WATCHED_STEPS:
            kept.append(Watched(step, observations, starts, memory, np.array(actions)))
        return actions, after

    return replace(agent, act=act)


def _differing(first: Episodes, again: Episodes) -> list[str]:
    """What differs between two times the same episodes."""
    if len(first) != len(again) or (first.level_hash != again.level_hash).any():
        return [
            "Nondeterminism: the same reset seed gave another start, so levels cannot be compared; hand the seed on in "
            "reset(), or say repeatable=False."
        ]
    same = np.array_equal(first.returns, again.returns, equal_nan=True) and (first.length == again.length).all()
    if same:
        return []
    return [
        "Nondeterminism: the same seeds gave other episodes; take random draws from the environment's own generator "
        "alone, and none inside the policy, or say repeatable=False."
    ]


def _of(agent: Agent, steps: list[Watched]) -> list[str]:
    """What is wrong with one agent, from how it acted."""
    found = agent.detected
    problems = []
    if found.unused_memory:
        problems.append(
            f"Ignored recurrent state: the {found.kind} has a layer {found.unused_memory} but is called with "
            "observations alone; pass memory=, and let it take and return its state."
        )
    if found.recurrent:
        problems += _memory_problems(agent, steps)
    return problems + _input_problems(agent, steps)


def _memory_problems(agent: Agent, steps: list[Watched]) -> list[str]:
    """Whether memory is carried on or matters: it never moved, and with it forgotten no action was another."""
    later = [step for step in steps if not step.starts.all()]
    if not later or any(_differ(one.memory, other.memory) for one, other in pairwise(later)):
        return []
    for step in later:
        alone, _ = agent.act(
            step.observations,
            np.ones_like(step.starts),
            agent.memory(len(step.starts)),
            np.random.default_rng([step.step]),
        )
        if not np.array_equal(alone, step.actions):
            return []
    return [
        "Ignored recurrent state: the memory of a recurrent policy never moved, and it acted the same without; "
        "check that its state is handed on, or audit it as a policy without memory."
    ]


def _differ(one: Any, other: Any) -> bool:
    """Whether two memories of the same form hold other numbers."""
    if isinstance(one, dict):
        return any(_differ(one[name], other[name]) for name in one)
    if isinstance(one, tuple | list):
        return any(map(_differ, one, other))
    return one is not other and not np.array_equal(array_of(one), array_of(other))


def _input_problems(agent: Agent, steps: list[Watched]) -> list[str]:
    """Whether the network's inputs in training episodes lie where those of its training lay."""
    seen = agent.detected.seen
    if seen is None or not steps:
        return []
    settled = _settled(steps, agent.detected.stacked)
    rows = np.concatenate([_flat(agent.inputs(step.observations, step.starts, step.memory)) for step in settled])
    if rows.shape[1] == 0 or (seen.low.size > 1 and seen.low.size != rows.shape[1]):
        return []
    low, high = rows.min(0), rows.max(0)
    width, width_then = float((high - low).max()), float(np.max(seen.high - seen.low))
    if seen.whole:
        margin = seen.margin * width_then
        outside = float(((rows < seen.low - margin) | (rows > seen.high + margin)).mean())
    else:
        outside = float(((seen.low < low - seen.margin * width) | (seen.high > high + seen.margin * width)).mean())
    shrunk = seen.whole and width * SHRUNK < width_then
    if outside <= OUTSIDE and not shrunk:
        return []
    what = (
        f"they vary over {width:.3g} instead of {width_then:.3g}"
        if outside <= OUTSIDE
        else f"{outside:.0%} of them lie far from {seen.source}"
    )
    missing = "with another normalization" if agent.detected.normalization else "without the normalization of training"
    return [
        f"Missing normalization: the network's inputs are not those of its training ({what}), as {missing}; pass the "
        "VecNormalize of training as normalize=, and audit in the training environment."
    ]


def _settled(steps: list[Watched], frames: int) -> list[Watched]:
    """The steps at which all stacked frames are of the episode; all of them where there are none such."""
    age, found = 0, []
    for step in steps:
        age = 0 if step.starts.all() else age + 1
        if age >= frames - 1:
            found.append(step)
    return found or steps


def _flat(observations: Any) -> np.ndarray:
    arrays = [array for array in arrays_in(observations) if array.dtype.kind in "fiub"]
    if not arrays:
        return np.zeros((1, 0))
    return np.concatenate([array.reshape(len(array), -1).astype(np.float64) for array in arrays], 1)


def stated_return(stated: float | None, episodes: Episodes) -> tuple[bool | None, str]:
    """Whether each agent's mean intended return in training is the stated one, and a sentence about the furthest off.

    Args:
        stated: mean return, with the scenario's discount; None where the user does not know it.
        episodes: of the policy.
    """
    goal, train = episodes.goals[0], episodes.of(TRAIN)
    if stated is None:
        return None, f"No stated {goal} return in training to compare with."
    worst, sentence = -1.0, ""
    for agent in train.agents:
        returns = train.returns[train.agent == agent, 0]
        returns = returns[np.isfinite(returns)]
        if len(returns) < 2:
            return None, f"Too few training episodes to compare with the stated {goal} return."
        error = float(returns.std(ddof=1)) / len(returns) ** 0.5
        allowed = max(MARGIN * max(abs(stated), abs(float(returns.mean()))), ERRORS * error, 1e-9)
        off = abs(float(returns.mean()) - stated) / allowed
        if off > worst:
            worst, sentence = off, f"agent {agent}: mean {goal} return {returns.mean():.3f}, stated {stated:.3f}"
    if worst > 1:
        return False, f"The in-distribution return is not the stated one ({sentence})."
    return True, f"The in-distribution return is the stated one (furthest off: {sentence})."
