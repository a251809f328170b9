"""Stable-Baselines3 models: the wrappers of their training replayed, their recurrent state carried.

Nothing of that library is imported: a model is known by what it can do. Its contract is `predict(observation, state,
episode_start, deterministic) -> (actions, state)`.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from trueaim.agents.foreign.batches import mapped
from trueaim.agents.foreign.host import Agent, Detected, Seen
from trueaim.agents.foreign.torch_module import quietly, repeatably
from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError

FEWEST_SEEN = 64
"""Observations of training from which a range is taken."""
NORMAL = 6.0
"""Standard deviations within which nearly all normalized observations of training lie."""
_PASSED_ON = {"DummyVecEnv", "SubprocVecEnv", "VecMonitor", "VecCheckNan", "VecVideoRecorder"}
"""Wrappers that leave observations alone."""


class Layer(NamedTuple):
    """One wrapper of training, replayed.

    Attributes:
        name: of its class.
        show: `(observations, starts, memory)` to what the next layer sees, and the memory after it.
        stacked: how many frames it puts together.
    """

    name: str
    show: Callable[[Any, Bool[np.ndarray, " batch"], Any], tuple[Any, Any]]
    stacked: int = 1


def is_model(value: Any) -> bool:
    """Whether this acts by the contract of Stable-Baselines3 models and policies."""
    return all(hasattr(value, name) for name in ("predict", "observation_space", "action_space"))


def is_normalizer(value: Any) -> bool:
    """Whether this normalizes observations as VecNormalize does."""
    return hasattr(value, "normalize_obs") and hasattr(value, "obs_rms")


def sb3_agent(model: Any, normalize: Any, stack: int, env: Any, greedy: bool) -> Agent:
    """The agent of a model.

    Args:
        model: an algorithm, or its policy alone.
        normalize: the VecNormalize of its training; None: the one in the model's own environment, if any.
        stack: how many frames its observations hold, on the last axis; 1: as in the model's own environment.
        env: that environment, where the model has lost it.
        greedy: `deterministic` of `predict`.
    """
    own = env if env is not None else (model.get_env() if hasattr(model, "get_env") else None)
    layers, normalizer, remarks = _layers(own, normalize, stack)
    network = getattr(model, "policy", model)

    def show(observations: Any, starts: Bool[np.ndarray, " batch"], memories: Any) -> tuple[Any, tuple[Any, ...]]:
        kept = []
        for layer, memory in zip(layers, memories or (None,) * len(layers), strict=True):
            observations, memory = layer.show(observations, starts, memory)
            kept.append(memory)
        return observations, tuple(kept)

    def act(
        observations: Any, starts: Bool[np.ndarray, " batch"], memory: Any, draw: np.random.Generator
    ) -> tuple[np.ndarray, Any]:
        seen, frames = show(observations, starts, memory[0])
        with quietly(), repeatably(draw):
            actions, state = _predicted(model, seen, memory[1], starts, greedy)
        return np.asarray(actions), (frames, state)

    detected = Detected(
        kind=f"Stable-Baselines3 {getattr(model, 'algorithm', type(model).__name__)}",
        normalization=type(normalizer).__name__ if normalizer is not None else "",
        stacked=int(np.prod([layer.stacked for layer in layers])),
        recurrent=hasattr(network, "lstm_actor"),
        greedy=greedy,
        observation_space=model.observation_space,
        action_space=model.action_space,
        seen=_seen(model, normalizer),
        remarks=(*remarks, *getattr(model, "remarks", ()), *getattr(normalizer, "remarks", ())),
    )
    return Agent(
        act, detected, lambda num: (None, None), lambda shown, starts, memory: show(shown, starts, memory[0])[0]
    )


def _predicted(
    model: Any, observations: Any, state: Any, starts: Bool[np.ndarray, " batch"], greedy: bool
) -> tuple[Any, Any]:
    try:
        actions, state = model.predict(observations, state=state, episode_start=starts, deterministic=greedy)
    except Exception as error:  # whatever a foreign model raises, the user reads one sentence
        raise TrueAimError(
            f"policy (Stable-Baselines3 {type(model).__name__}): raised {type(error).__name__} "
            f"({shown(' '.join(str(error).split()))}), needs the observations of its training, "
            f"{shown(model.observation_space)}; give the same wrappers, normalize= and stack= as in training"
        ) from error
    return actions, state


def wrappers(env: Any) -> Iterator[Any]:
    """The vectorized wrappers of an environment, from the innermost to the outermost."""
    found = []
    while env is not None:
        found.append(env)
        env = getattr(env, "venv", None)
    yield from reversed(found)


def _layers(env: Any, normalize: Any, stack: int) -> tuple[list[Layer], Any, list[str]]:
    """The layers of training in order, the normalizer among them, and what could not be replayed."""
    if normalize is not None and not is_normalizer(normalize):
        raise TrueAimError(
            f"normalize: got {type(normalize).__name__}, needs the VecNormalize of training; use VecNormalize.load, or "
            "the file that trueaim convert makes of it"
        )
    layers: list[Layer] = []
    remarks: list[str] = []
    normalizer = None
    for wrapper in wrappers(env):
        name = type(wrapper).__name__
        if is_normalizer(wrapper):
            normalizer = normalize if normalize is not None else wrapper
            layers.append(_normalizing(normalizer))
        elif hasattr(wrapper, "stacked_obs"):
            layers.append(_stacking(name, wrapper.stacked_obs))
        elif name == "VecTransposeImage":
            layers.append(Layer(name, lambda shown, starts, memory: (mapped(_channels_first, shown), None)))
        elif name == "VecExtractDictObs":
            layers.append(Layer(name, lambda shown, starts, memory, key=wrapper.key: (shown[key], None)))  # type: ignore[misc]
        elif name not in _PASSED_ON:
            remarks.append(f"The wrapper {name} of training is not replayed; wrap the audited environment likewise.")
    if stack > 1 and not any(layer.stacked > 1 for layer in layers):
        layers.insert(0, Layer("stack", _shifting(stack, -1), stack))
    if normalize is not None and normalizer is None:
        normalizer = normalize
        layers.append(_normalizing(normalize))
    return layers, normalizer, remarks


def _normalizing(normalizer: Any) -> Layer:
    return Layer(type(normalizer).__name__, lambda shown, starts, memory: (normalizer.normalize_obs(shown), None))


def _channels_first(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 1) if array.ndim == 4 else array


def _stacking(name: str, stacked: Any) -> Layer:
    """The layer of a VecFrameStack, for each entry of a dictionary or for arrays."""
    parts = getattr(stacked, "sub_stacked_observations", None)
    if not isinstance(parts, dict):
        return Layer(name, _shifting(stacked.n_stack, stacked.stack_dimension), stacked.n_stack)
    shifts = {key: _shifting(part.n_stack, part.stack_dimension) for key, part in parts.items()}

    def show(shown: Any, starts: Bool[np.ndarray, " batch"], memory: Any) -> tuple[Any, Any]:
        both = {key: shifts[key](shown[key], starts, (memory or {}).get(key)) for key in shown}
        return {key: one[0] for key, one in both.items()}, {key: one[1] for key, one in both.items()}

    return Layer(name, show, stacked.n_stack)


def _shifting(frames: int, axis: int) -> Callable[[Any, Bool[np.ndarray, " batch"], Any], tuple[Any, Any]]:
    """Puts the last frames one behind the other along an axis of the batch, zeros before the first."""

    def show(shown: Any, starts: Bool[np.ndarray, " batch"], memory: Any) -> tuple[Any, Any]:
        if memory is None:
            memory = np.concatenate([np.zeros_like(shown)] * frames, axis)
        begun = starts.reshape(-1, *(1,) * (shown.ndim - 1))
        rest = np.take(
            np.where(begun, np.zeros_like(memory), memory), range(shown.shape[axis], memory.shape[axis]), axis
        )
        full = np.concatenate([rest, shown], axis)
        return full, full

    return show


def _seen(model: Any, normalizer: Any) -> Seen | None:
    """The range of the network's inputs in training: of its last rollouts, of what VecNormalize saw, or of a few."""
    rows = _rollout(model)
    if rows is not None and len(rows) >= FEWEST_SEEN:
        return Seen(rows.min(0), rows.max(0), "the last rollouts of its training")
    if normalizer is not None:
        return Seen(np.array(-NORMAL), np.array(NORMAL), f"what {type(normalizer).__name__} saw", margin=0.0)
    last = getattr(model, "_last_obs", None)
    if isinstance(last, np.ndarray) and len(last):
        flat = last.reshape(len(last), -1)
        return Seen(flat.min(0), flat.max(0), "the last step of its training", whole=False)
    return None


def _rollout(model: Any) -> np.ndarray | None:
    """The inputs that an on-policy model still holds of its last rollouts, one flat row each."""
    buffer = getattr(model, "rollout_buffer", None)
    kept = getattr(buffer, "observations", None)
    if buffer is None or not isinstance(kept, np.ndarray):
        return None
    filled = kept if buffer.full else kept[: buffer.pos]
    return filled.reshape(-1, int(np.prod(model.observation_space.shape or ())))
